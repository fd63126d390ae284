/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net and interrupts that come too often (drivers/virtio/net_coalesce.c): when frames wait, for how long, and that none
 * waits for nothing. */
#include "tests/host/fake/net_jobs.h"

#define US UINT64_C(1000)
#define PERIOD_US 100
#define LONGER_US 10000
#define ROUNDS 200
#define TELLING 16
#define FEW (TELLING + 2) /* interrupts, until it is known that frames come quickly */
#define LENGTH 60

enum { FAKE_EVENT_IDX = 29 };

static unsigned arrived;
static uint64_t period_us = PERIOD_US;

static void make_and_start(void)
{
	MAKE(FAKE_MTU);
	start();
	arrived = heard;
}

/* The driver has a buffer for each of them. */
static void arrive(unsigned count)
{
	static const uint8_t header[20];
	uint8_t frame[LENGTH];

	for (; count > 0; count--) {
		fill(frame, sizeof(frame), arrived++);
		CHECK(fake_receive_by(&fake, 0, header, frame, sizeof(frame), 0));
	}
}

static void pass(uint64_t us)
{
	uint64_t end = fake_port.now + us * US;

	while (fake_port.now < end)
		vport_relax(end);
}

/* The last one that was heard is the last one that came. */
static void check_all_heard(void)
{
	uint8_t frame[LENGTH];

	CHECK_EQ(heard, arrived);
	fill(frame, sizeof(frame), arrived - 1);
	CHECK(memcmp(heard_frame, frame, sizeof(frame)) == 0);
}

/* Each one by itself: at once, by an interrupt. */
static void check_interrupts(void)
{
	pass(10 * PERIOD_US);
	for (unsigned i = 0; i < 10; i++) {
		unsigned before = fake_port.interrupts;
		arrive(1);
		pass(1);
		check_all_heard();
		CHECK_EQ(fake_port.interrupts, before + 1);
		pass(PERIOD_US);
	}
}

/* Frames come every so many us. How many interrupts that took. */
static unsigned come_every(uint64_t us, unsigned most_waiting)
{
	unsigned before = fake_port.interrupts;

	for (unsigned i = 0; i < ROUNDS; i++) {
		arrive(1);
		pass(us);
		CHECK(arrived - heard <= most_waiting);
	}
	pass(period_us);
	check_all_heard();
	return fake_port.interrupts - before;
}

static void quick_ones(void)
{
	make_and_start();
	check_interrupts();
	CHECK(come_every(10, PERIOD_US / 10 + 1) <= FEW);
	check_interrupts();
	CHECK(come_every(2, PERIOD_US / 2 + 1) <= FEW);
	check_interrupts();
	works();
}

static void quick_ones_without_event_index(void)
{
	MAKE(FAKE_MTU);
	fake_withdraw(&fake, FAKE_EVENT_IDX);
	start();
	arrived = heard;
	CHECK(come_every(10, PERIOD_US / 10 + 1) <= FEW);
	check_interrupts();
	works();
}

/* Four in each wait, and once in a while five: that is enough. */
static void just_quick_enough(void)
{
	make_and_start();
	CHECK(come_every(PERIOD_US / 4 - 1, 6) <= FEW);
	works();
}

static void slow_ones(void)
{
	make_and_start();
	CHECK_EQ(come_every(PERIOD_US * 3 / 4, 0), ROUNDS);
	works();
}

/* All at once, and then nothing: who waits finds that nothing came. */
static void bursts(void)
{
	make_and_start();
	for (unsigned i = 0; i < ROUNDS; i++) {
		arrive(32);
		pass(1);
		check_all_heard();
		pass(PERIOD_US * 10);
	}
	check_interrupts();
}

/* Whether what came is only heard now, after a wait. */
static bool had_to_wait(void)
{
	bool waits = heard != arrived;

	if (waits)
		pass(PERIOD_US);
	check_all_heard();
	return waits;
}

/* The next one comes when this one was heard: they wait once in a while, to see whether others come. */
static void one_after_the_other(void)
{
	unsigned waited = 0;

	make_and_start();
	for (unsigned i = 0; i < ROUNDS; i++) {
		arrive(1);
		pass(5);
		waited += had_to_wait();
	}
	CHECK(waited >= 1 && waited <= 2);
}

/* So many tell how quickly they come: what comes behind the next one waits for others. */
static void sixteen_tell(void)
{
	make_and_start();
	pass(10 * PERIOD_US);
	for (unsigned i = 0; i <= TELLING; i++) {
		arrive(1);
		pass(2);
		check_all_heard();
	}
	unsigned before = fake_port.interrupts;
	for (unsigned i = 1; i <= 3; i++) {
		arrive(1);
		pass(2);
		CHECK_EQ(arrived - heard, i);
	}
	pass(PERIOD_US);
	check_all_heard();
	CHECK_EQ(fake_port.interrupts, before);
}

/* The same with answers of several frames, as many as make a wait worth it where they are what was to be expected. */
static void answers_of_several_frames(void)
{
	unsigned waited = 0;

	MAKE(FAKE_MTU);
	fake.queues[0].size = fake.queues[0].size_max = 256;
	start();
	arrived = heard;
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned frame = 0; frame < 8; frame++) {
			arrive(1);
			pass(1);
		}
		pass(15);
		waited += had_to_wait();
	}
	CHECK(waited >= 1 && waited <= 3);
}

/* Something else has work to do in each turn, in which five frames come. */
static unsigned turns_left;

static void be_busy(struct vport_event *event)
{
	for (unsigned i = 0; i < 5; i++) {
		fake_port.now += 10 * US;
		arrive(1);
	}
	if (turns_left-- > 0)
		vport_mark(event);
}

static void busy_beside(void)
{
	static struct vport_event busy = { .drain = be_busy, .check_at = VPORT_NEVER };

	make_and_start();
	turns_left = 1000;
	vport_mark(&busy);
	while (turns_left > 0 && turns_left <= 1000) {
		vport_relax(fake_port.now);
		CHECK(arrived - heard <=
		      60); /* two turns, and eight more without a look at the clock */
	}
	pass(PERIOD_US);
	check_all_heard();
}

/* An interrupt is lost, and the regular look, a little late, finds frames that come quickly: who sleeps for longer than they are to
 * wait is woken all the same. */
static void regular_look_begins_a_wait(void)
{
	make_and_start();
	struct virtio_queue *queue = virtio_queue_at(virtio_first(), 0);
	pass(1000);
	pass((queue->look_event.check_at - fake_port.now) / US - 8);
	arrive(1);
	pass(5);
	check_all_heard();
	fake.silent = true;
	arrive(8);
	fake.silent = false;
	fake_port.now = queue->look_event.check_at + 8 * US;
	while (heard != arrived)
		vport_relax(fake_port.now + 1000000 * US);
	uint64_t begun = fake_port.now;
	arrive(1);
	while (heard != arrived)
		vport_relax(fake_port.now + 1000000 * US);
	CHECK(fake_port.now - begun <= 2 * PERIOD_US * US);
}

/* Its device is about to recover, which another CPU has to begin: the time that was set is no reason to look again and again. */
static void device_that_recovers(void)
{
	unsigned turns = 0;

	make_and_start();
	struct virtio_queue *queue = virtio_queue_at(virtio_first(), 0);
	while (queue->event.check_at == VPORT_NEVER) {
		arrive(1);
		pass(10);
	}
	virtio_first()->state = VIRTIO_RECOVERING;
	for (uint64_t end = fake_port.now + 1000 * US; fake_port.now < end; turns++)
		vport_relax(end);
	CHECK(turns <= 3);
	virtio_first()->state = VIRTIO_RUNNING;
	vport_mark(&queue->event);
	pass(PERIOD_US);
	check_all_heard();
}

/* Others drain the queue before its time, which is no reason to give up. */
static void looked_at_before_its_time_every(unsigned frames)
{
	make_and_start();
	unsigned before = fake_port.interrupts;
	for (unsigned i = 0; i < ROUNDS; i++) {
		arrive(1);
		pass(10);
		if (i % frames == 0)
			vport_mark(&virtio_queue_at(virtio_first(), 0)->event);
	}
	CHECK(fake_port.interrupts - before <= FEW);
	pass(PERIOD_US);
	check_all_heard();
}

static void looked_at_before_its_time(void)
{
	scenario_row(looked_at_before_its_time_every, 3);
	scenario_row(looked_at_before_its_time_every, 5);
}

/* So few buffers that waiting long would leave the device none. */
static void small_queue(void)
{
	MAKE(FAKE_MTU);
	fake.queues[0].size = fake.queues[0].size_max = 16;
	start();
	arrived = heard;
	come_every(10, 8);
	come_every(2, 16); /* all of them, while it waits as for the slower ones */
	check_interrupts();
}

static void switched_off(void)
{
	fake_setting("rx_usecs", "0");
	make_and_start();
	CHECK_EQ(come_every(10, 0), ROUNDS);
	works();
}

static void too_long(void)
{
	fake_setting("rx_usecs", "10001");
	make_and_start();
	CHECK_EQ(fake_logged_times("rx_usecs=10001: 0 to 10000 is wanted: 100 is used\n"), 1);
	CHECK(come_every(10, PERIOD_US / 10 + 1) <= FEW);
}

static void no_number(void)
{
	fake_setting("rx_usecs", "often");
	make_and_start();
	CHECK_EQ(fake_logged_times("rx_usecs=often: 0 to 10000 is wanted: 100 is used\n"), 1);
}

static void longer(void)
{
	fake_setting("rx_usecs", "10000");
	period_us = LONGER_US;
	make_and_start();
	CHECK(!fake_logged("rx_usecs"));
	CHECK(come_every(LONGER_US / 20, 21) <= FEW);
}

static void polled(void)
{
	fake_setting("irq", "poll");
	make_and_start();
	CHECK_EQ(come_every(10, 1), 0);
}

/* A reset in the middle of a wait: it is not waited on for frames of before. */
static void reset_meanwhile(void)
{
	make_and_start();
	for (unsigned i = 0; i < 20; i++) {
		arrive(1);
		pass(10);
	}
	recovers();
	arrived = heard;
	check_interrupts();
	CHECK(come_every(10, PERIOD_US / 10 + 1) <= FEW);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(quick_ones, ON_ALL),
		SCENARIO(quick_ones_without_event_index, ON_ALL),
		SCENARIO(just_quick_enough, ON_ALL),
		SCENARIO(slow_ones, ON_ALL),
		SCENARIO(bursts, ON_ALL),
		SCENARIO(one_after_the_other, ON_RINGS),
		SCENARIO(sixteen_tell, ON_ALL),
		SCENARIO(answers_of_several_frames, ON_RINGS),
		SCENARIO(busy_beside, ON_RINGS),
		SCENARIO(regular_look_begins_a_wait, ON_RINGS),
		SCENARIO(device_that_recovers, ON_RINGS),
		SCENARIO(looked_at_before_its_time, ON_RINGS),
		SCENARIO(small_queue, ON_RINGS),
		SCENARIO(switched_off, ON_RINGS),
		SCENARIO(too_long, ON_BUSES),
		SCENARIO(no_number, ON_BUSES),
		SCENARIO(longer, ON_BUSES),
		SCENARIO(polled, ON_RINGS),
		SCENARIO(reset_meanwhile, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
