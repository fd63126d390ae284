/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk with a device that keeps the rules (VIRTIO 1.4, 5.2): requests of every kind, many at
 * once, on a disk or in a queue that changes its size. What a device does that breaks them is in test_blk_faults.c. */
#include "tests/host/fake/disk_jobs.h"

/* ---- Requests of every kind ---------------------------------------------------------- */

static void synchronous(void)
{
	static uint8_t bytes[200 * 512];
	char id[BLOCK_ID_BYTES + 1];

	make();
	start();
	CHECK_EQ(disk->capacity, FAKE_DISK_SECTORS);
	CHECK_EQ(disk->block_size, 512);
	CHECK(!disk->read_only);
	CHECK_EQ(block_read(disk, 3, bytes, sizeof(bytes)), 0); /* longer than the bounce buffer */
	CHECK(memcmp(bytes, media.bytes + 3 * 512, sizeof(bytes)) == 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] ^= 0xff;
	CHECK_EQ(block_write(disk, 1000, bytes, sizeof(bytes)), 0);
	CHECK(memcmp(bytes, media.bytes + 1000 * 512, sizeof(bytes)) == 0);
	CHECK_EQ(block_flush(disk), 0);
	CHECK_EQ(media.flushes, 1);
	CHECK_EQ(block_id(disk, id), 0);
	CHECK_TEXT(id, "fake disk 0123456789");
	CHECK_EQ(fake_port.mappings, 0);
}

static void refused(void)
{
	static uint8_t bytes[1024];
	char memory[21];
	struct job job;

	make();
	start();
	CHECK_EQ(block_read(disk, FAKE_DISK_SECTORS, bytes, 512), ERR_RANGE);
	CHECK_EQ(block_read(disk, FAKE_DISK_SECTORS - 1, bytes, 1024), ERR_RANGE);
	CHECK_EQ(block_read(disk, UINT64_MAX, bytes, 512), ERR_RANGE);
	CHECK_EQ(block_write(disk, UINT64_MAX - 1, bytes, 1024), ERR_RANGE);
	CHECK_EQ(block_read(disk, 0, bytes, 0), ERR_INVALID);
	CHECK_EQ(block_read(disk, 0, bytes, 511), ERR_INVALID);
	/* Asynchronous: refused at once, and never completed. */
	job_make(&job, BLOCK_READ, FAKE_DISK_SECTORS, 512);
	CHECK_EQ(block_submit(disk, &job.request), ERR_RANGE);
	job.request.sector = 0;
	job.segments[0].length = 100;
	CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
	job.segments[0].length = 0;
	CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
	job.segments[0].length = SIZE_MAX - 511;
	job.segments[1] = (struct block_segment){ memory, 1024 };
	job.request.segment_count = 2;
	CHECK(block_submit(disk, &job.request) < 0);
	job.request.segment_count = 0;
	CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
	job.request.op = BLOCK_GET_ID;
	CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
	job.request.op = BLOCK_FLUSH;
	job.request.segment_count = 1;
	CHECK_EQ(block_submit(disk, &job.request), ERR_INVALID);
	fake_sleep(1000);
	CHECK_EQ(job.done, 0);
	CHECK_EQ(media.requests, 0);
	job_free(&job);
	works();
}

static void read_only(void)
{
	static uint8_t bytes[512];

	make();
	fake_offer(&fake, 5);
	start();
	CHECK(disk->read_only);
	CHECK_EQ(block_write(disk, 0, bytes, 512), ERR_READ_ONLY);
	CHECK_EQ(media.writes, 0);
	CHECK_EQ(read_at(0, 4096), 0);
	CHECK_EQ(block_flush(disk), 0);
}

/* 5.2.5.1-2: nothing to flush. */
static void flush_without_the_feature(void)
{
	make();
	fake_withdraw(&fake, 9);
	start();
	CHECK_EQ(block_flush(disk), 0);
	CHECK_EQ(media.flushes, 0);
	works();
}

static bool unsupported(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t status = 2;

	(void)queue;
	ring_chain_write(chain, (size_t)chain->writable - 1, &status, 1);
	*written = 1;
	return true;
}

static void id_is_not_supported(void)
{
	char id[BLOCK_ID_BYTES + 1];

	make();
	start();
	fake.before_use = unsupported;
	CHECK_EQ(block_id(disk, id), ERR_UNSUPPORTED);
	fake.before_use = NULL;
	works();
}

/* ---- Many at once ------------------------------------------------------------------------ */

static void one_notification_for_many(void)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = 128;
	start();
	many_submit(MANY, 512);
	CHECK_EQ(fake.queues[0].notifications, 0); /* nothing before somebody waits */
	CHECK(FAKE_WAIT(many_done(MANY), 1000));
	CHECK_EQ(many_with(MANY, 0), MANY);
	CHECK_EQ(fake.queues[0].notifications, 1);
	CHECK_EQ(fake_port.mappings, 0);
	many_free(MANY);
}

/* More than the queue holds, with indirect tables and without. */
static void more_than_the_queue_holds(void)
{
	static const uint16_t sizes[] = { 4, 8, 64 };

	for (unsigned i = 0; i < 6; i++) {
		make();
		fake.queues[0].size_max = fake.queues[0].size = sizes[i % 3];
		if (i >= 3)
			fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
		CHECK_EQ(fake_probe(&fake), 0);
		disk = block_first();
		for (unsigned n = 0; n < i; n++)
			disk = disk->next;
		many_submit(MANY, 4096);
		CHECK(FAKE_WAIT(many_done(MANY), 5000));
		CHECK_EQ(many_with(MANY, 0), MANY);
		many_free(MANY);
		works();
	}
}

static void queue_too_small(void)
{
	for (uint16_t size = 1; size <= 2; size++) {
		make();
		fake.queues[0].size_max = fake.queues[0].size = size;
		CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
		CHECK(fake_logged("queue is too small"));
		CHECK_NOTHING_LEFT();
	}
}

static void smallest_queue(void)
{
	if (ring == FAKE_SPLIT)
		return;
	make();
	fake.queues[0].size_max = fake.queues[0].size = 3;
	start();
	CHECK_EQ(read_at(0, 100 * 512), 0);
	works();
}

/* From the completion of one, the next is submitted. */
static void submitted_from_a_completion(void)
{
	make();
	start();
	many_submit(50, 4096);
	for (unsigned i = 0; i < 50; i++)
		many[i].again = true;
	CHECK(FAKE_WAIT(media.requests == 100, 2000));
	fake_sleep(10);
	for (unsigned i = 0; i < 50; i++) {
		CHECK_EQ(many[i].done, 2);
		CHECK_EQ(many[i].request.status, 0);
		CHECK(job_is_right(&many[i]));
	}
	many_free(50);
	works();
}

/* Two synchronous readers cannot be in each other's way: the second runs from a work item of the first's
 * wait. */
static struct vport_work reader;
static int reader_status = 1;

static void read_in_work(struct vport_work *work)
{
	static uint8_t bytes[4096];

	(void)work;
	reader_status = block_read(disk, 40, bytes, sizeof(bytes));
	CHECK(memcmp(bytes, media.bytes + 40 * 512, sizeof(bytes)) == 0);
}

static void synchronous_from_work(void)
{
	make();
	start();
	reader.run = read_in_work;
	vport_work_queue(&reader);
	CHECK(FAKE_WAIT(reader_status != 1, 1000));
	CHECK_EQ(reader_status, 0);
}

/* ---- Capacity ---------------------------------------------------------------------------------- */

static void capacity_grows(void)
{
	static uint8_t bytes[512];

	make();
	media.sectors = 100;
	fake_config_set(&fake, 0, 8, 100);
	start();
	CHECK_EQ(block_read(disk, 100, bytes, 512), ERR_RANGE);
	media.sectors = FAKE_DISK_SECTORS;
	fake_config_set(&fake, 0, 8, FAKE_DISK_SECTORS);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == FAKE_DISK_SECTORS, 100));
	CHECK(fake_logged("vda now has 2048 sectors"));
	CHECK_EQ(block_read(disk, 100, bytes, 512), 0);
}

/* The interrupt was lost: the generation tells, within a quarter of a second. */
static void capacity_grows_unannounced(void)
{
	make();
	fake_config_set(&fake, 0, 8, 100);
	start();
	fake_config_set(&fake, 0, 8, 200);
	fake.generation++;
	CHECK(FAKE_WAIT(disk->capacity == 200, 600));
}

/* As long as nothing has changed, the configuration is left alone. */
static unsigned config_reads;

static void count_config_read(struct fake_device *device)
{
	(void)device;
	config_reads++;
}

static void configuration_is_read_when_it_changed(void)
{
	make();
	start();
	fake.before_config_read = count_config_read;
	fake_sleep(10000);
	CHECK_EQ(config_reads, 0);
	fake_interrupt_config(&fake);
	fake_sleep(10);
	CHECK(config_reads > 0);
}

static void capacity_not_a_multiple_of_the_block(void)
{
	static uint8_t bytes[4096];

	make();
	limits(4096, 0, 0);
	fake_config_set(&fake, 0, 8, 2003);
	media.sectors = 2003;
	start();
	CHECK_EQ(disk->capacity, 2000);
	CHECK_EQ(disk->tail_sectors, 3);
	CHECK(fake_logged("its last 3 sectors cannot be reached"));
	CHECK_EQ(block_read(disk, 1992, bytes, 4096), 0);
	CHECK_EQ(block_read(disk, 2000, bytes, 4096), ERR_RANGE);
	CHECK_EQ(block_read(disk, 1993, bytes, 4096), ERR_INVALID);
}

/* Said once, and not again with each interrupt. */
static void impossible_capacity_is_told_once(void)
{
	make();
	limits(4096, 0, 0);
	fake_config_set(&fake, 0, 8, 2003);
	start();
	for (unsigned i = 0; i < 20; i++) {
		fake.generation++;
		fake_interrupt_config(&fake);
		fake_sleep(10);
	}
	CHECK_EQ(fake_logged_times("cannot be reached"), 1);
}

/* Not each of a thousand is worth a line, nor three. */
static void capacity_that_flaps(void)
{
	make();
	limits(4096, 0, 0);
	start();
	fake_log_clear();
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t capacity = i % 2 ? UINT64_MAX - i : 2003 + 8 * i;
		fake_config_set(&fake, 0, 8, capacity);
		fake.generation++;
		fake_interrupt_config(&fake);
		fake_sleep(1);
	}
	CHECK_EQ(fake_logged_times("cannot be reached") + fake_logged_times("impossible capacity") +
			 fake_logged_times("now has"),
		 10);
	CHECK_EQ(fake_logged_times("and so on"), 1);
	CHECK(disk->capacity > UINT64_C(1) << 50); /* the last one counts all the same */
	fake_sleep(10000);
	fake_log_clear();
	fake_config_set(&fake, 0, 8, 2048);
	fake.generation++;
	fake_interrupt_config(&fake);
	fake_sleep(10);
	CHECK_EQ(fake_logged_times("vda now has 2048 sectors\n"), 1);
}

/* A block size that is in the configuration and not offered is none. */
static void block_size_without_the_feature(void)
{
	make();
	fake_withdraw(&fake, 6);
	fake_config_set(&fake, 20, 4, 4096);
	start();
	CHECK_EQ(disk->block_size, 512);
	works();
}

/* The device that comes back after a reset may be another one. */
static void other_limits_after_a_reset(void)
{
	make();
	limits(512, 10, 0);
	start();
	works();
	limits(4096, 2, 0);
	fake_config_set(&fake, 0, 8, 1024);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->resets == 1 && virtio_first()->state == VIRTIO_RUNNING,
			1000));
	CHECK_EQ(disk->block_size, 4096);
	CHECK_EQ(disk->capacity, 1024);
	works();
	/* A smaller block again, with the capacity as it was: nothing of it was lost. */
	limits(512, 2, 0);
	fake_config_set(&fake, 0, 8, 1023);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->resets == 2 && virtio_first()->state == VIRTIO_RUNNING,
			1000));
	CHECK_EQ(disk->block_size, 512);
	CHECK_EQ(disk->capacity, 1023);
	works();
}

/* ---- Another queue size (2.6.1) -------------------------------------------------------------------- */

static void queue_resized_in_mid_flight(void)
{
	static const unsigned sizes[] = { 32, 64, 16, 20, 64, 33 };

	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	for (unsigned i = 0; i < 6; i++) {
		many_submit(MANY, 4096);
		for (unsigned n = 0; n < i; n++)
			vport_relax(0);
		CHECK_EQ(block_resize_queue(disk, sizes[i]), 0);
		CHECK(fake.queues[0].size <= sizes[i]);
		CHECK(FAKE_WAIT(many_done(MANY), 5000));
		CHECK_EQ(many_with(MANY, 0), MANY);
		many_free(MANY);
		works();
	}
	CHECK_EQ(fake.queue_resets, 6);
	CHECK_EQ(virtio_first()->resets, 0);
}

/* What is in flight at the reset of its queue goes out once more, and its owner does not notice. */
static void queue_resized_under_a_device_that_does_nothing(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.deaf = true;
	many_submit(MANY, 4096);
	vport_relax(0);
	CHECK_EQ(block_resize_queue(disk, 32), 0);
	fake.deaf = false;
	CHECK(FAKE_WAIT(many_done(MANY), 5000));
	CHECK_EQ(many_with(MANY, 0), MANY);
	CHECK_EQ(virtio_first()->resets, 0);
	many_free(MANY);
	works();
}

static void queue_reset_that_is_slow(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.queue_reset_reads = 30;
	CHECK_EQ(block_resize_queue(disk, 32), 0);
	CHECK_EQ(fake.queue_reset_reads, 0);
	CHECK_EQ(virtio_first()->resets, 0);
	works();
}

static void queue_resize_without_the_feature(void)
{
	make();
	start();
	CHECK_EQ(block_resize_queue(disk, 32), ERR_UNSUPPORTED);
	works();
}

/* QEMU's virtio-mmio: the reset is taken and does nothing. The device is reset as a whole. */
static void queue_reset_only_pretended(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.queue_reset_pretends = true;
	CHECK_EQ(block_resize_queue(disk, 32), ERR_IO);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 2000));
	works();
}

/* Its vector does not hold a second time: the device is reset as a whole, and found another way. */
static void queue_reset_loses_its_vector(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.no_queue_vectors = true;
	CHECK_EQ(block_resize_queue(disk, 32), ERR_IO);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1 && virtio_first()->state == VIRTIO_RUNNING,
			2000));
	CHECK_EQ(virtio_first()->interrupts, VIRTIO_LINE);
	works();
}

static void queue_reset_never_ends(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.queue_reset_hangs = true;
	uint64_t begun = fake_port.now;
	CHECK_EQ(block_resize_queue(disk, 32), ERR_TIMEOUT);
	CHECK(fake_port.now - begun < 3 * UINT64_C(1000000000));
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 2000));
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(synchronous, ON_ALL),
		SCENARIO(refused, ON_BUSES),
		SCENARIO(read_only, ON_BUSES),
		SCENARIO(flush_without_the_feature, ON_BUSES),
		SCENARIO(id_is_not_supported, ON_BUSES),
		SCENARIO(one_notification_for_many, ON_ALL),
		SCENARIO(more_than_the_queue_holds, ON_ALL),
		SCENARIO(queue_too_small, ON_ALL),
		SCENARIO(smallest_queue, ON_RINGS),
		SCENARIO(submitted_from_a_completion, ON_ALL),
		SCENARIO(synchronous_from_work, ON_BUSES),
		SCENARIO(capacity_grows, ON_BUSES),
		SCENARIO(capacity_grows_unannounced, ON_BUSES),
		SCENARIO(configuration_is_read_when_it_changed, ON_BUSES),
		SCENARIO(capacity_not_a_multiple_of_the_block, ON_BUSES),
		SCENARIO(impossible_capacity_is_told_once, ON_BUSES),
		SCENARIO(capacity_that_flaps, ON_BUSES),
		SCENARIO(block_size_without_the_feature, ON_BUSES),
		SCENARIO(other_limits_after_a_reset, ON_BUSES),
		SCENARIO(queue_resized_in_mid_flight, ON_ALL),
		SCENARIO(queue_resized_under_a_device_that_does_nothing, ON_ALL),
		SCENARIO(queue_reset_that_is_slow, ON_BUSES),
		SCENARIO(queue_resize_without_the_feature, ON_BUSES),
		SCENARIO(queue_reset_only_pretended, ON_ALL),
		SCENARIO(queue_reset_loses_its_vector, ON_RINGS),
		SCENARIO(queue_reset_never_ends, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
