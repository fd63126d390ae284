/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a queue have for one another: rings, and a queue's events. */
#ifndef DRIVERS_VIRTIO_QUEUE_RING_H
#define DRIVERS_VIRTIO_QUEUE_RING_H

#include "drivers/virtio/device.h"

/* What a ring of about that size looks like with the features of this device: at most what it allows, and what
 * the format allows. */
struct virtq_setup queue_plan_ring(const struct virtio_queue *queue, uint16_t size);
/* Its memory. 0 or ERR_NOMEM. Program or work context. */
int queue_allocate_ring(struct vport_device *port, struct virtq_setup *setup);
void queue_free_ring(struct vport_device *port, struct virtq_setup *setup);

/* Starts and stops looking at the queue's events. When queue_unwatch returns no drain of it runs; it may still be
 * marked, and is drained then, which must do nothing. */
void queue_watch(struct virtio_queue *queue);
void queue_unwatch(struct virtio_queue *queue);

/* queue_interrupt.c: the drain of a queue's `event`. */
void queue_drain(struct vport_event *event);

#endif
