/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of both virtqueue formats, for tests: written from sections 2.7 and 2.8 of VIRTIO 1.4
 * with none of the driver's ring code, so that a misreading there does not repeat itself here. It takes
 * buffers, gives them back in any order, and can be told to lie.
 *
 *     ring_device_start(&device, …);                      // once the driver has set up its side
 *     while ((chain = ring_device_take(&device)) != NULL)
 *             ring_device_use(&device, chain, written);   // now, or later, or never
 *     if (ring_device_wants_interrupt(&device)) …
 *
 * A driver that breaks a rule of the format is found: `complaint` says which (the first one only).
 */
#ifndef TESTS_HOST_RING_DEVICE_H
#define TESTS_HOST_RING_DEVICE_H

#include "tests/host/dma_arena.h"

/* A piece of a buffer, as the device sees it. */
struct ring_segment {
	uint8_t *memory;
	uint64_t address;
	uint32_t length;
	bool writable;
};

/* A buffer that the device has taken and not given back. */
struct ring_chain {
	struct ring_chain *next;
	uint16_t id;          /* what is given back: the head (split), the buffer id (packed) */
	uint16_t descriptors; /* in the ring */
	bool indirect;
	unsigned count, room;
	uint64_t writable; /* bytes */
	struct ring_segment *segments;
	uint16_t *places; /* split: those descriptors */
};

struct ring_device {
	bool packed, event_idx, indirect;
	uint16_t size;
	struct dma_arena *arena;
	uint8_t *desc, *driver, *device; /* the three areas, 2.6 */
	const char *complaint;

	/* Split: free-running indices. Packed: places in the ring, with wrap counters. */
	uint16_t avail, used;
	bool avail_wrap, used_wrap;
	uint16_t used_from; /* where wants_interrupt looked the last time */
	bool used_from_wrap;
	bool used_any;

	struct ring_chain *taken;
	uint8_t *busy;     /* a byte for each descriptor (split) or id (packed) in `taken` */
	unsigned occupied; /* packed: places in the ring that `taken` takes */

	bool holding;        /* use without showing it: see ring_device_hold */
	uint8_t *held_place; /* packed: the flags that are not written yet, */
	uint16_t held_flags; /* and what they will be */
};

struct ring_device_setup {
	bool packed, event_idx, indirect;
	uint16_t size;
	uint64_t desc, driver, device; /* device addresses */
};

/* Begins with empty rings, as after a reset; ring_device_stop has been called if it was running. */
void ring_device_start(struct ring_device *device, struct dma_arena *arena,
		       const struct ring_device_setup *setup);
/* Forgets everything, buffers too. */
void ring_device_stop(struct ring_device *device);

/* The next available buffer, in the device's hands from now on; NULL when there is none. */
struct ring_chain *ring_device_take(struct ring_device *device);
/* How many buffers (split) or whether any (packed) are available and not taken. */
unsigned ring_device_available(struct ring_device *device);
/* Where the driver's next buffer will be, as a notification tells it (2.9). */
uint16_t ring_device_position(const struct ring_device *device);
/* Gives a buffer back, with what the driver is told of its written length. */
void ring_device_use(struct ring_device *device, struct ring_chain *chain, uint32_t written);
/* VIRTIO_F_IN_ORDER: gives back `count` buffers, in the order in which they were taken, by one used element
 * that names the last of them and its written length (2.7.9, 2.8.8). */
void ring_device_use_batch(struct ring_device *device, struct ring_chain **chains, unsigned count,
			   uint32_t written);
/* From hold to show, what is used stays invisible; then all of it appears by one store. */
void ring_device_hold(struct ring_device *device);
void ring_device_show(struct ring_device *device);

/* Copies out of a buffer's readable segments, or into its writable ones, from a byte on. Returns how many
 * bytes there were. */
size_t ring_chain_read(const struct ring_chain *chain, size_t from, void *to, size_t length);
size_t ring_chain_write(struct ring_chain *chain, size_t from, const void *data, size_t length);

/* ---- Suppression ------------------------------------------------------------- */

/* Whether what was used since the last time that this was asked calls for an interrupt. */
bool ring_device_wants_interrupt(struct ring_device *device);
/* What the driver has written there, raw: split flags or used_event, packed the event structure. */
uint32_t ring_device_driver_event(const struct ring_device *device);

/* No notifications, or one with the next buffer. */
void ring_device_suppress(struct ring_device *device);
void ring_device_ask(struct ring_device *device);
/* One when the driver has made this available: an index (split), a place in the ring (packed). Only with
 * event_idx. */
void ring_device_ask_at(struct ring_device *device, uint16_t where, bool wrap);

/* ---- Lies --------------------------------------------------------------------- */

/* Writes a used element with any id and length, as if a buffer of so many descriptors were used. */
void ring_device_lie_used(struct ring_device *device, uint32_t id, uint32_t length,
			  uint16_t descriptors);
/* Split: the used index says this. */
void ring_device_lie_index(struct ring_device *device, uint16_t index);
/* Packed: the flags of a place in the ring. */
void ring_device_lie_flags(struct ring_device *device, uint16_t place, uint16_t flags);
/* The event words, raw: as in ring_device_driver_event, but those that the device writes. */
void ring_device_lie_event(struct ring_device *device, uint32_t word);
/* Writes over all that the driver wrote and does not need to read again: descriptors and available ring
 * (split), addresses of all descriptors and all of those that are taken (packed). */
void ring_device_scribble(struct ring_device *device, uint8_t byte);

#endif
