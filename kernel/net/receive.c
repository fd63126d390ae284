/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a received frame. lwIP believes its headers when it looks at them again, and writes its own notes over those
 * of a fragment; but the device can write to its buffers whenever it likes. So what has headers in it is copied: the
 * frame's first bytes, and all of it where it is not plainly data of TCP or UDP. That data stays in the driver's buffers,
 * which go back when it has been read.
 *
 * Copies have bounds, beyond which what may stay in the stack is dropped. What it is done with when it returns,
 * acknowledgements and ARP above all, is always taken: so that it can go on when somebody sends what nobody reads.
 *
 * UDP datagrams that came as one frame (USO) come apart again. TCP segments that follow one another become one packet
 * (merge.c).
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 */
#include <string.h>

#include "kernel/net/checksum.h"
#include "kernel/net/headers.h"
#include "kernel/net/hooks.h"
#include "kernel/net/merge.h"
#include "kernel/net/offload.h"
#include "kernel/net/packet.h"
#include "kernel/net/stack.h"
#include "kernel/net/time_wait.h"
#include "lib/be.h"

/* Copied of each frame: Ethernet's, IP's and TCP's header at their longest are 134. With what a pbuf needs it is a block. */
#define HEAD_BYTES 192
/* Datagrams in one frame. */
#define DATAGRAMS_MAX 128
/* What a machine asks for itself, addresses and names, comes from such ports. */
#define OWN_SERVERS 1024

/* ---- What it is -------------------------------------------------------------------------------------------------- */

enum kind {
	PASSES, /* when lwIP returns it is done with it */
	STAYS,  /* it may not be: and there may be anything in it */
	DATA,   /* plainly TCP or UDP: what is behind the head is data, which may stay */
};

struct look {
	enum kind kind;
	unsigned datagram; /* where the header of a whole UDP datagram is; 0: it is none */
};

/* By the copy of its head; what lwIP will find malformed passes. */
static struct look look_at(const uint8_t *head, size_t bytes)
{
	const struct look passes = { .kind = PASSES }, stays = { .kind = STAYS };
	const uint8_t *ip = head + NET_HEADER_BYTES;
	unsigned start = NET_HEADER_BYTES, protocol, length;
	const uint8_t *addresses;
	unsigned address_bytes;

	switch (be16_load(ip - 2)) {
	case ETHTYPE_IP:
		if (bytes < NET_HEADER_BYTES + IP4_HEADER)
			return passes;
		if ((ip[0] & 15u) * 4 < IP4_HEADER)
			return passes;
		if (be16_load(ip + IP4_FRAGMENT) & IP4_FRAGMENTED)
			return stays;
		protocol = ip[IP4_PROTOCOL];
		start += (ip[0] & 15u) * 4;
		length = NET_HEADER_BYTES + be16_load(ip + IP4_LENGTH);
		addresses = ip + IP4_ADDRESSES;
		address_bytes = (IP4_HEADER - IP4_ADDRESSES) / 2;
		break;
	case ETHTYPE_IPV6:
		if (bytes < NET_HEADER_BYTES + IP6_HEADER)
			return passes;
		protocol = ip[IP6_NEXT];
		start += IP6_HEADER;
		length = start + be16_load(ip + IP6_LENGTH);
		addresses = ip + IP6_ADDRESSES;
		address_bytes = (IP6_HEADER - IP6_ADDRESSES) / 2;
		break;
	default:
		return passes;
	}
	const uint8_t *header = head + start;
	switch (protocol) {
	case IP_PROTO_UDP:
		if (bytes < start + UDP_HEADER)
			return passes;
		return (struct look){ be16_load(header) < OWN_SERVERS ? STAYS : DATA, start };
	case IP_PROTO_TCP:
		if (bytes < start + TCP_HEADER)
			return passes;
		if ((header[TCP_FLAG_BYTE] & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN)
			time_wait_begin_anew(addresses, address_bytes, header);
		if (length <= start + (header[TCP_OFFSET] >> 4) * 4u &&
		    !(header[TCP_FLAG_BYTE] & TCP_FLAG_FIN))
			return passes;
		return (struct look){ .kind = DATA };
	case IP_PROTO_ICMP:
	case IP6_NEXTH_ICMP6:
		return passes;
	default:
		return stays;
	}
}

/* ---- Taking it ----------------------------------------------------------------------------------------------------- */

static void hand_on(struct interface *interface, struct pbuf *packet,
		    const struct net_offload *offload)
{
	offload_received(&interface->netif, offload);
	if (interface->netif.input(packet, &interface->netif) != ERR_OK)
		pbuf_free(packet);
}

/* What the header of one datagram of several says. */
static void adapt(uint8_t *head, unsigned datagram, unsigned number, size_t length)
{
	uint8_t *ip = head + NET_HEADER_BYTES;
	uint16_t bytes = (uint16_t)(UDP_HEADER + length);

	be16_store(head + datagram + UDP_LENGTH, bytes);
	if (be16_load(ip - 2) == ETHTYPE_IPV6) {
		be16_store(ip + IP6_LENGTH, bytes);
		return;
	}
	unsigned header = datagram - NET_HEADER_BYTES;
	be16_store(ip + IP4_LENGTH, (uint16_t)(header + bytes));
	be16_store(ip + IP4_ID, (uint16_t)(be16_load(ip + IP4_ID) + number));
	network_checksum_ip4(ip, header);
}

/* False: it cannot be taken for what it is said to be. */
static bool take_apart(struct interface *interface, const struct pbuf *head, unsigned datagram,
		       struct net_buffer *frame, size_t length)
{
	const struct net_offload offload = frame->offload;
	size_t start = datagram + UDP_HEADER, part = offload.segment_bytes;

	if (datagram == 0 || start >= length || part == 0 || length - start > part * DATAGRAMS_MAX)
		return false;
	for (unsigned number = 0; start < length; number++, start += part) {
		size_t bytes = length - start < part ? length - start : part;
		struct pbuf *packet = packet_may_stay()
					      ? packet_copied(head->payload, datagram + UDP_HEADER,
							      frame, start, bytes)
					      : NULL;
		if (packet) {
			adapt(packet->payload, datagram, number, bytes);
			hand_on(interface, packet, &offload);
		} else {
			interface->dropped_in++;
		}
	}
	return true;
}

static inline unsigned pieces_of(const struct net_buffer *frame)
{
	unsigned pieces = 1;

	while (__builtin_expect((frame = frame->more) != NULL, false))
		pieces++;
	return pieces;
}

/* The packet, which may be the head with more behind it. The frame and the head are its own. NULL: it is dropped. */
static struct pbuf *make_packet(struct interface *interface, struct pbuf *head, enum kind kind,
				struct net_buffer *frame, size_t length)
{
	struct pbuf *packet = head;
	size_t bytes = head->len;

	if (kind != PASSES && !packet_may_stay()) {
		packet = NULL;
	} else if (length > bytes) {
		if (kind == DATA && packet_may_hold(interface, pieces_of(frame)) &&
		    frame->length > bytes) {
			if (packet_wrap(interface, head, frame, bytes))
				return head;
			pbuf_free(head);
			return NULL;
		}
		packet = packet_copied(head->payload, bytes, frame, bytes, length - bytes);
		interface->copied += packet != NULL;
	}
	net_release(interface->net, frame);
	if (packet != head)
		pbuf_free(head);
	return packet;
}

/* ---- Several segments in one packet ------------------------------------------------------------------------------- */

static void mark_several(struct pbuf *packet, unsigned more)
{
	packet->flags |= (u8_t)((more < RECEIVED_MORE_MAX ? more : RECEIVED_MORE_MAX)
				<< RECEIVED_MORE_SHIFT);
}

/*
 * Before lwIP takes the packet, which it answers as one segment: every second segment in order is acknowledged at once, and each
 * that is behind a gap, for by three of those answers a sender knows of the loss (RFC 5681, 4.2 and 3.2).
 */
void received_several(struct tcp_pcb *pcb, uint32_t sequence, unsigned more)
{
	if (pcb->state < ESTABLISHED || pcb->state == TIME_WAIT)
		return;
	if (!TCP_SEQ_GT(sequence, pcb->rcv_nxt)) {
		tcp_set_flags(pcb, TF_ACK_DELAY);
		return;
	}
	for (; more > 0; more--)
		tcp_send_empty_ack(pcb);
}

/* What is behind a gap is unread as well: as it grows, a connection has no more of it than what is left for all others, and loses
 * what is beyond. Its peer sends that again. */
size_t received_gap_room(void)
{
	return packet_room();
}

/* Segments in one packet: as many full ones as fit into 64 KiB. */
#define MERGE_MOST 44

/* The device has found its sum right, or it was never made. */
static bool is_checked(const struct net_offload *offload)
{
	return (offload->flags & (NET_CHECKSUM_START | NET_CHECKSUM_GOOD)) != 0;
}

/* Of what is behind the headers in the packet, which is in two pieces at most. */
static uint16_t sum_of(const struct pbuf *packet)
{
	uint32_t sum = network_checksum((const uint8_t *)packet->payload + PLAIN_HEADERS,
					packet->len - PLAIN_HEADERS);

	/* Of the head's bytes an even number is data, where there is more. */
	if (packet->next)
		sum += network_checksum(packet->next->payload, packet->next->len);
	return network_checksum_fold(sum);
}

/* How many bytes of data the frame has that continue the packet, and its headers; 0: it does not. */
static size_t continues(const struct merge *merge, const struct net_buffer *frame,
			uint8_t headers[PLAIN_HEADERS])
{
	if (frame->length <= PLAIN_HEADERS || frame->more || frame->offload.segments != NET_WHOLE)
		return 0;
	__builtin_memcpy(headers, net_data(frame), PLAIN_HEADERS);
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* from here on it is the copy that is read */
	size_t bytes = merge_next(merge, headers, frame->length);
	if (bytes == 0)
		return 0;
	bool checked = is_checked(&frame->offload);
	uint16_t sum = checked ? 0 : network_checksum(net_data(frame) + PLAIN_HEADERS, (int)bytes);
	return merge_is_sound(headers, sum, bytes, checked) ? bytes : 0;
}

/* Puts the parts behind the packet, whose pieces know how much there is from them on. */
static void append(struct pbuf *packet, struct pbuf *const *parts, unsigned count)
{
	u16_t bytes = 0;

	for (unsigned i = count; i-- > 0;) {
		bytes = (u16_t)(bytes + parts[i]->len);
		parts[i]->tot_len = bytes;
		parts[i]->next = i + 1 < count ? parts[i + 1] : NULL;
	}
	for (;; packet = packet->next) {
		packet->tot_len = (u16_t)(packet->tot_len + bytes);
		if (!packet->next)
			break;
	}
	packet->next = parts[0];
}

/* Puts behind the packet what continues it of the frames that came with it. Those that are left. */
static struct net_buffer *merge_frames(struct interface *interface, struct pbuf *packet,
				       struct net_offload *offload, struct net_buffer *frame)
{
	uint8_t headers[PLAIN_HEADERS];
	struct pbuf *parts[MERGE_MOST - 1];
	struct merge merge;
	unsigned count = 0;

	if (packet->len < PLAIN_HEADERS || (packet->next && packet->next->next) || interfaces_tap ||
	    !merge_begin(&merge, packet->payload, packet->tot_len))
		return frame;
	bool checked = is_checked(offload);
	while (frame && count < MERGE_MOST - 1 && packet_may_hold(interface, 1) &&
	       packet_may_stay()) {
		struct net_buffer *next = frame->next;
		size_t bytes = continues(&merge, frame, headers);
		if (bytes == 0)
			break;
		if (count == 0 && !merge_is_sound(packet->payload, checked ? 0 : sum_of(packet),
						  merge.bytes, checked))
			break;
		parts[count] = packet_wrap_piece(interface, frame, PLAIN_HEADERS, bytes);
		if (!parts[count])
			break;
		count++;
		merge_add(&merge, headers, bytes);
		frame = next;
	}
	if (count > 0) {
		append(packet, parts, count);
		merge_end(&merge);
		mark_several(packet, count);
		offload->flags |= NET_CHECKSUM_GOOD;
	}
	return frame;
}

/* The device's. */
static __attribute__((noinline)) void mark_merged(struct pbuf *packet, unsigned segment_bytes)
{
	if (packet->tot_len > PLAIN_HEADERS + segment_bytes)
		mark_several(packet, (packet->tot_len - PLAIN_HEADERS - 1u) / segment_bytes);
}

struct net_buffer *receive_frame(struct interface *interface, struct net_buffer *frame)
{
	struct net_offload offload = frame->offload;
	struct net_buffer *rest = frame->next;
	struct pbuf *head = NULL, *packet = NULL;
	size_t length = 0;

	for (struct net_buffer *piece = frame; piece; piece = piece->more)
		length += piece->length;
	if (length <= UINT16_MAX && netif_is_up(&interface->netif))
		head = packet_head(frame, length < HEAD_BYTES ? length : HEAD_BYTES);
	if (!head) {
		net_release(interface->net, frame);
		interface->dropped_in += netif_is_up(&interface->netif);
		return rest;
	}
	if (interfaces_tap)
		interfaces_tap(interface->name, false, head->payload, head->len, length);
	struct look look = look_at(head->payload, head->len);
	if (offload.segments == NET_UDP_L4) {
		interface->dropped_in += !take_apart(interface, head, look.datagram, frame, length);
		net_release(interface->net, frame);
		pbuf_free(head);
		return rest;
	}
	packet = make_packet(interface, head, look.kind, frame, length);
	if (!packet) {
		interface->dropped_in++;
		return rest;
	}
	if (__builtin_expect(offload.segments != NET_WHOLE, false))
		mark_merged(packet, offload.segment_bytes);
	else if (rest && look.kind == DATA && look.datagram == 0)
		rest = merge_frames(interface, packet, &offload, rest);
	hand_on(interface, packet, &offload);
	return rest;
}
