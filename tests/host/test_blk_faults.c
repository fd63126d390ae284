/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk with a device that lies, hangs or goes away: the rows of FAULTS that a disk shows, through the real
 * driver, core and transport. After each: every request completed exactly once, with an error or with the right
 * data; nothing left mapped; and good reads and writes after the reset.
 */
#include "tests/host/fake/disk_jobs.h"

/* ---- Ways to lie ------------------------------------------------------------------------ */

/* The n-th buffer from now on is treated by `lie`, the others are given back as they should be; once it has
 * happened, everything is. A lie that returns false has kept the buffer. */
static unsigned lie_at;
static bool (*lie)(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written);

static bool lie_once(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	if (lie_at == 0 || --lie_at > 0)
		return true;
	return lie(queue, chain, written);
}

static void tell(unsigned at, bool (*how)(struct fake_queue *, struct ring_chain *, uint32_t *))
{
	lie_at = at;
	lie = how;
	fake.before_use = lie_once;
}

static bool keep(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	(void)written;
	return false;
}

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

/* What a split ring shows first is that there are more completions than requests ("used index ran ahead"),
 * a packed one that the id is wrong ("used id is not in flight"). */
static bool twice(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	ring_device_lie_used(&queue->ring, chain->id, *written, chain->descriptors);
	ring_device_lie_used(&queue->ring, chain->id, *written, chain->descriptors);
	fake_interrupt_queue(queue);
	return false;
}

/* ---- 1 to 6 --------------------------------------------------------------------------------- */

static bool wrong_id(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	ring_device_lie_used(&queue->ring, queue->ring.size, *written, chain->descriptors);
	fake_interrupt_queue(queue);
	return false;
}

static void row1_used_id_beyond_the_queue(void)
{
	violates(wrong_id, "used id is not below the queue size");
}

/* The id of one that has been given back, as far as there is one; else its own a second time. */
static bool free_id(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	const struct virtio_queue *driver = virtio_first()->queues[0];
	unsigned id = 0;

	while (id < queue->ring.size && virtq_busy(&driver->ring, id))
		id++;
	if (id == queue->ring.size)
		return twice(queue, chain, written);
	ring_device_lie_used(&queue->ring, id, *written, chain->descriptors);
	fake_interrupt_queue(queue);
	return false;
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

static bool too_long(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	*written = (uint32_t)chain->writable + 1;
	return true;
}

static void row6_more_written_than_writable(void)
{
	violates(too_long, "more bytes written than the buffer has");
}

/* ---- 7 to 9: lengths and status bytes ------------------------------------------------------------ */

static uint32_t reported;

static bool report(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	*written = reported;
	return true;
}

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

static bool scribble(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)written;
	/* The header, as a device without an IOMMU in its way can. */
	memset(chain->segments[0].memory, 0xee, chain->segments[0].length);
	return true;
}

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
	CHECK(fake_port.now - begun > UINT64_C(500000000));
	CHECK(fake_port.now - begun < UINT64_C(1500000000));
	CHECK_EQ(virtio_first()->resets, 0);
	fake.wants_no_notifications = false;
	CHECK_EQ(read_at(0, 512), 0);
	works();
}

/* ---- 15 to 17: interrupts ---------------------------------------------------------------------------------- */

static bool storm(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	for (unsigned i = 0; i < 100; i++) {
		fake_interrupt_queue(queue);
		fake_interrupt_config(queue->device);
	}
	return true;
}

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
	CHECK(virtio_first()->resets < 50);
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

/* ---- 37, 38: the configuration ------------------------------------------------------------------------------------ */

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
	int error;

	do {
		make();
		fake_port.allocation_fails = fake_port.allocated + ++count;
		error = fake_probe(&fake);
		if (error) {
			CHECK_EQ(error, ERR_NOMEM);
			CHECK_NOTHING_LEFT();
		}
	} while (error && count < 50);
	CHECK(count > 5 && count < 50);
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

/* ---- Soak ------------------------------------------------------------------------------------------------------------------- */

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
		SCENARIO(row35_needs_reset_in_mid_flight, ON_ALL),
		SCENARIO(row35_submitted_again_during_the_reset, ON_ALL),
		SCENARIO(row35_in_the_middle_of_a_long_request, ON_ALL),
		SCENARIO(row35_reset_again_and_again, ON_ALL),
		SCENARIO(row36_gone_in_mid_flight, ON_ALL),
		SCENARIO(row32_reset_hangs_in_mid_flight, ON_ALL),
		SCENARIO(row36_gone_while_requests_go_out_again, ON_RINGS),
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
		SCENARIO(error_in_the_middle_of_a_long_request, ON_ALL),
		SCENARIO(error_among_many_requests, ON_BUSES),
		SCENARIO(out_of_memory, ON_ALL),
		SCENARIO(queue_is_not_enabled, ON_BUSES),
		SCENARIO(soak, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
