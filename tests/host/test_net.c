/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net (VIRTIO 1.4, 5.1) against a fake wire: frames in one piece and in several, a pool that runs out, room
 * to send, and the link. A device that breaks the rules is in test_net_faults.c. */
#include "tests/host/fake/net_jobs.h"

#include "kernel/arch.h"

static const uint8_t good_header[12] = { [10] = 1 };

static void make(void)
{
	MAKE(FAKE_MTU);
}

/* ---- Frames ------------------------------------------------------------------------------ */

static void frames_of_every_length(void)
{
	make();
	start();
	CHECK_EQ(net->mtu, 1500);
	CHECK(net->link);
	CHECK_EQ(net->mac[5], 0x56);
	for (size_t length = 14; length <= 1514; length += 25) {
		sends(length);
		receives_by(0, length);
	}
	CHECK_EQ(counted().failed + counted().malformed + counted().unheard, 0);
}

static void too_short_or_too_long(void)
{
	make();
	start();
	struct net_buffer *frame = net_take(net);
	frame->length = 13;
	CHECK_EQ(net_send(net, &frame, 1), ERR_RANGE);
	frame->length = 1515;
	CHECK_EQ(net_send(net, &frame, 1), ERR_RANGE);
	net_release(net, frame);
	CHECK_EQ(wire.sent, 0);
	works();
}

/* Several pieces of memory of the caller's own, as many as there may be, some of them empty. */
static void frames_in_pieces(void)
{
	static uint8_t memory[NET_ROOM + 1514];
	struct net_buffer pieces[NET_MAX_PIECES];

	make();
	start();
	for (unsigned count = 1; count <= NET_MAX_PIECES; count++) {
		unsigned before = wire.sent, at = NET_ROOM;
		fill(memory, sizeof(memory), count);
		for (unsigned i = 0; i < count; i++) {
			unsigned length = i % 3 == 2 ? 0 : 20 + i * 4;
			net_buffer_over(&pieces[i], memory, sizeof(memory));
			pieces[i].start = at;
			pieces[i].length = length;
			pieces[i].more = i + 1 < count ? &pieces[i + 1] : NULL;
			at += length;
		}
		pieces[0].done = done;
		uint8_t expected[1514];
		memcpy(expected, memory + NET_ROOM, at - NET_ROOM);
		struct net_buffer *frame = &pieces[0];
		done_count = 0;
		CHECK_EQ(net_send(net, &frame, 1), 1);
		CHECK(FAKE_WAIT(wire.sent > before && done_count > 0, 300));
		CHECK_EQ(done_count, 1);
		CHECK_EQ(done_status, 0);
		CHECK_EQ(wire.length, at - NET_ROOM);
		CHECK(memcmp(wire.frame, expected, wire.length) == 0);
		CHECK_EQ(fake_port.mappings, 0);
	}
	works();
}

/* Frames that nobody waits for cost no interrupt; the pool is not empty for long all the same, and who waits is told
 * at once. */
static void sent_without_interrupts(void)
{
	struct net_buffer *frames[64];
	unsigned interrupts, count = 0;

	make();
	start();
	interrupts = fake_port.interrupts;
	for (unsigned i = 0; i < 1000; i++) {
		struct net_buffer *frame = net_take(net);
		CHECK(frame != NULL);
		frame->length = 60;
		CHECK_EQ(net_send(net, &frame, 1), 1);
		CHECK(FAKE_WAIT(wire.sent == i + 1, 10));
	}
	CHECK_EQ(fake_port.interrupts, interrupts);
	CHECK(FAKE_WAIT(counted().sent == 1000, 260)); /* the regular look */
	CHECK_EQ(fake_port.interrupts, interrupts);

	/* All of the pool is on its way, and then all of it is back. */
	while (count < 64 && (frames[count] = net_take(net)) != NULL)
		frames[count++]->length = 60;
	CHECK_EQ(count, 64);
	CHECK_EQ(net_send(net, frames, count), 64);
	CHECK(net_take(net) == NULL);
	CHECK(FAKE_WAIT(counted().sent == 1064, 10));
	CHECK(fake_port.interrupts > interrupts);

	/* And one that somebody waits for. */
	interrupts = fake_port.interrupts;
	frames[0] = net_take(net);
	frames[0]->length = 60;
	frames[0]->done = done;
	CHECK_EQ(net_send(net, frames, 1), 1);
	CHECK(FAKE_WAIT(done_count == 1, 10));
	CHECK(fake_port.interrupts > interrupts);
	net_release(net, frames[0]);
	works();
}

static unsigned raised;

static void only_note(void *argument)
{
	(void)argument;
	raised++;
}

/* A line's interrupt is on its way when who polls takes what it is for. It finds nothing in flight, and has the queue ask for
 * another one all the same: the next frame is not left to the regular look. */
static void polled_before_the_interrupt(void)
{
	struct net_buffer *frame;
	unsigned before = done_count;

	make();
	fake_setting("irq", "intx");
	start();
	struct fake_irq line = fake.port.line;
	CHECK(line.handler != NULL);
	if (!line.handler)
		return;
	/* The drain asks while the device is not looking; then it uses the frame. */
	fake.deaf = true;
	frame = net_take(net);
	frame->length = 60;
	frame->done = done;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	vport_relax(0);
	vport_relax(0);
	fake.port.line.handler = only_note;
	fake.deaf = false;
	for (unsigned i = 0; i < 40 && !raised; i++)
		arch_pause();
	CHECK(raised > 0);
	net_poll(net);
	CHECK_EQ(done_count, before + 1);
	fake.port.line.handler = line.handler;
	line.handler(line.argument); /* now it comes */
	vport_relax(0);

	uint64_t sent_at = fake_port.now;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(done_count == before + 2, 1000));
	CHECK(fake_port.now - sent_at < 100000000); /* of the test's own clock */
	net_release(net, frame);
	works();
}

static struct fake_irq its_line;

static void hear_interrupted(struct net_device *interface, struct net_buffer *const *frames,
			     unsigned count, void *cookie)
{
	its_line.handler(its_line.argument);
	hear(interface, frames, count, cookie);
}

/* And of a receive queue that is polled empty the interrupt comes while its frames are heard. */
static void interrupted_while_they_are_heard(void)
{
	static const uint8_t bytes[60];

	make();
	fake_setting("irq", "intx");
	fake.queues[0].size = fake.queues[0].size_max = 16;
	start();
	its_line = fake.port.line;
	CHECK(its_line.handler != NULL);
	if (!its_line.handler)
		return;
	fake_sleep(1);
	net_listen(net, hear_interrupted, &heard);
	fake.port.line.handler = only_note;
	for (unsigned i = 0; i < 16; i++)
		CHECK(fake_receive(&fake, good_header, bytes, sizeof(bytes), 0));
	CHECK(raised > 0);
	net_poll(net);
	CHECK_EQ(heard, 16);
	fake.port.line.handler = its_line.handler;
	net_listen(net, hear, &heard);
	vport_relax(0);
	fake_sleep(1);
	CHECK(fake_receive(&fake, good_header, bytes, sizeof(bytes), 0));
	CHECK(FAKE_WAIT(heard == 17, 5)); /* not left to the regular look */
	works();
}

/* A port may have memory of the caller's in parts only, or no room for it: then it is not sent, nothing stays
 * mapped, and frames of the pool go out all the same. */
static void memory_that_is_not_contiguous(void)
{
	static uint8_t memory[2][NET_ROOM + 600];
	struct net_buffer pieces[2], *frame = &pieces[0];

	make();
	start();
	for (unsigned i = 0; i < 2; i++) {
		net_buffer_over(&pieces[i], memory[i], sizeof(memory[i]));
		pieces[i].start = NET_ROOM;
		pieces[i].length = i ? 600 : 20;
	}
	pieces[0].more = &pieces[1];
	pieces[0].done = done;
	fake_port.piece = 512; /* the first one may be in one part, the second one is not */
	CHECK_EQ(net_send(net, &frame, 1), ERR_UNSUPPORTED);
	CHECK_EQ(fake_port.mappings, 0);
	fake_port.piece = 0;
	fake_port.mapping_fails = fake_port.mapped + 2;
	CHECK_EQ(net_send(net, &frame, 1), ERR_NOMEM);
	CHECK_EQ(fake_port.mappings, 0);
	CHECK_EQ(wire.sent + done_count, 0);
	works();
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(done_count == 1, 300));
	CHECK_EQ(wire.length, 620);
	CHECK_EQ(fake_port.mappings, 0);
}

/* More than the queue holds: as many as fit are taken, the others stay the caller's. */
static void more_than_there_is_room_for(void)
{
	make();
	start();
	struct net_buffer *frames[128];
	unsigned count = 0;
	fake.deaf = true;
	while (count < 128 && (frames[count] = net_take(net)) != NULL)
		frames[count++]->length = 60;
	CHECK_EQ(count, 64); /* the other 64 are for receiving */
	int sent = net_send(net, frames, count);
	CHECK_EQ(sent, 64);
	CHECK(net_take(net) == NULL);
	fake.deaf = false;
	CHECK(FAKE_WAIT(wire.sent == 64, 1000));
	works();
	CHECK_EQ(counted().sent >= 64, true);
}

/* Who could not send is told as soon as it can, though of what is sent nobody wants to know: once, and not before. */
static void room_to_send(void)
{
	struct net_buffer *frames[64], *last;
	unsigned count = 0;

	make();
	start();
	net_watch_room(net, note_room, &told_of_room);
	works();
	fake_sleep(300);
	for (unsigned round = 0; round < 3; round++) {
		fake.deaf = true;
		for (count = 0; count < 64; count++) {
			frames[count] = net_take(net);
			CHECK(frames[count] != NULL);
			frames[count]->length = 60;
		}
		CHECK_EQ(net_send(net, frames, 64), 64);
		struct net_buffer own;
		static uint8_t memory[NET_ROOM + 60];
		net_buffer_over(&own, memory, sizeof(memory));
		own.start = NET_ROOM;
		own.length = 60;
		own.done = done;
		struct net_buffer *more = &own;
		CHECK_EQ(net_send(net, &more, 1), 0);
		fake_sleep(5);
		CHECK_EQ(told_of_room, round);
		fake.deaf = false;
		CHECK(FAKE_WAIT(told_of_room == round + 1, 20));
		CHECK_EQ(net_send(net, &more, 1), 1);
		CHECK(FAKE_WAIT(done_count == round + 1, 20));
		fake_sleep(600);
		CHECK_EQ(told_of_room, round + 1);
	}
	/* And when it is reset meanwhile. */
	last = net_take(net);
	last->length = 60;
	virtio_device_fail(virtio_first(), ERR_IO, "the test wants it so", 0);
	CHECK_EQ(net_send(net, &last, 1), 0);
	CHECK(FAKE_WAIT(told_of_room == 4, 3000));
	CHECK_EQ(net_send(net, &last, 1), 1);
	works();
}

static bool hold_sent(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	return queue->index != 1;
}

/* A few frames are no room yet; when there is, it is told at once all the same. */
static void room_bit_by_bit(void)
{
	struct net_buffer *frames[64], *own;
	struct fake_queue *queue = &fake.queues[1];
	static uint8_t memory[NET_ROOM + 60];
	static struct net_buffer buffer;

	make();
	start();
	net_watch_room(net, note_room, &told_of_room);
	fake.before_use = hold_sent;
	for (unsigned i = 0; i < 64; i++) {
		frames[i] = net_take(net);
		frames[i]->length = 60;
	}
	CHECK_EQ(net_send(net, frames, 64), 64);
	net_buffer_over(&buffer, memory, sizeof(memory));
	buffer.start = NET_ROOM;
	buffer.length = 60;
	buffer.done = done;
	own = &buffer;
	CHECK_EQ(net_send(net, &own, 1), 0);
	fake_sleep(1);
	for (unsigned used = 1; used <= 32; used++) {
		CHECK_EQ(told_of_room, 0);
		CHECK(queue->ring.taken != NULL);
		fake_use(queue, queue->ring.taken, 0);
		fake_sleep(1);
	}
	CHECK_EQ(told_of_room, 1);
	CHECK_EQ(net_send(net, &own, 1), 1);
	fake.before_use = NULL;
	while (queue->ring.taken)
		fake_use(queue, queue->ring.taken, 0);
	CHECK(FAKE_WAIT(done_count == 1, 100));
	works();
}

/* A listener that keeps what it gets: then nothing can be received, and it goes on when they come back. */
static void listener_that_keeps_frames(void)
{
	make();
	start();
	works();
	net_listen(net, keep, &kept);
	uint8_t frame[60] = { 0 };
	unsigned received = 0;
	while (received < 1000 && fake_receive(&fake, good_header, frame, sizeof(frame), 0)) {
		received++;
		fake_sleep(1);
	}
	CHECK_EQ(received, 128); /* the whole pool */
	CHECK_EQ(kept_count, 128);
	CHECK(net_take(net) == NULL);
	give_back_kept();
	net_listen(net, hear, &heard);
	vport_relax(0);
	/* The device has as many as it can have again, without waiting for the regular look, or any other. */
	CHECK_EQ(virtio_queue_at(virtio_first(), 0)->ring.in_flight, 64);
	receives_by(0, 60);
	fake_sleep(300);
	works();
}

/* The device has none to fill then, and there is nothing to be done: the loop sleeps. */
static void listener_that_keeps_all(void)
{
	static const uint8_t header[20];
	static const uint8_t frame[60];
	unsigned turns = 0;

	make();
	start();
	net_listen(net, keep, NULL);
	for (unsigned i = 0; i < 1000; i++) {
		if (!fake_receive_by(&fake, 0, header, frame, sizeof(frame), 0))
			break;
		vport_relax(0);
		vport_relax(0);
	}
	fake_sleep(1);
	CHECK_EQ(virtio_queue_at(virtio_first(), 0)->ring.in_flight, 0);
	uint64_t end = fake_port.now + 100000000;
	for (; fake_port.now < end && turns < 1000; turns++)
		vport_relax(end);
	CHECK(turns < 20); /* and not a thousand */
	net_listen(net, hear, &heard);
	give_back_kept();
	works();
}

static void nobody_listens(void)
{
	uint8_t frame[60] = { 0 };

	make();
	start();
	net_listen(net, NULL, NULL);
	for (unsigned i = 0; i < 500; i++) {
		CHECK(fake_receive(&fake, good_header, frame, sizeof(frame), 0));
		fake_sleep(1);
	}
	CHECK_EQ(counted().unheard, 500);
	net_listen(net, hear, &heard);
	works();
}

/* Some devices leave out how many buffers a frame is in, where it can be in one only (5.1.9.4.1-1). */
static void number_of_buffers_left_out(void)
{
	static uint8_t frame[60];

	make();
	start();
	for (unsigned i = 0; i < 200; i++) {
		struct ring_chain *chain = fake.queues[0].ring.taken;
		CHECK(chain != NULL);
		ring_chain_write(chain, 0, good_header, 10);
		ring_chain_write(chain, 12, frame, sizeof(frame));
		fake_use(&fake.queues[0], chain, 12 + sizeof(frame));
		CHECK(FAKE_WAIT(heard == i + 1, 10));
		sends(60); /* by buffers that have been elsewhere */
	}
	CHECK_EQ(counted().malformed, 0);
}

/* A listener that looks itself whether there is more is not called from within. */
static unsigned inside_listener;

static void poll_inside(struct net_device *interface, struct net_buffer *const *frames,
			unsigned count, void *cookie)
{
	CHECK_EQ(inside_listener++, 0);
	net_poll(interface);
	hear(interface, frames, count, cookie);
	inside_listener--;
}

static void listener_that_polls(void)
{
	static uint8_t frame[60];

	make();
	start();
	net_listen(net, poll_inside, &heard);
	for (unsigned i = 0; i < 60; i++)
		CHECK(fake_receive(&fake, good_header, frame, sizeof(frame), 0));
	CHECK(FAKE_WAIT(heard == 60, 100));
	net_listen(net, hear, &heard);
	works();
}

static void polled(void)
{
	fake_setting("irq", "poll");
	make();
	start();
	CHECK(!net->interrupts);
	works();
	uint8_t frame[60] = { 0 };
	unsigned before = heard;
	CHECK(fake_receive(&fake, good_header, frame, sizeof(frame), 0));
	net_poll(net);
	CHECK_EQ(heard, before + 1);
}

/* One look takes more than one burst. */
static void polled_in_bursts(void)
{
	static const uint8_t bytes[60];

	fake_setting("irq", "poll");
	make();
	start();
	for (unsigned count = 1; count < 64; count += 6) {
		unsigned before = heard;
		for (unsigned i = 0; i < count; i++)
			CHECK(fake_receive(&fake, good_header, bytes, sizeof(bytes), 0));
		net_poll(net);
		CHECK_EQ(heard, before + count);
		fake_sleep(1);
	}
	works();
}

/* For each that it hears another one comes at once. */
static unsigned still_to_come;

static void hear_and_bring(struct net_device *interface, struct net_buffer *const *frames,
			   unsigned count, void *cookie)
{
	static const uint8_t header[20];
	static const uint8_t bytes[60];

	hear(interface, frames, count, cookie);
	for (; count > 0 && still_to_come > 0; count--) {
		if (fake_receive_by(&fake, 0, header, bytes, sizeof(bytes), 0))
			still_to_come--;
	}
}

/* However fast the device is, a look ends: after two bursts. */
static void a_look_has_an_end(void)
{
	static const uint8_t bytes[60];

	fake_setting("irq", "poll");
	make();
	start();
	for (unsigned i = 0; i < 64; i++)
		CHECK(fake_receive(&fake, good_header, bytes, sizeof(bytes), 0));
	net_listen(net, hear_and_bring, &heard);
	still_to_come = 2000;
	unsigned before = heard;
	net_poll(net);
	CHECK_EQ(heard, before + 64);
	CHECK(FAKE_WAIT(still_to_come == 0, 1000));
	net_listen(net, hear, &heard);
	fake_sleep(1);
	CHECK_EQ(heard, before + 64 + 2000);
	works();
}

/* The device is not told of each buffer that it gets back. */
static void buffers_go_back_many_at_a_time(void)
{
	make();
	start();
	fake_sleep(1);
	unsigned before = fake.queues[0].notifications;
	for (unsigned i = 0; i < 320; i++)
		receives_by(0, 60);
	CHECK(fake.queues[0].notifications <= before + 320 / 16);
}

/* Where there are fewer buffers than the queue has room for, receiving leaves those for sending alone. */
static void few_buffers_in_a_long_queue(void)
{
	struct net_buffer *all = NULL, *frame;
	unsigned count = 0;

	make();
	wire.mtu = 65535;
	fake_config_set(&fake, 10, 2, 65535);
	for (unsigned i = 0; i < 2; i++)
		fake.queues[i].size = fake.queues[i].size_max = 256;
	start();
	CHECK(net->buffers < 256);
	for (unsigned i = 0; i < 300; i++)
		receives_by(0, 60);
	for (; (frame = net_take(net)) != NULL; count++) {
		frame->next = all;
		all = frame;
	}
	CHECK(count >= net->buffers / 2);
	while (all) {
		frame = all->next;
		net_release(net, all);
		all = frame;
	}
	sends(60);
}

static void set_link(bool up)
{
	fake_config_set(&fake, 6, 2, up);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(net->link == up, 100));
}

static void link_goes_and_comes(void)
{
	make();
	start();
	for (unsigned i = 0; i < 3; i++) {
		set_link(false);
		set_link(true);
	}
	CHECK_EQ(fake_logged_times("link down"), 3);
	CHECK_EQ(fake_logged_times("link up"), 3);
	works();
}

static unsigned links_told;

static void count_links(struct net_device *interface, void *cookie)
{
	(void)interface;
	(void)cookie;
	links_told++;
}

/* Programs are told each time, and who reads the log, not. */
static void link_that_flaps(void)
{
	make();
	start();
	net_watch_link(net, count_links, NULL);
	for (unsigned i = 0; i < 1000; i++)
		set_link(i % 2);
	CHECK_EQ(links_told, 1000);
	fake_interrupt_config(&fake); /* nothing has changed */
	fake_sleep(100);
	CHECK_EQ(links_told, 1000);
	CHECK_EQ(fake_logged_times("link up") + fake_logged_times("link down"), 10);
	CHECK_EQ(fake_logged_times("and so on"), 1);
	fake_sleep(10000);
	fake_log_clear();
	set_link(false);
	CHECK_EQ(fake_logged_times("net0: link down\n"), 1);
	set_link(true);
	works();
}

static void address_of_its_own(void)
{
	make();
	fake_withdraw(&fake, 5);
	start();
	CHECK_EQ(net->mac[0] & 3, 2); /* locally administered, of one station */
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(frames_of_every_length, ON_ALL),
		SCENARIO(too_short_or_too_long, ON_BUSES),
		SCENARIO(frames_in_pieces, ON_ALL),
		SCENARIO(sent_without_interrupts, ON_ALL),
		SCENARIO(polled_before_the_interrupt, ON_ALL),
		SCENARIO(interrupted_while_they_are_heard, ON_ALL),
		SCENARIO(memory_that_is_not_contiguous, ON_ALL),
		SCENARIO(more_than_there_is_room_for, ON_ALL),
		SCENARIO(room_to_send, ON_ALL),
		SCENARIO(room_bit_by_bit, ON_ALL),
		SCENARIO(listener_that_keeps_frames, ON_ALL),
		SCENARIO(listener_that_keeps_all, ON_ALL),
		SCENARIO(nobody_listens, ON_ALL),
		SCENARIO(number_of_buffers_left_out, ON_ALL),
		SCENARIO(listener_that_polls, ON_ALL),
		SCENARIO(polled, ON_ALL),
		SCENARIO(polled_in_bursts, ON_ALL),
		SCENARIO(a_look_has_an_end, ON_ALL),
		SCENARIO(buffers_go_back_many_at_a_time, ON_RINGS),
		SCENARIO(few_buffers_in_a_long_queue, ON_RINGS),
		SCENARIO(link_goes_and_comes, ON_BUSES),
		SCENARIO(link_that_flaps, ON_BUSES),
		SCENARIO(address_of_its_own, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
