/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device of the hosted tests can reach: ranges of memory, each at a device address of its own that
 * equals no pointer (above what user space has) and is never given out twice. So a pointer taken for a
 * device address, an address used after it was given back, and an access past the end are all found: they
 * reach nothing.
 */
#ifndef TESTS_HOST_DMA_ARENA_H
#define TESTS_HOST_DMA_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dma_range {
	uint64_t address, length;
	uint8_t *memory;
	bool writable;   /* by the device */
	bool unreadable; /* for it */
};

struct dma_arena {
	struct dma_range *ranges; /* by address */
	size_t count, room;
	uint64_t next;
	unsigned misses; /* accesses that reached nothing */
	bool lawless; /* the device writes to what it may only read, as it can without an IOMMU */
};

/* The device address of [memory, memory + length), aligned like the pointer up to 4096. */
uint64_t dma_arena_add(struct dma_arena *arena, void *memory, uint64_t length, bool writable);
/* The device only writes to the range that begins at this address. */
void dma_arena_hide(struct dma_arena *arena, uint64_t address);
/* The range that begins at this address is out of reach from now on. False: there is none. */
bool dma_arena_remove(struct dma_arena *arena, uint64_t address);
/* Where the device's access goes; NULL, counted, when not all of it lies in one range. */
void *dma_arena_reach(struct dma_arena *arena, uint64_t address, uint64_t length, bool write);
void dma_arena_clear(struct dma_arena *arena);

#endif
