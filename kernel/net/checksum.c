/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internet checksum, RFC 1071, for lwIP: the sum of 16-bit words with the carry added in again, which may as well be
 * taken of words of 64 bits (section 2, B and C).
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 */
#include "kernel/net/checksum.h"

#include <stdbool.h>

#include "kernel/net/headers.h"

/* What is constant is known in each copy. */
#define INLINE inline __attribute__((always_inline))

/* What is summed up; where it is copied to at the same time, if it is. */
struct sum {
	const uint8_t *at;
	uint8_t *to;
	uint64_t sum, carries;
};

/* The next eight bytes, at any address: a load and an addition, and one for the carry, which is counted. */
static INLINE void add_word(struct sum *sum, unsigned word_at, bool copies)
{
	uint64_t word;

	__builtin_memcpy(&word, sum->at + word_at, sizeof(word));
	if (copies)
		__builtin_memcpy(sum->to + word_at, &word, sizeof(word));
	sum->carries += __builtin_add_overflow(sum->sum, word, &sum->sum);
}

/* So many bytes: 8, 16, 32 or 64. */
static INLINE void add_words(struct sum *sum, unsigned bytes, bool copies)
{
	add_word(sum, 0, copies);
	if (bytes >= 16)
		add_word(sum, 8, copies);
	if (bytes >= 32) {
		add_word(sum, 16, copies);
		add_word(sum, 24, copies);
	}
	if (bytes >= 64) {
		add_word(sum, 32, copies);
		add_word(sum, 40, copies);
		add_word(sum, 48, copies);
		add_word(sum, 56, copies);
	}
	sum->at += bytes;
	if (copies)
		sum->to += bytes;
}

/* Less than eight bytes: their sum has no more than 33 bits. */
static INLINE uint64_t add_rest(struct sum *sum, size_t left, bool copies)
{
	uint64_t rest = 0;

	if (left & 4) {
		uint32_t part;
		__builtin_memcpy(&part, sum->at, sizeof(part));
		if (copies)
			__builtin_memcpy(sum->to, &part, sizeof(part));
		rest = part;
		sum->at += sizeof(part);
		if (copies)
			sum->to += sizeof(part);
	}
	if (left & 2) {
		uint16_t part;
		__builtin_memcpy(&part, sum->at, sizeof(part));
		if (copies)
			__builtin_memcpy(sum->to, &part, sizeof(part));
		rest += part;
		sum->at += sizeof(part);
		if (copies)
			sum->to += sizeof(part);
	}
	if (left & 1) {
		uint8_t last[2] = { sum->at[0], 0 };
		uint16_t part;
		if (copies)
			sum->to[0] = last[0];
		__builtin_memcpy(&part, last, sizeof(part));
		rest += part;
	}
	return rest;
}

static INLINE uint16_t sum_up(struct sum sum, size_t length, bool copies)
{
	size_t left = length;

	for (; left >= 64; left -= 64)
		add_words(&sum, 64, copies);
	if (left & 32)
		add_words(&sum, 32, copies);
	if (left & 16)
		add_words(&sum, 16, copies);
	if (left & 8)
		add_words(&sum, 8, copies);
	/* With the number of carries that has no carry either. */
	uint64_t word = add_rest(&sum, left, copies) + sum.carries, all = sum.sum + word;
	all += all < word;
	/* The sum of both halves stands in the upper one, with the carry that the lower one's gave it. */
	all += all << 32 | all >> 32;
	uint32_t half = (uint32_t)(all >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

uint16_t network_checksum(const void *data, int length)
{
	return sum_up((struct sum){ .at = data }, (size_t)length, false);
}

uint16_t network_checksum_copy(void *to, const void *data, size_t length)
{
	return sum_up((struct sum){ .at = data, .to = to }, length, true);
}

void network_checksum_ip4(uint8_t *header, size_t bytes)
{
	uint16_t checksum = 0;

	__builtin_memcpy(header + IP4_CHECKSUM, &checksum, sizeof(checksum));
	checksum = (uint16_t)~network_checksum(header, (int)bytes);
	__builtin_memcpy(header + IP4_CHECKSUM, &checksum, sizeof(checksum));
}
