/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk requests cut to every limit of the device's, over memory that is contiguous to it or not. */
#include "tests/host/fake/disk_jobs.h"

#include <sys/mman.h>

/* ---- Splitting ------------------------------------------------------------------------------- */

/* Reads and writes one request under those limits, in segments of these lengths: all right, or refused because
 * one block does not fit into a device request. */
static bool transfers(const size_t *lengths, unsigned count)
{
	struct job job;
	size_t block = disk->block_size;
	bool fits = true;

	for (unsigned pass = 0; pass < 2; pass++) {
		media.longest = 0;
		job_make(&job, pass ? BLOCK_WRITE : BLOCK_READ, 2 * block / 512, 12 * block);
		job_split(&job, lengths, count);
		int status = job_run(&job);
		CHECK(status == 0 || status == ERR_UNSUPPORTED);
		CHECK(status != 0 || job_is_right(&job));
		fits = status == 0;
		job_free(&job);
		CHECK_EQ(fake_port.mappings, 0);
	}
	return fits;
}

static void limits_of(uint32_t block_size, uint32_t seg_max, uint32_t size_max)
{
	static const size_t odd[] = { 512, 1024, 3584, 512, 512, 2048 };
	unsigned failures = check_failures;

	make();
	limits(block_size, seg_max, size_max);
	CHECK_EQ(fake_probe(&fake), 0);
	disk = block_first();
	while (disk->next)
		disk = disk->next;
	/* One long segment: it fits if the pieces that a request may have hold a block. */
	uint64_t pieces = seg_max && seg_max < 14 ? seg_max : 14;
	uint64_t most = pieces * (size_max ? size_max : UINT32_MAX);
	CHECK_EQ(transfers(NULL, 0), most >= block_size);
	CHECK(media.longest <= most);
	transfers(odd, 6);
	if (check_failures > failures)
		printf("# block_size %u, seg_max %u, size_max %u\n", block_size, seg_max, size_max);
}

/* Each drives a device of its own: a process has room for so many. */
static void split_by_seg_max(void)
{
	static const uint32_t seg_maxes[] = { 1, 2, 3, 5, 7, 13, 14, 15, 126, UINT32_MAX, 0 };

	for (unsigned i = 0; i < sizeof(seg_maxes) / sizeof(seg_maxes[0]); i++) {
		limits_of(512, seg_maxes[i], 0);
		limits_of(4096, seg_maxes[i], 0);
	}
}

static void split_by_size_max(void)
{
	static const uint32_t size_maxes[] = { 1,    36,   37,   511,  512,   513,       1000,
					       1023, 1024, 4095, 4096, 65535, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(size_maxes) / sizeof(size_maxes[0]); i++) {
		limits_of(512, 0, size_maxes[i]);
		limits_of(4096, 0, size_maxes[i]);
	}
}

static void split_by_both(void)
{
	static const uint32_t size_maxes[] = { 511, 512, 700, 1025, 4097 };

	for (uint32_t seg_max = 1; seg_max <= 9; seg_max += 2) {
		for (unsigned i = 0; i < 5; i++) {
			limits_of(512, seg_max, size_maxes[i]);
			limits_of(4096, seg_max, size_maxes[i]);
		}
	}
}

/* Memory that is contiguous to the device only up to odd places. */
static void scattered_memory(void)
{
	static const size_t pieces[] = { 513, 700, 999, 1000, 1023, 2047, 4095, 4096, 5001, 65535 };
	static const size_t odd[] = { 512, 1024, 3584, 512, 512, 2048 };

	make();
	start();
	for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fake_port.piece = pieces[i];
		CHECK(transfers(NULL, 0));
		CHECK(transfers(odd, 6));
		CHECK(transfers(odd + 1, 3));
		if (check_failures) {
			printf("# pieces of %zu\n", pieces[i]);
			return;
		}
	}
}

static void scattered_memory_and_limits(void)
{
	static const size_t odd[] = { 512, 1024, 3584, 512, 512, 2048 };

	make();
	limits(4096, 7, 1500);
	start();
	for (fake_port.piece = 1100; fake_port.piece < 5000; fake_port.piece += 97) {
		CHECK(transfers(NULL, 0));
		transfers(odd, 6);
		if (check_failures) {
			printf("# pieces of %zu\n", fake_port.piece);
			return;
		}
	}
}

/* Pieces so small that no block fits: an error, and everything is unmapped. */
static void memory_in_crumbs(void)
{
	make();
	limits(4096, 0, 0);
	start();
	fake_port.piece = 11;
	CHECK_EQ(read_at(0, 8192), ERR_UNSUPPORTED);
	CHECK_EQ(fake_port.mappings, 0);
	fake_port.piece = 0;
	works();
}

static void id_in_crumbs(void)
{
	char id[BLOCK_ID_BYTES + 1];

	make();
	start();
	fake_port.piece = 11; /* two or three pieces */
	CHECK_EQ(block_id(disk, id), 0);
	CHECK_TEXT(id, "fake disk 0123456789");
	fake_port.piece = 1; /* more than a request may have */
	CHECK(block_id(disk, id) < 0);
	CHECK_EQ(fake_port.mappings, 0);
}

/* Each mapping fails once, or is shorter than it was: the request fails once, or works because less was mapped
 * again. */
static void mapping_fails(bool half, uint32_t seg_max, size_t piece)
{
	static const size_t odd[] = { 512, 1024, 3584, 512, 512, 2048 };

	make();
	limits(4096, seg_max, 1500);
	start();
	fake_port.piece = piece;
	unsigned failed = 0, worked = 0;
	for (unsigned n = 1; n < 60; n++) {
		struct job job;
		job_make(&job, BLOCK_READ, 8, 8 * 4096);
		job_split(&job, odd, 6);
		*(half ? &fake_port.mapping_halves : &fake_port.mapping_fails) =
			fake_port.mapped + n;
		int status = job_run(&job);
		fake_port.mapping_halves = fake_port.mapping_fails = 0;
		failed += status != 0;
		worked += status == 0;
		CHECK(status == 0 || status == ERR_NOMEM || status == ERR_UNSUPPORTED);
		CHECK(status != 0 || job_is_right(&job));
		CHECK_EQ(fake_port.mappings, 0);
		job_free(&job);
	}
	/* Three pieces of a thousand bytes hold no block, fourteen hold one when the last is lost. */
	CHECK_EQ(worked > 0, seg_max == 14);
	CHECK(failed > 0 || half);
	fake_port.piece = 0;
	CHECK_EQ(read_at(0, 4096), 0);
}

static void mapping_fails_where_nothing_fits(void)
{
	mapping_fails(false, 3, 1000);
}

static void mapping_fails_where_a_block_fits(void)
{
	mapping_fails(false, 14, 1100);
}

static void mapping_is_shorter(void)
{
	mapping_fails(true, 14, 1100);
}

/* The same of a request in one piece, which is not walked through. */
static void mapping_of_one_piece_fails(void)
{
	make();
	start();
	fake_port.mapping_fails = fake_port.mapped + 1;
	CHECK_EQ(read_at(0, 4096), ERR_NOMEM); /* that one, and no other */
	char id[BLOCK_ID_BYTES + 1];
	fake_port.mapping_fails = fake_port.mapped + 1;
	CHECK_EQ(block_id(disk, id), ERR_NOMEM);
	fake_port.piece = 5000;
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(read_at(i, 4096), 0);
	CHECK_EQ(fake_port.mappings, 0);
}

/* More than 4 GiB in one request: a device request has 32 bits for what was written. */
static void more_than_4_gib(void)
{
	size_t length = UINT64_C(9) << 30;
	void *memory =
		mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct job job;

	CHECK(memory != MAP_FAILED);
	make();
	fake_config_set(&fake, 0, 8, length / 512);
	media.null = true;
	start();
	for (unsigned pass = 0; pass < 2; pass++) {
		job_make(&job, pass ? BLOCK_WRITE : BLOCK_READ, 0, 512);
		job.segments[0] = (struct block_segment){ memory, length };
		CHECK_EQ(job_run(&job), 0);
		CHECK(media.requests >= 3);
		CHECK(media.longest > 0 && media.longest <= 1 << 30);
		/* And so that no piece begins where a request of the largest size would. */
		job.segments[0].length = 4096;
		job.segments[1] = (struct block_segment){ (uint8_t *)memory + 4096, length - 4096 };
		job.request.segment_count = 2;
		CHECK_EQ(job_run(&job), 0);
		job_free(&job);
	}
	CHECK_EQ(fake_port.mappings, 0);
}

static unsigned parts_seen;

/* One answer for the first part, and another one for the second. */
static bool fails_in_two_ways(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	static const uint8_t statuses[] = { 1, 2 };

	(void)queue;
	(void)written;
	CHECK(parts_seen < 2);
	ring_chain_write(chain, chain->writable - 1, &statuses[parts_seen++ % 2], 1);
	return true;
}

/* What went wrong first is what is told. */
static void the_first_error_counts(void)
{
	struct job job;

	make();
	limits(512, 1, 4096);
	start();
	fake.before_use = fails_in_two_ways;
	job_make(&job, BLOCK_READ, 0, 8192);
	CHECK_EQ(job_run(&job), ERR_IO);
	CHECK_EQ(parts_seen, 2);
	fake.before_use = NULL;
	CHECK_EQ(job_run(&job), 0);
	CHECK(job_is_right(&job));
	job_free(&job);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(split_by_seg_max, ON_RINGS),
		SCENARIO(split_by_size_max, ON_RINGS),
		SCENARIO(split_by_both, ON_RINGS),
		SCENARIO(scattered_memory, ON_RINGS),
		SCENARIO(scattered_memory_and_limits, ON_RINGS),
		SCENARIO(memory_in_crumbs, ON_PCI | ON_SPLIT),
		SCENARIO(id_in_crumbs, ON_PCI | ON_SPLIT),
		SCENARIO(mapping_fails_where_nothing_fits, ON_RINGS),
		SCENARIO(mapping_fails_where_a_block_fits, ON_RINGS),
		SCENARIO(mapping_is_shorter, ON_RINGS),
		SCENARIO(mapping_of_one_piece_fails, ON_PCI | ON_SPLIT),
		SCENARIO(more_than_4_gib, ON_RINGS),
		SCENARIO(the_first_error_counts, ON_RINGS),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
