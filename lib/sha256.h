/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (FIPS 180-4), by which disksum shows that a whole disk was read right.
 *
 *     struct sha256 sum;
 *     sha256_begin(&sum);
 *     sha256_add(&sum, data, length);      // as often as there is more
 *     uint8_t digest[SHA256_SIZE];
 *     sha256_end(&sum, digest);
 */
#ifndef LIB_SHA256_H
#define LIB_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_BLOCK 64

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	uint8_t block[SHA256_BLOCK];
};

void sha256_begin(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *data, size_t length);
void sha256_end(struct sha256 *sum, uint8_t digest[SHA256_SIZE]);
/* The digest as 64 lower-case hexadecimal digits and a zero. */
void sha256_text(const uint8_t digest[SHA256_SIZE], char text[2 * SHA256_SIZE + 1]);

#endif
