/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a SCSI unit says of itself in pages of vital product data (serial number, limits, thin provisioning), as SPC
 * and SBC define them. All lengths in them are the device's word, and only what was received is looked at: behind it
 * there are zeros.
 *
 * See it at work: make run BUS=scsi, then `blk info sda` in the shell
 * Left out: device identification.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/be.h"
#include "lib/mem.h"

#define PAGE_BYTES 64

enum {
	VITAL_PAGES = 0x00,
	VITAL_SERIAL = 0x80,
	VITAL_LIMITS = 0xb0,
	VITAL_PROVISIONING = 0xb2,
	VITAL_HEADER = 4,
};

static void ask_page(struct scsi_command *command, uint8_t page)
{
	command->data_bytes = PAGE_BYTES;
	scsi_cdb_vital_page(command->cdb, page, PAGE_BYTES);
}

/* How much there is of the page, header included; 0: it has none: an answer that says no is an answer. Or an error of the
 * device. */
static int page_bytes(const struct scsi_lun *lun, uint8_t page, int error)
{
	const struct scsi_command *command = &lun->host->command;
	const uint8_t *data = lun->host->data;

	if (command->request.status)
		return error;
	if (error || command->received < VITAL_HEADER || data[1] != page)
		return 0;
	uint32_t told = VITAL_HEADER + be16_load(data + 2);
	return (int)(told < command->received ? told : command->received);
}

/* Which of them there are, so that no unit is asked for one that it does not know. */
static bool ask_pages(struct scsi_lun *lun, struct scsi_command *command)
{
	(void)lun;
	ask_page(command, VITAL_PAGES);
	return true;
}

static int take_pages(struct scsi_lun *lun, int error)
{
	struct scsi_examination *e = &lun->host->examination;
	const uint8_t *data = lun->host->data;
	int bytes = page_bytes(lun, VITAL_PAGES, error);

	for (int i = VITAL_HEADER; i < bytes; i++) {
		e->has_serial |= data[i] == VITAL_SERIAL;
		e->has_limits |= data[i] == VITAL_LIMITS;
		e->has_provisioning |= data[i] == VITAL_PROVISIONING;
	}
	return bytes < 0 ? bytes : 0;
}

static bool ask_serial(struct scsi_lun *lun, struct scsi_command *command)
{
	ask_page(command, VITAL_SERIAL);
	return lun->host->examination.has_serial;
}

/* Zeros behind it, as block.h promises. */
static int take_serial(struct scsi_lun *lun, int error)
{
	int bytes = page_bytes(lun, VITAL_SERIAL, error);

	memset(lun->serial, 0, sizeof(lun->serial));
	for (int i = VITAL_HEADER; i < bytes && i < VITAL_HEADER + BLOCK_ID_BYTES; i++)
		lun->serial[i - VITAL_HEADER] = (char)lun->host->data[i];
	return bytes < 0 ? bytes : 0;
}

static bool ask_limits(struct scsi_lun *lun, struct scsi_command *command)
{
	ask_page(command, VITAL_LIMITS);
	return lun->host->examination.has_limits;
}

static int take_limits(struct scsi_lun *lun, int error)
{
	const uint8_t *data = lun->host->data;
	int bytes = page_bytes(lun, VITAL_LIMITS, error);

	if (bytes < 0)
		return bytes;
	lun->host->examination.limits = (struct scsi_limits){
		.transfer_max = be32_load(data + 8),
		.unmap_max = bytes >= 28 ? be32_load(data + 20) : 0,
		.unmap_descriptors = bytes >= 28 ? be32_load(data + 24) : 0,
		.write_same_max = bytes >= 44 ? be64_load(data + 36) : 0,
	};
	return 0;
}

static bool ask_provisioning(struct scsi_lun *lun, struct scsi_command *command)
{
	ask_page(command, VITAL_PROVISIONING);
	return lun->host->examination.has_provisioning;
}

/* The unit's word on what it can do with blocks that nobody needs. */
static int take_provisioning(struct scsi_lun *lun, int error)
{
	enum { UNMAP = 0x80, WRITE_SAME_UNMAPS = 0x40 };
	int bytes = page_bytes(lun, VITAL_PROVISIONING, error);
	uint8_t can = bytes >= 6 ? lun->host->data[5] : 0;

	lun->host->examination.unmaps = (can & UNMAP) != 0;
	lun->host->examination.writes_same = (can & WRITE_SAME_UNMAPS) != 0;
	return bytes < 0 ? bytes : 0;
}

void scsi_pages_ask(struct scsi_questions *questions, struct scsi_lun *lun)
{
	static const struct scsi_question list[] = {
		{ ask_pages, take_pages },
		{ ask_serial, take_serial },
		{ ask_limits, take_limits },
		{ ask_provisioning, take_provisioning },
	};

	scsi_questions_begin(questions, lun, list, sizeof(list) / sizeof(list[0]));
}

void scsi_pages_take(struct scsi_lun *lun)
{
	const struct scsi_examination *e = &lun->host->examination;
	uint64_t same = e->limits.write_same_max;

	lun->transfer_max = e->limits.transfer_max;
	lun->unmap_max = e->unmaps && e->limits.unmap_descriptors > 0 ? e->limits.unmap_max : 0;
	if (same == 0 && e->writes_same)
		same = UINT32_MAX;
	lun->write_same_max = same < UINT32_MAX ? (uint32_t)same : UINT32_MAX;
	lun->write_same_unmaps = e->writes_same;
	if (lun->disk.read_only)
		lun->unmap_max = lun->write_same_max = 0;
}
