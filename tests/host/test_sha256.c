/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 against the examples of FIPS 180-4 and the NIST vectors, whole and in pieces. */
#include "lib/sha256.h"

#include <stdlib.h>

#include "check.h"

static void sum_of(const void *data, size_t length, char text[2 * SHA256_SIZE + 1])
{
	struct sha256 sum;
	uint8_t digest[SHA256_SIZE];
	sha256_begin(&sum);
	sha256_add(&sum, data, length);
	sha256_end(&sum, digest);
	sha256_text(digest, text);
}

static void examples(void)
{
	static const struct {
		const char *data, *sum;
	} vectors[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
	};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char text[2 * SHA256_SIZE + 1];
		sum_of(vectors[i].data, strlen(vectors[i].data), text);
		CHECK_TEXT(text, vectors[i].sum);
	}
}

static void a_million(void)
{
	char *data = malloc(1000000), text[2 * SHA256_SIZE + 1];
	memset(data, 'a', 1000000);
	sum_of(data, 1000000, text);
	CHECK_TEXT(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(data);
}

/* However it is cut up, and wherever it lies, the sum is the same. */
static void pieces(void)
{
	unsigned char data[300];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7);
	for (size_t length = 0; length < 200; length++) {
		char whole[2 * SHA256_SIZE + 1], text[2 * SHA256_SIZE + 1];
		sum_of(data + 1, length, whole);
		for (size_t cut = 0; cut <= length; cut += 13) {
			struct sha256 sum;
			uint8_t digest[SHA256_SIZE];
			sha256_begin(&sum);
			sha256_add(&sum, data + 1, cut);
			sha256_add(&sum, data + 1 + cut, length - cut);
			sha256_end(&sum, digest);
			sha256_text(digest, text);
			CHECK_TEXT(text, whole);
		}
	}
}

int main(void)
{
	return check_run((struct check[]){ CHECK_CASE(examples), CHECK_CASE(a_million),
					   CHECK_CASE(pieces), CHECK_END });
}
