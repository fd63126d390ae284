/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-scsi with a device that keeps the rules (VIRTIO 1.4, 5.6): units of every kind, found in every way.
 * Units that change are in test_scsi_changes.c; what a device does that breaks them is in test_scsi_faults.c. */
#include "tests/host/fake/scsi_jobs.h"

/* ---- Finding units ------------------------------------------------------------------------- */

static void one_disk(void)
{
	char id[BLOCK_ID_BYTES + 1], line[400];

	make();
	start();
	struct block_device *disk = disk_named("sda");
	CHECK_EQ(disk->capacity, FAKE_SCSI_BLOCKS);
	CHECK_EQ(disk->block_size, 512);
	CHECK(!disk->read_only);
	CHECK(disk->write_back);
	works("sda", &media.units[0]);
	CHECK_EQ(block_flush(disk), 0);
	CHECK_EQ(media.units[0].flushes, 1);
	CHECK_EQ(block_id(disk, id), 0);
	CHECK_TEXT(id, "fake-0-0");
	CHECK(described("sda", "scsi0 0:0 disk FAKE UNIT? 1.0 sda 2048x512 write-back"));
	CHECK_EQ(media.units[0].longs, 0);
	CHECK(scsi_next(scsi_first()) == NULL);
	virtio_describe(virtio_first(), line, sizeof(line));
	CHECK(strncmp(line, "scsi0 ", 6) == 0);
	CHECK(strstr(line, " HOTPLUG CHANGE ") != NULL);
	CHECK_EQ(fake_log_count(), 0);
}

/* 5.6.6.1: both addressing forms, and targets up to the last. */
static void many_units(void)
{
	static const struct {
		uint8_t target;
		uint16_t number;
	} places[] = { { 0, 1 },  { 0, 255 }, { 0, 256 },   { 3, 300 },
		       { 15, 0 }, { 16, 7 },  { 40, 16383 } };
	char name[4] = "sd?";

	make();
	for (unsigned i = 0; i < 7; i++)
		fake_scsi_add(&media, places[i].target, places[i].number, 512);
	start();
	CHECK_EQ(count_disks(), 8);
	for (unsigned i = 0; i < 8; i++) {
		name[2] = (char)('a' + i);
		works(name, &media.units[i]);
	}
	CHECK(described("sdh", "scsi0 40:16383 disk"));
}

/* A target without a unit 0. */
static void no_unit_0(void)
{
	make();
	media.units[0].present = false;
	fake_scsi_add(&media, 2, 5, 512);
	start();
	CHECK_EQ(count_disks(), 1);
	works("sda", &media.units[1]);
}

static void beyond_max_target(void)
{
	make();
	fake_scsi_add(&media, 41, 0, 512);
	start();
	CHECK_EQ(count_disks(), 1);
	/* 5.6.4: targets 0 to 40, and the one that is there once more. */
	CHECK_EQ(media.pings, 41 + 1);
}

static void listed_by_the_well_known_unit(void)
{
	make();
	media.no_list = media.well_known = true;
	fake_scsi_add(&media, 0, 9, 512);
	start();
	CHECK_EQ(count_disks(), 2);
	works("sdb", &media.units[1]);
}

static void listed_by_the_device(void)
{
	make();
	media.no_list = media.host_list = true;
	fake_scsi_add(&media, 0, 700, 512);
	fake_scsi_add(&media, 1, 3, 512);
	start();
	CHECK_EQ(count_disks(), 3);
	works("sdb", &media.units[1]);
	works("sdc", &media.units[2]);
}

/* Until the first that is not there. */
static void tried_one_by_one(void)
{
	make();
	media.no_list = true;
	fake_scsi_add(&media, 0, 1, 512);
	fake_scsi_add(&media, 0, 2, 512);
	fake_scsi_add(&media, 0, 4, 512);
	start();
	CHECK_EQ(count_disks(), 3);
	works("sdc", &media.units[2]);
}

static void not_only_disks(void)
{
	make();
	fake_scsi_add(&media, 0, 1, 512)->type = 3;
	fake_scsi_add(&media, 0, 2, 512)->qualifier = 1; /* nothing is connected there */
	fake_scsi_add(&media, 0, 3, 512)->type = 0x1f;
	start();
	CHECK_EQ(count_disks(), 1);
	char line[200];
	struct scsi_lun *lun = scsi_next(scsi_first());
	scsi_describe(lun, line, sizeof(line));
	CHECK(strstr(line, "scsi0 0:1 processor FAKE") != NULL);
	CHECK(strstr(line, "medium") == NULL);
	CHECK_EQ(scsi_describe_sense(lun, line, sizeof(line)), 0);
	lun = scsi_next(lun);
	scsi_describe(lun, line, sizeof(line));
	CHECK(strstr(line, "scsi0 0:3 other FAKE") != NULL);
	CHECK(scsi_next(lun) == NULL);
}

static void no_unit_at_all(void)
{
	make();
	media.units[0].present = false;
	start();
	CHECK(scsi_first() == NULL);
	CHECK(block_first() == NULL);
	CHECK_EQ(scsi_scan(), 0);
}

/* A unit that was stopped is started. */
static void stopped(void)
{
	make();
	media.units[0].stopped = true;
	start();
	CHECK_EQ(media.units[0].starts, 1);
	works("sda", &media.units[0]);
}

/* ---- What units are like ------------------------------------------------------------------------ */

static void block_sizes(void)
{
	make();
	fake_scsi_add(&media, 0, 1, 4096);
	fake_scsi_add(&media, 0, 2, 65536);
	start();
	CHECK_EQ(disk_named("sdb")->block_size, 4096);
	CHECK_EQ(disk_named("sdb")->capacity, FAKE_SCSI_BLOCKS * 8);
	CHECK_EQ(disk_named("sdc")->block_size, 65536);
	CHECK_EQ(disk_named("sdc")->capacity, FAKE_SCSI_BLOCKS * 128);
	works("sda", &media.units[0]);
	works("sdb", &media.units[1]);
	works("sdc", &media.units[2]);
}

/* Older ones know no long commands, and no pages. */
static void old_unit(void)
{
	make();
	media.units[0].version = 2;
	media.units[0].short_only = media.units[0].no_pages = media.units[0].no_mode = true;
	start();
	char id[BLOCK_ID_BYTES + 1];
	struct block_device *disk = disk_named("sda");
	works("sda", &media.units[0]);
	CHECK_EQ(block_id(disk, id), ERR_UNSUPPORTED);
	/* It has not said that it has no cache. */
	CHECK_EQ(block_flush(disk), 0);
	CHECK_EQ(media.units[0].flushes, 1);
	CHECK_EQ(disk->limits.discard_sectors_max, 0);
	CHECK_EQ(disk->limits.zeroes_sectors_max, 0);
}

static void unknown_flush(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			  struct fake_answer *answer)
{
	(void)unit;
	if (cdb[0] == 0x35)
		fake_scsi_check(scsi, answer, 5, 0x20, 0);
}

static void flush_that_is_unknown(void)
{
	make();
	fake_scsi_add(&media, 0, 1, 512)->no_mode = true;
	media.before_answer = unknown_flush;
	start();
	CHECK_EQ(block_flush(disk_named("sda")), ERR_UNSUPPORTED); /* it says that it has a cache */
	CHECK_EQ(block_flush(disk_named("sdb")), 0);
}

static void no_cache(void)
{
	make();
	media.units[0].caching = 0;
	start();
	CHECK(!disk_named("sda")->write_back);
	CHECK_EQ(block_flush(disk_named("sda")), 0);
	CHECK_EQ(media.units[0].flushes, 0);
}

static void short_capacity_of_a_new_unit(void)
{
	make();
	media.units[0].short_only = true;
	start();
	works("sda", &media.units[0]);
}

static void large(void)
{
	make();
	media.units[0].blocks = UINT64_C(0x500000000);
	media.units[0].version = 2; /* so that READ CAPACITY (10) is asked first */
	start();
	struct block_device *disk = disk_named("sda");
	CHECK_EQ(disk->capacity, UINT64_C(0x500000000));
	works("sda", &media.units[0]);
	CHECK_EQ(media.units[0].longs, 0);
	struct job job;
	job_make(&job, BLOCK_READ, UINT64_C(0x4ffffffff), 512);
	CHECK_EQ(job_run(disk, &job),
		 ERR_RANGE); /* so far the fake one has no memory: it says so */
	CHECK_EQ(media.units[0].longs, 1);
	CHECK_EQ(media.last_cdb[0], 0x88);
	CHECK_EQ(media.last_cdb[5], 4);
	CHECK_EQ(block_submit(disk, &job.request), 0);
	CHECK(FAKE_WAIT(job.done == 2, 1000));
	job.request.sector = UINT64_C(0x500000000);
	CHECK_EQ(block_submit(disk, &job.request), ERR_RANGE);
	job_free(&job);
	job_make(&job, BLOCK_WRITE, UINT64_C(0x4ffffffff), 512);
	CHECK_EQ(job_run(disk, &job), ERR_RANGE);
	CHECK_EQ(media.last_cdb[0], 0x8a);
	job_free(&job);
}

/* More than the short form counts, where it would reach. */
static void many_blocks_at_once(void)
{
	make();
	media.units[0].blocks = 1 << 20;
	fake_config_set(&fake, 8, 4, 0); /* max_sectors: it says nothing */
	start();
	struct job job;
	job_make(&job, BLOCK_READ, 0, (size_t)70000 * 512);
	CHECK_EQ(job_run(disk_named("sda"), &job), ERR_RANGE); /* the fake one has less memory */
	CHECK_EQ(media.last_cdb[0], 0x88);
	CHECK(memcmp(media.last_cdb + 2, "\0\0\0\0\0\0\0\0\0\x01\x11\x70", 12) == 0);
	CHECK_EQ(disk_named("sda")->resets, 0);
	job_free(&job);
	works("sda", &media.units[0]);
}

static void read_only(void)
{
	static uint8_t bytes[512];

	make();
	media.units[0].write_protected = true;
	start();
	struct block_device *disk = disk_named("sda");
	CHECK(disk->read_only);
	CHECK_EQ(block_write(disk, 0, bytes, 512), ERR_READ_ONLY);
	CHECK_EQ(media.units[0].writes, 0);
	works("sda", &media.units[0]);
	CHECK(described("sda", " read-only"));
}

/* Of the device, and of the unit: what is longer is cut. */
static void limits(void)
{
	make();
	fake_config_set(&fake, 8, 4, 24);
	fake_scsi_add(&media, 0, 1, 512)->transfer_max = 10;
	fake_scsi_add(&media, 0, 2, 4096)->transfer_max = 1;
	fake_scsi_add(&media, 0, 3, 65536);
	start();
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 3, 100 * 512), 0);
	CHECK_EQ(media.units[0].longest, 24 * 512);
	CHECK_EQ(read_at(disk_named("sdb"), &media.units[1], 3, 100 * 512), 0);
	CHECK_EQ(media.units[1].longest, 10 * 512);
	CHECK_EQ(write_at(disk_named("sdc"), &media.units[2], 8, 5 * 4096), 0);
	CHECK_EQ(media.units[2].longest, 4096);
	/* A hint of less than a block is no use. */
	CHECK_EQ(read_at(disk_named("sdd"), &media.units[3], 0, 131072), 0);
	CHECK_EQ(media.units[3].longest, 65536);
}

static void segments(void)
{
	make();
	fake_config_set(&fake, 4, 4, 5);
	fake_port.piece = 1024;
	start();
	works("sda", &media.units[0]);
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 64 * 512), 0);
	CHECK(media.units[0].longest <= 5 * 1024);
}

static void without_indirect(void)
{
	make();
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	fake.queues[2].size_max = 8;
	start();
	works("sda", &media.units[0]);
}

static void discard_and_zeroes(void)
{
	make();
	media.units[0].unmap_max = 100;
	media.units[0].write_same_max = 50;
	start();
	struct block_device *disk = disk_named("sda");
	static const uint8_t zeros[300 * 512];
	CHECK_EQ(block_discard(disk, 7, 250), 0);
	CHECK_EQ(media.units[0].unmaps, 3);
	CHECK(memcmp(media.units[0].bytes + 7 * 512, zeros, 250 * 512) == 0);
	CHECK(media.units[0].bytes[6 * 512 + 1] != 0 && media.units[0].bytes[257 * 512 + 1] != 0);
	CHECK_EQ(block_write_zeroes(disk, 1000, 101, false), 0);
	CHECK_EQ(media.units[0].zeroes, 3);
	CHECK_EQ(media.last_cdb[1], 0);
	/* A permission that is of no use to it, though it knows UNMAP. */
	CHECK_EQ(block_write_zeroes(disk, 1000, 1, true), 0);
	CHECK_EQ(media.last_cdb[1], 0);
	CHECK(!disk->limits.zeroes_may_unmap);
	media.units[0].write_same_unmaps = true;
	CHECK_EQ(scsi_scan(), 0);
	CHECK(disk->limits.zeroes_may_unmap);
	CHECK_EQ(block_write_zeroes(disk, 1000, 1, true), 0);
	CHECK_EQ(media.last_cdb[1], 8);
	CHECK_EQ(block_discard(disk, FAKE_SCSI_BLOCKS, 1), ERR_RANGE);
}

static void prepared(void)
{
	make();
	start();
	struct block_device *disk = disk_named("sda");
	struct job job;
	job_make(&job, BLOCK_READ, 0, 4096);
	CHECK_EQ(block_prepare(disk, &job.request), 0);
	for (unsigned i = 0; i < 5; i++) {
		job.request.sector = i * 8;
		CHECK_EQ(job_run(disk, &job), 0);
		CHECK(job_is_right(&job, &media.units[0]));
	}
	block_unprepare(disk, &job.request);
	job_free(&job);
	works("sda", &media.units[0]);
}

/* It counts what it reads as written: no reason to reset it. */
static void counted_as_qemu_does(void)
{
	make();
	media.counts_dataout = true;
	start();
	works("sda", &media.units[0]);
	CHECK_EQ(disk_named("sda")->resets, 0);
}

static void several_queues(void)
{
	make();
	fake_config_set(&fake, 0, 4, 2);
	fake.queue_count = 4;
	fake.queues[3].size_max = 64;
	start();
	works("sda", &media.units[0]);
	fake_interrupt_queue(&fake.queues[3]);
}

/* ---- Task management -------------------------------------------------------------------------------- */

static unsigned keep_reads; /* so many are not answered */

static bool kept(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t operation = 0;

	(void)written;
	ring_chain_read(chain, 19, &operation, 1);
	if (queue->index < 2 || operation != 0x28 || keep_reads == 0)
		return true;
	keep_reads--;
	return false;
}

static void unit_reset(void)
{
	make();
	start();
	struct job job;
	keep_reads = 1;
	fake.before_use = kept;
	job_make(&job, BLOCK_READ, 3, 512);
	CHECK_EQ(block_submit(disk_named("sda"), &job.request), 0);
	fake_sleep(100);
	CHECK_EQ(job.done, 0);
	CHECK_EQ(scsi_reset(scsi_find("sda")), 0);
	CHECK_EQ(media.units[0].resets, 1);
	/* What was in flight is given again. */
	CHECK(FAKE_WAIT(job.done == 1, 1000));
	CHECK_EQ(job.request.status, 0);
	CHECK(job_is_right(&job, &media.units[0]));
	job_free(&job);
	works("sda", &media.units[0]);
}

static void unit_reset_that_is_refused(void)
{
	make();
	media.no_tmf = true;
	start();
	CHECK_EQ(scsi_reset(scsi_find("sda")), ERR_UNSUPPORTED);
	works("sda", &media.units[0]);
}

/* The device forgets a command: it is aborted, nothing is reset, and others go on. */
static void overdue_is_aborted(void)
{
	make();
	fake_setting("deadline_ms", "500");
	start();
	struct job job;
	keep_reads = 1;
	fake.before_use = kept;
	job_make(&job, BLOCK_READ, 3, 512);
	CHECK_EQ(block_submit(disk_named("sda"), &job.request), 0);
	fake_sleep(10);
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 8, 512), 0);
	CHECK(FAKE_WAIT(job.done == 1, 2000));
	CHECK_EQ(job.request.status, ERR_TIMEOUT);
	CHECK_EQ(media.units[0].aborts, 1);
	CHECK_EQ(media.units[0].resets, 0);
	CHECK_EQ(disk_named("sda")->resets, 0);
	CHECK(fake_logged("scsi0 0:0 sda: a command takes too long: aborted"));
	job_free(&job);
	works("sda", &media.units[0]);
}

static unsigned busy_answers;

static void busy(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
		 struct fake_answer *answer)
{
	(void)scsi;
	(void)unit;
	if (cdb[0] == 0x28 && busy_answers > 0) {
		busy_answers--;
		answer->status = 8;
	}
}

/* Neither an abort nor a reset of the unit helped, so the device was reset: a prepared request that was in flight then
 * is the next time as patient as any. */
static void prepared_and_overdue(void)
{
	make();
	fake_setting("deadline_ms", "500");
	media.no_tmf = true;
	start();
	struct block_device *disk = disk_named("sda");
	struct job job;
	job_make(&job, BLOCK_READ, 3, 512);
	CHECK_EQ(block_prepare(disk, &job.request), 0);
	keep_reads = 1;
	fake.before_use = kept;
	CHECK_EQ(block_submit_prepared(disk, &job.request), 0);
	CHECK(FAKE_WAIT(job.done == 1, 10000));
	CHECK(job.request.status < 0);
	CHECK_EQ(disk->resets, 1);
	media.before_answer = busy;
	for (unsigned i = 2; i < 4; i++) {
		busy_answers = 3;
		CHECK_EQ(block_submit_prepared(disk, &job.request), 0);
		CHECK(FAKE_WAIT(job.done == i, 5000));
		CHECK_EQ(job.request.status, 0);
		CHECK(job_is_right(&job, &media.units[0]));
	}
	block_unprepare(disk, &job.request);
	job_free(&job);
	works("sda", &media.units[0]);
}

static const struct scenario scenarios[] = {
	SCENARIO(one_disk, ON_ALL),
	SCENARIO(many_units, ON_RINGS),
	SCENARIO(no_unit_0, ON_PCI | ON_SPLIT),
	SCENARIO(beyond_max_target, ON_PCI | ON_SPLIT),
	SCENARIO(listed_by_the_well_known_unit, ON_PCI | ON_SPLIT),
	SCENARIO(listed_by_the_device, ON_PCI | ON_SPLIT),
	SCENARIO(tried_one_by_one, ON_PCI | ON_SPLIT),
	SCENARIO(not_only_disks, ON_PCI | ON_SPLIT),
	SCENARIO(no_unit_at_all, ON_PCI | ON_SPLIT),
	SCENARIO(stopped, ON_PCI | ON_SPLIT),
	SCENARIO(block_sizes, ON_RINGS),
	SCENARIO(old_unit, ON_PCI | ON_SPLIT),
	SCENARIO(flush_that_is_unknown, ON_PCI | ON_SPLIT),
	SCENARIO(no_cache, ON_PCI | ON_SPLIT),
	SCENARIO(short_capacity_of_a_new_unit, ON_PCI | ON_SPLIT),
	SCENARIO(large, ON_PCI | ON_SPLIT),
	SCENARIO(many_blocks_at_once, ON_PCI | ON_SPLIT),
	SCENARIO(read_only, ON_PCI | ON_SPLIT),
	SCENARIO(limits, ON_RINGS),
	SCENARIO(segments, ON_RINGS),
	SCENARIO(without_indirect, ON_RINGS),
	SCENARIO(discard_and_zeroes, ON_RINGS),
	SCENARIO(prepared, ON_RINGS),
	SCENARIO(counted_as_qemu_does, ON_RINGS),
	SCENARIO(several_queues, ON_ALL),
	SCENARIO(unit_reset, ON_ALL),
	SCENARIO(unit_reset_that_is_refused, ON_PCI | ON_SPLIT),
	SCENARIO(overdue_is_aborted, ON_ALL),
	SCENARIO(prepared_and_overdue, ON_RINGS),
};

int main(void)
{
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
