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

#define MODE_BYTES 192

enum { PAGE_CACHING = 0x08, PAGE_ALL = 0x3f, CODE = 0x3f, CHANGEABLE = 0x40 };
enum { HEADER = 4, PROTECTED = 0x80 };
enum { WRITE_CACHE = 0x04 }; /* in byte 2 of that page */

/* ---- Asking -------------------------------------------------------------------------------------------- */

/* How much of it was received: 0 when it has none. Or an error of the device. */
static int mode_sense(struct scsi_lun *lun, uint8_t page)
{
	struct scsi_command command = { .lun = lun->address,
					.unit = lun,
					.data_bytes = MODE_BYTES };

	scsi_cdb_mode_sense(command.cdb, page, MODE_BYTES);
	int error = scsi_command_run(lun->host, &command);
	/* An answer that says no is an answer: only the device's own end counts. */
	if (command.request.status)
		return error;
	return error ? 0 : (int)command.received;
}

/* Where, in what was received, the caching page is; 0: it is not. Behind the header there may be block
 * descriptors. */
static unsigned find_caching(const struct scsi_lun *lun, int received)
{
	const uint8_t *data = lun->host->data;
	unsigned length = (unsigned)received, at = HEADER + (length >= HEADER ? data[3] : 0u);

	return at + 3 <= length && (data[at] & CODE) == PAGE_CACHING ? at : 0;
}

/* 0, or an error of the device. What says nothing of a cache has one. */
static int read_mode(struct scsi_lun *lun)
{
	struct block_device *disk = &lun->disk;
	const uint8_t *data = lun->host->data;
	int received = mode_sense(lun, PAGE_CACHING);

	if (received < 0)
		return received;
	unsigned at = find_caching(lun, received);
	lun->cache_told = at != 0;
	bool write_back = !lun->cache_told || (data[at + 2] & WRITE_CACHE) != 0;
	/* Protection is in the header, of any page that there is. */
	if (received < HEADER)
		received = mode_sense(lun, PAGE_ALL);
	if (received < 0)
		return received;
	disk->read_only =
		lun->type == SCSI_TYPE_CD || (received >= HEADER && (data[2] & PROTECTED) != 0);
	disk->write_back = disk->can_flush = write_back && !disk->read_only;
	return 0;
}

/* ---- Switching ----------------------------------------------------------------------------------------- */

/* The page as it is, but for that one bit. Its length, header included; ERR_UNSUPPORTED: the unit has no such page, or
 * says that the bit stays as it is; another error. */
static int make_list(struct scsi_lun *lun, bool on, uint8_t list[HEADER + MODE_BYTES])
{
	enum { CODE_AND_LENGTH = 2 };
	const uint8_t *data = lun->host->data;
	int received = mode_sense(lun, CHANGEABLE | PAGE_CACHING);

	if (received < 0)
		return received;
	unsigned at = find_caching(lun, received);
	if (at == 0 || (data[at + 2] & WRITE_CACHE) == 0)
		return ERR_UNSUPPORTED;
	received = mode_sense(lun, PAGE_CACHING);
	if (received < 0)
		return received;
	at = find_caching(lun, received);
	unsigned length = CODE_AND_LENGTH + (at ? data[at + 1] : 0u);
	if (at == 0 || at + length > (unsigned)received)
		return ERR_UNSUPPORTED; /* more of it than could be given back */
	memset(list, 0, HEADER);        /* all of it reserved here, and no block descriptors */
	memcpy(list + HEADER, data + at, length);
	list[HEADER] &= CODE;
	list[HEADER + 2] = (uint8_t)((list[HEADER + 2] & ~WRITE_CACHE) | (on ? WRITE_CACHE : 0));
	return (int)(HEADER + length);
}

static int run(struct scsi_lun *lun, struct scsi_command *command)
{
	command->lun = lun->address;
	command->unit = lun;
	return scsi_command_run(lun->host, command);
}

static int mode_select(struct scsi_lun *lun, bool on)
{
	uint8_t list[HEADER + MODE_BYTES];
	int length = make_list(lun, on, list);

	if (length < 0)
		return length;
	struct scsi_command select = { .out = list, .out_bytes = (uint32_t)length };
	scsi_cdb_mode_select(select.cdb, (uint8_t)length);
	return run(lun, &select);
}

int scsi_switch_cache(struct scsi_lun *lun, bool on)
{
	struct scsi_command flush = { .out_bytes = 0 };

	if (on)
		lun->disk.can_flush = true; /* from here on a flush has something to do */
	int error = mode_select(lun, on);
	/* What was written before is to be as lasting as what will be. */
	scsi_cdb_flush(flush.cdb);
	if (!error && !on)
		error = run(lun, &flush);
	int read_error = read_mode(lun);
	lun->disk.generation++;
	if (!error)
		error = read_error;
	return !error && lun->disk.write_back != on ? ERR_UNSUPPORTED : error;
}

/* After a reset, or with another medium, a unit may be in either mode: what a program relies on is chosen once more. */
int scsi_read_mode(struct scsi_lun *lun)
{
	int error = read_mode(lun);

	if (error || !lun->mode_chosen || lun->disk.read_only ||
	    lun->disk.write_back == lun->write_back_chosen)
		return error;
	error = scsi_switch_cache(lun, lun->write_back_chosen);
	if (error && !scsi_is_fatal(lun, error)) {
		lun->mode_chosen = false; /* nor is it said once more */
		scsi_log(lun, VPORT_LOG_ERROR, "is %s again, and cannot be switched: %s",
			 lun->disk.write_back ? "write-back" : "write-through", error_text(error));
		error = 0;
	}
	return error;
}
