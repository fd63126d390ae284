/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net, polled: net_poll alone, without the event loop, takes back what was sent and gives the device empty buffers, and one
 * look has an end, whatever a device brings meanwhile. */
#include "tests/host/fake/net_jobs.h"

#define SENT 1 /* the queue */
#define PIECE 40

static const uint8_t header[20];
static const uint8_t bytes[FAKE_FRAME_BYTES];

static void start_polling(unsigned size)
{
	fake_setting("irq", "poll");
	for (unsigned i = 0; i < 2; i++)
		fake.queues[i].size = fake.queues[i].size_max = size;
	start();
}

static bool comes(size_t length)
{
	return fake_receive_by(&fake, 0, header, bytes, length, 0);
}

/* ---- Room to send ----------------------------------------------------------------------------------------- */

static struct net_buffer *of_pieces(unsigned count)
{
	struct net_buffer *first = NULL;

	while (count-- > 0) {
		struct net_buffer *piece = net_take(net);
		CHECK(piece != NULL);
		piece->start = count > 0 ? 0 : NET_ROOM;
		piece->length = PIECE;
		memset(net_data(piece), 1, PIECE);
		piece->more = first;
		first = piece;
	}
	return first;
}

/* Frames of many descriptors fill the ring, while few frames are in it, and buffers are left. */
static void full_of_pieces(unsigned size, unsigned pieces)
{
	MAKE(FAKE_MTU);
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	start_polling(size);
	for (unsigned i = 1; i < size / 4; i++)
		CHECK(comes(60));
	net_poll(net);
	for (unsigned i = 0; i < size / pieces; i++) {
		struct net_buffer *frame = of_pieces(pieces);
		CHECK_EQ(net_send(net, &frame, 1), 1);
	}
	fake_serve(&fake.queues[SENT]);
	struct net_buffer *frame = net_take(net);
	CHECK(frame != NULL);
	frame->length = 60;
	if (net_send(net, &frame, 1) == 0) {
		net_poll(net);
		CHECK_EQ(net_send(net, &frame, 1), 1);
	}
	works();
}

static void room_in_a_ring_of_64(void)
{
	full_of_pieces(64, 8);
}

static void room_in_a_ring_of_16(void)
{
	full_of_pieces(16, 4);
}

/* ---- Empty buffers ------------------------------------------------------------------------------------------ */

/* A program that has kept all gives them back. */
static void all_were_kept(unsigned size)
{
	MAKE(FAKE_MTU);
	start_polling(size);
	net_listen(net, keep, NULL);
	for (unsigned idle = 0; idle < 3; idle++) {
		while (comes(60)) {
			idle = 0;
			net_poll(net);
		}
		net_poll(net);
	}
	CHECK_EQ(virtio_queue_at(virtio_first(), 0)->ring.in_flight, 0);
	give_back_kept();
	net_listen(net, hear, &heard);
	unsigned before = heard;
	net_poll(net);
	CHECK(comes(60));
	net_poll(net);
	CHECK_EQ(heard, before + 1);
	works();
}

static void kept_from_a_ring_of_64(void)
{
	all_were_kept(64);
}

static void kept_from_a_ring_of_8(void)
{
	all_were_kept(8);
}

static void kept_from_a_ring_of_2(void)
{
	all_were_kept(2);
}

/* ---- The end of a look ---------------------------------------------------------------------------------------- */

static unsigned to_come;

/* As fast as they are heard more of them come. */
static void hear_and_bring(struct net_device *interface, struct net_buffer *const *frames,
			   unsigned count, void *cookie)
{
	hear(interface, frames, count, cookie);
	fake_serve(&fake.queues[0]);
	for (count *= 2; count > 0 && to_come > 0; count--)
		to_come -= comes(3000);
}

/* Also where each burst ends in the middle of a frame. */
static void a_look_has_an_end(void)
{
	MAKE(FAKE_MTU, FAKE_MRG_RXBUF);
	start_polling(256);
	net_listen(net, hear_and_bring, &heard);
	CHECK(comes(60));
	while (comes(3000))
		;
	to_come = 2000;
	unsigned before = heard;
	net_poll(net);
	CHECK(heard > before && heard - before <= 2 * NET_BURST + 2);
	to_come = 0;
	while (heard > before) {
		before = heard;
		net_poll(net);
	}
	CHECK_EQ(counted().malformed, 0);
	net_listen(net, hear, &heard);
}

/* One that says it is in more buffers than are popped at a time, and than there are: they all go back. */
static void row39_more_buffers_than_a_burst(void)
{
	MAKE(FAKE_MTU, FAKE_MRG_RXBUF);
	start_polling(256);
	unsigned before = heard;
	CHECK(fake_receive_by(&fake, 0, header, bytes, 60, 200));
	for (unsigned i = 0; i < 100; i++)
		CHECK(comes(60));
	net_poll(net);
	CHECK_EQ(heard, before);
	CHECK_EQ(counted().malformed, 1);
	CHECK_EQ(virtio_queue_at(virtio_first(), 0)->ring.in_flight, 256);
	works();
}

/* ---- Counts --------------------------------------------------------------------------------------------------- */

static unsigned counted_then;

static void hear_and_count(struct net_device *interface, struct net_buffer *const *frames,
			   unsigned count, void *cookie)
{
	counted_then = (unsigned)counted().received;
	hear(interface, frames, count, cookie);
}

static void counted_when_heard(void)
{
	MAKE(FAKE_MTU);
	start_polling(64);
	net_listen(net, hear_and_count, &heard);
	CHECK(comes(60));
	net_poll(net);
	CHECK_EQ(counted_then, 1);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(room_in_a_ring_of_64, ON_ALL),
		SCENARIO(room_in_a_ring_of_16, ON_ALL),
		SCENARIO(kept_from_a_ring_of_64, ON_ALL),
		SCENARIO(kept_from_a_ring_of_8, ON_ALL),
		SCENARIO(kept_from_a_ring_of_2, ON_ALL),
		SCENARIO(a_look_has_an_end, ON_ALL),
		SCENARIO(row39_more_buffers_than_a_burst, ON_ALL),
		SCENARIO(counted_when_heard, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
