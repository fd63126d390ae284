/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What virtio-blk and virtio-scsi have in common: requests of block.h on their way through virtqueues.
 *
 * A request of any length is cut into device requests ("parts") as the disk's limits demand
 * (block_parts.c); as many of them are in flight as the queue holds; and the request is completed once,
 * when its last part is back (block_queue.c). What surrounds the data of a part on the wire, and what
 * the device's answer means, is the driver's business: struct block_wire.
 *
 * Parts are made and published in drain context, so whatever a program submitted before it waits goes to
 * the device as one batch with one notification.
 */
#ifndef DRIVERS_VIRTIO_BLOCK_QUEUE_H
#define DRIVERS_VIRTIO_BLOCK_QUEUE_H

#include "drivers/virtio/block.h"
#include "drivers/virtio/device.h"

#define BLOCK_MAX_PIECES 14 /* data segments of a part; with header and tail, 16 descriptors */
#define BLOCK_MAX_ENTRIES (BLOCK_MAX_PIECES + 2)
#define BLOCK_MAX_PART_BYTES 0x40000000 /* so that no sum of lengths leaves 32 bits (2.7.5.2-1) */

/* A device request. */
struct block_part {
	struct virtq_buffer
		buffer; /* first, because a part's address is its cookie; its table, where there are any */
	struct block_request *request;
	void *wire;       /* header and tail; shared with the device */
	uint64_t sector;  /* where it begins on the disk */
	uint32_t sectors; /* how many it is about: read, written, discarded … */
	uint32_t bytes;   /* of data */
	uint8_t pieces;   /* of data: segments[first …] */
	uint8_t first;
	uint8_t entries, readable; /* segments in all, and those among them that the device reads */
	uint8_t tries;             /* how often the device has answered "not now" */
	bool prepared;             /* it is the request's own for good: block_prepare */
	bool encoded;              /* segments and table are as the data is */
	struct virtq_segment
		extra;            /* behind the header of one without data, by fill; or length 0 */
	uint64_t not_before;      /* with ERR_BUSY: when it is pushed again; 0: at once */
	struct virtq_desc *table; /* the indirect table; shared */
	struct block_part *next;  /* free, or to be pushed again */
	dma_addr_t wire_address;
	struct virtq_segment segments[BLOCK_MAX_ENTRIES];
	void *memory[BLOCK_MAX_PIECES]; /* the pieces, where we see them */
};

struct block_queue;

/* How a driver puts a part on the wire. */
struct block_wire {
	uint16_t bytes;   /* header and tail of a part together, in one piece of shared memory */
	uint16_t tail_at; /* where the tail begins: what the device writes besides the data */
	uint16_t tail_bytes;
	bool tail_first; /* the tail stands before the data that is read (5.6.6.1), not behind */
	/* Writes the header anew, because the device may have scribbled over it, and poisons the tail. Returns
	 * how long the header is. */
	uint32_t (*fill)(struct block_part *part);
	/* The same for one that was filled before, and answered well, and differs in its sector alone. */
	void (*refill)(struct block_part *part);
	/* What the device's answer means: 0, an error, or ERR_BUSY: to be sent again, at the first look at the queue
	 * after part->not_before. */
	int (*result)(struct block_part *part, uint32_t written);
};

/*
 * What is handed out through one virtqueue. All but the inbox belongs to the drain, on the queue's home CPU (and
 * to the recovery, which runs when no drain does), so the way of a request through it takes no lock.
 */
struct block_queue {
	struct virtio_queue *queue;
	struct block_pool *pool;
	struct block_request *waiting, **waiting_end; /* not handed out completely */
	struct vport_lock inbox_lock;
	struct block_request *inbox, **inbox_end; /* what programs submitted, on any CPU */
	bool closed;                              /* nothing comes in any more */
	struct block_part *again; /* to be pushed once more: the queue was given another size */
	struct block_part *later; /* not before its time: the device was busy */
	/* The queue itself while completions run and nothing waits before what they submit: prepared requests go by `ready`.
	 * With one CPU it stands in the pool, where who submits finds it at once. */
	struct block_queue *direct, **direct_at;
	/* Parts that only have to be pushed. The end is NULL but while completions run: what they submit goes out after
	 * them. */
	struct virtq_buffer *ready, **ready_end;
};

/* The parts of a device, which its queues share. */
struct block_pool {
	struct virtio_device *device;
	const struct block_wire *wire;
	struct vport_lock lock; /* around the free list */
	struct block_part *free;
	struct block_chunk *chunks;
	unsigned free_count;
	unsigned common;            /* parts that prepared requests leave to the others */
	struct block_queue *direct; /* with one CPU: see block_queue */
	bool indirect;              /* VIRTIO_F_INDIRECT_DESC */
};

/* ---- block_parts.c ------------------------------------------------------------------- */

/* Makes a pool of at least `count` parts. Program context. 0 or ERR_NOMEM, and nothing is left behind. */
int block_pool_init(struct block_pool *pool, struct virtio_device *device,
		    const struct block_wire *wire, unsigned count);
void block_pool_free(struct block_pool *pool);
/* A part; NULL when all are in use. block_part_free takes its data back from the device first. */
struct block_part *block_part_take(struct block_pool *pool);
void block_part_free(struct block_pool *pool, struct block_part *part);

/* Cuts the next part of its request: maps as much data as one may have, in whole blocks. The request's position
 * does not move: block_part_taken does that, and says whether the request has been cut completely. 0, or an
 * error that ends the request, with nothing mapped. */
int block_part_cut(struct block_pool *pool, struct block_part *part);
bool block_part_taken(struct block_request *request, const struct block_part *part);
/* block_operations' prepare and unprepare. */
int block_part_prepare(struct block_pool *pool, struct block_request *request);
void block_part_unprepare(struct block_pool *pool, struct block_request *request);
/* Writes segments and indirect table for a part that has been cut, with a header of that length. */
void block_part_encode(struct block_pool *pool, const struct virtq *vq, struct block_part *part,
		       uint32_t header_bytes);
/* The disk may have shrunk since the request was accepted, or got larger blocks. 0, ERR_RANGE, ERR_INVALID. */
int block_part_inside(const struct block_part *part);

/* ---- block_queue.c ------------------------------------------------------------------- */

void block_queue_init(struct block_queue *bq, struct block_pool *pool, struct virtio_queue *queue);
/* Takes a request that block_submit has checked: it waits until the drain hands it out. `at_home`: this is the
 * queue's home CPU. */
void block_queue_submit(struct block_queue *bq, struct block_request *request, bool at_home);
/* A part that was in flight when the device was reset, or (ERR_BUSY) only its queue, which gets another size:
 * then it is pushed again. A driver's abort. */
void block_queue_abort(struct block_queue *bq, void *cookie, int error);
/* block_resize_queue for all queues of a device: none gets smaller than what is cut for it, a part of so many
 * pieces. On CPU 0, where no other work item can come in between that waits for one of them. */
int block_queues_resize(struct block_queue *queues, unsigned count, unsigned size, unsigned pieces);
/* Fails all that waits, with ERR_NODEV: the device will not come back. */
void block_queue_fail(struct block_queue *bq);
/* For block_queue_drain: what a used part means where it was not the usual case; parts for which there is no room
 * now, and which come before all that waits; and what waits is handed out, with all that was pushed. */
void block_queue_finish(struct block_queue *bq, struct block_part *part, int error);
void block_queue_wait_first(struct block_queue *bq, struct virtq_buffer *first);
void block_queue_issue_waiting(struct block_queue *bq);

/* ---- The short way ------------------------------------------------------------------------
 *
 * What a prepared request passes by, from block_submit to the ring and back. It is here so that a driver, who
 * knows its block_wire, gets one without calls through pointers. */

/* Of a prepared request that a completion submits: it goes out with what that completed, if nothing is before it. False
 * when its part has to be written anew. */
static inline bool block_queue_make_ready(struct block_queue *bq, struct block_request *request,
					  uint64_t sector, const struct block_wire *wire)
{
	struct block_part *part = request->driver.part;

	if (!part->encoded)
		return false;
	part->sector = sector;
	wire->refill(part);
	*bq->ready_end = &part->buffer;
	bq->ready_end = &part->buffer.next;
	return true;
}

/* A driver's submit_prepared, where pool->direct is not set. */
static inline int block_queue_submit_prepared(struct block_queue *bq, struct block_request *request,
					      uint64_t sector, const struct block_wire *wire,
					      bool at_home)
{
	if (!at_home || !*bq->direct_at || !block_queue_make_ready(bq, request, sector, wire)) {
		request->driver.sector = sector;
		block_queue_submit(bq, request, at_home);
	}
	return 0;
}

#define BLOCK_BATCH 64 /* completions in one pass; what is left comes in the next */

/* Whether there is something to hand out besides what completions make ready: prepared requests do not wait. */
static inline bool block_queue_has_waiting(const struct block_queue *bq)
{
	const struct block_request *inbox = *(struct block_request *const volatile *)&bq->inbox;

	return ((uintptr_t)inbox | (uintptr_t)bq->later | (uintptr_t)bq->again |
		(uintptr_t)bq->waiting) != 0;
}

/* Completes what the device has used, hands out what that made ready and what waits: a driver's drain. */
static inline __attribute__((always_inline)) void block_queue_drain(struct block_queue *bq,
								    const struct block_wire *wire)
{
	struct virtio_queue *queue = bq->queue;
	struct virtq_done done[BLOCK_BATCH], *next = done;
	unsigned count = virtio_queue_pop_many(queue, done, BLOCK_BATCH);

	/* Most looks of a CPU that polls find nothing, and the next one shall come soon. */
	if (count == 0) {
		if (block_queue_has_waiting(bq))
			block_queue_issue_waiting(bq);
		return;
	}
	struct block_queue **direct_at = bq->direct_at;
	bq->ready_end = &bq->ready;
	if (__builtin_expect(!block_queue_has_waiting(bq), true))
		*direct_at = bq;
	do {
		struct block_part *part = next->cookie;
		int error = wire->result(part, next->written);
		struct block_request *request = part->request;
		if (__builtin_expect(!error && part->prepared, true))
			request->done(request);
		else
			block_queue_finish(bq, part, error);
		next++;
	} while (--count > 0);
	bool nothing_waits = *direct_at == bq;
	*direct_at = NULL;
	*bq->ready_end = NULL;
	bq->ready_end = NULL;
	if (bq->ready) {
		struct virtq_buffer *left = virtio_queue_push_list(queue, bq->ready);
		if (__builtin_expect(left != NULL, false)) {
			block_queue_wait_first(bq, left);
			nothing_waits = false;
		}
	}
	if (__builtin_expect(nothing_waits, true))
		virtio_queue_publish(queue);
	else
		block_queue_issue_waiting(bq);
}

#endif
