/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of what is mostly small: headers, datagrams, acknowledgements. */
#ifndef KERNEL_NET_COPY_H
#define KERNEL_NET_COPY_H

#include <stdint.h>
#include <string.h>

/* Sixteen bytes, or twice as many: each word is loaded before any is stored. */
static inline void copy_16(uint8_t *to, const uint8_t *from)
{
	uint64_t words[2];

	__builtin_memcpy(words, from, sizeof(words));
	__builtin_memcpy(to, words, sizeof(words));
}

static inline void copy_32(uint8_t *to, const uint8_t *from)
{
	uint64_t words[4];

	__builtin_memcpy(words, from, sizeof(words));
	__builtin_memcpy(to, words, sizeof(words));
}

/* memcpy, without a call where it is 16 to 64 bytes: those at the beginning, and those at the end, of which some may have been
 * among them. */
static inline void network_copy(void *to, const void *from, size_t length)
{
	uint8_t *at = to;
	const uint8_t *source = from;

	if (length - 16 > 64 - 16) {
		memcpy(to, from, length);
	} else if (length >= 32) {
		copy_32(at, source);
		copy_32(at + length - 32, source + length - 32);
	} else {
		copy_16(at, source);
		copy_16(at + length - 16, source + length - 16);
	}
}

#endif
