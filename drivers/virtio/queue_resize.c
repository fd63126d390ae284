/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue of another size, while the device runs: VIRTIO_F_RING_RESET, VIRTIO 1.4 section 2.6.1.
 *
 * It runs on CPU 0, like a recovery, so the two cannot meet: from the last look at the device's state on,
 * nothing here waits in vport_relax.
 *
 * See it at work: make run APP=blktest RW=1 DISK=any.img
 */
#include "drivers/virtio/queue_ring.h"

#define QUIESCE_NS UINT64_C(1000000000)

/* The device has let go of the old ring: what was in it goes back, and the new one takes its place. Marked
 * broken until all of it is there, because an interrupt handler looks at it. */
static void replace_ring(struct virtio_queue *queue, const struct virtq_setup *setup)
{
	struct virtq_setup old = queue->setup;
	struct virtq ring;
	void *cookie;

	while ((cookie = virtq_drain(&queue->ring)) != NULL)
		queue->device->driver->abort(queue, cookie, ERR_BUSY);
	virtq_init(&ring, setup);
	ring.broken = true;
	queue->ring = ring;
	queue->setup = *setup;
	queue->rekicked = false;
	queue_free_ring(queue->device->port, &old);
}

/*
 * Lets the device finish what it has: a device may not have implemented 2.6.1.1.1 to the letter, and
 * write what was in flight at its reset into the new ring (QEMU 7.2: virtio_queue_reset in
 * hw/virtio/virtio.c does not reach the requests that hw/block/virtio-blk.c has started). What it does not
 * finish in time is taken away from it.
 */
static void quiesce(struct virtio_queue *queue)
{
	uint64_t limit = vport_now() + QUIESCE_NS;

	while (queue->has_deadline && queue->ring.in_flight > 0 && !queue->ring.broken &&
	       vport_now() < limit)
		vport_relax(limit);
}

/* Resets the queue and enables it with the new ring. An error has had the device's recovery started. */
static int switch_ring(struct virtio_queue *queue, struct virtq_setup *setup)
{
	struct virtio_device *device = queue->device;
	int error = device->transport->queue_reset(queue); /* 2.6.1.1.2-1 */

	if (error) {
		queue_free_ring(device->port, setup);
		virtio_device_fail(device, ERR_IO, "it does not reset its queue", queue->index);
		return error;
	}
	replace_ring(queue, setup);
	struct virtq_addresses at =
		virtq_addresses(setup->format, setup->size, setup->ring_address);
	error = device->transport->queue_enable(queue, &at); /* 2.6.1.2.2-1 */
	if (error)
		virtio_device_fail(device, ERR_IO, "it does not enable its queue again",
				   queue->index);
	return error;
}

uint16_t virtio_queue_size_for(const struct virtio_queue *queue, uint16_t size)
{
	return queue_plan_ring(queue, size).size;
}

int virtio_queue_resize(struct virtio_queue *queue, uint16_t size)
{
	struct virtio_device *device = queue->device;
	struct virtq_setup setup = queue_plan_ring(queue, size);

	kit_assert(size > 0 && vport_cpu() == 0);
	if (!virtio_has(device, VIRTIO_F_RING_RESET))
		return ERR_UNSUPPORTED;
	if (queue->paused)
		return ERR_BUSY;
	queue->paused = true; /* nothing is pushed from here on */
	quiesce(queue);
	queue->paused = false;
	if (device->state != VIRTIO_RUNNING || queue->ring.broken)
		return ERR_BROKEN;
	if (queue_allocate_ring(device->port, &setup) != 0) {
		vport_mark(&queue->event); /* what waited meanwhile */
		return ERR_NOMEM;
	}
	queue->ring.broken = true; /* and nothing popped from here on, */
	queue->resizing = true;    /* nor drained: another CPU may mark it at any time */
	queue_unwatch(queue);
	int error = switch_ring(queue, &setup);
	queue->resizing = false;
	if (error)
		return error;
	queue->ring.broken = false;
	queue_watch(queue);
	device->driver->queue_ready(queue);
	vport_mark(&queue->event); /* asks for interrupts */
	return 0;
}
