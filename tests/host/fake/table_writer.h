/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables of a fake disk, written byte by byte. */
#ifndef TESTS_HOST_FAKE_TABLE_WRITER_H
#define TESTS_HOST_FAKE_TABLE_WRITER_H

#include "drivers/virtio/partition.h"
#include "tests/host/fake/disk_jobs.h"

static const struct partition_table *table;

static inline void put(size_t at, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		media.bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t get(size_t at, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)media.bytes[at + i] << 8 * i;
	return value;
}

/* A table is read once, so cases have a process each. */
static inline _Noreturn void end_child(void)
{
	CHECK_EQ(fake_port.complaints, 0);
	fflush(stdout);
	if (__gcov_dump)
		__gcov_dump();
	_exit(check_failures != 0);
}

/* ---- MBR ----------------------------------------------------------------------------------- */

static inline void mbr_sign(uint64_t block)
{
	size_t at = block * media.block_size;

	memset(media.bytes + at, 0, 512);
	media.bytes[at + 510] = 0x55;
	media.bytes[at + 511] = 0xaa;
}

static inline void mbr_entry(uint64_t block, unsigned n, uint8_t type, uint32_t first,
			     uint32_t count)
{
	size_t at = block * media.block_size + 446 + 16 * n;

	media.bytes[at + 4] = type;
	put(at + 8, first, 4);
	put(at + 12, count, 4);
}

static inline void extended_make(void)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 64, 64);
	mbr_entry(0, 1, 0x05, 200, 1000);
	mbr_sign(200);
	mbr_entry(200, 0, 0x83, 1, 99);
	mbr_entry(200, 1, 0x05, 500, 100); /* from the extended partition's start */
	mbr_sign(700);
	mbr_entry(700, 0, 0x82, 2, 50);
	mbr_entry(700, 1, 0x0f, 200, 100); /* back again */
	mbr_sign(400);
	mbr_entry(400, 0, 0, 0, 0); /* nothing in it */
	mbr_entry(400, 1, 0x85, 900, 100);
	mbr_sign(1100);
	mbr_entry(1100, 0, 0x83, 1, 99);
}

/* So many links, each with a partition. */
static inline void chain_of(unsigned links)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x05, 64, 1900);
	for (unsigned i = 0; i < links; i++) {
		mbr_sign(64 + 8 * i);
		mbr_entry(64 + 8 * i, 0, 0x83, 1, 7);
		if (i + 1 < links)
			mbr_entry(64 + 8 * i, 1, 0x05, 8 * (i + 1), 8);
	}
}

/* ---- GPT ----------------------------------------------------------------------------------- */

static inline uint32_t crc(size_t at, size_t length)
{
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		sum ^= media.bytes[at + i];
		for (unsigned bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0xedb88320 : sum >> 1;
	}
	return ~sum;
}

static inline uint64_t blocks(void)
{
	return FAKE_DISK_SECTORS * UINT64_C(512) / media.block_size;
}

/* Where the header of a copy is, and its entries. */
static inline size_t header_at(bool backup)
{
	return (backup ? blocks() - 1 : 1) * media.block_size;
}

static inline size_t entries_at(bool backup)
{
	return get(header_at(backup) + 72, 8) * media.block_size;
}

static inline void seal(bool backup)
{
	size_t at = header_at(backup), bytes = get(at + 80, 4) * get(at + 84, 4);

	if (get(at + 72, 8) < blocks() && entries_at(backup) + bytes <= FAKE_DISK_SECTORS * 512)
		put(at + 88, crc(entries_at(backup), bytes), 4);
	put(at + 16, 0, 4);
	if (get(at + 12, 4) <= media.block_size)
		put(at + 16, crc(at, get(at + 12, 4)), 4);
}

/* Both copies, without a partition. */
static inline void gpt_make(unsigned count, unsigned size)
{
	uint64_t last = blocks() - 1;
	uint64_t length = ((uint64_t)count * size + media.block_size - 1) / media.block_size;

	mbr_sign(0);
	mbr_entry(0, 0, 0xee, 1, (uint32_t)last);
	for (unsigned backup = 0; backup < 2; backup++) {
		size_t at = header_at(backup);
		memset(media.bytes + at, 0, media.block_size);
		memcpy(media.bytes + at, "EFI PART\0\0\1\0\x5c", 13);
		put(at + 24, backup ? last : 1, 8);
		put(at + 32, backup ? 1 : last, 8);
		put(at + 40, 2 + length, 8);
		put(at + 48, last - length - 1, 8);
		put(at + 72, backup ? last - length : 2, 8);
		put(at + 80, count, 4);
		put(at + 84, size, 4);
		memset(media.bytes + entries_at(backup), 0, length * media.block_size);
		seal(backup);
	}
}

/* An entry in both copies; n from 0 on, blocks from first to last. */
static inline void gpt_entry(unsigned n, uint64_t first, uint64_t last, const char *name)
{
	for (unsigned backup = 0; backup < 2; backup++) {
		size_t at = entries_at(backup) + n * get(header_at(backup) + 84, 4);
		memset(media.bytes + at, 0x10 + (int)n, 16);
		put(at + 32, first, 8);
		put(at + 40, last, 8);
		for (unsigned i = 0; i < 36 && name[i]; i++)
			put(at + 56 + 2 * i, (uint8_t)name[i], 2);
		seal(backup);
	}
}

/* ---- What has come of it ---------------------------------------------------------------------- */

/* "vda1 64+128 vda2 …": names, first sectors and lengths. */
static inline void check_partitions(const char *expected)
{
	char text[1024] = "";

	CHECK_EQ(partition_table(disk, &table), 0);
	for (const struct partition *part = table->first; part; part = part->next) {
		sprintf(text + strlen(text), "%s %llu+%llu ", part->device.name,
			(unsigned long long)part->device.first_sector,
			(unsigned long long)part->device.capacity);
		CHECK(block_find(part->device.name) == &part->device);
	}
	CHECK_TEXT(text, expected);
}

/* The table is refused: with this sentence, which is logged once, and no partition is there. */
static inline void check_refused(const char *fault)
{
	CHECK_EQ(partition_table(disk, &table), ERR_FORMAT);
	CHECK_TEXT(table->fault, fault);
	CHECK(!table->first);
	CHECK(!block_find("vda1"));
	CHECK_EQ(partition_table(disk, &table), ERR_FORMAT);
	CHECK_EQ(fake_logged_times("vda: its partition table is damaged: "), 1);
	CHECK(fake_logged(fault));
	CHECK_EQ(fake_port.mappings, 0);
}

#endif
