/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of the split virtqueue, VIRTIO 1.4 section 2.7, and the suppression of notifications
 * in both formats' words. Offsets are written out: nothing here is the driver's.
 *
 *   descriptor   0 le64 addr, 8 le32 len, 12 le16 flags, 14 le16 next
 *   driver area  0 le16 flags, 2 le16 idx, 4 le16 ring[size], le16 used_event
 *   device area  0 le16 flags, 2 le16 idx, 4 { le32 id, le32 len } ring[size], le16 avail_event
 */
#include "tests/host/ring_device_format.h"

/* ---- Taking --------------------------------------------------------------------- */

unsigned ring_split_available(struct ring_device *device)
{
	uint16_t waiting = (uint16_t)(ring_get16(device->driver + 2) - device->avail);

	if (waiting > device->size) {
		ring_complain(device, "the available index is more than the queue ahead");
		return 0;
	}
	return waiting;
}

uint16_t ring_device_position(const struct ring_device *device)
{
	return device->packed ? ring_packed_position(device) : ring_get16(device->driver + 2);
}

/* A descriptor in the ring belongs to one chain at a time. */
static bool occupy(struct ring_device *device, uint16_t index)
{
	if (index >= device->size) {
		ring_complain(device, "a descriptor index outside the table");
		return false;
	}
	if (device->busy[index]) {
		ring_complain(device, "a descriptor in two chains, or a chain that loops");
		return false;
	}
	device->busy[index] = 1;
	return true;
}

static void walk_table(struct ring_device *device, struct ring_chain *chain, uint64_t address,
		       uint32_t length)
{
	const uint8_t *table = dma_arena_reach(device->arena, address, length, false);
	uint32_t entries = length / 16, at = 0;

	chain->indirect = true;
	if (!device->indirect)
		ring_complain(device, "an indirect table without the feature (2.7.5.3.1-1)");
	if (!table || length == 0 || length % 16 != 0) {
		ring_complain(device, "an indirect table that is out of reach or of odd length");
		return;
	}
	for (uint32_t steps = 0; steps < entries; steps++) {
		const uint8_t *desc = table + 16 * (size_t)at;
		uint16_t flags = ring_get16(desc + 12);
		if (flags & VIRTQ_DESC_F_INDIRECT)
			ring_complain(device, "a table within a table (2.7.5.3.1-2)");
		ring_chain_add(device, chain, ring_get64(desc), ring_get32(desc + 8),
			       flags & VIRTQ_DESC_F_WRITE);
		if (!(flags & VIRTQ_DESC_F_NEXT)) {
			if (steps + 1 != entries)
				ring_complain(device, "an indirect table with unused entries");
			return;
		}
		at = ring_get16(desc + 14);
		if (at >= entries)
			break;
	}
	ring_complain(device, "an indirect table that does not end");
}

struct ring_chain *ring_split_take(struct ring_device *device)
{
	if (ring_split_available(device) == 0)
		return NULL;

	uint16_t index =
		ring_get16(device->driver + 4 + 2 * (size_t)(device->avail % device->size));
	struct ring_chain *chain = ring_chain_new();
	chain->id = index;
	device->avail++;
	while (occupy(device, index)) {
		const uint8_t *desc = device->desc + 16 * (size_t)index;
		uint16_t flags = ring_get16(desc + 12);
		ring_chain_place(chain, index);
		if (flags & VIRTQ_DESC_F_INDIRECT) {
			if (flags & VIRTQ_DESC_F_NEXT)
				ring_complain(device, "INDIRECT and NEXT (2.7.5.3.1-4)");
			walk_table(device, chain, ring_get64(desc), ring_get32(desc + 8));
		} else {
			ring_chain_add(device, chain, ring_get64(desc), ring_get32(desc + 8),
				       flags & VIRTQ_DESC_F_WRITE);
		}
		if (!(flags & VIRTQ_DESC_F_NEXT))
			break;
		index = ring_get16(desc + 14);
	}
	return chain;
}

/* ---- Using ------------------------------------------------------------------------- */

void ring_split_release(struct ring_device *device, const struct ring_chain *chain)
{
	for (unsigned i = 0; i < chain->descriptors; i++)
		device->busy[chain->places[i]] = 0;
}

void ring_split_write_used(struct ring_device *device, uint32_t id, uint32_t length)
{
	uint8_t *element = device->device + 4 + 8 * (size_t)(device->used % device->size);

	ring_put32(element, id);
	ring_put32(element + 4, length);
	device->used++;
	if (!device->holding)
		ring_put16(device->device + 2, device->used);
}

/* ---- Suppression --------------------------------------------------------------------- */

static uint8_t *used_event(const struct ring_device *device)
{
	return device->driver + 4 + 2 * (size_t)device->size;
}

static uint8_t *avail_event(const struct ring_device *device)
{
	return device->device + 4 + 8 * (size_t)device->size;
}

uint32_t ring_device_driver_event(const struct ring_device *device)
{
	if (device->packed)
		return ring_get32(device->driver);
	return ring_get16(device->event_idx ? used_event(device) : device->driver);
}

/* 2.7.7.2: counted one by one, so that no arithmetic of the driver's can hide here. */
static bool split_wants_interrupt(struct ring_device *device)
{
	bool wanted = false;

	for (uint16_t i = device->used_from; i != device->used; i++) {
		if (device->event_idx)
			wanted |= ring_get16(used_event(device)) == i;
		else
			wanted |= (ring_get16(device->driver) & 1) == 0;
	}
	if (device->event_idx && ring_get16(device->driver) != 0)
		ring_complain(device, "flags are not 0 with EVENT_IDX (2.7.7.1-3)");
	device->used_from = device->used;
	return wanted;
}

bool ring_device_wants_interrupt(struct ring_device *device)
{
	bool any = device->used_any;

	device->used_any = false;
	if (device->size == 0 || !any)
		return false;
	return device->packed ? ring_packed_wants_interrupt(device) : split_wants_interrupt(device);
}

void ring_device_lie_event(struct ring_device *device, uint32_t word)
{
	if (device->packed)
		ring_put32(device->device, word);
	else
		ring_put16(device->event_idx ? avail_event(device) : device->device,
			   (uint16_t)word);
}

void ring_device_suppress(struct ring_device *device)
{
	if (device->packed)
		ring_device_lie_event(device, UINT32_C(1) << 16);
	else
		ring_device_lie_event(device, device->event_idx ? device->avail - 1u : 1u);
}

void ring_device_ask(struct ring_device *device)
{
	if (device->event_idx)
		ring_device_ask_at(device, device->avail, device->avail_wrap);
	else
		ring_device_lie_event(device, 0);
}

void ring_device_ask_at(struct ring_device *device, uint16_t where, bool wrap)
{
	if (device->packed)
		ring_device_lie_event(device, where | (uint32_t)wrap << 15 | UINT32_C(2) << 16);
	else
		ring_device_lie_event(device, where);
}

/* ---- Scribbling ------------------------------------------------------------------------- */

void ring_device_scribble(struct ring_device *device, uint8_t byte)
{
	size_t size = device->size;

	if (!device->packed) {
		for (size_t i = 0; i < 16 * size; i++)
			device->desc[i] = byte;
		for (size_t i = 0; i < 2 * size; i++)
			device->driver[4 + i] = byte;
		return;
	}
	/* Flags stay as they are: they say whose the descriptor is, and are another fault's business. */
	for (size_t i = 0; i < size; i++) {
		for (size_t at = 0; at < 14; at++)
			device->desc[16 * i + at] = byte;
	}
}
