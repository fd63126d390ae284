/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A MiB and a half of physical memory for firmware's tables, for the tests that read them. What memory_map hands
 * out is a copy of just the bytes asked for: the sanitizers see every read past them.
 */
#ifndef TESTS_HOST_FIRMWARE_H
#define TESTS_HOST_FIRMWARE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_SIZE 0x180000

static uint8_t memory[MEMORY_SIZE];

/* The copies handed out since memory_clear. */
static struct memory_copy {
	struct memory_copy *next;
	uint8_t bytes[];
} * memory_copies;

static inline void memory_clear(void)
{
	memset(memory, 0, sizeof memory);
	while (memory_copies) {
		struct memory_copy *copy = memory_copies;
		memory_copies = copy->next;
		free(copy);
	}
}

static inline const void *memory_map(uint64_t phys, uint64_t length)
{
	if (phys > MEMORY_SIZE || length > MEMORY_SIZE - phys)
		return NULL;
	struct memory_copy *copy = malloc(sizeof *copy + length);
	if (!copy)
		return NULL;
	copy->next = memory_copies;
	memory_copies = copy;
	return memcpy(copy->bytes, memory + phys, length);
}

static inline void memory_put(uint64_t at, unsigned width, uint64_t value)
{
	for (; width-- > 0; value >>= 8)
		memory[at++] = (uint8_t)value;
}

static inline uint64_t memory_get(uint64_t at, unsigned width)
{
	uint64_t value = 0;
	while (width-- > 0)
		value = value << 8 | memory[at + width];
	return value;
}

static inline void memory_put_text(uint64_t at, const char *text)
{
	memcpy(memory + at, text, strlen(text));
}

/* Sets the byte at `checksum` so that [at, at + length) sums to zero. */
static inline void memory_seal(uint64_t at, uint32_t length, uint64_t checksum)
{
	uint8_t sum = 0;

	memory[checksum] = 0;
	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + memory[at + i]);
	memory[checksum] = (uint8_t)-sum;
}

#endif
