/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk, the block device: VIRTIO 1.4 section 5.2. This file brings the device up and takes it down;
 * blk_config.c reads what it says of itself; blk_request.c is what requests look like; how they get
 * through the queues is in block_queue.h; and programs see block.h.
 *
 * See it at work: make run APP=disksum
 * Left out: secure erase, lifetime, zones.
 */
#include "drivers/virtio/blk.h"
#include "drivers/virtio/drivers.h"
#include "lib/mem.h"

static const uint8_t wanted[] = {
	VIRTIO_BLK_F_SIZE_MAX,     VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_RO,
	VIRTIO_BLK_F_BLK_SIZE,     VIRTIO_BLK_F_FLUSH,   VIRTIO_BLK_F_TOPOLOGY,
	VIRTIO_BLK_F_CONFIG_WCE,   VIRTIO_BLK_F_MQ,      VIRTIO_BLK_F_DISCARD,
	VIRTIO_BLK_F_WRITE_ZEROES,
};

/* ---- What block.h asks for -------------------------------------------------------------------- */

static void submit(struct block_device *disk, struct block_request *request)
{
	bool at_home;
	struct block_queue *bq = blk_queue_here(blk_of(disk), &at_home);

	block_queue_submit(bq, request, at_home);
}

static int prepare(struct block_device *disk, struct block_request *request)
{
	return block_part_prepare(&blk_of(disk)->pool, request);
}

static void unprepare(struct block_device *disk, struct block_request *request)
{
	block_part_unprepare(&blk_of(disk)->pool, request);
}

static int resize_queue(struct block_device *disk, unsigned size)
{
	struct virtio_blk *blk = blk_of(disk);

	return block_queues_resize(blk->queues, blk->queue_count, size, disk->limits.pieces_max);
}

static int set_write_back(struct block_device *disk, bool on)
{
	return blk_set_write_back(blk_of(disk), on);
}

static const struct block_operations operations = {
	.submit = submit,
	.submit_prepared = blk_submit_prepared,
	.prepare = prepare,
	.unprepare = unprepare,
	.resize_queue = resize_queue,
	.set_write_back = set_write_back,
};

/* ---- Probe and remove --------------------------------------------------------------------------- */

static int create_queues(struct virtio_blk *blk)
{
	struct virtio_device *device = blk->device;
	unsigned count = blk_queue_count(blk), cpus = vport_cpu_count();
	/* Parts bring their own indirect tables. */
	struct virtio_queue_options options = { .size_limit = BLK_QUEUE_SIZE,
						.has_deadline = true };

	blk->many_cpus = cpus > 1;
	for (unsigned i = 0; i < count && i < cpus; i++) {
		options.cpu = i;
		options.driver = &blk->queues[i];
		int error = virtio_queue_create(device, i, &options);
		if (error)
			return error;
		if (device->queues[i]->setup.size < 3) {
			virtio_log(device, VPORT_LOG_ERROR, "its queue is too small: %u",
				   device->queues[i]->setup.size);
			return ERR_UNSUPPORTED;
		}
		block_queue_init(&blk->queues[i], &blk->pool, device->queues[i]);
		blk->queue_count++;
	}
	return 0;
}

static int probe(struct virtio_device *device)
{
	struct virtio_blk *blk = vport_alloc(sizeof(*blk));
	if (!blk)
		return ERR_NOMEM;
	blk->device = device;
	blk->disk.operations = &operations;
	blk->disk.port = device->port;
	blk->disk.whole = &blk->disk;
	device->data = blk;

	int error = create_queues(blk);
	if (!error)
		error = blk_read_config(blk);
	if (!error)
		/* For all queues together: none of them waits for what another one has in flight. */
		error = block_pool_init(&blk->pool, device, &blk_wire,
					blk->queue_count * blk->queues[0].queue->setup.size);
	if (error)
		vport_free(blk, sizeof(*blk));
	return error;
}

static void remove(struct virtio_device *device)
{
	struct virtio_blk *blk = device->data;

	block_pool_free(&blk->pool);
	vport_free(blk, sizeof(*blk));
}

/* ---- What the core tells ------------------------------------------------------------------------ */

/* It may be another device: the back end that came back. */
static int restart(struct virtio_device *device)
{
	return blk_read_config(device->data);
}

static void ready(struct virtio_device *device)
{
	struct virtio_blk *blk = device->data;

	if (!blk->disk.name[0]) {
		block_add(&blk->disk, "vd");
		memcpy(device->name, blk->disk.name, sizeof(device->name));
	}
	blk->disk.resets = device->resets;
}

static void abort_part(struct virtio_queue *queue, void *cookie, int error)
{
	block_queue_abort(blk_queue_of(queue), cookie, error);
}

static void config_changed(struct virtio_device *device)
{
	struct virtio_blk *blk = device->data;
	uint64_t before = blk->disk.capacity;

	/* 5.2.6.1-1 */
	if (blk_read_capacity(blk) == 0 && blk->disk.capacity != before &&
	    virtio_tells_change(device))
		virtio_log(device, VPORT_LOG_INFO, "%s now has %llu sectors", blk->disk.name,
			   (unsigned long long)blk->disk.capacity);
}

static void queue_ready(struct virtio_queue *queue)
{
	vport_mark(&queue->event);
}

static void gone(struct virtio_device *device)
{
	struct virtio_blk *blk = device->data;

	blk->disk.gone = true;
	blk->disk.generation++;
	for (unsigned i = 0; i < blk->queue_count; i++)
		block_queue_fail(&blk->queues[i]);
}

const struct virtio_driver virtio_blk_driver = {
	.type = VIRTIO_TYPE_BLOCK,
	.name = "blk",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.probe = probe,
	.remove = remove,
	.restart = restart,
	.ready = ready,
	.drain = blk_drain,
	.abort = abort_part,
	.config_changed = config_changed,
	.queue_ready = queue_ready,
	.gone = gone,
};
