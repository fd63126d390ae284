/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-rng, the entropy device: VIRTIO 1.4 section 5.4. It has one queue and no configuration, so this is
 * the smallest complete driver: read it first. The order is the same in every driver of the kit: wire
 * structures, features, state, submit, complete, probe, ready, abort, gone, the driver table.
 *
 * See it at work: make run, then `rng 16` in the shell
 * Left out: nothing.
 */
#include "drivers/virtio/rng.h"
#include "drivers/virtio/drivers.h"
#include "lib/mem.h"

/* ---- State ------------------------------------------------------------------------ */

/* The device writes into a buffer of our own, and the caller gets a copy: so a device that never
 * answers keeps nothing that belongs to a caller. One request at a time is plenty. */
#define BUFFER_BYTES 256

struct virtio_rng {
	struct virtio_device *device;
	struct virtio_queue *queue;
	uint8_t *buffer;
	dma_addr_t buffer_address;
	bool busy;  /* the device has the buffer */
	int status; /* of the last request: bytes in the buffer, or an error */
};

static struct virtio_rng *first_rng;

struct virtio_rng *virtio_rng_first(void)
{
	return first_rng;
}

/* ---- Submit -------------------------------------------------------------------------- */

/* 5.4.6: asks for up to `length` bytes. */
static int submit(struct virtio_rng *rng, uint32_t length)
{
	struct virtq_segment segment = { rng->buffer_address, length };
	int id = virtio_queue_push(rng->queue, &segment, 0, 1, rng,
				   VIRTIO_ONE_DEADLINE); /* 5.4.6.1-1 */

	if (id < 0)
		return id;
	rng->busy = true;
	virtio_queue_publish(rng->queue);
	return 0;
}

int virtio_rng_read(struct virtio_rng *rng, void *buffer, size_t length)
{
	uint8_t *to = buffer;

	while (length > 0) {
		if (rng->device->state == VIRTIO_FAILED)
			return ERR_NODEV;
		if (rng->busy || rng->device->state == VIRTIO_RECOVERING) {
			vport_relax(VPORT_NEVER);
			continue;
		}
		int error = submit(rng, length < BUFFER_BYTES ? (uint32_t)length : BUFFER_BYTES);
		if (error)
			return error;
		while (rng->busy)
			vport_relax(VPORT_NEVER);
		if (rng->status < 0)
			return rng->status;
		/* 5.4.6.1-2: only that many bytes are random; virtq_pop has checked that it is no more
		 * than was asked for. */
		size_t got = (size_t)rng->status;
		memcpy(to, rng->buffer, got);
		to += got;
		length -= got;
	}
	return 0;
}

/* ---- Complete -------------------------------------------------------------------------- */

static void drain(struct virtio_queue *queue)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(queue, &cookie, &written)) {
		struct virtio_rng *rng = cookie;
		rng->status = written > 0 ? (int)written : ERR_IO; /* none at all is no answer */
		rng->busy = false;
	}
}

/* ---- Probe, ready, abort, gone ------------------------------------------------------------ */

static int probe(struct virtio_device *device)
{
	struct virtio_rng *rng = vport_alloc(sizeof(*rng));
	if (!rng)
		return ERR_NOMEM;
	rng->device = device;
	rng->buffer = vport_dma_alloc(device->port, BUFFER_BYTES, 64, &rng->buffer_address);
	int error = rng->buffer ? 0 : ERR_NOMEM;
	if (!error)
		error = virtio_queue_create(device, 0,
					    &(struct virtio_queue_options){ .size_limit = 8,
									    .has_deadline = true,
									    .driver = rng });
	if (error) {
		if (rng->buffer)
			vport_dma_free(device->port, rng->buffer, BUFFER_BYTES);
		vport_free(rng, sizeof(*rng));
		return error;
	}
	rng->queue = device->queues[0];
	device->data = rng;
	return 0;
}

static void ready(struct virtio_device *device)
{
	struct virtio_rng *rng = device->data;

	if (!first_rng) {
		first_rng = rng;
		memcpy(device->name, "rng0", 5);
	}
}

static void abort_request(struct virtio_queue *queue, void *cookie, int error)
{
	struct virtio_rng *rng = cookie;

	(void)queue;
	rng->status = error;
	rng->busy = false;
}

static void gone(struct virtio_device *device)
{
	(void)device; /* virtio_rng_read looks at the state; nothing else waits */
}

const struct virtio_driver virtio_rng_driver = {
	.type = VIRTIO_TYPE_ENTROPY,
	.name = "rng",
	.probe = probe,
	.ready = ready,
	.drain = drain,
	.abort = abort_request,
	.gone = gone,
};
