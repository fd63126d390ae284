/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput, which takes its input
 * apart with the functions here; FUZZ_CHECK is what it demands of the code under test whatever the
 * input was. Besides, the address and undefined-behaviour sanitizers watch.
 *
 * See it at work: make fuzz TARGET=split SECONDS=30
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* The input, eaten from its front; zeros behind its end. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint64_t take(struct input *input, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width && input->left > 0; i++, input->left--)
		value |= (uint64_t)*input->at++ << 8 * i;
	return value;
}

/* The next bytes, or as many as there are; the rest of `to` stays as it is. */
static inline void take_bytes(struct input *input, void *to, size_t length)
{
	if (length > input->left)
		length = input->left;
	if (length > 0)
		memcpy(to, input->at, length);
	input->at += length;
	input->left -= length;
}

static inline void *fuzz_alloc(size_t size)
{
	void *memory = calloc(1, size);

	FUZZ_CHECK(memory);
	return memory;
}

/* For the kit's assertions, which no input may reach: they are for bugs of a caller. Defined by one
 * inclusion with FUZZ_PORT_PANIC. */
#ifdef FUZZ_PORT_PANIC
_Noreturn void vport_panic(const char *what, const char *file, int line);
_Noreturn void vport_panic(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
	abort();
}
#endif

#endif
