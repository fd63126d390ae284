/* SPDX-License-Identifier: BSD-2-Clause */
/* Device addresses for the hosted tests: see dma_arena.h. Addresses only ever grow, so the ranges are
 * sorted as they come. */
#include "tests/host/dma_arena.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ADDRESS UINT64_C(0x00d0000000000000)
#define GUARD 4096

uint64_t dma_arena_add(struct dma_arena *arena, void *memory, uint64_t length, bool writable)
{
	if (arena->count == arena->room) {
		arena->room = arena->room ? 2 * arena->room : 64;
		arena->ranges = realloc(arena->ranges, arena->room * sizeof(*arena->ranges));
		if (!arena->ranges)
			abort();
	}
	if (arena->next == 0)
		arena->next = FIRST_ADDRESS;
	uint64_t address = arena->next + (uintptr_t)memory % 4096;
	arena->next = (address + length + GUARD + 4095) & ~UINT64_C(4095);
	arena->ranges[arena->count++] =
		(struct dma_range){ address, length, memory, writable || arena->lawless, false };
	return address;
}

/* The last range that begins at or below the address. */
static struct dma_range *find(struct dma_arena *arena, uint64_t address)
{
	size_t low = 0, high = arena->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (arena->ranges[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &arena->ranges[low - 1] : NULL;
}

void dma_arena_hide(struct dma_arena *arena, uint64_t address)
{
	find(arena, address)->unreadable = !arena->lawless;
}

bool dma_arena_remove(struct dma_arena *arena, uint64_t address)
{
	struct dma_range *range = find(arena, address);

	if (!range || range->address != address)
		return false;
	struct dma_range *end = arena->ranges + arena->count--;
	memmove(range, range + 1, (size_t)(end - range - 1) * sizeof(*range));
	return true;
}

void *dma_arena_reach(struct dma_arena *arena, uint64_t address, uint64_t length, bool write)
{
	struct dma_range *range = find(arena, address);

	if (!range || address - range->address > range->length ||
	    length > range->length - (address - range->address) ||
	    (write ? !range->writable : range->unreadable)) {
		arena->misses++;
		return NULL;
	}
	return range->memory + (address - range->address);
}

void dma_arena_clear(struct dma_arena *arena)
{
	free(arena->ranges);
	*arena = (struct dma_arena){ 0 };
}
