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
 * UDP datagrams that came as one frame (USO) come apart again.
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 */
#include <string.h>

#include "kernel/net/checksum.h"
#include "kernel/net/headers.h"
#include "kernel/net/memory.h"
#include "kernel/net/offload.h"
#include "kernel/net/stack.h"
#include "kernel/net/time_wait.h"
#include "lib/be.h"

/* Copied of each frame: Ethernet's, IP's and TCP's header at their longest are 134. With what a pbuf needs it is a block. */
#define HEAD_BYTES 192
/* Pieces of received frames that lwIP has at a time, of all interfaces. */
#define WRAPPED_MAX 512
/* From here on what an interface receives is copied: the rest of its buffers is for the device to fill. */
#define HELD_MAX 128
#define HELD_SHARE 4 /* and of those that a CPU has for it a quarter at most */
/* Datagrams in one frame. */
#define DATAGRAMS_MAX 128
/* What a machine asks for itself, addresses and names, comes from such ports. */
#define OWN_SERVERS 1024

/* ---- Copies ------------------------------------------------------------------------------------------------ */

struct copy {
	struct pbuf_custom custom; /* first */
	size_t block_bytes;
	uint8_t data[];
};

/* Bytes at most of a copy's block. */
#define BLOCK_BYTES 2048
#define COPY_BYTES (BLOCK_BYTES - sizeof(struct copy))

/* Bytes that copies have: of small ones, which what is sent needs blocks of as well, and others. */
static struct {
	size_t used, max;
} small, large;

static bool is_small(size_t block_bytes)
{
	return block_bytes <= BLOCK_BYTES / 2;
}

/* Whether there may be more of what stays. */
static bool may_stay(void)
{
	return small.used <= small.max && large.used <= large.max;
}

/* pbuf_free has found the last reference gone. */
static void copy_done(struct pbuf *pbuf)
{
	struct copy *copy = (struct copy *)pbuf;

	*(is_small(copy->block_bytes) ? &small.used : &large.used) -= copy->block_bytes;
	network_free(copy);
}

/* A pbuf with room for so much; NULL: no memory. */
static struct pbuf *copy_new(size_t length)
{
	struct copy *copy = network_malloc(sizeof(*copy) + length);

	if (!copy)
		return NULL;
	copy->block_bytes = network_block_bytes(sizeof(*copy) + length);
	*(is_small(copy->block_bytes) ? &small.used : &large.used) += copy->block_bytes;
	copy->custom.custom_free_function = copy_done;
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)length, PBUF_REF, &copy->custom, copy->data,
				   (u16_t)length);
}

/* So much of a frame, which has it. */
static void gather(uint8_t *to, const struct net_buffer *piece, size_t offset, size_t length)
{
	while (length > 0) {
		if (offset < piece->length) {
			size_t part = piece->length - offset;
			if (part > length)
				part = length;
			memcpy(to, net_data(piece) + offset, part);
			to += part;
			length -= part;
			offset = 0;
		} else {
			offset -= piece->length;
		}
		piece = piece->more;
	}
}

/* A packet of a head that was copied before, and `length` bytes of the frame from `offset` on; NULL: no memory. */
static struct pbuf *copied(const uint8_t *head, size_t head_bytes, const struct net_buffer *frame,
			   size_t offset, size_t length)
{
	struct pbuf *chain = NULL;

	do {
		size_t part = head_bytes + length < COPY_BYTES ? length : COPY_BYTES - head_bytes;
		struct pbuf *pbuf = copy_new(head_bytes + part);
		if (!pbuf) {
			if (chain)
				pbuf_free(chain);
			return NULL;
		}
		if (head_bytes > 0)
			memcpy(pbuf->payload, head, head_bytes);
		gather((uint8_t *)pbuf->payload + head_bytes, frame, offset, part);
		offset += part;
		length -= part;
		head_bytes = 0;
		if (chain)
			pbuf_cat(chain, pbuf);
		else
			chain = pbuf;
	} while (length > 0);
	return chain;
}

/* ---- Data that stays where it is ------------------------------------------------------------------------------- */

struct wrapped {
	struct pbuf_custom custom; /* first */
	struct net_buffer *piece;
	struct interface *interface;
	struct wrapped *next_free;
};

static struct wrapped *free_wrapped;

static void wrapped_done(struct pbuf *pbuf)
{
	struct wrapped *wrapped = (struct wrapped *)pbuf;

	wrapped->interface->held--;
	net_release(wrapped->interface->net, wrapped->piece);
	wrapped->next_free = free_wrapped;
	free_wrapped = wrapped;
}

/* Puts the frame from `skip` on, which is in its first piece, behind the head. Its pieces come apart: each is given back for
 * itself. False: there are not as many pbufs, and those that remain have been given back. */
static bool wrap(struct interface *interface, struct pbuf *head, struct net_buffer *frame,
		 size_t skip)
{
	for (struct net_buffer *piece = frame, *more; piece; piece = more, skip = 0) {
		struct wrapped *wrapped = free_wrapped;
		if (!wrapped) {
			net_release(interface->net, piece);
			return false;
		}
		free_wrapped = wrapped->next_free;
		more = piece->more;
		piece->more = NULL;
		interface->held++;
		wrapped->piece = piece;
		wrapped->interface = interface;
		wrapped->custom.custom_free_function = wrapped_done;
		u16_t length = (u16_t)(piece->length - skip);
		pbuf_cat(head, pbuf_alloced_custom(PBUF_RAW, length, PBUF_REF, &wrapped->custom,
						   net_data(piece) + skip, length));
	}
	return true;
}

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
	be16_store(ip + IP4_CHECKSUM, 0);
	uint16_t sum = (uint16_t)~network_checksum(ip, (int)header);
	memcpy(ip + IP4_CHECKSUM, &sum, sizeof(sum));
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
		struct pbuf *packet = may_stay() ? copied(head->payload, datagram + UDP_HEADER,
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

/* Whether one more of the driver's buffers may be kept. */
static bool may_hold(const struct interface *interface)
{
	return interface->held < HELD_MAX && interface->held < interface->net->buffers / HELD_SHARE;
}

/* The packet, which may be the head with more behind it. The frame and the head are its own. NULL: it is dropped. */
static struct pbuf *make_packet(struct interface *interface, struct pbuf *head, enum kind kind,
				struct net_buffer *frame, size_t length)
{
	struct pbuf *packet = head;
	size_t bytes = head->len;

	if (kind != PASSES && !may_stay()) {
		packet = NULL;
	} else if (length > bytes) {
		if (kind == DATA && may_hold(interface) && frame->length > bytes) {
			if (wrap(interface, head, frame, bytes))
				return head;
			pbuf_free(head);
			return NULL;
		}
		packet = copied(head->payload, bytes, frame, bytes, length - bytes);
		interface->copied += packet != NULL;
	}
	net_release(interface->net, frame);
	if (packet != head)
		pbuf_free(head);
	return packet;
}

void receive_frame(struct interface *interface, struct net_buffer *frame)
{
	const struct net_offload offload = frame->offload;
	struct pbuf *head = NULL, *packet = NULL;
	size_t length = 0;

	for (struct net_buffer *piece = frame; piece; piece = piece->more)
		length += piece->length;
	if (length <= UINT16_MAX && netif_is_up(&interface->netif))
		head = copied(NULL, 0, frame, 0, length < HEAD_BYTES ? length : HEAD_BYTES);
	if (!head) {
		net_release(interface->net, frame);
		interface->dropped_in += netif_is_up(&interface->netif);
		return;
	}
	if (interfaces_tap)
		interfaces_tap(interface->name, false, head->payload, head->len, length);
	struct look look = look_at(head->payload, head->len);
	if (offload.segments == NET_UDP_L4) {
		interface->dropped_in += !take_apart(interface, head, look.datagram, frame, length);
		net_release(interface->net, frame);
		pbuf_free(head);
		return;
	}
	packet = make_packet(interface, head, look.kind, frame, length);
	if (packet)
		hand_on(interface, packet, &offload);
	else
		interface->dropped_in++;
}

bool receive_start(void)
{
	static struct wrapped *all;
	size_t memory;

	network_memory_used(&memory);
	small.max = memory / 8;
	large.max = memory / 2;
	if (all)
		return true;
	all = vport_alloc(WRAPPED_MAX * sizeof(*all));
	for (unsigned i = 0; all && i < WRAPPED_MAX; i++) {
		all[i].next_free = free_wrapped;
		free_wrapped = &all[i];
	}
	return all != NULL;
}
