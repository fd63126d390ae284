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

static void wake(struct block_request *request)
{
	*(bool *)request->cookie = true;
}

/* The request itself may be the caller's: the driver never gives a request's struct to the device, and
 * calls done in any case. */
static int run(struct block_device *disk, struct block_request *request)
{
	bool finished = false;

	request->done = wake;
	request->cookie = &finished;
	int error = block_submit(disk, request);
	if (error)
		return error;
	while (!finished)
		vport_relax(VPORT_NEVER);
	return request->status;
}

/* A bounce buffer that nobody uses; NULL when there is no memory. To wait for the other one would be to wait
 * for ever: who has it is the program, which goes on only when this work item has ended. */
static struct block_bounce *take_bounce(struct block_device *disk)
{
	struct block_bounce *bounce = &disk->bounce[disk->bounce[0].busy];

	kit_assert(!bounce->busy);
	if (!bounce->memory) {
		dma_addr_t unused; /* it is mapped with each request, like any buffer */
		bounce->memory = vport_dma_alloc(disk->port, BOUNCE_BYTES, 4096, &unused);
	}
	bounce->busy = bounce->memory != NULL;
	return bounce->busy ? bounce : NULL;
}

static int transfer(struct block_device *disk, enum block_op op, uint64_t sector, uint8_t *buffer,
		    size_t length)
{
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
	bounce->busy = false;
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
	bounce->busy = false;
	return error;
}
