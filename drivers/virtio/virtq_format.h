/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ring format does for virtq.c, and nothing else: encode a buffer, publish, take used buffers. The
 * checks of what the device said that do not depend on the format are here, so that they are written once.
 */
#ifndef DRIVERS_VIRTIO_VIRTQ_FORMAT_H
#define DRIVERS_VIRTIO_VIRTQ_FORMAT_H

#include "drivers/virtio/virtq.h"

/* Marks the queue broken; returns ERR_BROKEN. The first fault is kept. */
int virtq_break(struct virtq *vq, const char *fault, uint32_t value);
/* The same, for a used buffer of that id and length, which are not right: finds out why. 0: they are, all the
 * same (counts_read). */
int virtq_break_used(struct virtq *vq, uint32_t id, uint32_t written);

/* Takes the first free id for a buffer of `count` descriptors in the ring; where the free list goes on is
 * the format's business. */
static inline void virtq_take(struct virtq *vq, uint16_t id, unsigned count, uint32_t writable,
			      void *cookie)
{
	struct virtq_slot *slot = &vq->slots[id];

	slot->cookie = cookie;
	slot->writable = writable;
	slot->count = (uint16_t)count;
	slot->looks = 0;
	vq->free_count -= count;
	vq->in_flight++;
}

/* The same for one of a list, in the slot that is the first free one: `count` of them are counted by
 * virtq_taken_many. */
static inline void virtq_take_one(struct virtq_slot *slot, struct virtq_buffer *buffer)
{
	slot->cookie = buffer;
	slot->writable = buffer->writable;
	slot->count = 1;
	slot->looks = 0;
}

static inline void virtq_taken_many(struct virtq *vq, unsigned count)
{
	vq->free_count -= count;
	vq->in_flight += count;
}

/* The same for one of virtq_push_singles. */
static inline void virtq_take_single(struct virtq_slot *slot, const struct virtq_single *buffer,
				     uint16_t flags)
{
	slot->cookie = buffer->cookie;
	slot->writable = flags & VIRTQ_DESC_F_WRITE ? buffer->length : 0;
	slot->count = 1;
	slot->looks = 0;
}

/* The device chose id and length: nothing is indexed or copied by them before this. */
static inline bool virtq_used_is_right(const struct virtq_slot *slots, unsigned last, uint32_t id,
				       uint32_t written)
{
	return id <= last && slots[id].count != 0 && written <= slots[id].writable;
}

/* The same, and of one descriptor. */
static inline bool virtq_used_is_usual(const struct virtq_slot *slots, unsigned last, uint32_t id,
				       uint32_t written)
{
	return id <= last && written <= slots[id].writable && slots[id].count == 1;
}

/* Both by one store. */
static inline void virtq_set_free(struct virtq_slot *slot)
{
	slot->count = 0;
	slot->looks = 0;
}

/* One of a used buffer's, whose id and length are right, and which had one descriptor: `count` of them are counted by
 * virtq_given_many. */
static inline void virtq_took_back(struct virtq_slot *slot, struct virtq_done *done,
				   uint32_t written)
{
	done->cookie = slot->cookie;
	done->written = written;
	virtq_set_free(slot);
}

static inline void virtq_given_many(struct virtq *vq, unsigned count)
{
	vq->free_count += count;
	vq->in_flight -= count;
}

/* Gives the id back, once the format has given back its descriptors. */
static inline void *virtq_give(struct virtq *vq, uint16_t id)
{
	struct virtq_slot *slot = &vq->slots[id];

	vq->free_count += slot->count;
	vq->in_flight--;
	virtq_set_free(slot);
	return slot->cookie;
}

size_t split_ring_bytes(uint16_t size);
struct virtq_addresses split_addresses(uint16_t size, dma_addr_t ring);
void split_init(struct virtq *vq, const struct virtq_setup *setup);
void split_write_table(struct virtq_desc *table, const struct virtq_segment *segments,
		       unsigned readable, unsigned total);
int split_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
	       unsigned total, uint32_t writable, void *cookie);
/* There is room for all of them. */
void split_push_singles(struct virtq *vq, const struct virtq_single *buffers, unsigned count,
			uint16_t flags);
uint16_t split_position(const struct virtq *vq);
/* The next entry that the device wrote, raw: 1; 0: there is none; or ERR_BROKEN. */
int split_fetch(struct virtq *vq, uint32_t *id, uint32_t *written);
/* Goes on behind that entry, and gives back the descriptors of a checked id. */
void split_release(struct virtq *vq, uint16_t id);

size_t packed_ring_bytes(uint16_t size);
struct virtq_addresses packed_addresses(uint16_t size, dma_addr_t ring);
void packed_init(struct virtq *vq, const struct virtq_setup *setup);
void packed_write_table(struct virtq_desc *table, const struct virtq_segment *segments,
			unsigned readable, unsigned total);
int packed_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
		unsigned total, uint32_t writable, void *cookie);
void packed_push_singles(struct virtq *vq, const struct virtq_single *buffers, unsigned count,
			 uint16_t flags);
uint16_t packed_position(const struct virtq *vq);
int packed_fetch(struct virtq *vq, uint32_t *id, uint32_t *written);
void packed_release(struct virtq *vq, uint16_t id);

#endif
