/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts a large segment of TCP into the peer's segments, where no device does it: so lwIP has one segment to make, to keep
 * and to free for many frames. A frame's data is copied into a buffer of the driver's, and summed up on the way: that is less
 * work than to hold the segment until each piece of it has been sent.
 *
 * See it at work: make run APP=iperf ARGS='-c 10.0.2.2'
 * Left out: IPv6, whose packets lwIP measures by what it knows of the way to each destination.
 */
#include "kernel/net/cut.h"

#include <string.h>

#include "kernel/net/checksum.h"
#include "kernel/net/headers.h"
#include "lib/be.h"

/* How far the packet has been read. */
struct reader {
	const struct pbuf *part;
	size_t offset;
};

/* Copies that many of its bytes, which it has. Their sum, not folded. */
static uint32_t copy_data(struct reader *reader, uint8_t *to, size_t length)
{
	uint32_t sum = 0;

	for (size_t done = 0, bytes; done < length; done += bytes) {
		while (reader->offset == reader->part->len) {
			reader->part = reader->part->next;
			reader->offset = 0;
		}
		bytes = reader->part->len - reader->offset;
		if (bytes > length - done)
			bytes = length - done;
		uint16_t part = network_checksum_copy(
			to + done, (const uint8_t *)reader->part->payload + reader->offset, bytes);
		sum += done % 2 ? __builtin_bswap16(part) : part; /* RFC 1071, 2 (B) */
		reader->offset += bytes;
	}
	return sum;
}

/* The segment whose data begins `at` bytes behind the packet's. Its headers are a copy of the packet's. */
static void make_segment(struct net_buffer *frame, size_t headers, struct reader *reader, size_t at,
			 size_t bytes, bool last)
{
	static uint16_t number; /* of IP, for all of them: lwIP counts its own */
	uint8_t *data = net_data(frame), *ip = data + NET_HEADER_BYTES, *tcp = ip + IP4_HEADER;
	size_t length = headers - NET_HEADER_BYTES - IP4_HEADER + bytes;

	be16_store(ip + IP4_LENGTH, (uint16_t)(IP4_HEADER + length));
	be16_store(ip + IP4_ID, number++);
	network_checksum_ip4(ip, IP4_HEADER);
	be32_store(tcp + TCP_SEQUENCE, be32_load(tcp + TCP_SEQUENCE) + (uint32_t)at);
	if (!last)
		tcp[TCP_FLAG_BYTE] &= (uint8_t) ~(TCP_FLAG_PSH | TCP_FLAG_FIN);
	be16_store(tcp + TCP_CHECKSUM, 0);
	/* The pseudo header's addresses stand in front of TCP's header. */
	uint32_t sum = network_checksum(ip + IP4_ADDRESSES,
					(int)(headers - NET_HEADER_BYTES - IP4_ADDRESSES));
	sum += __builtin_bswap16((uint16_t)(IP_PROTO_TCP + length));
	sum += copy_data(reader, data + headers, bytes);
	uint16_t checksum = (uint16_t)~network_checksum_fold(sum);
	memcpy(tcp + TCP_CHECKSUM, &checksum, sizeof(checksum));
	frame->length = (uint32_t)(headers + bytes);
}

/* So many empty buffers, linked; NULL: there are not as many. */
static struct net_buffer *take(struct net_device *net, unsigned count)
{
	struct net_buffer *frames = NULL, *frame;

	for (; count > 0 && (frame = net_take(net)) != NULL; count--) {
		frame->next = frames;
		frames = frame;
	}
	while (count > 0 && frames) {
		frame = frames;
		frames = frame->next;
		net_release(net, frame);
	}
	return frames;
}

/* Frames that wait have buffers that the receive queue is filled from too: where the device sends nothing, they are to leave it
 * some. Only what is sent alone may be more. */
#define WAITING_MOST (FRAMES_WAITING / 4)

static struct net_buffer *take_if_room(const struct interface *interface, unsigned count)
{
	unsigned most = interface->waiting_count > 0 ? WAITING_MOST : FRAMES_WAITING;

	return interface->waiting_count + count <= most ? take(interface->net, count) : NULL;
}

/* Room among those that wait, and buffers. */
static struct net_buffer *take_with_room(struct interface *interface, unsigned count)
{
	struct net_buffer *frames = take_if_room(interface, count);

	if (frames)
		return frames;
	interfaces_flush(); /* what has been sent comes back */
	return take_if_room(interface, count);
}

err_t cut_segments(struct interface *interface, const struct pbuf *packet, unsigned segment_bytes)
{
	const uint8_t *header = packet->payload;
	size_t headers = NET_HEADER_BYTES + IP4_HEADER +
			 (header[NET_HEADER_BYTES + IP4_HEADER + TCP_OFFSET] >> 4) * 4u;
	size_t left = packet->tot_len - headers, at = 0;
	struct reader reader = { packet, headers };
	struct net_buffer *frame =
		take_with_room(interface, (unsigned)((left + segment_bytes - 1) / segment_bytes));

	if (!frame)
		return ERR_MEM;
	for (struct net_buffer *next; frame; frame = next) {
		size_t bytes = left < segment_bytes ? left : segment_bytes;
		next = frame->next;
		memcpy(net_data(frame), header, headers);
		left -= bytes;
		make_segment(frame, headers, &reader, at, bytes, left == 0);
		at += bytes;
		if (interfaces_tap)
			interfaces_tap(interface->name, true, net_data(frame), frame->length,
				       frame->length);
		interface_wait(interface, frame);
	}
	return ERR_OK;
}
