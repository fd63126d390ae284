/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network's own memory, from which lwIP takes all that it needs: libc's may not be touched in drain context, where
 * sent frames are given back, and what others send must not use up what the program needs.
 *
 * A buddy allocator: a block has 2^n units; two that were one are one again when both are free. How large a block is, and
 * whether it is free, stands in a table besides, a byte for each unit.
 *
 * No size of blocks may take more than a quarter of all, but for those that hold frames, which together may have seven
 * eighths: so what is left of many closed connections does not keep others from sending, and data that waits to be sent does
 * not keep anybody from connecting.
 *
 * Blocks of the usual sizes, when they are given back, stay as they are, a number of each: the next one of that size is
 * theirs without any cutting and mending. When memory runs short these are given up.
 *
 * See it at work: make run APP=httpd
 */
#include "kernel/net/memory.h"

#include <stdint.h>
#include <string.h>

#include "drivers/virtio/port.h"

#define UNIT 64
#define ORDERS 17 /* of blocks: UNIT << 0 … */
#define LARGEST (ORDERS - 1)
#define FRAME_ORDER 5  /* UNIT << 5: from here on it is frames */
#define LEAST_ORDER 14 /* of all memory: 1 MiB */
#define FREE 0x80      /* in the table, with the order; only at a block's first unit */

struct block {
	struct block *next, **link;
};

/* Blocks that are ready to be used again: for the others they are in use. */
#define READY_ORDERS 7
#define READY_MAX 64

static struct {
	struct block *first;
	unsigned count;
} ready[READY_ORDERS];

static uint8_t *memory, *table;
static unsigned order_of_all;
static struct block *free_blocks[ORDERS];
/* Units of each order; those of frames, of whatever order, are the last. */
static struct bound {
	size_t used, most;
} bounds[FRAME_ORDER + 1];

static size_t unit_of(const void *block)
{
	return (size_t)((const uint8_t *)block - memory) / UNIT;
}

static void put(void *at, unsigned order)
{
	struct block *block = at;

	block->next = free_blocks[order];
	block->link = &free_blocks[order];
	if (block->next)
		block->next->link = &block->next;
	free_blocks[order] = block;
	table[unit_of(block)] = (uint8_t)(FREE | order);
}

static void take(struct block *block)
{
	*block->link = block->next;
	if (block->next)
		block->next->link = block->link;
	table[unit_of(block)] = 0;
}

bool network_memory_start(void)
{
	for (order_of_all = LARGEST; order_of_all >= LEAST_ORDER; order_of_all--) {
		size_t units = (size_t)1 << order_of_all;
		memory = vport_alloc(units * UNIT);
		table = memory ? vport_alloc(units) : NULL;
		if (table) {
			put(memory, order_of_all);
			for (unsigned i = 0; i <= FRAME_ORDER; i++)
				bounds[i].most = i < FRAME_ORDER ? units / 4 : units - units / 8;
			return true;
		}
		if (memory)
			vport_free(memory, units * UNIT);
	}
	return false;
}

/* 2^n units are enough for it: n is how many digits the number of its last unit has. */
static unsigned order_for(size_t size)
{
	return size <= UNIT ? 0 : 64 - (unsigned)__builtin_clzl((size - 1) / UNIT);
}

size_t network_block_bytes(size_t size)
{
	return (size_t)UNIT << order_for(size);
}

static inline struct bound *bound_of(unsigned order)
{
	return &bounds[order < FRAME_ORDER ? order : FRAME_ORDER];
}

/* Whether there may be another block of that order, which is counted then. */
static inline bool may_have(unsigned order)
{
	struct bound *bound = bound_of(order);
	size_t units = bound->used + ((size_t)1 << order);

	if (units > bound->most)
		return false;
	bound->used = units;
	return true;
}

/* Cuts one off the smallest free one that is large enough. */
static struct block *cut(unsigned order)
{
	unsigned from = order;

	while (from <= order_of_all && !free_blocks[from])
		from++;
	if (from > order_of_all)
		return NULL;
	struct block *block = free_blocks[from];
	take(block);
	while (from > order) {
		from--;
		put((uint8_t *)block + ((size_t)UNIT << from), from);
	}
	table[unit_of(block)] = (uint8_t)order;
	return block;
}

/* Makes it one with its buddy, as often as that is free. */
static void mend(void *at, unsigned order)
{
	size_t unit = unit_of(at);

	for (; order < order_of_all; order++) {
		size_t buddy = unit ^ (size_t)1 << order;
		if (table[buddy] != (FREE | order))
			break;
		take((struct block *)(memory + buddy * UNIT));
		unit &= ~((size_t)1 << order);
	}
	put(memory + unit * UNIT, order);
}

/* Whether there were any. */
static bool give_up_ready(void)
{
	bool any = false;

	for (unsigned order = 0; order < READY_ORDERS; order++) {
		while (ready[order].first) {
			struct block *block = ready[order].first;
			ready[order].first = block->next;
			mend(block, order);
			any = true;
		}
		ready[order].count = 0;
	}
	return any;
}

/* Where there is none ready. */
static __attribute__((noinline)) void *cut_for(unsigned order)
{
	struct block *block = cut(order);

	if (!block && give_up_ready())
		block = cut(order);
	if (!block)
		bound_of(order)->used -= (size_t)1 << order;
	return block;
}

void *network_malloc(size_t size)
{
	unsigned order = order_for(size);

	if (order > order_of_all || !may_have(order))
		return NULL;
	if (order >= READY_ORDERS || !ready[order].first)
		return cut_for(order);
	struct block *block = ready[order].first;
	ready[order].first = block->next;
	ready[order].count--;
	return block;
}

void *network_calloc(size_t count, size_t size)
{
	void *block = network_malloc(count * size);

	return block ? memset(block, 0, count * size) : NULL;
}

void network_free(void *at)
{
	struct block *block = at;
	unsigned order = table[unit_of(at)];

	kit_assert(unit_of(at) >> order_of_all == 0 && !(order & FREE));
	bound_of(order)->used -= (size_t)1 << order;
	if (order < READY_ORDERS && ready[order].count < READY_MAX) {
		block->next = ready[order].first;
		ready[order].first = block;
		ready[order].count++;
	} else {
		mend(block, order);
	}
}

size_t network_memory_used(size_t *total)
{
	size_t units = 0;

	for (unsigned i = 0; i <= FRAME_ORDER; i++)
		units += bounds[i].used;
	*total = memory ? (size_t)UNIT << order_of_all : 0;
	return units * UNIT;
}
