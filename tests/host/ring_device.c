/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of the virtqueues: what both formats share, and what a test asks for. The formats
 * themselves are in ring_device_split.c (section 2.7 of VIRTIO 1.4) and ring_device_packed.c (2.8).
 */
#include "tests/host/ring_device_format.h"

#include <stdlib.h>
#include <string.h>

void ring_complain(struct ring_device *device, const char *complaint)
{
	if (!device->complaint)
		device->complaint = complaint;
}

static uint8_t *area(struct ring_device *device, uint64_t address, uint64_t length, unsigned align,
		     bool write)
{
	if (address % align != 0)
		ring_complain(device, "a part of the queue is not aligned (2.7.1-1, 2.8.11-1)");
	return dma_arena_reach(device->arena, address, length, write);
}

void ring_device_start(struct ring_device *device, struct dma_arena *arena,
		       const struct ring_device_setup *setup)
{
	uint64_t size = setup->size;

	*device = (struct ring_device){
		.packed = setup->packed,
		.event_idx = setup->event_idx,
		.indirect = setup->indirect,
		.size = setup->size,
		.arena = arena,
		.avail_wrap = true,
		.used_wrap = true,
		.used_from_wrap = true,
	};
	if (setup->packed) {
		device->desc = area(device, setup->desc, 16 * size, 16, true);
		device->driver = area(device, setup->driver, 4, 4, false);
		device->device = area(device, setup->device, 4, 4, true);
	} else {
		device->desc = area(device, setup->desc, 16 * size, 16, false);
		device->driver = area(device, setup->driver, 6 + 2 * size, 2, false);
		device->device = area(device, setup->device, 6 + 8 * size, 4, true);
	}
	device->busy = calloc(size, 1);
	if (!device->busy)
		abort();
	if (!device->desc || !device->driver || !device->device) {
		ring_complain(device, "a part of the queue is out of reach");
		device->size = 0;
	}
}

static void *grown(void *memory, size_t count, size_t each)
{
	void *more = realloc(memory, count * each);

	if (!more)
		abort();
	return more;
}

void ring_chain_free(struct ring_chain *chain)
{
	free(chain->segments);
	free(chain->places);
	free(chain);
}

void ring_chain_place(struct ring_chain *chain, uint16_t index)
{
	/* Doubled whenever the count reaches a power of two. */
	if ((chain->descriptors & (chain->descriptors - 1)) == 0)
		chain->places =
			grown(chain->places, chain->descriptors ? 2 * chain->descriptors : 1,
			      sizeof(*chain->places));
	chain->places[chain->descriptors++] = index;
}

void ring_device_stop(struct ring_device *device)
{
	while (device->taken) {
		struct ring_chain *chain = device->taken;
		device->taken = chain->next;
		ring_chain_free(chain);
	}
	free(device->busy);
	*device = (struct ring_device){ 0 };
}

/* ---- Taking and using ------------------------------------------------------------ */

struct ring_chain *ring_chain_new(void)
{
	struct ring_chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		abort();
	return chain;
}

void ring_chain_add(struct ring_device *device, struct ring_chain *chain, uint64_t address,
		    uint32_t length, bool writable)
{
	if (length == 0)
		ring_complain(device, "a descriptor of length 0");
	if (chain->count > 0 && chain->segments[chain->count - 1].writable && !writable)
		ring_complain(device, "a readable descriptor behind a writable one (2.7.4.2-1)");
	if (chain->count == device->size)
		ring_complain(device, "a chain longer than the queue (2.7.5.3.1-3)");
	if (chain->count == chain->room) {
		chain->room = chain->room ? 2 * chain->room : 4;
		chain->segments = grown(chain->segments, chain->room, sizeof(*chain->segments));
	}
	uint8_t *memory = dma_arena_reach(device->arena, address, length, writable);
	if (!memory)
		ring_complain(device, "a buffer that is out of reach");
	if (writable)
		chain->writable += length;
	chain->segments[chain->count++] =
		(struct ring_segment){ memory, address, length, writable };
}

struct ring_chain *ring_device_take(struct ring_device *device)
{
	if (device->size == 0)
		return NULL;
	struct ring_chain *chain =
		device->packed ? ring_packed_take(device) : ring_split_take(device);
	if (chain) {
		chain->next = device->taken;
		device->taken = chain;
	}
	return chain;
}

unsigned ring_device_available(struct ring_device *device)
{
	if (device->size == 0)
		return 0;
	return device->packed ? ring_packed_available(device) : ring_split_available(device);
}

/* Takes the chain off the list of those that are taken. */
static void let_go(struct ring_device *device, struct ring_chain *chain)
{
	struct ring_chain **link = &device->taken;

	while (*link != chain)
		link = &(*link)->next;
	*link = chain->next;
	if (device->packed)
		ring_packed_release(device, chain);
	else
		ring_split_release(device, chain);
}

void ring_device_use(struct ring_device *device, struct ring_chain *chain, uint32_t written)
{
	let_go(device, chain);
	ring_device_lie_used(device, chain->id, written, chain->descriptors);
	ring_chain_free(chain);
}

void ring_device_use_batch(struct ring_device *device, struct ring_chain **chains, unsigned count,
			   uint32_t written)
{
	uint16_t id = chains[count - 1]->id, descriptors = 0;

	for (unsigned i = 0; i < count; i++) {
		let_go(device, chains[i]);
		descriptors = (uint16_t)(descriptors + chains[i]->descriptors);
		ring_chain_free(chains[i]);
	}
	/* Packed: the next used descriptor comes behind all of them. Split: the index counts them all, and
	 * their elements but the first are never written. */
	ring_device_lie_used(device, id, written, descriptors);
	if (!device->packed) {
		device->used = (uint16_t)(device->used + count - 1);
		ring_device_lie_index(device, device->used);
	}
}

void ring_device_hold(struct ring_device *device)
{
	device->holding = true;
}

void ring_device_show(struct ring_device *device)
{
	device->holding = false;
	if (device->packed) {
		if (device->held_place)
			ring_put16(device->held_place, device->held_flags);
		device->held_place = NULL;
	} else {
		ring_put16(device->device + 2, device->used);
	}
}

/* Walks through the readable or the writable bytes of a chain. */
static size_t copy(const struct ring_chain *chain, bool writable, size_t from, uint8_t *data,
		   size_t length)
{
	size_t done = 0;

	for (unsigned i = 0; i < chain->count && done < length; i++) {
		const struct ring_segment *segment = &chain->segments[i];
		if (segment->writable != writable)
			continue;
		if (from >= segment->length) {
			from -= segment->length;
			continue;
		}
		size_t step = segment->length - from;
		if (step > length - done)
			step = length - done;
		if (segment->memory && writable)
			memcpy(segment->memory + from, data + done, step);
		else if (segment->memory)
			memcpy(data + done, segment->memory + from, step);
		done += step;
		from = 0;
	}
	return done;
}

size_t ring_chain_read(const struct ring_chain *chain, size_t from, void *to, size_t length)
{
	return copy(chain, false, from, to, length);
}

size_t ring_chain_write(struct ring_chain *chain, size_t from, const void *data, size_t length)
{
	return copy(chain, true, from, (uint8_t *)(uintptr_t)data, length);
}

/* ---- Lies -------------------------------------------------------------------------- */

void ring_device_lie_used(struct ring_device *device, uint32_t id, uint32_t length,
			  uint16_t descriptors)
{
	if (device->packed)
		ring_packed_write_used(device, (uint16_t)id, length, descriptors);
	else
		ring_split_write_used(device, id, length);
	device->used_any = true;
}

void ring_device_lie_index(struct ring_device *device, uint16_t index)
{
	ring_put16(device->device + 2, index);
}

void ring_device_lie_flags(struct ring_device *device, uint16_t place, uint16_t flags)
{
	ring_put16(device->desc + 16 * (size_t)place + 14, flags);
}
