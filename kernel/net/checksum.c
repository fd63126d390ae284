/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internet checksum, RFC 1071, for lwIP: the sum of 16-bit words with the carry added in again, which may as well be
 * taken of words of 64 bits (section 2, B and C).
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 */
#include "kernel/net/checksum.h"

uint16_t network_checksum(const void *data, int length)
{
	const uint8_t *at = data;
	size_t left = (size_t)length;
	uint64_t sum = 0, word;

	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		__builtin_memcpy(&word, at, sizeof(word)); /* one load, at any address */
		sum += word;
		sum += sum < word;
	}
	if (left & 4) {
		uint32_t half;
		__builtin_memcpy(&half, at, sizeof(half));
		sum += half;
		sum += sum < half;
		at += sizeof(half);
	}
	if (left & 3) {
		uint8_t rest[4] = { at[0], (left & 2) ? at[1] : 0, (left & 3) == 3 ? at[2] : 0 };
		uint32_t half;
		__builtin_memcpy(&half, rest, sizeof(half));
		sum += half;
		sum += sum < half;
	}
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}
