/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk requests that are about a range of sectors and carry no data of the program's: BLOCK_DISCARD and
 * BLOCK_WRITE_ZEROES (VIRTIO 1.4, 5.2.6). What goes over the wire, how it is cut, what is refused, what a device makes
 * of it in the middle.
 */
#include "tests/host/fake/disk_jobs.h"

enum { DISCARD_TYPE = 11, ZEROES_TYPE = 13 };

/* Offered, with at most so many sectors in a range. */
static void offer_ranges(uint32_t discard_max, uint32_t zeroes_max, bool may_unmap)
{
	fake_offer(&fake, 13);
	fake_config_set(&fake, 36, 4, discard_max);
	fake_config_set(&fake, 40, 4, 1);
	fake_offer(&fake, 14);
	fake_config_set(&fake, 48, 4, zeroes_max);
	fake_config_set(&fake, 52, 4, 1);
	fake_config_set(&fake, 56, 1, may_unmap);
}

static void range_make(struct job *job, enum block_op op, uint64_t sector, uint64_t sectors)
{
	job_make(job, op, sector, 0);
	job->request.sectors = sectors;
}

static int run_range(enum block_op op, uint64_t sector, uint64_t sectors)
{
	struct job job;

	range_make(&job, op, sector, sectors);
	int status = job_run(&job);
	CHECK_EQ(job.request.sector, sector); /* the caller's part is as it was */
	CHECK_EQ(job.request.sectors, sectors);
	job_free(&job);
	return status;
}

static uint8_t before[FAKE_DISK_SECTORS * 512];

static void remember(void)
{
	memcpy(before, media.bytes, sizeof(before));
}

/* Those sectors are that, and all others are as they were. */
static void only_these_changed(uint64_t sector, uint64_t sectors, int byte)
{
	memset(before + sector * 512, byte, sectors * 512);
	CHECK(memcmp(before, media.bytes, sizeof(before)) == 0);
}

/* ---- On the wire --------------------------------------------------------------------------- */

static void sent(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	const struct fake_range *range = &media.last_range;

	CHECK_EQ(range->type, type);
	CHECK_EQ(range->sector, sector);
	CHECK_EQ(range->sectors, sectors);
	CHECK_EQ(range->flags, flags);
}

static void wire_format(void)
{
	make();
	offer_ranges(1000, 1000, true);
	start();
	remember();
	CHECK_EQ(block_discard(disk, 17, 300), 0);
	sent(DISCARD_TYPE, 17, 300, 0);
	only_these_changed(17, 300, FAKE_DISCARDED);
	CHECK_EQ(block_write_zeroes(disk, 2047, 1, false), 0);
	sent(ZEROES_TYPE, 2047, 1, 0);
	only_these_changed(2047, 1, 0);
	CHECK_EQ(block_write_zeroes(disk, 0, 1000, true), 0);
	sent(ZEROES_TYPE, 0, 1000, 1);
	only_these_changed(0, 1000, 0);
	/* 5.2.6.1-14: no flag for a discard, whatever is asked for. */
	struct job job;
	range_make(&job, BLOCK_DISCARD, 40, 8);
	job.request.unmap = true;
	CHECK_EQ(job_run(&job), 0);
	sent(DISCARD_TYPE, 40, 8, 0);
	job_free(&job);
	CHECK_EQ(media.ranges, 4);
	CHECK_EQ(media.requests, 4);
	works();
}

/* A device that says it will not unmap is not asked to. */
static void unmap_where_the_device_may_not(void)
{
	make();
	offer_ranges(1000, 1000, false);
	start();
	CHECK(!disk->limits.zeroes_may_unmap);
	CHECK_EQ(block_write_zeroes(disk, 8, 8, true), 0);
	sent(ZEROES_TYPE, 8, 8, 0);
	works();
}

static void sectors_beyond_32_bits(void)
{
	make();
	offer_ranges(UINT32_MAX, UINT32_MAX, true);
	fake_config_set(&fake, 0, 8, UINT64_C(1) << 40);
	media.null = true;
	start();
	CHECK_EQ(run_range(BLOCK_DISCARD, UINT64_C(0x1234567890), 8), 0);
	sent(DISCARD_TYPE, UINT64_C(0x1234567890), 8, 0);
	/* 2^33 sectors, in ranges of 2^32 - 1. */
	CHECK_EQ(run_range(BLOCK_WRITE_ZEROES, 5, UINT64_C(1) << 33), 0);
	sent(ZEROES_TYPE, 5 + UINT64_C(2) * UINT32_MAX, 2, 0);
	CHECK_EQ(media.ranges, 4);
}

/* ---- Cut ---------------------------------------------------------------------------------------- */

static void cut_to(uint32_t max, uint64_t sector, uint64_t sectors, unsigned parts)
{
	static const enum block_op ops[] = { BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

	fake_config_set(&fake, 36, 4, max);
	fake_config_set(&fake, 48, 4, max);
	for (unsigned i = 0; i < 2; i++) {
		unsigned ranges = media.ranges;
		remember();
		CHECK_EQ(run_range(ops[i], sector, sectors), 0);
		CHECK_EQ(media.ranges - ranges, parts);
		only_these_changed(sector, sectors, ops[i] == BLOCK_DISCARD ? FAKE_DISCARDED : 0);
	}
}

static void cut_to_what_the_device_takes(void)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = 4; /* most parts wait */
	offer_ranges(7, 7, true);
	start();
	cut_to(7, 100, 1, 1);
	cut_to(7, 100, 7, 1);
	cut_to(7, 100, 8, 2);
	cut_to(7, 3, 2000, 286);
	works();
}

static void cut_without_indirect_tables(void)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = 4;
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	offer_ranges(1, 1, true);
	start();
	cut_to(1, 1000, 99, 99);
	works();
}

/* 20 sectors are two blocks and a half: two. */
static void cut_to_whole_blocks(void)
{
	make();
	limits(4096, 14, 0);
	offer_ranges(20, 20, true);
	start();
	CHECK_EQ(disk->limits.discard_sectors_max, 16);
	CHECK_EQ(disk->limits.zeroes_sectors_max, 16);
	cut_to(20, 8, 8 * 9, 5);
	works();
}

/* Among reads and writes: each completes once. */
static void many_among_others(void)
{
	enum { COUNT = 60 };
	static struct job jobs[COUNT];

	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	offer_ranges(3, 5, true);
	start();
	remember();
	for (unsigned i = 0; i < COUNT; i++) {
		if (i % 3 == 0)
			job_make(&jobs[i], BLOCK_WRITE, 20 * i, 2560);
		else
			range_make(&jobs[i], i % 3 == 1 ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES,
				   20 * i, 20);
		CHECK_EQ(block_submit(disk, &jobs[i].request), 0);
	}
	CHECK(FAKE_WAIT(media.requests == 20 * (1 + 7 + 4), 1000));
	fake_sleep(10);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, 0);
		if (i % 3 == 0)
			memcpy(before + i * 20 * 512, jobs[i].memory, 2560);
		else
			memset(before + i * 20 * 512, i % 3 == 1 ? FAKE_DISCARDED : 0, 20 * 512);
		job_free(&jobs[i]);
	}
	CHECK(memcmp(before, media.bytes, sizeof(before)) == 0);
	works();
}

/* ---- Refused -------------------------------------------------------------------------------------- */

static void refused_with(uint64_t sector, uint64_t sectors, int error)
{
	CHECK_EQ(block_discard(disk, sector, sectors), error);
	CHECK_EQ(block_write_zeroes(disk, sector, sectors, true), error);
	CHECK_EQ(block_write_zeroes(disk, sector, sectors, false), error);
}

static void nothing_was_sent(void)
{
	fake_sleep(10);
	CHECK_EQ(media.requests, 0);
}

static void wrong_ranges_are_refused(void)
{
	static struct block_segment segment = { before, 512 };
	struct job job;

	make();
	limits(4096, 14, 0);
	offer_ranges(1000, 1000, true);
	start();
	refused_with(0, 0, ERR_INVALID);
	refused_with(FAKE_DISK_SECTORS, 8, ERR_RANGE);
	refused_with(FAKE_DISK_SECTORS - 8, 16, ERR_RANGE);
	refused_with(0, FAKE_DISK_SECTORS + 8, ERR_RANGE);
	refused_with(8, UINT64_MAX - 7, ERR_RANGE);
	refused_with(UINT64_MAX - 7, 8, ERR_RANGE);
	refused_with(1, 8, ERR_INVALID);
	refused_with(8, 7, ERR_INVALID);
	range_make(&job, BLOCK_DISCARD, 0, 8);
	job.request.segments = &segment;
	job.request.segment_count = 1;
	CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
	CHECK_EQ(job.done, 0);
	job_free(&job);
	nothing_was_sent();
	refused_with(0, FAKE_DISK_SECTORS, 0);
	works();
}

static void read_only(void)
{
	make();
	offer_ranges(1000, 1000, true);
	fake_offer(&fake, 5);
	start();
	refused_with(0, 8, ERR_READ_ONLY);
	nothing_was_sent();
}

static void without_the_features(void)
{
	make();
	offer_ranges(1000, 1000, true);
	fake_withdraw(&fake, 13);
	fake_withdraw(&fake, 14);
	start();
	refused_with(0, 8, ERR_UNSUPPORTED);
	nothing_was_sent();
	works();
}

/* One of the two does not stand for the other. */
static void with_one_feature(void)
{
	make();
	offer_ranges(1000, 1000, true);
	fake_withdraw(&fake, 14);
	start();
	CHECK_EQ(block_write_zeroes(disk, 0, 8, true), ERR_UNSUPPORTED);
	CHECK_EQ(block_discard(disk, 0, 8), 0);
	CHECK_EQ(media.requests, 1);
	make();
	offer_ranges(1000, 1000, true);
	fake_withdraw(&fake, 13);
	CHECK_EQ(fake_probe(&fake), 0);
	disk = block_find("vdb");
	CHECK_EQ(block_discard(disk, 0, 8), ERR_UNSUPPORTED);
	CHECK_EQ(block_write_zeroes(disk, 0, 8, true), 0);
	CHECK_EQ(media.requests, 1);
	works();
}

/* ---- In the middle ------------------------------------------------------------------------------------ */

static uint8_t answer;
static unsigned answer_at;

static bool answers(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)written;
	if (answer_at > 0 && --answer_at == 0)
		ring_chain_write(chain, 0, &answer, 1);
	return true;
}

/* One of the parts fails: the request ends once, with that error, and what had not gone out yet is not tried. */
static void fails_in_the_middle(void)
{
	static const struct {
		uint8_t status;
		int error;
	} cases[] = { { 1, ERR_IO }, { 2, ERR_UNSUPPORTED }, { 0xff, ERR_IO }, { 77, ERR_IO } };

	make();
	fake.queues[0].size_max = fake.queues[0].size = 8;
	offer_ranges(2, 2, true);
	start();
	fake.before_use = answers;
	for (unsigned i = 0; i < 4 * 3; i++) {
		unsigned ranges = media.ranges;
		answer = cases[i % 4].status;
		answer_at = 1 + i / 4 * 20;
		CHECK_EQ(run_range(i % 2 ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES, 100, 400),
			 cases[i % 4].error);
		CHECK(media.ranges - ranges <= 1 + i / 4 * 20 + 2 * 8);
		CHECK_EQ(answer_at, 0);
		fake_sleep(10);
	}
	CHECK_EQ(virtio_first()->resets, 0);
	fake.before_use = NULL;
	CHECK_EQ(run_range(BLOCK_DISCARD, 100, 400), 0);
	works();
}

static void a_bad_sector_in_the_middle(void)
{
	make();
	offer_ranges(10, 10, true);
	start();
	media.has_bad_sector = true;
	media.bad_sector = 500;
	remember();
	CHECK_EQ(run_range(BLOCK_WRITE_ZEROES, 0, 1000), ERR_IO);
	CHECK_EQ(run_range(BLOCK_WRITE_ZEROES, 0, 500), 0);
	CHECK_EQ(run_range(BLOCK_WRITE_ZEROES, 501, 499), 0);
	memcpy(before + 500 * 512, media.bytes + 500 * 512, 512);
	memset(before, 0, 500 * 512);
	only_these_changed(501, 499, 0);
	media.has_bad_sector = false;
	works();
}

static bool keeps_it(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	(void)written;
	return false;
}

/* While one is with the device, whose ring is full, and another one waits, it is reset, and comes back so that a range
 * has at most so many sectors. The status of the one that waited. */
static int reset_while_it_waits(enum block_op op, uint32_t max)
{
	struct job first, waits;

	make();
	fake.queues[0].size_max = fake.queues[0].size = 4;
	offer_ranges(10, 10, true);
	start();
	fake.before_use = keeps_it;
	range_make(&first, op, 0, 40);
	range_make(&waits, op, 1000, 40);
	CHECK_EQ(block_submit(disk, &first.request), 0);
	CHECK_EQ(block_submit(disk, &waits.request), 0);
	fake_sleep(1);
	CHECK_EQ(media.ranges, 4);
	CHECK_EQ(first.done + waits.done, 0);
	fake.before_use = NULL;
	fake_config_set(&fake, 36, 4, max);
	fake_config_set(&fake, 48, 4, max);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(first.done && waits.done, 5000));
	fake_sleep(10);
	CHECK_EQ(first.done, 1);
	CHECK_EQ(first.request.status, ERR_IO);
	CHECK_EQ(waits.done, 1);
	CHECK_EQ(virtio_first()->resets, 1);
	int status = waits.request.status;
	job_free(&first);
	job_free(&waits);
	works();
	return status;
}

static void a_reset_in_mid_flight(void)
{
	CHECK_EQ(reset_while_it_waits(BLOCK_WRITE_ZEROES, 10), 0);
	CHECK_EQ(media.ranges, 8);
	sent(ZEROES_TYPE, 1030, 10, 0);
}

static void smaller_ranges_after_a_reset(void)
{
	CHECK_EQ(reset_while_it_waits(BLOCK_DISCARD, 9), 0);
	CHECK_EQ(media.ranges, 9);
	sent(DISCARD_TYPE, 1036, 4, 0);
}

/* It may not even have one sector in a range any more. */
static void no_ranges_after_a_reset(void)
{
	CHECK_EQ(reset_while_it_waits(BLOCK_DISCARD, 0), ERR_UNSUPPORTED);
	CHECK_EQ(media.ranges, 4);
	CHECK_EQ(block_discard(disk, 0, 1), ERR_UNSUPPORTED);
}

static void no_zeroes_after_a_reset(void)
{
	CHECK_EQ(reset_while_it_waits(BLOCK_WRITE_ZEROES, 0), ERR_UNSUPPORTED);
	CHECK_EQ(media.ranges, 4);
}

static void the_disk_shrinks_meanwhile(void)
{
	struct job job;

	make();
	fake.queues[0].size_max = fake.queues[0].size = 4;
	offer_ranges(10, 10, true);
	start();
	fake.deaf = true;
	range_make(&job, BLOCK_DISCARD, 0, 1000);
	CHECK_EQ(block_submit(disk, &job.request), 0);
	vport_relax(0);
	fake_config_set(&fake, 0, 8, 200);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == 200, 1000));
	media.sectors = 200;
	fake.deaf = false;
	CHECK(FAKE_WAIT(job.done, 1000));
	fake_sleep(10);
	CHECK_EQ(job.done, 1);
	CHECK_EQ(job.request.status, ERR_RANGE);
	CHECK_EQ(media.ranges, 20);
	job_free(&job);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(wire_format, ON_ALL),
		SCENARIO(unmap_where_the_device_may_not, ON_BUSES),
		SCENARIO(sectors_beyond_32_bits, ON_RINGS),
		SCENARIO(cut_to_what_the_device_takes, ON_ALL),
		SCENARIO(cut_without_indirect_tables, ON_RINGS),
		SCENARIO(cut_to_whole_blocks, ON_BUSES),
		SCENARIO(many_among_others, ON_ALL),
		SCENARIO(wrong_ranges_are_refused, ON_BUSES),
		SCENARIO(read_only, ON_BUSES),
		SCENARIO(without_the_features, ON_BUSES),
		SCENARIO(with_one_feature, ON_BUSES),
		SCENARIO(fails_in_the_middle, ON_ALL),
		SCENARIO(a_bad_sector_in_the_middle, ON_ALL),
		SCENARIO(a_reset_in_mid_flight, ON_RINGS),
		SCENARIO(smaller_ranges_after_a_reset, ON_RINGS),
		SCENARIO(no_ranges_after_a_reset, ON_RINGS),
		SCENARIO(no_zeroes_after_a_reset, ON_RINGS),
		SCENARIO(the_disk_shrinks_meanwhile, ON_RINGS),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
