/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments of a TCP stream that came in one batch, each behind the other, become one packet before lwIP sees them: it goes
 * through its lists and answers once for all of them. What makes them one: the same headers but for lengths, numbers and
 * sums (and PSH, which means nothing to a receiver), sequence numbers without a gap, and checksums that are right: they are
 * checked here, for nobody can later. A segment that does not fit in begins a packet of its own, and lwIP judges it.
 *
 * See it at work: make run APP=iperf ARGS=-s FWD=5001:5001; iperf -c localhost
 * Left out: IPv6; segments with options, which lwIP asks nobody for.
 */
#include "kernel/net/merge.h"

#include "kernel/net/checksum.h"
#include "lib/be.h"

enum {
	IP = PLAIN_IP,
	SEQUENCE = PLAIN_TCP + TCP_SEQUENCE,
	FLAGS = PLAIN_TCP + TCP_FLAG_BYTE,
	ADDRESSES = IP + IP4_ADDRESSES,
};
#define ALL_RIGHT 0xffff

/* The bytes that are the same in all of them, and others: the length, the number and the sum of IP, and TCP's sequence number
 * and sum. */
#define SAME4 0xff, 0xff, 0xff, 0xff
static const uint8_t same[PLAIN_HEADERS] = {
	SAME4, SAME4,
	SAME4, 0xff,
	0xff, /* Ethernet */
	0xff,  0xff,
	0,     0,
	0,     0,
	0xff,  0xff,
	0xff,  0xff,
	0,     0,     /* IP */
	SAME4, SAME4, /* addresses */
	SAME4, 0,
	0,     0,
	0,     SAME4, /* ports, number, acknowledged */
	0xff,  0xff & ~TCP_FLAG_PSH,
	0xff,  0xff,
	0,     0,
	0xff,  0xff, /* flags, window, sum, urgent */
};

static size_t data_bytes(const uint8_t *headers)
{
	return be16_load(headers + IP + IP4_LENGTH) - (size_t)(IP4_HEADER + TCP_HEADER);
}

bool merge_begin(struct merge *merge, uint8_t headers[PLAIN_HEADERS], size_t frame_bytes)
{
	if (!headers_are_plain(headers) || (headers[FLAGS] & ~TCP_FLAG_PSH) != TCP_FLAG_ACK ||
	    be16_load(headers + IP + IP4_LENGTH) != frame_bytes - IP ||
	    frame_bytes <= PLAIN_HEADERS)
		return false;
	merge->headers = headers;
	merge->bytes = data_bytes(headers);
	merge->next = be32_load(headers + SEQUENCE) + (uint32_t)merge->bytes;
	merge->flags = headers[FLAGS];
	return true;
}

bool merge_is_sound(const uint8_t headers[PLAIN_HEADERS], uint16_t sum, size_t bytes, bool checked)
{
	if (network_checksum(headers + IP, IP4_HEADER) != ALL_RIGHT)
		return false;
	if (checked)
		return true;
	/* Addresses and TCP's header stand one behind the other: with the protocol and the length that is all of it. */
	uint16_t rest = __builtin_bswap16((uint16_t)(PROTOCOL_TCP + TCP_HEADER + bytes));
	uint32_t all = (uint32_t)network_checksum(headers + ADDRESSES, PLAIN_HEADERS - ADDRESSES) +
		       sum + rest;
	return network_checksum_fold(all) == ALL_RIGHT;
}

/* Where the eight bytes at a place are not the same. */
static inline uint64_t differs(const uint8_t *one, const uint8_t *other, unsigned at)
{
	uint64_t a, b, mask;

	__builtin_memcpy(&a, one + at, sizeof(a));
	__builtin_memcpy(&b, other + at, sizeof(b));
	__builtin_memcpy(&mask, same + at, sizeof(mask));
	return (a ^ b) & mask;
}

size_t merge_next(const struct merge *merge, const uint8_t headers[PLAIN_HEADERS],
		  size_t frame_bytes)
{
	const uint8_t *own = merge->headers;

	/* The last eight bytes are not all behind those before. */
	if ((differs(headers, own, 0) | differs(headers, own, 8) | differs(headers, own, 16) |
	     differs(headers, own, 24) | differs(headers, own, 32) | differs(headers, own, 40) |
	     differs(headers, own, PLAIN_HEADERS - 8)) != 0 ||
	    be32_load(headers + SEQUENCE) != merge->next)
		return 0;
	size_t packet = be16_load(headers + IP + IP4_LENGTH);
	if (packet <= IP4_HEADER + TCP_HEADER || packet > frame_bytes - IP)
		return 0;
	size_t bytes = data_bytes(headers);
	return merge->bytes + bytes + PLAIN_HEADERS <= UINT16_MAX ? bytes : 0; /* lwIP's tot_len */
}

void merge_add(struct merge *merge, const uint8_t headers[PLAIN_HEADERS], size_t bytes)
{
	merge->bytes += bytes;
	merge->next += (uint32_t)bytes;
	merge->flags |= headers[FLAGS];
}

void merge_end(const struct merge *merge)
{
	uint8_t *ip = merge->headers + IP;

	if (data_bytes(merge->headers) == merge->bytes)
		return;
	merge->headers[FLAGS] = merge->flags;
	be16_store(ip + IP4_LENGTH, (uint16_t)(IP4_HEADER + TCP_HEADER + merge->bytes));
	network_checksum_ip4(ip, IP4_HEADER);
}
