/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition (drivers/virtio/partition.c) is a disk: requests in it, and none beyond it. */
#include "tests/host/fake/table_writer.h"

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
		SCENARIO(reads_and_writes, ON_ALL),     SCENARIO(prepared, ON_ALL),
		SCENARIO(of_a_read_only_disk, ONCE),    SCENARIO(of_a_disk_that_shrinks, ON_BUSES),
		SCENARIO(blocks_grow_while_read, ONCE), SCENARIO(goes_while_read, ONCE),
		SCENARIO(other_blocks, ONCE),           SCENARIO(changes_while_read, ONCE),
		SCENARIO(table_changes, ONCE),          SCENARIO(of_a_disk_that_goes, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
