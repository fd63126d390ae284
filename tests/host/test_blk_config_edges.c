/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-blk device says of itself at the edges of what is accepted, and what a reset makes of it: each case
 * holds checks that `make mutants` found to be missed by the tests of test_blk_config.c.
 */
#include "tests/host/fake/disk_jobs.h"

enum {
	SIZE_MAX_BIT = 1,
	FLUSH = 9,
	TOPOLOGY = 10,
	CONFIG_WCE = 11,
	DISCARD = 13,
	WRITE_ZEROES = 14
};

static void make_with_all(void)
{
	make();
	for (unsigned feature = SIZE_MAX_BIT; feature <= WRITE_ZEROES; feature++) {
		if (feature <= 2 || feature == 6 || (feature >= FLUSH && feature != 12))
			fake_offer(&fake, feature);
	}
	fake_config_set(&fake, 8, 4, 4096);
	fake_config_set(&fake, 24, 2, 0x0003); /* topology */
	fake_config_set(&fake, 26, 2, 8);
	fake_config_set(&fake, 28, 4, 64);
	fake_config_set(&fake, 32, 1, 1); /* writeback */
	fake_config_set(&fake, 36, 4, 64);
	fake_config_set(&fake, 40, 4, 1);
	fake_config_set(&fake, 44, 4, 8);
	fake_config_set(&fake, 48, 4, 64);
	fake_config_set(&fake, 52, 4, 1);
	media.size_max = 4096;
}

/* ---- Fields that cannot be read -------------------------------------------------------------- */

/* In the order in which they are read: how many reads of registers each takes. */
static const unsigned reads_of[] = {
	1, /* blk_size */
	1, /* size_max */
	1, /* seg_max */
	3, /* discards: sectors, ranges, alignment */
	2, /* zeroes: sectors, ranges */
	1, /* may they unmap */
	2, /* physical_block_exp, alignment_offset */
	1, /* min_io_size */
	1, /* opt_io_size */
	1, /* writeback */
	2, /* capacity */
};
enum { WRITEBACK = 9 };
#define FIELDS (sizeof(reads_of) / sizeof(reads_of[0]))

static unsigned reads, noise_from, noise_to;

/* The generation changes while one field is read, all 16 times, and with no other one. */
static void make_noise(struct fake_device *device)
{
	device->generation += reads >= noise_from && reads < noise_to;
	reads++;
}

static void noise_at(unsigned field)
{
	reads = noise_from = 0;
	for (unsigned i = 0; i < field; i++)
		noise_from += reads_of[i];
	noise_to = noise_from + 16 * reads_of[field];
	fake.before_config_read = make_noise;
}

static void probe_with_noise(unsigned field)
{
	make_with_all();
	noise_at(field);
	CHECK_EQ(fake_probe(&fake), ERR_BUSY);
	CHECK_EQ(reads, noise_to); /* nothing was read after it */
	CHECK_NOTHING_LEFT();
}

static void reset_with_noise(unsigned field)
{
	make_with_all();
	start();
	/* Who has chosen a mode, in vain, chooses it once more, if it can be read which one there is. */
	if (field == WRITEBACK) {
		media.mode_stays = true;
		CHECK_EQ(block_set_write_back(disk, false), 0);
		CHECK(disk->write_back);
	}
	noise_at(field);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(disk->gone, 2000));
	CHECK_EQ(reads, noise_to);
	CHECK(fake_logged("given up: busy"));
}

static void row33_one_field_never_settles(void)
{
	for (unsigned field = 0; field < FIELDS; field++) {
		scenario_row(probe_with_noise, field);
		scenario_row(reset_with_noise, field);
	}
	make_with_all();
	noise_at(FIELDS - 1);
	noise_from = noise_to;
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_EQ(reads, 16); /* all of them were above */
}

/* The configuration ends in the middle of what was negotiated. */
static void probe_with_bytes(unsigned bytes)
{
	make_with_all();
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 12, 4, bytes);
	CHECK_EQ(fake_probe(&fake), bytes < 57 ? ERR_RANGE : 0);
	if (bytes < 57)
		CHECK_NOTHING_LEFT();
}

static void row33_one_field_is_not_there(void)
{
	for (unsigned bytes = 1; bytes <= 58; bytes++)
		scenario_row(probe_with_bytes, bytes);
}

/* ---- The last values that make sense ------------------------------------------------------------ */

static void the_largest_capacity(void)
{
	make();
	media.null = true;
	fake_config_set(&fake, 0, 8, INT64_MAX / 512);
	start();
	CHECK_EQ(fake_log_count(), 0);
	CHECK_EQ(disk->capacity, INT64_MAX / 512);
}

/* No power of two, and in the range of those that are possible. */
static void row37_blk_size_1536(void)
{
	make();
	fake_config_set(&fake, 20, 4, 1536);
	start();
	CHECK_EQ(disk->block_size, 512);
	CHECK(fake_logged("impossible block size 1536"));
	works();
}

static void the_largest_blocks(void)
{
	make();
	limits(65536, 0, 0);
	start();
	CHECK_EQ(disk->block_size, 65536);
	CHECK_EQ(fake_log_count(), 0);
	CHECK_EQ(read_at(8 * 128, 5 * 65536), 0);
}

static void row37_size_max_of_all_ones(void)
{
	make();
	fake_offer(&fake, SIZE_MAX_BIT);
	fake_config_set(&fake, 8, 4, UINT32_MAX);
	start();
	CHECK_EQ(disk->limits.piece_bytes_max, disk->limits.part_bytes_max);
	works();
}

static void the_largest_hints(void)
{
	make_with_all();
	fake_config_set(&fake, 24, 1, 16);
	fake_config_set(&fake, 28, 4, UINT32_MAX / 512);
	start();
	CHECK_EQ(disk->topology.physical_block_size, 512 << 16);
	CHECK_EQ(disk->topology.io_size_best, 0xfffffe00);
}

/* Parts for the requests come by 32, and as many as the queue is long. */
static void parts_for_each_place(void)
{
	static const unsigned sizes[] = { 31, 32, 33, 64 };
	unsigned before[4];

	for (unsigned i = 0; i < 4; i++) {
		make();
		fake.queues[0].size_max = sizes[i];
		before[i] = fake_port.dma_allocations;
		CHECK_EQ(fake_probe(&fake), 0);
		before[i] = fake_port.dma_allocations - before[i];
	}
	CHECK_EQ(before[1], before[0]);
	CHECK_EQ(before[2], before[1] + 1);
	CHECK_EQ(before[3], before[2]);
}

/* ---- What a reset changes -------------------------------------------------------------------------- */

static void reset(void)
{
	unsigned resets = virtio_first()->resets;

	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->resets > resets && virtio_first()->state == VIRTIO_RUNNING,
			2000));
}

/* The generation tells programs, and requests that are prepared, whether it may be another disk. */
static void generation_after_resets(void)
{
	make_with_all();
	start();
	unsigned generation = disk->generation;
	reset();
	reset();
	CHECK_EQ(disk->generation, generation); /* all was the same */
	media.size_max = 2048;
	fake_config_set(&fake, 8, 4, 2048);
	reset();
	CHECK(disk->generation != generation);
	generation = disk->generation;
	media.seg_max = 3;
	fake_config_set(&fake, 12, 4, 3);
	reset();
	CHECK(disk->generation != generation);
	generation = disk->generation;
	limits(1024, 3, 2048);
	reset();
	CHECK(disk->generation != generation);
	works();
}

/* The device says the same capacity, but of other blocks. */
static void larger_blocks_after_a_reset(void)
{
	make();
	media.sectors = 2047;
	fake_config_set(&fake, 0, 8, 2047);
	start();
	CHECK_EQ(disk->capacity, 2047);
	limits(4096, 126, 0);
	reset();
	CHECK_EQ(disk->block_size, 4096);
	CHECK_EQ(disk->capacity, 2040);
	CHECK_EQ(disk->tail_sectors, 7);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(row33_one_field_never_settles, ON_BUSES),
		SCENARIO(row33_one_field_is_not_there, ON_PCI | ON_SPLIT),
		SCENARIO(the_largest_capacity, ON_BUSES),
		SCENARIO(row37_blk_size_1536, ON_BUSES),
		SCENARIO(the_largest_blocks, ON_BUSES),
		SCENARIO(row37_size_max_of_all_ones, ON_BUSES),
		SCENARIO(the_largest_hints, ON_BUSES),
		SCENARIO(parts_for_each_place, ON_PCI | ON_PACKED),
		SCENARIO(generation_after_resets, ON_BUSES),
		SCENARIO(larger_blocks_after_a_reset, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
