/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection sends again when something was lost, whose segments are larger than the peer's. */
#include "kernel/net/cut.h"
#include "kernel/net/hooks.h"
#include "kernel/net/lost.h"
#include "kernel/net/memory.h"
#include "kernel/net/offload.h"
#include "lib/be.h"
#include "tests/host/check.h"
#include "tests/host/stack_rig.h"

#define PEERS 536 /* bytes that its segments hold, for it has not said */
#define LARGE (CUT_MOST * PEERS)
#define AT_MOST 64

/* What has been sent since that was asked for last. */
static struct sent {
	uint32_t at; /* in the stream */
	size_t bytes;
	bool end;
} sent[AT_MOST];
static unsigned sent_segments;
static uint32_t begin; /* the number of the stream's first byte */
static size_t written;

static void note_sent(const struct net_buffer *buffer)
{
	const uint8_t *ip = net_data(buffer) + 14, *tcp = ip + 20;

	if (be16_load(ip - 2) != 0x0800 || ip[9] != 6 || (tcp[13] & 6) != 0)
		return;
	size_t bytes = be16_load(ip + 2) - 20u - (tcp[12] >> 4) * 4u;
	bool end = tcp[13] & 1;
	if ((bytes == 0 && !end) || sent_segments == AT_MOST)
		return;
	struct sent *one = &sent[sent_segments++];
	*one = (struct sent){ be32_load(tcp + 4) - begin, bytes, end };
	CHECK(bytes <= PEERS);
	CHECK(!end || one->at + bytes == written);
	for (size_t i = 0; i < bytes; i++)
		CHECK(tcp[20 + i] == stream_byte(one->at + i));
}

/* The program writes so much. */
static void write_stream(size_t bytes)
{
	static uint8_t data[UINT16_MAX];

	for (size_t i = 0; i < bytes; i++)
		data[i] = stream_byte(written + i);
	offload_grow(stream);
	CHECK_EQ(tcp_write(stream, data, (u16_t)bytes, TCP_WRITE_FLAG_COPY), ERR_OK);
	written += bytes;
	tcp_output(stream);
	interfaces_flush();
}

/* The peer says that it has all in front of that. */
static void acknowledge(size_t at, unsigned window)
{
	answered = begin + (uint32_t)at;
	size_t length = segment_frame(frame, 0, 0, TCP_ACKED);
	be16_store(frame + 14 + 34, (uint16_t)window);
	sum_segment(frame);
	sent_segments = 0;
	deliver(frame, length, plain);
	interfaces_flush();
}

#define WINDOW 0x7000

/* A connection whose segments are large, with three of them on their way. */
static void three_are_sent(void)
{
	if (stream)
		tcp_abort(stream);
	interfaces_flush();
	to_take = 256;
	a_stream_begins();
	look_at_sent = note_sent;
	begin = answered;
	written = 0;
	while (stream->mss < LARGE && written < 400 * PEERS) {
		write_stream(4 * PEERS);
		while (stream->unacked)
			acknowledge(stream->snd_nxt - begin, WINDOW);
	}
	CHECK_EQ(stream->mss, LARGE);
	while (stream->cwnd < 4 * LARGE) {
		write_stream(LARGE);
		acknowledge(written, WINDOW);
	}
	CHECK(!stream->unacked && !stream->unsent);
	sent_segments = 0;
	for (unsigned i = 0; i < 3; i++)
		write_stream(LARGE);
	CHECK_EQ(sent_segments, 3 * CUT_MOST);
}

/* A quarter of a second passes, as in the stack's turn. */
static void tick(void)
{
	lost_before_timers();
	tcp_tmr();
	interfaces_flush();
}

/* Until something is sent. */
static void wait(void)
{
	sent_segments = 0;
	for (unsigned i = 0; i < 100 && sent_segments == 0; i++)
		tick();
}

/* How far the peer has all, with what was sent now. */
static size_t taken_up_to(size_t at)
{
	for (unsigned i = 0; i < sent_segments; i++) {
		if (sent[i].at <= at && sent[i].at + sent[i].bytes > at)
			at = sent[i].at + sent[i].bytes;
	}
	return at;
}

/* The peer answers what it gets, which is sent in order now, until it has all. */
static void all_arrives(size_t at)
{
	unsigned turns = 0;

	while (at < written && turns++ < 100) {
		CHECK(sent_segments > 0);
		at = taken_up_to(at);
		acknowledge(at, WINDOW);
	}
	CHECK_EQ(at, written);
	CHECK(!stream->unacked && !stream->unsent);
	CHECK_EQ(stream->snd_queuelen, 0);
	CHECK_EQ(stream->snd_buf, TCP_SND_BUF);
	CHECK_EQ(stream->flags & (TF_RTO | TF_INFR), 0);
}

/* None of what waits, sent or not, is larger than the peer's, and the stream ends with the last one. */
static void check_split(void)
{
	const struct tcp_seg *queues[] = { stream->unacked, stream->unsent };

	CHECK_EQ(stream->mss, PEERS);
	for (unsigned i = 0; i < 2; i++) {
		for (const struct tcp_seg *one = queues[i]; one; one = one->next) {
			CHECK(one->len <= PEERS);
			CHECK((TCPH_FLAGS(one->tcphdr) & TCP_FIN) == 0 || !one->next);
		}
	}
}

static void check_only_one(size_t at)
{
	check_split();
	CHECK_EQ(sent_segments, 1);
	CHECK_EQ(sent[0].at, at);
	CHECK_EQ(sent[0].bytes, PEERS);
}

/* Nothing is heard: one segment is sent again, then two, for that one was answered, and so on. */
static void a_window_of_one_after_silence(void)
{
	three_are_sent();
	size_t at = written - 3 * LARGE;
	wait();
	check_only_one(at);
	CHECK_EQ(stream->cwnd, PEERS);
	at += PEERS;
	acknowledge(at, WINDOW);
	CHECK_EQ(sent_segments, 2);
	/* What is written meanwhile does not make them large again. */
	write_stream(1);
	CHECK_EQ(stream->mss, PEERS);
	all_arrives(at);
	/* And then they may be. */
	for (unsigned i = 0; i < 40; i++) {
		write_stream(2 * PEERS);
		acknowledge(written, WINDOW);
	}
	CHECK_EQ(stream->mss, LARGE);
	/* However long nothing is heard. */
	three_are_sent();
	at = written - 3 * LARGE;
	for (unsigned i = 0; i < 4; i++) {
		wait();
		check_only_one(at);
	}
	all_arrives(at);
}

/* Of a segment of lwIP's the peer has some: it is what follows that is sent again. */
static void a_part_has_arrived(void)
{
	for (unsigned part = 1; part < 3 * CUT_MOST; part += 4) {
		for (unsigned more = 0; more < PEERS; more += PEERS - 1) {
			three_are_sent();
			size_t at = written - 3 * LARGE + part * PEERS + more;
			acknowledge(at, WINDOW);
			wait();
			CHECK_EQ(sent_segments, 1);
			CHECK_EQ(sent[0].at, at - more);
			CHECK_EQ(sent[0].bytes, PEERS);
			all_arrives(at);
		}
	}
}

/* Three answers that say the same: the segment that follows is sent again, and no other. */
static void one_is_sent_again_at_the_third(void)
{
	for (unsigned part = 0; part < 2 * CUT_MOST; part += 7) {
		three_are_sent();
		size_t at = written - 3 * LARGE + part * PEERS;
		acknowledge(at, WINDOW);
		if (part == 0)
			stream->dupacks = 0; /* that was no new one */
		acknowledge(at, WINDOW);
		CHECK_EQ(sent_segments, 0);
		acknowledge(at, WINDOW);
		CHECK_EQ(sent_segments, 0);
		acknowledge(at, WINDOW);
		check_only_one(at);
		CHECK_EQ(stream->mss, PEERS);
		/* Each further one tells of a segment that has arrived: of one of the peer's. */
		tcpwnd_size_t window = stream->cwnd;
		acknowledge(at, WINDOW);
		CHECK_EQ(stream->cwnd, window + PEERS);
		write_stream(1);
		CHECK_EQ(stream->mss, PEERS);
		sent[0] = (struct sent){ (uint32_t)at, PEERS, false };
		sent_segments = 1;
		acknowledge(at + PEERS, WINDOW);
		/* Others were lost as well. */
		wait();
		all_arrives(at + PEERS);
	}
}

/* An answer that says more is none of those. */
static void something_new_at_the_third(void)
{
	three_are_sent();
	size_t at = written - 3 * LARGE + PEERS;
	acknowledge(at, WINDOW);
	acknowledge(at, WINDOW);
	acknowledge(at, WINDOW);
	acknowledge(at + PEERS, WINDOW);
	CHECK_EQ(stream->mss, LARGE);
	acknowledge(written, WINDOW);
	all_arrives(written);
}

/* The end of the stream goes with its last byte. */
static void the_end_is_the_last(void)
{
	three_are_sent();
	size_t at = written - 3 * LARGE;
	for (unsigned i = 0; i < 3; i++)
		write_stream(LARGE); /* the window is not as large */
	CHECK(stream->unsent != NULL);
	CHECK_EQ(tcp_shutdown(stream, 0, 1), ERR_OK);
	interfaces_flush();
	wait();
	check_only_one(at);
	at += PEERS;
	while (at < written) {
		acknowledge(at, WINDOW);
		CHECK(sent_segments > 0);
		at = sent[sent_segments - 1].at + sent[sent_segments - 1].bytes;
	}
	CHECK(sent[sent_segments - 1].end);
	acknowledge(written + 1, WINDOW);
	CHECK(!stream->unacked && !stream->unsent);
}

/* And so it does where the peer's window is smaller than the last segment, and lwIP splits that itself. */
static void the_end_behind_a_small_window(void)
{
	three_are_sent();
	acknowledge(written, 100);
	write_stream(300);
	CHECK_EQ(sent_segments, 0);
	CHECK_EQ(tcp_shutdown(stream, 0, 1), ERR_OK);
	wait();
	CHECK_EQ(sent_segments, 1);
	CHECK_EQ(sent[0].bytes, 100);
	CHECK(!sent[0].end);
	acknowledge(written - 200, WINDOW);
	CHECK_EQ(sent_segments, 1);
	CHECK_EQ(sent[0].bytes, 200);
	CHECK(sent[0].end);
}

/* What does not fill a segment has room for more behind it: of a small one, now. */
static void room_behind_the_last(void)
{
	three_are_sent();
	size_t at = written - 3 * LARGE;
	for (unsigned i = 0; i < 3; i++)
		write_stream(LARGE);
	write_stream(100);
	wait();
	check_only_one(at);
	write_stream(300);
	write_stream(LARGE);
	all_arrives(at);
}

/* While the device has a segment it is neither split nor sent again. */
static void what_the_device_has_is_left(void)
{
	for (unsigned which = 0; which < 3; which++) {
		three_are_sent();
		size_t at = written - 3 * LARGE;
		struct tcp_seg *busy = stream->unacked;
		for (unsigned i = 0; i < which; i++)
			busy = busy->next;
		pbuf_ref(busy->p);
		wait();
		CHECK_EQ(sent_segments, 0);
		CHECK_EQ(stream->mss, LARGE);
		pbuf_free(busy->p);
		wait();
		check_only_one(at);
		all_arrives(at);
	}
}

#define TAKEN_MOST 4096

static void *taken[TAKEN_MOST];
static unsigned taken_count;

/* All for frames and data; what is small has an eighth. */
static void take_all_memory(void)
{
	for (size_t bytes = 1 << 20; bytes >= 2048; bytes /= 2) {
		while (taken_count < TAKEN_MOST &&
		       (taken[taken_count] = network_malloc(bytes)) != NULL)
			taken_count++;
	}
	CHECK(taken_count > 0 && taken_count < TAKEN_MOST);
}

static void give_all_memory(void)
{
	while (taken_count > 0)
		network_free(taken[--taken_count]);
}

/* They are sent again as they are; and nothing is lost. */
static void check_not_split(size_t at)
{
	wait();
	CHECK_EQ(sent_segments, CUT_MOST);
	CHECK_EQ(sent[0].at, at);
	CHECK_EQ(stream->mss, LARGE);
	give_all_memory();
	all_arrives(at);
}

/* There is no memory to split them. */
static void no_memory_to_split(void)
{
	three_are_sent();
	take_all_memory();
	check_not_split(written - 3 * LARGE);
}

/* Nor are they split where others would have too little left then. */
static void little_memory_to_split(void)
{
	three_are_sent();
	take_all_memory();
	for (unsigned i = 0; i < 6; i++) /* the smallest ones, enough to split these */
		network_free(taken[--taken_count]);
	check_not_split(written - 3 * LARGE);
}

/* As before, but what comes out of order is lost too. */
static size_t arrives_in_the_end(size_t at)
{
	for (unsigned turns = 0; at < written && turns < 100; turns++) {
		at = taken_up_to(at);
		acknowledge(at, WINDOW);
		if (sent_segments == 0)
			wait();
	}
	return at;
}

/* A whole buffer waits, in segments as large as a device cuts, and some of it is lost: whatever the peer takes, half of the memory is
 * left to others, and what common peers take is split. */
static void half_is_left_to_others(void)
{
	static const uint8_t data[60000];
	const struct net_device before = net;
	static const unsigned takes[] = {
		CUT_LEAST, 360, PEERS, 700, 1000, 1220, 1460, 4000, 8960
	};
	unsigned splits = 0;

	net.can = NET_CAN_TSO4 | NET_CAN_CHECKSUM;
	net.largest = UINT16_MAX;
	for (unsigned i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		size_t total, waiting, used;
		tcp_abort(stream);
		interfaces_flush();
		to_take = 256;
		a_stream_begins();
		stream->mss = (u16_t)takes[i];
		stream->snd_wnd = stream->snd_wnd_max = stream->cwnd = TCP_SND_BUF;
		offload_grow(stream);
		CHECK(stream->mss > 50000);
		while (stream->snd_buf > 0) {
			size_t part = LWIP_MIN(stream->snd_buf, sizeof(data));
			CHECK_EQ(tcp_write(stream, data, (u16_t)part, TCP_WRITE_FLAG_COPY), ERR_OK);
		}
		waiting = network_memory_used(&total);
		lost_before_third(stream, stream->lastack);
		used = network_memory_used(&total);
		CHECK(used <= total / 2);
		CHECK(used > waiting);
		CHECK(stream->snd_queuelen <= TCP_SND_QUEUELEN);
		splits += stream->mss == takes[i];
		CHECK(stream->mss == takes[i] || takes[i] < 1220);
	}
	CHECK(splits < sizeof(takes) / sizeof(takes[0]));
	tcp_abort(stream);
	stream = NULL;
	interfaces_flush();
	net = before;
}

/* And smaller peers get no large segments from a device either. */
static void small_peers(void)
{
	const struct net_device before = net;

	a_stream_begins();
	net.can = NET_CAN_TSO4 | NET_CAN_CHECKSUM;
	net.largest = UINT16_MAX;
	stream->mss = CUT_LEAST - 1;
	stream->snd_wnd_max = stream->cwnd = TCP_SND_BUF;
	offload_grow(stream);
	CHECK_EQ(stream->mss, CUT_LEAST - 1);
	net = before;
}

/* More is written while a small segment waits for a buffer to be sent again: it goes behind all, and not behind that. */
static void more_behind_a_small_one(void)
{
	three_are_sent();
	acknowledge(written, WINDOW);
	tcp_nagle_disable(stream);
	for (unsigned i = 0; i < 3; i++)
		write_stream(100);
	size_t at = written - 300;
	unsigned waiting = interface->waiting_count;
	interface->waiting_count = FRAMES_WAITING;
	full = true;
	for (unsigned i = 0; i < 3; i++)
		acknowledge(at, WINDOW);
	CHECK(stream->unacked && stream->unsent && stream->unsent->len == 100);
	lost_before_more(stream);
	write_stream(50); /* note_sent looks at each byte */
	interface->waiting_count = waiting;
	full = false;
	wait();
	CHECK_EQ(arrives_in_the_end(at), written);
	CHECK(!stream->unacked && !stream->unsent);
}

/* The stream ends while what is to be sent again waits for a buffer. */
static void the_end_behind_what_waits_for_a_buffer(void)
{
	three_are_sent();
	size_t at = written - 3 * LARGE;
	take_all_memory();
	to_take = 0;
	for (unsigned i = 0; i < 4; i++)
		acknowledge(at, WINDOW);
	CHECK(stream->unacked && stream->unsent && stream->unsent->len == LARGE);
	give_all_memory();
	lost_before_more(stream);
	CHECK(!stream->unsent);
	CHECK_EQ(tcp_shutdown(stream, 0, 1), ERR_OK);
	to_take = 256;
	wait();
	at = arrives_in_the_end(at);
	CHECK_EQ(at, written);
	acknowledge(written + 1, WINDOW);
	CHECK(!stream->unacked && !stream->unsent);
}

/* No buffer is free when it is to be sent again, nor memory to split it; and part of it arrives after all. */
static void no_buffers_to_send_again(void)
{
	three_are_sent();
	size_t at = written - 3 * LARGE + PEERS;
	take_all_memory();
	to_take = 0;
	for (unsigned i = 0; i < 4; i++)
		acknowledge(at, WINDOW);
	CHECK(stream->unacked && stream->unsent && stream->unsent->len == LARGE);
	at += 4 * PEERS;
	acknowledge(at, WINDOW);
	for (unsigned i = 0; i < 40; i++)
		tick(); /* its time is up, and nothing else happens */
	CHECK_EQ(sent_segments, 0);
	CHECK_EQ(stream->mss, LARGE);
	give_all_memory();
	to_take = 256;
	wait();
	check_split();
	all_arrives(at);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(start), CHECK_CASE(a_window_of_one_after_silence),
		CHECK_CASE(a_part_has_arrived), CHECK_CASE(one_is_sent_again_at_the_third),
		CHECK_CASE(something_new_at_the_third), CHECK_CASE(the_end_is_the_last),
		CHECK_CASE(the_end_behind_a_small_window), CHECK_CASE(room_behind_the_last),
		CHECK_CASE(what_the_device_has_is_left), CHECK_CASE(no_memory_to_split),
		CHECK_CASE(little_memory_to_split), CHECK_CASE(no_buffers_to_send_again),
		CHECK_CASE(the_end_behind_what_waits_for_a_buffer),
		CHECK_CASE(more_behind_a_small_one), CHECK_CASE(half_is_left_to_others),
		CHECK_CASE(small_peers), CHECK_END });
}
