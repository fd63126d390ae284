/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens with each batch of a queue: the doorbell, the interrupt, the drain.
 *
 * An interrupt handler does two things: it silences the queue (with EVENT_IDX that is silent already) and marks it.
 * Draining happens later, in vport_relax, so that interrupts, polling and lost interrupts all take one path.
 *
 * A queue has a home CPU. There its events are drained, and there its interrupts go, where it has a message of its own (a line's,
 * and a vector's that all share, go to CPU 0, which sends the mark on): so what drains touch needs no lock;
 * whoever else touches the ring (a recovery, a change of size) removes the events first, which waits until a
 * drain has ended. (A mark may come after that all the same; a drain then does nothing.)
 *
 * See it at work: make run APP=iocheck
 */
#include "drivers/virtio/queue_ring.h"
#include "lib/containing.h"

/* ---- Doorbell ---------------------------------------------------------------------- */

void virtio_queue_set_doorbell(struct virtio_queue *queue, vport_reg_t doorbell)
{
	queue->doorbell_register = doorbell;
	queue->doorbell = queue->tells_position ? 0 : doorbell;
}

/* 2.9: the queue's number, or what the device wants in its place; and behind it, where the device wants it, the ring's
 * position. */
void virtio_queue_notify(struct virtio_queue *queue)
{
	uint32_t value = queue->doorbell_value;

	if (queue->tells_position)
		value |= (uint32_t)queue->position << 16;
	if (queue->doorbell_register)
		vport_reg_write(queue->doorbell_register, queue->doorbell_width, value);
	else
		queue->device->transport->notify(queue, value);
}

/* Remembers the position while the ring is this caller's: whoever notifies later may be another CPU. */
void virtio_queue_notify_otherwise(struct virtio_queue *queue, bool wanted)
{
	queue->position = virtq_position(&queue->ring);
	if (wanted)
		virtio_queue_notify(queue);
}

/* ---- Drain ------------------------------------------------------------------------ */

/* Where it is not the usual case that an interrupt is asked for, and nothing has come meanwhile. */
static __attribute__((noinline)) void drained(struct virtio_queue *queue)
{
	if (!queue->interrupts && !queue->unfinished) {
		vport_mark(&queue->event);
		return;
	}
	if (queue->shared)
		return;
	/* There is more: drained again in the next pass, or at the time that the driver wants, with interrupts left off
	 * meanwhile. */
	virtq_disable_interrupts(&queue->ring);
	if (queue->event.check_at == VPORT_NEVER && (queue->awaited || queue->unfinished))
		vport_mark(&queue->event);
}

void queue_drain(struct vport_event *event)
{
	struct virtio_queue *queue = containing(event, struct virtio_queue, event);
	struct virtio_device *device = queue->device;

	/* A mark may still come after the events were removed, by an interrupt or from another CPU. */
	if (device->state != VIRTIO_RUNNING || queue->resizing) {
		event->check_at = VPORT_NEVER;
		return;
	}
	device->driver->drain(queue);
	if (!queue->awaited || queue->unfinished || virtq_enable_interrupts(&queue->ring))
		drained(queue);
}

/* ---- Interrupts -------------------------------------------------------------------- */

/* A ring that is broken may be about to be replaced. */
static __attribute__((noinline, cold)) void silence(struct virtio_queue *queue)
{
	if (!queue->ring.broken)
		virtq_disable_interrupts(&queue->ring);
	vport_mark_in_interrupt(&queue->event);
}

/* With EVENT_IDX, one interrupt is all that was asked for (2.7.7.2, 2.8.10). */
void virtio_queue_interrupt(void *argument)
{
	struct virtio_queue *queue = argument;

	if (queue->ring.event_idx)
		vport_mark_in_interrupt(&queue->event);
	else
		silence(queue);
}

/* Which one it was, nobody says: one that can be it. That has asked for an interrupt, and the device has something of it;
 * or of a quiet or shared one, what it had may have been popped meanwhile outside of its drain, which has to ask anew all the
 * same. (What is used besides, the regular look finds.) */
static inline bool can_be(const struct virtio_queue *queue)
{
	bool has = *(const volatile uint16_t *)&queue->ring.in_flight != 0 || queue->quiet;

	return (queue->awaited && has) || queue->shared;
}

static __attribute__((noinline, cold)) void one_of_several(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++) {
		if (can_be(device->queues[i]))
			virtio_queue_interrupt(device->queues[i]);
	}
}

void virtio_queues_interrupt(struct virtio_device *device)
{
	if (device->queue_count != 1)
		one_of_several(device);
	else if (can_be(device->queues[0]))
		virtio_queue_interrupt(device->queues[0]);
}

void virtio_config_interrupt(void *argument)
{
	struct virtio_device *device = argument;

	device->config_interrupted = true;
	vport_mark(&device->config_event); /* in any context: a recovery has it looked at too */
}

void virtio_shared_interrupt(void *argument)
{
	struct virtio_device *device = argument;

	virtio_queues_interrupt(device);
	virtio_config_interrupt(device); /* 4.1.5.4.2-1 */
}

void virtio_line_raised(struct virtio_device *device, uint32_t isr)
{
	if (isr & VIRTIO_ISR_CONFIG)
		virtio_config_interrupt(device);
	if (isr & VIRTIO_ISR_QUEUE)
		virtio_queues_interrupt(device); /* 4.2.3.4.1-2 */
}

void virtio_line_interrupt(void *argument)
{
	struct virtio_device *device = argument;

	virtio_line_raised(device, device->transport->isr(device));
}
