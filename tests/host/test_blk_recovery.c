/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk and the end of a device, for good or until the next reset: every request is completed exactly once, and
 * nothing is left mapped. Also errors of the medium, a driver that does not come up, and all lies for a while.
 */
#include "tests/host/fake/disk_lies.h"

/* ---- 35, 36: the device as a whole ----------------------------------------------------------------------------- */

static void row35_needs_reset_in_mid_flight(void)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	for (unsigned i = 1; i <= 5; i++) {
		fake.before_use = keep;
		many_submit(MANY, 4096);
		fake_sleep(1);
		fake.before_use = NULL;
		fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
		fake_interrupt_config(&fake);
		CHECK(FAKE_WAIT(many_done(MANY), 2000));
		unsigned failed = many_with(MANY, ERR_IO);
		CHECK(failed > 0 && failed <= 16);
		CHECK_EQ(many_with(MANY, 0), MANY - failed);
		CHECK_EQ(virtio_first()->resets, i);
		many_free(MANY);
		works();
		fake_sleep(600); /* it works for a while in between */
	}
}

/* The owners submit again from their completions, while the device is not back yet. */
static void row35_submitted_again_during_the_reset(void)
{
	make();
	start();
	fake.before_use = keep;
	many_submit(30, 4096);
	for (unsigned i = 0; i < 30; i++)
		many[i].again = true;
	fake_sleep(1);
	fake.before_use = NULL;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(media.requests >= 60, 2000));
	fake_sleep(10);
	for (unsigned i = 0; i < 30; i++) {
		CHECK_EQ(many[i].done, 2);
		CHECK_EQ(many[i].request.status, 0);
		CHECK(job_is_right(&many[i]));
	}
	many_free(30);
	works();
}

/* A request of several parts, of which some are in flight, some done and some not made yet. */
static void row35_in_the_middle_of_a_long_request(void)
{
	make();
	limits(512, 2, 1024);
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	for (unsigned at = 1; at < 40; at += 3) {
		struct job job;
		job_make(&job, BLOCK_READ, 0, 100 * 1024);
		tell(at, wrong_id);
		CHECK_EQ(job_run(&job), ERR_IO);
		CHECK_EQ(fake_port.mappings, 0);
		fake_sleep(600);
		CHECK_EQ(job.done, 1);
		job_free(&job);
		works();
	}
}

/* A device that breaks a rule whenever it is asked is not reset for ever. */
static void row35_reset_again_and_again(void)
{
	make();
	start();
	fake.before_use = too_long;
	for (unsigned i = 0; i < 60 && !disk->gone; i++) {
		struct job job;
		job_make(&job, BLOCK_READ, 0, 512);
		CHECK(job_run(&job) != 0);
		job_free(&job);
	}
	CHECK(FAKE_WAIT(disk->gone, 1000));
	CHECK(fake_logged("given up"));
	CHECK_EQ(virtio_first()->resets, 21); /* 20 in a row may help */
	CHECK_EQ(fake_port.mappings, 0);
}

static void gone_with(bool hang)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	fake.before_use = keep;
	many_submit(MANY, 4096);
	for (unsigned i = 0; i < MANY; i += 2)
		many[i].again = true;
	fake_sleep(1);
	uint64_t begun = fake_port.now;
	if (hang) {
		fake.hang_reset = true;
		fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	} else {
		fake.gone = true;
	}
	CHECK(FAKE_WAIT(disk->gone, 5000));
	CHECK(fake_port.now - begun < UINT64_C(3000000000));
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_EQ(many[i].done, i % 2 == 0 ? 2 : 1);
		CHECK_EQ(many[i].request.status, ERR_NODEV);
	}
	struct job job;
	job_make(&job, BLOCK_READ, 0, 512);
	CHECK_EQ(block_submit(disk, &job.request), ERR_NODEV);
	uint8_t bytes[512];
	CHECK_EQ(block_read(disk, 0, bytes, 512), ERR_NODEV);
	CHECK_EQ(block_flush(disk), ERR_NODEV);
	fake_sleep(5000);
	CHECK_EQ(job.done, 0);
	job_free(&job);
	many_free(MANY);
	CHECK_EQ(fake_port.interrupts_requested, 0);
	CHECK(fake_log_count() <= 4);
	/* What a device may still write to stays mapped: only of one that has lost its bus mastering, that is
	 * certain not to be so. */
	CHECK_EQ(fake_port.mappings == 0, hang && bus == FAKE_PCI);
}

static void row36_gone_in_mid_flight(void)
{
	gone_with(false);
}

static void row32_reset_hangs_in_mid_flight(void)
{
	gone_with(true);
}

/* The requests of a queue that was reset alone wait to go out once more, and then the device is gone. */
static void row36_gone_while_requests_go_out_again(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.deaf = true;
	many_submit(30, 4096);
	vport_relax(0);
	fake.no_queue_vectors = true; /* so that the queue is not enabled again */
	fake.hang_reset = true;
	CHECK_EQ(block_resize_queue(disk, 32), ERR_IO);
	CHECK(FAKE_WAIT(disk->gone && many_done(30), 5000));
	CHECK_EQ(many_with(30, ERR_NODEV), 30);
	many_free(30);
}

/* ---- Errors of the medium ---------------------------------------------------------------------------------------------- */

/* In the middle of a request of many parts: it fails once, and the rest of it is not tried for nothing. */
static void error_in_the_middle_of_a_long_request(void)
{
	make();
	limits(512, 2, 1024);
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	media.has_bad_sector = true;
	for (media.bad_sector = 0; media.bad_sector < 400; media.bad_sector += 37) {
		struct job job;
		unsigned before = media.requests;
		job_make(&job, BLOCK_READ, 0, 200 * 1024);
		CHECK_EQ(job_run(&job), ERR_IO);
		CHECK(media.requests - before <= media.bad_sector / 4 + 1 + 2 * 16);
		fake_sleep(10);
		CHECK_EQ(job.done, 1);
		CHECK_EQ(fake_port.mappings, 0);
		job_free(&job);
	}
	CHECK_EQ(virtio_first()->resets, 0);
	media.has_bad_sector = false;
	works();
}

static void error_among_many_requests(void)
{
	make();
	start();
	media.has_bad_sector = true;
	media.bad_sector = 8 * 33 + 5;
	many_submit(MANY, 4096);
	CHECK(FAKE_WAIT(many_done(MANY), 1000));
	CHECK_EQ(many_with(MANY, 0), MANY - 1);
	CHECK_EQ(many[33].request.status, ERR_IO);
	many_free(MANY);
}

/* ---- Probing -------------------------------------------------------------------------------------------------------------- */

static void out_of_memory(void)
{
	unsigned count = 0;

	do {
		make();
	} while (probe_without_memory(&fake, ++count) && count < 50);
	CHECK(count > 5 && count < 50);
	CHECK(fake_port.allocated < fake_port.allocation_fails); /* none failed */
	disk = block_first();
	works();
}

static void queue_is_not_enabled(void)
{
	make();
	fake.refuse_queue = true;
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	CHECK_NOTHING_LEFT();
	CHECK(block_first() == NULL);
}

/* ---- Soak ------------------------------------------------------------ */

static uint64_t random_state = 0x123456789abcdef1;

static unsigned random_below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 20) % limit;
}

static bool any_lie(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	static bool (*const lies[])(struct fake_queue *, struct ring_chain *, uint32_t *) = {
		wrong_id, twice, too_long, keep, storm, scribble, report, free_id,
	};

	if (random_below(60) != 0)
		return true;
	reported = random_below(512);
	return lies[random_below(8)](queue, chain, written);
}

/* Reads and writes of all lengths, and now and then one of all lies, for a while: each request completes once,
 * and what it says is so. Writes are of what is there already, so that it does not matter which of them came
 * through. */
static void soak(void)
{
	enum { AT_ONCE = 24 };
	static struct job jobs[AT_ONCE];
	unsigned completed = 0, good = 0, rested = 0;

	fake_setting("deadline_ms", "500");
	make();
	limits(512, 5, 3000);
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	fake.before_use = any_lie;
	for (unsigned i = 0; i < AT_ONCE; i++)
		job_make(&jobs[i], BLOCK_FLUSH, 0, 0);
	for (unsigned i = 0; i < AT_ONCE; i++)
		jobs[i].done = 1;
	while (completed < 3000 && !disk->gone && check_failures == 0) {
		struct job *job = &jobs[random_below(AT_ONCE)];
		if (job->done == 0) {
			vport_relax(fake_port.now + 1000000);
			continue;
		}
		CHECK_EQ(job->done, 1);
		if (virtio_first()->resets >= rested + 10) { /* not too many without a rest */
			rested = virtio_first()->resets;
			fake_sleep(600);
		}
		completed++;
		good += job->request.status == 0;
		if (job->request.op == BLOCK_READ && job->request.status == 0)
			CHECK(job_is_right(job));
		job_free(job);
		uint64_t sector = random_below(1000);
		enum block_op op = random_below(3) ? BLOCK_READ : BLOCK_WRITE;
		job_make(job, op, sector, 512 * (1 + random_below(60)));
		if (op == BLOCK_WRITE)
			memcpy(job->memory, media.bytes + sector * 512, job->length);
		fake_port.piece = random_below(3) ? 0 : 600 + random_below(3000);
		CHECK_EQ(block_submit(disk, &job->request), 0);
	}
	fake.before_use = NULL;
	for (unsigned i = 0; i < AT_ONCE; i++)
		CHECK(FAKE_WAIT(jobs[i].done > 0, 5000));
	for (unsigned i = 0; i < AT_ONCE; i++) {
		CHECK_EQ(jobs[i].done, 1);
		job_free(&jobs[i]);
	}
	CHECK(!disk->gone);
	CHECK(good > 500);
	CHECK(virtio_first()->resets > 10);
	works();
}

/* After a reset it no longer offers what is in use: whatever else it says is of no interest. */
static void features_withdrawn_at_a_reset(void)
{
	make();
	start();
	fake_withdraw(&fake, 2);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(disk->gone, 2000));
	CHECK(fake_logged("it no longer offers features 0x4 of word 0"));
	CHECK_EQ(virtio_first()->state, VIRTIO_FAILED);
}

/* What it says of itself while it is being reset is not looked at before it runs again. */
static bool changed_capacity;

static void change_capacity(struct vport_event *event)
{
	event->check_at = VPORT_NEVER;
	changed_capacity = virtio_first()->state == VIRTIO_RECOVERING;
	fake_config_set(&fake, 0, 8, 100);
	media.sectors = 100;
	fake.generation++;
	virtio_config_interrupt(virtio_first());
}

static void changes_while_it_is_reset(void)
{
	struct vport_event changing = { .drain = change_capacity };

	make();
	start();
	fake.reset_reads = 20;
	virtio_device_fail(virtio_first(), ERR_IO, "a test says so", 0);
	vport_event_add(&changing);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1 && virtio_first()->state == VIRTIO_RUNNING,
			2000));
	vport_event_remove(&changing);
	CHECK(changed_capacity);
	fake_sleep(10);
	CHECK_EQ(disk->capacity, 100);
	CHECK(!fake_logged("now has"));
	works();
}

static void changes_while_its_reset_hangs(void)
{
	struct vport_event changing = { .drain = change_capacity };

	make();
	start();
	fake.hang_reset = true;
	virtio_device_fail(virtio_first(), ERR_IO, "a test says so", 0);
	vport_event_add(&changing);
	CHECK(FAKE_WAIT(disk->gone, 2000));
	vport_event_remove(&changing);
	CHECK(changed_capacity);
	CHECK(!fake_logged("now has"));
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(features_withdrawn_at_a_reset, ON_BUSES),
		SCENARIO(changes_while_it_is_reset, ON_BUSES),
		SCENARIO(changes_while_its_reset_hangs, ON_BUSES),
		SCENARIO(row35_needs_reset_in_mid_flight, ON_ALL),
		SCENARIO(row35_submitted_again_during_the_reset, ON_ALL),
		SCENARIO(row35_in_the_middle_of_a_long_request, ON_ALL),
		SCENARIO(row35_reset_again_and_again, ON_ALL),
		SCENARIO(row36_gone_in_mid_flight, ON_ALL),
		SCENARIO(row32_reset_hangs_in_mid_flight, ON_ALL),
		SCENARIO(row36_gone_while_requests_go_out_again, ON_RINGS),
		SCENARIO(error_in_the_middle_of_a_long_request, ON_ALL),
		SCENARIO(error_among_many_requests, ON_BUSES),
		SCENARIO(out_of_memory, ON_ALL),
		SCENARIO(queue_is_not_enabled, ON_BUSES),
		SCENARIO(soak, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
