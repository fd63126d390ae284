/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions (drivers/virtio/partition*.c) of a fake disk: which tables are understood, which are refused and why,
 * and that a partition is a disk. The tables are written here byte by byte.
 */
#include "drivers/virtio/partition.h"

#include "tests/host/fake/disk_jobs.h"

static const struct partition_table *table;

static void put(size_t at, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		media.bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(size_t at, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)media.bytes[at + i] << 8 * i;
	return value;
}

/* A table is read once, so cases have a process each. */
static _Noreturn void end_child(void)
{
	CHECK_EQ(fake_port.complaints, 0);
	fflush(stdout);
	if (__gcov_dump)
		__gcov_dump();
	_exit(check_failures != 0);
}

/* ---- MBR ----------------------------------------------------------------------------------- */

static void mbr_sign(uint64_t block)
{
	size_t at = block * media.block_size;

	memset(media.bytes + at, 0, 512);
	media.bytes[at + 510] = 0x55;
	media.bytes[at + 511] = 0xaa;
}

static void mbr_entry(uint64_t block, unsigned n, uint8_t type, uint32_t first, uint32_t count)
{
	size_t at = block * media.block_size + 446 + 16 * n;

	media.bytes[at + 4] = type;
	put(at + 8, first, 4);
	put(at + 12, count, 4);
}

/* ---- GPT ----------------------------------------------------------------------------------- */

static uint32_t crc(size_t at, size_t length)
{
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		sum ^= media.bytes[at + i];
		for (unsigned bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0xedb88320 : sum >> 1;
	}
	return ~sum;
}

static uint64_t blocks(void)
{
	return FAKE_DISK_SECTORS * UINT64_C(512) / media.block_size;
}

/* Where the header of a copy is, and its entries. */
static size_t header_at(bool backup)
{
	return (backup ? blocks() - 1 : 1) * media.block_size;
}

static size_t entries_at(bool backup)
{
	return get(header_at(backup) + 72, 8) * media.block_size;
}

static void seal(bool backup)
{
	size_t at = header_at(backup), bytes = get(at + 80, 4) * get(at + 84, 4);

	if (get(at + 72, 8) < blocks() && entries_at(backup) + bytes <= FAKE_DISK_SECTORS * 512)
		put(at + 88, crc(entries_at(backup), bytes), 4);
	put(at + 16, 0, 4);
	if (get(at + 12, 4) <= media.block_size)
		put(at + 16, crc(at, get(at + 12, 4)), 4);
}

/* Both copies, without a partition. */
static void gpt_make(unsigned count, unsigned size)
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
static void gpt_entry(unsigned n, uint64_t first, uint64_t last, const char *name)
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

/* ---- What is found -------------------------------------------------------------------------- */

/* "vda1 64+128 vda2 …": names, first sectors and lengths. */
static void check_partitions(const char *expected)
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
static void check_refused(const char *fault)
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

static void no_table(void)
{
	make();
	start();
	CHECK(!block_find("vda0") && !block_find("vdax") && !block_find("vdb1"));
	CHECK_EQ(media.reads, 0); /* no table says anything about these */
	check_partitions("");
	CHECK_EQ(table->scheme, PARTITION_NONE);
	CHECK(!block_find("vda1"));
}

static void no_blocks(void)
{
	make();
	fake_config_set(&fake, 0, 8, 0);
	start();
	check_partitions("");
	CHECK_EQ(table->scheme, PARTITION_NONE);
	CHECK_EQ(fake_log_count(), 0);
}

/* The first sector of a FAT: the signature is there, but where entries would be is code. */
static void no_table_but_code(void)
{
	make();
	mbr_sign(0);
	memset(media.bytes + 446, 0xeb, 64);
	start();
	check_partitions("");
	CHECK_EQ(table->scheme, PARTITION_NONE);
}

static void no_table_but_half_a_signature(void)
{
	make();
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 64, 128);
	media.bytes[510] = 0x54;
	start();
	check_partitions("");
	media.bytes[510] = 0x55;
	media.bytes[511] = 0xab;
	fake_config_set(&fake, 0, 8, 2000); /* so that it is looked at once more */
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == 2000, 1000));
	check_partitions("");
	CHECK_EQ(table->scheme, PARTITION_NONE);
}

static void mbr(void)
{
	make();
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 64, 128);
	media.bytes[446] = 0x80;
	mbr_entry(0, 1, 0, 5, 5);       /* unused */
	mbr_entry(0, 2, 0x07, 1000, 0); /* of no length */
	mbr_entry(0, 3, 0x0c, 1024, 1024);
	start();
	check_partitions("vda1 64+128 vda4 1024+1024 ");
	CHECK_EQ(table->scheme, PARTITION_MBR);
	CHECK_EQ(table->first->type[0], 0x83);
	CHECK(!block_find("vda2"));
	CHECK(!block_find("vda04"));
	CHECK(!block_find("vd4"));
	CHECK(!block_find("vda4x"));
	CHECK(!block_find("vdb1"));
	CHECK(!block_find("vda18446744073709551617")); /* 1, modulo 2 to the 64th */
	/* A partition has no table. */
	CHECK_EQ(partition_table(block_find("vda1"), &table), 0);
	CHECK_EQ(table->scheme, PARTITION_NONE);
}

static void extended_make(void)
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

static void extended(void)
{
	make();
	extended_make();
	start();
	check_partitions("vda1 64+64 vda5 201+99 vda6 702+50 vda7 1101+99 ");
}

static void extended_4096(void)
{
	make();
	limits(4096, 126, 0);
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 2, 10);
	mbr_entry(0, 3, 0x05, 20, 100);
	mbr_sign(20);
	mbr_entry(20, 0, 0x83, 1, 9);
	start();
	check_partitions("vda1 16+80 vda5 168+72 ");
	CHECK_EQ(block_find("vda5")->block_size, 4096);
}

/* So many links, each with a partition. */
static void chain_of(unsigned links)
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

static void longest_chain(void)
{
	unsigned count = 0;

	make();
	chain_of(128);
	start();
	CHECK_EQ(partition_table(disk, &table), 0);
	for (const struct partition *part = table->first; part; part = part->next)
		count++;
	CHECK_EQ(count, 128);
	CHECK(block_find("vda132") != NULL);
}

static void chain_too_long(void)
{
	chain_of(129);
}

/* A link's first entry is a partition, and not the next link. */
static void extended_in_the_wrong_place(void)
{
	make();
	mbr_sign(0);
	mbr_entry(0, 0, 0x05, 200, 1000);
	mbr_sign(200);
	mbr_entry(200, 0, 0x05, 1, 10);
	start();
	check_partitions("");
}

static void gpt(void)
{
	make();
	gpt_make(128, 128);
	gpt_entry(0, 100, 199, "first");
	gpt_entry(3, 99, 99, "one block");
	gpt_entry(9, 200, 200, "");
	gpt_entry(18, 300, 300, "");
	gpt_entry(20, 34, 34, "the first that may be");
	gpt_entry(127, 2000, 2014, "123456789012345678901234567890123456");
	start();
	check_partitions(
		"vda1 100+100 vda4 99+1 vda10 200+1 vda19 300+1 vda21 34+1 vda128 2000+15 ");
	CHECK_EQ(table->scheme, PARTITION_GPT);
	CHECK_EQ(table->first->type[0], 0x10);
	CHECK_TEXT(table->first->label, "first");
	CHECK(!block_find("vda1;")); /* behind the digits: 1 and "11" would be 21 */
	CHECK_TEXT(table->first->next->next->next->next->next->label,
		   "123456789012345678901234567890123456");
	CHECK_EQ(fake_log_count(), 0);
}

/* Names are UTF-16; what would move a cursor is not shown. */
static void gpt_names(void)
{
	static const uint16_t name[] = { 'a', 0xe4, 0x20ac, 0xd83d, 0x1b, 0x7f, 0x9b, 0xffff };

	make();
	gpt_make(4, 128);
	gpt_entry(0, 100, 199, "");
	for (unsigned i = 0; i < 8; i++)
		put(entries_at(false) + 56 + 2 * i, name[i], 2);
	for (unsigned i = 0; i < 36; i++)
		put(entries_at(true) + 56 + 2 * i, 0xffff, 2);
	seal(false);
	seal(true);
	start();
	check_partitions("vda1 100+100 ");
	CHECK_TEXT(table->first->label, "a\xc3\xa4\xe2\x82\xac????\xef\xbf\xbf");
}

static void gpt_names_at_the_edges(void)
{
	static const uint16_t name[] = { 0x1f,  0x20,  0x7e,   0x7f,   0x9f,   0xa0,
					 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdfff, 0xe000 };

	make();
	gpt_make(4, 128);
	gpt_entry(0, 100, 199, "");
	for (unsigned i = 0; i < 12; i++)
		put(entries_at(false) + 56 + 2 * i, name[i], 2);
	seal(false);
	start();
	check_partitions("vda1 100+100 ");
	CHECK_TEXT(table->first->label,
		   "? ~??\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf??\xee\x80\x80");
}

static void gpt_longest_name(void)
{
	make();
	gpt_make(4, 128);
	gpt_entry(0, 100, 199, "");
	for (unsigned i = 0; i < 36; i++)
		put(entries_at(false) + 56 + 2 * i, 0xffff, 2);
	seal(false);
	start();
	check_partitions("vda1 100+100 ");
	CHECK_EQ(strlen(table->first->label), 108);
}

/* A header that fills its block, and room for partitions of one block alone. */
static void gpt_at_its_limits(void)
{
	make();
	gpt_make(128, 128);
	gpt_entry(0, 100, 100, "");
	for (unsigned backup = 0; backup < 2; backup++) {
		put(header_at(backup) + 12, 512, 4);
		put(header_at(backup) + 40, 100, 8);
		put(header_at(backup) + 48, 100, 8);
		seal(backup);
	}
	start();
	check_partitions("vda1 100+1 ");
	CHECK_EQ(fake_log_count(), 0);
}

/* Other sizes of entries, and of blocks. */
static void gpt_sizes(void)
{
	static const struct {
		unsigned block, count, size;
		const char *expected;
	} shapes[] = {
		{ 512, 4, 128, "vda1 100+10 vda3 120+10 " },
		{ 512, 5, 1024, "vda1 100+10 vda3 120+10 " },
		{ 512, 256, 128, "vda1 100+10 vda3 120+10 " },
		{ 512, 3, 4096, "vda1 100+10 vda3 120+10 " },
		{ 4096, 128, 128, "vda1 800+80 vda3 960+80 " },
		{ 4096, 3, 256, "vda1 800+80 vda3 960+80 " },
		{ 4096, 64, 4096, "vda1 800+80 vda3 960+80 " },
	};
	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			make();
			limits(shapes[i].block, 126, 0);
			gpt_make(shapes[i].count, shapes[i].size);
			gpt_entry(0, 100, 109, "");
			gpt_entry(2, 120, 129, "");
			start();
			check_partitions(shapes[i].expected);
			CHECK_EQ(fake_log_count(), 0);
			end_child();
		}
		int status = 1;
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_EQ(status, 0);
	}
}

/* ---- What is refused ------------------------------------------------------------------------- */

static void mbr_chain(void)
{
	make();
	mbr_sign(0);
	mbr_entry(0, 0, 0x05, 200, 1000);
	mbr_sign(200);
}

static void overlapping(void)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 64, 128);
	mbr_entry(0, 1, 0x83, 191, 10);
}
static void at_the_table(void)
{
	mbr_sign(0);
	mbr_entry(0, 2, 0x83, 0, 128);
}
static void past_the_end(void)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 2000, 49);
}
static void far_past_the_end(void)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 0xffffffff, 0xffffffff);
}
static void two_extended(void)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x05, 200, 100);
	mbr_entry(0, 1, 0x0f, 300, 100);
}
static void chain_breaks(void)
{
	mbr_chain();
	mbr_entry(200, 1, 0x05, 100, 100);
}
static void chain_outside(void)
{
	mbr_chain();
	mbr_entry(200, 1, 0x05, 1000, 100);
}
static void chain_of_others(void)
{
	mbr_chain();
	mbr_entry(200, 1, 0x83, 100, 100);
}
static void chain_is_a_ring(void)
{
	mbr_chain();
	mbr_entry(200, 1, 0x05, 100, 100);
	mbr_sign(300);
	mbr_entry(300, 1, 0x05, 0, 100);
}
static void chain_of_full_links(void)
{
	chain_is_a_ring();
	mbr_entry(200, 0, 0x83, 1, 10);
}
static void leaves_the_extended(void)
{
	mbr_chain();
	mbr_entry(200, 0, 0x83, 1, 1000);
}
static void leaves_it_by_far(void)
{
	mbr_chain();
	mbr_entry(200, 0, 0x83, 0xfffffff0, 100);
}
static void chain_past_the_end(void)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x05, 0xfffffff0, 100);
}

static void mbr_refused(void)
{
	static const struct {
		void (*damage)(void);
		const char *fault;
	} cases[] = {
		{ overlapping, "two partitions overlap" },
		{ at_the_table, "a partition begins where the table is" },
		{ past_the_end, "a partition reaches past the disk's end" },
		{ far_past_the_end, "a partition reaches past the disk's end" },
		{ two_extended, "it has two extended partitions" },
		{ chain_breaks, "its chain of extended partitions breaks" },
		{ chain_outside, "its chain of extended partitions leaves them" },
		{ chain_of_others, "its chain of extended partitions leaves them" },
		{ chain_is_a_ring, "its chain of extended partitions has no end" },
		{ chain_of_full_links, "two partitions overlap" },
		{ leaves_the_extended, "a partition leaves the extended one" },
		{ leaves_it_by_far, "a partition leaves the extended one" },
		{ chain_past_the_end, "it points past the disk's end" },
		{ chain_too_long, "its chain of extended partitions has no end" },
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			make();
			cases[i].damage();
			start();
			check_refused(cases[i].fault);
			end_child();
		}
		int status = 1;
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_EQ(status, 0);
	}
}

/* A field of the header (and with `seal` its checksum): what is said of it. The same in the backup: refused. Only
 * in the first: the backup is used. */
static void gpt_damage(size_t at, uint64_t value, unsigned width, bool sealed, const char *fault)
{
	for (unsigned both = 0; both < 2; both++) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			make();
			gpt_make(128, 128);
			gpt_entry(0, 100, 199, "");
			gpt_entry(1, 200, 299, "");
			for (unsigned backup = 0; backup <= both; backup++) {
				/* From 4096 on: in the entries. */
				size_t place = at < 4096 ? header_at(backup) + at
							 : entries_at(backup) + at - 4096;
				put(place, value, width);
				if (sealed)
					seal(backup);
			}
			start();
			if (both) {
				check_refused(fault);
			} else {
				check_partitions("vda1 100+100 vda2 200+100 ");
				CHECK_EQ(fake_logged_times("its GPT is damaged"), 1);
				CHECK_EQ(fake_log_count(), 1);
				CHECK(fake_logged(fault));
			}
			end_child();
		}
		int status = 1;
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_EQ(status, 0);
		if (status)
			printf("# field %zu = %llu\n", at, (unsigned long long)value);
	}
}

static void gpt_headers(void)
{
	gpt_damage(0, 'e', 1, true, "its header is not there");
	gpt_damage(50, 1, 1, false, "its header's checksum is wrong");
	gpt_damage(20, 1, 4, false, "its header's checksum is wrong");
	gpt_damage(12, 91, 4, true, "its header has an impossible size");
	gpt_damage(12, 513, 4, true, "its header has an impossible size");
	gpt_damage(12, 0xffffffff, 4, true, "its header has an impossible size");
	gpt_damage(24, 3, 8, true, "its header belongs elsewhere");
	gpt_damage(8, 0x20000, 4, true, "its revision is unknown");
	gpt_damage(80, 0, 4, true, "it has no entries, or too many");
	gpt_damage(80, 257, 4, true, "it has no entries, or too many");
	gpt_damage(80, 0xffffffff, 4, true, "it has no entries, or too many");
	gpt_damage(84, 0, 4, true, "its entries have an impossible size");
	gpt_damage(84, 64, 4, true, "its entries have an impossible size");
	gpt_damage(84, 192, 4, true, "its entries have an impossible size");
	gpt_damage(84, 8192, 4, true, "its entries have an impossible size");
	gpt_damage(40, 3000, 8, true, "it is larger than the disk");
	gpt_damage(48, 2048, 8, true, "it is larger than the disk");
	gpt_damage(48, UINT64_MAX, 8, true, "it is larger than the disk");
	gpt_damage(72, 0, 8, true, "its entries are outside of the disk");
	gpt_damage(72, 1, 8, true, "its entries are outside of the disk");
	gpt_damage(72, 2017, 8, true, "its entries are outside of the disk");
	gpt_damage(72, 2048, 8, true, "its entries are outside of the disk");
	gpt_damage(72, UINT64_MAX, 8, true, "its entries are outside of the disk");
	gpt_damage(72, 34, 8, true, "its own parts overlap");
	gpt_damage(72, 2014, 8, true, "its own parts overlap");
	gpt_damage(88, 1, 4, false, "its header's checksum is wrong");
}

static void gpt_entries(void)
{
	gpt_damage(4096 + 100, 1, 1, false, "its entries' checksum is wrong");
	gpt_damage(4096 + 16000, 1, 1, false, "its entries' checksum is wrong");
	/* It makes no sense, but was not meant: that is what is said. */
	gpt_damage(4096 + 128 + 32, 150, 8, false, "its entries' checksum is wrong");
	gpt_damage(4096 + 128 + 32, 199, 8, true, "two partitions overlap");
	gpt_damage(4096 + 40, 200, 8, true, "two partitions overlap");
	gpt_damage(4096 + 32, 33, 8, true, "a partition is where none may be");
	gpt_damage(4096 + 40, 99, 8, true, "a partition is where none may be");
	gpt_damage(4096 + 128 + 40, 2015, 8, true, "a partition is where none may be");
	gpt_damage(4096 + 128 + 40, UINT64_MAX, 8, true, "a partition is where none may be");
}

/* The disk has grown, and the backup is where its end was: the first copy, whose entries are damaged, says where. */
static void gpt_backup_inside(void)
{
	make();
	media.sectors = 1024;
	gpt_make(4, 128);
	gpt_entry(0, 100, 199, "");
	/* Moved to the middle. */
	memcpy(media.bytes + 1023 * 512, media.bytes + 2047 * 512, 512);
	memcpy(media.bytes + 1022 * 512, media.bytes + 2046 * 512, 512);
	memset(media.bytes + 2046 * 512, 0, 1024);
	put(1023 * 512 + 24, 1023, 8);
	put(1023 * 512 + 48, 1021, 8);
	put(1023 * 512 + 72, 1022, 8);
	put(1023 * 512 + 16, 0, 4);
	put(1023 * 512 + 16, crc(1023 * 512, 92), 4);
	put(512 + 32, 1023, 8);
	seal(false);
	media.bytes[entries_at(false) + 100] ^= 1;
	media.sectors = FAKE_DISK_SECTORS;
	start();
	check_partitions("vda1 100+100 ");
	CHECK(fake_logged("the backup is used"));
}

/* The first copy, whose entries are damaged, says that the other one is where none can be: it is at the end. */
static void gpt_backup_misplaced(void)
{
	static const uint64_t places[] = { 0, 1, 2048, UINT64_MAX };

	for (unsigned i = 0; i < 4; i++) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			make();
			gpt_make(128, 128);
			gpt_entry(0, 100, 199, "");
			put(header_at(false) + 32, places[i], 8);
			seal(false);
			media.bytes[entries_at(false) + 100] ^= 1;
			start();
			check_partitions("vda1 100+100 ");
			CHECK(fake_logged("the backup is used"));
			end_child();
		}
		int status = 1;
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_EQ(status, 0);
	}
}

/* Its first copy says that partitions may be where its header is. */
static void gpt_header_in_the_way(void)
{
	make();
	gpt_make(128, 128);
	gpt_entry(0, 100, 199, "");
	put(header_at(false) + 40, 1, 8);
	put(header_at(false) + 72, 2015, 8); /* the other copy's, which are the same */
	seal(false);
	start();
	check_partitions("vda1 100+100 ");
	CHECK(fake_logged("its own parts overlap"));
}

/* The entries end with the disk. */
static void gpt_entries_at_the_end(void)
{
	make();
	gpt_make(128, 128);
	gpt_entry(0, 100, 199, "");
	memmove(media.bytes + 2016 * 512, media.bytes + 2 * 512, 32 * 512);
	put(header_at(false) + 72, 2016, 8);
	seal(false);
	start();
	check_partitions("vda1 100+100 ");
	CHECK_EQ(fake_log_count(), 0);
}

/* Makes the CRC of those bytes what it is to be, by the last four of them. */
static void forge(size_t at, size_t length, uint32_t sum)
{
	uint32_t before = ~crc(at, length - 4), after = ~sum;

	for (unsigned bit = 0; bit < 32; bit++)
		after = after >> 31 ? (after ^ 0xedb88320) << 1 | 1 : after << 1;
	put(at + length - 4, before ^ after, 4);
	CHECK_EQ(crc(at, length), sum);
}

/* A backup whose entries hold its own header, which is a good entry as well, with checksums that are right. */
static void gpt_backup_among_its_entries(void)
{
	static const struct {
		unsigned count;
		uint64_t entries;
	} rows[] = { { 128, 2016 }, { 4, 2047 } };

	for (unsigned i = 0; i < 2; i++) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			make();
			gpt_make(rows[i].count, 128);
			media.bytes[512] = 'e';
			size_t at = header_at(true);
			put(at + 32, get(at + 40, 8), 8); /* as an entry: its only block */
			put(at + 72, rows[i].entries, 8);
			put(at + 88, 0x12345678, 4);
			put(at + 16, 0, 4);
			put(at + 16, crc(at, 92), 4);
			forge(rows[i].entries * 512, rows[i].count * 128, 0x12345678);
			start();
			check_refused("its header is not there");
			end_child();
		}
		int status = 1;
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_EQ(status, 0);
	}
}

/* The only block for partitions is the header's own. */
static void gpt_header_for_a_partition(void)
{
	make();
	gpt_make(128, 128);
	put(header_at(false) + 40, 1, 8);
	put(header_at(false) + 48, 1, 8);
	seal(false);
	start();
	check_partitions("");
	CHECK(fake_logged("its own parts overlap"));
}

static void gpt_without_any(void)
{
	make();
	mbr_sign(0);
	mbr_entry(0, 3, 0xee, 1, 2047);
	start();
	check_refused("its header is not there");
}

/* A sector that cannot be read is no table: it may be read next time. One in the GPT's first copy only costs a
 * line. */
static void bad_sectors(void)
{
	make();
	gpt_make(128, 128);
	gpt_entry(0, 100, 199, "");
	media.has_bad_sector = true;
	media.bad_sector = 0;
	start();
	CHECK_EQ(partition_table(disk, &table), ERR_IO);
	CHECK(!table);
	CHECK(!block_find("vda1"));
	media.bad_sector = 7;
	check_partitions("vda1 100+100 ");
	CHECK(fake_logged(
		"vda: the first copy of its GPT is damaged (device error): the backup is used"));
}

static void smallest_disks(void)
{
	make();
	fake_config_set(&fake, 0, 8, 1);
	mbr_sign(0);
	mbr_entry(0, 0, 0xee, 1, 1);
	start();
	check_refused("it points past the disk's end");
}

static void without_memory(void)
{
	make();
	gpt_make(128, 128);
	gpt_entry(0, 100, 199, "");
	gpt_entry(1, 200, 299, "");
	start();
	CHECK_EQ(read_at(0, 512), 0);
	uint8_t bytes[512];
	CHECK_EQ(block_read(disk, 0, bytes, 512), 0); /* its own memory is there from now on */
	unsigned before = fake_port.allocations;
	for (unsigned n = 1; n <= 4; n++) {
		fake_port.allocation_fails = fake_port.allocated + n;
		CHECK_EQ(partition_table(disk, &table), ERR_NOMEM);
		CHECK_EQ(fake_port.allocations, before);
	}
	check_partitions("vda1 100+100 vda2 200+100 ");
	CHECK_EQ(fake_log_count(), 0);
}

/* ---- A partition is a disk -------------------------------------------------------------------- */

static struct block_device *part;

static void with_partition(void)
{
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 64, 128);
}

static void reads_and_writes(void)
{
	static uint8_t bytes[128 * 512];
	char id[BLOCK_ID_BYTES + 1];

	make();
	with_partition();
	start();
	part = block_find("vda1");
	CHECK_EQ(block_read(part, 0, bytes, sizeof(bytes)), 0);
	CHECK(memcmp(bytes, media.bytes + 64 * 512, sizeof(bytes)) == 0);
	memset(bytes, 0x77, sizeof(bytes));
	uint8_t before = media.bytes[64 * 512 - 1], behind = media.bytes[192 * 512];
	CHECK_EQ(block_write(part, 0, bytes, sizeof(bytes)), 0);
	CHECK(memcmp(bytes, media.bytes + 64 * 512, sizeof(bytes)) == 0);
	CHECK_EQ(media.bytes[64 * 512 - 1], before);
	CHECK_EQ(media.bytes[192 * 512], behind);
	CHECK_EQ(block_flush(part), 0);
	CHECK_EQ(block_id(part, id), 0);
	CHECK_TEXT(id, "fake disk 0123456789");

	CHECK_EQ(block_read(part, 128, bytes, 512), ERR_RANGE);
	CHECK_EQ(block_read(part, 127, bytes, 1024), ERR_RANGE);
	CHECK_EQ(block_write(part, UINT64_MAX - 63, bytes, 512), ERR_RANGE);
	CHECK_EQ(block_read(part, 0, bytes, 0), ERR_INVALID);
	CHECK_EQ(block_read(part, 0, bytes, 100), ERR_INVALID);

	/* Asynchronously: what the caller filled in stays. */
	struct job job;
	job_make(&job, BLOCK_READ, 5, 4096);
	CHECK_EQ(block_submit(part, &job.request), 0);
	CHECK(FAKE_WAIT(job.done, 1000));
	CHECK_EQ(job.request.status, 0);
	CHECK_EQ(job.request.sector, 5);
	CHECK(memcmp(job.memory, media.bytes + (64 + 5) * 512, 4096) == 0);
	CHECK_EQ(block_submit(part, &job.request), 0); /* and again */
	CHECK(FAKE_WAIT(job.done == 2, 1000));
	job.request.sector = 121;
	CHECK_EQ(block_submit(part, &job.request), ERR_RANGE);
	job_free(&job);
	/* It is not in the list of disks. */
	CHECK(block_first() == disk && !disk->next);
}

static void resize(uint64_t sectors)
{
	media.sectors = sectors;
	fake_config_set(&fake, 0, 8, sectors);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == sectors, 1000));
}

/* A request that is prepared once, for the partition, and goes to another place each time. */
static void prepared(void)
{
	struct job job;

	make();
	with_partition();
	start();
	part = block_find("vda1");
	job_make(&job, BLOCK_READ, 0, 4096);
	int error = block_prepare(part, &job.request);
	CHECK_EQ(error, 0);
	for (uint64_t sector = 0; sector < 128 && !error; sector += 40) {
		job.request.sector = sector;
		job.done = 0;
		CHECK_EQ(block_submit(part, &job.request), 0);
		CHECK(FAKE_WAIT(job.done, 1000));
		CHECK_EQ(job.request.status, 0);
		CHECK(memcmp(job.memory, media.bytes + (64 + sector) * 512, 4096) == 0);
	}
	job.request.sector = 121;
	CHECK_EQ(block_submit(part, &job.request), ERR_RANGE);
	resize(100);
	job.request.sector = 29;
	CHECK_EQ(block_submit(part, &job.request), ERR_RANGE);
	job.request.sector = 28;
	job.done = 0;
	CHECK_EQ(block_submit(part, &job.request), 0);
	CHECK(FAKE_WAIT(job.done, 1000));
	CHECK_EQ(job.request.status, 0);
	block_unprepare(part, &job.request);
	CHECK_EQ(fake_port.mappings, 0);
	job_free(&job);
}

static void of_a_read_only_disk(void)
{
	static uint8_t bytes[512];

	make();
	with_partition();
	fake_offer(&fake, 5);
	start();
	part = block_find("vda1");
	CHECK(part->read_only);
	CHECK_EQ(block_write(part, 0, bytes, 512), ERR_READ_ONLY);
	CHECK_EQ(media.writes, 0);
	CHECK_EQ(block_read(part, 0, bytes, 512), 0);
}

/* The disk shrinks into the partition, and away from it, and grows again. What reaches past its end is refused
 * as a whole. */
static void of_a_disk_that_shrinks(void)
{
	static const uint64_t sizes[] = { 100, 64, 10, 2048 };
	static uint8_t bytes[1024];

	make();
	with_partition();
	start();
	part = block_find("vda1");
	for (unsigned i = 0; i < 4; i++) {
		resize(sizes[i]);
		media.writes = 0;
		CHECK_EQ(block_write(part, 35, bytes, 1024), i < 3 ? ERR_RANGE : 0);
		CHECK_EQ(block_write(part, 127, bytes, 512), i < 3 ? ERR_RANGE : 0);
		CHECK_EQ(media.writes, i < 3 ? 0 : 2);
		CHECK_EQ(block_read(part, 35, bytes, 512), i == 1 || i == 2 ? ERR_RANGE : 0);
	}
	CHECK(block_find("vda1") == part);
	/* Whoever looks for it after that finds a table that cannot be. */
	resize(100);
	CHECK_EQ(block_read(part, 35, bytes, 512), 0);
	check_refused("a partition reaches past the disk's end");
	CHECK_EQ(block_read(part, 35, bytes, 512), ERR_RANGE);
	CHECK_EQ(virtio_first()->resets, 0);
}

/* What happens at the second read of a table. */
static void (*change)(void);
static unsigned reads_seen;

static bool change_at_second(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	(void)written;
	if (++reads_seen < 2)
		return true;
	fake.before_use = NULL;
	change();
	return (fake.status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) == 0 && !fake.gone;
}

static void read_while(void (*changes)(void), int result)
{
	change = changes;
	fake.before_use = change_at_second;
	CHECK_EQ(partition_table(disk, &table), result);
	CHECK(!table);
	CHECK(!fake.before_use);
	CHECK_EQ(fake_logged_times("is damaged"), 0);
}

/* As many blocks, of 64 KiB each. */
static void comes_back_larger(void)
{
	limits(65536, 126, 0);
	media.sectors = FAKE_DISK_SECTORS;
	fake_config_set(&fake, 0, 8, FAKE_DISK_SECTORS);
	mbr_sign(0);
	mbr_entry(0, 0, 0x83, 2, 1);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
}

/* The backup of a GPT, whose first copy could not be read, is read into memory for a block of the old size. */
static void blocks_grow_while_read(void)
{
	make();
	media.sectors = FAKE_DISK_SECTORS * 512 / 65536;
	fake_config_set(&fake, 0, 8, media.sectors);
	mbr_sign(0);
	mbr_entry(0, 0, 0xee, 1, (uint32_t)media.sectors - 1);
	start();
	read_while(comes_back_larger, ERR_BUSY);
	CHECK_EQ(disk->block_size, 65536);
	check_partitions("vda1 256+128 ");
}

static void shrink(void)
{
	media.sectors = 1600;
	fake_config_set(&fake, 0, 8, media.sectors);
	fake.generation++;
	fake_interrupt_config(&fake);
}

static void go(void)
{
	fake.gone = true;
}

/* That it is gone is said, not that it has changed. */
static void goes_while_read(void)
{
	make();
	extended_make();
	start();
	read_while(go, ERR_NODEV);
	CHECK(disk->gone);
}

/* One table is not made of what two disks have. */
static void changes_while_read(void)
{
	make();
	extended_make();
	start();
	read_while(shrink, ERR_BUSY);
	check_partitions("vda1 64+64 vda5 201+99 vda6 702+50 vda7 1101+99 ");
}

/* Another size may be another disk, with another table. What is as it was stays what programs know it by; what
 * is not is nothing any more, whatever has its number now. */
static void table_changes(void)
{
	static uint8_t bytes[512];

	make();
	with_partition();
	mbr_entry(0, 1, 0x83, 200, 100);
	mbr_entry(0, 2, 0x83, 300, 100);
	start();
	check_partitions("vda1 64+128 vda2 200+100 vda3 300+100 ");
	const struct partition_table *before = table;
	struct block_device *one = block_find("vda1"), *two = block_find("vda2");
	struct block_device *three = block_find("vda3");
	media.has_bad_sector = true;
	resize(2000);
	CHECK_EQ(partition_table(disk, &table), ERR_IO);
	media.has_bad_sector = false;
	mbr_entry(0, 0, 0x07, 64, 128);
	mbr_entry(0, 1, 0x83, 200, 99);
	mbr_entry(0, 2, 0, 0, 0);
	mbr_entry(0, 3, 0x83, 300, 100);
	check_partitions("vda1 64+128 vda2 200+99 vda4 300+100 ");
	CHECK(table == before);
	CHECK(block_find("vda1") == one && table->first->type[0] == 0x07);
	CHECK(block_find("vda2") != two && !block_find("vda3"));
	CHECK_EQ(block_read(one, 0, bytes, 512), 0);
	CHECK_EQ(block_read(two, 0, bytes, 512), ERR_RANGE);
	CHECK_EQ(block_read(three, 0, bytes, 512), ERR_RANGE);
	CHECK(two->gone && three->gone && !one->gone);

	/* It has moved. */
	struct block_device *four = block_find("vda4");
	mbr_entry(0, 3, 0x83, 600, 100);
	resize(1950);
	check_partitions("vda1 64+128 vda2 200+99 vda4 600+100 ");
	CHECK(block_find("vda4") != four);
	CHECK_EQ(block_read(four, 0, bytes, 512), ERR_RANGE);

	/* It is damaged, and then there is none. */
	mbr_entry(0, 1, 0x83, 100, 100);
	resize(1900);
	check_refused("two partitions overlap");
	CHECK_EQ(block_read(one, 0, bytes, 512), ERR_RANGE);
	memset(media.bytes, 0, 512);
	resize(1800);
	check_partitions("");
	CHECK_EQ(table->scheme, PARTITION_NONE);
	/* Nothing was allocated in vain, but for the four that somebody may have. */
	with_partition();
	resize(1700);
	check_partitions("vda1 64+128 ");
	unsigned allocations = fake_port.allocations;
	for (unsigned i = 0; i < 10; i++) {
		resize(1000 + i);
		check_partitions("vda1 64+128 ");
	}
	CHECK_EQ(fake_port.allocations, allocations);
}

/* The same sectors in other blocks: requests of the size that a program knows are refused now. */
static void other_blocks(void)
{
	make();
	with_partition();
	start();
	check_partitions("vda1 64+128 ");
	struct block_device *one = block_find("vda1");
	limits(4096, 126, 0);
	mbr_entry(0, 0, 0x83, 8, 16);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(disk->block_size == 4096 && virtio_first()->state == VIRTIO_RUNNING, 2000));
	check_partitions("vda1 64+128 ");
	CHECK(block_find("vda1") != one && one->gone);
	CHECK_EQ(block_find("vda1")->block_size, 4096);
}

static void of_a_disk_that_goes(void)
{
	static uint8_t bytes[512];

	make();
	with_partition();
	start();
	part = block_find("vda1");
	struct job job;
	job_make(&job, BLOCK_READ, 0, 512);
	CHECK_EQ(block_submit(part, &job.request), 0);
	fake.gone = true;
	CHECK(FAKE_WAIT(disk->gone, 60000));
	CHECK_EQ(job.done, 1);
	CHECK_EQ(job.request.status, ERR_NODEV);
	CHECK_EQ(block_submit(part, &job.request), ERR_NODEV);
	CHECK_EQ(block_read(part, 0, bytes, 512), ERR_NODEV);
	CHECK_EQ(block_flush(part), ERR_NODEV);
	CHECK(block_find("vda1") == part && part->gone);
}

int main(void)
{
	enum { ONCE = ON_PCI | ON_SPLIT };
	static const struct scenario scenarios[] = {
		SCENARIO(no_table, ONCE),
		SCENARIO(no_blocks, ONCE),
		SCENARIO(no_table_but_code, ONCE),
		SCENARIO(no_table_but_half_a_signature, ONCE),
		SCENARIO(mbr, ONCE),
		SCENARIO(extended, ONCE),
		SCENARIO(extended_4096, ONCE),
		SCENARIO(longest_chain, ONCE),
		SCENARIO(extended_in_the_wrong_place, ONCE),
		SCENARIO(mbr_refused, ONCE),
		SCENARIO(gpt, ONCE),
		SCENARIO(gpt_names, ONCE),
		SCENARIO(gpt_names_at_the_edges, ONCE),
		SCENARIO(gpt_longest_name, ONCE),
		SCENARIO(gpt_sizes, ONCE),
		SCENARIO(gpt_at_its_limits, ONCE),
		SCENARIO(gpt_headers, ONCE),
		SCENARIO(gpt_entries, ONCE),
		SCENARIO(gpt_backup_inside, ONCE),
		SCENARIO(gpt_backup_misplaced, ONCE),
		SCENARIO(gpt_header_in_the_way, ONCE),
		SCENARIO(gpt_entries_at_the_end, ONCE),
		SCENARIO(gpt_backup_among_its_entries, ONCE),
		SCENARIO(gpt_header_for_a_partition, ONCE),
		SCENARIO(gpt_without_any, ONCE),
		SCENARIO(bad_sectors, ONCE),
		SCENARIO(smallest_disks, ONCE),
		SCENARIO(without_memory, ONCE),
		SCENARIO(reads_and_writes, ON_ALL),
		SCENARIO(prepared, ON_ALL),
		SCENARIO(of_a_read_only_disk, ONCE),
		SCENARIO(of_a_disk_that_shrinks, ON_BUSES),
		SCENARIO(blocks_grow_while_read, ONCE),
		SCENARIO(goes_while_read, ONCE),
		SCENARIO(other_blocks, ONCE),
		SCENARIO(changes_while_read, ONCE),
		SCENARIO(table_changes, ONCE),
		SCENARIO(of_a_disk_that_goes, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
