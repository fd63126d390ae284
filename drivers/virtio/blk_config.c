/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-blk device says of itself: VIRTIO 1.4 sections 5.2.4 and 5.2.5. Nothing of it is taken on trust: a
 * limit that makes no sense is replaced by one that does, and named.
 *
 * See it at work: make run, then `blk info vda` in the shell
 * Left out: geometry, secure erase, zones.
 */
#include "drivers/virtio/blk.h"

/* 5.2.4 */
enum blk_config {
	CONFIG_CAPACITY = 0,
	CONFIG_SIZE_MAX = 8,
	CONFIG_SEG_MAX = 12,
	CONFIG_BLK_SIZE = 20,
	CONFIG_PHYSICAL_BLOCK_EXP = 24,
	CONFIG_ALIGNMENT_OFFSET = 25,
	CONFIG_MIN_IO_SIZE = 26,
	CONFIG_OPT_IO_SIZE = 28,
	CONFIG_WRITEBACK = 32,
	CONFIG_NUM_QUEUES = 34,
	CONFIG_MAX_DISCARD_SECTORS = 36,
	CONFIG_MAX_DISCARD_SEG = 40,
	CONFIG_DISCARD_SECTOR_ALIGNMENT = 44,
	CONFIG_MAX_WRITE_ZEROES_SECTORS = 48,
	CONFIG_MAX_WRITE_ZEROES_SEG = 52,
	CONFIG_WRITE_ZEROES_MAY_UNMAP = 56,
};

#define BLOCK_SIZE_MAX 65536
#define PHYSICAL_BLOCK_EXP_MAX 16

/* The field, or `otherwise` where the feature that it belongs to was not negotiated. */
static int read_field(struct virtio_blk *blk, unsigned feature, enum blk_config field,
		      uint32_t *value, uint32_t otherwise)
{
	*value = otherwise;
	if (!virtio_has(blk->device, feature))
		return 0;
	return virtio_config_read(blk->device, field, 4, 1, value);
}

int blk_read_capacity(struct virtio_blk *blk)
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
	/* A byte offset always fits into 63 bits. */
	if (capacity > INT64_MAX / BLOCK_SECTOR) {
		if (virtio_tells_change(blk->device))
			virtio_log(blk->device, VPORT_LOG_ERROR,
				   "impossible capacity 0x%llx: limited",
				   (unsigned long long)capacity);
		capacity = INT64_MAX / BLOCK_SECTOR;
	}
	disk->tail_sectors = (uint32_t)(capacity % (disk->block_size / BLOCK_SECTOR));
	disk->capacity = capacity - disk->tail_sectors;
	disk->generation++;
	if (disk->tail_sectors && virtio_tells_change(blk->device))
		virtio_log(blk->device, VPORT_LOG_ERROR,
			   "%s is no multiple of its block size %u: its last %u sectors cannot be "
			   "reached",
			   disk->name[0] ? disk->name : "the disk", disk->block_size,
			   disk->tail_sectors);
	return 0;
}

static int read_block_size(struct virtio_blk *blk)
{
	uint32_t size;
	int error = read_field(blk, VIRTIO_BLK_F_BLK_SIZE, CONFIG_BLK_SIZE, &size, BLOCK_SECTOR);

	if (error)
		return error;
	if (size < BLOCK_SECTOR || size > BLOCK_SIZE_MAX || (size & (size - 1)) != 0) {
		virtio_log(blk->device, VPORT_LOG_ERROR, "impossible block size %u: taken as %u",
			   size, BLOCK_SECTOR);
		size = BLOCK_SECTOR;
	}
	if (blk->disk.block_size != size) { /* so that the capacity is worked out anew */
		blk->told_capacity = 0;
		blk->disk.capacity = 0;
	}
	blk->disk.block_size = size;
	return 0;
}

static int read_transfer_limits(struct virtio_blk *blk, struct block_limits *limits)
{
	uint32_t size_max, seg_max;
	int error = read_field(blk, VIRTIO_BLK_F_SIZE_MAX, CONFIG_SIZE_MAX, &size_max, 0);

	if (!error)
		error = read_field(blk, VIRTIO_BLK_F_SEG_MAX, CONFIG_SEG_MAX, &seg_max,
				   BLOCK_MAX_PIECES);
	if (error)
		return error;
	if (seg_max == 0) {
		virtio_log(blk->device, VPORT_LOG_ERROR, "impossible seg_max 0: taken as 1");
		seg_max = 1;
	}
	/* A size_max of 0 is "no limit" to devices that offer it and mean nothing by it. */
	if (size_max == 0 || size_max > BLOCK_MAX_PART_BYTES)
		size_max = BLOCK_MAX_PART_BYTES;
	limits->piece_bytes_max = size_max;
	limits->pieces_max = seg_max < BLOCK_MAX_PIECES ? seg_max : BLOCK_MAX_PIECES;
	limits->part_bytes_max = BLOCK_MAX_PART_BYTES;
	return 0;
}

/* What one range may have: whole blocks, and something at all. */
static uint32_t range_max(struct virtio_blk *blk, const char *what, uint32_t sectors,
			  uint32_t segments)
{
	uint32_t mask = blk->disk.block_size / BLOCK_SECTOR - 1;

	if (segments > 0 && (sectors & ~mask) != 0)
		return sectors & ~mask;
	virtio_log(blk->device, VPORT_LOG_ERROR,
		   "it can %s, but at most %u sectors in %u ranges: "
		   "not used",
		   what, sectors, segments);
	return 0;
}

static int read_range_limits(struct virtio_blk *blk, struct block_limits *limits)
{
	struct virtio_device *device = blk->device;
	uint32_t values[3]; /* sectors, segments, alignment */
	uint8_t may_unmap = 0;
	int error = 0;

	limits->discard_sectors_max = limits->zeroes_sectors_max = 0;
	if (virtio_has(device, VIRTIO_BLK_F_DISCARD)) {
		error = virtio_config_read(device, CONFIG_MAX_DISCARD_SECTORS, 4, 3, values);
		if (error)
			return error;
		limits->discard_sectors_max = range_max(blk, "discard", values[0], values[1]);
		blk->disk.topology.discard_alignment = values[2];
	}
	if (virtio_has(device, VIRTIO_BLK_F_WRITE_ZEROES)) {
		error = virtio_config_read(device, CONFIG_MAX_WRITE_ZEROES_SECTORS, 4, 2, values);
		if (!error)
			error = virtio_config_read(device, CONFIG_WRITE_ZEROES_MAY_UNMAP, 1, 1,
						   &may_unmap);
		if (error)
			return error;
		limits->zeroes_sectors_max = range_max(blk, "write zeroes", values[0], values[1]);
		limits->zeroes_may_unmap = may_unmap != 0;
	}
	return 0;
}

static int read_topology(struct virtio_blk *blk)
{
	struct block_topology *topology = &blk->disk.topology;
	uint8_t bytes[2]; /* exponent, alignment */
	uint16_t min;
	uint32_t best;

	if (!virtio_has(blk->device, VIRTIO_BLK_F_TOPOLOGY))
		return 0;
	int error = virtio_config_read(blk->device, CONFIG_PHYSICAL_BLOCK_EXP, 1, 2, bytes);
	if (!error)
		error = virtio_config_read(blk->device, CONFIG_MIN_IO_SIZE, 2, 1, &min);
	if (!error)
		error = virtio_config_read(blk->device, CONFIG_OPT_IO_SIZE, 4, 1, &best);
	if (error)
		return error;
	/* In logical blocks; they are hints: what cannot be is left out. */
	uint32_t block = blk->disk.block_size, sectors = block / BLOCK_SECTOR;
	topology->physical_block_size = bytes[0] <= PHYSICAL_BLOCK_EXP_MAX ? block << bytes[0] : 0;
	topology->alignment_sectors = bytes[1] * sectors;
	topology->io_size_min = min * block;
	topology->io_size_best = best <= UINT32_MAX / block ? best * block : 0;
	return 0;
}

/* 5.2.5.1-2, -3: without FLUSH nothing is cached; without CONFIG_WCE something may be. */
static int read_cache(struct virtio_blk *blk)
{
	uint8_t write_back = 1;

	blk->disk.can_flush = virtio_has(blk->device, VIRTIO_BLK_F_FLUSH);
	if (virtio_has(blk->device, VIRTIO_BLK_F_CONFIG_WCE)) {
		int error = virtio_config_read(blk->device, CONFIG_WRITEBACK, 1, 1, &write_back);
		if (error)
			return error;
	}
	blk->disk.write_back = blk->disk.can_flush && write_back != 0;
	return 0;
}

static int write_cache(struct virtio_blk *blk, bool write_back)
{
	int error =
		virtio_config_write(blk->device, CONFIG_WRITEBACK, 1, write_back); /* 5.2.6.1-12 */

	return error ? error : read_cache(blk);
}

/* After a reset a device may begin in either mode: what a program relies on is chosen once more. */
static int restore_cache(struct virtio_blk *blk)
{
	int error = read_cache(blk);

	if (error || !blk->mode_chosen || blk->disk.write_back == blk->write_back_chosen)
		return error;
	return write_cache(blk, blk->write_back_chosen);
}

/* What a transfer is cut by. The third limit is ours, and stays. */
static bool same_limits(const struct block_limits *a, const struct block_limits *b)
{
	return a->piece_bytes_max == b->piece_bytes_max && a->pieces_max == b->pieces_max;
}

int blk_read_config(struct virtio_blk *blk)
{
	struct block_limits limits = blk->disk.limits;
	int error = read_block_size(blk);

	if (!error)
		error = read_transfer_limits(blk, &limits);
	if (!error)
		error = read_range_limits(blk, &limits);
	if (!error)
		error = read_topology(blk);
	if (!error)
		error = restore_cache(blk);
	if (error)
		return error;
	/* 2.7.5.3.1-3: header, data and status must fit into the queue. */
	for (unsigned i = 0; i < blk->queue_count; i++) {
		unsigned size = blk->queues[i].queue->setup.size;
		if (limits.pieces_max > size - 2)
			limits.pieces_max = size - 2;
	}
	/* Of another block size the capacity is read as one that is new. */
	if (!same_limits(&limits, &blk->disk.limits))
		blk->disk.generation++;
	blk->disk.limits = limits;
	blk->disk.read_only = virtio_has(blk->device, VIRTIO_BLK_F_RO);
	return blk_read_capacity(blk);
}

unsigned blk_queue_count(struct virtio_blk *blk)
{
	uint16_t count = 1;

	if (virtio_has(blk->device, VIRTIO_BLK_F_MQ) &&
	    virtio_config_read(blk->device, CONFIG_NUM_QUEUES, 2, 1, &count) != 0)
		count = 1;
	if (count == 0) {
		virtio_log(blk->device, VPORT_LOG_ERROR, "impossible num_queues 0: taken as 1");
		count = 1;
	}
	return count < BLK_MAX_QUEUES ? count : BLK_MAX_QUEUES;
}

int blk_set_write_back(struct virtio_blk *blk, bool on)
{
	if (!virtio_has(blk->device, VIRTIO_BLK_F_CONFIG_WCE))
		return ERR_UNSUPPORTED;
	blk->mode_chosen = true;
	blk->write_back_chosen = on;
	return write_cache(blk, on);
}
