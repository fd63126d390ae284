/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which targets and logical units a virtio-scsi device has: VIRTIO 1.4, 5.6.4 and 5.6.6.1, with REPORT LUNS and
 * INQUIRY of SPC.
 *
 *   1. every target that there may be is asked whether it is there, many at a time;
 *   2. each that is lists its units: by unit 0, else by the well-known unit, else they are tried one by one;
 *   3. each unit says what it is; what was there before and is not any more is removed.
 *
 * See it at work: make run BUS=scsi, then `scsi scan` in the shell
 * Left out: units of more than one level, well-known units but for REPORT LUNS.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/be.h"
#include "lib/mem.h"

#define PINGS 16
#define SCAN_NS UINT64_C(60000000000)
#define TRIED_MAX 255 /* units that are tried one by one, when nobody lists them */

/* ---- Addresses (5.6.6.1) ----------------------------------------------------------------------- */

enum { FLAT = 0x40, WELL_KNOWN = 0xc1, REPORT_LUNS_UNIT = 0x01 };

/* Peripheral device addressing reaches to 255, flat space addressing further. */
static void make_address(uint8_t *address, unsigned target, unsigned number)
{
	memset(address, 0, SCSI_LUN_BYTES);
	address[0] = 1;
	address[1] = (uint8_t)target;
	address[2] = (uint8_t)(number < 256 ? 0 : FLAT | number >> 8);
	address[3] = (uint8_t)number;
}

/* A single level: bits 7 and 6 say how it is addressed. -1: not in a way that is understood. */
static int read_number(const uint8_t *level)
{
	if (level[0] == 0)
		return level[1];
	return (level[0] & 0xc0) == FLAT ? (level[0] & 0x3f) << 8 | level[1] : -1;
}

static bool is_zero(const uint8_t *bytes, unsigned count)
{
	uint8_t any = 0;

	for (unsigned i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

bool scsi_address_read(const uint8_t *address, uint8_t *target, uint16_t *number)
{
	int n = read_number(address + 2);

	if (address[0] != 1 || n < 0 || !is_zero(address + 4, 4))
		return false;
	*target = address[1];
	*number = (uint16_t)n;
	return true;
}

/* ---- Units that are known ------------------------------------------------------------------------- */

struct scsi_lun *scsi_lun_find(struct virtio_scsi *scsi, uint8_t target, uint16_t number)
{
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		if (lun->present && lun->target == target && lun->number == number)
			return lun;
	}
	return NULL;
}

static void remove_unit(struct scsi_lun *lun)
{
	lun->present = false;
	scsi_disk_removed(lun);
	scsi_log(lun, VPORT_LOG_INFO, "removed");
}

static bool is_full(struct virtio_scsi *scsi)
{
	if (scsi->lun_count < SCSI_MAX_LUNS)
		return false;
	if (!scsi->told_full)
		virtio_log(scsi->device, VPORT_LOG_ERROR,
			   "%s: no room for more than %u logical units: others are left out",
			   scsi->device->name, SCSI_MAX_LUNS);
	scsi->told_full = true;
	return true;
}

/* What would not be kept is not asked. */
static bool is_worth_asking(struct virtio_scsi *scsi, uint8_t target, uint16_t number)
{
	for (const struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		if (lun->target == target && lun->number == number)
			return true;
	}
	return !is_full(scsi);
}

/* One that was there before and comes back is the same: so is its name. But a disk does not become a CD. */
static struct scsi_lun *unit_for(struct virtio_scsi *scsi, uint8_t target, uint16_t number,
				 uint8_t type)
{
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		if (lun->target != target || lun->number != number)
			continue;
		if (lun->type == type)
			return lun;
		if (lun->present)
			remove_unit(lun);
	}
	if (is_full(scsi))
		return NULL;
	struct scsi_lun *lun = vport_alloc(sizeof(*lun));
	if (!lun)
		return NULL;
	lun->host = scsi;
	lun->target = target;
	lun->number = number;
	lun->type = type;
	make_address(lun->address, target, number);
	scsi->lun_count++;
	__atomic_store_n(scsi->luns_end, lun,
			 __ATOMIC_RELEASE); /* other CPUs go through the list */
	scsi->luns_end = &lun->next;
	return lun;
}

/* ---- One unit (INQUIRY) ------------------------------------------------------------------------------ */

enum { INQUIRY_BYTES = 36, INQUIRY_LEAST = 5 };

/* Text of the device's, for people: printable, and without the blanks at its end. */
static void copy_text(char *to, const uint8_t *from, unsigned length)
{
	unsigned end = 0;

	for (unsigned i = 0; i < length; i++) {
		to[i] = (char)(from[i] >= 0x20 && from[i] < 0x7f ? from[i] : from[i] ? '?' : ' ');
		if (to[i] != ' ')
			end = i + 1;
	}
	to[end] = 0;
}

static void take_inquiry(struct scsi_lun *lun, const uint8_t *data)
{
	lun->removable = (data[1] & 0x80) != 0;
	lun->version = data[2];
	copy_text(lun->vendor, data + 8, 8);
	copy_text(lun->product, data + 16, 16);
	copy_text(lun->revision, data + 32, 4);
}

static void absent(struct virtio_scsi *scsi, uint8_t target, uint16_t number)
{
	struct scsi_lun *lun = scsi_lun_find(scsi, target, number);

	if (lun)
		remove_unit(lun);
}

/* Each command is given up in bounded time, but a device may have 4 million units to tell of. */
void scsi_scan_begin(struct virtio_scsi *scsi)
{
	scsi->scan_until = vport_now() + SCAN_NS;
}

bool scsi_scan_is_late(const struct virtio_scsi *scsi)
{
	return vport_now() >= scsi->scan_until;
}

/* 1: it is there, or there is no room for it; 0: it is not; or an error of the device. */
static int look_at(struct virtio_scsi *scsi, uint8_t target, uint16_t number)
{
	uint8_t address[SCSI_LUN_BYTES];
	struct scsi_command command = { .lun = address, .data_bytes = INQUIRY_BYTES };

	if (scsi_scan_is_late(scsi))
		return ERR_TIMEOUT;
	if (!is_worth_asking(scsi, target, number))
		return 1;
	make_address(address, target, number);
	scsi_cdb_inquiry(command.cdb, INQUIRY_BYTES);
	int error = scsi_command_run(scsi, &command);
	if (command.request.status)
		return error;
	/* The qualifier: 0 says that a unit is connected there, anything else that none is. */
	bool there = !error && command.received >= INQUIRY_LEAST && scsi->data[0] >> 5 == 0;
	if (!there) {
		absent(scsi, target, number);
		return 0;
	}
	struct scsi_lun *lun = unit_for(scsi, target, number, scsi->data[0] & 0x1f);
	if (!lun)
		return 1;
	bool is_new = !lun->present;
	take_inquiry(lun, scsi->data);
	lun->present = lun->seen = true;
	error = scsi_is_disk(lun) ? scsi_disk_examine(lun) : 0;
	if (is_new && scsi->scans > 0)
		scsi_log(lun, VPORT_LOG_INFO, "added: %s %s", lun->vendor, lun->product);
	return scsi_is_fatal(lun, error) ? error : 1;
}

int scsi_scan_lun(struct virtio_scsi *scsi, uint8_t target, uint16_t number)
{
	int there = look_at(scsi, target, number);

	return there < 0 ? there : 0;
}

/* ---- A target's units (REPORT LUNS) -------------------------------------------------------------------- */

enum { LIST_HEADER = 8 };

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
	return is_zero(entry + 2, SCSI_LUN_BYTES - 2) ? read_number(entry) : -1;
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

/* The answer is in scsi->data. 0, or the answer's error. */
static int report_luns(struct virtio_scsi *scsi, struct scsi_command *command,
		       const uint8_t *address)
{
	*command = (struct scsi_command){ .lun = address, .data_bytes = SCSI_DATA_BYTES };
	scsi_cdb_report_luns(command->cdb, SCSI_DATA_BYTES);
	return scsi_command_run(scsi, command);
}

/* Until the first that is not there. */
static int try_units(struct virtio_scsi *scsi, uint8_t target)
{
	unsigned last = scsi->max_lun < TRIED_MAX ? scsi->max_lun : TRIED_MAX;
	int there = 1;

	for (unsigned number = 0; number <= last && there > 0; number++)
		there = look_at(scsi, target, (uint16_t)number);
	return there < 0 ? there : 0;
}

static int look_at_all(struct virtio_scsi *scsi, uint8_t target, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int there = look_at(scsi, target, scsi->numbers[i]);
		if (there < 0)
			return there;
	}
	return 0;
}

static void remove_unseen(struct virtio_scsi *scsi, uint8_t target)
{
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		if (lun->present && lun->target == target && !lun->seen)
			remove_unit(lun);
	}
}

/* Who lists this target's units: unit 0 of it, the well-known unit of it, or that of the whole device. */
static int list_units(struct virtio_scsi *scsi, uint8_t target, struct scsi_command *command,
		      bool *host)
{
	uint8_t address[SCSI_LUN_BYTES];

	*host = false;
	make_address(address, target, 0);
	int error = report_luns(scsi, command, address);
	if (!error || command->request.status)
		return error;
	address[2] = WELL_KNOWN;
	address[3] = REPORT_LUNS_UNIT;
	error = report_luns(scsi, command, address);
	if (!error || command->request.status)
		return error;
	*host = true;
	memset(address, 0, sizeof(address));
	address[0] = WELL_KNOWN;
	address[1] = REPORT_LUNS_UNIT;
	return report_luns(scsi, command, address);
}

int scsi_scan_target(struct virtio_scsi *scsi, uint8_t target)
{
	struct scsi_command command;
	bool host;

	if (scsi_scan_is_late(scsi))
		return ERR_TIMEOUT;
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next)
		lun->seen = false;
	int error = list_units(scsi, target, &command, &host);
	if (command.request.status)
		return error;
	if (error)
		error = try_units(scsi, target);
	else
		error = look_at_all(scsi, target, read_list(scsi, command.received, target, host));
	if (!error)
		remove_unseen(scsi, target);
	return error;
}

/* ---- All targets ----------------------------------------------------------------------------------------- */

static void ping(struct virtio_scsi *scsi, struct scsi_command *command, uint8_t *address,
		 unsigned target)
{
	make_address(address, target, 0);
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

/* Sets present[i] for target first + i. 0 or an error of the device. */
static int ping_some(struct virtio_scsi *scsi, unsigned first, unsigned count, bool *present)
{
	struct scsi_command commands[PINGS];
	uint8_t addresses[PINGS][SCSI_LUN_BYTES];
	int error = 0;

	for (unsigned i = 0; i < count; i++)
		ping(scsi, &commands[i], addresses[i], first + i);
	for (unsigned i = 0; i < count; i++) {
		scsi_command_wait(scsi, &commands[i]);
		if (commands[i].request.status)
			error = commands[i].request.status;
		present[i] = answers(&commands[i]);
	}
	return error;
}

/* What was in flight when the device was reset is asked once more. */
static int ping_again(struct virtio_scsi *scsi, unsigned first, unsigned count, bool *present)
{
	int error = ping_some(scsi, first, count, present);

	if (error && error != ERR_NODEV)
		error = ping_some(scsi, first, count, present);
	return error;
}

static void target_is_absent(struct virtio_scsi *scsi, uint8_t target)
{
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		if (lun->present && lun->target == target)
			remove_unit(lun);
	}
}

int scsi_scan_host(struct virtio_scsi *scsi)
{
	bool present[PINGS];

	for (unsigned first = 0; first <= scsi->max_target; first += PINGS) {
		unsigned count = scsi->max_target - first + 1;
		if (count > PINGS)
			count = PINGS;
		int error = ping_again(scsi, first, count, present);
		for (unsigned i = 0; i < count && !error; i++) {
			if (present[i])
				error = scsi_scan_target(scsi, (uint8_t)(first + i));
			else
				target_is_absent(scsi, (uint8_t)(first + i));
		}
		if (error)
			return error;
	}
	return 0;
}
