/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP segments of 60,000 bytes and more: sent to be cut by the other end's kernel, and received uncut, with a checksum
 * that is left to us. There is no TCP behind it: the other end looks at what arrives.
 */
#include <stdlib.h>
#include <string.h>

#include "apps/netcheck/netcheck.h"
#include "kernel/console.h"

#define IP4_BYTES 20
#define TCP_BYTES 20
#define HEADERS (NET_HEADER_BYTES + IP4_BYTES + TCP_BYTES)
#define TCP_AT (NET_HEADER_BYTES + IP4_BYTES)
#define TCP_CHECKSUM 16
#define PAYLOAD 60000
#define SEGMENT 1400
#define PIECES 15
#define PORT 4000

static const uint8_t other[NET_MAC_BYTES] = { 0x02, 0, 0, 0, 0, 1 };
static const uint8_t addresses[8] = { 192, 0, 2, 1, 192, 0, 2, 2 };

static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		sum += get16(bytes + i);
	if (count % 2)
		sum += (uint32_t)bytes[count - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint8_t byte_at(uint32_t at)
{
	return (uint8_t)(at * 7 + at / 256);
}

/* Up to the payload; the TCP checksum is that of the pseudo header: 5.1.9.2.1-19. */
static void write_headers(uint8_t *data, const struct net_device *net, unsigned number)
{
	uint8_t *ip = data + NET_HEADER_BYTES, *tcp = data + TCP_AT;
	uint8_t rest[4] = { 0, 6, 0, 0 };

	memset(data, 0, HEADERS);
	put_header(data, other, net->mac, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, IP4_BYTES + TCP_BYTES + PAYLOAD);
	put16(ip + 4, number);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, addresses, sizeof(addresses));
	put16(ip + 10, (uint16_t)~add_up(0, ip, IP4_BYTES));
	put16(tcp, PORT);
	put16(tcp + 2, PORT + 1);
	put16(tcp + 4, number); /* the sequence number's upper half */
	tcp[12] = TCP_BYTES / 4 << 4;
	tcp[13] = 0x18; /* PSH, ACK */
	put16(tcp + 14, 65535);
	put16(rest + 2, TCP_BYTES + PAYLOAD);
	put16(tcp + TCP_CHECKSUM, add_up(add_up(0, addresses, sizeof(addresses)), rest, 4));
}

/* ---- Sent --------------------------------------------------------------------------------- */

static uint8_t *payload; /* malloc */
static unsigned done_count, done_errors;

static void done(struct net_buffer *frame, int status)
{
	done_count++;
	done_errors += status != 0;
	(void)frame;
}

static bool send_one(struct net_device *net, unsigned number)
{
	static uint8_t front[NET_ROOM + HEADERS];
	static struct net_buffer buffers[1 + PIECES];
	unsigned before = done_count;

	write_headers(front + NET_ROOM, net, number);
	net_buffer_over(&buffers[0], front, sizeof(front));
	buffers[0].start = NET_ROOM;
	buffers[0].length = HEADERS;
	for (unsigned i = 1; i <= PIECES; i++) {
		net_buffer_over(&buffers[i], payload + (i - 1) * (PAYLOAD / PIECES),
				PAYLOAD / PIECES);
		buffers[i].length = PAYLOAD / PIECES;
		buffers[i - 1].more = &buffers[i];
	}
	buffers[0].done = done;
	buffers[0].offload = (struct net_offload){
		.flags = NET_CHECKSUM_START,
		.segments = NET_TCP4,
		.header_bytes = HEADERS,
		.segment_bytes = SEGMENT,
		.checksum_start = TCP_AT,
		.checksum_offset = TCP_CHECKSUM,
	};
	if (!send_waiting(net, &buffers[0]))
		return false;
	uint64_t end = vport_now() + PATIENCE_NS;
	while (done_count == before && vport_now() < end)
		vport_relax(end);
	return done_count > before && done_errors == 0;
}

/* ---- Received -------------------------------------------------------------------------------- */

static unsigned heard, cut, wrong;

static bool has_payload(const struct net_buffer *frame)
{
	uint32_t at = 0, skip = HEADERS;

	for (; frame; frame = frame->more, skip = 0) {
		for (uint32_t i = skip; i < frame->length; i++) {
			if (net_data(frame)[i] != byte_at(at++))
				return false;
		}
	}
	return at == PAYLOAD;
}

static bool is_right(const struct net_buffer *frame)
{
	const struct net_offload *offload = &frame->offload;
	const uint8_t *checksum = net_data(frame) + TCP_AT + TCP_CHECKSUM;
	uint8_t rest[4] = { 0, 6, 0, 0 };

	if (!(offload->flags & NET_CHECKSUM_START) || offload->segments != NET_TCP4 ||
	    offload->segment_bytes != SEGMENT || offload->checksum_start != TCP_AT ||
	    offload->checksum_offset != TCP_CHECKSUM || !has_payload(frame))
		return false;
	/* In the checksum's place is the pseudo header's sum: 5.1.9.4.1-17. */
	put16(rest + 2, TCP_BYTES + PAYLOAD);
	uint32_t pseudo = add_up(add_up(0, net_data(frame) + NET_HEADER_BYTES + 12, 8), rest, 4);
	return get16(checksum) == pseudo;
}

static void listen(struct net_device *net, struct net_buffer *const *frames, unsigned count,
		   void *cookie)
{
	(void)cookie;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *data = net_data(frames[i]);
		if (frames[i]->length >= HEADERS && get16(data + 12) == 0x0800 &&
		    get16(data + TCP_AT + 2) == PORT) {
			if (frames[i]->offload.segments == NET_WHOLE)
				cut++;
			else if (!is_right(frames[i]))
				wrong++;
			heard++;
		}
		net_release(net, frames[i]);
	}
}

static bool hear(unsigned count)
{
	uint64_t end = vport_now() + PATIENCE_NS;

	while (heard < count && vport_now() < end)
		vport_relax(end);
	return heard == count && wrong == 0;
}

/* Uncut at first; then, as we do not want that any more, cut by the other end's kernel. */
int check_segments(struct net_device *net, unsigned count)
{
	bool right = true;

	payload = malloc(PAYLOAD);
	if (!payload) {
		kprint("netcheck: no memory\n");
		return 1;
	}
	done_count = done_errors = heard = cut = wrong = 0;
	for (uint32_t i = 0; i < PAYLOAD; i++)
		payload[i] = byte_at(i);
	for (unsigned i = 0; i < count && right; i++)
		right = send_one(net, i);
	kprint("netcheck: sent %u, %u errors\n", done_count, done_errors);
	net_listen(net, listen, NULL);
	kprint("netcheck: ready for large ones\n");
	right = right && hear(count) && cut == 0;
	kprint("netcheck: heard %u uncut, %u cut, %u wrong\n", heard - cut, cut, wrong);
	heard = 0;
	if (right && net_set_hears(net, 0) == 0) {
		kprint("netcheck: ready for small ones\n");
		right = hear(count * ((PAYLOAD + SEGMENT - 1) / SEGMENT));
		kprint("netcheck: heard %u cut, %u wrong\n", cut, wrong);
		right = right && cut == heard;
	}
	net_listen(net, NULL, NULL);
	return right ? 0 : 1;
}
