/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PC's memory below 1 MiB, as far as firmware has tables there, made of the fuzzer's input. What
 * fuzz_map hands out is a copy of just the bytes asked for, so that the sanitizer sees a step outside.
 */
#ifndef TESTS_FUZZ_FIRMWARE_MEMORY_H
#define TESTS_FUZZ_FIRMWARE_MEMORY_H

#include "tests/fuzz/fuzz.h"

#define BIOS_AREA 0xe0000 /* what the input holds stands here */
#define EBDA_AREA 0x9fc00 /* and, on request, its first KiB here */
#define DATA_AREA 0x400   /* the BIOS' own variables: 32 bytes at the input's front */
#define DATA_BYTES 32
#define MOST 4096
#define MAX_COPIES 4096

static uint8_t firmware[MOST], bios_data[DATA_BYTES];
static bool has_ebda;
static void *copies[MAX_COPIES];
static unsigned copy_count;

static inline const void *copy_of(const uint8_t *from, uint64_t have, uint64_t length)
{
	/* A map may fail; and a reader that never ends would show. */
	if (copy_count == MAX_COPIES)
		return NULL;
	uint8_t *copy = fuzz_alloc(length ? length : 1);
	memcpy(copy, from, have < length ? have : length);
	copies[copy_count++] = copy;
	return copy;
}

static inline const void *fuzz_map(uint64_t phys, uint64_t length)
{
	if (phys >= BIOS_AREA && phys < 0x100000 && length <= 0x100000 - phys) {
		uint64_t offset = phys - BIOS_AREA;
		/* The MP table's search begins in the middle: there it stands again. */
		if (offset >= 0x10000)
			offset -= 0x10000;
		return copy_of(firmware + (offset < MOST ? offset : MOST),
			       offset < MOST ? MOST - offset : 0, length);
	}
	if (has_ebda && phys >= EBDA_AREA && phys < EBDA_AREA + 1024 &&
	    length <= EBDA_AREA + 1024 - phys)
		return copy_of(firmware + (phys - EBDA_AREA), MOST - (phys - EBDA_AREA), length);
	if (phys >= DATA_AREA && phys < DATA_AREA + DATA_BYTES &&
	    length <= DATA_AREA + DATA_BYTES - phys)
		return copy_of(bios_data + (phys - DATA_AREA), DATA_BYTES - (phys - DATA_AREA),
			       length);
	return NULL;
}

static inline void make_memory(struct input *input)
{
	memset(firmware, 0, sizeof(firmware));
	memset(bios_data, 0, sizeof(bios_data));
	take_bytes(input, firmware, sizeof(firmware));
}

static inline void free_copies(void)
{
	while (copy_count > 0)
		free(copies[--copy_count]);
}

/* Makes [at, at + length) of `firmware` sum to zero by the byte at `checksum`: the fuzzer has better
 * things to do than to find sums. */
static inline void seal(size_t at, size_t length, size_t checksum)
{
	uint8_t sum = 0;

	if (at + length > MOST || checksum >= MOST)
		return;
	firmware[checksum] = 0;
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + firmware[at + i]);
	firmware[checksum] = (uint8_t)-sum;
}

static inline uint32_t firmware_number(size_t at, unsigned width)
{
	uint32_t value = 0;

	if (at + width <= MOST)
		memcpy(&value, firmware + at, width);
	return value;
}

#endif
