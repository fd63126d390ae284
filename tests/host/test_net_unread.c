/* SPDX-License-Identifier: BSD-2-Clause */
/* What sockets keep that nobody reads, with lwIP: others receive all the same, and nothing that was acknowledged is lost. */
#include "kernel/net/packet.h"
#include "kernel/net/socket.h"
#include "lib/be.h"
#include "tests/host/check.h"
#include "tests/host/stack_rig.h"

#define HOGS 3
#define HOGS_MOST 20
#define STREAMS (HOGS_MOST + 1)
#define FRAMES 3000 /* more of any size than there is memory for */
#define BYTES 1400
#define BEHIND 128 /* segments behind a gap */
#define MANY 300   /* segments that the fourth one gets */

/* ---- Datagrams ------------------------------------------------------------------------------------------ */

static struct socket datagrams[HOGS_MOST + 1];

static void datagram_arrived(void *argument, struct udp_pcb *pcb, struct pbuf *data,
			     const ip_addr_t *from, u16_t port)
{
	(void)pcb;
	if (!socket_queue(argument, data, from, port))
		pbuf_free(data);
}

static void sockets_listen(void)
{
	start();
	interfaces_turn();
	learn_of_the_peer();
	for (unsigned i = 0; i <= HOGS_MOST; i++) {
		struct udp_pcb *pcb = udp_new();
		CHECK_EQ(udp_bind(pcb, IP_ANY_TYPE, (u16_t)(PORT + i)), ERR_OK);
		datagrams[i].last = &datagrams[i].first;
		udp_recv(pcb, datagram_arrived, &datagrams[i]);
	}
}

static unsigned count_of(const struct socket *socket)
{
	unsigned count = 0;

	for (const struct received *at = socket->first; at; at = at->next)
		count++;
	return count;
}

static void empty(struct socket *socket)
{
	while (socket->first)
		socket_unqueue(socket);
}

static void send_datagram(unsigned to, size_t length, unsigned id)
{
	size_t bytes = udp_frame(frame, length, id, 0);

	be16_store(frame + 14 + 22, (uint16_t)(PORT + to));
	deliver(frame, bytes, good);
}

/* However small or large they are: of three that get more than they may keep each leaves something, and another one's come in
 * one by one, or several. */
static void another_gets_its_datagrams(unsigned hogs)
{
	static const size_t lengths[] = { 0, 100, 300, 700, BYTES };
	struct socket *another = &datagrams[hogs];

	for (unsigned row = 0; row < sizeof(lengths) / sizeof(lengths[0]); row++) {
		size_t before = in_use();
		for (unsigned i = 0; i < hogs * FRAMES; i++)
			send_datagram(i / FRAMES, lengths[row], i);
		for (unsigned i = 0; i < hogs; i++) {
			CHECK(count_of(&datagrams[i]) >= (i < HOGS ? 8 : 1));
			CHECK(count_of(&datagrams[i]) < FRAMES);
		}
		CHECK(packet_may_stay());
		for (unsigned i = 0; i < MANY; i++) {
			send_datagram(hogs, BYTES, i);
			CHECK_EQ(count_of(another), 1);
			empty(another);
		}
		for (unsigned i = 0; i < 4; i++)
			send_datagram(hogs, BYTES, i);
		CHECK(count_of(another) >= (hogs == HOGS ? 4 : 1));
		for (unsigned i = 0; i <= hogs; i++)
			empty(&datagrams[i]);
		CHECK_EQ(in_use(), before);
	}
	CHECK_EQ(interface->held, 0);
}

static void a_fourth_gets_its_datagrams(void)
{
	another_gets_its_datagrams(HOGS);
}

static void and_so_does_the_last_of_many(void)
{
	another_gets_its_datagrams(HOGS_MOST);
}

/* In fragments, the largest that there is but for some bytes. */
#define FRAGMENT 1480
#define FRAGMENTS 41

static void send_large_datagram(unsigned to, unsigned id)
{
	for (unsigned i = 0; i < FRAGMENTS; i++) {
		udp_frame(frame, FRAGMENT - 8, id,
			  (i + 1 < FRAGMENTS ? 0x2000 : 0) | i * FRAGMENT / 8);
		if (i == 0) {
			be16_store(frame + 14 + 22, (uint16_t)(PORT + to));
			be16_store(frame + 14 + 24, FRAGMENTS * FRAGMENT);
		}
		deliver(frame, 34 + FRAGMENT, plain);
	}
}

/* Besides three that nobody reads, each of many gets as large a one as there is: what is kept for others is not taken by that. */
static void large_ones_leave_something(void)
{
	size_t before = in_use();

	send_large_datagram(0, MANY);
	CHECK_EQ(count_of(&datagrams[0]), 1);
	CHECK_EQ(datagrams[0].first->data->tot_len, FRAGMENTS * FRAGMENT - 8);
	for (unsigned i = 0; i < HOGS * FRAMES; i++)
		send_datagram(i / FRAMES, BYTES, i);
	for (unsigned i = HOGS; i < HOGS_MOST; i++)
		send_large_datagram(i, i);
	CHECK(packet_may_stay());
	for (unsigned i = 0; i < MANY; i++) {
		send_datagram(HOGS_MOST, BYTES, i);
		CHECK_EQ(count_of(&datagrams[HOGS_MOST]), 1);
		empty(&datagrams[HOGS_MOST]);
	}
	for (unsigned i = 0; i < HOGS_MOST; i++)
		empty(&datagrams[i]);
	CHECK_EQ(in_use(), before);
}

/* Who is alone has what a socket may have, of which a stream's whole window is less. */
static void one_has_all_that_one_may(void)
{
	for (unsigned i = 0; i < FRAMES; i++)
		send_datagram(0, BYTES, i);
	CHECK(datagrams[0].cost > (800u << 10) - 2 * BYTES);
	CHECK(datagrams[0].cost <= 800u << 10);
	empty(&datagrams[0]);
	CHECK_EQ(packet_room(), (size_t)7 << 18);
}

/* ---- Streams -------------------------------------------------------------------------------------------- */

/* One for each; their peers' ports are PEER_PORT and what follows it. */
static struct {
	struct socket socket;
	struct tcp_pcb *pcb;
	uint32_t answered;
	size_t acknowledged, read;
} streams[STREAMS];
static unsigned begun;

static err_t portion_arrived(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
	(void)pcb;
	(void)error;
	return !data || socket_queue(argument, data, NULL, 0) ? ERR_OK : ERR_MEM;
}

static err_t begins(void *argument, struct tcp_pcb *pcb, err_t error)
{
	(void)argument;
	CHECK_EQ(error, ERR_OK);
	streams[begun].pcb = pcb;
	tcp_arg(pcb, &streams[begun].socket);
	tcp_recv(pcb, portion_arrived);
	return ERR_OK;
}

/* Which of them an answer is for. */
static void note_answer(const struct net_buffer *sent)
{
	const uint8_t *ip = net_data(sent) + 14;
	unsigned i = be16_load(ip + 22) - PEER_PORT;

	if (be16_load(ip - 2) != 0x0800 || ip[9] != 6 || i >= STREAMS)
		return;
	if (ip[33] & 2)
		streams[i].answered = be32_load(ip + 24) + 1;
	streams[i].acknowledged = be32_load(ip + 28) - first_byte;
}

static void send_segment(unsigned to, size_t at, size_t length, uint8_t flags)
{
	static const uint8_t scale[4] = { 3, 3, 0, 1 }; /* whose window may be larger than 64 KiB */
	uint8_t *ip = frame + 14;

	answered = streams[to].answered;
	size_t bytes = segment_frame(frame, at, length, flags);
	if (flags & 2) {
		ip[32] = 6 << 4;
		be16_store(ip + 2, 44);
		memcpy(ip + 40, scale, 4);
		bytes += 4;
	}
	be16_store(ip + 20, (uint16_t)(PEER_PORT + to));
	sum_segment(frame);
	deliver(frame, bytes, plain);
	interfaces_flush();
}

/* Answers that wait for more, and portions that were refused. */
static void a_while_passes(void)
{
	tcp_fasttmr();
	interfaces_flush();
}

static void streams_begin(void)
{
	struct tcp_pcb *pcb = tcp_new();

	look_at_sent = note_answer;
	CHECK_EQ(tcp_bind(pcb, IP_ANY_TYPE, PORT), ERR_OK);
	tcp_accept(tcp_listen(pcb), begins);
	for (begun = 0; begun < STREAMS; begun++) {
		streams[begun].socket.last = &streams[begun].socket.first;
		first_byte--;
		send_segment(begun, 0, 0, 2);
		first_byte++;
		streams[begun].acknowledged = 0;
		send_segment(begun, 0, 0, TCP_ACKED);
		CHECK(streams[begun].pcb != NULL);
	}
}

/* All that it has, each byte of which is the next one. */
static void read_all(unsigned from)
{
	struct socket *socket = &streams[from].socket;

	while (socket->first) {
		struct pbuf *data = socket->first->data;
		u16_t bytes = data->tot_len;
		for (u16_t i = 0; i < bytes; i++, streams[from].read++)
			CHECK(pbuf_get_at(data, i) == stream_byte(streams[from].read));
		socket_unqueue(socket);
		tcp_recved(streams[from].pcb, bytes);
	}
	interfaces_flush();
}

static void send_next(unsigned to, size_t length)
{
	send_segment(to, streams[to].acknowledged, length, TCP_ACKED);
	a_while_passes();
}

/* Until no more of it is taken. */
static void fill(unsigned to, size_t length)
{
	size_t before;

	do {
		before = streams[to].acknowledged;
		send_next(to, length);
	} while (streams[to].acknowledged > before);
}

/* Each of so many arrives at once. */
static void goes_on(unsigned to, size_t length, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		size_t before = streams[to].acknowledged;
		send_next(to, length);
		CHECK_EQ(streams[to].acknowledged, before + length);
		read_all(to);
		CHECK_EQ(streams[to].read, streams[to].acknowledged);
	}
}

/* What was acknowledged is there. */
static void is_read(unsigned from)
{
	do {
		read_all(from);
		a_while_passes(); /* portions that were refused */
	} while (streams[from].socket.first);
	CHECK_EQ(streams[from].read, streams[from].acknowledged);
}

/* And they go on. */
static void are_read(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		is_read(i);
	for (unsigned i = 0; i < count; i++) {
		size_t before = streams[i].acknowledged;
		for (unsigned j = 0; j < 50; j++)
			send_next(i, BYTES);
		CHECK_EQ(streams[i].acknowledged, before + 50 * BYTES);
		read_all(i);
		CHECK_EQ(streams[i].read, streams[i].acknowledged);
	}
	CHECK_EQ(interface->held, 0);
}

/* Three that nobody reads take no more after a while. The fourth one is read, and each segment of it arrives at once, or
 * several that are read together. Then the three are read. */
static void a_fourth_stream_goes_on(void)
{
	for (unsigned i = 0; i < HOGS; i++) {
		fill(i, BYTES);
		CHECK(streams[i].acknowledged > 100 * BYTES);
	}
	CHECK(packet_may_stay());
	goes_on(HOGS, BYTES, MANY);
	for (unsigned i = 0; i < 30; i++)
		send_next(HOGS, BYTES);
	CHECK_EQ(streams[HOGS].acknowledged, (MANY + 30) * BYTES);
	are_read(HOGS + 1);
}

/* Datagrams of any size arrive, one by one, and there is memory to send as much. */
static void others_are_served(void)
{
	static const size_t lengths[] = { 0, 100, 300, 500, 700, 900, BYTES };

	for (unsigned row = 0; row < sizeof(lengths) / sizeof(lengths[0]); row++) {
		for (unsigned i = 0; i < 50; i++) {
			send_datagram(HOGS_MOST, lengths[row], i);
			CHECK_EQ(count_of(&datagrams[HOGS_MOST]), 1);
			empty(&datagrams[HOGS_MOST]);
		}
		struct pbuf *to_send = pbuf_alloc(PBUF_TRANSPORT, (u16_t)lengths[row], PBUF_RAM);
		CHECK(to_send != NULL);
		if (to_send)
			pbuf_free(to_send);
	}
}

/* Whatever its segments are: one that nobody reads has its window, as far as whole segments fill it. */
static void one_stream_has_its_window(void)
{
	static const size_t lengths[] = { 20, 200, 300, 536, 700, 930, 960, 961, BYTES };

	for (unsigned row = 0; row < sizeof(lengths) / sizeof(lengths[0]); row++) {
		size_t before = streams[0].acknowledged;
		fill(0, lengths[row]);
		CHECK(streams[0].acknowledged - before > TCP_WND - lengths[row]);
		are_read(1);
	}
}

/* Three of small segments, and a socket's datagrams besides. */
static void small_segments_leave_something(void)
{
	for (unsigned i = 0; i < HOGS; i++) {
		size_t before = streams[i].acknowledged;
		fill(i, 200);
		CHECK(streams[i].acknowledged - before > 100000);
	}
	others_are_served();
	for (unsigned i = 0; i < FRAMES; i++)
		send_datagram(0, BYTES, i);
	CHECK(count_of(&datagrams[0]) > 20);
	others_are_served();
	goes_on(HOGS, 600, MANY);
	empty(&datagrams[0]);
	are_read(HOGS + 1);
}

/* Of many one segment is lost, and what follows arrives: as much of it is kept as may be. The lost one comes in the end, and
 * what else was. */
static void what_is_behind_gaps_leaves_something(void)
{
	static const size_t lengths[] = { 1, 600, BYTES };

	for (unsigned row = 0; row < sizeof(lengths) / sizeof(lengths[0]); row++) {
		size_t length = lengths[row];
		for (unsigned i = 0; i < HOGS_MOST * BEHIND; i++)
			send_segment(i / BEHIND,
				     streams[i / BEHIND].acknowledged + (1 + i % BEHIND) * length,
				     length, TCP_ACKED);
		CHECK(packet_may_stay());
		others_are_served();
		goes_on(HOGS_MOST, BYTES, MANY);
		for (unsigned i = 0; i < HOGS_MOST; i++) {
			size_t end = streams[i].acknowledged + (1 + BEHIND) * length;
			for (unsigned j = 0; j <= BEHIND && streams[i].acknowledged < end; j++) {
				send_next(i, length);
				is_read(i);
			}
			CHECK(streams[i].acknowledged >= end);
		}
		are_read(HOGS_MOST + 1);
		CHECK_EQ(packet_room(), (size_t)7 << 18);
	}
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(sockets_listen), CHECK_CASE(a_fourth_gets_its_datagrams),
		CHECK_CASE(and_so_does_the_last_of_many), CHECK_CASE(large_ones_leave_something),
		CHECK_CASE(one_has_all_that_one_may), CHECK_CASE(streams_begin),
		CHECK_CASE(a_fourth_stream_goes_on), CHECK_CASE(one_stream_has_its_window),
		CHECK_CASE(small_segments_leave_something),
		CHECK_CASE(what_is_behind_gaps_leaves_something), CHECK_END });
}
