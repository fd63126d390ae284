/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-rng, the entropy device: VIRTIO 1.4 section 5.4. It has one queue and no configuration, so this is
 * the smallest complete driver: read it first. The order is the same in every driver of the kit: wire
 * structures, features, state, submit, complete, probe, remove, ready, abort, gone, the driver table.
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

/* It is its reader's own, copied into as soon as it is answered: a work item may read too while a program
 * waits for its answer, and would have the buffer filled anew before the program looks. */
struct request {
	void *to;
	int status; /* 0: not answered yet; else the bytes it got, or an error */
};

struct virtio_rng {
	struct virtio_device *device;
	struct virtio_queue *queue;
	uint8_t *buffer;
	dma_addr_t buffer_address;
	struct request *request; /* for which the device has the buffer; NULL: it has not */
};

static struct virtio_rng *first_rng;

struct virtio_rng *virtio_rng_first(void)
{
	return first_rng;
}

/* ---- Submit -------------------------------------------------------------------------- */

/* 5.4.6: asks for up to `length` bytes. */
static int submit(struct virtio_rng *rng, struct request *request, uint32_t length)
{
	struct virtq_segment segment = { rng->buffer_address, length };
	int id = virtio_queue_push(rng->queue, &segment, 0, 1, rng,
				   VIRTIO_ONE_DEADLINE); /* 5.4.6.1-1 */

	if (id < 0)
		return id;
	rng->request = request;
	virtio_queue_publish(rng->queue);
	return 0;
}

int virtio_rng_read(struct virtio_rng *rng, void *buffer, size_t length)
{
	uint8_t *to = buffer;

	while (length > 0) {
		if (rng->device->state == VIRTIO_FAILED)
			return ERR_NODEV;
		if (rng->request || rng->device->state == VIRTIO_RECOVERING) {
			vport_relax(VPORT_NEVER);
			continue;
		}
		struct request request = { .to = to };
		int error = submit(rng, &request,
				   length < BUFFER_BYTES ? (uint32_t)length : BUFFER_BYTES);
		if (error)
			return error;
		while (request.status == 0)
			vport_relax(VPORT_NEVER);
		if (request.status < 0)
			return request.status;
		to += request.status;
		length -= (size_t)request.status;
	}
	return 0;
}

/* ---- Complete -------------------------------------------------------------------------- */

static void finish(struct virtio_rng *rng, int status)
{
	rng->request->status = status;
	rng->request = NULL;
}

static void drain(struct virtio_queue *queue)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(queue, &cookie, &written)) {
		struct virtio_rng *rng = cookie;
		/* 5.4.6.1-2: only that many bytes are random; virtq_pop has checked that it is no more
		 * than was asked for. None at all is no answer. */
		memcpy(rng->request->to, rng->buffer, written);
		finish(rng, written > 0 ? (int)written : ERR_IO);
	}
}

/* ---- Probe, remove, ready, abort, gone ------------------------------------------------------------ */

static void free_rng(struct virtio_rng *rng)
{
	if (rng->buffer)
		vport_dma_free(rng->device->port, rng->buffer, BUFFER_BYTES);
	vport_free(rng, sizeof(*rng));
}

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
		free_rng(rng);
		return error;
	}
	rng->queue = device->queues[0];
	device->data = rng;
	return 0;
}

static void remove(struct virtio_device *device)
{
	free_rng(device->data);
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
	(void)queue;
	finish(cookie, error);
}

static void gone(struct virtio_device *device)
{
	(void)device; /* virtio_rng_read looks at the state; nothing else waits */
}

const struct virtio_driver virtio_rng_driver = {
	.type = VIRTIO_TYPE_ENTROPY,
	.name = "rng",
	.probe = probe,
	.remove = remove,
	.ready = ready,
	.drain = drain,
	.abort = abort_request,
	.gone = gone,
};
