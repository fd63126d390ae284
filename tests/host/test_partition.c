/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions (drivers/virtio/partition*.c) of a fake disk: which tables are understood. Which are refused, test_partition_refused.c
 * says; and test_partition_disk.c that a partition is a disk.
 */
#include "tests/host/fake/table_writer.h"

/* ---- What is found -------------------------------------------------------------------------- */

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
		SCENARIO(gpt, ONCE),
		SCENARIO(gpt_names, ONCE),
		SCENARIO(gpt_names_at_the_edges, ONCE),
		SCENARIO(gpt_longest_name, ONCE),
		SCENARIO(gpt_sizes, ONCE),
		SCENARIO(gpt_at_its_limits, ONCE),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
