/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A SCSI logical unit as a disk of block.h: whether it is ready and has a medium, its capacity, and the limits that
 * follow from all that is known of it. What it is read from: TEST UNIT READY of SPC, READ CAPACITY of SBC, and
 * scsi_page.c.
 *
 * See it at work: make run BUS=scsi APP=disksum
 * Left out: blocks of other sizes than powers of two from 512 to 65536 bytes.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/be.h"
#include "lib/mem.h"

#define BLOCK_SIZE_MAX 65536

bool scsi_is_disk(const struct scsi_lun *lun)
{
	return lun->type == SCSI_TYPE_DISK || lun->type == SCSI_TYPE_CD ||
	       lun->type == SCSI_TYPE_OPTICAL || lun->type == SCSI_TYPE_RBC;
}

bool scsi_is_fatal(const struct scsi_lun *lun, int error)
{
	return error != 0 && lun->host->device->state != VIRTIO_RUNNING;
}

/* A command without data. */
static int run(struct scsi_lun *lun, struct scsi_command *command)
{
	command->lun = lun->address;
	command->unit = lun;
	int error = scsi_command_run(lun->host, command);
	if (error && command->answer.sense.valid)
		lun->sense = command->answer.sense;
	return error;
}

/* ---- Ready? -------------------------------------------------------------------------------------------- */

static bool wants_start(const struct scsi_command *command)
{
	const struct scsi_sense *sense = &command->answer.sense;

	return sense->valid && sense->key == SCSI_NOT_READY && sense->asc == 0x04 &&
	       sense->ascq == 0x02;
}

/* A unit that was stopped is started. */
static int test_ready(struct scsi_lun *lun)
{
	struct scsi_command test = { .lun = lun->address };
	int error = run(lun, &test);

	if (error && wants_start(&test)) {
		struct scsi_command start = { .lun = lun->address };
		scsi_cdb_start(start.cdb);
		error = run(lun, &start);
		if (!error)
			error = run(lun, &test);
	}
	return error;
}

/* ---- Capacity --------------------------------------------------------------------------------------------- */

struct capacity {
	uint64_t last; /* block */
	uint32_t block_size;
	unsigned physical_shift; /* blocks in a physical one: 1 << physical_shift */
	uint32_t lowest_aligned;
};

static int read_capacity_10(struct scsi_lun *lun, struct capacity *capacity)
{
	enum { BYTES = 8 };
	struct scsi_command command = { .data_bytes = BYTES };
	const uint8_t *data = lun->host->data;

	scsi_cdb_read_capacity_10(command.cdb);
	int error = run(lun, &command);
	if (error)
		return error;
	if (command.received < BYTES)
		return ERR_IO;
	*capacity = (struct capacity){ .last = be32_load(data), .block_size = be32_load(data + 4) };
	return 0;
}

static int read_capacity_16(struct scsi_lun *lun, struct capacity *capacity)
{
	enum { BYTES = 32, LEAST = 12 };
	struct scsi_command command = { .data_bytes = BYTES };
	const uint8_t *data = lun->host->data;

	scsi_cdb_read_capacity_16(command.cdb, BYTES);
	int error = run(lun, &command);
	if (error)
		return error;
	if (command.received < LEAST)
		return ERR_IO;
	*capacity = (struct capacity){
		.last = be64_load(data),
		.block_size = be32_load(data + 8),
		.physical_shift = data[13] & 0x0f,
		.lowest_aligned = be16_load(data + 14) & 0x3fff,
	};
	return 0;
}

/* The long form tells more, but not every unit has it; the short one says all ones where it does not reach. */
static int read_capacity(struct scsi_lun *lun, struct capacity *capacity)
{
	enum { SPC_3 = 5 };
	bool modern = lun->version >= SPC_3 && lun->type != SCSI_TYPE_CD;
	int error = modern ? read_capacity_16(lun, capacity) : ERR_UNSUPPORTED;

	if (error == ERR_UNSUPPORTED) {
		error = read_capacity_10(lun, capacity);
		if (!error && capacity->last == UINT32_MAX)
			error = read_capacity_16(lun, capacity);
	}
	return error;
}

static bool is_block_size(uint32_t size)
{
	return size >= BLOCK_SECTOR && size <= BLOCK_SIZE_MAX && (size & (size - 1)) == 0;
}

/* In sectors, and such that a byte offset always fits into 63 bits. */
static uint64_t sectors_of(struct scsi_lun *lun, const struct capacity *capacity)
{
	uint64_t most = INT64_MAX / capacity->block_size;

	if (capacity->last >= most) {
		scsi_log(lun, VPORT_LOG_ERROR, "impossible last block 0x%llx: limited",
			 (unsigned long long)capacity->last);
		return most * (capacity->block_size / BLOCK_SECTOR);
	}
	return (capacity->last + 1) * (capacity->block_size / BLOCK_SECTOR);
}

static unsigned log2_of(uint32_t power)
{
	return (unsigned)__builtin_ctz(power);
}

/* Nothing is said twice, however often a device says that its units have changed. */
static void take_capacity(struct scsi_lun *lun, const struct capacity *capacity)
{
	struct block_device *disk = &lun->disk;
	uint64_t sectors = sectors_of(lun, capacity);
	uint32_t block_sectors = capacity->block_size / BLOCK_SECTOR;

	if (disk->name[0] && disk->capacity != sectors)
		scsi_log(lun, VPORT_LOG_INFO, "now has %llu sectors", (unsigned long long)sectors);
	lun->block_shift = (uint8_t)log2_of(block_sectors);
	disk->block_size = capacity->block_size;
	disk->capacity = sectors;
	disk->topology = (struct block_topology){
		.physical_block_size = capacity->block_size << capacity->physical_shift,
		.alignment_sectors = capacity->lowest_aligned * block_sectors,
	};
}

/* ---- Limits -------------------------------------------------------------------------------------------------- */

/* So many blocks, or as many as there is room for, in whole blocks of the unit. */
static uint32_t to_sectors(const struct scsi_lun *lun, uint32_t blocks)
{
	uint32_t most = UINT32_MAX >> (lun->block_shift + 1);

	return (blocks < most ? blocks : most) << lun->block_shift;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What one command may move: the unit's word, the device's hint (5.6.4), and our own limit; at least a block. */
static uint32_t part_bytes(const struct scsi_lun *lun)
{
	uint32_t bytes = BLOCK_MAX_PART_BYTES, block_size = lun->disk.block_size;

	if (lun->host->max_sectors)
		bytes = least(bytes,
			      least(lun->host->max_sectors, bytes / BLOCK_SECTOR) * BLOCK_SECTOR);
	if (lun->transfer_max)
		bytes = least(bytes, least(lun->transfer_max, bytes / block_size) * block_size);
	bytes -= bytes % block_size;
	return bytes ? bytes : block_size;
}

static void set_limits(struct scsi_lun *lun)
{
	struct block_device *disk = &lun->disk;

	disk->limits = (struct block_limits){
		.piece_bytes_max = BLOCK_MAX_PART_BYTES,
		.pieces_max = least(lun->host->seg_max, BLOCK_MAX_PIECES),
		.part_bytes_max = part_bytes(lun),
		.discard_sectors_max = to_sectors(lun, lun->unmap_max),
		.zeroes_sectors_max = disk->block_size <= SCSI_ZERO_BYTES
					      ? to_sectors(lun, lun->write_same_max)
					      : 0,
		.zeroes_may_unmap = lun->write_same_unmaps,
	};
	lun->long_form = disk->capacity >> lun->block_shift > UINT32_MAX ||
			 disk->limits.part_bytes_max / disk->block_size > UINT16_MAX;
}

/* ---- Examination ------------------------------------------------------------------------------------------------ */

/* Nothing can be read from it for now. A drive without a medium is listed all the same: one may come. */
static void set_empty(struct scsi_lun *lun)
{
	struct block_device *disk = &lun->disk;

	if (lun->ready)
		scsi_log(lun, VPORT_LOG_INFO, "its medium is gone");
	lun->ready = false;
	disk->empty = true;
	disk->read_only = lun->type == SCSI_TYPE_CD;
	disk->capacity = 0;
	if (!disk->block_size) {
		disk->block_size = lun->type == SCSI_TYPE_CD ? 2048 : BLOCK_SECTOR;
		lun->block_shift = (uint8_t)log2_of(disk->block_size / BLOCK_SECTOR);
		set_limits(lun);
	}
}

static int examine_medium(struct scsi_lun *lun)
{
	struct capacity capacity;
	int error = read_capacity(lun, &capacity);

	if (error)
		return error;
	if (!is_block_size(capacity.block_size)) {
		scsi_log(lun, VPORT_LOG_ERROR, "blocks of %u bytes are not supported",
			 capacity.block_size);
		return ERR_UNSUPPORTED;
	}
	error = scsi_read_mode(lun);
	if (!error)
		error = scsi_read_vital_pages(lun);
	if (error)
		return error;
	take_capacity(lun, &capacity);
	set_limits(lun);
	lun->ready = true;
	lun->disk.empty = false;
	return 0;
}

/* The first time, and when it comes back. */
static void list(struct scsi_lun *lun)
{
	struct block_device *disk = &lun->disk;

	disk->operations = &scsi_operations;
	disk->port = lun->host->device->port;
	disk->resets = lun->host->device->resets;
	disk->gone = false;
	if (!disk->name[0])
		block_add(disk, lun->type == SCSI_TYPE_CD ? "sr" : "sd");
}

/* Only a drive for media has any use for it: whether it tells of another one by itself. */
static void subscribe(struct scsi_lun *lun)
{
	int events = lun->removable ? scsi_subscribe(lun->host, lun->address,
						     VIRTIO_SCSI_EVT_ASYNC_MEDIA_CHANGE)
				    : 0;

	lun->announces = events > 0;
}

int scsi_disk_examine(struct scsi_lun *lun)
{
	int error = test_ready(lun);

	if (!error)
		error = examine_medium(lun);
	if (scsi_is_fatal(lun, error))
		return error;
	if (error == ERR_NODEV)
		return error; /* it has just gone: somebody will notice */
	if (error && error != ERR_NO_MEDIUM) {
		char words[96];
		scsi_sense_text(&lun->sense, words, sizeof(words));
		scsi_log(lun, VPORT_LOG_ERROR, "cannot be used: %s%s%s", error_text(error),
			 lun->sense.valid ? ": " : "", lun->sense.valid ? words : "");
	}
	if (error)
		set_empty(lun);
	lun->disk.generation++;
	if (!error || lun->removable)
		list(lun);
	if (!lun->announces)
		subscribe(lun);
	return error == ERR_NO_MEDIUM ? 0 : error;
}

void scsi_disk_removed(struct scsi_lun *lun)
{
	lun->ready = false;
	lun->announces = false;
	lun->disk.gone = true;
	lun->disk.generation++;
}

void scsi_disk_poll(struct scsi_lun *lun)
{
	struct scsi_command test = { .lun = lun->address, .unit = lun };

	/* Once, by hand: a unit attention is the very thing that is asked for. */
	scsi_command_start(lun->host, &test);
	scsi_command_wait(lun->host, &test);
	if (test.request.status)
		return;
	bool attention = test.answer.sense.valid && test.answer.sense.key == SCSI_UNIT_ATTENTION;
	if (attention || (test.answer.verdict == SCSI_DONE) != lun->ready)
		scsi_disk_examine(lun);
}
