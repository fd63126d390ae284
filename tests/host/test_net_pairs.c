/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net with several pairs of queues (VIRTIO 1.4, 5.1.9.5.6) and several CPUs, which take turns here: whose pair a
 * frame takes, where it is heard, what is released and sent elsewhere, pairs that go and come, and recoveries meanwhile. */
#include <limits.h>

#include "tests/host/fake/pairs_jobs.h"

/* The same for a frame whose cookie says where that is to be. */
static unsigned homes[FAKE_CPUS] = { 0, 1, 2, 3 };

static void done_at_home(struct net_buffer *frame, int status)
{
	CHECK_EQ(vport_cpu(), *(unsigned *)frame->cookie);
	/* There it is a drain, whose rules hold. */
	if (vport_cpu() != 0)
		CHECK(!fake_may_allocate());
	done_release(frame, status);
}

static void send_to_be_done(void)
{
	struct net_buffer *frame = net_take(net);

	CHECK(frame != NULL);
	if (!frame)
		return;
	frame->length = 60;
	frame->done = done_at_home;
	frame->cookie = &homes[vport_cpu()];
	CHECK_EQ(net_send(net, &frame, 1), 1);
}

static void a_pair_for_each_cpu(void)
{
	start_on(4);
	CHECK_EQ(net->pairs, 4);
	CHECK_EQ(wire.pairs, 4);
	for (unsigned i = 0; i < 20; i++)
		all_work(4);
	CHECK_EQ(counted().sent, 80);
	CHECK_EQ(counted().received, 80);
	CHECK_EQ(counted().sent_bytes, 8000);
	for (unsigned i = 0; i < 4; i++) {
		struct net_counts counts;
		net_count_pair(net, i, &counts);
		CHECK_EQ(counts.sent, 20);
		CHECK_EQ(counts.received, 20);
		CHECK_EQ(counts.received_bytes, 20 * (60 + i));
	}
}

static void fewer_pairs_than_cpus(void)
{
	fake_setting("pairs", "2");
	start_on(4);
	CHECK_EQ(net->pairs, 2);
	CHECK_EQ(net->buffers, 128); /* the others only send */
	for (unsigned i = 0; i < 200; i++) {
		sends_from(0, 0);
		sends_from(1, 1);
		sends_from(2, 0); /* by another one's pair */
		sends_from(3, 1);
	}
	all_work(2);
}

static void more_pairs_than_cpus(void)
{
	fake_setting("pairs", "4");
	make_pairs();
	start();
	CHECK_EQ(net->pairs, 4);
	for (unsigned i = 0; i < 4; i++)
		receives_by(i, 100);
	sends_from(0, 0);
	works();
}

/* A pool has buffers for all pairs of its CPU; the smallest one counts for who keeps frames. */
static void with_pools_of(unsigned row)
{
	static const struct {
		unsigned long_queue;
		unsigned buffers;
	} rows[] = { { 4, 128 }, { 2, 192 } };

	fake_setting("pairs", "3");
	fake_cpus(2);
	make_pairs();
	fake.queues[rows[row].long_queue].size_max = 256;
	fake.queues[rows[row].long_queue].size = 256;
	start();
	CHECK_EQ(net->buffers, rows[row].buffers);
	receives_by(1, 60);
}

static void buffers_of_the_smallest_pool(void)
{
	for (unsigned row = 0; row < 2; row++)
		scenario_row(with_pools_of, row);
}

/* What is heard on one CPU is given back on another, until all of its pool has been there. */
static void released_elsewhere(void)
{
	static const uint8_t header[20];
	uint8_t frame[100] = { 0 };

	start_on(2);
	net_listen(net, keep, &heard);
	for (unsigned round = 0; round < 5; round++) {
		while (fake_receive_by(&fake, 1, header, frame, sizeof(frame), 0))
			fake_sleep(1);
		CHECK_EQ(kept_count, 128); /* the whole pool of CPU 1 */
		fake_on(1);
		CHECK(net_take(net) == NULL);
		fake_on(0);
		give_back_kept();
		fake_sleep(300);
	}
	net_listen(net, hear, &heard);
	all_work(2);
}

/* And what was taken on one is sent by another. */
static void sent_elsewhere(void)
{
	start_on(2);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned from = i % 2, before = wire.sent_by[!from];
		fake_on(from);
		struct net_buffer *frame = net_take(net);
		fake_on(!from);
		CHECK(frame != NULL);
		if (!frame)
			return;
		frame->length = 60;
		CHECK_EQ(net_send(net, &frame, 1), 1);
		fake_on(0);
		CHECK(FAKE_WAIT(wire.sent_by[!from] == before + 1, 100));
	}
	CHECK(FAKE_WAIT(counted().sent == 1000, 600));
	all_work(2);
}

/* All buffers of a CPU without a pair are on their way, by another one's: it may sleep until there is one. */
static void waits_for_a_buffer(void)
{
	fake_setting("pairs", "1");
	start_on(2);
	fake_port.sound_sleep = true;
	for (unsigned round = 0; round < 5; round++) {
		struct net_buffer *frame;
		fake_on(1);
		unsigned before = wire.sent, count = 0;
		for (; (frame = net_take(net)) != NULL; count++) {
			frame->length = 60;
			CHECK_EQ(net_send(net, &frame, 1), 1);
		}
		CHECK(count > 0);
		uint64_t begun = fake_port.now;
		do
			vport_relax(begun + UINT64_C(5000000000));
		while ((frame = net_take(net)) == NULL &&
		       fake_port.now < begun + UINT64_C(5000000000));
		CHECK(frame != NULL);
		/* Before anybody would have looked without being told. */
		CHECK(fake_port.now < begun + UINT64_C(200000000));
		if (frame)
			net_release(net, frame);
		fake_on(0);
		CHECK(FAKE_WAIT(wire.sent == before + count, 1000));
		fake_sleep(300);
	}
	all_work(1);
}

/* A CPU that has found none may sleep until one is back: a single one, which another CPU has released. */
static void waits_for_the_only_buffer(void)
{
	struct net_buffer *all[128];
	unsigned count = 0;

	start_on(2);
	fake_port.sound_sleep = true;
	fake_on(1);
	while (count < 128 && (all[count] = net_take(net)) != NULL)
		count++;
	CHECK_EQ(count, 64); /* the device has the others */
	fake_on(0);
	net_release(net, all[0]);
	fake_on(1);
	CHECK((all[0] = net_take(net)) != NULL); /* nobody had waited for it */
	CHECK(net_take(net) == NULL);
	fake_sleep(2);
	fake_on(0);
	net_release(net, all[0]);
	fake_on(1);
	uint64_t begun = fake_port.now;
	vport_relax(begun + UINT64_C(5000000000));
	CHECK(fake_port.now <
	      begun + UINT64_C(1000000)); /* of the test's own clock: it was woken */
	CHECK((all[0] = net_take(net)) != NULL);
	while (count > 0)
		net_release(net, all[--count]);
	fake_on(0);
	all_work(2);
}

/* Nobody wants to know when those are done that it has sent itself. */
static void waits_for_its_own_buffers(unsigned cpu)
{
	struct net_buffer *frame, *all[64];
	unsigned was = fake_on(cpu), count = 0;

	for (; count < 64 && (frame = net_take(net)) != NULL; count++) {
		frame->length = 60;
		all[count] = frame;
	}
	CHECK_EQ(count, 64);
	fake.deaf = true;
	CHECK_EQ(net_send(net, all, count), count);
	fake_sleep(1); /* whoever pushes them has done so before they are missed */
	CHECK(net_take(net) == NULL);
	fake_sleep(1);
	fake.deaf = false;
	uint64_t begun = fake_port.now;
	frame = NULL;
	while (!frame && fake_port.now < begun + UINT64_C(5000000000)) {
		vport_relax(begun + UINT64_C(5000000000));
		frame = net_take(net);
	}
	CHECK(frame != NULL);
	CHECK(fake_port.now < begun + UINT64_C(100000000)); /* not by the regular look */
	net_release(net, frame);
	fake_on(was);
	fake_sleep(300);
}

static void waits_for_what_it_has_sent(void)
{
	start_on(2);
	for (unsigned round = 0; round < 4; round++) {
		waits_for_its_own_buffers(0);
		waits_for_its_own_buffers(1);
	}
	/* Without a pair of its own any more. */
	CHECK_EQ(net_set_pairs(net, 1), 0);
	fake_sleep(2);
	for (unsigned round = 0; round < 4; round++)
		waits_for_its_own_buffers(1);
	all_work(1);
}

/* Whose CPU only sends: half as many as the queue that it sends by holds. */
static void buffers_of_who_only_sends(void)
{
	struct net_buffer *frame, *all = NULL;
	unsigned count = 0;

	fake_setting("pairs", "1");
	start_on(2);
	fake_on(1);
	for (; (frame = net_take(net)) != NULL; count++) {
		frame->next = all;
		all = frame;
	}
	CHECK_EQ(count, 32);
	while (all) {
		frame = all->next;
		net_release(net, all);
		all = frame;
	}
	fake_on(0);
	all_work(1);
}

/* Each CPU looks at its own pair. */
static void polled_by_each_cpu(void)
{
	static const uint8_t header[20];
	static const uint8_t bytes[60];

	fake_setting("irq", "poll");
	start_on(2);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		unsigned before = heard;
		CHECK(fake_receive_by(&fake, cpu, header, bytes, sizeof(bytes), 0));
		fake_on(!cpu);
		net_poll(net);
		CHECK_EQ(heard, before);
		fake_on(cpu);
		net_poll(net);
		CHECK_EQ(heard, before + 1);
		CHECK_EQ(heard_on, cpu);
	}
	fake_on(0);
	all_work(2);
}

/* One that has several looks at all of them. */
static void all_polled_by_one_cpu(void)
{
	static const uint8_t header[20];
	static const uint8_t bytes[60];

	fake_setting("irq", "poll");
	fake_setting("pairs", "4");
	make_pairs();
	start();
	CHECK_EQ(net->pairs, 4);
	for (unsigned i = 0; i < 4; i++) {
		unsigned before = heard;
		CHECK(fake_receive_by(&fake, i, header, bytes, sizeof(bytes), 0));
		net_poll(net);
		CHECK_EQ(heard, before + 1);
	}
	works();
}

/* And one that has none leaves others' alone. */
static void polled_by_who_has_no_pair(void)
{
	static const uint8_t header[20];
	static const uint8_t bytes[60];

	fake_setting("irq", "poll");
	fake_setting("pairs", "1");
	start_on(2);
	CHECK_EQ(net->pairs, 1);
	unsigned before = heard;
	CHECK(fake_receive_by(&fake, 0, header, bytes, sizeof(bytes), 0));
	fake_on(1);
	net_poll(net);
	CHECK_EQ(heard, before);
	fake_on(0);
	net_poll(net);
	CHECK_EQ(heard, before + 1);
	works();
}

static void pairs_go_and_come(void)
{
	start_on(4);
	for (unsigned round = 0; round < 6; round++) {
		unsigned pairs = 1 + round % 4;
		CHECK_EQ(net_set_pairs(net, pairs), 0);
		fake_sleep(2);
		CHECK_EQ(wire.pairs, pairs);
		CHECK_EQ(net->pairs, pairs);
		for (unsigned cpu = 0; cpu < 4; cpu++)
			sends_from(cpu, cpu % pairs);
		all_work(pairs);
	}
	CHECK_EQ(net_set_pairs(net, 0), ERR_RANGE);
	CHECK_EQ(net_set_pairs(net, 5), ERR_RANGE);
	/* From another CPU, too. */
	fake_on(3);
	CHECK_EQ(net_set_pairs(net, 4), 0);
	fake_on(0);
	fake_sleep(2);
	all_work(4);
}

/* 5.1.9.5.6.1-4: with frames that a pair cannot get rid of it is not given up. */
static bool hold_back(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	return queue->index != 3;
}

static void pair_that_does_not_empty(void)
{
	start_on(2);
	fake.before_use = hold_back;
	fake_on(1);
	struct net_buffer *frame = net_take(net);
	frame->length = 60;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	fake_on(0);
	CHECK_EQ(net_set_pairs(net, 1), ERR_BUSY);
	CHECK_EQ(net->pairs, 2);
	CHECK_EQ(wire.pairs, 2);
	fake.before_use = NULL;
	struct ring_chain *chain = fake.queues[3].ring.taken;
	CHECK(chain != NULL);
	fake_use(&fake.queues[3], chain, 0);
	fake_sleep(5);
	sends_from(1, 1); /* as if nobody had asked */
	CHECK_EQ(net_set_pairs(net, 1), 0);
	sends_from(1, 0);
	CHECK_EQ(net_set_pairs(net, 2), 0);
	fake_sleep(2);
	all_work(2);
}

static void refused_pairs(void)
{
	start_on(2);
	wire.refuse_class = 4 + 1;
	CHECK_EQ(net_set_pairs(net, 1), ERR_IO);
	CHECK_EQ(net->pairs, 2);
	fake_sleep(2);
	all_work(2);
}

/* Frames in every pair's queue and outbox when the device needs a reset: each is done once. */
static void row35_recovery_with_many_cpus(void)
{
	fake_setting("pairs", "2");
	start_on(4);
	for (unsigned round = 0; round < 5; round++) {
		fake_sleep(300); /* so that it is no reset in a row */
		unsigned sent = 0;
		done_count = 0;
		fake.deaf = true;
		for (unsigned cpu = 0; cpu < 4; cpu++) {
			fake_on(cpu);
			for (unsigned i = 0; i < 20; i++, sent++)
				send_to_be_done();
		}
		fake_on(0);
		fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
		fake_interrupt_config(&fake);
		fake_on(2);
		send_to_be_done(); /* waits for the recovery */
		sent++;
		fake_on(0);
		CHECK(FAKE_WAIT(net->resets == round + 1, 3000));
		fake.deaf = false;
		CHECK(FAKE_WAIT(done_count == sent, 3000));
		fake_sleep(600);
		CHECK_EQ(done_count, sent);
		CHECK_EQ(net->pairs, 2);
		all_work(2);
	}
}

/* A reset's end of a frame that nobody waited for leaves nothing in its buffer, which is another CPU's. */
static void row35_buffers_of_another_cpu(void)
{
	struct net_buffer *frames[32];

	start_on(2);
	for (unsigned i = 0; i < 32; i++) {
		frames[i] = net_take(net);
		CHECK(frames[i] != NULL);
		frames[i]->length = 60;
	}
	fake.deaf = true;
	fake_on(1);
	CHECK_EQ(net_send(net, frames, 32), 32);
	fake_on(0);
	virtio_device_fail(virtio_first(), ERR_IO, "the test wants it so", 0);
	CHECK(FAKE_WAIT(net->resets == 1 && counted().failed == 32, 3000));
	fake.deaf = false;
	fake_sleep(600);
	for (unsigned i = 0; i < 64; i++) /* all that the device has not got to fill */
		send_to_be_done();
	CHECK(net_take(net) == NULL);
	CHECK(FAKE_WAIT(done_count == 64, 1000));
	all_work(2);
}

static void row36_gone_with_many_cpus(void)
{
	fake_setting("pairs", "2");
	start_on(4);
	unsigned sent = 0;
	fake.deaf = true;
	for (unsigned cpu = 0; cpu < 4; cpu++) {
		fake_on(cpu);
		for (unsigned i = 0; i < 10; i++, sent++)
			send_to_be_done();
	}
	fake_on(0);
	fake.gone = true;
	CHECK(FAKE_WAIT(net->gone && done_count == sent, 5000));
	fake_sleep(10);
	CHECK_EQ(done_count, sent);
	CHECK_EQ(counted().failed, sent);
	CHECK(done_status < 0);
	for (unsigned cpu = 0; cpu < 4; cpu++) {
		fake_on(cpu);
		struct net_buffer *frame = net_take(net);
		CHECK(frame != NULL);
		frame->length = 60;
		CHECK_EQ(net_send(net, &frame, 1), ERR_NODEV);
		net_release(net, frame);
	}
}

/* CPU 1 has found no room, because of a recovery, and waits for it; there comes none. */
static void given_up_while_another_cpu_waits(void)
{
	start_on(2);
	CHECK_EQ(net->pairs, 2);
	fake.deaf = fake.hang_reset = true;
	virtio_device_fail(virtio_first(), ERR_IO, "a test", 0);
	fake_on(1);
	struct net_buffer *frame = net_take(net);
	CHECK(frame != NULL);
	if (!frame)
		return;
	frame->length = 60;
	CHECK_EQ(net_send(net, &frame, 1), 0);
	fake_on(0);
	CHECK(FAKE_WAIT(net->gone, 5000)); /* where CPU 1 has its turns as well */
	fake_on(1);
	fake_port.sound_sleep = true;
	vport_relax(VPORT_NEVER); /* returns at all: it was woken */
	CHECK_EQ(net_send(net, &frame, 1), ERR_NODEV);
	fake_on(0);
}

/* Comes before anything is taken, up to so many: one interrupt for all. How many there were buffers for. */
static unsigned flood(unsigned most)
{
	static const uint8_t header[20];
	static const uint8_t frame[100];
	unsigned sent = 0, interrupts = fake_port.interrupts;

	while (sent < most && fake_receive_by(&fake, 0, header, frame, sizeof(frame), 0))
		sent++;
	CHECK_EQ(fake_port.interrupts, interrupts + 1);
	return sent;
}

/* A flood is taken in turns: as long as the queue is not empty, no interrupt is asked for. */
static void flood_without_interrupts(void)
{
	start_on(1);
	unsigned sent = flood(60);
	CHECK(FAKE_WAIT(heard == sent, 100));
	works();
}

/* Of a ring that was full all is taken in one look, and there may be more: it is looked again before one is asked for. */
static void full_ring_without_interrupts(void)
{
	static const uint8_t header[20];
	static const uint8_t frame[100];

	start_on(1);
	CHECK_EQ(flood(UINT_MAX), 64);
	unsigned interrupts = fake_port.interrupts;
	vport_relax(0);
	CHECK_EQ(heard, 64);
	CHECK(fake_receive_by(&fake, 0, header, frame, sizeof(frame), 0));
	CHECK_EQ(fake_port.interrupts, interrupts);
	CHECK(FAKE_WAIT(heard == 65, 100));
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(a_pair_for_each_cpu, ON_ALL),
		SCENARIO(fewer_pairs_than_cpus, ON_ALL),
		SCENARIO(more_pairs_than_cpus, ON_ALL),
		SCENARIO(buffers_of_the_smallest_pool, ON_RINGS),
		SCENARIO(released_elsewhere, ON_ALL),
		SCENARIO(sent_elsewhere, ON_ALL),
		SCENARIO(waits_for_a_buffer, ON_ALL),
		SCENARIO(waits_for_the_only_buffer, ON_ALL),
		SCENARIO(waits_for_what_it_has_sent, ON_ALL),
		SCENARIO(buffers_of_who_only_sends, ON_ALL),
		SCENARIO(polled_by_each_cpu, ON_ALL),
		SCENARIO(all_polled_by_one_cpu, ON_ALL),
		SCENARIO(polled_by_who_has_no_pair, ON_ALL),
		SCENARIO(pairs_go_and_come, ON_ALL),
		SCENARIO(pair_that_does_not_empty, ON_ALL),
		SCENARIO(refused_pairs, ON_BUSES),
		SCENARIO(row35_recovery_with_many_cpus, ON_ALL),
		SCENARIO(row35_buffers_of_another_cpu, ON_ALL),
		SCENARIO(row36_gone_with_many_cpus, ON_ALL),
		SCENARIO(given_up_while_another_cpu_waits, ON_ALL),
		SCENARIO(flood_without_interrupts, ON_ALL),
		SCENARIO(full_ring_without_interrupts, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
