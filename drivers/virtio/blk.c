/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk, the block device: VIRTIO 1.4 section 5.2. This file brings the device up and knows its
 * configuration; blk_request.c moves the data; programs see block.h.
 *
 * See it at work: make run APP=disksum
 * Left out: several queues, discard, write zeroes, secure erase, lifetime, zones.
 */
#include "drivers/virtio/blk.h"
#include "drivers/virtio/drivers.h"
#include "lib/mem.h"

/* 5.2.4 */
enum blk_config {
	CONFIG_CAPACITY = 0,
	CONFIG_SIZE_MAX = 8,
	CONFIG_SEG_MAX = 12,
	CONFIG_BLK_SIZE = 20,
};

static const uint8_t wanted[] = {
	VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_RO,
	VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH,
};

/* ---- Configuration ---------------------------------------------------------------------------- */

/* The capacity, in whole blocks and such that a byte offset always fits into 63 bits. */
static int read_capacity(struct virtio_blk *blk)
{
	struct block_device *disk = &blk->disk;
	uint64_t capacity;
	int error = virtio_config_read(blk->device, CONFIG_CAPACITY, 8, 1, &capacity);
	if (error)
		return error;
	/* Nothing is said twice, however often the device says that its configuration has changed. */
	if (capacity == blk->told_capacity)
		return 0;
	blk->told_capacity = capacity;
	if (capacity > INT64_MAX / BLOCK_SECTOR) {
		virtio_log(blk->device, VPORT_LOG_ERROR, "impossible capacity 0x%llx: limited",
			   (unsigned long long)capacity);
		capacity = INT64_MAX / BLOCK_SECTOR;
	}
	disk->tail_sectors = (uint32_t)(capacity % (disk->block_size / BLOCK_SECTOR));
	disk->capacity = capacity - disk->tail_sectors;
	if (disk->tail_sectors)
		virtio_log(blk->device, VPORT_LOG_ERROR,
			   "%s is no multiple of its block size %u: its last %u sectors cannot be "
			   "reached",
			   disk->name[0] ? disk->name : "the disk", disk->block_size,
			   disk->tail_sectors);
	return 0;
}

/* 5.2.5. A limit that makes no sense is replaced by one that does, and named. */
static int read_limits(struct virtio_blk *blk)
{
	struct virtio_device *device = blk->device;
	uint32_t block_size = BLOCK_SECTOR, size_max = 0, seg_max = BLK_MAX_PIECES;
	int error = 0;

	if (virtio_has(device, VIRTIO_BLK_F_BLK_SIZE))
		error = virtio_config_read(device, CONFIG_BLK_SIZE, 4, 1, &block_size);
	if (!error && virtio_has(device, VIRTIO_BLK_F_SIZE_MAX))
		error = virtio_config_read(device, CONFIG_SIZE_MAX, 4, 1, &size_max);
	if (!error && virtio_has(device, VIRTIO_BLK_F_SEG_MAX))
		error = virtio_config_read(device, CONFIG_SEG_MAX, 4, 1, &seg_max);
	if (error)
		return error;

	if (block_size < BLOCK_SECTOR || block_size > 65536 ||
	    (block_size & (block_size - 1)) != 0) {
		virtio_log(device, VPORT_LOG_ERROR, "impossible block size %u: taken as %u",
			   block_size, BLOCK_SECTOR);
		block_size = BLOCK_SECTOR;
	}
	if (seg_max == 0) {
		virtio_log(device, VPORT_LOG_ERROR, "impossible seg_max 0: taken as 1");
		seg_max = 1;
	}
	if (blk->disk.block_size != block_size) { /* so that the capacity is worked out anew */
		blk->told_capacity = 0;
		blk->disk.capacity = 0;
	}
	blk->disk.block_size = block_size;
	blk->pieces_max = seg_max < BLK_MAX_PIECES ? seg_max : BLK_MAX_PIECES;
	/* A size_max of 0 is "no limit" to devices that offer it and mean nothing by it. */
	blk->size_max =
		size_max == 0 || size_max > BLK_MAX_PART_BYTES ? BLK_MAX_PART_BYTES : size_max;
	blk->disk.read_only = virtio_has(device, VIRTIO_BLK_F_RO);
	return read_capacity(blk);
}

/* 2.7.5.3.1-3 */
static void limit_to_queue(struct virtio_blk *blk)
{
	unsigned size = blk->queue->setup.size;

	if (size > 2 && blk->pieces_max > size - 2)
		blk->pieces_max = size - 2;
}

static void config_changed(struct virtio_device *device)
{
	struct virtio_blk *blk = device->data;
	uint64_t before = blk->disk.capacity;

	/* 5.2.6.1-1 */
	if (read_capacity(blk) == 0 && blk->disk.capacity != before)
		virtio_log(device, VPORT_LOG_INFO, "%s now has %llu sectors", blk->disk.name,
			   (unsigned long long)blk->disk.capacity);
}

/* ---- Probe, remove, ready, gone ------------------------------------------------------------------- */

static void free_blk(struct virtio_blk *blk)
{
	if (blk->parts)
		vport_free(blk->parts, blk->part_count * sizeof(struct part));
	if (blk->reqs)
		vport_dma_free(blk->device->port, blk->reqs,
			       blk->part_count * sizeof(struct virtio_blk_req));
	vport_free(blk, sizeof(*blk));
}

static int allocate_parts(struct virtio_blk *blk)
{
	blk->part_count =
		blk->queue->setup.size < BLK_MAX_PARTS ? blk->queue->setup.size : BLK_MAX_PARTS;
	blk->parts = vport_alloc(blk->part_count * sizeof(struct part));
	blk->reqs =
		vport_dma_alloc(blk->device->port, blk->part_count * sizeof(struct virtio_blk_req),
				64, &blk->reqs_address);
	if (!blk->parts || !blk->reqs)
		return ERR_NOMEM;
	for (unsigned i = 0; i < blk->part_count; i++) {
		blk->parts[i].index = (uint16_t)i;
		blk->parts[i].segments[0] = (struct virtq_segment){
			{ blk->reqs_address.bits + i * sizeof(struct virtio_blk_req) },
			REQ_HEADER_BYTES,
		};
		blk->parts[i].next = blk->free_parts;
		blk->free_parts = &blk->parts[i];
	}
	return 0;
}

static int probe(struct virtio_device *device)
{
	struct virtio_blk *blk = vport_alloc(sizeof(*blk));
	if (!blk)
		return ERR_NOMEM;
	blk->device = device;
	blk->waiting_end = &blk->waiting;
	blk->disk.operations = &blk_operations;
	blk->disk.port = device->port;
	device->data = blk;

	int error = read_limits(blk);
	if (!error)
		error = virtio_queue_create(
			device, 0,
			&(struct virtio_queue_options){ .size_limit = BLK_QUEUE_SIZE,
							.has_deadline = true,
							.indirect_entries = BLK_MAX_PIECES + 2,
							.driver = blk });
	if (!error) {
		blk->queue = device->queues[0];
		if (blk->queue->setup.size < 3) {
			virtio_log(device, VPORT_LOG_ERROR, "its queue is too small: %u",
				   blk->queue->setup.size);
			error = ERR_UNSUPPORTED;
		}
		limit_to_queue(blk);
	}
	if (!error)
		error = allocate_parts(blk);
	if (error)
		free_blk(blk);
	return error;
}

static void remove(struct virtio_device *device)
{
	free_blk(device->data);
}

static void ready(struct virtio_device *device)
{
	struct virtio_blk *blk = device->data;

	if (!blk->disk.name[0]) {
		block_add(&blk->disk, "vd");
		memcpy(device->name, blk->disk.name, sizeof(device->name));
	}
	blk->disk.resets = device->resets;
	/* After a reset it may be another device: the back end that came back. */
	if (device->resets > 0 && read_limits(blk) == 0)
		limit_to_queue(blk);
	vport_mark(&blk->queue->event); /* what waited during a reset */
}

static void gone(struct virtio_device *device)
{
	struct virtio_blk *blk = device->data;

	blk->disk.gone = true;
	blk_fail_waiting(blk);
}

const struct virtio_driver virtio_blk_driver = {
	.type = VIRTIO_TYPE_BLOCK,
	.name = "blk",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.probe = probe,
	.remove = remove,
	.ready = ready,
	.drain = blk_drain,
	.abort = blk_abort_part,
	.config_changed = config_changed,
	.queue_ready = blk_queue_ready,
	.gone = gone,
};
