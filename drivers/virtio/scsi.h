/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCSI logical units behind virtio-scsi devices, for programs: which there are, what was wrong with them last,
 * looking for new ones. Their data is read and written by block.h, as sda …
 *
 * Typical usage:
 *
 *     char line[160];
 *     for (struct scsi_lun *lun = scsi_first(); lun; lun = scsi_next(lun)) {
 *             scsi_describe(lun, line, sizeof(line));
 *             print(line);
 *     }
 */
#ifndef DRIVERS_VIRTIO_SCSI_H
#define DRIVERS_VIRTIO_SCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scsi_lun;

/* In the order in which they were found; those that have been removed stay in the list. */
struct scsi_lun *scsi_first(void);
struct scsi_lun *scsi_next(struct scsi_lun *lun);
/* The one that is that disk (sda); NULL when none is. */
struct scsi_lun *scsi_find(const char *disk);

/* One line about it, without its newline: "scsi0 0:300 disk QEMU QEMU HARDDISK 2.5+ sda 131072x512". Returns
 * its length, like format(). */
size_t scsi_describe(struct scsi_lun *lun, char *line, size_t size);

/* The last sense data that is worth telling (unit attentions and errors), as in "scsi0 0:300 NOT READY: …".
 * Returns its length; 0 when there has been none. */
size_t scsi_describe_sense(struct scsi_lun *lun, char *line, size_t size);

/* Looks at all targets of all devices anew, and returns when that is done. Program context. 0, or the error
 * of the last device that could not be looked at. */
int scsi_scan(void);

/* Resets the logical unit: commands in flight are given again. Program context. 0; ERR_UNSUPPORTED: the
 * device does not do that; another error. */
int scsi_reset(struct scsi_lun *lun);

/* ---- Sense data ------------------------------------------------------------------------------ */

/* Why a command ended as it did: sense key, additional sense code and its qualifier. */
struct scsi_sense {
	uint8_t key, asc, ascq;
	bool valid;    /* there was any */
	bool deferred; /* it is about an earlier command */
	bool has_information;
	uint64_t information; /* of a medium error: the block */
};

enum scsi_sense_key {
	SCSI_NO_SENSE = 0,
	SCSI_RECOVERED_ERROR = 1,
	SCSI_NOT_READY = 2,
	SCSI_MEDIUM_ERROR = 3,
	SCSI_HARDWARE_ERROR = 4,
	SCSI_ILLEGAL_REQUEST = 5,
	SCSI_UNIT_ATTENTION = 6,
	SCSI_DATA_PROTECT = 7,
	SCSI_ABORTED_COMMAND = 11,
};

/* Fixed and descriptor format; `bytes` is a private copy of what the device wrote, of any length. What is
 * cut off reads as 0. */
struct scsi_sense scsi_sense_decode(const uint8_t *bytes, size_t length);
/* "MEDIUM ERROR: unrecovered read error (11/00), block 4711". Returns its length, like format(). */
size_t scsi_sense_text(const struct scsi_sense *sense, char *line, size_t size);

#endif
