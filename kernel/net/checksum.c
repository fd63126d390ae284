/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internet checksum, RFC 1071, for lwIP: the sum of 16-bit words with the carry added in again, which may as well be
 * taken of words of 64 bits (section 2, B and C).
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 */
#include "kernel/net/checksum.h"

/* Adds the next eight bytes, at any address: a load and an addition, and one for the carry, which is counted. */
static inline void add_word(uint64_t *sum, uint64_t *carries, const uint8_t *at)
{
	uint64_t word;

	__builtin_memcpy(&word, at, sizeof(word));
	*carries += __builtin_add_overflow(*sum, word, sum);
}

static inline void add_words(uint64_t *sum, uint64_t *carries, const uint8_t *at)
{
	add_word(sum, carries, at);
	add_word(sum, carries, at + sizeof(uint64_t));
	add_word(sum, carries, at + 2 * sizeof(uint64_t));
	add_word(sum, carries, at + 3 * sizeof(uint64_t));
}

uint16_t network_checksum(const void *data, int length)
{
	const uint8_t *at = data;
	size_t left = (size_t)length;
	uint64_t sum = 0, carries = 0, word;

	for (; left >= 8 * sizeof(word); left -= 8 * sizeof(word), at += 8 * sizeof(word)) {
		add_words(&sum, &carries, at);
		add_words(&sum, &carries, at + 4 * sizeof(word));
	}
	if (left & 4 * sizeof(word)) {
		add_words(&sum, &carries, at);
		at += 4 * sizeof(word);
	}
	if (left & 2 * sizeof(word)) {
		add_word(&sum, &carries, at);
		add_word(&sum, &carries, at + sizeof(word));
		at += 2 * sizeof(word);
	}
	if (left & sizeof(word)) {
		add_word(&sum, &carries, at);
		at += sizeof(word);
	}
	/* What is left has less than eight bytes, and their sum, 33 bits at most, no carry; nor
	 * has that with the number of carries. */
	word = 0;
	if (left & 4) {
		uint32_t part;
		__builtin_memcpy(&part, at, sizeof(part));
		word = part;
		at += sizeof(part);
	}
	if (left & 2) {
		uint16_t part;
		__builtin_memcpy(&part, at, sizeof(part));
		word += part;
		at += sizeof(part);
	}
	if (left & 1) {
		uint8_t last[2] = { at[0], 0 };
		uint16_t part;
		__builtin_memcpy(&part, last, sizeof(part));
		word += part;
	}
	word += carries;
	sum += word;
	sum += sum < word;
	/* The sum of both halves stands in the upper one, with the carry that the lower one's gave it. */
	sum += sum << 32 | sum >> 32;
	uint32_t half_sum = (uint32_t)(sum >> 32);
	half_sum += half_sum << 16 | half_sum >> 16;
	return (uint16_t)(half_sum >> 16);
}
