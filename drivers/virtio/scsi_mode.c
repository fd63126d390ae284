/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mode of a SCSI unit: whether it is write protected, what its caches do (MODE SENSE), and how its write cache is
 * switched (MODE SELECT), as SPC and SBC define them. All lengths are the device's word, and only what was received is
 * looked at: behind it there are zeros.
 *
 * See it at work: make run BUS=scsi APP=blktest RW=1 DISK=any.img
 * Left out: saved values, which outlast a power cycle; the forms of 10 bytes; other pages.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/mem.h"

enum { PAGE_CACHING = 0x08, PAGE_ALL = 0x3f, CODE = 0x3f, CHANGEABLE = 0x40 };
enum { HEADER = 4, PROTECTED = 0x80 };
enum { WRITE_CACHE = 0x04 }; /* in byte 2 of that page */

/* ---- Asking -------------------------------------------------------------------------------------------- */

static void ask(struct scsi_command *command, uint8_t page)
{
	command->data_bytes = SCSI_MODE_BYTES;
	scsi_cdb_mode_sense(command->cdb, page, SCSI_MODE_BYTES);
}

/* How much of it was received: 0 when it has none: an answer that says no is an answer. Or an error of the device. */
static int received(const struct scsi_lun *lun, int error)
{
	const struct scsi_command *command = &lun->host->command;

	if (command->request.status)
		return error;
	return error ? 0 : (int)command->received;
}

/* Where, in what was received, the caching page is; 0: it is not. Behind the header there may be block
 * descriptors. */
static unsigned find_caching(const struct scsi_lun *lun, int bytes)
{
	const uint8_t *data = lun->host->data;
	unsigned length = (unsigned)bytes, at = HEADER + (length >= HEADER ? data[3] : 0u);

	return at + 3 <= length && (data[at] & CODE) == PAGE_CACHING ? at : 0;
}

/* Protection is in the header, of any page that there is. */
static void settle(struct scsi_lun *lun, uint8_t header)
{
	struct block_device *disk = &lun->disk;
	struct scsi_mode *mode = &lun->host->mode;

	mode->settled = true;
	disk->read_only = lun->type == SCSI_TYPE_CD || (header & PROTECTED) != 0;
	disk->write_back = disk->can_flush = mode->write_back && !disk->read_only;
	/* What is asked next may fail, and the disk stays in use with the limits that it had. */
	if (disk->read_only)
		disk->limits.discard_sectors_max = disk->limits.zeroes_sectors_max = 0;
}

static bool ask_caching(struct scsi_lun *lun, struct scsi_command *command)
{
	lun->host->mode.settled = false;
	ask(command, PAGE_CACHING);
	return true;
}

/* What says nothing of a cache has one. */
static int take_caching(struct scsi_lun *lun, int error)
{
	const uint8_t *data = lun->host->data;
	int bytes = received(lun, error);

	if (bytes < 0)
		return bytes;
	unsigned at = find_caching(lun, bytes);
	lun->cache_told = at != 0;
	lun->host->mode.write_back = !lun->cache_told || (data[at + 2] & WRITE_CACHE) != 0;
	if (bytes >= HEADER)
		settle(lun, data[2]);
	return 0;
}

static bool ask_protection(struct scsi_lun *lun, struct scsi_command *command)
{
	ask(command, PAGE_ALL);
	return !lun->host->mode.settled;
}

static int take_protection(struct scsi_lun *lun, int error)
{
	int bytes = received(lun, error);

	if (bytes < 0)
		return bytes;
	settle(lun, bytes >= HEADER ? lun->host->data[2] : 0);
	return 0;
}

void scsi_mode_ask(struct scsi_questions *questions, struct scsi_lun *lun)
{
	static const struct scsi_question list[] = {
		{ ask_caching, take_caching },
		{ ask_protection, take_protection },
	};

	scsi_questions_begin(questions, lun, list, sizeof(list) / sizeof(list[0]));
}

/* ---- Switching ----------------------------------------------------------------------------------------- */

/* What the unit answers is `error` of all this; only a device that does not answer ends it. */
static int end_or_note(struct scsi_lun *lun, int error)
{
	lun->host->mode.error = error;
	return lun->host->command.request.status ? error : 0;
}

static bool ask_changeable(struct scsi_lun *lun, struct scsi_command *command)
{
	(void)lun;
	ask(command, CHANGEABLE | PAGE_CACHING);
	return true;
}

static int take_changeable(struct scsi_lun *lun, int error)
{
	int bytes = received(lun, error);

	if (bytes < 0)
		return bytes;
	unsigned at = find_caching(lun, bytes);
	if (at == 0 || (lun->host->data[at + 2] & WRITE_CACHE) == 0)
		lun->host->mode.error = ERR_UNSUPPORTED; /* it has no such page, or the bit stays */
	return 0;
}

static bool ask_page(struct scsi_lun *lun, struct scsi_command *command)
{
	ask(command, PAGE_CACHING);
	return !lun->host->mode.error;
}

/* The page as it is, but for that one bit. */
static int take_page(struct scsi_lun *lun, int error)
{
	enum { CODE_AND_LENGTH = 2 };
	struct scsi_mode *mode = &lun->host->mode;
	const uint8_t *data = lun->host->data;
	uint8_t *list = mode->list;
	int bytes = received(lun, error);

	if (bytes < 0)
		return bytes;
	unsigned at = find_caching(lun, bytes);
	unsigned length = CODE_AND_LENGTH + (at ? data[at + 1] : 0u);
	if (at == 0 || at + length > (unsigned)bytes) {
		mode->error = ERR_UNSUPPORTED; /* more of it than could be given back */
		return 0;
	}
	memset(list, 0, HEADER); /* all of it reserved here, and no block descriptors */
	memcpy(list + HEADER, data + at, length);
	list[HEADER] &= CODE;
	list[HEADER + 2] =
		(uint8_t)((list[HEADER + 2] & ~WRITE_CACHE) | (mode->on ? WRITE_CACHE : 0));
	mode->length = HEADER + length;
	return 0;
}

static bool ask_select(struct scsi_lun *lun, struct scsi_command *command)
{
	const struct scsi_mode *mode = &lun->host->mode;

	if (mode->error)
		return false;
	command->out = mode->list;
	command->out_bytes = mode->length;
	scsi_cdb_mode_select(command->cdb, (uint8_t)mode->length);
	return true;
}

/* What was written before is to be as lasting as what will be. */
static bool ask_flush(struct scsi_lun *lun, struct scsi_command *command)
{
	scsi_cdb_flush(command->cdb);
	return !lun->host->mode.error && !lun->host->mode.on;
}

static const struct scsi_question switching[] = {
	{ ask_changeable, take_changeable }, { ask_page, take_page },
	{ ask_select, end_or_note },         { ask_flush, end_or_note },
	{ ask_caching, take_caching },       { ask_protection, take_protection },
};

static void switch_cache(struct virtio_scsi *scsi)
{
	struct scsi_mode *mode = &scsi->mode;
	struct block_device *disk = &mode->lun->disk;
	int next = scsi_questions_next(scsi, &mode->questions);

	if (next == 0)
		return; /* one is asked */
	int error = next < 0 ? next : mode->error;
	disk->generation++;
	scsi_end(scsi, !error && disk->write_back != mode->on ? ERR_UNSUPPORTED : error);
}

void scsi_switch_cache(struct scsi_lun *lun, bool on)
{
	struct scsi_mode *mode = &lun->host->mode;

	if (on)
		lun->disk.can_flush = true; /* from here on a flush has something to do */
	mode->lun = lun;
	mode->on = on;
	mode->error = 0;
	scsi_questions_begin(&mode->questions, lun, switching,
			     sizeof(switching) / sizeof(switching[0]));
	scsi_begin(lun->host, switch_cache);
}

/* After a reset, or with another medium, a unit may be in either mode: what a program relies on is chosen once more. */
bool scsi_mode_differs(const struct scsi_lun *lun)
{
	return lun->mode_chosen && !lun->disk.read_only &&
	       lun->disk.write_back != lun->write_back_chosen;
}

int scsi_mode_chosen_again(struct scsi_lun *lun, int error)
{
	if (!error || lun->host->command.request.status)
		return error;
	lun->mode_chosen = false; /* nor is it said once more */
	scsi_log(lun, VPORT_LOG_ERROR, "is %s again, and cannot be switched: %s",
		 lun->disk.write_back ? "write-back" : "write-through", error_text(error));
	return 0;
}
