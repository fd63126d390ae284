/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk with several queues (VIRTIO 1.4, 5.2.4: num_queues) on several CPUs: whose queue a request goes
 * through, what each queue is checked for, and what befalls all of them together.
 */
#include "tests/host/fake/prepared_jobs.h"

enum { MQ = 12 };

/* So many CPUs, and a device that says it has so many queues, and has so many. */
static void make_with(unsigned cpus, unsigned says, unsigned has)
{
	make();
	fake_cpus(cpus);
	fake_offer(&fake, MQ);
	fake_config_set(&fake, 34, 2, says);
	fake.queue_count = has;
	for (unsigned i = 0; i < has; i++)
		fake.queues[i].size_max = fake_blk.queue_size;
}

static void forget_notifications(void)
{
	for (unsigned i = 0; i < FAKE_QUEUES; i++)
		fake.queues[i].notifications = 0;
}

/* A read from each CPU comes by the queue that is expected there, and by no other. */
static void check_ways(const unsigned *queues, unsigned cpus)
{
	for (unsigned i = 0; i < cpus; i++) {
		forget_notifications();
		fake_on_cpu(i);
		CHECK_EQ(read_at(i, 4096), 0);
		fake_on_cpu(0);
		for (unsigned n = 0; n < FAKE_QUEUES; n++)
			CHECK_EQ(fake.queues[n].notifications > 0, n == queues[i]);
	}
	CHECK_EQ(fake_port.mappings, 0);
}

static void a_queue_for_each_cpu(void)
{
	make_with(3, 3, 3);
	start();
	CHECK_EQ(virtio_first()->queue_count, 3);
	check_ways((const unsigned[]){ 0, 1, 2 }, 3);
}

static void fewer_queues_than_cpus(void)
{
	make_with(4, 3, 3);
	start();
	CHECK_EQ(virtio_first()->queue_count, 3);
	check_ways((const unsigned[]){ 0, 1, 2, 0 }, 4);
	make_with(4, 1, 4);
	CHECK_EQ(fake_probe(&fake), 0);
	disk = block_find("vdb");
	CHECK_EQ(virtio_next(virtio_first())->queue_count, 1);
	check_ways((const unsigned[]){ 0, 0, 0, 0 }, 4);
}

static void more_queues_than_cpus(void)
{
	make_with(2, 4, 4);
	start();
	CHECK_EQ(virtio_first()->queue_count, 2);
	CHECK(!fake.queues[2].ready && !fake.queues[3].ready);
	check_ways((const unsigned[]){ 0, 1 }, 2);
}

static void one_cpu(void)
{
	make_with(1, 4, 4);
	start();
	CHECK_EQ(virtio_first()->queue_count, 1);
	check_ways((const unsigned[]){ 0 }, 1);
}

/* What a device says of its queues is not taken on trust. */
static void none_at_all(void)
{
	make_with(4, 0, 4);
	start();
	CHECK(fake_logged("impossible num_queues 0"));
	CHECK_EQ(virtio_first()->queue_count, 1);
	check_ways((const unsigned[]){ 0, 0, 0, 0 }, 4);
}

static void as_many_as_can_be(void)
{
	make_with(4, 0xffff, 4);
	start();
	CHECK_EQ(virtio_first()->queue_count, 4);
	check_ways((const unsigned[]){ 0, 1, 2, 3 }, 4);
}

static void without_the_feature(void)
{
	make_with(4, 4, 4);
	fake_withdraw(&fake, MQ);
	start();
	CHECK_EQ(virtio_first()->queue_count, 1);
	CHECK_EQ(fake_log_count(), 0);
}

static void one_is_not_there(void)
{
	make_with(4, 4, 3);
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_NOTHING_LEFT();
}

/* A header, one piece of data and a status byte must fit into each. */
static void one_is_too_small(void)
{
	make_with(2, 2, 2);
	fake.queues[1].size_max = 2;
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK(fake_logged("its queue is too small: 2"));
	CHECK_NOTHING_LEFT();
}

static void one_is_very_small(void)
{
	static const size_t odd[] = { 512, 512, 512, 1024, 512 };

	make_with(2, 2, 2);
	fake.queues[1].size_max = ring == FAKE_PACKED ? 3 : 4;
	start();
	CHECK_EQ(disk->limits.pieces_max, fake.queues[1].size_max - 2);
	for (unsigned i = 0; i < 2; i++) {
		struct job job;
		fake_on_cpu(i);
		job_make(&job, BLOCK_READ, 5, 8192);
		job_split(&job, odd, 5);
		CHECK_EQ(job_run(&job), 0);
		CHECK(job_is_right(&job));
		job_free(&job);
	}
	fake_on_cpu(0);
}

/* Each completes at its queue's home, whoever waits for it, and each once. */
static void many_from_all_cpus(void)
{
	enum { EACH = 40 };
	static struct job jobs[4 * EACH];

	make_with(4, 3, 3);
	start();
	for (unsigned i = 0; i < 4 * EACH; i++) {
		fake_on_cpu(i % 4);
		job_make(&jobs[i], BLOCK_READ, i, 4096);
		CHECK_EQ(block_submit(disk, &jobs[i].request), 0);
	}
	fake_on_cpu(3);
	for (unsigned i = 0; i < 4 * EACH; i++) {
		CHECK(FAKE_WAIT(jobs[i].done, 1000));
		CHECK_EQ(jobs[i].done, 1);
		CHECK_EQ(jobs[i].request.status, 0);
		CHECK(job_is_right(&jobs[i]));
		job_free(&jobs[i]);
	}
	CHECK_EQ(fake_port.mappings, 0);
}

static void prepared_from_all_cpus(void)
{
	make_with(4, 3, 3);
	start();
	for (unsigned i = 0; i < 4; i++) {
		struct job job;
		prepare(&job, BLOCK_READ, 4096);
		fake_on_cpu(i);
		for (unsigned n = 0; n < sizeof(prepared_ways) / sizeof(prepared_ways[0]); n++) {
			forget_notifications();
			CHECK_EQ(prepared_ways[n].run(&job, 8 * i + n), 0);
			CHECK(fake.queues[i % 3].notifications > 0);
		}
		fake_on_cpu(0);
		release(&job);
	}
	CHECK_EQ(fake_port.mappings, 0);
}

/* ---- What befalls all of them ----------------------------------------------------------- */

/* Reads from each of three CPUs, which the device has and does not give back. */
static struct job held[3];

static void hold(void)
{
	fake.before_use = keeps_it;
	for (unsigned i = 0; i < 3; i++) {
		fake_on_cpu(i);
		job_make(&held[i], BLOCK_READ, i, 4096);
		CHECK_EQ(block_submit(disk, &held[i].request), 0);
	}
	fake_on_cpu(0);
	fake_sleep(1);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(virtio_first()->queues[i]->ring.in_flight, 1);
	fake.before_use = NULL;
}

static void check_held(int status)
{
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(held[i].done, 1);
		CHECK_EQ(held[i].request.status, status);
		job_free(&held[i]);
	}
}

static void reset_with_requests_on_each(void)
{
	make_with(3, 3, 3);
	start();
	hold();
	needs_reset(1);
	check_held(ERR_IO);
	check_ways((const unsigned[]){ 0, 1, 2 }, 3);
}

static void gone_with_requests_on_each(void)
{
	struct job job;

	make_with(3, 3, 3);
	start();
	hold();
	fake.gone = true;
	CHECK(FAKE_WAIT(disk->gone, 60000));
	check_held(ERR_NODEV);
	job_make(&job, BLOCK_READ, 0, 512);
	for (unsigned i = 0; i < 3; i++) {
		fake_on_cpu(i);
		CHECK_EQ(block_submit(disk, &job.request), ERR_NODEV);
	}
	fake_on_cpu(0);
	job_free(&job);
}

/* ---- Another size (2.6.1) ---------------------------------------------------------------- */

static void all_are_resized(void)
{
	make_with(3, 3, 3);
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	hold();
	CHECK_EQ(block_resize_queue(disk, 32), 0);
	CHECK_EQ(fake.queue_resets, 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(fake.queues[i].size, 32);
		CHECK(FAKE_WAIT(held[i].done, 1000)); /* it went out once more */
	}
	check_held(0);
	check_ways((const unsigned[]){ 0, 1, 2 }, 3);
}

/* What one queue cannot have is asked of none; and behind one that fails the others stay as they are. */
static void sizes_that_cannot_be(void)
{
	static const unsigned sizes[] = { 0, 32769, 65536 + 32, UINT32_MAX, 15 };

	make_with(3, 3, 3);
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	fake.queues[2].size_max = 16;
	start();
	CHECK_EQ(disk->limits.pieces_max, 14);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		CHECK_EQ(block_resize_queue(disk, sizes[i]), ERR_INVALID);
	CHECK_EQ(fake.queue_resets, 0);
	CHECK_EQ(block_resize_queue(disk, 32768), 0); /* as large as each can be */
	CHECK_EQ(fake.queue_resets, 3);
	CHECK_EQ(fake.queues[2].size, 16);
	CHECK_EQ(block_resize_queue(disk, 16), 0);
	CHECK_EQ(fake.queue_resets, 6);
	CHECK_EQ(fake.queues[0].size, 16);

	fake.queue_reset_hangs = true;
	CHECK_EQ(block_resize_queue(disk, 32), ERR_TIMEOUT);
	fake.queue_reset_hangs = false;
	CHECK_EQ(fake.queue_resets, 7);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1 && virtio_first()->state == VIRTIO_RUNNING,
			2000));
	check_ways((const unsigned[]){ 0, 1, 2 }, 3);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(a_queue_for_each_cpu, ON_ALL),
		SCENARIO(fewer_queues_than_cpus, ON_ALL),
		SCENARIO(more_queues_than_cpus, ON_BUSES),
		SCENARIO(one_cpu, ON_BUSES),
		SCENARIO(none_at_all, ON_BUSES),
		SCENARIO(as_many_as_can_be, ON_BUSES),
		SCENARIO(without_the_feature, ON_BUSES),
		SCENARIO(one_is_not_there, ON_BUSES),
		SCENARIO(one_is_too_small, ON_RINGS),
		SCENARIO(one_is_very_small, ON_RINGS),
		SCENARIO(many_from_all_cpus, ON_ALL),
		SCENARIO(prepared_from_all_cpus, ON_ALL),
		SCENARIO(reset_with_requests_on_each, ON_ALL),
		SCENARIO(gone_with_requests_on_each, ON_ALL),
		SCENARIO(all_are_resized, ON_ALL),
		SCENARIO(sizes_that_cannot_be, ON_RINGS),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
