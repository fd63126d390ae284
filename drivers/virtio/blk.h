/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two files of the virtio-blk driver share: blk.c (the device) and blk_request.c (its requests). */
#ifndef DRIVERS_VIRTIO_BLK_H
#define DRIVERS_VIRTIO_BLK_H

#include "drivers/virtio/block.h"
#include "drivers/virtio/device.h"

/* Feature bits, 5.2.3 */
enum {
	VIRTIO_BLK_F_SIZE_MAX = 1,
	VIRTIO_BLK_F_SEG_MAX = 2,
	VIRTIO_BLK_F_RO = 5,
	VIRTIO_BLK_F_BLK_SIZE = 6,
	VIRTIO_BLK_F_FLUSH = 9,
};

#define BLK_QUEUE_SIZE 128
#define BLK_MAX_PARTS 128
#define BLK_MAX_PART_BYTES 0x40000000 /* so that no sum of lengths leaves 32 bits (2.7.5.2-1) */
#define BLK_MAX_PIECES 14 /* data segments of a part; with header and status, 16 descriptors */

/* What surrounds the data of a request. Shared with the device; one for each part. */
struct virtio_blk_req {
	le32 type;
	le32 reserved;
	le64 sector;
	uint8_t status; /* the device's, behind the data */
	uint8_t unused[15];
};
#define REQ_HEADER_BYTES 16
_Static_assert(__builtin_offsetof(struct virtio_blk_req, status) == REQ_HEADER_BYTES, "5.2.6");
_Static_assert(sizeof(struct virtio_blk_req) == 32, "parts do not share a cache line's half");

/* A device request. */
struct part {
	struct block_request *request;
	uint64_t sector;
	uint32_t data_bytes;
	uint16_t index; /* of its virtio_blk_req */
	uint16_t piece_count;
	struct part *next; /* free, or to be pushed again */
	/* As they are pushed: header, the pieces of the data as they were mapped for the device, status. */
	struct virtq_segment segments[BLK_MAX_PIECES + 2];
	void *memory[BLK_MAX_PIECES]; /* the pieces, where we see them */
};

struct virtio_blk {
	struct block_device disk; /* first: a disk's driver part is found by a cast */
	struct virtio_device *device;
	struct virtio_queue *queue;
	uint64_t told_capacity; /* as the device says it */
	uint32_t size_max;      /* bytes in a segment */
	uint32_t pieces_max;    /* data segments in a part */
	struct part *parts, *free_parts;
	unsigned part_count;
	struct virtio_blk_req *reqs;
	dma_addr_t reqs_address;
	struct block_request *waiting, **waiting_end; /* not handed out completely */
	struct part *again; /* to be pushed once more: their queue was given another size */
	bool draining;
};

/* ---- blk_request.c --------------------------------------------------------------- */

extern const struct block_operations blk_operations;

/* Completes what the device has used, hands out what waits: the driver's drain. */
void blk_drain(struct virtio_queue *queue);
/* A part that was in flight when the device was reset, or (ERR_BUSY) only its queue, which gets another size:
 * then it is pushed again. The driver's abort. */
void blk_abort_part(struct virtio_queue *queue, void *cookie, int error);
/* After the queue was given another size: the driver's queue_ready. */
void blk_queue_ready(struct virtio_queue *queue);
/* Fails all that waits: the device will not come back. */
void blk_fail_waiting(struct virtio_blk *blk);

#endif
