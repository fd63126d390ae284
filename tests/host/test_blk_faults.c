/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk with a device that lies, hangs or goes away: the rows of FAULTS that a disk shows, through the real
 * driver, core and transport. After each: every request completed exactly once, with an error or with the right
 * data; nothing left mapped; and good reads and writes after the reset.
 */
#include "tests/host/fake/disk_lies.h"

/* ---- Ways to lie ------------------------------------------------------------------------ */

/* A violation in the middle of many requests: those in flight fail once, the device is reset, the others go
 * on. */
static void violates(bool (*how)(struct fake_queue *, struct ring_chain *, uint32_t *),
		     const char *fault)
{
	static const unsigned places[] = { 1, 2, 7, 40 };

	make();
	fake.queues[0].size_max = fake.queues[0].size = 16; /* so that most of them wait */
	start();
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		tell(places[i], how);
		many_submit(MANY, 2048);
		uint64_t begun = fake_port.now;
		CHECK(FAKE_WAIT(many_done(MANY), 2000));
		CHECK(fake_port.now - begun < 1000000000); /* an error within a second */
		unsigned good = many_with(MANY, 0), bad = many_with(MANY, ERR_IO);
		CHECK_EQ(good + bad, MANY);
		CHECK(bad > 0 && bad <= 16);
		CHECK_EQ(virtio_first()->resets, i + 1);
		CHECK_EQ(disk->resets, i + 1);
		CHECK_EQ(fake_logged_times(fault), i + 1);
		CHECK_EQ(fake_logged_times("running again"), i + 1);
		CHECK(fake_logged("vda"));
		many_free(MANY);
		works();
	}
	CHECK_EQ(virtio_first()->resets, 4);
}

/* ---- 1 to 6 --------------------------------------------------------------------------------- */

static void row1_used_id_beyond_the_queue(void)
{
	violates(wrong_id, "used id is not below the queue size");
}

static void row2_used_id_not_in_flight(void)
{
	violates(free_id, "used i");
}

static void row3_the_same_completion_twice(void)
{
	violates(twice, "used i");
}

static bool jump(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	ring_device_lie_index(&queue->ring, (uint16_t)(queue->ring.used + 100));
	fake_interrupt_queue(queue);
	queue->device->deaf = true; /* or it would put the index right at once */
	return false;
}

static void hear_again(struct fake_device *device, const char *step)
{
	if (strcmp(step, "status=0") == 0)
		device->deaf = false;
}

static void index_moves(bool (*how)(struct fake_queue *, struct ring_chain *, uint32_t *))
{
	make();
	start();
	fake.after_step = hear_again;
	for (unsigned i = 1; i <= 4; i++) {
		tell(i, how);
		many_submit(10, 2048);
		CHECK(FAKE_WAIT(many_done(10), 2000));
		many_with(10, 0);
		CHECK_EQ(virtio_first()->resets, i);
		CHECK(fake_logged("used index ran ahead"));
		many_free(10);
		works();
	}
}

static void row4_used_index_jumps(void)
{
	index_moves(jump);
}

static bool go_back(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	ring_device_lie_index(&queue->ring,
			      (uint16_t)(virtio_first()->queues[0]->ring.split.used_idx - 3));
	fake_interrupt_queue(queue);
	queue->device->deaf = true;
	return false;
}

static void row5_used_index_goes_back(void)
{
	index_moves(go_back);
}

static void row6_more_written_than_writable(void)
{
	violates(too_long, "more bytes written than the buffer has");
}

/* ---- 7 to 9: lengths and status bytes ------------------------------------------------------------ */

static void row7_written_length_too_short(void)
{
	static const uint32_t lengths[] = { 0, 1, 511, 512, 4095, 4096 }; /* 4097 would be right */

	make();
	start();
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		reported = lengths[i];
		tell(1, report);
		CHECK_EQ(read_at(8, 4096), ERR_IO);
	}
	/* A write has a status byte only. */
	struct job job;
	job_make(&job, BLOCK_WRITE, 8, 4096);
	reported = 0;
	tell(1, report);
	CHECK_EQ(job_run(&job), ERR_IO);
	job_free(&job);
	CHECK_EQ(virtio_first()->resets, 0); /* an error of the request, not of the queue */
	works();
}

static void row8_status_not_written(void)
{
	make();
	start();
	works();
	media.no_status = true;
	CHECK_EQ(read_at(0, 4096), ERR_IO);
	CHECK_EQ(block_flush(disk), ERR_IO);
	struct job job;
	job_make(&job, BLOCK_WRITE, 8, 4096);
	CHECK_EQ(job_run(&job), ERR_IO);
	job_free(&job);
	media.no_status = false;
	works();
}

static uint8_t odd_status;

static bool say_status(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)written;
	ring_chain_write(chain, (size_t)chain->writable - 1, &odd_status, 1);
	return true;
}

static void row9_status_of_an_unknown_value(void)
{
	make();
	start();
	for (unsigned value = 1; value < 256; value++) {
		odd_status = (uint8_t)value;
		tell(1, say_status);
		CHECK_EQ(read_at(0, 512), value == 2 ? ERR_UNSUPPORTED : ERR_IO);
	}
	CHECK_EQ(virtio_first()->resets, 0);
	works();
}

/* ---- 10: in another order ---------------------------------------------------------------------------- */

static void row10_completed_in_the_other_order(void)
{
	make();
	start();
	for (unsigned round = 0; round < 5; round++) {
		fake.before_use = keep;
		many_submit(50, 4096);
		fake_sleep(1);
		/* The list of those taken begins with the last one. */
		while (fake.queues[0].ring.taken) {
			struct ring_chain *chain = fake.queues[0].ring.taken;
			fake_use(&fake.queues[0], chain, (uint32_t)chain->writable);
		}
		CHECK(FAKE_WAIT(many_done(50), 100));
		CHECK_EQ(many_with(50, 0), 50);
		many_free(50);
		fake.before_use = NULL;
		works();
	}
	CHECK_EQ(virtio_first()->resets, 0);
}

/* Under IN_ORDER it is a fault. */
static void row10_out_of_order_under_in_order(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_IN_ORDER);
	start();
	works();
	fake.before_use = keep;
	many_submit(10, 4096);
	fake_sleep(1);
	fake.before_use = NULL;
	/* The last one twice: the first time it stands for all ten. */
	struct ring_chain *chain = fake.queues[0].ring.taken;
	ring_device_lie_used(&fake.queues[0].ring, chain->id, (uint32_t)chain->writable, 10);
	ring_device_lie_used(&fake.queues[0].ring, chain->id, (uint32_t)chain->writable, 1);
	fake_interrupt_queue(&fake.queues[0]);
	CHECK(FAKE_WAIT(many_done(10), 1000));
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(many[i].done, 1);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	many_free(10);
	works();
}

/* ---- 12: written over what may only be read ---------------------------------------------------------- */

static void row12_header_written_over(void)
{
	make();
	start();
	for (unsigned i = 0; i < 200; i++) {
		tell(1, scribble);
		works(); /* and what comes next has a header of its own again */
	}
	CHECK_EQ(virtio_first()->resets, 0);
}

/* ---- 13, 14, 20: nothing, too late, only when asked ----------------------------------------------------- */

static void row13_never_completes(void)
{
	fake_setting("deadline_ms", "500");
	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	tell(3, keep);
	many_submit(50, 4096);
	uint64_t begun = fake_port.now;
	CHECK(FAKE_WAIT(many_done(50), 5000));
	CHECK(fake_port.now - begun > UINT64_C(500000000));
	CHECK(fake_port.now - begun < UINT64_C(1500000000)); /* the deadline and a second */
	CHECK_EQ(many_with(50, ERR_TIMEOUT), 1);
	CHECK_EQ(many_with(50, 0), 49);
	CHECK_EQ(virtio_first()->resets, 1);
	CHECK(fake_logged("no answer within the deadline"));
	many_free(50);
	works();
}

static void row13_nothing_ever_completes(void)
{
	fake_setting("deadline_ms", "500");
	make();
	fake.queues[0].size_max = fake.queues[0].size = 16;
	start();
	fake.deaf = true;
	fake.after_step = hear_again;
	many_submit(50, 4096);
	CHECK(FAKE_WAIT(many_done(50), 5000));
	CHECK_EQ(many_with(50, ERR_TIMEOUT) + many_with(50, 0), 50);
	CHECK(many_with(50, ERR_TIMEOUT) <= 16);
	CHECK_EQ(virtio_first()->resets, 1);
	many_free(50);
	works();
}

/* A flush may take twice as long. */
static void row13_flush_has_two_deadlines(void)
{
	struct job job;

	fake_setting("deadline_ms", "1000");
	make();
	start();
	tell(1, keep);
	job_make(&job, BLOCK_FLUSH, 0, 0);
	uint64_t begun = fake_port.now;
	CHECK_EQ(job_run(&job), ERR_TIMEOUT);
	CHECK(fake_port.now - begun > UINT64_C(2000000000));
	CHECK(fake_port.now - begun < UINT64_C(3000000000));
	job_free(&job);
	works();
}

static void row13_the_default_deadline(void)
{
	make();
	start();
	tell(1, keep);
	uint64_t begun = fake_port.now;
	CHECK_EQ(read_at(0, 512), ERR_TIMEOUT);
	CHECK(fake_port.now - begun > UINT64_C(30000000000));
	CHECK(fake_port.now - begun < UINT64_C(31000000000));
	works();
}

/* While the driver waits for the reset, the device completes what it had after all, and writes into its
 * memory: which must still be its own, and nobody is told. */
static void complete_late(struct fake_device *device, const char *step)
{
	struct fake_queue *queue = &device->queues[0];

	if (strcmp(step, "status=0") != 0 || !queue->ready)
		return;
	device->deaf = false;
	for (unsigned i = 0; i < 3; i++) {
		struct ring_chain *chain = queue->ring.taken;
		if (!chain)
			break;
		for (unsigned n = 0; n < chain->count; n++)
			CHECK_EQ(dma_arena_reach(&fake_port.arena, chain->segments[n].address,
						 chain->segments[n].length,
						 chain->segments[n].writable) != NULL,
				 true);
		ring_device_use(&queue->ring, chain, (uint32_t)chain->writable);
		fake_interrupt_queue(queue);
	}
	device->reset_reads = 20;
}

static void row14_completes_after_the_time_out(void)
{
	fake_setting("deadline_ms", "500");
	make();
	start();
	for (unsigned i = 1; i <= 3; i++) {
		fake.before_use = keep;
		fake.after_step = NULL;
		many_submit(20, 4096);
		fake_sleep(1);
		fake.before_use = NULL;
		fake.after_step = complete_late;
		CHECK(FAKE_WAIT(many_done(20), 5000));
		CHECK_EQ(many_with(20, ERR_TIMEOUT), 20);
		CHECK_EQ(virtio_first()->resets, i);
		many_free(20);
		works();
	}
}

/* The requests fail only once the reset has been seen to finish, and before the device is started again. */
static unsigned looks_during_reset, done_before_start;

static void look_during_reset(struct vport_device *port)
{
	(void)port;
	if (fake.status != 0 || fake.reset_reads == 0)
		return;
	looks_during_reset++;
	CHECK_EQ(many[0].done, 0);
	CHECK_EQ(fake_port.mappings, 1);
}

static void slow_reset(struct fake_device *device, const char *step)
{
	/* The first of two: the second belongs to the new start. */
	if (strcmp(step, "status=0") == 0 && device->status != 0)
		device->reset_reads = 50;
	if (strcmp(step, "status=1") == 0)
		done_before_start = many[0].done;
}

static void row14_buffers_stay_until_the_reset_reads_0(void)
{
	make();
	start();
	void (*run)(struct vport_device *) = fake.port.run;
	fake.before_use = keep;
	many_submit(1, 4096);
	fake_sleep(1);
	fake.after_step = slow_reset;
	fake.port.run = look_during_reset;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(many[0].done, 1000));
	CHECK(looks_during_reset > 10);
	CHECK_EQ(done_before_start, 1);
	CHECK_EQ(many[0].request.status, ERR_IO);
	CHECK_EQ(fake_port.mappings, 0);
	many_free(1);
	fake.before_use = NULL;
	fake.port.run = run;
	works();
}

/* The device says that it wants no notifications, and does not look by itself. */
static void row20_suppression_lies(void)
{
	fake_setting("deadline_ms", "500");
	make();
	start();
	works();
	fake.wants_no_notifications = true;
	CHECK_EQ(read_at(0, 512), 0); /* it was asked for before it lied */
	uint64_t begun = fake_port.now;
	CHECK_EQ(read_at(0, 512), 0);
	CHECK(fake_port.now - begun < UINT64_C(260000000)); /* the next look */
	CHECK_EQ(virtio_first()->resets, 0);
	fake.wants_no_notifications = false;
	CHECK_EQ(read_at(0, 512), 0);
	works();
}

/* ---- 15 to 17: interrupts ---------------------------------------------------------------------------------- */

static void row15_interrupt_storm(void)
{
	make();
	start();
	fake.before_use = storm;
	for (unsigned i = 0; i < 5; i++) {
		many_submit(MANY, 4096);
		CHECK(FAKE_WAIT(many_done(MANY), 1000));
		CHECK_EQ(many_with(MANY, 0), MANY);
		many_free(MANY);
	}
	CHECK_EQ(virtio_first()->resets, 0);
	CHECK(fake_log_count() == 0);
}

static void row17_interrupts_lost(void)
{
	make();
	start();
	fake.silent = true;
	for (unsigned i = 0; i < 5; i++) {
		uint64_t begun = fake_port.now;
		many_submit(50, 4096);
		CHECK(FAKE_WAIT(many_done(50), 2000));
		CHECK(fake_port.now - begun < UINT64_C(300000000));
		CHECK_EQ(many_with(50, 0), 50);
		many_free(50);
	}
	CHECK_EQ(virtio_first()->resets, 0);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(row1_used_id_beyond_the_queue, ON_ALL),
		SCENARIO(row2_used_id_not_in_flight, ON_ALL),
		SCENARIO(row3_the_same_completion_twice, ON_ALL),
		SCENARIO(row4_used_index_jumps, ON_BUSES),
		SCENARIO(row5_used_index_goes_back, ON_BUSES),
		SCENARIO(row6_more_written_than_writable, ON_ALL),
		SCENARIO(row7_written_length_too_short, ON_ALL),
		SCENARIO(row8_status_not_written, ON_ALL),
		SCENARIO(row9_status_of_an_unknown_value, ON_ALL),
		SCENARIO(row10_completed_in_the_other_order, ON_ALL),
		SCENARIO(row10_out_of_order_under_in_order, ON_ALL),
		SCENARIO(row12_header_written_over, ON_ALL),
		SCENARIO(row13_never_completes, ON_ALL),
		SCENARIO(row13_nothing_ever_completes, ON_ALL),
		SCENARIO(row13_flush_has_two_deadlines, ON_BUSES),
		SCENARIO(row13_the_default_deadline, ON_BUSES),
		SCENARIO(row14_completes_after_the_time_out, ON_ALL),
		SCENARIO(row14_buffers_stay_until_the_reset_reads_0, ON_ALL),
		SCENARIO(row20_suppression_lies, ON_ALL),
		SCENARIO(row15_interrupt_storm, ON_ALL),
		SCENARIO(row17_interrupts_lost, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
