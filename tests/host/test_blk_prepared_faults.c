/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared requests of virtio-blk (block_prepare), and what befalls the disk between two uses: errors, memory that the
 * device wrote over, a reset, its end. A use fails or is right; and the next one is right again. (Other limits:
 * test_blk_prepared_limits.c.)
 */
#include "drivers/virtio/block_queue.h"
#include "tests/host/fake/prepared_jobs.h"

/* ---- Errors of one use ---------------------------------------------------------------------- */

/* The n-th buffer from now on is used so; n = 0: none. */
static unsigned strike_at;
static bool (*strike)(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written);

static bool strike_once(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	if (strike_at == 0 || --strike_at > 0)
		return true;
	return strike(queue, chain, written);
}

static bool says_ioerr(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t status = 1;

	(void)queue;
	ring_chain_write(chain, (size_t)chain->writable - 1, &status, 1);
	*written = 1;
	return true;
}

static bool says_unsupp(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t status = 2;

	(void)queue;
	ring_chain_write(chain, (size_t)chain->writable - 1, &status, 1);
	*written = 1;
	return true;
}

static bool too_short(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	*written = (uint32_t)chain->writable - 1;
	return true;
}

static bool too_long(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	*written = (uint32_t)chain->writable + 1;
	return true;
}

static void an_error_and_good_again(void)
{
	static const struct {
		bool (*how)(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written);
		int status;
		bool resets;
	} cases[] = {
		{ says_ioerr, ERR_IO, false },   { says_unsupp, ERR_UNSUPPORTED, false },
		{ too_short, ERR_IO, false },    { too_long, ERR_IO, true },
		{ keeps_it, ERR_TIMEOUT, true },
	};
	struct job reader, writer;

	fake_setting("deadline_ms", "500");
	make();
	start();
	prepare(&reader, BLOCK_READ, 2048);
	prepare(&writer, BLOCK_WRITE, 2048);
	fake.before_use = strike_once;
	for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned resets = virtio_first()->resets, way = i % 2;
		struct job *job = i % 4 < 2 ? &reader : &writer;
		CHECK_EQ(prepared_ways[way].run(job, 100 + i), 0);
		strike = cases[i / 2].how;
		strike_at = way + 1; /* its first is the one that submits */
		CHECK_EQ(prepared_ways[way].run(job, 200 + i), cases[i / 2].status);
		CHECK_EQ(strike_at, 0);
		CHECK_EQ(prepared_ways[way].run(job, 300 + i), 0);
		CHECK_EQ(prepared_ways[1 - way].run(job, 400 + i), 0);
		CHECK_EQ(virtio_first()->resets, resets + cases[i / 2].resets);
		fake_sleep(600); /* it works for a while in between */
	}
	release(&reader);
	release(&writer);
	works();
}

/* The status that it had the last time is not taken for an answer. */
static bool forget_status_from_now_on(struct fake_queue *queue, struct ring_chain *chain,
				      uint32_t *written)
{
	(void)queue;
	(void)chain;
	(void)written;
	media.no_status = true;
	return true;
}

static void the_status_is_not_written(void)
{
	struct job job;

	make();
	start();
	prepare(&job, BLOCK_WRITE, 1024);
	for (unsigned i = 0; i < 6; i++) {
		unsigned way = i % 2;
		CHECK_EQ(prepared_ways[way].run(&job, i), 0);
		media.no_status = way == 0;
		fake.before_use = way == 0 ? NULL : forget_status_from_now_on;
		CHECK_EQ(prepared_ways[way].run(&job, 20 + i), ERR_IO);
		media.no_status = false;
		fake.before_use = NULL;
	}
	release(&job);
	works();
}

static void one_bad_sector(void)
{
	struct job reader, writer;

	make();
	start();
	prepare(&reader, BLOCK_READ, 4096);
	prepare(&writer, BLOCK_WRITE, 4096);
	media.has_bad_sector = true;
	media.bad_sector = 105;
	for (unsigned way = 0; way < 2; way++) {
		for (uint64_t sector = 95; sector < 110; sector++) {
			int status = sector > 97 && sector <= 105 ? ERR_IO : 0;
			CHECK_EQ(prepared_ways[way].run(&reader, sector), status);
			CHECK_EQ(prepared_ways[way].run(&writer, sector), status);
		}
	}
	CHECK_EQ(virtio_first()->resets, 0);
	media.has_bad_sector = false;
	release(&reader);
	release(&writer);
	works();
}

/* ---- Memory that is shared, written over between two uses ------------------------------------------ */

/* The first use fails, or is right; the next one is right: by then the table and the header are made anew. */
static void written_over(unsigned offset, unsigned length, bool table)
{
	static const uint8_t bytes[] = { 0x00, 0xee, 0xff };

	fake_setting("deadline_ms", "500");
	misses_expected = true;
	make();
	fake.lawless = true; /* what it finds there is not the driver's doing */
	start();
	for (unsigned i = 0; i < 2 * sizeof(bytes); i++) {
		struct job job;
		prepare(&job, BLOCK_READ, 1024);
		CHECK_EQ(run_from_completion(&job, 50), 0);
		struct block_part *part = job.request.driver.part;
		memset((uint8_t *)(table ? (void *)part->table : part->wire) + offset, bytes[i / 2],
		       length);
		/* By the program the header is written anew each time, the table is not. */
		int status = prepared_ways[i % 2].run(&job, 60);
		CHECK(status <= 0);
		CHECK_EQ(prepared_ways[i % 2].run(&job, 70), 0);
		CHECK_EQ(prepared_ways[1 - i % 2].run(&job, 80), 0);
		release(&job);
		fake_sleep(600);
	}
	CHECK(!disk->gone);
	works();
}

static void its_table_is_written_over(void)
{
	written_over(0, 3 * 16, true);
}

static void its_type_is_written_over(void)
{
	written_over(0, 4, false);
}

static void all_of_its_header_is_written_over(void)
{
	written_over(0, 16, false);
}

/* ---- A reset ------------------------------------------------------------------------------------------ */

static void a_reset_between_two_uses(void)
{
	struct job job;

	make();
	start();
	prepare(&job, BLOCK_WRITE, 4096);
	CHECK_EQ(run_at(&job, 1), 0);
	for (unsigned i = 1; i <= 4; i++) {
		needs_reset(i);
		CHECK_EQ(prepared_ways[i % 2].run(&job, 10 * i), 0);
		CHECK_EQ(prepared_ways[1 - i % 2].run(&job, 10 * i + 1), 0);
		fake_sleep(600);
	}
	release(&job);
	works();
}

/* In flight when the device is reset: each ends once, and goes out again from its completion, while the device is not
 * back yet. Those that wait just wait. */
static void a_reset_in_mid_flight(void)
{
	enum { COUNT = 40 };
	static struct job jobs[COUNT];

	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	fake.before_use = keeps_it;
	for (unsigned i = 0; i < COUNT; i++) {
		prepare(&jobs[i], BLOCK_READ, 1024);
		jobs[i].request.sector = i * 13;
		jobs[i].again = i < 16; /* those that are in flight */
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), 0);
	}
	fake_sleep(1);
	for (unsigned i = 0; i < COUNT; i++)
		CHECK_EQ(jobs[i].done, 0);
	fake.before_use = NULL;
	needs_reset(1);
	fake_sleep(10);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(jobs[i].done, i < 16 ? 2 : 1);
		CHECK_EQ(jobs[i].request.status, 0);
		CHECK(job_is_right(&jobs[i]));
		CHECK_EQ(prepared_ways[i % 2].run(&jobs[i], i), 0);
		release(&jobs[i]);
	}
	works();
}

static void in_flight_when_the_queue_changes_its_size(void)
{
	enum { COUNT = 40 };
	static struct job jobs[COUNT];

	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.deaf = true;
	for (unsigned i = 0; i < COUNT; i++) {
		prepare(&jobs[i], i % 2 ? BLOCK_READ : BLOCK_WRITE, 1024);
		jobs[i].request.sector = i * 13;
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), 0);
	}
	vport_relax(0);
	CHECK_EQ(block_resize_queue(disk, 16), 0);
	fake.deaf = false;
	CHECK(FAKE_WAIT(jobs[COUNT - 1].done && media.requests == COUNT, 1000));
	fake_sleep(10);
	CHECK_EQ(media.requests, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, 0);
		CHECK(job_is_right(&jobs[i]));
		release(&jobs[i]);
	}
	CHECK_EQ(virtio_first()->resets, 0);
	works();
}

/* ---- The end ---------------------------------------------------------------------------------------------------- */

static void gone_with(bool hang)
{
	enum { COUNT = 30 };
	static struct job jobs[COUNT];
	struct job idle, late;

	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	prepare(&idle, BLOCK_READ, 512);
	CHECK_EQ(run_at(&idle, 1), 0);
	fake.before_use = keeps_it;
	for (unsigned i = 0; i < COUNT; i++) {
		prepare(&jobs[i], BLOCK_READ, 512);
		jobs[i].request.sector = i;
		jobs[i].again = i % 2;
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), 0);
	}
	fake_sleep(1);
	fake.hang_reset = hang;
	fake.gone = !hang;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(disk->gone, 5000));
	fake_sleep(10);
	CHECK_EQ(block_submit_prepared(disk, &idle.request), ERR_NODEV);
	job_make(&late, BLOCK_READ, 0, 512);
	CHECK_EQ(block_prepare(disk, &late.request), ERR_NODEV);
	release(&late);
	block_unprepare(disk, &idle.request);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(jobs[i].done, i % 2 ? 2 : 1);
		CHECK_EQ(jobs[i].request.status, ERR_NODEV);
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), ERR_NODEV);
		block_unprepare(disk, &jobs[i].request);
	}
	fake_sleep(1000);
	CHECK_EQ(idle.done, 1);
	/* What the device may still write to stays mapped. */
	CHECK_EQ(fake_port.mappings, hang && bus == FAKE_PCI ? 0 : COUNT + 1);
	if (fake_port.mappings > 0)
		return;
	release(&idle);
	for (unsigned i = 0; i < COUNT; i++)
		job_free(&jobs[i]);
}

static void gone(void)
{
	gone_with(false);
}

static void its_reset_hangs(void)
{
	gone_with(true);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(an_error_and_good_again, ON_ALL),
		SCENARIO(the_status_is_not_written, ON_ALL),
		SCENARIO(one_bad_sector, ON_ALL),
		SCENARIO(its_table_is_written_over, ON_ALL),
		SCENARIO(its_type_is_written_over, ON_ALL),
		SCENARIO(all_of_its_header_is_written_over, ON_ALL),
		SCENARIO(a_reset_between_two_uses, ON_ALL),
		SCENARIO(a_reset_in_mid_flight, ON_ALL),
		SCENARIO(in_flight_when_the_queue_changes_its_size, ON_ALL),
		SCENARIO(gone, ON_ALL),
		SCENARIO(its_reset_hangs, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
