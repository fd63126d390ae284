/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block requests through a virtqueue: see block_queue.h.
 *
 * See it at work: make run APP=iocheck
 * Left out: barriers: BLOCK_FLUSH is what there is.
 */
#include "drivers/virtio/block_queue.h"

void block_queue_init(struct block_queue *bq, struct block_pool *pool, struct virtio_queue *queue)
{
	*bq = (struct block_queue){ .queue = queue, .pool = pool };
	bq->waiting_end = &bq->waiting;
	bq->inbox_end = &bq->inbox;
	bq->direct_at = vport_cpu_count() == 1 ? &pool->direct : &bq->direct;
}

/* ---- Hand out -------------------------------------------------------------------------- */

/* False when there is no room now, or the device is being reset: to be tried again. */
static bool push(struct block_queue *bq, struct block_part *part)
{
	struct block_pool *pool = bq->pool;
	uint32_t header_bytes = pool->wire->fill(part);
	unsigned deadlines =
		part->request->op == BLOCK_FLUSH ? VIRTIO_TWO_DEADLINES : VIRTIO_ONE_DEADLINE;

	if (!part->encoded)
		block_part_encode(pool, &bq->queue->ring, part, header_bytes);
	if (pool->indirect)
		return virtio_queue_push_buffer(bq->queue, &part->buffer, deadlines) >= 0;
	return virtio_queue_push(bq->queue, part->segments, part->readable,
				 part->entries - part->readable, part, deadlines) >= 0;
}

/* The first of the waiting ones has been handed out, or failed. */
static void leave_waiting(struct block_queue *bq)
{
	struct block_request *request = bq->waiting;

	request->driver.issued = true;
	bq->waiting = request->driver.next;
	if (!bq->waiting)
		bq->waiting_end = &bq->waiting;
}

static void finish_if_done(struct block_request *request)
{
	if (request->driver.issued && request->driver.parts == 0)
		request->done(request);
}

/* The first waiting request will not be handed out further. */
static void end_waiting(struct block_queue *bq, int error)
{
	struct block_request *request = bq->waiting;

	request->status = error; /* none so far: with one it would not wait any more */
	leave_waiting(bq);
	finish_if_done(request); /* a prepared one has no parts: it is done */
}

/* The first waiting one: it may have waited while the disk shrank, or its limits changed. */
static bool issue_prepared(struct block_queue *bq, struct block_request *request)
{
	struct block_part *part = request->driver.part;
	uint64_t sector = request->driver.sector;
	int error = 0;

	if (request->driver.generation != request->driver.disk->generation)
		error = block_part_prepare(bq->pool, request);
	part->sector = request->driver.sector = sector;
	if (!error)
		error = block_part_inside(part);
	if (error) {
		end_waiting(bq, error);
	} else if (push(bq, part)) {
		leave_waiting(bq);
	} else {
		return false;
	}
	return true;
}

/* Cuts and pushes one part of the first waiting request. False when there is no room for it now. */
static bool issue(struct block_queue *bq)
{
	struct block_request *request = bq->waiting;

	if (request->driver.part)
		return issue_prepared(bq, request);
	if (request->op == BLOCK_FLUSH && !request->driver.disk->can_flush) {
		end_waiting(bq, 0); /* there is nothing that would have to be flushed */
		return true;
	}
	struct block_part *part = block_part_take(bq->pool);
	if (!part)
		return false;
	part->request = request;
	int error = block_part_cut(bq->pool, part);
	if (error) {
		block_part_free(bq->pool, part);
		end_waiting(bq, error);
		return true;
	}
	if (!push(bq, part)) {
		block_part_free(bq->pool, part);
		return false;
	}
	request->driver.parts++;
	if (block_part_taken(request, part))
		leave_waiting(bq);
	return true;
}

static void append(struct block_request ***end, struct block_request *request)
{
	request->driver.next = NULL;
	**end = request;
	*end = &request->driver.next;
}

/* From a program, a work item, or another CPU's completion. */
static void put_into_inbox(struct block_queue *bq, struct block_request *request)
{
	vport_lock_take(&bq->inbox_lock);
	bool closed = bq->closed;
	if (!closed)
		append(&bq->inbox_end, request);
	vport_lock_give(&bq->inbox_lock);
	if (!closed) {
		vport_mark(&bq->queue->event);
		return;
	}
	request->status = ERR_NODEV;
	request->done(request);
}

void block_queue_submit(struct block_queue *bq, struct block_request *request, bool at_home)
{
	if (at_home && bq->ready_end) {
		*bq->direct_at = NULL;
		append(&bq->waiting_end, request);
	} else {
		put_into_inbox(bq, request);
	}
}

static void empty_inbox(struct block_queue *bq)
{
	vport_lock_take(&bq->inbox_lock);
	if (bq->inbox) {
		*bq->waiting_end = bq->inbox;
		bq->waiting_end = bq->inbox_end;
		bq->inbox = NULL;
		bq->inbox_end = &bq->inbox;
	}
	vport_lock_give(&bq->inbox_lock);
}

/* ---- Complete -------------------------------------------------------------------------- */

static void finish(struct block_queue *bq, struct block_part *part, int error)
{
	struct block_request *request = part->request;

	if (part->prepared) {
		/* Whatever went wrong: the next time its table is written anew, and it is tried as often as any. */
		if (error) {
			request->status = error;
			part->encoded = false;
			part->tries = 0;
		}
		request->done(request);
		return;
	}
	block_part_free(bq->pool, part);
	request->driver.parts--;
	if (error && request->status == 0)
		request->status = error;
	if (error && request == bq->waiting)
		leave_waiting(bq); /* what is left of it need not be tried */
	finish_if_done(request);
}

static void later(struct block_queue *bq, struct block_part *part)
{
	struct block_part **list = part->not_before ? &bq->later : &bq->again;

	part->next = *list;
	*list = part;
	*bq->direct_at = NULL; /* in a drain: it waits before what is submitted now */
}

/* The device had no time for them: those whose time has come are pushed again. */
static void end_later(struct block_queue *bq, uint64_t now)
{
	struct block_part **at = &bq->later;

	while (*at) {
		struct block_part *part = *at;
		if (part->not_before > now) {
			at = &part->next;
			continue;
		}
		*at = part->next;
		part->not_before = 0;
		later(bq, part);
	}
}

void block_queue_finish(struct block_queue *bq, struct block_part *part, int error)
{
	if (error == ERR_BUSY)
		later(bq, part);
	else
		finish(bq, part, error);
}

/* What was in flight when the queue got another size: the request knows nothing of it. */
static void push_again(struct block_queue *bq)
{
	while (bq->again) {
		struct block_part *part = bq->again;
		int error = block_part_inside(part); /* the disk may have shrunk meanwhile */
		if (!error && !push(bq, part))
			return;
		bq->again = part->next;
		if (error)
			finish(bq, part, error);
	}
}

void block_queue_wait_first(struct block_queue *bq, struct virtq_buffer *first)
{
	struct block_request *waiting = bq->waiting, **link = &bq->waiting;

	for (struct virtq_buffer *buffer = first; buffer; buffer = buffer->next) {
		struct block_part *part = (struct block_part *)buffer;
		*link = part->request;
		part->request->driver.sector = part->sector;
		link = &part->request->driver.next;
	}
	*link = waiting;
	if (!waiting)
		bq->waiting_end = link;
}

void block_queue_issue_waiting(struct block_queue *bq)
{
	bq->ready_end = &bq->ready;
	if (*(struct block_request *const volatile *)&bq->inbox)
		empty_inbox(bq);
	if (bq->later)
		end_later(bq, vport_now());
	push_again(bq);
	while (!bq->again && bq->waiting && issue(bq))
		;
	bq->ready_end = NULL;
	virtio_queue_publish(bq->queue);
}

/* ---- The end of a queue, or of the device ----------------------------------------------------- */

void block_queue_abort(struct block_queue *bq, void *cookie, int error)
{
	block_queue_finish(bq, cookie, error);
}

/* A part that has been cut to the old queue's size must fit into the new one. */
int block_queues_resize(struct block_queue *queues, unsigned count, unsigned size, unsigned pieces)
{
	int error = 0;

	if (size > VIRTQ_MAX_SIZE)
		return ERR_INVALID;
	for (unsigned i = 0; i < count; i++) {
		if (virtio_queue_size_for(queues[i].queue, (uint16_t)size) < pieces + 2)
			return ERR_INVALID;
	}
	for (unsigned i = 0; i < count && !error; i++)
		error = virtio_queue_resize(queues[i].queue, (uint16_t)size);
	return error;
}

void block_queue_fail(struct block_queue *bq)
{
	vport_lock_take(&bq->inbox_lock);
	bq->closed = true;
	vport_lock_give(&bq->inbox_lock);
	empty_inbox(bq);
	end_later(bq, VPORT_NEVER);
	while (bq->again) {
		struct block_part *part = bq->again;
		bq->again = part->next;
		finish(bq, part, ERR_NODEV);
	}
	while (bq->waiting)
		end_waiting(bq, ERR_NODEV);
}
