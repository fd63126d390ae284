/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MBR, and the chain of EBRs in its extended partition (UEFI 2.10, 5.2; the chain is described nowhere
 * but in programs). Partitions of the MBR are 1 to 4, those in the chain 5 and on, as everywhere.
 *
 * See it at work: truncate -s 8M mbr.raw; echo 64,128 | /sbin/sfdisk mbr.raw; make run DISK=mbr.raw ARGS=part
 * Left out: cylinders, heads and sectors; the extended partition as a disk of its own.
 */
#include "drivers/virtio/partition_table.h"
#include "lib/error.h"
#include "lib/mem.h"

#define ENTRIES_AT 446
#define SIGNATURE_AT 510
#define STATUS_BOOT 0x80
#define FIRST_LOGICAL 5
#define CHAIN_MAX 128 /* EBRs: a chain that is longer is taken for one without an end */

static bool is_extended(const struct mbr_entry *entry)
{
	return entry->type == 0x05 || entry->type == 0x0f || entry->type == 0x85;
}

static bool is_used(const struct mbr_entry *entry)
{
	return entry->type != 0 && le32_get(entry->count) != 0;
}

bool mbr_read_entries(const struct partition_reader *reader, struct mbr_entry entries[MBR_ENTRIES])
{
	const uint8_t *block = reader->block;

	/* They stand at an odd place, so they are copied out. */
	memcpy(entries, block + ENTRIES_AT, MBR_ENTRIES * sizeof(*entries));
	if (block[SIGNATURE_AT] != 0x55 || block[SIGNATURE_AT + 1] != 0xaa)
		return false;
	/* The first sector of a FAT has the signature too, and program code instead of entries. */
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		if (entries[i].status != 0 && entries[i].status != STATUS_BOOT)
			return false;
	}
	return true;
}

static int add(struct partition_reader *reader, unsigned number, uint64_t base,
	       const struct mbr_entry *entry)
{
	struct partition *part;
	int error = partition_add(reader, number, base + le32_get(entry->first),
				  le32_get(entry->count), &part);
	if (!error)
		part->type[0] = entry->type;
	return error;
}

/*
 * Each EBR has two entries: a partition, which counts from this EBR, and the next EBR, which counts from the
 * extended partition. Nothing says that they ascend; CHAIN_MAX is what ends a ring.
 */
static int read_chain(struct partition_reader *reader, uint64_t start, uint64_t length)
{
	uint64_t at = start;
	unsigned number = FIRST_LOGICAL;

	for (unsigned links = 0; links < CHAIN_MAX; links++) {
		struct mbr_entry entries[MBR_ENTRIES];
		int error = partition_read(reader, at);
		if (error)
			return error;
		if (!mbr_read_entries(reader, entries))
			return partition_fault(reader->table,
					       "its chain of extended partitions breaks");
		if (is_used(&entries[0]) && !is_extended(&entries[0])) {
			uint64_t offset = at - start + le32_get(entries[0].first);
			if (offset > length || le32_get(entries[0].count) > length - offset)
				return partition_fault(reader->table,
						       "a partition leaves the extended one");
			error = add(reader, number++, at, &entries[0]);
			if (error)
				return error;
		}
		if (!is_used(&entries[1]))
			return 0;
		if (!is_extended(&entries[1]) || le32_get(entries[1].first) >= length)
			return partition_fault(reader->table,
					       "its chain of extended partitions leaves them");
		at = start + le32_get(entries[1].first);
	}
	return partition_fault(reader->table, "its chain of extended partitions has no end");
}

int mbr_read(struct partition_reader *reader, const struct mbr_entry entries[MBR_ENTRIES])
{
	const struct mbr_entry *extended = NULL;

	reader->table->scheme = PARTITION_MBR;
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		if (!is_used(&entries[i]))
			continue;
		if (!is_extended(&entries[i])) {
			int error = add(reader, i + 1, 0, &entries[i]);
			if (error)
				return error;
		} else if (extended) {
			return partition_fault(reader->table, "it has two extended partitions");
		} else {
			extended = &entries[i];
		}
	}
	return extended ? read_chain(reader, le32_get(extended->first), le32_get(extended->count))
			: 0;
}
