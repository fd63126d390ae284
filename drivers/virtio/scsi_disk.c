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

/* What was wrong with it, for people. */
static int noted(struct scsi_lun *lun, int error)
{
	const struct scsi_answer *answer = &lun->host->command.answer;

	if (error)
		scsi_sense_keep(lun, &answer->sense);
	return error;
}

/* ---- Ready? -------------------------------------------------------------------------------------------- */

static bool wants_start(const struct scsi_command *command)
{
	const struct scsi_sense *sense = &command->answer.sense;

	return sense->valid && sense->key == SCSI_NOT_READY && sense->asc == 0x04 &&
	       sense->ascq == 0x02;
}

static bool ask_ready(struct scsi_lun *lun, struct scsi_command *command)
{
	(void)lun;
	(void)command; /* TEST UNIT READY is all zeros */
	return true;
}

static int take_ready(struct scsi_lun *lun, int error)
{
	struct scsi_examination *e = &lun->host->examination;

	e->stopped = error && wants_start(&lun->host->command);
	return noted(lun, error) && !e->stopped ? error : 0;
}

/* A unit that was stopped is started. */
static bool ask_start(struct scsi_lun *lun, struct scsi_command *command)
{
	scsi_cdb_start(command->cdb);
	return lun->host->examination.stopped;
}

static bool ask_ready_again(struct scsi_lun *lun, struct scsi_command *command)
{
	(void)command;
	return lun->host->examination.stopped;
}

/* ---- Capacity --------------------------------------------------------------------------------------------- */

enum { SHORT_BYTES = 8, LONG_BYTES = 32, LONG_LEAST = 12, SPC_3 = 5 };

/* The long form tells more, but not every unit has it; the short one says all ones where it does not reach. */
static bool ask_capacity(struct scsi_lun *lun, struct scsi_command *command)
{
	bool modern = lun->version >= SPC_3 && lun->type != SCSI_TYPE_CD;

	lun->host->examination.wants_short = !modern;
	command->data_bytes = LONG_BYTES;
	scsi_cdb_read_capacity_16(command->cdb, LONG_BYTES);
	return modern;
}

static int take_long_capacity(struct scsi_lun *lun, int error)
{
	const uint8_t *data = lun->host->data;

	if (noted(lun, error))
		return error;
	if (lun->host->command.received < LONG_LEAST)
		return ERR_IO;
	lun->host->examination.capacity = (struct scsi_capacity){
		.last = be64_load(data),
		.block_size = be32_load(data + 8),
		.physical_shift = data[13] & 0x0f,
		.lowest_aligned = be16_load(data + 14) & 0x3fff,
	};
	return 0;
}

static int take_capacity_or_none(struct scsi_lun *lun, int error)
{
	error = take_long_capacity(lun, error);
	lun->host->examination.wants_short = error == ERR_UNSUPPORTED;
	return error == ERR_UNSUPPORTED ? 0 : error;
}

static bool ask_short_capacity(struct scsi_lun *lun, struct scsi_command *command)
{
	command->data_bytes = SHORT_BYTES;
	scsi_cdb_read_capacity_10(command->cdb);
	return lun->host->examination.wants_short;
}

static int take_short_capacity(struct scsi_lun *lun, int error)
{
	struct scsi_examination *e = &lun->host->examination;
	const uint8_t *data = lun->host->data;

	if (noted(lun, error))
		return error;
	if (lun->host->command.received < SHORT_BYTES)
		return ERR_IO;
	e->capacity = (struct scsi_capacity){ .last = be32_load(data),
					      .block_size = be32_load(data + 4) };
	e->wants_long = e->capacity.last == UINT32_MAX;
	return 0;
}

static bool ask_long_capacity(struct scsi_lun *lun, struct scsi_command *command)
{
	command->data_bytes = LONG_BYTES;
	scsi_cdb_read_capacity_16(command->cdb, LONG_BYTES);
	return lun->host->examination.wants_long;
}

static const struct scsi_question medium_questions[] = {
	{ ask_ready, take_ready },
	{ ask_start, noted },
	{ ask_ready_again, noted },
	{ ask_capacity, take_capacity_or_none },
	{ ask_short_capacity, take_short_capacity },
	{ ask_long_capacity, take_long_capacity },
};
enum { MEDIUM_QUESTIONS = sizeof(medium_questions) / sizeof(medium_questions[0]) };

static bool is_block_size(uint32_t size)
{
	return size >= BLOCK_SECTOR && size <= BLOCK_SIZE_MAX && (size & (size - 1)) == 0;
}

/* In sectors, and such that a byte offset always fits into 63 bits. */
static uint64_t sectors_of(struct scsi_lun *lun, const struct scsi_capacity *capacity)
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
static void take_capacity(struct scsi_lun *lun, const struct scsi_capacity *capacity)
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

static int check_block_size(struct scsi_lun *lun)
{
	uint32_t size = lun->host->examination.capacity.block_size;

	if (is_block_size(size))
		return 0;
	scsi_log(lun, VPORT_LOG_ERROR, "blocks of %u bytes are not supported", size);
	return ERR_UNSUPPORTED;
}

/* All that is needed has been asked. */
static void set_ready(struct scsi_lun *lun)
{
	scsi_pages_take(lun);
	take_capacity(lun, &lun->host->examination.capacity);
	set_limits(lun);
	lun->ready = true;
	lun->disk.empty = false;
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
static bool has_to_subscribe(const struct scsi_lun *lun)
{
	return lun->removable && !lun->announces;
}

/* It is known what can be done with it, or why nothing can. */
static void examined(struct scsi_lun *lun, int error)
{
	struct virtio_scsi *scsi = lun->host;

	if (scsi_is_fatal(lun, error) ||
	    error == ERR_NODEV) { /* it has just gone: somebody will notice */
		scsi_end(scsi, error);
		return;
	}
	if (error && error != ERR_NO_MEDIUM) {
		char words[96];
		struct scsi_sense sense = scsi_sense_kept(lun);
		scsi_sense_text(&sense, words, sizeof(words));
		scsi_log(lun, VPORT_LOG_ERROR, "cannot be used: %s%s%s", error_text(error),
			 sense.valid ? ": " : "", sense.valid ? words : "");
	}
	if (error)
		set_empty(lun);
	lun->disk.generation++;
	if (!error || lun->removable)
		list(lun);
	scsi->examination.error = error == ERR_NO_MEDIUM ? 0 : error;
	scsi->examination.stage = SCSI_EXAMINE_SUBSCRIBED;
	scsi->result = lun->announces;
	if (has_to_subscribe(lun))
		scsi_subscribe(scsi, lun->address, VIRTIO_SCSI_EVT_ASYNC_MEDIA_CHANGE);
}

/* The stage that is over is followed by the next one. */
static void next_stage(struct scsi_lun *lun)
{
	struct virtio_scsi *scsi = lun->host;
	struct scsi_examination *e = &scsi->examination;

	switch (++e->stage) {
	case SCSI_EXAMINE_MODE:
		scsi_mode_ask(&e->questions, lun);
		break;
	case SCSI_EXAMINE_CHOICE:
		scsi->result = 0;
		if (scsi_mode_differs(lun))
			scsi_switch_cache(lun, lun->write_back_chosen);
		break;
	case SCSI_EXAMINE_PAGES:
		scsi_pages_ask(&e->questions, lun);
		break;
	default:
		set_ready(lun);
		examined(lun, 0);
	}
}

static void examine(struct virtio_scsi *scsi)
{
	struct scsi_examination *e = &scsi->examination;
	struct scsi_lun *lun = e->lun;
	int next;

	switch (e->stage) {
	case SCSI_EXAMINE_SUBSCRIBED:
		lun->announces = scsi->result > 0;
		scsi_end(scsi, e->error);
		return;
	case SCSI_EXAMINE_CHOICE:
		next = scsi_mode_chosen_again(lun, scsi->result);
		break;
	default:
		next = scsi_questions_next(scsi, &e->questions);
		if (next == 0)
			return; /* one is asked */
		next = next < 0 ? next : 0;
	}
	if (!next && e->stage == SCSI_EXAMINE_MEDIUM)
		next = check_block_size(lun);
	if (next)
		examined(lun, next);
	else
		next_stage(lun);
}

void scsi_disk_examine(struct scsi_lun *lun)
{
	struct scsi_examination *e = &lun->host->examination;

	*e = (struct scsi_examination){ .lun = lun };
	scsi_questions_begin(&e->questions, lun, medium_questions, MEDIUM_QUESTIONS);
	scsi_begin(lun->host, examine);
}

void scsi_disk_removed(struct scsi_lun *lun)
{
	lun->ready = false;
	lun->announces = false;
	lun->disk.gone = true;
	lun->disk.generation++;
}

/* A unit attention is the very thing that is asked for. */
static void polled(struct virtio_scsi *scsi)
{
	const struct scsi_command *test = &scsi->command;
	struct scsi_lun *lun = scsi->round.polled;
	bool attention = test->answer.sense.valid && test->answer.sense.key == SCSI_UNIT_ATTENTION;

	scsi_end(scsi, 0);
	if (!test->request.status &&
	    (attention || (test->answer.verdict == SCSI_DONE) != lun->ready))
		scsi_disk_examine(lun);
}

void scsi_disk_poll(struct scsi_lun *lun)
{
	struct virtio_scsi *scsi = lun->host;

	scsi->round.polled = lun;
	scsi_begin(scsi, polled);
	scsi_command_make(scsi, lun->address, lun)->once = true;
	scsi_command_run(scsi);
}
