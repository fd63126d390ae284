/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of the packed virtqueue, VIRTIO 1.4 section 2.8. Offsets are written out: nothing here
 * is the driver's.
 *
 *   descriptor       0 le64 addr, 8 le32 len, 12 le16 id, 14 le16 flags
 *   event structure  0 le16: 15 bits of offset, wrap counter; 2 le16: 2 bits of flags
 */
#include "tests/host/ring_device_format.h"

enum { AVAIL = 1 << 7, USED = 1 << 15 };
enum { EVENTS_ENABLE = 0, EVENTS_DISABLE = 1, EVENTS_DESC = 2 };

static uint16_t flags_at(const struct ring_device *device, uint16_t place)
{
	return ring_get16(device->desc + 16 * (size_t)place + 14);
}

/* 2.8.1: AVAIL is the driver's counter, USED is not. */
static bool is_available(uint16_t flags, bool wrap)
{
	return ((flags & AVAIL) != 0) == wrap && ((flags & USED) != 0) != wrap;
}

static void step(const struct ring_device *device, uint16_t *place, bool *wrap)
{
	if (++*place == device->size) {
		*place = 0;
		*wrap = !*wrap;
	}
}

/* ---- Taking --------------------------------------------------------------------- */

unsigned ring_packed_available(struct ring_device *device)
{
	return is_available(flags_at(device, device->avail), device->avail_wrap);
}

static void walk_table(struct ring_device *device, struct ring_chain *chain, const uint8_t *desc)
{
	uint32_t length = ring_get32(desc + 8);
	const uint8_t *table = dma_arena_reach(device->arena, ring_get64(desc), length, false);

	chain->indirect = true;
	if (!device->indirect)
		ring_complain(device, "an indirect table without the feature (2.8.19-1)");
	if (!table || length == 0 || length % 16 != 0) {
		ring_complain(device, "an indirect table that is out of reach or of odd length");
		return;
	}
	for (uint32_t at = 0; at < length; at += 16) {
		uint16_t flags = ring_get16(table + at + 14);
		if (flags & ~VIRTQ_DESC_F_WRITE)
			ring_complain(device, "other flags than WRITE within a table (2.8.19-2)");
		ring_chain_add(device, chain, ring_get64(table + at), ring_get32(table + at + 8),
			       flags & VIRTQ_DESC_F_WRITE);
	}
}

struct ring_chain *ring_packed_take(struct ring_device *device)
{
	if (!ring_packed_available(device))
		return NULL;

	struct ring_chain *chain = ring_chain_new();
	uint16_t flags;
	do {
		const uint8_t *desc = device->desc + 16 * (size_t)device->avail;
		flags = flags_at(device, device->avail);
		/* The head was available, so all of the list must be (2.8.17-6). */
		if (!is_available(flags, device->avail_wrap)) {
			ring_complain(device, "a list that is only partly available (2.8.17-6)");
			break;
		}
		if (device->occupied == device->size) {
			ring_complain(device, "more descriptors than the queue has");
			break;
		}
		device->occupied++;
		chain->descriptors++;
		chain->id = ring_get16(desc + 12);
		if (flags & VIRTQ_DESC_F_INDIRECT) {
			if (flags & VIRTQ_DESC_F_NEXT || chain->descriptors > 1)
				ring_complain(device, "INDIRECT within a list (2.8.19-4)");
			walk_table(device, chain, desc);
		} else {
			ring_chain_add(device, chain, ring_get64(desc), ring_get32(desc + 8),
				       flags & VIRTQ_DESC_F_WRITE);
		}
		step(device, &device->avail, &device->avail_wrap);
	} while (flags & VIRTQ_DESC_F_NEXT);

	if (chain->id >= device->size)
		ring_complain(device, "a buffer id that is not below the queue size");
	else if (device->busy[chain->id]++)
		ring_complain(device, "a buffer id that is in flight already");
	return chain;
}

uint16_t ring_packed_position(const struct ring_device *device)
{
	uint16_t place = device->avail;
	bool wrap = device->avail_wrap;

	for (unsigned i = 0; i < device->size && is_available(flags_at(device, place), wrap); i++)
		step(device, &place, &wrap);
	return (uint16_t)(place | wrap << 15);
}

/* ---- Using ------------------------------------------------------------------------- */

void ring_packed_release(struct ring_device *device, const struct ring_chain *chain)
{
	if (chain->id < device->size)
		device->busy[chain->id] = 0;
	device->occupied -= chain->descriptors;
}

void ring_packed_write_used(struct ring_device *device, uint16_t id, uint32_t length,
			    uint16_t descriptors)
{
	uint8_t *desc = device->desc + 16 * (size_t)device->used;
	uint16_t flags = device->used_wrap ? AVAIL | USED : 0;

	if (length > 0)
		flags |= VIRTQ_DESC_F_WRITE;
	ring_put16(desc + 12, id);
	ring_put32(desc + 8, length);
	if (device->holding && !device->held_place) {
		device->held_place = desc + 14;
		device->held_flags = flags;
	} else {
		ring_put16(desc + 14, flags);
	}
	while (descriptors-- > 0)
		step(device, &device->used, &device->used_wrap);
}

/* ---- Suppression --------------------------------------------------------------------- */

/* 2.8.10, 2.8.22: place by place from where it was looked at last. */
bool ring_packed_wants_interrupt(struct ring_device *device)
{
	uint32_t event = ring_get32(device->driver);
	unsigned how = event >> 16;
	bool passed = false;

	while (device->used_from != device->used || device->used_from_wrap != device->used_wrap) {
		passed |= device->used_from == (event & 0x7fff) &&
			  device->used_from_wrap == ((event >> 15 & 1) != 0);
		step(device, &device->used_from, &device->used_from_wrap);
	}
	if (how > EVENTS_DESC || (how == EVENTS_DESC && !device->event_idx))
		ring_complain(device, "event flags that the driver may not use");
	return how == EVENTS_ENABLE || (how == EVENTS_DESC && passed);
}
