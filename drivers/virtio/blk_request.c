/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk requests on the wire: VIRTIO 1.4 section 5.2.6. How block requests become these, and how they
 * go through a queue, is in block_queue.h.
 *
 * See it at work: make run APP=iocheck
 * Left out: secure erase, lifetime and zones (5.2.6.5 and what follows).
 */
#include "drivers/virtio/blk.h"

enum {
	VIRTIO_BLK_T_IN = 0,
	VIRTIO_BLK_T_OUT = 1,
	VIRTIO_BLK_T_FLUSH = 4,
	VIRTIO_BLK_T_GET_ID = 8,
	VIRTIO_BLK_T_DISCARD = 11,
	VIRTIO_BLK_T_WRITE_ZEROES = 13,
};

enum {
	VIRTIO_BLK_S_OK = 0,
	VIRTIO_BLK_S_IOERR = 1,
	VIRTIO_BLK_S_UNSUPP = 2,
	STATUS_POISON = 0xff, /* what no device writes: tells whether it wrote at all */
};

/* What surrounds the data of a request: small, so that two of them share a cache line, each of which goes from one
 * processor to the other and back where the device is a process (bench ARCH=host). */
struct virtio_blk_req {
	le32 type;
	le32 reserved;
	le64 sector;
	uint8_t status; /* the device's, behind the data */
};
#define HEADER_BYTES 16
_Static_assert(__builtin_offsetof(struct virtio_blk_req, status) == HEADER_BYTES, "5.2.6");

/* The data of DISCARD and WRITE_ZEROES: one range. */
struct virtio_blk_discard_write_zeroes {
	le64 sector;
	le32 num_sectors;
	le32 flags;
};
#define VIRTIO_BLK_WRITE_ZEROES_F_UNMAP 1u
#define RANGE_ENTRY (BLOCK_MAX_ENTRIES - 1)
_Static_assert(sizeof(struct virtio_blk_discard_write_zeroes) == sizeof(struct virtq_desc),
	       "5.2.6, and an entry of the table");

static const uint32_t wire_type[BLOCK_OPS] = {
	[BLOCK_READ] = VIRTIO_BLK_T_IN,         [BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
	[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,     [BLOCK_GET_ID] = VIRTIO_BLK_T_GET_ID,
	[BLOCK_DISCARD] = VIRTIO_BLK_T_DISCARD, [BLOCK_WRITE_ZEROES] = VIRTIO_BLK_T_WRITE_ZEROES,
};

/* The range stands where the part's table has its last entry, which a request without data does not need. Only
 * WRITE_ZEROES has a flag (5.2.6.1-14). */
static void fill_range(struct block_part *part)
{
	void *place = &part->table[RANGE_ENTRY]; /* void: that memory is now of another type */
	struct virtio_blk_discard_write_zeroes *range = place;
	const struct block_request *request = part->request;
	bool unmap = request->op == BLOCK_WRITE_ZEROES && request->unmap &&
		     request->driver.disk->limits.zeroes_may_unmap;

	shared_store64(&range->sector, part->sector);
	shared_store32(&range->num_sectors, part->sectors);
	shared_store32(&range->flags, unmap ? VIRTIO_BLK_WRITE_ZEROES_F_UNMAP : 0);
	part->extra = (struct virtq_segment){
		{ part->buffer.address.bits + RANGE_ENTRY * sizeof(struct virtq_desc) },
		sizeof(*range),
	};
}

/* 5.2.6: the sector is that of reads and writes, and 0 for all others (5.2.6.1-4). */
static uint32_t fill(struct block_part *part)
{
	struct virtio_blk_req *req = part->wire;
	enum block_op op = part->request->op;

	shared_store32(&req->type, wire_type[op]);
	shared_store32(&req->reserved, 0);
	shared_store64(&req->sector, op <= BLOCK_WRITE ? part->sector : 0);
	shared_store8(&req->status, STATUS_POISON);
	if (op == BLOCK_DISCARD || op == BLOCK_WRITE_ZEROES)
		fill_range(part);
	return HEADER_BYTES;
}

static void refill(struct block_part *part)
{
	struct virtio_blk_req *req = part->wire;

	shared_store64(&req->sector, part->sector);
	shared_store8(&req->status, STATUS_POISON);
}

/*
 * What a used part means. The length counts as well as the status (2.7.8.2-1): data beyond it, or a status
 * byte that it does not cover, was not written, whatever stands there.
 */
static int result(struct block_part *part, uint32_t written)
{
	const struct virtio_blk_req *req = part->wire;

	uint8_t status = shared_load8(&req->status);

	if (__builtin_expect(status == VIRTIO_BLK_S_OK && written >= part->buffer.writable, true))
		return 0;
	/* VIRTIO_BLK_S_IOERR, the poison, nonsense, or too little. */
	return status == VIRTIO_BLK_S_UNSUPP ? ERR_UNSUPPORTED : ERR_IO;
}

const struct block_wire blk_wire = {
	.bytes = sizeof(struct virtio_blk_req),
	.tail_at = __builtin_offsetof(struct virtio_blk_req, status),
	.tail_bytes = 1,
	.fill = fill,
	.refill = refill,
	.result = result,
};

/* ---- The short way: block_queue.h's, made for this wire format ------------------------------- */

void blk_drain(struct virtio_queue *queue)
{
	block_queue_drain(blk_queue_of(queue), &blk_wire);
}

static __attribute__((noinline)) int submit_prepared(struct virtio_blk *blk,
						     struct block_request *request, uint64_t sector)
{
	bool at_home;
	struct block_queue *bq = blk_queue_here(blk, &at_home);

	return block_queue_submit_prepared(bq, request, sector, &blk_wire, at_home);
}

int blk_submit_prepared(struct block_device *disk, struct block_request *request, uint64_t sector)
{
	struct virtio_blk *blk = blk_of(disk);
	struct block_queue *bq = blk->pool.direct;

	if (bq && block_queue_make_ready(bq, request, sector, &blk_wire))
		return 0;
	return submit_prepared(blk, request, sector);
}
