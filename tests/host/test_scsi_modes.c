/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-scsi: the cache of a unit, which is switched by MODE SELECT, and request queues that get another size. */
#include "tests/host/fake/scsi_jobs.h"

enum { MODE_SENSE = 0x1a, CHANGEABLE = 0x40, WRITE_BACK = 4 };

/* ---- The cache ---------------------------------------------------------------------------- */

static void cache_is_switched(void)
{
	make();
	media.units[0].caching = WRITE_BACK | 1; /* and of reads, which stays */
	start();
	struct block_device *disk = disk_named("sda");
	struct fake_unit *unit = &media.units[0];
	CHECK(disk->write_back);
	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(block_set_write_back(disk, false), 0);
		CHECK(!disk->write_back);
		CHECK_EQ(unit->caching, 1);
		/* What was written before is lasting now; from here on there is nothing to flush. */
		CHECK_EQ(unit->flushes, 2 * i - 1);
		CHECK_EQ(block_flush(disk), 0);
		CHECK_EQ(unit->flushes, 2 * i - 1);
		works("sda", unit);
		CHECK_EQ(block_set_write_back(disk, true), 0);
		CHECK(disk->write_back);
		CHECK_EQ(unit->caching, WRITE_BACK | 1);
		CHECK_EQ(block_flush(disk), 0);
		CHECK_EQ(unit->flushes, 2 * i);
	}
	CHECK_EQ(unit->selects, 6);
	works("sda", unit);
	CHECK(described("sda", " write-back"));
}

static void cache_that_cannot_be_switched(void)
{
	make();
	fake_scsi_add(&media, 0, 1, 512)->no_mode = true;
	media.units[0].cache_fixed = true;
	start();
	for (unsigned i = 0; i < 2; i++) {
		struct block_device *disk = disk_named(i ? "sdb" : "sda");
		CHECK_EQ(block_set_write_back(disk, false), ERR_UNSUPPORTED);
		CHECK(disk->write_back);
		CHECK_EQ(block_flush(disk), 0);
		CHECK_EQ(media.units[i].flushes, 1);
		CHECK_EQ(media.units[i].selects, 0);
	}
	works("sda", &media.units[0]);
	works("sdb", &media.units[1]);
}

/* It takes the page, and stays as it is: that is told, whatever it said. */
static void cache_that_only_pretends(void)
{
	make();
	media.units[0].cache_ignores = true;
	start();
	CHECK_EQ(block_set_write_back(disk_named("sda"), false), ERR_UNSUPPORTED);
	CHECK(disk_named("sda")->write_back);
	works("sda", &media.units[0]);
}

static uint8_t lie_at, lie;

static void lies_of_its_page(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			     struct fake_answer *answer)
{
	(void)scsi;
	(void)unit;
	if (cdb[0] == MODE_SENSE && (cdb[2] & 0xc0) != CHANGEABLE)
		answer->in[lie_at] = lie;
}

/* The page's length, and that of the block descriptors before it, reach far beyond what was received. */
static void lengths_that_lie(void)
{
	static const uint8_t places[] = { 3, 13, 12 }, values[] = { 255, 21, 255, 0 };

	make();
	start();
	media.before_answer = lies_of_its_page;
	for (unsigned i = 0; i < sizeof(places); i++) {
		for (unsigned j = 0; j < sizeof(values); j++) {
			lie_at = places[i];
			lie = values[j];
			if (lie_at == 13 && lie == 0)
				continue; /* a page of two bytes, and the fake does not take it */
			CHECK_EQ(block_set_write_back(disk_named("sda"), false), ERR_UNSUPPORTED);
		}
	}
	CHECK_EQ(media.units[0].selects, 0);
	media.before_answer = NULL;
	CHECK_EQ(block_set_write_back(disk_named("sda"), false), 0);
	works("sda", &media.units[0]);
}

/* A unit that has been reset forgets its mode: a program relies on what it has chosen. */
static void chosen_once_more(void)
{
	make();
	start();
	struct block_device *disk = disk_named("sda");
	struct fake_unit *unit = &media.units[0];
	CHECK_EQ(block_set_write_back(disk, false), 0);
	unit->caching = WRITE_BACK;
	fake_scsi_attention(unit, 0x29, 0);
	works("sda", unit);
	CHECK(FAKE_WAIT(unit->selects == 2, 2000));
	CHECK(FAKE_WAIT(!disk->write_back, 2000));
	CHECK_EQ(unit->caching, 0);
	/* Or it cannot be chosen any more: this is said once, and then it is as it is. */
	unit->caching = WRITE_BACK;
	unit->cache_fixed = true;
	for (unsigned i = 0; i < 3; i++) {
		fake_scsi_attention(unit, 0x29, 0);
		works("sda", unit);
		fake_sleep(500);
	}
	CHECK(disk->write_back);
	CHECK_EQ(unit->selects, 2);
	CHECK_EQ(fake_log_count(), 1);
	CHECK(fake_logged("sda: is write-back again, and cannot be switched"));
}

static void nobody_there(void)
{
	make();
	struct fake_unit *drive = fake_scsi_add(&media, 0, 1, 512);
	drive->removable = drive->empty = true;
	start();
	struct block_device *disk = disk_named("sda");
	CHECK_EQ(block_set_write_back(disk_named("sdb"), false), ERR_NO_MEDIUM);
	CHECK_EQ(drive->selects, 0);
	media.units[0].present = false;
	CHECK_EQ(scsi_scan(), 0);
	CHECK_EQ(block_set_write_back(disk, false), ERR_NODEV);
	CHECK_EQ(block_resize_queue(disk, 32), ERR_NODEV);
}

/* Whoever waits for a device that does not answer any more hears of it. */
static void deaf(void)
{
	make();
	fake_setting("deadline_ms", "250");
	fake_setting("reset_ms", "250");
	start();
	struct block_device *disk = disk_named("sda");
	fake.deaf = true;
	CHECK(block_set_write_back(disk, false) != 0);
	fake.deaf = false;
	CHECK(FAKE_WAIT(fake.status & VIRTIO_STATUS_DRIVER_OK, 2000));
	fake_sleep(2000);
	works("sda", &media.units[0]);
}

/* ---- Queues --------------------------------------------------------------------------------- */

#define MANY 100

static struct job jobs[MANY];

static void submit_many(struct block_device *disk)
{
	for (unsigned i = 0; i < MANY; i++) {
		job_make(&jobs[i], BLOCK_READ, i * 8, 4096);
		CHECK_EQ(block_submit(disk, &jobs[i].request), 0);
	}
}

static bool many_done(void)
{
	for (unsigned i = 0; i < MANY; i++)
		if (jobs[i].done == 0)
			return false;
	return true;
}

static void check_many(const struct fake_unit *unit)
{
	CHECK(FAKE_WAIT(many_done(), 5000));
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, 0);
		CHECK(job_is_right(&jobs[i], unit));
		job_free(&jobs[i]);
	}
}

static void queue_resized(void)
{
	static const unsigned sizes[] = { 16, 64, 31, 500 };

	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	struct block_device *disk = disk_named("sda");
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		submit_many(disk);
		vport_relax(0);
		CHECK_EQ(block_resize_queue(disk, sizes[i]), 0);
		CHECK(fake.queues[2].size <= sizes[i]);
		check_many(&media.units[0]);
		works("sda", &media.units[0]);
	}
	CHECK_EQ(fake.queue_resets, 4);
	CHECK_EQ(block_resize_queue(disk, 0), ERR_INVALID);
	CHECK_EQ(block_resize_queue(disk, 15), ERR_INVALID);
	CHECK_EQ(block_resize_queue(disk, 100000), ERR_INVALID);
	CHECK_EQ(fake.queue_resets, 4);
	CHECK_EQ(disk->resets, 0);
}

/* What is in flight goes out once more. */
static void queue_resized_in_mid_flight(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	struct block_device *disk = disk_named("sda");
	fake.deaf = true;
	submit_many(disk);
	vport_relax(0);
	CHECK_EQ(block_resize_queue(disk, 32), 0);
	fake.deaf = false;
	check_many(&media.units[0]);
	CHECK_EQ(disk->resets, 0);
	works("sda", &media.units[0]);
}

/* Nor does a scan get in the way, whose commands go through the very queue that is to be quiet. */
static void queue_resized_and_scanned(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	struct block_device *disk = disk_named("sda");
	fake_scsi_add(&media, 3, 0, 512);
	for (unsigned i = 0; i < 4; i++) {
		submit_many(disk);
		fake_scsi_event(&fake, 1, 3, 0, 1);
		vport_relax(0);
		CHECK_EQ(block_resize_queue(disk, 16u << i), 0);
		check_many(&media.units[0]);
		fake_sleep(50);
	}
	CHECK(FAKE_WAIT(count_disks() == 2, 2000));
	CHECK_EQ(disk->resets, 0);
	works("sda", &media.units[0]);
	works("sdb", &media.units[1]);
}

/* 5.6.4.1-2 */
static void no_more_than_cmd_per_lun(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	fake_config_set(&fake, 12, 4, 40);
	start();
	struct block_device *disk = disk_named("sda");
	CHECK_EQ(block_resize_queue(disk, 64), 0);
	CHECK(fake.queues[2].size <= 40);
	CHECK(fake.queues[2].size >= 32);
	submit_many(disk);
	check_many(&media.units[0]);
}

static void queue_resize_without_the_feature(void)
{
	make();
	start();
	CHECK_EQ(block_resize_queue(disk_named("sda"), 32), ERR_UNSUPPORTED);
	works("sda", &media.units[0]);
}

static const struct scenario scenarios[] = {
	SCENARIO(cache_is_switched, ON_ALL),
	SCENARIO(cache_that_cannot_be_switched, ON_PCI | ON_SPLIT),
	SCENARIO(cache_that_only_pretends, ON_PCI | ON_SPLIT),
	SCENARIO(lengths_that_lie, ON_RINGS),
	SCENARIO(chosen_once_more, ON_RINGS),
	SCENARIO(nobody_there, ON_PCI | ON_SPLIT),
	SCENARIO(deaf, ON_ALL),
	SCENARIO(queue_resized, ON_ALL),
	SCENARIO(queue_resized_in_mid_flight, ON_ALL),
	SCENARIO(queue_resized_and_scanned, ON_ALL),
	SCENARIO(no_more_than_cmd_per_lun, ON_RINGS),
	SCENARIO(queue_resize_without_the_feature, ON_PCI | ON_SPLIT),
};

int main(void)
{
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
