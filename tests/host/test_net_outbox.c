/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net: frames that a CPU without a pair of queues of its own hands to the pair of another one (net_outbox.c), with two
 * to four CPUs, which take turns here: their order, an outbox that is full, frames that cannot be sent after all, and a
 * device that is reset or given up while they wait (FAULTS 1, 35, 36). */
#include "drivers/virtio/net_nic.h"

#include "tests/host/fake/pairs_jobs.h"

#define CALLERS_OWN 64 /* frames that an outbox holds here */

/* ---- Frames that cannot be sent after all, and an outbox that is full ------------------------------- */

/* Of two frames that another CPU has handed over, the second cannot be mapped. Its done function sends. */
static unsigned dones;

static void note_done(struct net_buffer *frame, int status)
{
	(void)frame;
	CHECK_EQ(status, 0);
	dones++;
}

static void send_another(struct net_buffer *frame, int status)
{
	struct net_buffer *another = net_take(net);

	(void)frame;
	CHECK_EQ(status, ERR_NOMEM);
	dones++;
	fill(net_data(another), 60, 1);
	another->length = 60;
	CHECK_EQ(net_send(net, &another, 1), 1);
}

static void outbox_that_cannot_be_mapped(void)
{
	static uint8_t memory[2][200] __attribute__((aligned(256)));
	static struct net_buffer buffers[2];
	struct net_buffer *frames[] = { &buffers[0], &buffers[1] };

	fake_setting("pairs", "1");
	start_on(2);
	for (unsigned i = 0; i < 2; i++) {
		net_buffer_over(&buffers[i], memory[i], sizeof(memory[i]));
		buffers[i].start = NET_ROOM;
		buffers[i].length = 60;
		buffers[i].done = i == 0 ? note_done : send_another;
	}
	fake_on_cpu(1);
	CHECK_EQ(net_send(net, frames, 2), 2);
	fake_on_cpu(0);
	unsigned before = wire.sent;
	fake_port.mapping_fails = fake_port.mapped + 2;
	CHECK(FAKE_WAIT(dones == 2 && wire.sent == before + 2, 100));
	CHECK_EQ(dones, 2);
	works();
}

/* One that finds the outbox full may sleep until there is room, though it wants to know nothing of its frames. */
static void waits_for_the_outbox(void)
{
	enum { OWN = 31, OTHERS = 64 };
	struct net_buffer *frames[OWN + OTHERS];

	fake_setting("pairs", "1");
	start_on(2);
	fake_port.sound_sleep = true;
	for (unsigned i = 0; i < OWN + OTHERS; i++) {
		fake_on(i < OWN);
		frames[i] = net_take(net);
		CHECK(frames[i] != NULL);
		frames[i]->length = 60;
	}
	unsigned before = wire.sent;
	fake_on(1);
	for (unsigned sent = 0; sent < OWN + OTHERS;) {
		uint64_t begun = fake_port.now;
		int taken = net_send(net, frames + sent, OWN + OTHERS - sent);
		CHECK(taken >= 0);
		sent += (unsigned)taken;
		if (sent < OWN + OTHERS)
			vport_relax(begun + UINT64_C(5000000000));
		CHECK(fake_port.now < begun + UINT64_C(200000000));
	}
	fake_on(0);
	CHECK(FAKE_WAIT(wire.sent == before + OWN + OTHERS, 1000));
	all_work(1);
}

/* Memory of a program on a CPU without a pair, which the port has no room for when its home pushes it, behind a frame
 * that was pushed: they fail, and done functions send at once, one inside another's call at most. */
static struct net_buffer owns[CALLERS_OWN];
static unsigned inside_done, deepest_done, failed_count, sent_inside;

static void done_sends_again(struct net_buffer *frame, int status)
{
	(void)frame;
	done_count++;
	failed_count += status < 0;
	inside_done++;
	if (inside_done > deepest_done)
		deepest_done = inside_done;
	struct net_buffer *next = net_take(net);
	if (next) {
		fill(net_data(next), 60, 1);
		next->length = 60;
		if (net_send(net, &next, 1) == 1)
			sent_inside++;
		else
			net_release(net, next);
	}
	inside_done--;
}

static void many_that_cannot_be_mapped(void)
{
	static uint8_t memory[CALLERS_OWN][NET_ROOM + 600] __attribute__((aligned(1024)));
	struct net_buffer *frames[CALLERS_OWN];

	fake_setting("pairs", "1");
	start_on(2);
	for (unsigned i = 0; i < CALLERS_OWN; i++) {
		frames[i] = &owns[i];
		net_buffer_over(&owns[i], memory[i], sizeof(memory[i]));
		owns[i].start = NET_ROOM;
		owns[i].length = i ? 600 : 20;
		owns[i].done = done_sends_again;
	}
	fake_on_cpu(1);
	CHECK_EQ(net_send(net, frames, CALLERS_OWN), CALLERS_OWN);
	fake_on_cpu(0);
	fake_port.piece = 512; /* only the first one can be in one part */
	CHECK(FAKE_WAIT(done_count == CALLERS_OWN, 1000));
	fake_port.piece = 0;
	CHECK(failed_count > 0 && failed_count < CALLERS_OWN);
	CHECK(deepest_done <= 2);
	CHECK(FAKE_WAIT(wire.sent == sent_inside + CALLERS_OWN - failed_count, 1000));
	CHECK_EQ(counted().failed, failed_count);
	CHECK_EQ(fake_port.mappings, 0);
	all_work(1);
}

/* ---- In order ---------------------------------------------------------------------------------------- */

/* As many as fill the ring, wait behind it, and fill the outbox behind those. */
enum {
	IN_THE_RING = 64,
	WAITING = 40,
	IN_THE_OUTBOX = 64,
	ALL_OF_THEM = IN_THE_RING + WAITING + IN_THE_OUTBOX
};
static struct net_buffer many[ALL_OF_THEM];
static uint8_t many_bytes[ALL_OF_THEM][NET_ROOM + 60];
static unsigned times_done[ALL_OF_THEM], home; /* of those who send */
static int status_of[ALL_OF_THEM];

static void note_done_at_home(struct net_buffer *frame, int status)
{
	CHECK_EQ(vport_cpu(), home);
	times_done[frame - many]++;
	status_of[frame - many] = status;
}

static unsigned held_queue; /* + 1 */
static uint8_t next_on_the_wire;

/* What that queue has sent is not given back; and all of it is in order. */
static bool hold_and_note_order(struct fake_queue *queue, struct ring_chain *chain,
				uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index % 2 == 1)
		CHECK_EQ(wire.frame[0], next_on_the_wire++);
	return queue->index + 1 != held_queue;
}

static void hand_over(unsigned from, unsigned count)
{
	unsigned was = fake_on(home);
	struct net_buffer *frames[ALL_OF_THEM];

	for (unsigned i = 0; i < count; i++) {
		frames[i] = &many[from + i];
		net_buffer_over(frames[i], many_bytes[from + i], sizeof(many_bytes[0]));
		frames[i]->start = NET_ROOM;
		frames[i]->length = 60;
		frames[i]->done = note_done_at_home;
		net_data(frames[i])[0] = (uint8_t)(from + i);
	}
	CHECK_EQ(net_send(net, frames, count), count);
	fake_on(was);
}

/* A CPU has handed over all of them to the pair whose transmit queue that is. */
static void fill_all_up(unsigned cpu, unsigned queue)
{
	held_queue = queue + 1;
	home = cpu;
	fake.before_use = hold_and_note_order;
	hand_over(0, IN_THE_RING);
	fake_sleep(1);
	hand_over(IN_THE_RING, WAITING);
	fake_sleep(1);
	CHECK_EQ(fake.queues[queue].ring.taken != NULL, true);
	CHECK_EQ(next_on_the_wire, IN_THE_RING);
	hand_over(IN_THE_RING + WAITING, IN_THE_OUTBOX);
}

static void all_done(unsigned failed, int error)
{
	for (unsigned i = 0; i < ALL_OF_THEM; i++) {
		CHECK_EQ(times_done[i], 1);
		CHECK_EQ(status_of[i], i < failed ? error : 0);
	}
	/* What it may go on reading stays mapped. */
	CHECK_EQ(fake_port.mappings, net->keeps_memory ? IN_THE_RING : 0);
}

static bool all_were_done(void)
{
	for (unsigned i = 0; i < ALL_OF_THEM; i++) {
		if (times_done[i] == 0)
			return false;
	}
	return true;
}

static void sent_in_order(void)
{
	fake_setting("pairs", "1");
	start_on(2);
	fill_all_up(1, 1);
	/* It is full now. */
	struct net_buffer own, *frame = &own;
	static uint8_t memory[NET_ROOM + 60];
	net_buffer_over(&own, memory, sizeof(memory));
	own.start = NET_ROOM;
	own.length = 60;
	fake_on(1);
	CHECK_EQ(net_send(net, &frame, 1), 0);
	fake_on(0);
	held_queue = 0;
	while (fake.queues[1].ring.taken)
		fake_use(&fake.queues[1], fake.queues[1].ring.taken, 0);
	CHECK(FAKE_WAIT(all_were_done(), 1000));
	all_done(0, 0);
	CHECK_EQ(next_on_the_wire, ALL_OF_THEM);
	fake.before_use = NULL;
	all_work(1);
}

/* What another CPU had handed over before goes first. */
static void others_go_first(void)
{
	struct net_buffer *frame;

	fake_setting("pairs", "1");
	start_on(2);
	home = 1;
	fake.before_use = hold_and_note_order;
	hand_over(0, 3);
	frame = net_take(net);
	CHECK(frame != NULL);
	memset(net_data(frame), 3, 60);
	frame->length = 60;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(next_on_the_wire == 4, 100));
	fake.before_use = NULL;
	CHECK(FAKE_WAIT(times_done[0] && times_done[1] && times_done[2], 100));
	all_work(1);
}

/* They wait behind a full ring, and nobody wants to know of any: as soon as there is room they are sent. */
static void waiting_without_anybody_who_waits(void)
{
	struct net_buffer *frames[IN_THE_RING];

	fake_setting("pairs", "1");
	start_on(2);
	unsigned before = wire.sent;
	for (unsigned i = 0; i < IN_THE_RING; i++) {
		frames[i] = net_take(net);
		CHECK(frames[i] != NULL);
		frames[i]->length = 60;
	}
	fake.deaf = true;
	CHECK_EQ(net_send(net, frames, IN_THE_RING), IN_THE_RING);
	fake_on(1);
	for (unsigned i = 0; i < 20; i++) {
		frames[i] = net_take(net);
		CHECK(frames[i] != NULL);
		frames[i]->length = 60;
	}
	CHECK_EQ(net_send(net, frames, 20), 20);
	fake_on(0);
	fake_sleep(600); /* looks find nothing */
	CHECK_EQ(wire.sent, before);
	fake.deaf = false;
	CHECK(FAKE_WAIT(wire.sent == before + IN_THE_RING + 20, 50));
	all_work(1);
}

/* The first one that is of no good length is the caller's fault, and what is before it is taken all the same. */
static void lengths_that_cannot_be(void)
{
	struct net_buffer *frames[3];

	fake_setting("pairs", "1");
	start_on(2);
	net_watch_room(net, note_room, &told_of_room);
	unsigned before = wire.sent;
	fake_on(1);
	for (unsigned i = 0; i < 3; i++) {
		frames[i] = net_take(net);
		frames[i]->length = i == 1 ? 1515 : 60;
	}
	CHECK_EQ(net_send(net, frames + 1, 2), ERR_RANGE);
	CHECK_EQ(net_send(net, frames, 3), 1);
	frames[1]->length = 1514;
	CHECK_EQ(net_send(net, frames + 1, 2), 2);
	fake_on(0);
	CHECK(FAKE_WAIT(wire.sent == before + 3, 100));
	all_work(1);
	CHECK_EQ(told_of_room, 0); /* there was room all the time */
}

/* ---- Reset, or given up, meanwhile ----------------------------------------------------------------------- */

/* What was in the ring has failed; what waited is sent by the device that is back. */
static void row35_reset_while_frames_wait(void)
{
	fake_setting("pairs", "1");
	start_on(2);
	fill_all_up(1, 1);
	held_queue = 0;
	virtio_device_fail(virtio_first(), ERR_IO, "the test wants it so", 0);
	CHECK(FAKE_WAIT(all_were_done(), 3000));
	CHECK_EQ(net->resets, 1);
	all_done(IN_THE_RING, ERR_IO);
	CHECK_EQ(next_on_the_wire, ALL_OF_THEM);
	CHECK_EQ(counted().failed, IN_THE_RING);
	fake.before_use = NULL;
	all_work(1);
}

/* After its reset it serves the first pair only: that one sends what waited for another. */
static void row35_reset_and_a_pair_less(void)
{
	fake_setting("pairs", "2");
	start_on(4);
	fill_all_up(3, 3);
	held_queue = 0;
	wire.refuse_class = 4 + 1;
	unsigned before = wire.sent_by[0];
	virtio_device_fail(virtio_first(), ERR_IO, "the test wants it so", 0);
	CHECK(FAKE_WAIT(all_were_done(), 3000));
	all_done(IN_THE_RING, ERR_IO);
	CHECK_EQ(net->pairs, 1);
	CHECK_EQ(wire.sent_by[0], before + WAITING + IN_THE_OUTBOX);
	CHECK_EQ(next_on_the_wire, ALL_OF_THEM);
	fake.before_use = NULL;
	for (unsigned cpu = 0; cpu < 4; cpu++)
		sends_from(cpu, 0);
}

/* The drain that would send what waits is the one that finds the ring broken. */
static void row1_broken_while_a_frame_waits(void)
{
	fake_setting("pairs", "1");
	start_on(2);
	home = 1;
	held_queue = 1 + 1;
	fake.before_use = hold_and_note_order;
	hand_over(0, 1);
	fake_sleep(1);
	hand_over(1, 2);
	ring_device_lie_used(&fake.queues[1].ring, 999, 0, 1);
	held_queue = 0;
	CHECK(FAKE_WAIT(times_done[0] && times_done[1] && times_done[2], 3000));
	CHECK_EQ(net->resets, 1);
	CHECK(status_of[0] < 0);
	CHECK_EQ(status_of[1], 0);
	CHECK_EQ(status_of[2], 0);
	fake.before_use = NULL;
	all_work(1);
}

/* Given up in the middle of it: in the ring, behind it, in the outbox, each is done once, where it was sent. */
static void row36_gone_while_frames_wait(void)
{
	fake_setting("pairs", "1");
	start_on(2);
	fill_all_up(1, 1);
	fake.gone = true;
	CHECK(FAKE_WAIT(net->gone && all_were_done(), 5000));
	fake_sleep(10);
	all_done(ALL_OF_THEM, ERR_NODEV);
	CHECK_EQ(counted().failed, ALL_OF_THEM);

	/* A CPU that has looked whether it is gone just before it was: nothing is taken of what it has. */
	struct net_buffer *late = &many[0];
	fake_on(1);
	CHECK_EQ(net_outbox_put(&nic_of(net)->pairs[0], &late, 1), ERR_NODEV);
	CHECK(net_outbox_is_empty(&nic_of(net)->pairs[0]));
	fake_on(0);
	fake_sleep(10);
	CHECK_EQ(times_done[0], 1);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(outbox_that_cannot_be_mapped, ON_ALL),
		SCENARIO(many_that_cannot_be_mapped, ON_ALL),
		SCENARIO(waits_for_the_outbox, ON_ALL),
		SCENARIO(sent_in_order, ON_ALL),
		SCENARIO(others_go_first, ON_ALL),
		SCENARIO(waiting_without_anybody_who_waits, ON_ALL),
		SCENARIO(lengths_that_cannot_be, ON_BUSES),
		SCENARIO(row35_reset_while_frames_wait, ON_ALL),
		SCENARIO(row35_reset_and_a_pair_less, ON_ALL),
		SCENARIO(row1_broken_while_a_frame_waits, ON_ALL),
		SCENARIO(row36_gone_while_frames_wait, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
