/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which targets and logical units a virtio-scsi device has: VIRTIO 1.4, 5.6.4 and 5.6.6.1, with REPORT LUNS and
 * INQUIRY of SPC.
 *
 *   1. every target that there may be is asked whether it is there, many at a time;
 *   2. each that is lists its units: by unit 0, else by the well-known unit, else they are tried one by one;
 *   3. each unit says what it is (scsi_unit.c); what was there before and is not any more is removed.
 *
 * See it at work: make run BUS=scsi, then `scsi scan` in the shell
 * Left out: units of more than one level, well-known units but for REPORT LUNS.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/be.h"
#include "lib/mem.h"

#define SCAN_NS UINT64_C(60000000000)
#define TRIED_MAX 255 /* units that are tried one by one, when nobody lists them */

/* Each command is given up in bounded time, but a device may have 4 million units to tell of. */
void scsi_scan_begin(struct virtio_scsi *scsi)
{
	scsi->scan_until = vport_now() + SCAN_NS;
}

bool scsi_scan_is_late(const struct virtio_scsi *scsi)
{
	return vport_now() >= scsi->scan_until;
}

/* ---- A target's units (REPORT LUNS) -------------------------------------------------------------------- */

enum { LIST_HEADER = 8, WELL_KNOWN = 0xc1, REPORT_LUNS_UNIT = 0x01 };

/* Into scsi->numbers, in their order, and each once: so is the order of disks' names that of their numbers. */
static unsigned insert(struct virtio_scsi *scsi, unsigned count, uint16_t number)
{
	unsigned at = count;

	while (at > 0 && scsi->numbers[at - 1] > number)
		at--;
	if (at > 0 && scsi->numbers[at - 1] == number)
		return count;
	memmove(&scsi->numbers[at + 1], &scsi->numbers[at], (count - at) * sizeof(*scsi->numbers));
	scsi->numbers[at] = number;
	return count + 1;
}

/* An entry of the list; of that of the device (host), with the target in the first level. -1: it is none of
 * this target's that is understood. */
static int read_entry(const uint8_t *entry, unsigned target, bool host)
{
	uint16_t number;
	uint8_t of;

	if (host)
		return scsi_address_read(entry, &of, &number) && of == target ? number : -1;
	return scsi_is_zero(entry + 2, SCSI_LUN_BYTES - 2) ? scsi_level_read(entry) : -1;
}

/* From an answer to REPORT LUNS. How many there are in scsi->numbers. */
static unsigned read_list(struct virtio_scsi *scsi, uint32_t received, unsigned target, bool host)
{
	unsigned count = 0;

	if (received < LIST_HEADER)
		return 0;
	uint32_t told = be32_load(scsi->data), here = received - LIST_HEADER;
	if (told > here)
		virtio_log(scsi->device, VPORT_LOG_ERROR,
			   "%s: target %u lists %u units, of which %u are looked at",
			   scsi->device->name, target, told / SCSI_LUN_BYTES,
			   here / SCSI_LUN_BYTES);
	if (told < here)
		here = told;
	for (uint32_t at = 0; at + SCSI_LUN_BYTES <= here; at += SCSI_LUN_BYTES) {
		int number = read_entry(scsi->data + LIST_HEADER + at, target, host);
		if (number >= 0)
			count = insert(scsi, count, (uint16_t)number);
	}
	return count;
}

static void remove_unseen(struct virtio_scsi *scsi, uint8_t target)
{
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		if (lun->present && lun->target == target && !lun->seen)
			scsi_unit_remove(lun);
	}
}

/* Who lists this target's units: unit 0 of it, the well-known unit of it, or that of the whole device. */
enum { LISTERS = 3 };

static void ask_for_list(struct virtio_scsi *scsi, struct scsi_target_scan *scan)
{
	uint8_t *address = scsi->look.address;
	struct scsi_command *command = scsi_command_make(scsi, address, NULL);
	unsigned lister = scan->asked++;

	scsi_address_make(address, scan->target, 0);
	if (lister > 0)
		address[2] = WELL_KNOWN;
	if (lister > 0)
		address[3] = REPORT_LUNS_UNIT;
	scan->host = lister == LISTERS - 1;
	if (scan->host) {
		memset(address, 0, SCSI_LUN_BYTES);
		address[0] = WELL_KNOWN;
		address[1] = REPORT_LUNS_UNIT;
	}
	command->data_bytes = SCSI_DATA_BYTES;
	scsi_cdb_report_luns(command->cdb, SCSI_DATA_BYTES);
	scsi_command_run(scsi);
}

/* Where nobody lists them they are tried, until the first that is not there. */
static void take_list(struct virtio_scsi *scsi, struct scsi_target_scan *scan)
{
	if (scsi->result == 0) {
		scan->listed = true;
		scan->count = read_list(scsi, scsi->command.received, scan->target, scan->host);
	} else if (scan->asked == LISTERS) {
		scan->listed = scan->trying = true;
		scan->count = 1 + (scsi->max_lun < TRIED_MAX ? scsi->max_lun : TRIED_MAX);
	}
	scsi->result = 1; /* of the units none is missing so far */
}

static void look_at_next(struct virtio_scsi *scsi, struct scsi_target_scan *scan)
{
	int there = scsi->result;

	if (there < 0) {
		scsi_end(scsi, there);
	} else if (scan->at < scan->count && !(scan->trying && there == 0)) {
		unsigned at = scan->at++;
		scsi_unit_look(scsi, scan->target, scan->trying ? (uint16_t)at : scsi->numbers[at]);
	} else {
		remove_unseen(scsi, scan->target);
		scsi_end(scsi, 0);
	}
}

static void scan_target(struct virtio_scsi *scsi)
{
	struct scsi_target_scan *scan = &scsi->target_scan;

	if (!scan->listed && scan->asked > 0) {
		if (scsi->command.request.status) {
			scsi_end(scsi, scsi->result);
			return;
		}
		take_list(scsi, scan);
	}
	if (scan->listed)
		look_at_next(scsi, scan);
	else if (scan->asked == 0 && scsi_scan_is_late(scsi))
		scsi_end(scsi, ERR_TIMEOUT);
	else
		ask_for_list(scsi, scan);
}

void scsi_scan_target(struct virtio_scsi *scsi, uint8_t target)
{
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next)
		lun->seen = false;
	scsi->target_scan = (struct scsi_target_scan){ .target = target };
	scsi_begin(scsi, scan_target);
}

/* ---- All targets ----------------------------------------------------------------------------------------- */

static void ping(struct virtio_scsi *scsi, struct scsi_command *command, uint8_t *address,
		 unsigned target)
{
	scsi_address_make(address, target, 0);
	*command = (struct scsi_command){ .lun = address }; /* TEST UNIT READY is all zeros */
	scsi_command_start(scsi, command);
}

/* There is somebody who answers, whatever it is. */
static bool answers(const struct scsi_command *command)
{
	switch (command->answer.response) {
	case VIRTIO_SCSI_S_OK:
	case VIRTIO_SCSI_S_ABORTED:
	case VIRTIO_SCSI_S_RESET:
	case VIRTIO_SCSI_S_BUSY:
	case VIRTIO_SCSI_S_INCORRECT_LUN:
		return true;
	default:
		return false;
	}
}

/* The targets in hand, all at once. */
static void ping_all(struct virtio_scsi *scsi, struct scsi_scan *scan)
{
	scan->pinging = true;
	for (unsigned i = 0; i < scan->count; i++)
		ping(scsi, &scsi->pings[i], scsi->ping_addresses[i], scan->first + i);
}

/* 0 or an error of the device. */
static int take_pings(struct virtio_scsi *scsi, struct scsi_scan *scan)
{
	int error = 0;

	scan->pinging = false;
	scan->at = 0;
	for (unsigned i = 0; i < scan->count; i++) {
		struct scsi_command *command = &scsi->pings[i];
		scsi_command_take(scsi, command);
		if (command->request.status)
			error = command->request.status;
		scan->present[i] = answers(command);
	}
	return error;
}

static void target_is_absent(struct virtio_scsi *scsi, uint8_t target)
{
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		if (lun->present && lun->target == target)
			scsi_unit_remove(lun);
	}
}

/* The next target that is there. False: there is none among those in hand. */
static bool scan_next(struct virtio_scsi *scsi, struct scsi_scan *scan)
{
	while (scan->at < scan->count) {
		unsigned at = scan->at++;
		if (scan->present[at]) {
			scsi_scan_target(scsi, (uint8_t)(scan->first + at));
			return true;
		}
		target_is_absent(scsi, (uint8_t)(scan->first + at));
	}
	return false;
}

static void scan_host(struct virtio_scsi *scsi)
{
	struct scsi_scan *scan = &scsi->scan;
	int error = scan->pinging ? take_pings(scsi, scan) : scsi->result;

	/* What was in flight when the device was reset is asked once more. */
	if (error && error != ERR_NODEV && scan->at == 0 && !scan->again) {
		scan->again = true;
		ping_all(scsi, scan);
		return;
	}
	if (error) {
		scsi_end(scsi, error);
		return;
	}
	if (scan_next(scsi, scan))
		return;
	scan->first += scan->count;
	scan->again = false;
	if (scan->first > scsi->max_target) {
		scsi_end(scsi, 0);
		return;
	}
	unsigned left = scsi->max_target - scan->first + 1;
	scan->count = left < SCSI_PINGS ? left : SCSI_PINGS;
	ping_all(scsi, scan);
}

void scsi_scan_host(struct virtio_scsi *scsi)
{
	scsi->scan = (struct scsi_scan){ .first = 0 };
	scsi->result = 0;
	scsi_begin(scsi, scan_host);
}
