/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions of disks: what a GPT (UEFI 2.10, chapter 5) or an MBR with its extended partitions says. Each is
 * a disk of its own, vda1 or sda2, with the interface of block.h: block_find knows its name.
 *
 * A table is read when somebody first asks for one of its partitions, and once more when its disk has changed (its
 * size, its medium: block_device.generation). A partition that is then as it was stays the same block_device;
 * one that is not is empty from then on, and never another's. What is written to a table shows after the next
 * boot. Of a table all is refused or nothing.
 *
 * Typical usage:
 *
 *     const struct partition_table *table;
 *     if (partition_table(disk, &table) == 0)
 *             for (struct partition *part = table->first; part; part = part->next)
 *                     …part->device.name…
 */
#ifndef DRIVERS_VIRTIO_PARTITION_H
#define DRIVERS_VIRTIO_PARTITION_H

#include "drivers/virtio/block.h"

#define PARTITION_MAX 256 /* numbers of partitions: 1 to this */
#define PARTITION_LABEL (36 * 3 + 1)

enum partition_scheme { PARTITION_NONE, PARTITION_MBR, PARTITION_GPT };

struct partition {
	struct block_device device; /* first_sector and capacity: what the table says */
	unsigned number;
	uint8_t type[16];            /* GPT: the type's GUID, as on the disk; MBR: one byte */
	char label[PARTITION_LABEL]; /* GPT: UTF-8, without control characters */
	struct partition *next;
};

struct partition_table {
	struct block_device *disk;
	unsigned generation;          /* the disk's, when it was read */
	enum partition_scheme scheme; /* PARTITION_NONE: there is no table, and no partition */
	struct partition *first;      /* in the order of the table */
	int error;                    /* ERR_FORMAT or ERR_UNSUPPORTED: it cannot be used … */
	const char *fault;            /* … and why, in a few words */
	struct partition_table *next; /* of another disk */
};

/*
 * The partition table of a disk (of a partition: it has none). Program context, because it may have to be
 * read. 0, and what there is; ERR_FORMAT or ERR_UNSUPPORTED and table->fault, which was logged when it was
 * found; another error, and no table: the disk could not be read, or changed meanwhile (ERR_BUSY),
 * and next time it is tried again. The list is good until the disk changes.
 */
int partition_table(struct block_device *disk, const struct partition_table **table);

/* The partition of that name; NULL where there is none. block_find asks here. Program context. */
struct block_device *partition_find(const char *name);

#endif
