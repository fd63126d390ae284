/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two files of the virtio-net driver share: net.c (the device) and net_frame.c (its frames). */
#ifndef DRIVERS_VIRTIO_NET_FRAME_H
#define DRIVERS_VIRTIO_NET_FRAME_H

#include "drivers/virtio/device.h"
#include "drivers/virtio/net.h"

/* Empty buffers that are nobody's now. */
struct net_pool {
	struct net_buffer *free;
};

struct virtio_net {
	struct net_device net; /* first: an interface's driver part is found by a cast */
	struct virtio_device *device;
	struct virtio_queue *receive, *transmit;
	unsigned buffer_count;
	unsigned
		receive_max; /* of them, as many as the device may have to fill: the others are to send */
	uint32_t buffer_bytes;
	struct net_buffer *buffers;
	struct net_pool pool;
	struct net_counts counts;
	uint8_t *memory;
	bool receiving, reaping;
	unsigned expected; /* frames in flight whose sender wants to know when they are done */
};

/* ---- net_frame.c ---------------------------------------------------------------------- */

/* A buffer that is nobody's now. */
void net_put_free(struct virtio_net *nic, struct net_buffer *buffer);
/* Gives the device all the empty buffers that it has room for. */
void net_refill(struct virtio_net *nic);
/* The driver's drain and abort: frames that came in or went out, or that were in flight. */
void net_drain(struct virtio_queue *queue);
void net_abort(struct virtio_queue *queue, void *cookie, int error);

#endif
