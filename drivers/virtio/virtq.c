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
		.event_idx = setup->event_idx,
		.order_platform = setup->order_platform,
		.free_count = setup->size,
		.indirect_entries = setup->indirect_entries,
		.slots = setup->table,
		.indirect = setup->indirect,
		.indirect_address = setup->indirect_address,
	};
	for (unsigned id = 0; id < setup->size; id++)
		vq->slots[id] = (struct virtq_slot){ .next = (uint16_t)(id + 1) };

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

	uint64_t bytes = 0;
	for (unsigned i = readable; i < total; i++)
		bytes += segments[i].length;
	kit_assert(bytes <= UINT32_MAX);

	uint16_t id = vq->format == VIRTQ_SPLIT ? split_push(vq, segments, readable, writable)
						: packed_push(vq, segments, readable, writable);
	struct virtq_slot *slot = &vq->slots[id];
	slot->cookie = cookie;
	slot->writable = (uint32_t)bytes;
	slot->count = (uint16_t)count;
	vq->free_count -= count;
	vq->in_flight++;
	vq->unpublished++;
	return id;
}

bool virtq_publish(struct virtq *vq, uint32_t *data)
{
	if (vq->broken || vq->unpublished == 0)
		return false;
	vq->unpublished = 0;
	return vq->format == VIRTQ_SPLIT ? split_publish(vq, data) : packed_publish(vq, data);
}

int virtq_pop(struct virtq *vq, void **cookie, uint32_t *written)
{
	uint32_t id, length;

	if (vq->broken)
		return ERR_BROKEN;
	kit_assert(vq->unpublished == 0);
	int got = vq->format == VIRTQ_SPLIT ? split_fetch(vq, &id, &length)
					    : packed_fetch(vq, &id, &length);
	if (got <= 0)
		return got;

	/* The device chose id and length: nothing is indexed or copied by them before this. */
	if (id >= vq->size)
		return virtq_break(vq, "used id is not below the queue size", id);
	struct virtq_slot *slot = &vq->slots[id];
	if (slot->count == 0)
		return virtq_break(vq, "used id is not in flight", id);
	if (length > slot->writable)
		return virtq_break(vq, "more bytes written than the buffer has", length);

	*cookie = slot->cookie;
	*written = length;
	vq->free_count += slot->count;
	vq->in_flight--;
	if (vq->format == VIRTQ_SPLIT)
		split_release(vq, (uint16_t)id);
	else
		packed_release(vq, (uint16_t)id);
	slot->count = 0;
	return 1;
}

void virtq_disable_interrupts(struct virtq *vq)
{
	if (vq->format == VIRTQ_SPLIT)
		split_disable_interrupts(vq);
	else
		packed_disable_interrupts(vq);
}

bool virtq_enable_interrupts(struct virtq *vq)
{
	return vq->format == VIRTQ_SPLIT ? split_enable_interrupts(vq)
					 : packed_enable_interrupts(vq);
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
