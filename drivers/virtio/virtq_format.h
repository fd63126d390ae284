/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ring format does for virtq.c, and nothing else: encode a buffer, publish, fetch the raw (id,
 * length) of the next used one, give its descriptors back. All checks of what the device said are in
 * virtq.c, but for those that only the format can make.
 */
#ifndef DRIVERS_VIRTIO_VIRTQ_FORMAT_H
#define DRIVERS_VIRTIO_VIRTQ_FORMAT_H

#include "drivers/virtio/virtq.h"

/* Descriptor flags, 2.7.5 and 2.8.21. */
enum {
	VIRTQ_DESC_F_NEXT = 1,
	VIRTQ_DESC_F_WRITE = 2,
	VIRTQ_DESC_F_INDIRECT = 4,
};

/* Marks the queue broken; returns ERR_BROKEN. The first fault is kept. */
int virtq_break(struct virtq *vq, const char *fault, uint32_t value);

/* The indirect table of a slot, and its address. */
static inline struct virtq_desc *virtq_indirect_table(struct virtq *vq, uint16_t id)
{
	return vq->indirect + (size_t)id * vq->indirect_entries;
}
static inline uint64_t virtq_indirect_table_address(const struct virtq *vq, uint16_t id)
{
	return vq->indirect_address.bits +
	       (uint64_t)id * vq->indirect_entries * sizeof(struct virtq_desc);
}

size_t split_ring_bytes(uint16_t size);
struct virtq_addresses split_addresses(uint16_t size, dma_addr_t ring);
void split_init(struct virtq *vq, const struct virtq_setup *setup);
uint16_t split_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
		    unsigned writable);
bool split_publish(struct virtq *vq, uint32_t *data);
int split_fetch(struct virtq *vq, uint32_t *id, uint32_t *written);
void split_release(struct virtq *vq, uint16_t id);
void split_disable_interrupts(struct virtq *vq);
bool split_enable_interrupts(struct virtq *vq);

size_t packed_ring_bytes(uint16_t size);
struct virtq_addresses packed_addresses(uint16_t size, dma_addr_t ring);
void packed_init(struct virtq *vq, const struct virtq_setup *setup);
uint16_t packed_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
		     unsigned writable);
bool packed_publish(struct virtq *vq, uint32_t *data);
int packed_fetch(struct virtq *vq, uint32_t *id, uint32_t *written);
void packed_release(struct virtq *vq, uint16_t id);
void packed_disable_interrupts(struct virtq *vq);
bool packed_enable_interrupts(struct virtq *vq);

#endif
