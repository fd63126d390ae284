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

static int run(struct scsi_lun *lun, struct scsi_command *command)
{
	command->lun = lun->address;
	command->unit = lun;
	int error = scsi_command_run(lun->host, command);
	/* An answer that says no is an answer: only the device's own end counts. */
	if (command->request.status)
		return error;
	if (error)
		command->received = 0;
	return 0;
}

enum {
	VITAL_PAGES = 0x00,
	VITAL_SERIAL = 0x80,
	VITAL_LIMITS = 0xb0,
	VITAL_PROVISIONING = 0xb2,
	VITAL_HEADER = 4,
};

/* How much there is of the page, header included; 0: it has none. Or an error of the device. */
static int vital_page(struct scsi_lun *lun, uint8_t page)
{
	struct scsi_command command = { .data_bytes = PAGE_BYTES };
	const uint8_t *data = lun->host->data;

	scsi_cdb_vital_page(command.cdb, page, PAGE_BYTES);
	int error = run(lun, &command);
	if (error)
		return error;
	if (command.received < VITAL_HEADER || data[1] != page)
		return 0;
	uint32_t told = VITAL_HEADER + be16_load(data + 2);
	return (int)(told < command.received ? told : command.received);
}

/* Which of them there are, so that no unit is asked for one that it does not know. */
struct vital_pages {
	bool serial, limits, provisioning;
};

static int list_pages(struct scsi_lun *lun, struct vital_pages *pages)
{
	const uint8_t *data = lun->host->data;
	int bytes = vital_page(lun, VITAL_PAGES);

	*pages = (struct vital_pages){ .serial = false };
	for (int i = VITAL_HEADER; i < bytes; i++) {
		pages->serial |= data[i] == VITAL_SERIAL;
		pages->limits |= data[i] == VITAL_LIMITS;
		pages->provisioning |= data[i] == VITAL_PROVISIONING;
	}
	return bytes < 0 ? bytes : 0;
}

/* Zeros behind it, as block.h promises. */
static int read_serial(struct scsi_lun *lun)
{
	int bytes = vital_page(lun, VITAL_SERIAL);

	memset(lun->serial, 0, sizeof(lun->serial));
	for (int i = VITAL_HEADER; i < bytes && i < VITAL_HEADER + BLOCK_ID_BYTES; i++)
		lun->serial[i - VITAL_HEADER] = (char)lun->host->data[i];
	return bytes < 0 ? bytes : 0;
}

/* What is not there reads as 0, which says that there is no limit, or that it is not known. */
struct limits {
	uint32_t transfer_max, unmap_max, unmap_descriptors;
	uint64_t write_same_max;
};

static int read_limits(struct scsi_lun *lun, struct limits *limits)
{
	const uint8_t *data = lun->host->data;
	int bytes = vital_page(lun, VITAL_LIMITS);

	if (bytes < 0)
		return bytes;
	*limits = (struct limits){
		.transfer_max = be32_load(data + 8),
		.unmap_max = bytes >= 28 ? be32_load(data + 20) : 0,
		.unmap_descriptors = bytes >= 28 ? be32_load(data + 24) : 0,
		.write_same_max = bytes >= 44 ? be64_load(data + 36) : 0,
	};
	return 0;
}

/* The unit's word on what it can do with blocks that nobody needs. */
static int read_provisioning(struct scsi_lun *lun, bool *unmaps, bool *writes_same)
{
	enum { UNMAP = 0x80, WRITE_SAME_UNMAPS = 0x40 };
	int bytes = vital_page(lun, VITAL_PROVISIONING);
	uint8_t can = bytes >= 6 ? lun->host->data[5] : 0;

	*unmaps = (can & UNMAP) != 0;
	*writes_same = (can & WRITE_SAME_UNMAPS) != 0;
	return bytes < 0 ? bytes : 0;
}

static void take_limits(struct scsi_lun *lun, const struct limits *limits, bool unmaps,
			bool writes_same)
{
	uint64_t same = limits->write_same_max;

	lun->transfer_max = limits->transfer_max;
	lun->unmap_max = unmaps && limits->unmap_descriptors > 0 ? limits->unmap_max : 0;
	if (same == 0 && writes_same)
		same = UINT32_MAX;
	lun->write_same_max = same < UINT32_MAX ? (uint32_t)same : UINT32_MAX;
	lun->write_same_unmaps = writes_same;
	if (lun->disk.read_only)
		lun->unmap_max = lun->write_same_max = 0;
}

int scsi_read_vital_pages(struct scsi_lun *lun)
{
	struct vital_pages pages;
	struct limits limits = { .transfer_max = 0 };
	bool unmaps = false, writes_same = false;
	int error = list_pages(lun, &pages);

	if (!error && pages.serial)
		error = read_serial(lun);
	if (!error && pages.limits)
		error = read_limits(lun, &limits);
	if (!error && pages.provisioning)
		error = read_provisioning(lun, &unmaps, &writes_same);
	if (!error)
		take_limits(lun, &limits, unmaps, writes_same);
	return error;
}
