/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A logical unit of a virtio-scsi device: its address (VIRTIO 1.4, 5.6.6.1), whether there is one, and what (INQUIRY of
 * SPC). One that goes is kept, for it may come back.
 *
 * See it at work: make run BUS=scsi, then `scsi luns` in the shell
 * Left out: units of more than one level.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/mem.h"

/* ---- Addresses (5.6.6.1) ----------------------------------------------------------------------- */

enum { FLAT = 0x40 };

void scsi_address_make(uint8_t *address, unsigned target, unsigned number)
{
	memset(address, 0, SCSI_LUN_BYTES);
	address[0] = 1;
	address[1] = (uint8_t)target;
	address[2] = (uint8_t)(number < 256 ? 0 : FLAT | number >> 8);
	address[3] = (uint8_t)number;
}

/* Bits 7 and 6 say how it is addressed. */
int scsi_level_read(const uint8_t *level)
{
	if (level[0] == 0)
		return level[1];
	return (level[0] & 0xc0) == FLAT ? (level[0] & 0x3f) << 8 | level[1] : -1;
}

bool scsi_is_zero(const uint8_t *bytes, unsigned count)
{
	uint8_t any = 0;

	for (unsigned i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

bool scsi_address_read(const uint8_t *address, uint8_t *target, uint16_t *number)
{
	int n = scsi_level_read(address + 2);

	if (address[0] != 1 || n < 0 || !scsi_is_zero(address + 4, 4))
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

void scsi_unit_remove(struct scsi_lun *lun)
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
			scsi_unit_remove(lun);
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
	scsi_address_make(lun->address, target, number);
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
		scsi_unit_remove(lun);
}

static void ask_inquiry(struct virtio_scsi *scsi, struct scsi_look *look)
{
	struct scsi_command *command = scsi_command_make(scsi, look->address, NULL);

	scsi_address_make(look->address, look->target, look->number);
	command->data_bytes = INQUIRY_BYTES;
	scsi_cdb_inquiry(command->cdb, INQUIRY_BYTES);
	scsi_command_run(scsi);
}

/* 1: it is there, and there is room for it, in look->lun; 0: not; or an error of the device. */
static int take_unit(struct virtio_scsi *scsi, struct scsi_look *look)
{
	const struct scsi_command *command = &scsi->command;

	if (command->request.status)
		return scsi->result;
	/* The qualifier: 0 says that a unit is connected there, anything else that none is. */
	bool there =
		scsi->result == 0 && command->received >= INQUIRY_LEAST && scsi->data[0] >> 5 == 0;
	look->lun = NULL;
	if (!there) {
		absent(scsi, look->target, look->number);
		return 0;
	}
	look->lun = unit_for(scsi, look->target, look->number, scsi->data[0] & 0x1f);
	if (!look->lun)
		return 1;
	look->is_new = !look->lun->present;
	take_inquiry(look->lun, scsi->data);
	look->lun->present = look->lun->seen = true;
	return 1;
}

/* It has been examined, if it is a disk. */
static void end_look(struct virtio_scsi *scsi, const struct scsi_look *look)
{
	struct scsi_lun *lun = look->lun;
	int error = scsi->result;

	if (look->is_new && scsi->scans > 0)
		scsi_log(lun, VPORT_LOG_INFO, "added: %s %s", lun->vendor, lun->product);
	scsi_end(scsi, scsi_is_fatal(lun, error) ? error : 1);
}

static void look_at(struct virtio_scsi *scsi)
{
	struct scsi_look *look = &scsi->look;
	int there;

	switch (look->stage) {
	case SCSI_LOOK_ASK:
		look->stage = SCSI_LOOK_TAKE;
		if (scsi_scan_is_late(scsi))
			scsi_end(scsi, ERR_TIMEOUT);
		else if (!is_worth_asking(scsi, look->target, look->number))
			scsi_end(scsi, 1);
		else
			ask_inquiry(scsi, look);
		break;
	case SCSI_LOOK_TAKE:
		look->stage = SCSI_LOOK_EXAMINED;
		there = take_unit(scsi, look);
		scsi->result = 0;
		if (there <= 0 || !look->lun)
			scsi_end(scsi, there);
		else if (scsi_is_disk(look->lun))
			scsi_disk_examine(look->lun);
		break;
	default:
		end_look(scsi, look);
	}
}

void scsi_unit_look(struct virtio_scsi *scsi, uint8_t target, uint16_t number)
{
	scsi->look = (struct scsi_look){ .target = target, .number = number };
	scsi_begin(scsi, look_at);
}
