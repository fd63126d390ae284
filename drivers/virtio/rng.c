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

/* It is its reader's own, copied into as soon as it is answered: other readers (a work item, while a program
 * waits; programs on other CPUs) have the buffer filled anew before this one looks. */
struct request {
	uint8_t *to;
	uint32_t length;
	unsigned cpu; /* which waits for it */
	int status;   /* 0: not answered yet; else the bytes it got, or an error */
	struct request *next;
};

struct virtio_rng {
	struct virtio_device *device;
	struct virtio_queue *queue;
	uint8_t *buffer;
	dma_addr_t buffer_address;
	struct request
		*request; /* for which the device has the buffer; NULL: it has not. The drain's */
	struct vport_lock lock; /* around what follows */
	struct request *waiting, **waiting_end;
	bool closed; /* nothing will be answered any more */
};

static struct virtio_rng *first_rng;

struct virtio_rng *virtio_rng_first(void)
{
	return first_rng;
}

/* ---- Complete -------------------------------------------------------------------------- */

static void finish_request(struct request *request, int status)
{
	unsigned cpu = request->cpu;

	/* From here on the request may be gone. */
	__atomic_store_n(&request->status, status, __ATOMIC_RELEASE);
	vport_wake(cpu);
}

static void finish(struct virtio_rng *rng, int status)
{
	struct request *request = rng->request;

	rng->request = NULL;
	finish_request(request, status);
}

/* ---- Submit -------------------------------------------------------------------------- */

/* A reader on any CPU puts its request here and waits; the drain, on the queue's home CPU, hands it out. */
static int wait_for(struct virtio_rng *rng, struct request *request)
{
	vport_lock_take(&rng->lock);
	if (rng->closed) {
		request->status = ERR_NODEV;
	} else {
		*rng->waiting_end = request;
		rng->waiting_end = &request->next;
	}
	vport_lock_give(&rng->lock);
	vport_mark(&rng->queue->event);
	while (__atomic_load_n(&request->status, __ATOMIC_ACQUIRE) == 0)
		vport_relax(VPORT_NEVER);
	return request->status;
}

int virtio_rng_read(struct virtio_rng *rng, void *buffer, size_t length)
{
	uint8_t *to = buffer;

	while (length > 0) {
		struct request request = {
			.to = to,
			.length = length < BUFFER_BYTES ? (uint32_t)length : BUFFER_BYTES,
			.cpu = vport_cpu(),
		};
		int got = wait_for(rng, &request);
		if (got < 0)
			return got;
		to += got;
		length -= (size_t)got;
	}
	return 0;
}

static struct request *take_waiting(struct virtio_rng *rng)
{
	vport_lock_take(&rng->lock);
	struct request *request = rng->waiting;
	if (request)
		rng->waiting = request->next;
	if (!rng->waiting)
		rng->waiting_end = &rng->waiting;
	vport_lock_give(&rng->lock);
	return request;
}

/* 5.4.6: asks for as many bytes as the first one that waits wants. */
static void submit(struct virtio_rng *rng)
{
	if (rng->request || rng->device->state != VIRTIO_RUNNING)
		return;
	rng->request = take_waiting(rng);
	if (!rng->request)
		return;
	struct virtq_segment segment = { rng->buffer_address, rng->request->length };
	int id = virtio_queue_push(rng->queue, &segment, 0, 1, rng,
				   VIRTIO_ONE_DEADLINE); /* 5.4.6.1-1 */
	if (id < 0)
		finish(rng, id);
	else
		virtio_queue_publish(rng->queue);
}

static void drain(struct virtio_queue *queue)
{
	struct virtio_rng *rng = queue->driver;
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(queue, &cookie, &written)) {
		/* 5.4.6.1-2: only that many bytes are random; virtq_pop has checked that it is no more
		 * than was asked for. None at all is no answer. */
		memcpy(rng->request->to, rng->buffer, written);
		finish(rng, written > 0 ? (int)written : ERR_IO);
	}
	submit(rng);
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
	rng->waiting_end = &rng->waiting;
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
	struct virtio_rng *rng = device->data;
	struct request *request;

	vport_lock_take(&rng->lock);
	rng->closed = true;
	vport_lock_give(&rng->lock);
	while ((request = take_waiting(rng)) != NULL)
		finish_request(request, ERR_NODEV);
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
