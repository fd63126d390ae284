/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of a disk (kernel/disk_reader.c): any of them, by as few requests as the window allows, and by none beyond the
 * disk's end. What becomes of files then, test_files.c tests. */
#include "kernel/disk_reader.h"

#include "tests/host/fake/disk_jobs.h"

#define WINDOW 32768
#define ALL (1000 * 512) /* no whole number of windows */

static struct disk_reader reader;
static uint8_t into[ALL];

static void open_disk(void)
{
	make();
	media.sectors = ALL / 512;
	fake_config_set(&fake, 0, 8, ALL / 512);
	for (unsigned i = 0; i < ALL; i++)
		media.bytes[i] = (uint8_t)(i * 7 + i / 251 + i / 65521);
	start();
	CHECK_EQ(disk_reader_open(&reader, disk), 0);
	media.reads = 0;
}

/* So many bytes from there are right, and cost so many requests. */
static void reads_by(unsigned requests, uint64_t offset, size_t length)
{
	unsigned before = media.reads;

	memset(into, 0xee, sizeof(into));
	CHECK_EQ(disk_reader_read(&reader, offset, into, length), 0);
	CHECK(memcmp(into, media.bytes + offset, length) == 0);
	CHECK(length == sizeof(into) || into[length] == 0xee);
	CHECK_EQ(media.reads - before, requests);
}

static void by_the_window(void)
{
	open_disk();
	reads_by(1, 1000, 1); /* fills it from 512 on */
	reads_by(0, 512, 10);
	reads_by(0, 513, 1);
	reads_by(0, 512 + WINDOW - 1, 1);
	reads_by(0, 600, 0);
	reads_by(1, 512 + WINDOW, 1); /* the next byte */
	reads_by(1, 511, 1);          /* and the one before: from 0 on */
	reads_by(1, 100, WINDOW);     /* what there is, and the rest by the next window */
	reads_by(0, WINDOW, 100);
	disk_reader_close(&reader);
	CHECK(reader.window == NULL);
}

/* What is longer than the window, and begins with a block, takes no way round by it; the window keeps what it has. */
static void straight(void)
{
	open_disk();
	reads_by(1, 0, 1);
	reads_by(1, 2 * WINDOW, WINDOW);
	reads_by(1, 4 * WINDOW, WINDOW + 512);
	CHECK_EQ(media.longest, WINDOW + 512);
	reads_by(0, 5, WINDOW - 5);
	/* Where it does not end with one, its last part is in a window. */
	reads_by(2, 512, WINDOW + 100);
	reads_by(0, 512 + WINDOW + 100, 300);
	disk_reader_close(&reader);
}

static void at_the_end(void)
{
	open_disk();
	reads_by(1, ALL - 700, 700); /* a window that is not full */
	reads_by(0, ALL - 1, 1);
	unsigned before = media.reads;
	CHECK_EQ(disk_reader_read(&reader, ALL, into, 1), ERR_RANGE);
	CHECK_EQ(disk_reader_read(&reader, ALL + 511, into, 1), ERR_RANGE);
	CHECK_EQ(disk_reader_read(&reader, UINT64_MAX - 5, into, 1), ERR_RANGE);
	CHECK_EQ(media.reads, before);
	CHECK_EQ(disk_reader_read(&reader, ALL - 1, into, 2), ERR_RANGE);
	reads_by(1, ALL - 1, 1);
	disk_reader_close(&reader);
}

/* A sector that cannot be read keeps nobody from those beside it. */
static void beside_a_bad_sector(void)
{
	open_disk();
	media.bad_sector = 20;
	media.has_bad_sector = true;
	CHECK_EQ(disk_reader_read(&reader, 19 * 512, into, 512), 0);
	CHECK(memcmp(into, media.bytes + 19 * 512, 512) == 0);
	CHECK_EQ(disk_reader_read(&reader, 20 * 512 + 5, into, 1), ERR_IO);
	CHECK_EQ(disk_reader_read(&reader, 21 * 512, into, WINDOW), 0);
	CHECK(memcmp(into, media.bytes + 21 * 512, WINDOW) == 0);
	disk_reader_close(&reader);
}

static void no_memory(void)
{
	make();
	start();
	fake_port.allocation_fails = fake_port.allocated + 1;
	CHECK_EQ(disk_reader_open(&reader, disk), ERR_NOMEM);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(by_the_window, ON_PCI | ON_SPLIT),
		SCENARIO(straight, ON_PCI | ON_SPLIT),
		SCENARIO(at_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(beside_a_bad_sector, ON_PCI | ON_SPLIT),
		SCENARIO(no_memory, ON_PCI | ON_SPLIT),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
