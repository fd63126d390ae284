/* SPDX-License-Identifier: BSD-2-Clause */
/* What a person may want to know of a device: for lsvirtio, and for the console's log. */
#ifndef DRIVERS_VIRTIO_INSPECT_H
#define DRIVERS_VIRTIO_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

struct virtio_device;

struct virtio_device *virtio_first(void);
struct virtio_device *virtio_next(struct virtio_device *device);

/* "vda pci 00:03.0 blk split 1×256 msix:2 VERSION_1 …": name, transport and address, type, ring format,
 * queues × size, interrupts, features by name. Returns the length, at most size - 1. */
size_t virtio_describe(const struct virtio_device *device, char *line, size_t size);

/* A queue as it is in this moment. */
struct virtio_queue_state {
	unsigned index; /* the device's number for it */
	unsigned size, in_flight;
	bool interrupts; /* the device can interrupt for it */
};

/* The device's n-th queue, from 0 on; false when it has no more. */
bool virtio_queue_state(const struct virtio_device *device, unsigned n,
			struct virtio_queue_state *state);

#endif
