/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways in which a fake disk lies to its driver, about a buffer that it gives back or does not. */
#ifndef TESTS_HOST_FAKE_DISK_LIES_H
#define TESTS_HOST_FAKE_DISK_LIES_H

#include "tests/host/fake/disk_jobs.h"

/* The n-th buffer from now on is treated by `lie`, the others are given back as they should be; once it has
 * happened, everything is. A lie that returns false has kept the buffer. */
static unsigned lie_at;
static bool (*lie)(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written);

static inline bool lie_once(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	if (lie_at == 0 || --lie_at > 0)
		return true;
	return lie(queue, chain, written);
}

static inline void tell(unsigned at,
			bool (*how)(struct fake_queue *, struct ring_chain *, uint32_t *))
{
	lie_at = at;
	lie = how;
	fake.before_use = lie_once;
}

static inline bool keep(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	(void)written;
	return false;
}

/* What a split ring shows first is that there are more completions than requests ("used index ran ahead"),
 * a packed one that the id is wrong ("used id is not in flight"). */
static inline bool twice(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	ring_device_lie_used(&queue->ring, chain->id, *written, chain->descriptors);
	ring_device_lie_used(&queue->ring, chain->id, *written, chain->descriptors);
	fake_interrupt_queue(queue);
	return false;
}

static inline bool wrong_id(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	ring_device_lie_used(&queue->ring, queue->ring.size, *written, chain->descriptors);
	fake_interrupt_queue(queue);
	return false;
}

/* The id of one that has been given back, as far as there is one; else its own a second time. */
static inline bool free_id(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	const struct virtio_queue *driver = virtio_first()->queues[0];
	unsigned id = 0;

	while (id < queue->ring.size && virtq_busy(&driver->ring, id))
		id++;
	if (id == queue->ring.size)
		return twice(queue, chain, written);
	ring_device_lie_used(&queue->ring, id, *written, chain->descriptors);
	fake_interrupt_queue(queue);
	return false;
}

static inline bool too_long(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	*written = (uint32_t)chain->writable + 1;
	return true;
}

static uint32_t reported;

static inline bool report(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	*written = reported;
	return true;
}

static inline bool scribble(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)written;
	/* The header, as a device without an IOMMU in its way can. */
	memset(chain->segments[0].memory, 0xee, chain->segments[0].length);
	return true;
}

static inline bool storm(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	for (unsigned i = 0; i < 100; i++) {
		fake_interrupt_queue(queue);
		fake_interrupt_config(queue->device);
	}
	return true;
}

#endif
