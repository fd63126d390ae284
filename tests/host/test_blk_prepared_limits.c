/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared requests of virtio-blk (block_prepare) on a disk that changes: its size, its blocks, its limits. The request
 * is cut anew, or refused as often as it is submitted; also where it had been accepted before, and waits.
 */
#include "tests/host/fake/prepared_jobs.h"

/* ---- Another size, other limits ----------------------------------------------------------------------------- */

static void has_sectors(uint64_t sectors)
{
	media.sectors = sectors;
	fake_config_set(&fake, 0, 8, sectors);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == sectors, 1000));
}

static void the_disk_shrinks_and_grows(void)
{
	struct job job;

	make();
	start();
	prepare(&job, BLOCK_WRITE, 2048);
	CHECK_EQ(run_at(&job, 2000), 0);
	has_sectors(1000);
	job.request.sector = 997;
	CHECK_EQ(block_submit_prepared(disk, &job.request), ERR_RANGE);
	job.request.sector = 2000;
	CHECK_EQ(block_submit_prepared(disk, &job.request), ERR_RANGE);
	CHECK_EQ(run_at(&job, 996), 0);
	has_sectors(3); /* less than the request is long */
	job.request.sector = 0;
	CHECK_EQ(block_submit_prepared(disk, &job.request), ERR_RANGE);
	has_sectors(FAKE_DISK_SECTORS);
	CHECK_EQ(run_from_completion(&job, 2000), 0);
	CHECK_EQ(job.done, 3);
	CHECK_EQ(fake_port.mappings, 1);
	release(&job);
	works();
}

/* It was accepted, and waits, when the disk shrinks. */
static void the_disk_shrinks_before_it_goes_out(void)
{
	enum { COUNT = 30 };
	static struct job jobs[COUNT];

	make();
	fake.queues[0].size_max = fake.queues[0].size = 4;
	start();
	fake.deaf = true;
	for (unsigned i = 0; i < COUNT; i++) {
		prepare(&jobs[i], BLOCK_READ, 512);
		jobs[i].request.sector = i * 10;
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), 0);
	}
	fake_sleep(1);
	fake_config_set(&fake, 0, 8, 150); /* the four that are in flight are within */
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == 150, 1000));
	media.sectors = 150;
	fake.deaf = false;
	CHECK(FAKE_WAIT(media.requests == 15, 1000));
	fake_sleep(10);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, i < 15 ? 0 : ERR_RANGE);
		release(&jobs[i]);
	}
	works();
}

/* The device comes back from a reset with other limits: the request is cut anew, or refused as often as it is
 * submitted, and good again with the old ones. */
static void other_limits_after_a_reset(void)
{
	struct job small, large;

	make();
	limits(512, 8, 1024);
	start();
	prepare(&small, BLOCK_READ, 1024);
	prepare(&large, BLOCK_WRITE, 4096);
	CHECK_EQ(run_at(&small, 7), 0);
	CHECK_EQ(run_at(&large, 7), 0);
	limits(512, 2, 700); /* two segments: the small one still fits */
	needs_reset(1);
	for (unsigned i = 0; i < 3; i++) {
		large.request.sector = 9;
		CHECK_EQ(block_submit_prepared(disk, &large.request), ERR_UNSUPPORTED);
		CHECK_EQ(prepared_ways[i % 2].run(&small, 9 + i), 0);
	}
	CHECK_EQ(large.done, 1);
	limits(512, 4, 1024);
	needs_reset(2);
	CHECK_EQ(run_at(&small, 11), 0);
	CHECK_EQ(run_at(&large, 11), 0);
	CHECK_EQ(run_from_completion(&large, 13), 0);
	release(&small);
	release(&large);
	works();
}

static void larger_blocks_after_a_reset(void)
{
	struct job small, large;

	make();
	start();
	prepare(&small, BLOCK_WRITE, 1024);
	prepare(&large, BLOCK_WRITE, 8192);
	CHECK_EQ(run_at(&small, 7), 0);
	CHECK_EQ(run_at(&large, 7), 0);
	limits(4096, 8, 0);
	needs_reset(1);
	for (unsigned i = 0; i < 3; i++) {
		small.request.sector = 8;
		CHECK_EQ(block_submit_prepared(disk, &small.request), ERR_INVALID);
		large.request.sector = 7;
		CHECK_EQ(block_submit_prepared(disk, &large.request), ERR_INVALID);
		CHECK_EQ(prepared_ways[i % 2].run(&large, 8 * i), 0);
	}
	CHECK_EQ(small.done, 1);
	limits(512, 8, 0);
	needs_reset(2);
	CHECK_EQ(run_from_completion(&small, 9), 0);
	CHECK_EQ(run_at(&small, 11), 0);
	release(&small);
	release(&large);
	works();
}

/* They wait while the device is reset, and it comes back with these limits. */
static void waits_during_a_reset(uint32_t block_size, uint32_t seg_max, int status)
{
	enum { COUNT = 20 };
	static struct job jobs[COUNT];

	make();
	limits(512, 8, 1024);
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	fake.before_use = keeps_it;
	for (unsigned i = 0; i < COUNT; i++) {
		prepare(&jobs[i], BLOCK_WRITE, 4096);
		jobs[i].request.sector = 3 + i * 8;
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), 0);
	}
	fake_sleep(1);
	fake.before_use = NULL;
	limits(block_size, seg_max, 1024);
	needs_reset(1);
	CHECK(FAKE_WAIT(jobs[COUNT - 1].done, 1000));
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, i < 16 ? ERR_IO : status);
		release(&jobs[i]);
	}
	works();
}

static void waits_and_the_limits_shrink(void)
{
	waits_during_a_reset(512, 2, ERR_UNSUPPORTED);
}

static void waits_and_the_blocks_grow(void)
{
	waits_during_a_reset(4096, 8, ERR_INVALID);
}

static void no_room_to_map_it_anew(void)
{
	struct job job;

	make();
	start();
	fake_port.piece = 1500;
	prepare(&job, BLOCK_READ, 4096);
	CHECK_EQ(run_at(&job, 1), 0);
	unsigned mappings = fake_port.mappings;
	for (unsigned n = 1; n <= mappings; n++) {
		has_sectors(1000 + n); /* so that it is prepared anew */
		job.request.sector = 5;
		fake_port.mapping_fails = fake_port.mapped + n;
		CHECK_EQ(block_submit_prepared(disk, &job.request), ERR_NOMEM);
		CHECK_EQ(fake_port.mappings, 0);
		fake_port.mapping_fails = 0;
		CHECK_EQ(prepared_ways[n % 2].run(&job, 5), 0);
		CHECK_EQ(fake_port.mappings, mappings);
	}
	release(&job);
	fake_port.piece = 0;
	works();
}

/* What a request that cannot be prepared has taken meanwhile is given back. */
static void prepared_in_vain_again_and_again(void)
{
	unsigned allocations = 0;

	make();
	start();
	for (unsigned i = 0; i < 100; i++) {
		struct job job;
		job_make(&job, BLOCK_READ, 0, 4096);
		fake_port.mapping_fails = fake_port.mapped + 1;
		CHECK_EQ(block_prepare(disk, &job.request), ERR_NOMEM);
		CHECK_EQ(fake_port.mappings, 0);
		if (i == 0)
			allocations = fake_port.dma_allocations;
		job_free(&job);
	}
	CHECK_EQ(fake_port.dma_allocations, allocations);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(prepared_in_vain_again_and_again, ON_PCI | ON_SPLIT),
		SCENARIO(the_disk_shrinks_and_grows, ON_ALL),
		SCENARIO(the_disk_shrinks_before_it_goes_out, ON_ALL),
		SCENARIO(other_limits_after_a_reset, ON_ALL),
		SCENARIO(larger_blocks_after_a_reset, ON_ALL),
		SCENARIO(waits_and_the_limits_shrink, ON_ALL),
		SCENARIO(waits_and_the_blocks_grow, ON_ALL),
		SCENARIO(no_room_to_map_it_anew, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
