/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCSI commands in bytes, as SPC and SBC define them, big-endian. Each has 6 to 16 of them; the device takes 32
 * (VIRTIO 1.4, 5.6.4.2-1), and looks at as many as the operation has.
 *
 * See it at work: make run BUS=scsi APP=disksum
 * Left out: forms of 12 and 32 bytes, WRITE SAME with a pattern, protection information, forced unit access.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/be.h"
#include "lib/mem.h"

/* The short form where it reaches: every unit knows that one. */
void scsi_cdb_transfer(uint8_t *cdb, bool write, uint64_t block, uint32_t blocks)
{
	if (block + blocks <= UINT32_MAX && blocks <= UINT16_MAX) {
		cdb[0] = write ? SCSI_WRITE_10 : SCSI_READ_10;
		be32_store(cdb + 2, (uint32_t)block);
		be16_store(cdb + 7, (uint16_t)blocks);
	} else {
		cdb[0] = write ? SCSI_WRITE_16 : SCSI_READ_16;
		be64_store(cdb + 2, block);
		be32_store(cdb + 10, blocks);
	}
}

/* From block 0 on, as many as there are. */
void scsi_cdb_flush(uint8_t *cdb)
{
	cdb[0] = SCSI_SYNCHRONIZE_CACHE_10;
}

void scsi_cdb_unmap(uint8_t *cdb, uint8_t *parameters, uint64_t block, uint32_t blocks)
{
	enum { DESCRIPTOR_BYTES = 16 };

	cdb[0] = SCSI_UNMAP;
	be16_store(cdb + 7, SCSI_PARAMETER_BYTES);
	memset(parameters, 0, SCSI_PARAMETER_BYTES);
	be16_store(parameters, SCSI_PARAMETER_BYTES - 2);
	be16_store(parameters + 2, DESCRIPTOR_BYTES);
	be64_store(parameters + 8, block);
	be32_store(parameters + 16, blocks);
}

void scsi_cdb_write_same(uint8_t *cdb, uint64_t block, uint32_t blocks, bool unmap)
{
	enum { UNMAP_BIT = 0x08 };

	cdb[0] = SCSI_WRITE_SAME_16;
	cdb[1] = unmap ? UNMAP_BIT : 0;
	be64_store(cdb + 2, block);
	be32_store(cdb + 10, blocks);
}

void scsi_cdb_inquiry(uint8_t *cdb, uint16_t bytes)
{
	cdb[0] = SCSI_INQUIRY;
	be16_store(cdb + 3, bytes);
}

void scsi_cdb_vital_page(uint8_t *cdb, uint8_t page, uint16_t bytes)
{
	scsi_cdb_inquiry(cdb, bytes);
	cdb[1] = 1; /* EVPD */
	cdb[2] = page;
}

void scsi_cdb_report_luns(uint8_t *cdb, uint32_t bytes)
{
	cdb[0] = SCSI_REPORT_LUNS;
	be32_store(cdb + 6, bytes);
}

void scsi_cdb_start(uint8_t *cdb)
{
	cdb[0] = SCSI_START_STOP_UNIT;
	cdb[4] = 1;
}

void scsi_cdb_read_capacity_10(uint8_t *cdb)
{
	cdb[0] = SCSI_READ_CAPACITY_10;
}

void scsi_cdb_read_capacity_16(uint8_t *cdb, uint32_t bytes)
{
	enum { READ_CAPACITY_16 = 0x10 };

	cdb[0] = SCSI_SERVICE_ACTION_IN_16;
	cdb[1] = READ_CAPACITY_16;
	be32_store(cdb + 10, bytes);
}

void scsi_cdb_mode_sense(uint8_t *cdb, uint8_t page, uint8_t bytes)
{
	cdb[0] = SCSI_MODE_SENSE_6;
	cdb[2] = page; /* and which of its values: 0, the current ones */
	cdb[4] = bytes;
}

/* Its pages have the form that SPC says; it lasts as long as the unit has power. */
void scsi_cdb_mode_select(uint8_t *cdb, uint8_t bytes)
{
	enum { PAGE_FORMAT = 0x10 };

	cdb[0] = SCSI_MODE_SELECT_6;
	cdb[1] = PAGE_FORMAT;
	cdb[4] = bytes;
}
