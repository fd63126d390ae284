/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of partition tables share: partition_gpt.c, partition_mbr.c, and partition.c for both. */
#ifndef DRIVERS_VIRTIO_PARTITION_TABLE_H
#define DRIVERS_VIRTIO_PARTITION_TABLE_H

#include "drivers/virtio/partition.h"
#include "lib/le.h"

/* A table on its way into memory. Addresses (LBA) and counts on the disk are in blocks of its own size, which is
 * the one that is here: the disk's may become another one in the middle of a table, with the reset of a device. */
struct partition_reader {
	struct partition_table *table;
	uint8_t *block;      /* of block_size bytes: what was read last */
	uint32_t block_size; /* the disk's, when reading began; a power of two */
	uint64_t blocks;     /* on the disk, likewise */
};

/* An MBR's or EBR's entry. */
struct mbr_entry {
	uint8_t status; /* 0x80: boot from it; 0; nothing else */
	uint8_t first_chs[3];
	uint8_t type; /* 0: unused */
	uint8_t last_chs[3];
	le32 first, count; /* LBA */
};
_Static_assert(sizeof(struct mbr_entry) == 16, "UEFI 5.2.1");
#define MBR_ENTRIES 4

/* Reads the block at that LBA into reader->block. 0; ERR_FORMAT past the end; ERR_BUSY: the
 * disk has changed since table->generation; another error. */
int partition_read(struct partition_reader *reader, uint64_t lba);

/* Adds a partition of the blocks [first, first + count). ERR_FORMAT and a fault where it is not inside the
 * disk, or overlaps another one; ERR_NOMEM. */
int partition_add(struct partition_reader *reader, unsigned number, uint64_t first, uint64_t count,
		  struct partition **added);
/* Takes all of them back. */
void partition_drop(struct partition_table *table);

/* ERR_FORMAT, for that reason. */
int partition_fault(struct partition_table *table, const char *why);

/* Whether reader->block is an MBR, or an EBR: the signature is there, and each entry is one. */
bool mbr_read_entries(const struct partition_reader *reader, struct mbr_entry entries[MBR_ENTRIES]);
/* Reads the partitions of an MBR, and those in its extended partition. */
int mbr_read(struct partition_reader *reader, const struct mbr_entry entries[MBR_ENTRIES]);
/* Reads those of a GPT, from its backup where the primary one is damaged. */
int gpt_read(struct partition_reader *reader);

#endif
