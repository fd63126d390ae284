/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both virtqueue formats have in common: the private slot table, and the checks of what a device
 * says. Read drivers/virtio/virtq.h first, then this, then split.c beside section 2.7 of VIRTIO 1.4,
 * then packed.c beside section 2.8.
 *
 * See it at work: make run APP=disksum RING=split
 */
#include "drivers/virtio/virtq_format.h"

size_t virtq_ring_bytes(enum virtq_format format, uint16_t size)
{
	return format == VIRTQ_SPLIT ? split_ring_bytes(size) : packed_ring_bytes(size);
}

size_t virtq_table_bytes(uint16_t size)
{
	return size * sizeof(struct virtq_slot);
}

size_t virtq_indirect_bytes(uint16_t size, uint16_t indirect_entries)
{
	return (size_t)size * indirect_entries * sizeof(struct virtq_desc);
}

struct virtq_addresses virtq_addresses(enum virtq_format format, uint16_t size, dma_addr_t ring)
{
	return format == VIRTQ_SPLIT ? split_addresses(size, ring) : packed_addresses(size, ring);
}

void virtq_init(struct virtq *vq, const struct virtq_setup *setup)
{
	kit_assert(setup->size > 0 && setup->size <= VIRTQ_MAX_SIZE);
	kit_assert(setup->indirect_entries <= setup->size); /* 2.7.5.3.1-3 */
	kit_assert(setup->format == VIRTQ_PACKED || (setup->size & (setup->size - 1)) == 0);

	*vq = (struct virtq){
		.format = setup->format,
		.size = setup->size,
		.in_order = setup->in_order,
		.event_idx = setup->event_idx,
		.order_platform = setup->order_platform,
		.counts_read = setup->counts_read,
		.free_count = setup->size,
		.indirect_entries = setup->indirect_entries,
		.slots = setup->table,
		.indirect = setup->indirect,
		.indirect_address = setup->indirect_address,
	};
	/* The free list is a circle, 0, 1, 2 …: what is given back in the order in which it was taken need
	 * not be linked again, and VIRTIO_F_IN_ORDER's demand for ascending descriptors is met. */
	for (unsigned id = 0; id < setup->size; id++)
		vq->slots[id] = (struct virtq_slot){ .next = (uint16_t)((id + 1) % setup->size) };

	if (vq->format == VIRTQ_SPLIT)
		split_init(vq, setup);
	else
		packed_init(vq, setup);
}

int virtq_break(struct virtq *vq, const char *fault, uint32_t value)
{
	if (!vq->broken) {
		vq->broken = true;
		vq->fault = fault;
		vq->fault_value = value;
	}
	return ERR_BROKEN;
}

int virtq_break_used(struct virtq *vq, uint32_t id, uint32_t written)
{
	if (id >= vq->size)
		return virtq_break(vq, "used id is not below the queue size", id);
	if (vq->slots[id].count == 0)
		return virtq_break(vq, "used id is not in flight", id);
	if (vq->counts_read)
		return 0;
	return virtq_break(vq, "more bytes written than the buffer has", written);
}

unsigned virtq_max_segments(const struct virtq *vq)
{
	return vq->size; /* 2.7.5.3.1-3 */
}

/* Descriptors that a buffer takes in the ring itself: one when an indirect table holds the rest. */
static unsigned ring_descriptors(const struct virtq *vq, unsigned segments)
{
	return segments > 1 && segments <= vq->indirect_entries ? 1 : segments;
}

bool virtq_has_room(const struct virtq *vq, unsigned segments)
{
	return ring_descriptors(vq, segments) <= vq->free_count;
}

void virtq_write_table(const struct virtq *vq, struct virtq_desc *table,
		       const struct virtq_segment *segments, unsigned readable, unsigned writable)
{
	unsigned total = readable + writable;

	kit_assert(total > 0 && total <= virtq_max_segments(vq));
	if (vq->format == VIRTQ_SPLIT)
		split_write_table(table, segments, readable, total);
	else
		packed_write_table(table, segments, readable, total);
}

/* Writes the queue's own table for the id that will be taken, the first free one, and says where it is. */
static struct virtq_segment table_for(struct virtq *vq, const struct virtq_segment *segments,
				      unsigned readable, unsigned writable)
{
	size_t first = (size_t)vq->free_head * vq->indirect_entries;

	virtq_write_table(vq, &vq->indirect[first], segments, readable, writable);
	return (struct virtq_segment){
		{ vq->indirect_address.bits + first * sizeof(struct virtq_desc) },
		(readable + writable) * (uint32_t)sizeof(struct virtq_desc),
	};
}

int virtq_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
	       unsigned writable, void *cookie)
{
	unsigned total = readable + writable;
	kit_assert(total > 0 && total <= virtq_max_segments(vq));

	if (vq->broken)
		return ERR_BROKEN;
	unsigned count = ring_descriptors(vq, total);
	if (count > vq->free_count)
		return ERR_FULL;

	uint64_t bytes = 0, in = 0;
	for (unsigned i = 0; i < total; i++) {
		bytes += segments[i].length;
		if (i >= readable)
			in += segments[i].length;
	}
	kit_assert(bytes <=
		   UINT32_MAX); /* 2.7.5.2-1 allows one more, which no written length could tell */

	if (count > 1)
		return vq->format == VIRTQ_SPLIT
			       ? split_push(vq, segments, readable, total, (uint32_t)in, cookie)
			       : packed_push(vq, segments, readable, total, (uint32_t)in, cookie);
	struct virtq_segment whole = segments[0];
	uint16_t flags = writable ? VIRTQ_DESC_F_WRITE : 0;
	if (total > 1) {
		whole = table_for(vq, segments, readable, writable);
		flags = VIRTQ_DESC_F_INDIRECT;
	}
	return virtq_push_flagged(vq, whole, flags, (uint32_t)in, cookie);
}

unsigned virtq_push_singles(struct virtq *vq, const struct virtq_single *buffers, unsigned count,
			    bool writable)
{
	uint16_t flags = writable ? VIRTQ_DESC_F_WRITE : 0;

	if (vq->broken)
		return 0;
	if (count > vq->free_count)
		count = vq->free_count;
	if (vq->format == VIRTQ_SPLIT)
		split_push_singles(vq, buffers, count, flags);
	else
		packed_push_singles(vq, buffers, count, flags);
	return count;
}

uint16_t virtq_position(const struct virtq *vq)
{
	return vq->format == VIRTQ_SPLIT ? split_position(vq) : packed_position(vq);
}

/* The next entry that the device wrote, raw. 1, 0: there is none, or ERR_BROKEN. */
static int fetch(struct virtq *vq, uint32_t *id, uint32_t *written)
{
	return vq->format == VIRTQ_SPLIT ? split_fetch(vq, id, written)
					 : packed_fetch(vq, id, written);
}

static void *release(struct virtq *vq, uint16_t id)
{
	if (vq->format == VIRTQ_SPLIT)
		split_release(vq, id);
	else
		packed_release(vq, id);
	return virtq_give(vq, id);
}

/*
 * One at a time, whatever it is. With VIRTIO_F_IN_ORDER one used entry may stand for all buffers from the oldest to
 * the one that it names: they come out one by one, and it is one of them, for it is in flight. (The split ring's
 * index must have counted all of them by then.)
 */
static int pop_one(struct virtq *vq, struct virtq_done *done)
{
	if (!vq->in_batch) {
		uint32_t id, written;
		int got = fetch(vq, &id, &written);
		if (got <= 0)
			return got;
		if (!virtq_used_is_right(vq->slots, vq->size - 1u, id, written) &&
		    virtq_break_used(vq, id, written) != 0)
			return ERR_BROKEN;
		vq->batch_id = id;
		vq->batch_written = written;
	} else if (vq->format == VIRTQ_SPLIT && vq->split.used_idx == vq->split.used_seen) {
		return virtq_break(vq, "a batch reaches further than what was used", vq->batch_id);
	}
	uint32_t id = vq->in_order ? vq->oldest : vq->batch_id;
	vq->in_batch = id != vq->batch_id;
	done->written = vq->in_batch ? vq->slots[id].writable : vq->batch_written;
	done->cookie = release(vq, (uint16_t)id);
	return 1;
}

int virtq_pop_rest(struct virtq *vq, struct virtq_done *done, unsigned count, unsigned max)
{
	int got = 1;

	if (vq->broken)
		return ERR_BROKEN;
	while (count < max && got > 0) {
		got = pop_one(vq, &done[count]);
		count += got > 0;
	}
	return count > 0 ? (int)count : got;
}

void *virtq_drain(struct virtq *vq)
{
	/* Only the private table says what is in flight; free ids are of no interest any more. */
	for (unsigned id = 0; vq->in_flight > 0 && id < vq->size; id++) {
		if (vq->slots[id].count == 0)
			continue;
		vq->slots[id].count = 0;
		vq->in_flight--;
		return vq->slots[id].cookie;
	}
	return NULL;
}
