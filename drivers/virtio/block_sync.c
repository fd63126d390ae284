/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Synchronous disk access (layer L5): submit, wait, return. The data goes through a buffer of the disk's
 * own, so that a device that hangs for good keeps nothing of the caller's (rule 4 of docs/hardening.md).
 *
 * See it at work: make run, then `read vda 0` in the shell
 * Left out: more than one request in flight; block_submit is for that.
 */
#include "drivers/virtio/block.h"
#include "lib/error.h"
#include "lib/mem.h"

#define BOUNCE_BYTES 65536

struct waiter {
	bool finished;
	unsigned cpu; /* which waits: the completion may come on another */
};

static void wake(struct block_request *request)
{
	struct waiter *waiter = request->cookie;
	unsigned cpu = waiter->cpu;

	/* From here on the waiter may be gone. */
	__atomic_store_n(&waiter->finished, true, __ATOMIC_RELEASE);
	vport_wake(cpu);
}

/* The request itself may be the caller's: the driver never gives a request's struct to the device, and
 * calls done in any case. */
static int run(struct block_device *disk, struct block_request *request)
{
	struct waiter waiter = { .cpu = vport_cpu() };

	request->done = wake;
	request->cookie = &waiter;
	int error = block_submit(disk, request);
	if (error)
		return error;
	while (!__atomic_load_n(&waiter.finished, __ATOMIC_ACQUIRE))
		vport_relax(VPORT_NEVER);
	return request->status;
}

/* A bounce buffer that nobody uses, a new one if need be; NULL when there is no memory. To wait for another
 * one could be to wait for ever: who has it may be the program, which goes on only when this work item has
 * ended. There are as many in the end as calls at once: one a CPU, and the work item's. */
static struct block_bounce *take_bounce(struct block_device *disk)
{
	struct block_device *whole = disk->whole;
	struct block_bounce *bounce;
	dma_addr_t unused; /* it is mapped with each request, like any buffer */

	vport_lock_take(&whole->bounce_lock);
	bounce = whole->bounces;
	if (bounce)
		whole->bounces = bounce->next;
	vport_lock_give(&whole->bounce_lock);
	if (bounce)
		return bounce;
	bounce = vport_alloc(sizeof(*bounce));
	if (!bounce)
		return NULL;
	bounce->memory = vport_dma_alloc(whole->port, BOUNCE_BYTES, 4096, &unused);
	if (!bounce->memory) {
		vport_free(bounce, sizeof(*bounce));
		return NULL;
	}
	return bounce;
}

static void give_bounce(struct block_device *disk, struct block_bounce *bounce)
{
	struct block_device *whole = disk->whole;

	vport_lock_take(&whole->bounce_lock);
	bounce->next = whole->bounces;
	whole->bounces = bounce;
	vport_lock_give(&whole->bounce_lock);
}

static int transfer(struct block_device *disk, enum block_op op, uint64_t sector, uint8_t *buffer,
		    size_t length)
{
	if (disk->whole->empty)
		return ERR_NO_MEDIUM;
	/* Checked as a whole before the first byte moves: a request that reaches past the end writes
	 * nothing at all. */
	if (length == 0 || length % BLOCK_SECTOR != 0)
		return ERR_INVALID;
	int error = block_check_place(disk, sector, length / BLOCK_SECTOR);
	if (error)
		return error;
	struct block_bounce *bounce = take_bounce(disk);
	if (!bounce)
		return ERR_NOMEM;
	while (length > 0 && !error) {
		struct block_segment segment = { bounce->memory,
						 length < BOUNCE_BYTES ? length : BOUNCE_BYTES };
		struct block_request request = {
			.op = op, .sector = sector, .segments = &segment, .segment_count = 1
		};
		if (op == BLOCK_WRITE)
			memcpy(bounce->memory, buffer, segment.length);
		error = run(disk, &request);
		if (op == BLOCK_READ && !error)
			memcpy(buffer, bounce->memory, segment.length);
		buffer += segment.length;
		sector += segment.length / BLOCK_SECTOR;
		length -= segment.length;
	}
	give_bounce(disk, bounce);
	return error;
}

int block_read(struct block_device *disk, uint64_t sector, void *buffer, size_t length)
{
	return transfer(disk, BLOCK_READ, sector, buffer, length);
}

int block_write(struct block_device *disk, uint64_t sector, const void *buffer, size_t length)
{
	return transfer(disk, BLOCK_WRITE, sector, (uint8_t *)(uintptr_t)buffer, length);
}

int block_flush(struct block_device *disk)
{
	struct block_request request = { .op = BLOCK_FLUSH };

	return run(disk, &request);
}

int block_discard(struct block_device *disk, uint64_t sector, uint64_t sectors)
{
	struct block_request request = { .op = BLOCK_DISCARD,
					 .sector = sector,
					 .sectors = sectors };

	return run(disk, &request);
}

int block_write_zeroes(struct block_device *disk, uint64_t sector, uint64_t sectors, bool unmap)
{
	struct block_request request = {
		.op = BLOCK_WRITE_ZEROES, .sector = sector, .sectors = sectors, .unmap = unmap
	};

	return run(disk, &request);
}

int block_id(struct block_device *disk, char id[BLOCK_ID_BYTES + 1])
{
	struct block_bounce *bounce = take_bounce(disk);
	if (!bounce)
		return ERR_NOMEM;
	struct block_segment segment = { bounce->memory, BLOCK_ID_BYTES };
	struct block_request request = { .op = BLOCK_GET_ID,
					 .segments = &segment,
					 .segment_count = 1 };
	int error = run(disk, &request);
	if (!error) {
		memcpy(id, bounce->memory, BLOCK_ID_BYTES);
		id[BLOCK_ID_BYTES] = 0;
	}
	give_bounce(disk, bounce);
	return error;
}
