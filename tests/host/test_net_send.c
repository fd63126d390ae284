/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net, transmission (VIRTIO 1.4, 5.1.9.2): batches of frames of every kind, more of them than there is room for, done
 * functions that send, and a ring that breaks under them (FAULTS 1). */
#include "tests/host/fake/net_jobs.h"

#include "kernel/arch.h"

#define IN_THE_RING 64

static void make_and_start(void)
{
	MAKE(FAKE_MTU);
	start();
}

/* ---- What has been sent, in order ---------------------------------------------------------------- */

#define NOTED_MOST 512
static unsigned noted;
static struct {
	size_t length;
	uint8_t first, last;
} notes[NOTED_MOST];

static bool note_sent(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index == 1 && noted < NOTED_MOST) {
		notes[noted].length = wire.length;
		notes[noted].first = wire.frame[0];
		notes[noted].last = wire.frame[wire.length - 1];
		noted++;
	}
	return true;
}

static struct net_buffer *take(uint32_t length, uint8_t number)
{
	struct net_buffer *frame = net_take(net);

	if (!frame) {
		CHECK(frame != NULL);
		exit(1);
	}
	memset(net_data(frame), number, length);
	frame->length = length;
	return frame;
}

static uint8_t own_memory[128][NET_ROOM + 100];
static struct net_buffer owns[128];

/* Over memory of the caller's. */
static struct net_buffer *own(unsigned index, uint32_t length, uint8_t number)
{
	struct net_buffer *frame = &owns[index];

	net_buffer_over(frame, own_memory[index], sizeof(own_memory[index]));
	frame->start = NET_ROOM;
	frame->length = length;
	memset(net_data(frame), number, length);
	return frame;
}

/* ---- Of every kind --------------------------------------------------------------------------------- */

static unsigned kind_of(unsigned number)
{
	return number < 40 ? 0 : number < 46 ? number % 3 : (number - 46) / 2;
}

/* One batch: of a pool, of the caller's memory, of a pool in two pieces, in turns, and each kind several times in a row. */
static void a_batch_of_every_kind(void)
{
	struct net_buffer *frames[100];
	uint64_t bytes = 0;
	unsigned count = 0;

	make_and_start();
	fake.before_use = note_sent;
	for (; count < 52; count++) { /* 40 plain ones are a burst and a part of one */
		uint8_t number = (uint8_t)(count + 1);
		unsigned kind = kind_of(count);
		frames[count] = kind == 1 ? own(count, 60, number) : take(60, number);
		frames[count]->done = kind == 1 ? done : NULL;
		if (kind == 2) {
			frames[count]->more = take(10 + count, number);
			bytes += 10 + count;
		}
		bytes += 60;
	}
	CHECK_EQ(net_send(net, frames, count), count);
	CHECK(FAKE_WAIT(noted == count, 100));
	CHECK(FAKE_WAIT(counted().sent == count, 300));
	CHECK_EQ(counted().sent_bytes, bytes);
	CHECK_EQ(fake_port.mappings, 0);
	for (unsigned i = 0; i < count; i++) {
		CHECK_EQ(notes[i].length, kind_of(i) == 2 ? 70 + i : 60);
		CHECK_EQ(notes[i].first, i + 1);
		CHECK_EQ(notes[i].last, i + 1);
	}
	fake.before_use = NULL;
	works();
}

/* And each kind alone, at the limits of what there may be. */
static void frames_at_the_limits(void)
{
	struct net_buffer *frame;

	make_and_start();
	fake.before_use = note_sent;
	/* In two pieces of a pool. */
	frame = take(14, 1);
	frame->more = take(1500, 2);
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(noted == 1, 100));
	CHECK_EQ(notes[0].length, 1514);
	CHECK_EQ(notes[0].last, 2);
	/* The shortest one, of the caller's memory. */
	frame = own(0, 14, 3);
	frame->done = done;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(noted == 2 && done_count == 1, 100));
	CHECK_EQ(notes[1].length, 14);
	/* Nothing in the first piece, but the header in front of it; and in the last one, where its memory ends. */
	frame = own(1, 0, 0);
	frame->more = own(2, 60, 4);
	frame->more->more = own(3, 0, 0);
	frame->more->more->start = frame->more->more->size;
	frame->done = done;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(noted == 3 && done_count == 2, 100));
	CHECK_EQ(notes[2].length, 60);
	CHECK_EQ(notes[2].first, 4);
	CHECK_EQ(counted().sent_bytes, 1514 + 14 + 60);
	/* Nothing at all is no frame. */
	frame = own(0, 0, 0);
	frame->done = done;
	CHECK_EQ(net_send(net, &frame, 1), ERR_RANGE);
	frame = take(0, 0);
	CHECK_EQ(net_send(net, &frame, 1), ERR_RANGE);
	net_release(net, frame);
	CHECK_EQ(wire.sent, 3);
	CHECK_EQ(done_count, 2);
	fake.before_use = NULL;
	works();
}

/* ---- Room ------------------------------------------------------------------------------------------- */

/* What stands before a frame that is too long is sent; and nobody waits for room then. */
static void a_batch_up_to_a_long_one(void)
{
	struct net_buffer *frames[3];

	make_and_start();
	net_watch_room(net, note_room, &told_of_room);
	for (unsigned i = 0; i < 3; i++)
		frames[i] = take(60, 1);
	frames[1]->length = 1515;
	CHECK_EQ(net_send(net, frames, 3), 1);
	CHECK_EQ(net_send(net, frames + 1, 2), ERR_RANGE);
	CHECK_EQ(net_send(net, frames + 1, 1), ERR_RANGE);
	fake_sleep(600);
	CHECK_EQ(wire.sent, 1);
	CHECK_EQ(told_of_room, 0);
	frames[1]->length = 1514;
	CHECK_EQ(net_send(net, frames + 1, 2), 2);
	CHECK(FAKE_WAIT(wire.sent == 3, 100));
	works();
	CHECK_EQ(told_of_room, 0);
}

/* Frames that came in are sent on, behind as many as the queue holds: those that are not taken stay the sender's, one alone and
 * several. */
static void more_than_the_queue_holds(void)
{
	static const uint8_t header[20];
	static const uint8_t bytes[60];
	struct net_buffer *frames[IN_THE_RING + 10];

	make_and_start();
	net_watch_room(net, note_room, &told_of_room);
	net_listen(net, keep, NULL);
	for (unsigned i = 0; i < 10; i++)
		CHECK(fake_receive_by(&fake, 0, header, bytes, sizeof(bytes), 0));
	CHECK(FAKE_WAIT(kept_count == 10, 100));
	net_listen(net, hear, &heard);
	fake.deaf = true;
	for (unsigned i = 0; i < IN_THE_RING; i++)
		frames[i] = take(60, 1);
	for (unsigned i = 0; i < 10; i++) {
		struct net_buffer *frame = kept;
		kept = frame->next;
		frame->done = done;
		frames[IN_THE_RING + i] = frame;
	}
	CHECK_EQ(net_send(net, frames, IN_THE_RING + 10), IN_THE_RING);
	CHECK_EQ(net_send(net, frames + IN_THE_RING, 1), 0);
	CHECK_EQ(net_send(net, frames + IN_THE_RING, 10), 0);
	fake_sleep(5);
	CHECK_EQ(told_of_room, 0);
	fake.deaf = false;
	CHECK(FAKE_WAIT(told_of_room == 1, 20));
	CHECK_EQ(wire.sent, IN_THE_RING);
	CHECK_EQ(done_count, 0);
	CHECK_EQ(net_send(net, frames + IN_THE_RING, 1), 1);
	CHECK_EQ(net_send(net, frames + IN_THE_RING + 1, 9), 9);
	CHECK(FAKE_WAIT(done_count == 10, 100));
	for (unsigned i = 0; i < 10; i++)
		net_release(net, frames[IN_THE_RING + i]);
	works();
}

/* A queue that somebody waited for is as quiet as before when there is a buffer again. */
static void quiet_after_a_wait(void)
{
	struct net_buffer *frames[IN_THE_RING];

	make_and_start();
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < IN_THE_RING; i++)
			frames[i] = take(60, 1);
		CHECK_EQ(net_send(net, frames, IN_THE_RING), IN_THE_RING);
		CHECK(net_take(net) == NULL);
		uint64_t sent = counted().sent;
		CHECK(FAKE_WAIT(counted().sent > sent, 20));
		fake_sleep(1);
		unsigned interrupts = fake_port.interrupts, before = wire.sent;
		for (unsigned i = 0; i < 100; i++) {
			frames[0] = take(60, 1);
			CHECK_EQ(net_send(net, frames, 1), 1);
			CHECK(FAKE_WAIT(wire.sent == before + i + 1, 10));
		}
		CHECK_EQ(fake_port.interrupts, interrupts);
		fake_sleep(600);
	}
}

/* ---- Done functions --------------------------------------------------------------------------------- */

/* Who does nothing but send is told what is done, too. */
static void told_while_sending(void)
{
	struct net_buffer *frame;

	make_and_start();
	for (unsigned i = 0; i < 10; i++) {
		frame = own(i, 60, 1);
		frame->done = done;
		CHECK_EQ(net_send(net, &frame, 1), 1);
		CHECK_EQ(done_count, i);
		fake_serve(&fake.queues[1]);
	}
	net_poll(net);
	CHECK_EQ(done_count, 10);
	works();
}

/* Sends one that nobody waits for; the device has sent it. */
static void send_and_forget(void)
{
	struct net_buffer *frame = take(60, 1);

	CHECK_EQ(net_send(net, &frame, 1), 1);
	fake_serve(&fake.queues[1]);
}

/* Who polls is told at once of what it wants to know. Other frames are taken back a burst at a time, or when there is no buffer
 * left. */
static void taken_back_by_polling(void)
{
	struct net_buffer *frame = own(0, 60, 1), *all = NULL;

	fake_setting("irq", "poll");
	make_and_start();
	for (unsigned i = 0; i < NET_BURST - 1; i++)
		send_and_forget();
	net_poll(net);
	CHECK_EQ(counted().sent, 0);
	send_and_forget();
	net_poll(net);
	CHECK_EQ(counted().sent, NET_BURST);
	frame->done = done;
	send_and_forget();
	CHECK_EQ(net_send(net, &frame, 1), 1);
	fake_serve(&fake.queues[1]);
	net_poll(net);
	CHECK_EQ(done_count, 1);
	CHECK_EQ(counted().sent, NET_BURST + 2);

	send_and_forget();
	net_poll(net);
	CHECK_EQ(counted().sent, NET_BURST + 2);
	while ((frame = net_take(net)) != NULL) {
		frame->next = all;
		all = frame;
	}
	net_poll(net);
	CHECK_EQ(counted().sent, NET_BURST + 3);
	for (; all; all = frame) {
		frame = all->next;
		net_release(net, all);
	}
	works();
}

static unsigned depth, deepest, next_done, sends_left;

static void send_inside(struct net_buffer *frame, int status)
{
	struct net_buffer *another;

	CHECK_EQ(status, 0);
	CHECK_EQ(frame - owns, next_done++ % 128);
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (sends_left > 0) {
		sends_left--;
		another = own((unsigned)(frame - owns + IN_THE_RING) % 128, 60, 1);
		another->done = send_inside;
		CHECK_EQ(net_send(net, &another, 1), 1);
		fake_serve(&fake.queues[1]); /* a device that is as fast */
	}
	depth--;
}

/* Done functions that send are not called one within another, and in order. And a look ends, however fast the device is. */
static void done_functions_that_send(void)
{
	struct net_buffer *frames[IN_THE_RING];

	fake_setting("irq", "poll");
	make_and_start();
	for (unsigned i = 0; i < IN_THE_RING; i++) {
		frames[i] = own(i, 60, 1);
		frames[i]->done = send_inside;
	}
	CHECK_EQ(net_send(net, frames, IN_THE_RING), IN_THE_RING);
	fake_serve(&fake.queues[1]);
	sends_left = 1000;
	net_poll(net);
	CHECK(next_done >= IN_THE_RING && next_done <= 2 * IN_THE_RING);
	CHECK_EQ(deepest, 1);
	CHECK(FAKE_WAIT(next_done == IN_THE_RING + 1000, 1000));
	CHECK_EQ(deepest, 1);
	CHECK_EQ(fake_port.mappings, 0);
	works();
}

/* ---- A ring that breaks ------------------------------------------------------------------------------- */

/* It is the send that finds it: that is a device without room for now, and no error of the frame's. */
static void row1_found_by_a_send(void)
{
	struct net_buffer *frames[2];

	make_and_start();
	net_watch_room(net, note_room, &told_of_room);
	for (unsigned i = 0; i < 2; i++) {
		frames[i] = own(i, 60, (uint8_t)(i + 1));
		frames[i]->done = done;
	}
	fake.deaf = true;
	CHECK_EQ(net_send(net, frames, 1), 1);
	ring_device_lie_used(&fake.queues[1].ring, 999, 0, 1);
	CHECK_EQ(net_send(net, frames + 1, 1), 0);
	fake.deaf = false;
	CHECK(FAKE_WAIT(told_of_room == 1 && done_count == 1, 3000));
	CHECK(done_status < 0);
	CHECK_EQ(net->resets, 1);
	CHECK_EQ(net_send(net, frames + 1, 1), 1);
	CHECK(FAKE_WAIT(done_count == 2, 100));
	CHECK_EQ(done_status, 0);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(a_batch_of_every_kind, ON_ALL),
		SCENARIO(frames_at_the_limits, ON_ALL),
		SCENARIO(a_batch_up_to_a_long_one, ON_ALL),
		SCENARIO(more_than_the_queue_holds, ON_ALL),
		SCENARIO(quiet_after_a_wait, ON_ALL),
		SCENARIO(told_while_sending, ON_ALL),
		SCENARIO(taken_back_by_polling, ON_ALL),
		SCENARIO(done_functions_that_send, ON_ALL),
		SCENARIO(row1_found_by_a_send, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
