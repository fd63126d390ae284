/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared requests of virtio-blk (block_prepare): the same memory at one place of the disk after another, by the
 * program and from completions, in order, as many as anybody likes; and what cannot be prepared. What befalls the disk
 * between two uses is in test_blk_prepared_faults.c.
 */
#include "tests/host/fake/prepared_jobs.h"

#define SLOTS 24
static struct job slots[SLOTS];

/* ---- At one place after another --------------------------------------------------------------- */

static void again_and_again(void)
{
	struct job reader, writer;

	make();
	start();
	prepare(&reader, BLOCK_READ, 4096);
	prepare(&writer, BLOCK_WRITE, 1536);
	CHECK_EQ(fake_port.mappings, 2);
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned way = 0; way < 2; way++) {
			CHECK_EQ(prepared_ways[way].run(&writer, i * 37 % 2040), 0);
			CHECK_EQ(prepared_ways[way].run(&reader, i * 37 % 2040), 0);
		}
	}
	CHECK_EQ(fake_port.mappings, 2); /* and nothing was mapped meanwhile that is still */
	release(&reader);
	release(&writer);
	works();
}

/* In pieces, and several segments: still one device request. */
static void of_several_pieces(void)
{
	static const size_t lengths[] = { 512, 1024, 512 };
	struct job job;

	make();
	start();
	fake_port.piece = 700;
	job_make(&job, BLOCK_READ, 0, 4096);
	job_split(&job, lengths, 3);
	CHECK_EQ(block_prepare(disk, &job.request), 0);
	CHECK(fake_port.mappings > 4);
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(prepared_ways[i % 2].run(&job, i * 3), 0);
	release(&job);
	fake_port.piece = 0;
	works();
}

/* Each goes on from its own completion, at another place, a number of times. */
static unsigned rounds;

static void round_done(struct block_request *request)
{
	struct job *job = request->cookie;

	CHECK_EQ(request->status, 0);
	CHECK(job_is_right(job));
	job->done++;
	if (job->done < rounds) {
		dirty(job);
		request->sector = (request->sector + 97) % 2000;
		CHECK_EQ(block_submit_prepared(disk, request), 0);
	}
}

static bool all_done(void)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i].done < rounds)
			return false;
	}
	return true;
}

static void rounds_on(uint16_t queue_size)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = queue_size;
	start();
	rounds = 40;
	for (unsigned i = 0; i < SLOTS; i++) {
		prepare(&slots[i], i % 3 ? BLOCK_READ : BLOCK_WRITE, 2048);
		slots[i].request.done = round_done;
		slots[i].request.sector = i * 71;
		CHECK_EQ(block_submit_prepared(disk, &slots[i].request), 0);
	}
	CHECK(FAKE_WAIT(all_done(), 5000));
	fake_sleep(10);
	for (unsigned i = 0; i < SLOTS; i++) {
		CHECK_EQ(slots[i].done, rounds);
		release(&slots[i]);
	}
	CHECK_EQ(media.requests, SLOTS * rounds);
	CHECK_EQ(virtio_first()->resets, 0);
	works();
}

static void from_its_own_completion(void)
{
	rounds_on(64);
}

/* More of them than the ring holds: some wait each time. */
static void from_its_own_completion_in_a_full_ring(void)
{
	rounds_on(8);
}

/* ---- In which order ------------------------------------------------------------------------------ */

static uint64_t order[200];
static unsigned order_count;

static bool note_order(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t sector[4];

	(void)queue;
	(void)written;
	ring_chain_read(chain, 8, sector, 4);
	order[order_count++ % 200] = sector[0] | (uint64_t)sector[1] << 8;
	return true;
}

/* Prepared ones and others by turns, more than the ring holds: the device gets them as they were submitted. */
static void order_is_kept_in_a_full_ring(void)
{
	enum { COUNT = 60 };
	static struct job jobs[COUNT];

	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	fake.before_use = note_order;
	for (unsigned i = 0; i < COUNT; i++) {
		if (i % 4 != 3)
			prepare(&jobs[i], BLOCK_READ, 512);
		else
			job_make(&jobs[i], BLOCK_READ, 0, 512);
		jobs[i].request.sector = i;
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), 0);
	}
	CHECK(FAKE_WAIT(order_count == COUNT, 1000));
	fake_sleep(10);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(order[i], i);
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, 0);
		CHECK(job_is_right(&jobs[i]));
		release(&jobs[i]);
	}
	fake.before_use = NULL;
	works();
}

/* A completion submits one that is prepared, one that is not, and one that is: in that order they go out. */
static struct job *sequence[3];

static void submit_sequence(struct block_request *request)
{
	((struct job *)request->cookie)->done++;
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(block_submit_prepared(disk, &sequence[i]->request), 0);
}

static void order_is_kept_in_a_completion(void)
{
	struct job first, jobs[3];

	make();
	start();
	job_make(&first, BLOCK_READ, 0, 512);
	first.request.done = submit_sequence;
	prepare(&jobs[0], BLOCK_READ, 512);
	job_make(&jobs[1], BLOCK_READ, 0, 512);
	prepare(&jobs[2], BLOCK_READ, 512);
	CHECK_EQ(run_at(&jobs[0], 9), 0); /* encoded, so that nothing but the order keeps it */
	CHECK_EQ(run_at(&jobs[2], 9), 0);
	for (unsigned i = 0; i < 3; i++) {
		jobs[i].request.sector = 10 + i;
		sequence[i] = &jobs[i];
	}
	fake.before_use = note_order;
	CHECK_EQ(job_run(&first), 0);
	CHECK(FAKE_WAIT(order_count == 4, 1000));
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(order[1 + i], 10 + i);
		CHECK(FAKE_WAIT(jobs[i].request.status == 0 && job_is_right(&jobs[i]), 10));
	}
	fake.before_use = NULL;
	release(&jobs[0]);
	job_free(&jobs[1]);
	release(&jobs[2]);
	job_free(&first);
	works();
}

/* One completion submits more than the ring holds; behind those that wait for room comes what the program submits. */
enum { FROM_A_COMPLETION = 24, ALL_OF_THEM = 28 };
static struct job handed_on[ALL_OF_THEM];

static void submit_many(struct block_request *request)
{
	((struct job *)request->cookie)->done++;
	fake.deaf = true;
	for (unsigned i = 0; i < FROM_A_COMPLETION; i++)
		CHECK_EQ(block_submit_prepared(disk, &handed_on[i].request), 0);
}

static void order_is_kept_behind_a_completion(void)
{
	struct job first;

	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	for (unsigned i = 0; i < ALL_OF_THEM; i++) {
		prepare(&handed_on[i], BLOCK_READ, 512);
		CHECK_EQ(run_at(&handed_on[i], 9), 0); /* encoded: it takes the short way */
		handed_on[i].request.sector = 10 + i;
	}
	job_make(&first, BLOCK_READ, 0, 512);
	first.request.done = submit_many;
	fake.before_use = note_order;
	CHECK_EQ(job_run(&first), 0);
	for (unsigned i = FROM_A_COMPLETION; i < ALL_OF_THEM; i++)
		CHECK_EQ(block_submit_prepared(disk, &handed_on[i].request), 0);
	fake_sleep(1);
	fake.deaf = false;
	CHECK(FAKE_WAIT(order_count == 1 + ALL_OF_THEM, 1000));
	fake_sleep(10);
	for (unsigned i = 0; i < ALL_OF_THEM; i++) {
		CHECK_EQ(order[1 + i], 10 + i);
		CHECK_EQ(handed_on[i].done, 2);
		CHECK_EQ(handed_on[i].request.status, 0);
		CHECK(job_is_right(&handed_on[i]));
		release(&handed_on[i]);
	}
	fake.before_use = NULL;
	job_free(&first);
	works();
}

/* ---- How many ---------------------------------------------------------------------------------------- */

/* More than the driver has parts for: each brings one of its own, and those that are not prepared have as many
 * as ever. */
static void more_than_there_are_parts(void)
{
	enum { COUNT = 150 };
	static struct job jobs[COUNT];

	make();
	start();
	for (unsigned i = 0; i < COUNT; i++)
		prepare(&jobs[i], BLOCK_READ, 512);
	CHECK_EQ(fake_port.mappings, COUNT);
	fake.deaf = true;
	for (unsigned i = 0; i < COUNT; i++) {
		jobs[i].request.sector = i * 11;
		CHECK_EQ(block_submit_prepared(disk, &jobs[i].request), 0);
	}
	many_submit(MANY, 4096);
	fake_sleep(1);
	fake.deaf = false;
	CHECK(FAKE_WAIT(many_done(MANY), 5000));
	CHECK_EQ(many_with(MANY, 0), MANY);
	many_free(MANY);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, 0);
		CHECK(job_is_right(&jobs[i]));
		release(&jobs[i]);
	}
	/* All of its parts at once, with none left in the hands of those that are gone. */
	fake.before_use = NULL;
	many_submit(MANY, 512);
	CHECK(FAKE_WAIT(many_done(MANY), 5000));
	CHECK_EQ(many_with(MANY, 0), MANY);
	many_free(MANY);
	works();
}

static void no_memory_for_one_more(void)
{
	enum { COUNT = 80 };
	static struct job jobs[COUNT];
	unsigned count = 0;
	int error = 0;

	make();
	start();
	fake_port.allocation_fails = fake_port.allocated + 2;
	while (count < COUNT && !error) {
		job_make(&jobs[count], BLOCK_READ, 0, 512);
		error = block_prepare(disk, &jobs[count].request);
		count++;
	}
	CHECK_EQ(error, ERR_NOMEM);
	CHECK_EQ(fake_port.mappings, count - 1);
	/* It can be submitted all the same. */
	CHECK_EQ(run_at(&jobs[count - 1], 5), 0);
	for (unsigned i = 0; i < count; i++)
		release(&jobs[i]);
	works();
}

/* ---- What cannot be prepared ---------------------------------------------------------------------------- */

/* It is refused with that error, leaves nothing behind, and, `usable`, works when it is submitted. */
static void refuses(struct job *job, int error, bool usable)
{
	CHECK_EQ(block_prepare(disk, &job->request), error);
	CHECK_EQ(fake_port.mappings, 0);
	if (usable)
		CHECK_EQ(run_at(job, 0), 0);
	block_unprepare(disk, &job->request); /* harmless */
	job_free(job);
}

static void what_makes_no_sense_is_refused(void)
{
	struct job job;

	make();
	start();
	job_make(&job, BLOCK_FLUSH, 0, 0);
	refuses(&job, ERR_INVALID, false);
	job_make(&job, BLOCK_GET_ID, 0, 20);
	refuses(&job, ERR_INVALID, false);
	job_make(&job, BLOCK_READ, 0, 0);
	refuses(&job, ERR_INVALID, false);
	job_make(&job, BLOCK_READ, 0, 700);
	refuses(&job, ERR_INVALID, false);
	job_make(&job, BLOCK_READ, 0, (FAKE_DISK_SECTORS + 1) * 512);
	refuses(&job, ERR_RANGE, false);
	works();
}

static void half_a_block_is_refused(void)
{
	struct job job;

	make();
	limits(4096, 14, 0);
	start();
	job_make(&job, BLOCK_READ, 0, 2048);
	refuses(&job, ERR_INVALID, false);
	works();
}

static void more_than_one_device_request(void)
{
	struct job job;

	make();
	limits(512, 2, 1024);
	start();
	job_make(&job, BLOCK_READ, 0, 2560);
	refuses(&job, ERR_UNSUPPORTED, true);
	job_make(&job, BLOCK_READ, 0, 2048);
	CHECK_EQ(block_prepare(disk, &job.request), 0); /* that much is one */
	CHECK_EQ(run_at(&job, 7), 0);
	release(&job);
	works();
}

static void without_indirect_tables(void)
{
	struct job job;

	make();
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	start();
	job_make(&job, BLOCK_WRITE, 0, 4096);
	refuses(&job, ERR_UNSUPPORTED, true);
	works();
}

static void write_to_a_read_only_disk(void)
{
	struct job job;

	make();
	fake_offer(&fake, 5);
	start();
	job_make(&job, BLOCK_WRITE, 0, 512);
	CHECK_EQ(block_prepare(disk, &job.request), ERR_READ_ONLY);
	CHECK_EQ(block_submit_prepared(disk, &job.request), ERR_READ_ONLY);
	release(&job);
	prepare(&job, BLOCK_READ, 512);
	CHECK_EQ(run_at(&job, 3), 0);
	release(&job);
	CHECK_EQ(fake_port.mappings, 0);
	CHECK_EQ(media.writes, 0);
}

static void wrong_places_are_refused(void)
{
	struct job job;

	make();
	limits(4096, 14, 0);
	start();
	prepare(&job, BLOCK_WRITE, 8192);
	CHECK_EQ(run_at(&job, FAKE_DISK_SECTORS - 16), 0);
	unsigned requests = media.requests;
	static const uint64_t beyond[] = { FAKE_DISK_SECTORS - 8, FAKE_DISK_SECTORS, 1u << 31,
					   UINT64_MAX - 7 };
	for (unsigned i = 0; i < 4; i++) {
		job.request.sector = beyond[i];
		CHECK_EQ(block_submit_prepared(disk, &job.request), ERR_RANGE);
	}
	for (unsigned sector = 1; sector < 8; sector++) {
		job.request.sector = sector;
		CHECK_EQ(block_submit_prepared(disk, &job.request), ERR_INVALID);
	}
	fake_sleep(10);
	CHECK_EQ(job.done, 1);
	CHECK_EQ(media.requests, requests);
	CHECK_EQ(run_at(&job, 8), 0);
	release(&job);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(again_and_again, ON_ALL),
		SCENARIO(of_several_pieces, ON_ALL),
		SCENARIO(from_its_own_completion, ON_ALL),
		SCENARIO(from_its_own_completion_in_a_full_ring, ON_ALL),
		SCENARIO(order_is_kept_in_a_full_ring, ON_ALL),
		SCENARIO(order_is_kept_in_a_completion, ON_ALL),
		SCENARIO(order_is_kept_behind_a_completion, ON_ALL),
		SCENARIO(more_than_there_are_parts, ON_ALL),
		SCENARIO(no_memory_for_one_more, ON_RINGS),
		SCENARIO(what_makes_no_sense_is_refused, ON_RINGS),
		SCENARIO(half_a_block_is_refused, ON_RINGS),
		SCENARIO(more_than_one_device_request, ON_ALL),
		SCENARIO(without_indirect_tables, ON_ALL),
		SCENARIO(write_to_a_read_only_disk, ON_ALL),
		SCENARIO(wrong_places_are_refused, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
