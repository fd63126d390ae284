/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ring must be like, for ring.c: a model of the buffers in flight, and of what the driver put into the shared
 * memory for each (VIRTIO 1.4, 2.7.5 and 2.8.6), whatever was scribbled over it.
 */
#ifndef TESTS_FUZZ_RING_MODEL_H
#define TESTS_FUZZ_RING_MODEL_H

#include "drivers/virtio/virtq.h"
#include "tests/fuzz/fuzz.h"

#define MAX_SIZE 64
#define RING_ADDRESS 0x10000
#define INDIRECT_ADDRESS 0x900000
#define SPLIT (FUZZ_FORMAT == VIRTQ_SPLIT)

enum { F_NEXT = 1, F_WRITE = 2, F_INDIRECT = 4, F_AVAIL = 1 << 7, F_USED = 1 << 15 };

/* ---- The model ---------------------------------------------------------------------- */

struct buffer {
	bool in_flight, published, used;
	unsigned long number; /* its cookie */
	uint32_t writable;
	unsigned descriptors;
	uint32_t written; /* what an honest device said */
};

static struct {
	struct virtq vq;
	struct virtq_setup setup;
	size_t ring_bytes, indirect_bytes;
	struct buffer buffers[MAX_SIZE]; /* by id */
	unsigned fifo[MAX_SIZE];         /* in flight, the first pushed first */
	unsigned in_flight;
	unsigned order[MAX_SIZE]; /* used by an honest device, in that order */
	unsigned used;
	unsigned long next_number;
	unsigned driver_at, device_at; /* split: free-running; packed: places in the ring */
	bool driver_wrap, device_wrap;
	uint16_t held_flags; /* packed: of the first descriptor since the last publish */
	unsigned held, held_at;
	bool clean; /* since the last reset the device has kept the rules */
	unsigned ambush_in;
	uint32_t ambush_value;
	unsigned rounds;
	uint16_t gone_before; /* split: so many buffers, as if */
} ring;

static void *cookie_of(unsigned long number)
{
	return (void *)(number + 1);
}

static void remove_from(unsigned *list, unsigned *count, unsigned id)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < *count; i++) {
		if (list[i] != id)
			list[kept++] = list[i];
	}
	*count = kept;
}

/* ---- Shared memory, as the device sees it -------------------------------------------- */

static uint8_t *shared(size_t offset, size_t width)
{
	FUZZ_CHECK(offset + width <= ring.ring_bytes);
	return (uint8_t *)ring.setup.ring + offset;
}

static uint64_t device_read(const uint8_t *at, unsigned width)
{
	uint64_t value = 0;

	memcpy(&value, at, width);
	return value;
}

static void device_write(size_t offset, unsigned width, uint64_t value)
{
	memcpy(shared(offset, width), &value, width);
}

/* The driver is about to load: the device may be quicker (hostile_loads.h). */
void device_before_load(const void *at, unsigned width);
void device_before_load(const void *at, unsigned width)
{
	if (ring.ambush_in == 0 || --ring.ambush_in > 0)
		return;
	memcpy((void *)(uintptr_t)at, &ring.ambush_value, width);
	ring.clean = false;
}

/* Split: where the available and the used ring begin. */
static size_t avail_offset(void)
{
	return 16 * (size_t)ring.setup.size;
}
static size_t used_offset(void)
{
	return (avail_offset() + 6 + 2 * (size_t)ring.setup.size + 3) & ~(size_t)3;
}

/* ---- What the driver wrote -------------------------------------------------------------- */

static void check_descriptor(const uint8_t *at, const struct virtq_segment *segment)
{
	FUZZ_CHECK(device_read(at, 8) == segment->address.bits);
	FUZZ_CHECK(device_read(at + 8, 4) == segment->length);
}

/* A table of descriptors that one in the ring points to. */
static void check_table(unsigned id, const struct virtq_segment *segments, unsigned readable,
			unsigned total)
{
	for (unsigned i = 0; i < total; i++) {
		const uint8_t *at = (const uint8_t *)ring.setup.indirect +
				    16 * ((size_t)id * ring.setup.indirect_entries + i);
		unsigned flags = i < readable ? 0 : F_WRITE;

		check_descriptor(at, &segments[i]);
		if (SPLIT && i + 1 < total) {
			flags |= F_NEXT;
			FUZZ_CHECK(device_read(at + 14, 2) == i + 1);
		}
		FUZZ_CHECK(device_read(at + (SPLIT ? 12 : 14), 2) == flags);
	}
}

static struct virtq_segment table_segment(unsigned id, unsigned total)
{
	return (struct virtq_segment){
		.address = { INDIRECT_ADDRESS + 16 * (uint64_t)id * ring.setup.indirect_entries },
		.length = 16 * total,
	};
}

static void check_split(unsigned id, const struct virtq_segment *segments, unsigned readable,
			unsigned total, bool indirect)
{
	unsigned at = id, entry = ring.driver_at++ & (ring.setup.size - 1u);

	FUZZ_CHECK(device_read(shared(avail_offset() + 4 + 2 * (size_t)entry, 2), 2) == id);
	for (unsigned i = 0; i < total; i++) {
		const uint8_t *desc = shared(16 * (size_t)at, 16);
		unsigned flags = indirect ? F_INDIRECT : i < readable ? 0 : F_WRITE;

		if (i + 1 < total)
			flags |= F_NEXT;
		FUZZ_CHECK(device_read(desc + 12, 2) == flags);
		check_descriptor(desc, &segments[i]);
		at = (unsigned)device_read(desc + 14, 2);
		FUZZ_CHECK(i + 1 == total || at < ring.setup.size);
	}
}

static void check_packed(unsigned id, const struct virtq_segment *segments, unsigned readable,
			 unsigned total, bool indirect)
{
	for (unsigned i = 0; i < total; i++) {
		const uint8_t *desc = shared(16 * (size_t)ring.driver_at, 16);
		unsigned flags = indirect ? F_INDIRECT : i < readable ? 0 : F_WRITE;

		flags |= ring.driver_wrap ? F_AVAIL : F_USED;
		if (i + 1 < total)
			flags |= F_NEXT;
		check_descriptor(desc, &segments[i]);
		FUZZ_CHECK(device_read(desc + 12, 2) == id);
		if (ring.held++ > 0) {
			FUZZ_CHECK(device_read(desc + 14, 2) == flags);
		} else {
			ring.held_at = ring.driver_at;
			ring.held_flags = (uint16_t)flags;
		}
		if (++ring.driver_at == ring.setup.size) {
			ring.driver_at = 0;
			ring.driver_wrap = !ring.driver_wrap;
		}
	}
}

/* ---- Comparing ------------------------------------------------------------------------------ */

/* The ids on the free list are free, and different. */
static void check_free_list(unsigned free_ids)
{
	bool seen[MAX_SIZE] = { false };
	unsigned id = ring.vq.free_head;

	for (unsigned i = 0; i < free_ids; i++) {
		FUZZ_CHECK(id < ring.setup.size);
		FUZZ_CHECK(!seen[id] && !ring.buffers[id].in_flight);
		seen[id] = true;
		id = ring.vq.slots[id].next;
	}
}

static void check(void)
{
	unsigned taken = 0, unpublished = 0;

	for (unsigned i = 0; i < ring.in_flight; i++) {
		const struct buffer *buffer = &ring.buffers[ring.fifo[i]];
		taken += buffer->descriptors;
		unpublished += !buffer->published;
		FUZZ_CHECK(virtq_busy(&ring.vq, ring.fifo[i]));
	}
	FUZZ_CHECK(ring.vq.in_flight == ring.in_flight);
	FUZZ_CHECK(ring.vq.free_count == ring.setup.size - taken);
	FUZZ_CHECK((SPLIT ? ring.vq.split.held : ring.vq.packed.held) >= unpublished);
	FUZZ_CHECK((SPLIT ? ring.vq.split.held : ring.vq.packed.held) == 0 || unpublished > 0);
	FUZZ_CHECK(ring.vq.broken == (ring.vq.fault != NULL));
	FUZZ_CHECK(!(ring.clean && ring.vq.broken));
	/* How far the device says it is: not further than there is something. */
	if (SPLIT)
		FUZZ_CHECK((uint16_t)(ring.vq.split.used_seen - ring.vq.split.used_idx) <=
			   ring.in_flight);
	check_free_list(SPLIT ? ring.vq.free_count : ring.setup.size - ring.in_flight);
}

#endif
