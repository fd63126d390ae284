/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net's offloads (VIRTIO 1.4, 5.1.9): checksums and segments both ways, merged buffers, reported hashes, and devices
 * that say what is not so (FAULTS 7, 39, 40). */
#include "tests/host/fake/net_jobs.h"

enum { NEEDS_CSUM = 1, DATA_VALID = 2, RSC_INFO = 4 };
enum { TCPV4 = 1, UDP = 3, TCPV6 = 4, UDP_L4 = 5, ECN = 0x80 };

/* ---- Features (5.1.3.1) ------------------------------------------------------------------- */

static void features_all_of_them(void)
{
	MAKE(FAKE_CSUM, FAKE_HOST_TSO4, FAKE_HOST_TSO6, FAKE_HOST_ECN, FAKE_HOST_UFO, FAKE_HOST_USO,
	     FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, FAKE_GUEST_TSO6, FAKE_GUEST_ECN, FAKE_GUEST_UFO,
	     FAKE_GUEST_USO4, FAKE_GUEST_USO6, FAKE_MRG_RXBUF, FAKE_GUEST_HDRLEN,
	     FAKE_SPEED_DUPLEX);
	fake_config_set(&fake, 12, 4, 40000);
	fake_config_set(&fake, 16, 1, 1);
	start();
	CHECK_EQ(net->can, NET_CAN_CHECKSUM | NET_CAN_TSO4 | NET_CAN_TSO6 | NET_CAN_ECN |
				   NET_CAN_UFO | NET_CAN_USO);
	CHECK_EQ(net->hears, NET_HEARS_CHECKSUM | NET_HEARS_TCP4 | NET_HEARS_TCP6 | NET_HEARS_ECN |
				     NET_HEARS_UFO | NET_HEARS_USO4 | NET_HEARS_USO6);
	CHECK_EQ(net->largest, 14 + 65535);
	CHECK_EQ(net->speed, 40000);
	CHECK_EQ(net->duplex, NET_DUPLEX_FULL);
	CHECK(fake_accepted(&fake, FAKE_GUEST_HDRLEN));
	works();
	/* 5.1.4.2-10, -11 */
	fake_config_set(&fake, 12, 4, 0x80000000);
	fake_config_set(&fake, 16, 1, 2);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(net->speed == NET_SPEED_UNKNOWN, 100));
	CHECK_EQ(net->duplex, NET_DUPLEX_UNKNOWN);
}

/* ---- Sent ---------------------------------------------------------------------------------- */

static struct net_buffer *take_frame(uint32_t length, struct net_offload offload)
{
	struct net_buffer *frame = net_take(net);

	CHECK(frame != NULL);
	fill(net_data(frame), length, length);
	frame->length = length;
	frame->offload = offload;
	return frame;
}

static int send_with(uint32_t length, struct net_offload offload)
{
	struct net_buffer *frame = take_frame(length, offload);
	unsigned before = wire.sent;
	int sent = net_send(net, &frame, 1);

	if (sent == 1)
		CHECK(FAKE_WAIT(wire.sent > before, 100));
	else
		net_release(net, frame);
	return sent;
}

static uint16_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void checksum_is_the_devices(void)
{
	MAKE(FAKE_CSUM);
	start();
	CHECK_EQ(net->can, NET_CAN_CHECKSUM);
	for (unsigned length = 60; length < 1514; length += 97) {
		struct net_offload offload = { .flags = NET_CHECKSUM_START,
					       .checksum_start = 34,
					       .checksum_offset = 6 };
		CHECK_EQ(send_with(length, offload), 1);
		CHECK_EQ(wire.length, length);
		CHECK_EQ(wire.header[0], NEEDS_CSUM);
		/* What was there was part of the sum: with the result in its place it is not all ones, but
		 * without it is its complement. */
		uint16_t stored = (uint16_t)(wire.frame[40] << 8 | wire.frame[41]);
		uint8_t expected[1514];
		fill(expected, length, length);
		CHECK_EQ(stored, (uint16_t)~sum_of(expected + 34, length - 34));
	}
	/* One that needs none, of the same buffers, asks for none. */
	works();
	CHECK_EQ(wire.header[0], 0);
}

/* Of what was asked for last nothing is left, wherever in the header it stood. */
static void headers_are_cleared(void)
{
	static const uint8_t nothing[12];

	MAKE(FAKE_CSUM);
	start();
	for (unsigned i = 0; i < 4; i++) {
		struct net_offload offload = { .flags = NET_CHECKSUM_START,
					       .checksum_start = i % 2 ? 34 : 0,
					       .checksum_offset = i / 2 ? 6 : 0 };
		CHECK_EQ(send_with(60, offload), 1);
		CHECK_EQ(wire.header[0], NEEDS_CSUM);
		fake_sleep(300); /* so that the same buffer is the next one */
		CHECK_EQ(send_with(60, (struct net_offload){ 0 }), 1);
		CHECK(memcmp(wire.header, nothing, sizeof(nothing)) == 0);
		fake_sleep(300);
	}
	works();
}

static void checksum_outside_of_the_frame(void)
{
	MAKE(FAKE_CSUM);
	start();
	static const uint16_t bad[][2] = { { 59, 0 }, { 0, 59 }, { 34, 25 }, { 65535, 65535 } };
	for (unsigned i = 0; i < 4; i++) {
		struct net_offload offload = { .flags = NET_CHECKSUM_START,
					       .checksum_start = bad[i][0],
					       .checksum_offset = bad[i][1] };
		CHECK_EQ(send_with(60, offload), ERR_RANGE);
	}
	CHECK_EQ(wire.sent, 0);
	struct net_offload last = { .flags = NET_CHECKSUM_START,
				    .checksum_start = 34,
				    .checksum_offset = 24 };
	CHECK_EQ(send_with(60, last), 1); /* in the last two bytes */
	works();
}

static void nothing_was_negotiated(void)
{
	MAKE(FAKE_MTU);
	start();
	CHECK_EQ(net->largest, 1514);
	struct net_offload offload = { .flags = NET_CHECKSUM_START, .checksum_start = 34 };
	CHECK_EQ(send_with(60, offload), ERR_UNSUPPORTED);
	offload = (struct net_offload){ .segments = NET_TCP4, .segment_bytes = 1460 };
	CHECK_EQ(send_with(60, offload), ERR_INVALID);
	/* Of no meaning in a frame that is sent: a received one may be sent on as it is. */
	offload = (struct net_offload){ .flags = NET_CHECKSUM_GOOD,
					.hashed = NET_HASHED_IP4,
					.hash = 5 };
	CHECK_EQ(send_with(60, offload), 1);
	CHECK_EQ(wire.header[0], 0);
	works();
}

static void give_back(struct net_buffer *frame, int status)
{
	CHECK_EQ(status, 0);
	frame->more = NULL;
	net_release(net, frame);
}

/* Headers of 54 bytes in a buffer of the pool, and behind them so many pieces of the test's own memory. */
static int send_segments(struct net_offload offload, unsigned pieces, uint32_t each)
{
	static uint8_t memory[NET_MAX_PIECES][8000];
	static struct net_buffer buffers[NET_MAX_PIECES];
	struct net_buffer *frame = take_frame(54, offload);
	unsigned before = wire.sent;

	for (unsigned i = 0; i < pieces; i++) {
		net_buffer_over(&buffers[i], memory[i], sizeof(memory[i]));
		buffers[i].length = each;
		fill(net_data(&buffers[i]), each, i);
		buffers[i].more = i + 1 < pieces ? &buffers[i + 1] : NULL;
	}
	frame->more = &buffers[0];
	frame->done = give_back;
	int sent = net_send(net, &frame, 1);
	if (sent == 1) {
		CHECK(FAKE_WAIT(wire.sent > before, 100));
		fake_sleep(300);
	} else {
		frame->more = NULL;
		net_release(net, frame);
	}
	return sent;
}

static void segments_are_the_devices(void)
{
	static const struct {
		int feature;
		uint8_t segments, type;
		bool ecn;
	} rows[] = {
		{ FAKE_HOST_TSO4, NET_TCP4, TCPV4, false },
		{ FAKE_HOST_TSO6, NET_TCP6, TCPV6, false },
		{ FAKE_HOST_UFO, NET_UFO, UDP, false },
		{ FAKE_HOST_USO, NET_UDP_L4, UDP_L4, false },
		{ FAKE_HOST_TSO4, NET_TCP4, TCPV4 | ECN, true },
		{ FAKE_HOST_TSO6, NET_TCP6, TCPV6 | ECN, true },
	};

	MAKE(FAKE_CSUM, FAKE_HOST_TSO4, FAKE_HOST_TSO6, FAKE_HOST_ECN, FAKE_HOST_UFO,
	     FAKE_HOST_USO);
	start();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct net_offload offload = {
			.flags = NET_CHECKSUM_START | (rows[i].ecn ? NET_SEGMENTS_ECN : 0),
			.segments = rows[i].segments,
			.header_bytes = 54,
			.segment_bytes = 1460,
			.checksum_start = 34,
			.checksum_offset = 16,
		};
		CHECK_EQ(send_segments(offload, 8, 8000), 1);
		CHECK_EQ(wire.length, 54 + 8 * 8000);
		CHECK_EQ(wire.header[1], rows[i].type);
		CHECK_EQ(wire.header[2] | wire.header[3] << 8, 54);
		CHECK_EQ(wire.header[4] | wire.header[5] << 8, 1460);
		CHECK_EQ(fake_port.mappings, 0);
		/* Longer than an IP packet can be. */
		CHECK_EQ(send_segments(offload, 9, 8000), ERR_RANGE);
		CHECK_EQ(send_segments(offload, NET_MAX_PIECES, 60), ERR_RANGE);
		CHECK_EQ(fake_port.mappings, 0);
	}
	CHECK_EQ(counted().failed, 0);
	/* Of UDP the headers end with the checksum, and none has that flag. */
	struct net_offload udp = { .flags = NET_CHECKSUM_START,
				   .segments = NET_UDP_L4,
				   .header_bytes = 42,
				   .segment_bytes = 1472,
				   .checksum_start = 34,
				   .checksum_offset = 6 };
	CHECK_EQ(send_with(1514, udp), 1);
	udp.flags |= NET_SEGMENTS_ECN;
	CHECK_EQ(send_with(1514, udp), ERR_INVALID);
	/* Nor one that is whole. */
	udp.segments = NET_WHOLE;
	CHECK_EQ(send_with(1514, udp), 1);
	CHECK_EQ(wire.header[1], 0);
	works();
}

static void segments_that_contradict_themselves(void)
{
	const struct net_offload good = { .flags = NET_CHECKSUM_START,
					  .segments = NET_TCP4,
					  .header_bytes = 54,
					  .segment_bytes = 1460,
					  .checksum_start = 34,
					  .checksum_offset = 16 };
	struct net_offload bad;

	MAKE(FAKE_CSUM, FAKE_HOST_TSO4);
	start();
	CHECK_EQ(send_with(1514, good), 1);
	bad = good, bad.flags = 0; /* 5.1.9.2.1-22 */
	CHECK_EQ(send_with(1514, bad), ERR_INVALID);
	bad = good, bad.segment_bytes = 0;
	CHECK_EQ(send_with(1514, bad), ERR_INVALID);
	bad = good, bad.header_bytes = 51;
	CHECK_EQ(send_with(1514, bad), ERR_INVALID);
	bad = good, bad.header_bytes = 1515;
	CHECK_EQ(send_with(1514, bad), ERR_RANGE);
	bad = good, bad.segments = NET_UFO + 1;
	CHECK_EQ(send_with(1514, bad), ERR_INVALID);
	bad = good, bad.segments = NET_TCP6;
	CHECK_EQ(send_with(1514, bad), ERR_UNSUPPORTED);
	bad = good, bad.flags |= NET_SEGMENTS_ECN; /* 5.1.9.2.1-9 */
	CHECK_EQ(send_with(1514, bad), ERR_UNSUPPORTED);
	CHECK_EQ(wire.sent, 1);
	works();
}

/* ---- Received ------------------------------------------------------------------------------------ */

/* A header's bytes. */
#define HEADER(flags, type, hdr, gso, start, offset) \
	{ \
		(flags), (type), (hdr)&0xff, (hdr) >> 8, (gso)&0xff, (gso) >> 8, (start)&0xff, \
			(start) >> 8, (offset)&0xff, (offset) >> 8 \
	}

static bool comes_in(const uint8_t *header, size_t length, uint16_t number)
{
	static uint8_t frame[FAKE_FRAME_BYTES];
	unsigned before = heard;

	fill(frame, length, (unsigned)length);
	CHECK(fake_receive_by(&fake, 0, header, frame, length, number));
	fake_sleep(2);
	if (heard == before)
		return false;
	CHECK_EQ(heard, before + 1);
	CHECK_EQ(heard_length, length);
	CHECK(memcmp(heard_frame, frame, length) == 0);
	return true;
}

static void checksum_that_the_device_vouches_for(void)
{
	static const uint8_t good[20] = HEADER(DATA_VALID, 0, 0, 0, 0, 0);
	static const uint8_t partial[20] = HEADER(NEEDS_CSUM, 0, 0, 0, 34, 16);
	static const uint8_t edges[20] = HEADER(NEEDS_CSUM, 0, 14, 0, 14, 44);
	static const uint8_t unknown[20] = HEADER(0xf8, 0, 0, 0, 0xffff, 0xffff);

	MAKE(FAKE_GUEST_CSUM);
	start();
	CHECK_EQ(net->hears, NET_HEARS_CHECKSUM);
	CHECK(comes_in(good, 60, 0));
	CHECK_EQ(heard_offload.flags, NET_CHECKSUM_GOOD);
	CHECK(comes_in(partial, 60, 0));
	CHECK_EQ(heard_offload.flags, NET_CHECKSUM_START);
	CHECK_EQ(heard_offload.checksum_start, 34);
	CHECK_EQ(heard_offload.checksum_offset, 16);
	CHECK(comes_in(edges, 60, 0)); /* behind the Ethernet header, into the last two bytes */
	CHECK_EQ(heard_offload.flags, NET_CHECKSUM_START);
	CHECK_EQ(heard_offload.checksum_start, 14);
	CHECK_EQ(heard_offload.header_bytes, 14);
	CHECK(comes_in(unknown, 60, 0)); /* 5.1.9.4.2-1, -4 */
	CHECK_EQ(heard_offload.flags, 0);
	CHECK_EQ(heard_offload.checksum_start, 0);
	works();
	CHECK_EQ(heard_offload.flags, 0);
	CHECK_EQ(counted().malformed, 0);
}

static void frame_in_many_buffers(void)
{
	static const uint8_t plain[20];

	MAKE(FAKE_MRG_RXBUF);
	start();
	CHECK(net->pieces_heard > 1);
	uint64_t bytes = 0;
	for (size_t length = 14; length <= 65549; length += 3121) {
		CHECK(comes_in(plain, length, 0));
		bytes += length;
		CHECK_EQ(counted().received_bytes, bytes);
		CHECK_EQ(heard_pieces > 1, length > 1600);
		CHECK(heard_pieces <= net->pieces_heard);
	}
	CHECK_EQ(counted().malformed, 0);
	/* And all of the pool is there. */
	for (unsigned i = 0; i < 300; i++)
		CHECK(comes_in(plain, 3000, 0));
	works();
}

static void segments_that_come_in(void)
{
	static const struct {
		uint8_t type, segments, flags;
	} rows[] = {
		{ TCPV4, NET_TCP4, NET_CHECKSUM_START },
		{ TCPV6, NET_TCP6, NET_CHECKSUM_START },
		{ TCPV4 | ECN, NET_TCP4, NET_CHECKSUM_START | NET_SEGMENTS_ECN },
		{ UDP, NET_UFO, NET_CHECKSUM_START },
		{ UDP_L4, NET_UDP_L4, NET_CHECKSUM_START },
		{ UDP_L4 | ECN, NET_UDP_L4, NET_CHECKSUM_START }, /* which means nothing there */
	};

	MAKE(FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, FAKE_GUEST_TSO6, FAKE_GUEST_ECN, FAKE_GUEST_UFO,
	     FAKE_GUEST_USO4, FAKE_MRG_RXBUF);
	start();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t header[20] = HEADER(NEEDS_CSUM, rows[i].type, 54, 1460, 34, 16);
		CHECK(comes_in(header, 65549, 0));
		CHECK_EQ(heard_offload.segments, rows[i].segments);
		CHECK_EQ(heard_offload.flags, rows[i].flags);
		CHECK_EQ(heard_offload.segment_bytes, 1460);
		CHECK_EQ(heard_offload.header_bytes, 54);
	}
	works();
}

/* Bytes that the device has room for, of the first pair. */
static size_t room(void)
{
	size_t bytes = 0;

	for (const struct ring_chain *chain = fake.queues[0].ring.taken; chain; chain = chain->next)
		bytes += chain->writable;
	return bytes;
}

/* A receive queue of few entries has room for the longest frame all the same, with half of its buffers kept by somebody:
 * else a device would wait for ever, or drop each of them. */
enum { FEWEST_MAX = 32, LONGEST = 65549 + 4 };

static void in_a_queue_of_few(unsigned row)
{
	unsigned size = row / 4 + 1;
	bool merges = row % 2, switched = row / 2 % 2;
	uint8_t header[20] = HEADER(NEEDS_CSUM, TCPV4, 54, 1460, 34, 16);
	static const uint8_t none[20];

	MAKE(FAKE_GUEST_CSUM, FAKE_GUEST_TSO4);
	if (merges)
		fake_offer(&fake, FAKE_MRG_RXBUF);
	if (switched) {
		fake_offer(&fake, FAKE_CTRL_VQ);
		fake_offer(&fake, FAKE_CTRL_GUEST_OFFLOADS);
		fake_offer(&fake, FAKE_HASH_REPORT);
	}
	fake.queues[0].size = fake.queues[0].size_max = size;
	fake.queues[1].size = fake.queues[1].size_max = 2;
	start();
	CHECK_EQ(net->may_hear & NET_HEARS_TCP4, NET_HEARS_TCP4);
	CHECK(net->pieces_heard <= (size + 1) / 2);
	for (unsigned i = 0; i < 2 * size; i++) {
		CHECK(room() >= LONGEST + (switched ? 20u : 12u));
		CHECK(comes_in(header, LONGEST, 0));
		CHECK(comes_in(none, 60, 0));
	}
	CHECK_EQ(counted().malformed, 0);
	if (switched) {
		CHECK_EQ(net_set_hears(net, 0), 0);
		CHECK(comes_in(none, 1514, 0));
		CHECK_EQ(net_set_hears(net, net->may_hear), 0);
		CHECK(comes_in(header, LONGEST, 0));
	}
	net_listen(net, keep, NULL);
	for (unsigned i = 0; i < net->buffers / 4; i++) {
		CHECK(fake_receive_by(&fake, 0, none, header, 20, 0));
		fake_sleep(2);
	}
	net_listen(net, hear, &heard);
	CHECK_EQ(kept_count, net->buffers / 4);
	CHECK(comes_in(header, LONGEST, 0));
	give_back_kept();
	works();
}

static void segments_in_small_queues(void)
{
	for (unsigned size = 1; size <= FEWEST_MAX; size++) {
		if (ring == FAKE_SPLIT && (size & (size - 1)) != 0)
			continue;
		for (unsigned row = 4 * (size - 1); row < 4 * size; row++)
			scenario_row(in_a_queue_of_few, row);
	}
}

/* The smallest queue of all says how large a buffer must be, and none is given more buffers than it has entries. */
static void segments_in_queues_of_two_sizes(void)
{
	uint8_t header[20] = HEADER(NEEDS_CSUM, TCPV4, 54, 1460, 34, 16);

	fake_setting("pairs", "2");
	MAKE(FAKE_CTRL_VQ, FAKE_MQ, FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, FAKE_MRG_RXBUF);
	fake.queues[0].size = fake.queues[0].size_max = 64;
	fake.queues[2].size = fake.queues[2].size_max = 4;
	start();
	CHECK_EQ(net->pieces_heard, 2);
	CHECK_EQ(virtio_queue_at(virtio_first(), 2)->ring.in_flight, 4);
	CHECK(virtio_queue_at(virtio_first(), 0)->ring.in_flight >= 30);
	for (unsigned i = 0; i < 10; i++) {
		CHECK(comes_in(header, LONGEST, 0));
		receives_by(1, LONGEST);
		receives_by(1, 60);
		CHECK_EQ(virtio_queue_at(virtio_first(), 2)->ring.in_flight, 4);
	}
	works();
}

/* Frames of one and of two buffers by turns, which end with no burst: each is heard. */
static void merged_frames_across_bursts(void)
{
	static const uint8_t header[20];
	static uint8_t bytes[3000];
	unsigned before;

	MAKE(FAKE_MRG_RXBUF);
	start();
	for (unsigned round = 0; round < 20; round++) {
		before = heard;
		for (unsigned i = 0; i < 48; i++)
			CHECK(fake_receive_by(&fake, 0, header, bytes,
					      i < 32 && i % 2 ? sizeof(bytes) : 60, 0));
		fake_sleep(2);
		CHECK_EQ(heard, before + 48);
		CHECK_EQ(heard_pieces, 1);
	}
	CHECK_EQ(counted().malformed, 0);
	CHECK_EQ(counted().received_bytes, 20 * (16 * sizeof(bytes) + 32 * 60));
	works();
}

static struct ring_chain *oldest_buffer(void)
{
	struct ring_chain *chain = fake.queues[0].ring.taken;

	while (chain && chain->next)
		chain = chain->next;
	return chain;
}

/* The device uses the second buffer of a frame as long as others are heard, which came before the first. */
static bool second_is_due;

static void hear_and_complete(struct net_device *interface, struct net_buffer *const *frames,
			      unsigned count, void *cookie)
{
	hear(interface, frames, count, cookie);
	if (!second_is_due)
		return;
	second_is_due = false;
	struct ring_chain *chain = oldest_buffer();
	CHECK(chain != NULL);
	ring_chain_write(chain, 0, "second", 6);
	fake_use(&fake.queues[0], chain, 6);
}

static void merged_frame_that_comes_by_and_by(void)
{
	static const uint8_t header[20], two[12] = { [10] = 2 };
	static uint8_t bytes[3000];

	MAKE(FAKE_MRG_RXBUF);
	start();
	net_listen(net, hear_and_complete, &heard);
	for (unsigned i = 0; i < 39; i++)
		CHECK(fake_receive_by(&fake, 0, header, bytes, 60, 0));
	struct ring_chain *chain = oldest_buffer();
	CHECK(chain != NULL && chain->writable < sizeof(bytes));
	uint32_t length = (uint32_t)chain->writable;
	ring_chain_write(chain, 0, two, sizeof(two));
	ring_chain_write(chain, sizeof(two), bytes, length - sizeof(two));
	fake_use(&fake.queues[0], chain, length);
	second_is_due = true;
	fake_sleep(2);
	CHECK_EQ(heard, 40);
	CHECK_EQ(heard_pieces, 2);
	CHECK_EQ(heard_length, length - sizeof(two) + 6);
	CHECK(memcmp(heard_frame + heard_length - 6, "second", 6) == 0);
	CHECK_EQ(counted().malformed, 0);
	net_listen(net, hear, &heard);
	works();
}

/* 5.1.9.3.1-1: without merging, each buffer holds the longest frame. */
static void segments_in_large_buffers(void)
{
	uint8_t header[20] = HEADER(NEEDS_CSUM, TCPV4, 54, 1460, 34, 16);

	MAKE(FAKE_GUEST_CSUM, FAKE_GUEST_TSO4);
	start();
	CHECK_EQ(net->pieces_heard, 1);
	CHECK_EQ(net->buffers, 127); /* of 65,600 bytes, in 8 MiB: half of them to receive, */
	CHECK_EQ(virtio_queue_at(virtio_first(), 0)->ring.in_flight, 64);
	struct net_buffer *to_send[64];
	unsigned count = 0;
	while (count < 64 && (to_send[count] = net_take(net)) != NULL)
		count++;
	CHECK_EQ(count, 63); /* and half to send */
	while (count > 0)
		net_release(net, to_send[--count]);
	for (unsigned i = 0; i < 200; i++)
		CHECK(comes_in(header, 65549, 0));
	CHECK_EQ(heard_pieces, 1);
	works();
}

static void hash_that_is_reported(void)
{
	uint8_t header[20] = { [12] = 0x78, 0x56, 0x34, 0x12, NET_HASHED_UDP6 };

	MAKE(FAKE_HASH_REPORT, FAKE_CTRL_VQ, FAKE_CSUM);
	start();
	CHECK(comes_in(header, 60, 0));
	CHECK_EQ(heard_offload.hashed, NET_HASHED_UDP6);
	CHECK_EQ(heard_offload.hash, 0x12345678);
	header[16] = NET_HASHED_LAST;
	CHECK(comes_in(header, 60, 0));
	CHECK_EQ(heard_offload.hashed, NET_HASHED_LAST);
	header[16] = 0;
	CHECK(comes_in(header, 60, 0));
	CHECK_EQ(heard_offload.hashed, NET_HASHED_NONE);
	CHECK_EQ(heard_offload.hash, 0);
	/* Garbage. */
	header[16] = NET_HASHED_LAST + 1;
	CHECK(comes_in(header, 60, 0));
	CHECK_EQ(heard_offload.hashed, NET_HASHED_NONE);
	header[17] = 0xff;
	CHECK(comes_in(header, 60, 0));
	CHECK_EQ(heard_offload.hashed, NET_HASHED_NONE);
	works(); /* frames that are sent have the longer header, too: 5.1.9.2.1-1 */
	struct net_offload offload = { .flags = NET_CHECKSUM_START, .checksum_start = 20 };
	CHECK_EQ(send_with(100, offload), 1);
	/* Whatever was there: the fake device complains of a header that says what is for received ones. */
	for (unsigned i = 0; i < 2; i++) {
		struct net_buffer *frame = take_frame(100, i ? offload : (struct net_offload){ 0 });
		unsigned before = wire.sent;
		memset(net_data(frame) - 20, 0xff, 20);
		CHECK_EQ(net_send(net, &frame, 1), 1);
		CHECK(FAKE_WAIT(wire.sent > before, 100));
	}
	works();
}

/* ---- What is not so -------------------------------------------------------------------------------- */

static void row39_num_buffers_of_merged_frames(void)
{
	static const uint16_t numbers[] = { 2, 3, 0x7fff, 0xffff };
	static const uint8_t plain[20];
	uint8_t none[12] = { 0 };
	static uint8_t frame[60];

	MAKE(FAKE_MRG_RXBUF);
	start();
	for (unsigned i = 0; i < 4; i++) {
		CHECK(!comes_in(plain, 60, numbers[i])); /* the others are not there */
		CHECK_EQ(counted().malformed, i + 1);
	}
	CHECK(fake_receive(&fake, none, frame, sizeof(frame), 0));
	fake_sleep(2);
	CHECK_EQ(counted().malformed, 5);
	for (unsigned i = 0; i < 300; i++) /* and none of the buffers is lost */
		CHECK(!comes_in(plain, 3000, 1 + (uint16_t)(i % 2 ? 2 : 3)));
	CHECK_EQ(heard, 0);
	CHECK_EQ(virtio_first()->resets, 0);
	works();
}

/* More than the longest packet, in as many buffers as that takes. */
static void row39_too_long(void)
{
	static const uint8_t plain[20];

	MAKE(FAKE_MRG_RXBUF);
	start();
	CHECK(!comes_in(plain, 65549 + 5, 0));
	CHECK(!comes_in(plain, FAKE_FRAME_BYTES, 0));
	CHECK_EQ(counted().malformed, 2);
	CHECK(comes_in(plain, 65549 + 4, 0)); /* with a VLAN tag */
	works();
}

/* In more buffers than the longest packet takes, each with a little in it: all of them go back. */
static void row39_more_buffers_than_there_can_be(void)
{
	static uint8_t part[100];
	struct fake_queue *queue = &fake.queues[0];

	MAKE(FAKE_MRG_RXBUF);
	start();
	for (unsigned round = 1; round <= 10; round++) {
		unsigned number = net->pieces_heard + (round > 1);
		memset(part, 0, 12);
		part[10] = (uint8_t)number;
		for (unsigned i = 0; i < number; i++) {
			struct ring_chain *chain = queue->ring.taken;
			CHECK(chain != NULL);
			ring_chain_write(chain, 0, part, sizeof(part));
			fake_use(queue, chain, sizeof(part));
		}
		fake_sleep(2);
		CHECK_EQ(heard, 1); /* so many, and no more */
		CHECK_EQ(counted().malformed, round - 1);
	}
	works();
}

static void row40_checksum_outside_of_the_frame(void)
{
	static const uint16_t bad[][2] = { { 13, 0 },  { 0, 16 }, { 59, 0 },    { 34, 25 },
					   { 14, 45 }, { 60, 0 }, { 65535, 1 }, { 65535, 65535 } };

	MAKE(FAKE_GUEST_CSUM, FAKE_MRG_RXBUF);
	start();
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t header[20] = HEADER(NEEDS_CSUM, 0, 0, 0, bad[i][0], bad[i][1]);
		CHECK(!comes_in(header, 60, 0));
		CHECK_EQ(counted().malformed, i + 1);
	}
	uint8_t header[20] = HEADER(NEEDS_CSUM, 0, 0, 0, 34, 24);
	CHECK(comes_in(header, 60, 0));
	works();
}

static void row40_segments_that_cannot_be(void)
{
	static const uint8_t bad[][20] = {
		HEADER(NEEDS_CSUM, TCPV6, 54, 1460, 34, 16), /* not negotiated */
		HEADER(NEEDS_CSUM, UDP, 54, 1460, 34, 16),
		HEADER(NEEDS_CSUM, UDP_L4, 54, 1460, 34, 16),
		HEADER(NEEDS_CSUM, 2, 54, 1460, 34, 16), /* no such type */
		HEADER(NEEDS_CSUM, 0x7f, 54, 1460, 34, 16),
		HEADER(NEEDS_CSUM, TCPV4 | 0x60, 54, 1460, 34, 16), /* both tunnels */
		HEADER(NEEDS_CSUM, TCPV4 | 0x20, 54, 1460, 34, 16),
		HEADER(NEEDS_CSUM, TCPV4, 54, 0, 34, 16), /* of nothing */
		HEADER(0, TCPV4, 54, 1460, 34, 16),       /* 5.1.9.4.1-22 */
		HEADER(DATA_VALID, TCPV4, 54, 1460, 34, 16),
	};

	MAKE(FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, FAKE_MRG_RXBUF);
	start();
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(!comes_in(bad[i], 3000, 0));
		CHECK_EQ(counted().malformed, i + 1);
	}
	CHECK_EQ(heard, 0);
	works();
}

/* 5.1.9.4.2-6: the headers' length is a hint, and not even that when it is not in the frame. */
static void row40_header_length_lies(void)
{
	static const uint16_t lies[] = { 0, 1, 13, 3001, 0x7fff, 0xffff };

	MAKE(FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, FAKE_MRG_RXBUF);
	start();
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t header[20] = HEADER(NEEDS_CSUM, TCPV4, lies[i], 1460, 34, 16);
		CHECK(comes_in(header, 3000, 0));
		CHECK_EQ(heard_offload.header_bytes, 0);
	}
	uint8_t header[20] = HEADER(NEEDS_CSUM, TCPV4, 3000, 1460, 34, 16);
	CHECK(comes_in(header, 3000, 0));
	CHECK_EQ(heard_offload.header_bytes, 3000);
	works();
}

/* 7: a piece with nothing in it, and a first one with less than a frame. */
static void row7_empty_pieces(void)
{
	static const uint8_t plain[20] = { [10] = 2 };
	static uint8_t frame[60];

	MAKE(FAKE_MRG_RXBUF);
	start();
	for (unsigned i = 1; i <= 300; i++) {
		struct fake_queue *queue = &fake.queues[0];
		CHECK(fake_receive(&fake, plain, frame, sizeof(frame), 0));
		struct ring_chain *chain = queue->ring.taken;
		while (chain->next)
			chain = chain->next;
		fake_use(queue, chain, 0);
		fake_sleep(1);
		CHECK_EQ(counted().malformed, i);
	}
	CHECK_EQ(heard, 0);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(features_all_of_them, ON_ALL),
		SCENARIO(checksum_is_the_devices, ON_ALL),
		SCENARIO(headers_are_cleared, ON_BUSES),
		SCENARIO(checksum_outside_of_the_frame, ON_BUSES),
		SCENARIO(nothing_was_negotiated, ON_ALL),
		SCENARIO(segments_are_the_devices, ON_ALL),
		SCENARIO(segments_that_contradict_themselves, ON_BUSES),
		SCENARIO(checksum_that_the_device_vouches_for, ON_ALL),
		SCENARIO(frame_in_many_buffers, ON_ALL),
		SCENARIO(segments_that_come_in, ON_ALL),
		SCENARIO(segments_in_small_queues, ON_RINGS),
		SCENARIO(segments_in_queues_of_two_sizes, ON_RINGS),
		SCENARIO(segments_in_large_buffers, ON_ALL),
		SCENARIO(hash_that_is_reported, ON_ALL),
		SCENARIO(merged_frames_across_bursts, ON_ALL),
		SCENARIO(merged_frame_that_comes_by_and_by, ON_ALL),
		SCENARIO(row39_num_buffers_of_merged_frames, ON_ALL),
		SCENARIO(row39_too_long, ON_ALL),
		SCENARIO(row39_more_buffers_than_there_can_be, ON_ALL),
		SCENARIO(row40_checksum_outside_of_the_frame, ON_RINGS),
		SCENARIO(row40_segments_that_cannot_be, ON_RINGS),
		SCENARIO(row40_header_length_lies, ON_RINGS),
		SCENARIO(row7_empty_pieces, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
