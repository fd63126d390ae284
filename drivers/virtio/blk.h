/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the virtio-blk driver share: blk.c (the device), blk_config.c (what it says of itself) and
 * blk_request.c (its requests). */
#ifndef DRIVERS_VIRTIO_BLK_H
#define DRIVERS_VIRTIO_BLK_H

#include "drivers/virtio/block_queue.h"

/* Feature bits, 5.2.3 */
enum {
	VIRTIO_BLK_F_SIZE_MAX = 1,
	VIRTIO_BLK_F_SEG_MAX = 2,
	VIRTIO_BLK_F_RO = 5,
	VIRTIO_BLK_F_BLK_SIZE = 6,
	VIRTIO_BLK_F_FLUSH = 9,
	VIRTIO_BLK_F_TOPOLOGY = 10,
	VIRTIO_BLK_F_CONFIG_WCE = 11,
	VIRTIO_BLK_F_MQ = 12,
	VIRTIO_BLK_F_DISCARD = 13,
	VIRTIO_BLK_F_WRITE_ZEROES = 14,
};

#define BLK_QUEUE_SIZE 128
#define BLK_MAX_QUEUES 8

struct virtio_blk {
	struct block_device disk; /* first: a disk's driver part is found by a cast */
	struct virtio_device *device;
	uint64_t told_capacity;              /* as the device says it */
	bool mode_chosen, write_back_chosen; /* by block_set_write_back */
	struct block_pool pool;
	struct block_queue queues[BLK_MAX_QUEUES];
	unsigned queue_count;
	bool many_cpus;
};

static inline struct virtio_blk *blk_of(struct block_device *disk)
{
	return (struct virtio_blk *)disk;
}

static inline struct block_queue *blk_queue_of(struct virtio_queue *queue)
{
	return queue->driver;
}

/* The queue for what this CPU submits, and whether it is at home here. They are dealt over the CPUs in turn:
 * queue i is at home on CPU i, and there are no more of them than CPUs. */
static inline struct block_queue *blk_queue_here(struct virtio_blk *blk, bool *at_home)
{
	*at_home = true;
	if (!blk->many_cpus)
		return &blk->queues[0];
	unsigned cpu = vport_cpu(), index = cpu % blk->queue_count;
	*at_home = cpu == index;
	return &blk->queues[index];
}

/* ---- blk_config.c ---------------------------------------------------------------- */

/* Reads the capacity, and all that the device says of its blocks and limits, into blk->disk. A limit that
 * makes no sense is replaced by one that does, and named. After a reset too. 0 or an error. */
int blk_read_config(struct virtio_blk *blk);
/* Only the capacity. */
int blk_read_capacity(struct virtio_blk *blk);
/* How many queues the device has, as far as we want them: 1 … BLK_MAX_QUEUES. */
unsigned blk_queue_count(struct virtio_blk *blk);
/* 5.2.5, CONFIG_WCE. 0 or an error; the disk's write_back is what the device then says. */
int blk_set_write_back(struct virtio_blk *blk, bool on);

/* ---- blk_request.c --------------------------------------------------------------- */

extern const struct block_wire blk_wire;

/* The driver's drain, and block_operations' submit_prepared. */
void blk_drain(struct virtio_queue *queue);
int blk_submit_prepared(struct block_device *disk, struct block_request *request, uint64_t sector);

#endif
