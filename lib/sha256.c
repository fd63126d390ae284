/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (FIPS 180-4): names, constants and order of the steps as there, sections 4.1.2, 5.1.1 and
 * 6.2. The rounds are unrolled by sixteen, so that the eight working variables are renamed instead of
 * moved and the message schedule stays in a ring of sixteen words: on an emulated CPU the sum takes
 * longer than reading the disk.
 *
 * See it at work: make run APP=disksum
 */
#include "lib/sha256.h"

#include "lib/mem.h"

static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static inline uint32_t rotr(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* Ch and Maj in the forms that take one operation less. */
#define CH(x, y, z) (((x) & ((y) ^ (z))) ^ (z))
#define MAJ(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define SIGMA0(x) (rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22))
#define SIGMA1(x) (rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25))
#define SMALL0(x) (rotr(x, 7) ^ rotr(x, 18) ^ ((x) >> 3))
#define SMALL1(x) (rotr(x, 17) ^ rotr(x, 19) ^ ((x) >> 10))

/* One round; what the standard calls the next a and e end up in h and d, and the caller names the
 * variables one further each time. */
#define ROUND(a, b, c, d, e, f, g, h, t) \
	do { \
		uint32_t t1 = (h) + SIGMA1(e) + CH(e, f, g) + K[base + (t)] + w[t]; \
		(d) += t1; \
		(h) = t1 + SIGMA0(a) + MAJ(a, b, c); \
	} while (0)

#define EIGHT_ROUNDS(t) \
	do { \
		ROUND(a, b, c, d, e, f, g, h, (t)); \
		ROUND(h, a, b, c, d, e, f, g, (t) + 1); \
		ROUND(g, h, a, b, c, d, e, f, (t) + 2); \
		ROUND(f, g, h, a, b, c, d, e, (t) + 3); \
		ROUND(e, f, g, h, a, b, c, d, (t) + 4); \
		ROUND(d, e, f, g, h, a, b, c, (t) + 5); \
		ROUND(c, d, e, f, g, h, a, b, (t) + 6); \
		ROUND(b, c, d, e, f, g, h, a, (t) + 7); \
	} while (0)

static void add_block(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[16];
	for (unsigned t = 0; t < 16; t++) {
		uint32_t word;
		memcpy(&word, block + 4 * t, 4); /* may be unaligned; compiles to one load */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		word = __builtin_bswap32(word);
#endif
		w[t] = word;
	}

	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	for (unsigned base = 0;; base += 16) {
		EIGHT_ROUNDS(0);
		EIGHT_ROUNDS(8);
		if (base == 48)
			break;
		for (unsigned t = 0; t < 16; t++)
			w[t] += SMALL1(w[(t + 14) % 16]) + w[(t + 9) % 16] +
				SMALL0(w[(t + 1) % 16]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_begin(struct sha256 *sum)
{
	static const uint32_t initial[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};
	memcpy(sum->state, initial, sizeof(initial));
	sum->length = 0;
}

void sha256_add(struct sha256 *sum, const void *data, size_t length)
{
	const uint8_t *from = data;
	size_t held = sum->length % SHA256_BLOCK;
	sum->length += length;
	if (held > 0) {
		size_t room = SHA256_BLOCK - held;
		size_t take = length < room ? length : room;
		memcpy(sum->block + held, from, take);
		if (take < room)
			return;
		add_block(sum->state, sum->block);
		from += take;
		length -= take;
	}
	for (; length >= SHA256_BLOCK; from += SHA256_BLOCK, length -= SHA256_BLOCK)
		add_block(sum->state, from);
	memcpy(sum->block, from, length);
}

void sha256_end(struct sha256 *sum, uint8_t digest[SHA256_SIZE])
{
	/* A one bit, zeros up to 8 bytes before a block's end, the length in bits (5.1.1). */
	static const uint8_t padding[SHA256_BLOCK] = { 0x80 };
	uint64_t bits = sum->length * 8;
	size_t held = sum->length % SHA256_BLOCK;
	sha256_add(sum, padding, (held < 56 ? 56 : 56 + SHA256_BLOCK) - held);
	uint8_t tail[8];
	for (unsigned i = 0; i < 8; i++)
		tail[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(sum, tail, sizeof(tail));

	for (unsigned i = 0; i < SHA256_SIZE; i++)
		digest[i] = (uint8_t)(sum->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_text(const uint8_t digest[SHA256_SIZE], char text[2 * SHA256_SIZE + 1])
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < SHA256_SIZE; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 0xf];
	}
	text[2 * SHA256_SIZE] = '\0';
}
