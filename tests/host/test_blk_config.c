/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-blk device says of itself (VIRTIO 1.4, 5.2.4 and 5.2.5), sane and insane: capacity, blocks, limits,
 * topology, its cache and how that is switched, its queues.
 */
#include "tests/host/fake/disk_jobs.h"

/* ---- Capacity and limits that make no sense -------------------------------------------------- */

static void row37_blk_size(uint32_t size)
{
	make();
	fake_config_set(&fake, 20, 4, size);
	start();
	CHECK_EQ(disk->block_size, 512);
	CHECK(fake_logged("impossible block size"));
	works();
}

static void row37_blk_size_0(void)
{
	row37_blk_size(0);
}

static void row37_blk_size_3(void)
{
	row37_blk_size(3);
}

static void row37_blk_size_256(void)
{
	row37_blk_size(256);
}

static void row37_blk_size_131072(void)
{
	row37_blk_size(131072);
}

static void row37_blk_size_of_all_ones(void)
{
	row37_blk_size(UINT32_MAX);
}

static void row37_seg_max_0(void)
{
	make();
	fake_config_set(&fake, 12, 4, 0);
	media.seg_max = 1;
	start();
	CHECK(fake_logged("impossible seg_max 0"));
	works();
}

static void row37_seg_max_of_all_ones(void)
{
	make();
	fake_config_set(&fake, 12, 4, UINT32_MAX);
	start();
	fake_port.piece = 700;
	works();
}

static void row37_size_max_0(void)
{
	make();
	fake_offer(&fake, 1);
	start();
	works();
}

static void row37_capacity_0(void)
{
	uint8_t bytes[512];

	make();
	fake_config_set(&fake, 0, 8, 0);
	start();
	CHECK_EQ(disk->capacity, 0);
	CHECK_EQ(block_read(disk, 0, bytes, 512), ERR_RANGE);
	CHECK_EQ(block_flush(disk), 0);
}

static void row37_capacity_of_all_ones(void)
{
	uint8_t bytes[512];

	make();
	fake_config_set(&fake, 0, 8, UINT64_MAX);
	start();
	CHECK(fake_logged("impossible capacity"));
	CHECK(disk->capacity <= INT64_MAX / 512);
	CHECK_EQ(block_read(disk, UINT64_MAX, bytes, 512), ERR_RANGE);
	CHECK_EQ(block_read(disk, disk->capacity, bytes, 512), ERR_RANGE);
	works();
}

static void row33_generation_never_settles_at_a_change(void)
{
	make();
	start();
	fake.generation_runs = true;
	fake_config_set(&fake, 0, 8, 1);
	fake_interrupt_config(&fake);
	fake_sleep(1000);
	CHECK_EQ(disk->capacity, FAKE_DISK_SECTORS);
	fake.generation_runs = false;
	fake_config_set(&fake, 0, 8, FAKE_DISK_SECTORS);
	works();
}

static void row38_capacity_shrinks(void)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = 4;
	start();
	fake.deaf = true;
	many_submit(MANY, 4096); /* from sector 0 to 8 × 99 + 8 = 800 */
	vport_relax(0);
	fake_config_set(&fake, 0, 8, 400);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == 400, 1000));
	struct job job;
	job_make(&job, BLOCK_READ, 400, 512);
	CHECK_EQ(block_submit(disk, &job.request), ERR_RANGE);
	job_free(&job);
	fake.deaf = false;
	CHECK(FAKE_WAIT(many_done(MANY), 1000));
	CHECK_EQ(many_with(MANY, 0), 50);
	CHECK_EQ(many_with(MANY, ERR_RANGE), 50);
	many_free(MANY);
	works();
}

/* ---- Ranges: discard, write zeroes ------------------------------------------------------------- */

/* So many sectors in a range, so many ranges; what is made of it for either. */
static void row37_ranges(uint32_t block_size, uint32_t sectors, uint32_t ranges, uint32_t usable)
{
	make();
	limits(block_size, 14, 0);
	fake_offer(&fake, 13);
	fake_config_set(&fake, 36, 4, sectors);
	fake_config_set(&fake, 40, 4, ranges);
	fake_offer(&fake, 14);
	fake_config_set(&fake, 48, 4, sectors);
	fake_config_set(&fake, 52, 4, ranges);
	start();
	CHECK_EQ(disk->limits.discard_sectors_max, usable);
	CHECK_EQ(disk->limits.zeroes_sectors_max, usable);
	CHECK_EQ(fake_logged_times("it can discard, but"), usable == 0);
	CHECK_EQ(fake_logged_times("it can write zeroes, but"), usable == 0);
	CHECK_EQ(block_discard(disk, 0, 32), usable ? 0 : ERR_UNSUPPORTED);
	CHECK_EQ(block_write_zeroes(disk, 32, 32, true), usable ? 0 : ERR_UNSUPPORTED);
	CHECK_EQ(media.ranges > 0, usable > 0);
	works();
}

static void row37_ranges_of_no_sectors(void)
{
	row37_ranges(512, 0, 1, 0);
}

static void row37_no_ranges(void)
{
	row37_ranges(512, 100, 0, 0);
}

static void row37_ranges_of_less_than_a_block(void)
{
	row37_ranges(4096, 7, 1, 0);
}

static void row37_ranges_of_a_block_and_a_half(void)
{
	row37_ranges(4096, 12, 1, 8);
}

static void row37_ranges_of_all_ones(void)
{
	row37_ranges(4096, UINT32_MAX, UINT32_MAX, UINT32_MAX - 7);
}

/* ---- Blocks ---------------------------------------------------------------------------------------- */

static void not_whole_blocks_are_refused(void)
{
	static uint8_t bytes[8192];
	struct job job;

	make();
	limits(4096, 14, 0);
	start();
	for (unsigned sector = 1; sector < 8; sector++) {
		CHECK_EQ(block_read(disk, sector, bytes, 4096), ERR_INVALID);
		CHECK_EQ(block_write(disk, 8 + sector, bytes, 4096), ERR_INVALID);
		CHECK_EQ(block_read(disk, 0, bytes, 512 * sector), ERR_INVALID);
		CHECK_EQ(block_write(disk, 8, bytes, 4096 + 512 * sector), ERR_INVALID);
		job_make(&job, BLOCK_WRITE, sector, 4096);
		CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
		job.request.sector = 0;
		job.segments[0].length = 512 * sector;
		CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
		job_free(&job);
	}
	fake_sleep(10);
	CHECK_EQ(media.requests, 0);
	works();
}

/* ---- Topology --------------------------------------------------------------------------------------- */

static void offer_topology(uint8_t exponent, uint8_t alignment, uint16_t min, uint32_t best)
{
	fake_offer(&fake, 10);
	fake_config_set(&fake, 24, 1, exponent);
	fake_config_set(&fake, 25, 1, alignment);
	fake_config_set(&fake, 26, 2, min);
	fake_config_set(&fake, 28, 4, best);
}

static void topology_is(uint32_t physical, uint32_t alignment, uint32_t min, uint32_t best)
{
	CHECK_EQ(disk->topology.physical_block_size, physical);
	CHECK_EQ(disk->topology.alignment_sectors, alignment);
	CHECK_EQ(disk->topology.io_size_min, min);
	CHECK_EQ(disk->topology.io_size_best, best);
	works();
}

static void topology(void)
{
	make();
	offer_topology(3, 7, 8, 128);
	start();
	topology_is(4096, 7, 4096, 65536);
}

static void topology_of_large_blocks(void)
{
	make();
	limits(4096, 14, 0);
	offer_topology(1, 1, 2, 256);
	start();
	topology_is(8192, 8, 8192, 1048576);
}

static void topology_that_cannot_be(void)
{
	make();
	limits(4096, 14, 0);
	offer_topology(17, 255, 65535, UINT32_MAX);
	start();
	topology_is(0, 255 * 8, 65535 * 4096, 0);
}

static void topology_without_the_feature(void)
{
	make();
	offer_topology(3, 7, 8, 128);
	fake_withdraw(&fake, 10);
	start();
	topology_is(0, 0, 0, 0);
}

/* ---- The cache ----------------------------------------------------------------------------------------- */

static void offer_modes(uint8_t writeback)
{
	fake_offer(&fake, 11);
	fake_config_set(&fake, 32, 1, writeback);
}

static void cache_mode_is_read(void)
{
	static const struct {
		bool flush, modes;
		uint8_t writeback;
		bool can_flush, write_back;
	} cases[] = {
		{ false, false, 1, false, false }, { true, false, 0, true, true },
		{ true, true, 0, true, false },    { true, true, 1, true, true },
		{ true, true, 0xa5, true, true },  { false, true, 1, false, false },
	};
	char name[] = "vda";

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++, name[2]++) {
		make();
		offer_modes(cases[i].writeback);
		if (!cases[i].modes)
			fake_withdraw(&fake, 11);
		if (!cases[i].flush)
			fake_withdraw(&fake, 9);
		CHECK_EQ(fake_probe(&fake), 0);
		disk = block_find(name);
		CHECK_EQ(disk->can_flush, cases[i].can_flush);
		CHECK_EQ(disk->write_back, cases[i].write_back);
		CHECK_EQ(media.mode_writes, 0);
		/* 5.2.6.1-13: also where nothing stays in the cache now, something may have before. */
		CHECK_EQ(block_flush(disk), 0);
		CHECK_EQ(media.flushes, cases[i].flush);
		CHECK_EQ(block_set_write_back(disk, true), cases[i].modes ? 0 : ERR_UNSUPPORTED);
		CHECK_EQ(media.mode_writes, cases[i].modes);
		works();
	}
}

static void cache_mode_is_switched(void)
{
	make();
	offer_modes(1);
	start();
	for (unsigned i = 0; i < 6; i++) {
		bool on = i % 2 != 0;
		CHECK_EQ(block_set_write_back(disk, on), 0);
		CHECK_EQ(disk->write_back, on);
		CHECK_EQ(fake_config_get(&fake, 32, 1), on);
		works();
	}
	CHECK_EQ(media.mode_writes, 6);
}

/* What the device then says is what counts. */
static void cache_mode_that_stays(void)
{
	make();
	offer_modes(1);
	media.mode_stays = true;
	start();
	CHECK_EQ(block_set_write_back(disk, false), 0);
	CHECK(disk->write_back);
	CHECK_EQ(media.mode_writes, 1);
	works();
}

/* As QEMU's does: a reset brings back the mode that it began with. */
static void begin_with_write_back(struct fake_device *device, const char *step)
{
	if (strcmp(step, "status=0") == 0)
		fake_config_set(device, 32, 1, 1);
}

static void reset_it(unsigned resets)
{
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->resets == resets && virtio_first()->state == VIRTIO_RUNNING,
			1000));
}

static void cache_mode_after_a_reset(void)
{
	make();
	offer_modes(0);
	fake.after_step = begin_with_write_back;
	start();
	CHECK(disk->write_back);
	reset_it(1);
	CHECK_EQ(media.mode_writes, 0); /* nobody chose it */
	CHECK_EQ(block_set_write_back(disk, false), 0);
	reset_it(2);
	CHECK(!disk->write_back); /* a program relies on that */
	CHECK_EQ(fake_config_get(&fake, 32, 1), 0);
	CHECK_EQ(media.mode_writes, 2);
	CHECK_EQ(block_set_write_back(disk, true), 0);
	reset_it(3);
	CHECK(disk->write_back);
	CHECK_EQ(media.mode_writes, 3); /* as it is already */
	works();
}

static void cache_mode_of_a_disk_that_is_gone(void)
{
	make();
	offer_modes(1);
	start();
	fake.gone = true;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(disk->gone, 5000));
	CHECK_EQ(block_set_write_back(disk, false), ERR_NODEV);
	CHECK_EQ(media.mode_writes, 0);
}

/* ---- Queues ------------------------------------------------------------------------------------------------ */

/* There is one CPU: one queue is used, however many there are said to be. */
static void row22_num_queues(uint16_t count)
{
	make();
	fake_offer(&fake, 12);
	fake_config_set(&fake, 34, 2, count);
	start();
	CHECK_EQ(fake_logged("impossible num_queues 0"), count == 0);
	CHECK(fake.queues[0].ready);
	CHECK(virtio_first()->queues[0] && !virtio_first()->queues[1]);
	works();
}

static void row22_num_queues_0(void)
{
	row22_num_queues(0);
}

static void row22_num_queues_1(void)
{
	row22_num_queues(1);
}

static void row22_num_queues_4(void)
{
	row22_num_queues(4);
}

static void row22_num_queues_65535(void)
{
	row22_num_queues(65535);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(row37_blk_size_0, ON_BUSES),
		SCENARIO(row37_blk_size_3, ON_BUSES),
		SCENARIO(row37_blk_size_256, ON_BUSES),
		SCENARIO(row37_blk_size_131072, ON_BUSES),
		SCENARIO(row37_blk_size_of_all_ones, ON_BUSES),
		SCENARIO(row37_seg_max_0, ON_BUSES),
		SCENARIO(row37_seg_max_of_all_ones, ON_BUSES),
		SCENARIO(row37_size_max_0, ON_BUSES),
		SCENARIO(row37_capacity_0, ON_BUSES),
		SCENARIO(row37_capacity_of_all_ones, ON_BUSES),
		SCENARIO(row33_generation_never_settles_at_a_change, ON_BUSES),
		SCENARIO(row38_capacity_shrinks, ON_ALL),
		SCENARIO(row37_ranges_of_no_sectors, ON_BUSES),
		SCENARIO(row37_no_ranges, ON_BUSES),
		SCENARIO(row37_ranges_of_less_than_a_block, ON_BUSES),
		SCENARIO(row37_ranges_of_a_block_and_a_half, ON_BUSES),
		SCENARIO(row37_ranges_of_all_ones, ON_BUSES),
		SCENARIO(not_whole_blocks_are_refused, ON_BUSES),
		SCENARIO(topology, ON_BUSES),
		SCENARIO(topology_of_large_blocks, ON_BUSES),
		SCENARIO(topology_that_cannot_be, ON_BUSES),
		SCENARIO(topology_without_the_feature, ON_BUSES),
		SCENARIO(cache_mode_is_read, ON_BUSES),
		SCENARIO(cache_mode_is_switched, ON_BUSES),
		SCENARIO(cache_mode_that_stays, ON_BUSES),
		SCENARIO(cache_mode_after_a_reset, ON_BUSES),
		SCENARIO(cache_mode_of_a_disk_that_is_gone, ON_BUSES),
		SCENARIO(row22_num_queues_0, ON_BUSES),
		SCENARIO(row22_num_queues_1, ON_BUSES),
		SCENARIO(row22_num_queues_4, ON_BUSES),
		SCENARIO(row22_num_queues_65535, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
