/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables (drivers/virtio/partition*.c) of a fake disk that are refused, and why. */
#include "tests/host/fake/table_writer.h"

/* ---- What is refused ------------------------------------------------------------------------- */

static void chain_too_long(void)
{
	chain_of(129);
}

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

int main(void)
{
	enum { ONCE = ON_PCI | ON_SPLIT };
	static const struct scenario scenarios[] = {
		SCENARIO(mbr_refused, ONCE),
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
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
