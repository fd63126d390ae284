/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GUID Partition Table (UEFI 2.10, 5.3): a header and an array of entries at the disk's start, both with
 * a checksum, and a second copy of both at its end.
 *
 * See it at work: make run DISK=build/images/gpt.raw, then `part vda`
 * Left out: attributes; entries beyond PARTITION_MAX; mending a damaged copy.
 */
#include "drivers/virtio/partition_table.h"
#include "lib/crc32.h"
#include "lib/error.h"
#include "lib/format.h"
#include "lib/mem.h"

#define HEADER_BYTES 92
#define ENTRY_MIN 128
#define ENTRY_MAX 4096
#define PRIMARY_LBA 1

struct gpt_header {
	uint8_t signature[8];
	le32 revision, header_size, header_crc, reserved;
	le64 my_lba, alternate_lba, first_usable_lba, last_usable_lba;
	uint8_t disk_guid[16];
	le64 entries_lba;
	le32 entry_count, entry_size, entries_crc;
};
_Static_assert(__builtin_offsetof(struct gpt_header, entries_crc) + 4 == HEADER_BYTES,
	       "UEFI 5.3.2");

struct gpt_entry {
	uint8_t type[16], guid[16];
	le64 first_lba, last_lba, attributes;
	le16 name[36];
};
_Static_assert(sizeof(struct gpt_entry) == ENTRY_MIN, "UEFI 5.3.3");

/* The header that reader->block holds, when its checksum is right: 0, ERR_FORMAT. */
static int check_header(struct partition_reader *reader, uint64_t lba, struct gpt_header *header)
{
	static const le32 zero;
	const unsigned crc_at = __builtin_offsetof(struct gpt_header, header_crc);
	struct partition_table *table = reader->table;

	memcpy(header, reader->block, HEADER_BYTES);
	if (memcmp(header->signature, "EFI PART", sizeof(header->signature)) != 0)
		return partition_fault(table, "its header is not there");
	uint32_t size = le32_get(header->header_size);
	if (size < HEADER_BYTES || size > reader->block_size)
		return partition_fault(table, "its header has an impossible size");
	/* The checksum's own place counts as zeroes. */
	uint32_t crc = crc32_add(0, reader->block, crc_at);
	crc = crc32_add(crc, &zero, sizeof(zero));
	crc = crc32_add(crc, reader->block + crc_at + sizeof(zero), size - crc_at - sizeof(zero));
	if (crc != le32_get(header->header_crc))
		return partition_fault(table, "its header's checksum is wrong");
	if (le64_get(header->my_lba) != lba)
		return partition_fault(table, "its header belongs elsewhere");
	return 0;
}

/* Whether what the header says can be: everything that is used of it afterwards. */
static int check_layout(struct partition_reader *reader, uint64_t lba,
			const struct gpt_header *header)
{
	struct partition_table *table = reader->table;
	uint64_t first = le64_get(header->first_usable_lba),
		 last = le64_get(header->last_usable_lba);
	uint64_t entries = le64_get(header->entries_lba);
	uint32_t count = le32_get(header->entry_count), size = le32_get(header->entry_size);

	if (le32_get(header->revision) >> 16 != 1)
		return partition_fault(table, "its revision is unknown");
	if (size < ENTRY_MIN || size > ENTRY_MAX || (size & (size - 1)) != 0)
		return partition_fault(table, "its entries have an impossible size");
	if (count == 0 || count > PARTITION_MAX)
		return partition_fault(table, "it has no entries, or too many");
	if (first > last || last >= reader->blocks)
		return partition_fault(table, "it is larger than the disk");
	uint32_t block_size = reader->block_size;
	uint64_t blocks = ((uint64_t)count * size + block_size - 1) / block_size;
	if (entries <= PRIMARY_LBA || entries >= reader->blocks ||
	    blocks > reader->blocks - entries)
		return partition_fault(table, "its entries are outside of the disk");
	if ((entries <= lba && lba - entries < blocks) || (first <= lba && lba <= last) ||
	    (entries <= last && first < entries + blocks))
		return partition_fault(table, "its own parts overlap");
	return 0;
}

/* UTF-16 to UTF-8. What no terminal should be sent becomes a question mark. */
static void read_label(const le16 name[36], char label[PARTITION_LABEL])
{
	char *to = label;

	for (unsigned i = 0; i < 36 && le16_get(name[i]) != 0; i++) {
		uint32_t c = le16_get(name[i]);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000))
			c = '?';
		if (c < 0x80) {
			*to++ = (char)c;
			continue;
		}
		if (c < 0x800) {
			*to++ = (char)(0xc0 | c >> 6);
		} else {
			*to++ = (char)(0xe0 | c >> 12);
			*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		}
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	*to = 0;
}

static int add_entry(struct partition_reader *reader, unsigned number, const uint8_t *bytes,
		     const struct gpt_header *header)
{
	static const uint8_t unused[16];
	struct gpt_entry entry;
	struct partition *part;

	memcpy(&entry, bytes, sizeof(entry));
	if (memcmp(entry.type, unused, sizeof(unused)) == 0)
		return 0;
	uint64_t first = le64_get(entry.first_lba), last = le64_get(entry.last_lba);
	if (first > last || first < le64_get(header->first_usable_lba) ||
	    last > le64_get(header->last_usable_lba))
		return partition_fault(reader->table, "a partition is where none may be");
	int error = partition_add(reader, number, first, last - first + 1, &part);
	if (error)
		return error;
	memcpy(part->type, entry.type, sizeof(part->type));
	read_label(entry.name, part->label);
	return 0;
}

/* An entry may be larger than a block, and a block than an entry: both are powers of two, so what is used of an
 * entry (its first 128 bytes) crosses no block's end. */
static int read_entries(struct partition_reader *reader, const struct gpt_header *header)
{
	uint32_t block_size = reader->block_size, crc = 0;
	uint32_t size = le32_get(header->entry_size), total = le32_get(header->entry_count) * size;
	int wrong = 0;

	for (uint32_t at = 0; at < total; at += block_size) {
		uint32_t length = total - at < block_size ? total - at : block_size;
		int error = partition_read(reader, le64_get(header->entries_lba) + at / block_size);
		if (error)
			return error;
		crc = crc32_add(crc, reader->block, length);
		for (uint32_t i = 0; i < length && !wrong; i += ENTRY_MIN) {
			if ((at + i) % size == 0)
				wrong = add_entry(reader, (at + i) / size + 1, reader->block + i,
						  header);
		}
	}
	/* Only now it is known whether they are what was written once. */
	if (crc != le32_get(header->entries_crc))
		return partition_fault(reader->table, "its entries' checksum is wrong");
	return wrong;
}

/* Reads the copy whose header is there. *other is where its header says that the other copy is, as soon as
 * that is known. */
static int read_copy(struct partition_reader *reader, uint64_t lba, uint64_t *other)
{
	struct gpt_header header;

	int error = partition_read(reader, lba);
	if (!error)
		error = check_header(reader, lba, &header);
	if (error)
		return error;
	*other = le64_get(header.alternate_lba);
	error = check_layout(reader, lba, &header);
	if (!error)
		error = read_entries(reader, &header);
	if (error)
		partition_drop(reader->table);
	return error;
}

int gpt_read(struct partition_reader *reader)
{
	struct partition_table *table = reader->table;
	uint64_t backup = reader->blocks - 1, unused;

	table->scheme = PARTITION_GPT;
	int error = read_copy(reader, PRIMARY_LBA, &backup);
	if (!error || error == ERR_NODEV || error == ERR_NOMEM || error == ERR_BUSY)
		return error;
	const char *why = error == ERR_FORMAT ? table->fault : error_text(error);
	if (backup <= PRIMARY_LBA || backup >= reader->blocks)
		backup = reader->blocks - 1;
	if (read_copy(reader, backup, &unused) != 0) {
		table->fault = why; /* the backup's would tell less */
		return error;
	}
	char line[120];
	format(line, sizeof(line),
	       "%s: the first copy of its GPT is damaged (%s): the backup is used",
	       table->disk->name, why);
	vport_log(VPORT_LOG_ERROR, line);
	table->fault = NULL;
	return 0;
}
