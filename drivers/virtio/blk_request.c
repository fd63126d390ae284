/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk requests: VIRTIO 1.4 section 5.2.6. A request of any length, from block.h, is cut into device
 * requests ("parts") as the device's limits demand; as many of them are in flight as the queue holds; and
 * the request is completed once, when its last part is back.
 *
 * Submitting only queues: parts are made and published in drain context, so whatever a program submitted
 * before it waits goes to the device as one batch with one notification.
 *
 * See it at work: make run APP=iocheck
 * Left out: merging requests that follow each other, and barriers: BLOCK_FLUSH is what there is.
 */
#include "drivers/virtio/blk.h"

enum {
	VIRTIO_BLK_T_IN = 0,
	VIRTIO_BLK_T_OUT = 1,
	VIRTIO_BLK_T_FLUSH = 4,
	VIRTIO_BLK_T_GET_ID = 8,
};

enum {
	VIRTIO_BLK_S_OK = 0,
	VIRTIO_BLK_S_IOERR = 1,
	VIRTIO_BLK_S_UNSUPP = 2,
	STATUS_POISON = 0xff, /* what no device writes: tells whether it wrote at all */
};

/* ---- Complete -------------------------------------------------------------------------- */

static void finish_if_done(struct block_request *request)
{
	if (request->driver.issued && request->driver.parts == 0)
		request->done(request);
}

/* The first of the waiting ones has been handed out, or failed. */
static void leave_waiting(struct virtio_blk *blk)
{
	struct block_request *request = blk->waiting;

	request->driver.issued = true;
	blk->waiting = request->driver.next;
	if (!blk->waiting)
		blk->waiting_end = &blk->waiting;
}

static enum vport_direction direction(const struct block_request *request)
{
	return request->op == BLOCK_WRITE ? VPORT_TO_DEVICE : VPORT_FROM_DEVICE;
}

static struct virtq_segment *piece_of(struct part *part, unsigned i)
{
	return &part->segments[1 + i];
}

static void unmap_piece(struct virtio_blk *blk, struct part *part, unsigned i)
{
	const struct virtq_segment *piece = piece_of(part, i);

	vport_dma_unmap(blk->device->port, part->memory[i], piece->length, direction(part->request),
			piece->address);
}

/* Not of a device that may go on writing: what a bounce area holds for it must not be used for others. */
static void unmap_pieces(struct virtio_blk *blk, struct part *part)
{
	if (blk->device->memory_lost)
		return;
	for (unsigned i = 0; i < part->piece_count; i++)
		unmap_piece(blk, part, i);
	part->piece_count = 0;
}

static void finish_part(struct virtio_blk *blk, struct part *part, int error)
{
	struct block_request *request = part->request;

	unmap_pieces(blk, part);
	part->next = blk->free_parts;
	blk->free_parts = part;
	request->driver.parts--;
	if (error && request->status == 0)
		request->status = error;
	if (error && request == blk->waiting)
		leave_waiting(blk); /* what is left of it need not be tried */
	finish_if_done(request);
}

/*
 * What a used part means. The length counts as well as the status (2.7.8.2-1): data beyond it, or a status
 * byte that it does not cover, was not written, whatever stands there.
 */
static int part_result(struct virtio_blk *blk, const struct part *part, uint32_t written)
{
	bool reads = direction(part->request) == VPORT_FROM_DEVICE;
	uint32_t expected = (reads ? part->data_bytes : 0) + 1;

	switch (shared_load8(&blk->reqs[part->index].status)) {
	case VIRTIO_BLK_S_OK:
		return written >= expected ? 0 : ERR_IO;
	case VIRTIO_BLK_S_UNSUPP:
		return ERR_UNSUPPORTED;
	default: /* VIRTIO_BLK_S_IOERR, the poison, or nonsense */
		return ERR_IO;
	}
}

/* ---- Submit -------------------------------------------------------------------------------- */

/* Maps memory as the part's piece i; how much of it that is, or an error. */
static long map_piece(struct virtio_blk *blk, struct part *part, unsigned i, void *memory,
		      size_t length)
{
	struct virtq_segment *piece = piece_of(part, i);
	long mapped = vport_dma_map(blk->device->port, memory, length, direction(part->request),
				    &piece->address);

	part->memory[i] = memory;
	piece->length = (uint32_t)mapped;
	return mapped;
}

/* Drops bytes from the end of a part's data. */
static void trim(struct virtio_blk *blk, struct part *part, uint32_t excess)
{
	while (excess > 0) {
		unsigned last = part->piece_count - 1u;
		uint32_t length = piece_of(part, last)->length;
		uint32_t cut = length < excess ? length : excess;
		unmap_piece(blk, part, last);
		excess -= cut;
		part->data_bytes -= cut;
		length -= cut;
		/* What is left of it is as contiguous as it was. */
		if (length == 0 ||
		    map_piece(blk, part, last, part->memory[last], length) != (long)length) {
			part->data_bytes -= length;
			part->piece_count--;
		}
	}
}

/* The usual request is a single piece, whole blocks, that one part can take. False where it is not. */
static bool map_whole(struct virtio_blk *blk, struct part *part)
{
	const struct block_request *request = part->request;
	size_t length = request->segment_count == 1 ? request->segments[0].length : 0;

	if (length - 1 >= blk->size_max || (length & (blk->disk.block_size - 1)) != 0 ||
	    request->driver.offset != 0)
		return false;
	long mapped = map_piece(blk, part, 0, request->segments[0].memory, length);
	if (mapped != (long)length) {
		if (mapped > 0)
			unmap_piece(blk, part, 0);
		return false;
	}
	part->sector = request->driver.sector;
	part->piece_count = 1;
	part->data_bytes = (uint32_t)length;
	return true;
}

/*
 * Maps the next data of the request, as much as one part may have, in whole blocks. It does not move the
 * request's position: that happens when the part is pushed. Returns 0, or an error that ends the request.
 */
static int map_pieces(struct virtio_blk *blk, struct part *part)
{
	const struct block_request *request = part->request;
	unsigned segment = request->driver.segment;
	size_t offset = request->driver.offset;

	part->sector = request->driver.sector;
	part->piece_count = 0;
	part->data_bytes = 0;
	while (segment < request->segment_count && part->piece_count < blk->pieces_max &&
	       part->data_bytes < BLK_MAX_PART_BYTES) {
		size_t length = request->segments[segment].length - offset;
		if (length > blk->size_max)
			length = blk->size_max;
		if (length > BLK_MAX_PART_BYTES - part->data_bytes)
			length = BLK_MAX_PART_BYTES - part->data_bytes;
		long mapped =
			map_piece(blk, part, part->piece_count,
				  (uint8_t *)request->segments[segment].memory + offset, length);
		if (mapped < 0) {
			unmap_pieces(blk, part);
			return (int)mapped;
		}
		part->piece_count++;
		part->data_bytes += (uint32_t)mapped;
		offset += (size_t)mapped;
		if (offset == request->segments[segment].length) {
			segment++;
			offset = 0;
		}
	}
	if (request->op == BLOCK_READ || request->op == BLOCK_WRITE) {
		/* Once more where the rest of a piece could not be mapped again. */
		while (part->data_bytes % blk->disk.block_size != 0)
			trim(blk, part, part->data_bytes % blk->disk.block_size);
		if (part->data_bytes == 0)
			return ERR_UNSUPPORTED; /* one block does not fit into one device request */
	} else if (segment < request->segment_count) {
		return ERR_UNSUPPORTED; /* nor does the id, all of which one must take: 5.2.6.1-8 */
	}
	return 0;
}

/* Moves the request's position behind the part's data. */
static void advance(struct block_request *request, uint32_t bytes)
{
	request->driver.sector += bytes / BLOCK_SECTOR;
	while (bytes > 0) {
		size_t left =
			request->segments[request->driver.segment].length - request->driver.offset;
		size_t step = bytes < left ? bytes : left;
		request->driver.offset += step;
		bytes -= (uint32_t)step;
		if (step == left) {
			request->driver.segment++;
			request->driver.offset = 0;
		}
	}
}

static const uint32_t wire_type[] = {
	[BLOCK_READ] = VIRTIO_BLK_T_IN,
	[BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
	[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
	[BLOCK_GET_ID] = VIRTIO_BLK_T_GET_ID,
};

/* 5.2.6: header, data, status byte. The header is written anew each time: the device may have scribbled
 * over what was there. */
static int push_part(struct virtio_blk *blk, struct part *part)
{
	enum block_op op = part->request->op;
	bool transfers = op == BLOCK_READ || op == BLOCK_WRITE;
	struct virtio_blk_req *req = &blk->reqs[part->index];
	struct virtq_segment *status = piece_of(part, part->piece_count);

	shared_store32(&req->type, wire_type[op]);
	shared_store32(&req->reserved, 0);
	shared_store64(&req->sector, transfers ? part->sector : 0); /* 5.2.6.1-4 */
	shared_store8(&req->status, STATUS_POISON);
	status->address.bits = part->segments[0].address.bits + REQ_HEADER_BYTES;
	status->length = 1;

	unsigned readable = op == BLOCK_WRITE ? part->piece_count + 1u : 1;
	return virtio_queue_push(blk->queue, part->segments, readable,
				 part->piece_count + 2u - readable, part,
				 op == BLOCK_FLUSH ? VIRTIO_TWO_DEADLINES : VIRTIO_ONE_DEADLINE);
}

/* The disk may have shrunk since the request was accepted (5.2.6.1-2). */
static int still_inside(const struct virtio_blk *blk, const struct part *part)
{
	uint64_t sector = part->sector;

	return sector <= blk->disk.capacity &&
			       part->data_bytes / BLOCK_SECTOR <= blk->disk.capacity - sector
		       ? 0
		       : ERR_RANGE;
}

/* Makes one part of the first waiting request. False when there is no room for it now. */
static bool issue_part(struct virtio_blk *blk)
{
	struct block_request *request = blk->waiting;
	struct part *part = blk->free_parts;
	bool transfers = request->op == BLOCK_READ || request->op == BLOCK_WRITE;

	if (!part || !virtq_has_room(&blk->queue->ring, blk->pieces_max + 2))
		return false;
	/* 5.2.5.1-2: without FLUSH there is no cache to flush. */
	if (request->op == BLOCK_FLUSH && !virtio_has(blk->device, VIRTIO_BLK_F_FLUSH)) {
		leave_waiting(blk);
		finish_if_done(request);
		return true;
	}
	part->request = request;
	bool whole = map_whole(blk, part);
	int error = whole ? 0 : map_pieces(blk, part);
	if (!error && transfers)
		error = still_inside(blk, part);
	if (!error) {
		int id = push_part(blk, part);
		if (id < 0) { /* the device is being reset: try again when it is back */
			unmap_pieces(blk, part);
			return false;
		}
		blk->free_parts = part->next;
		request->driver.parts++;
		if (!whole)
			advance(request, part->data_bytes);
		if (whole || request->driver.segment == request->segment_count)
			leave_waiting(blk);
		return true;
	}
	unmap_pieces(blk, part);
	request->status = error;
	leave_waiting(blk);
	finish_if_done(request);
	return true;
}

/* What was in flight when the queue got another size: the request knows nothing of it. */
static bool push_again(struct virtio_blk *blk)
{
	struct part *part = blk->again;

	if (!virtq_has_room(&blk->queue->ring, part->piece_count + 2u) || push_part(blk, part) < 0)
		return false;
	blk->again = part->next;
	return true;
}

void blk_drain(struct virtio_queue *queue)
{
	struct virtio_blk *blk = queue->driver;
	unsigned budget = queue->setup.size;
	void *cookie;
	uint32_t written;

	blk->draining = true;
	while (budget-- > 0 && virtio_queue_pop(queue, &cookie, &written)) {
		struct part *part = cookie;
		finish_part(blk, part, part_result(blk, part, written));
	}
	while (blk->again && push_again(blk))
		;
	while (!blk->again && blk->waiting && issue_part(blk))
		;
	blk->draining = false;
	virtio_queue_publish(queue);
}

static void submit(struct block_device *disk, struct block_request *request)
{
	struct virtio_blk *blk = (struct virtio_blk *)disk;

	*blk->waiting_end = request;
	blk->waiting_end = &request->driver.next;
	if (!blk->draining)
		vport_mark(&blk->queue->event);
}

/* A part that has been cut to the old queue's size must fit into the new one. */
static int resize_queue(struct block_device *disk, unsigned size)
{
	struct virtio_blk *blk = (struct virtio_blk *)disk;

	if (size < blk->pieces_max + 2 || size > VIRTQ_MAX_SIZE)
		return ERR_INVALID;
	return virtio_queue_resize(blk->queue, (uint16_t)size);
}

const struct block_operations blk_operations = { .submit = submit, .resize_queue = resize_queue };

void blk_queue_ready(struct virtio_queue *queue)
{
	vport_mark(&queue->event);
}

/* ---- The end of a queue, or of the device ----------------------------------------------------- */

void blk_abort_part(struct virtio_queue *queue, void *cookie, int error)
{
	struct virtio_blk *blk = queue->driver;
	struct part *part = cookie;

	if (error == ERR_BUSY) {
		part->next = blk->again;
		blk->again = part;
	} else {
		finish_part(blk, part, error);
	}
}

void blk_fail_waiting(struct virtio_blk *blk)
{
	while (blk->again) {
		struct part *part = blk->again;
		blk->again = part->next;
		finish_part(blk, part, ERR_NODEV);
	}
	while (blk->waiting) {
		struct block_request *request = blk->waiting;
		request->status = ERR_NODEV;
		leave_waiting(blk);
		finish_if_done(request);
	}
}
