/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fake devices do with the buffers that they are given: entropy (VIRTIO 1.4, 5.4), a disk in memory
 * (5.2), a terminal (5.3). Nothing of the drivers is used; offsets are written out. */
#include <stdlib.h>
#include <string.h>

#include "tests/host/fake/device.h"

/* ---- Entropy ---------------------------------------------------------------------- */

/* Bytes that tell where they are in the stream. */
static bool serve_rng(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	static uint8_t next;

	if (chain->writable == 0 || chain->count != 1)
		fake_breach(queue->device, "asks for entropy with something to read (5.4.6.1-1)");
	for (size_t i = 0; i < chain->writable; i++, next++)
		ring_chain_write(chain, i, &next, 1);
	*written = (uint32_t)chain->writable;
	return true;
}

const struct fake_model fake_rng = {
	.type = VIRTIO_TYPE_ENTROPY,
	.queues = 1,
	.queue_size = 8,
	.serve = serve_rng,
};

/* ---- Disk --------------------------------------------------------------------------- */

enum {
	BLK_IN = 0,
	BLK_OUT = 1,
	BLK_FLUSH = 4,
	BLK_GET_ID = 8,
	BLK_DISCARD = 11,
	BLK_WRITE_ZEROES = 13
};
enum { BLK_OK = 0, BLK_IOERR = 1, BLK_UNSUPP = 2 };
enum {
	SIZE_MAX_BIT = 1,
	SEG_MAX_BIT = 2,
	RO_BIT = 5,
	BLK_SIZE_BIT = 6,
	FLUSH_BIT = 9,
	CONFIG_WCE_BIT = 11,
	DISCARD_BIT = 13,
	WRITE_ZEROES_BIT = 14
};

void fake_disk_init(struct fake_device *device, struct fake_disk *disk)
{
	*disk = (struct fake_disk){
		.bytes = malloc(FAKE_DISK_SECTORS * 512),
		.sectors = FAKE_DISK_SECTORS,
		.block_size = 512,
	};
	if (!disk->bytes)
		abort();
	for (size_t i = 0; i < FAKE_DISK_SECTORS * 512; i++)
		disk->bytes[i] = (uint8_t)(i / 512 * 7 + i % 251);
	device->state = disk;
	fake_config_set(device, 0, 8, FAKE_DISK_SECTORS);
	fake_config_set(device, 12, 4, 126);
	fake_config_set(device, 20, 4, 512);
}

void fake_disk_free(struct fake_disk *disk)
{
	free(disk->bytes);
}

/* What 5.2.6.1 and the configuration demand of a request's data. */
static void check_limits(struct fake_device *device, const struct ring_chain *chain,
			 uint64_t sector, uint64_t data)
{
	const struct fake_disk *disk = device->state;

	if (chain->count < 3)
		fake_breach(device, "reads or writes without data");
	if (disk->seg_max && chain->count - 2 > disk->seg_max)
		fake_breach(device, "uses more segments than seg_max");
	for (unsigned i = 1; i + 1 < chain->count; i++) {
		if (disk->size_max && chain->segments[i].length > disk->size_max)
			fake_breach(device, "uses a segment longer than size_max");
	}
	if (data == 0 || data % disk->block_size != 0 || sector % (disk->block_size / 512) != 0)
		fake_breach(device, "reads or writes a part of a block");
}

static bool holds_bad_sector(const struct fake_disk *disk, uint64_t sector, uint64_t sectors)
{
	return disk->has_bad_sector && disk->bad_sector >= sector &&
	       disk->bad_sector < sector + sectors;
}

/* Moves data; the status. */
static uint8_t transfer(struct fake_device *device, struct ring_chain *chain, uint32_t type,
			uint64_t sector, uint32_t *written)
{
	struct fake_disk *disk = device->state;
	uint64_t data = type == BLK_IN ? chain->writable - 1 : 0;

	for (unsigned i = 1; type == BLK_OUT && i < chain->count; i++)
		data += chain->segments[i].writable ? 0 : chain->segments[i].length;
	check_limits(device, chain, sector, data);
	if (data > disk->longest)
		disk->longest = (uint32_t)data;
	if (disk->null) {
		*written = type == BLK_IN ? (uint32_t)data : 0;
		return BLK_OK;
	}
	if (sector > disk->sectors || data / 512 > disk->sectors - sector) {
		fake_breach(device, "reads or writes past the end (5.2.6.1-2)");
		return BLK_IOERR;
	}
	if (holds_bad_sector(disk, sector, data / 512))
		return BLK_IOERR;
	if (type == BLK_IN) {
		disk->reads++;
		ring_chain_write(chain, 0, disk->bytes + sector * 512, data);
		*written = (uint32_t)data;
		return BLK_OK;
	}
	disk->writes++;
	if (fake_accepted(device, RO_BIT)) {
		fake_breach(device, "writes to a read-only disk");
		return BLK_IOERR;
	}
	ring_chain_read(chain, 16, disk->bytes + sector * 512, data);
	return BLK_OK;
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

/* What 5.2.6.1 and the configuration demand of a range. */
static void check_range(struct fake_device *device, const struct fake_range *range)
{
	const struct fake_disk *disk = device->state;
	bool discards = range->type == BLK_DISCARD;
	uint64_t max = fake_config_get(device, discards ? 36 : 48, 4),
		 block = disk->block_size / 512;

	if (!fake_accepted(device, discards ? DISCARD_BIT : WRITE_ZEROES_BIT))
		fake_breach(device, "discards or writes zeroes without the feature");
	if (fake_accepted(device, RO_BIT))
		fake_breach(device, "discards or writes zeroes on a read-only disk");
	if (discards ? range->flags != 0 : range->flags > 1)
		fake_breach(device, "sets a flag that is none (5.2.6.1-14)");
	if (range->sectors == 0 || range->sectors > max)
		fake_breach(device, "sends an empty range, or a longer one than it may");
	if (range->sector % block != 0 || range->sectors % block != 0)
		fake_breach(device, "discards or zeroes a part of a block");
}

/* Discards a range, or makes zeroes of it; the status. What was discarded looks like nothing that was there. */
static uint8_t serve_range(struct fake_device *device, const struct ring_chain *chain,
			   uint32_t type)
{
	struct fake_disk *disk = device->state;
	struct fake_range *range = &disk->last_range;
	uint8_t bytes[17];

	/* 5.2.6.1-7, and as many ranges as we say in the configuration: one. */
	if (ring_chain_read(chain, 16, bytes, sizeof(bytes)) != 16 || chain->writable != 1)
		fake_breach(device, "sends something else than one range");
	*range = (struct fake_range){ type, get64(bytes), get32(bytes + 8), get32(bytes + 12) };
	disk->ranges++;
	check_range(device, range);
	if (disk->null)
		return BLK_OK;
	if (range->sector > disk->sectors || range->sectors > disk->sectors - range->sector) {
		fake_breach(device, "discards or zeroes past the end");
		return BLK_IOERR;
	}
	if (holds_bad_sector(disk, range->sector, range->sectors))
		return BLK_IOERR;
	memset(disk->bytes + range->sector * 512, type == BLK_DISCARD ? FAKE_DISCARDED : 0,
	       range->sectors * UINT64_C(512));
	return BLK_OK;
}

static bool serve_blk(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	static const char id[20] = "fake disk 0123456789";
	struct fake_device *device = queue->device;
	struct fake_disk *disk = device->state;
	uint8_t header[16], status = BLK_UNSUPP;

	disk->requests++;
	if (ring_chain_read(chain, 0, header, 16) != 16 || chain->writable == 0) {
		fake_breach(device, "sends a request without header or status (5.2.6)");
		return true;
	}
	uint32_t type = get32(header);
	uint64_t sector = get64(header + 8);
	*written = 0;
	switch (type) {
	case BLK_IN:
	case BLK_OUT:
		status = transfer(device, chain, type, sector, written);
		break;
	case BLK_FLUSH:
		disk->flushes++;
		if (chain->count != 2 || sector != 0)
			fake_breach(device, "flushes with data or a sector (5.2.6.1-4, -5)");
		if (!fake_accepted(device, FLUSH_BIT))
			fake_breach(device, "flushes without the feature (5.2.6.1-6)");
		status = BLK_OK;
		break;
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
		if (sector != 0)
			fake_breach(device, "gives a sector besides the range");
		status = serve_range(device, chain, type);
		break;
	case BLK_GET_ID:
		disk->ids++;
		if (chain->writable != 21)
			fake_breach(device, "asks for an id of other than 20 bytes (5.2.6.1-8)");
		ring_chain_write(chain, 0, id, sizeof(id));
		*written = sizeof(id);
		status = BLK_OK;
		break;
	}
	if (!disk->no_status)
		ring_chain_write(chain, (size_t)chain->writable - 1, &status, 1);
	(*written)++;
	return true;
}

/* 5.2.4: writeback at offset 32. */
static void blk_config_written(struct fake_device *device, unsigned offset, uint8_t value)
{
	struct fake_disk *disk = device->state;

	if (offset != 32 || value > 1)
		fake_breach(device, "writes something else than writeback");
	if (!fake_accepted(device, CONFIG_WCE_BIT))
		fake_breach(device, "writes writeback without the feature (5.2.6.1-12)");
	disk->mode_writes++;
	if (disk->mode_stays)
		fake_config_set(device, 32, 1, !value);
}

const struct fake_model fake_blk = {
	.type = VIRTIO_TYPE_BLOCK,
	.queues = 1,
	.queue_size = 64,
	.features = 1u << SEG_MAX_BIT | 1u << BLK_SIZE_BIT | 1u << FLUSH_BIT,
	.serve = serve_blk,
	.config_written = blk_config_written,
};

/* ---- Terminal ------------------------------------------------------------------------- */

enum { RECEIVEQ = 0, TRANSMITQ = 1, EMERG_WRITE_BIT = 2 };

static bool serve_console(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	struct fake_terminal *terminal = queue->device->state;

	*written = 0;
	if (queue->index == RECEIVEQ) {
		if (chain->count == 0 || !chain->segments[0].writable)
			fake_breach(queue->device, "gives a buffer to receive into that cannot be "
						   "written (5.3.6.1-1)");
		return false; /* until something is typed */
	}
	if (chain->writable != 0)
		fake_breach(queue->device, "prints from a writable buffer (5.3.6.1-2)");
	terminal->length += ring_chain_read(chain, 0, terminal->printed + terminal->length,
					    sizeof(terminal->printed) - terminal->length);
	return true;
}

/* 5.3.4: emerg_wr at offset 8. */
static void console_config_written(struct fake_device *device, unsigned offset, uint8_t value)
{
	struct fake_terminal *terminal = device->state;

	if (offset != 8 || terminal->emergency_length == sizeof(terminal->emergency))
		fake_breach(device, "writes something else than emerg_wr");
	else
		terminal->emergency[terminal->emergency_length++] = (char)value;
}

size_t fake_type(struct fake_device *device, const char *text, size_t length)
{
	struct fake_queue *queue = &device->queues[RECEIVEQ];
	size_t typed = 0;

	while (typed < length) {
		/* The buffer that was given first is the last of those taken. */
		struct ring_chain *chain = queue->ring.taken;
		if (!chain)
			break;
		while (chain->next)
			chain = chain->next;
		size_t step = ring_chain_write(chain, 0, text + typed, length - typed);
		typed += step;
		fake_use(queue, chain, (uint32_t)step);
	}
	return typed;
}

const struct fake_model fake_console = {
	.type = VIRTIO_TYPE_CONSOLE,
	.queues = 2,
	.queue_size = 16,
	.features = 1u << EMERG_WRITE_BIT,
	.serve = serve_console,
	.config_written = console_config_written,
};
