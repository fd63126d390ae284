/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-rng (VIRTIO 1.4, 5.4) against a fake device: reads of every length, short answers, and a device that
 * breaks the rules. */
#include "drivers/virtio/rng.h"

#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;

static void make(void)
{
	fake_device_init(&fake, bus, &fake_rng, ring);
}

static void start(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(virtio_rng_first() != NULL);
}

/* The device's stream goes up by one with each byte: none is given twice, none made up. */
static void read_and_check(size_t length)
{
	uint8_t *bytes = malloc(length);

	if (!bytes)
		abort();
	memset(bytes, 0, length);
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), bytes, length), 0);
	for (size_t i = 1; i < length; i++)
		CHECK_EQ(bytes[i], (uint8_t)(bytes[0] + i));
	free(bytes);
}

static void works(void)
{
	read_and_check(40);
}

static void every_length(void)
{
	make();
	start();
	for (size_t length = 1; length < 600; length += 7)
		read_and_check(length);
	read_and_check(256);
	read_and_check(257);
	read_and_check(4096);
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), NULL, 0), 0);
}

static uint32_t most;

/* As much as it has: at least one byte (5.4.6.2). What is behind it in the buffer is of the last time. */
static bool answer_less(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	uint8_t *bytes = chain->segments[0].memory;
	static uint8_t next;
	if (*written > most)
		*written = most;
	for (uint32_t i = 0; i < chain->segments[0].length; i++)
		bytes[i] = i < *written ? next++ : 0xdd;
	return true;
}

static void short_answers(void)
{
	make();
	start();
	fake.before_use = answer_less;
	for (most = 1; most < 40; most += 3)
		read_and_check(100);
}

static bool answer_nothing(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	*written = 0;
	return true;
}

static void row7_nothing_written(void)
{
	uint8_t byte;

	make();
	start();
	fake.before_use = answer_nothing;
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_IO);
	CHECK_EQ(virtio_first()->resets, 0);
	fake.before_use = NULL;
	works();
}

static bool answer_too_much(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	*written = (uint32_t)chain->writable + 1;
	return true;
}

static void row6_more_written_than_asked_for(void)
{
	uint8_t bytes[16];

	make();
	start();
	for (unsigned i = 1; i <= 3; i++) {
		fake.before_use = answer_too_much;
		CHECK_EQ(virtio_rng_read(virtio_rng_first(), bytes, sizeof(bytes)), ERR_IO);
		fake.before_use = NULL;
		works();
		CHECK_EQ(virtio_first()->resets, i);
	}
	CHECK(fake_logged("more bytes written than the buffer has"));
}

static void row13_no_answer(void)
{
	uint8_t byte;

	fake_setting("deadline_ms", "500");
	make();
	start();
	fake.deaf = true;
	uint64_t begun = fake_port.now;
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_TIMEOUT);
	CHECK(fake_port.now - begun < UINT64_C(1500000000));
	fake.deaf = false;
	works();
}

/* A work item reads while the program waits: both get what is theirs. */
static struct vport_work reader;
static uint8_t in_work[64];
static int work_status = 1;

static void read_in_work(struct vport_work *work)
{
	(void)work;
	work_status = virtio_rng_read(virtio_rng_first(), in_work, sizeof(in_work));
}

static void two_readers(void)
{
	uint8_t bytes[64];

	make();
	start();
	for (unsigned i = 0; i < 20; i++) {
		reader.run = read_in_work;
		work_status = 1;
		vport_work_queue(&reader);
		memset(bytes, 0, sizeof(bytes));
		CHECK_EQ(virtio_rng_read(virtio_rng_first(), bytes, sizeof(bytes)), 0);
		CHECK(FAKE_WAIT(work_status != 1, 1000));
		CHECK_EQ(work_status, 0);
		for (unsigned n = 1; n < 64; n++) {
			CHECK_EQ(bytes[n], (uint8_t)(bytes[0] + n));
			CHECK_EQ(in_work[n], (uint8_t)(in_work[0] + n));
		}
		CHECK(bytes[0] != in_work[0]);
	}
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(every_length, ON_ALL),
		SCENARIO(short_answers, ON_ALL),
		SCENARIO(row7_nothing_written, ON_ALL),
		SCENARIO(row6_more_written_than_asked_for, ON_ALL),
		SCENARIO(row13_no_answer, ON_ALL),
		SCENARIO(two_readers, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
