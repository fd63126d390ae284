/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of received frames, with lwIP, over an interface whose device writes to its buffers whenever it likes; what a
 * socket keeps of what nobody reads; and what becomes of a frame that is sent.
 */
#include "kernel/net/memory.h"
#include "kernel/net/offload.h"
#include "kernel/net/socket.h"
#include "lib/be.h"
#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/stack_rig.h"

#define FRAMES 6000

/* ---- A socket ------------------------------------------------------------------------------------------- */

static struct socket sock;

static void udp_arrived(void *argument, struct udp_pcb *pcb, struct pbuf *data,
			const ip_addr_t *from, u16_t port)
{
	(void)argument;
	(void)pcb;
	if (!socket_queue(&sock, data, from, port))
		pbuf_free(data);
}

static void empty(void)
{
	while (sock.first)
		socket_unqueue(&sock);
}

static void a_socket_listens(void)
{
	start();
	interfaces_turn();
	struct udp_pcb *pcb = udp_new();
	CHECK_EQ(udp_bind(pcb, IP_ANY_TYPE, PORT), ERR_OK);
	udp_recv(pcb, udp_arrived, NULL);
	sock.last = &sock.first;
}

/* ---- Cases ------------------------------------------------------------------------------------------------ */

/* A fragment waits for the others; the device writes over what it has returned, where lwIP has its notes. */
static void fragments_are_nobody_elses(void)
{
	/* In fragments of 400 bytes of payload: 8 + 792. */
	size_t length = udp_frame(frame, 792, 7, 0);
	uint8_t first[434], second[434];

	CHECK_EQ(length, 834);
	memcpy(first, frame, 434);
	be16_store(first + 16, 420);
	be16_store(first + 20, 0x2000);
	sum_header(first + 14);
	memcpy(second, frame, 34);
	memcpy(second + 34, frame + 434, 400);
	be16_store(second + 16, 420);
	be16_store(second + 20, 400 / 8);
	sum_header(second + 14);
	unsigned before = given_back;
	deliver(first, 434, plain);
	/* There is nothing left that the device could write to. */
	CHECK_EQ(given_back, before + 1);
	deliver(second, 434, plain);
	CHECK_EQ(given_back, before + 2);
	CHECK(sock.first != NULL);
	if (sock.first)
		CHECK_EQ(sock.first->data->tot_len, 792);
	empty();
}

/* Of a whole datagram the data stays where it is, and the headers do not. */
static void headers_are_nobody_elses(void)
{
	unsigned before = given_back;
	uint8_t *memory = deliver(frame, udp_frame(frame, 1400, 8, 0), plain);

	CHECK_EQ(given_back, before);
	CHECK_EQ(interface->held, 1);
	memset(memory, 0xff, 192);
	CHECK(sock.first != NULL);
	if (sock.first) {
		uint8_t data[1400] = { 0 };
		CHECK_EQ(sock.first->data->tot_len, 1400);
		pbuf_copy_partial(sock.first->data, data, 1400, 0);
		CHECK(memcmp(data, frame + 42, 1400) == 0);
	}
	empty();
	CHECK_EQ(given_back, before + 1);
	CHECK_EQ(interface->held, 0);
	deliver(frame, udp_frame(frame, 64, 9, 0), plain);
	CHECK_EQ(given_back, before + 2);
	empty();
}

static void datagrams_come_apart(void)
{
	struct net_offload offload = { .flags = NET_CHECKSUM_GOOD,
				       .segments = NET_UDP_L4,
				       .segment_bytes = 1000 };
	static const unsigned lengths[] = { 1000, 1000, 500 };
	uint64_t dropped = interface->dropped_in;

	deliver(frame, udp_frame(frame, 2500, 10, 0), offload);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t data[1000] = { 0 };
		CHECK(sock.first != NULL);
		if (!sock.first)
			return;
		CHECK_EQ(sock.first->data->tot_len, lengths[i]);
		pbuf_copy_partial(sock.first->data, data, sizeof(data), 0);
		CHECK(memcmp(data, frame + 42 + i * 1000, lengths[i]) == 0);
		socket_unqueue(&sock);
	}
	CHECK(sock.first == NULL);
	CHECK_EQ(interface->dropped_in, dropped);
	/* More than anybody sends, and what is none. */
	offload.segment_bytes = 1;
	deliver(frame, udp_frame(frame, 2500, 11, 0), offload);
	offload.segment_bytes = 1000;
	deliver(frame, udp_frame(frame, 2500, 12, 0x2000), offload);
	CHECK(sock.first == NULL);
	CHECK_EQ(interface->dropped_in, dropped + 2);
}

/* A header that is shorter than one is: nothing of it is believed. */
static void headers_that_are_none(void)
{
	struct net_offload offload = { .flags = NET_CHECKSUM_GOOD,
				       .segments = NET_UDP_L4,
				       .segment_bytes = 1 };
	uint64_t dropped = interface->dropped_in;

	for (unsigned words = 0; words < 5; words++) {
		size_t length = udp_frame(frame, 20, 13, 0);
		frame[14] = (uint8_t)(0x40 | words);
		deliver(frame, length, offload);
		CHECK_EQ(interface->dropped_in, dropped + words + 1);
		deliver(frame, length, plain);
	}
	CHECK(sock.first == NULL);
}

/* Of few buffers few are kept: the others are for what comes next. */
static void few_buffers(void)
{
	net.buffers = 40;
	for (unsigned i = 0; i < 100; i++) {
		deliver(frame, udp_frame(frame, 1400, i, 0), good);
		CHECK(interface->held <= 10);
	}
	CHECK_EQ(interface->held, 10);
	net.buffers = 1024;
	empty();
	CHECK_EQ(interface->held, 0);
}

/* ---- Sent ------------------------------------------------------------------------------------------------- */

static void send_datagram(void)
{
	struct udp_pcb *pcb = udp_new();
	struct pbuf *data = pbuf_alloc(PBUF_TRANSPORT, 1000, PBUF_RAM);
	ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 0, 255); /* everybody: ARP is not asked */

	memset(data->payload, 0, 1000);
	ip_set_option(pcb, SOF_BROADCAST);
	CHECK_EQ(udp_sendto(pcb, data, &to, 9), ERR_OK);
	pbuf_free(data);
	udp_remove(pcb);
	interfaces_flush();
}

/* What there was no room for goes when there is: somebody says so. */
static void what_waits_for_room(void)
{
	interfaces_flush();
	unsigned sent = sent_count, woken = wakes;
	full = true;
	send_datagram();
	CHECK_EQ(interface->waiting_count, 1);
	CHECK_EQ(wakes, woken);
	full = false;
	room_listener(&net, NULL);
	CHECK_EQ(wakes, woken + 1);
	interfaces_flush();
	CHECK_EQ(interface->waiting_count, 0);
	CHECK_EQ(sent_count, sent + 1);
}

/* The memory of a frame that a lost device may go on reading is nobody else's again. */
static void memory_that_is_kept(void)
{
	send_datagram();
	size_t before = in_use();
	sent_status = ERR_BROKEN;
	send_datagram();
	CHECK_EQ(in_use(), before);
	sent_status = ERR_NODEV;
	send_datagram();
	CHECK_EQ(in_use(), before);
	net.keeps_memory = true;
	send_datagram();
	CHECK(in_use() >= before + 1000);
	net.keeps_memory = false;
	sent_status = 0;
	before = in_use();
	send_datagram();
	CHECK_EQ(in_use(), before);
}

/* ---- Much of it ------------------------------------------------------------------------------------------- */

/* Empty datagrams that nobody reads: the socket takes what its share is, and no more. */
static void empty_datagrams_have_their_price(void)
{
	size_t before = in_use();

	for (unsigned i = 0; i < FRAMES; i++)
		deliver(frame, udp_frame(frame, 0, i, 0), good);
	CHECK(sock.cost > 0);
	CHECK(in_use() - before <= 1 << 20);
	empty();
	CHECK_EQ(sock.cost, 0);
	CHECK_EQ(in_use(), before);
}

static struct pbuf *kept[FRAMES];
static unsigned kept_count;

static void keeps_all(void *argument, struct udp_pcb *pcb, struct pbuf *data, const ip_addr_t *from,
		      u16_t port)
{
	(void)argument;
	(void)pcb;
	(void)from;
	(void)port;
	kept[kept_count++] = data;
}

/* However much somebody keeps, there is an answer to ARP. */
static void arp_goes_on(void)
{
	struct udp_pcb *pcb = udp_new();
	uint8_t arp[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1,
			    8,    6,    0,    1,    8,    0,    6, 4, 0, 1, 2 };

	CHECK_EQ(udp_bind(pcb, IP_ANY_TYPE, PORT + 1), ERR_OK);
	udp_recv(pcb, keeps_all, NULL);
	for (unsigned size = 0; size <= 1400; size += 700) {
		kept_count = 0;
		for (unsigned i = 0; i < FRAMES; i++) {
			size_t length = udp_frame(frame, size, i, 0);
			be16_store(frame + 36, PORT + 1);
			deliver(frame, length, good);
		}
		CHECK(kept_count > 128);
		CHECK(kept_count < FRAMES);
		memcpy(arp + 28, peer, 4);
		memcpy(arp + 38, own, 4);
		interfaces_flush();
		unsigned before = sent_count;
		deliver(arp, sizeof(arp), plain);
		interfaces_flush();
		CHECK_EQ(sent_count, before + 1);
		CHECK_EQ(be16_load(sent_frame + 12), 0x0806);
		while (kept_count > 0)
			pbuf_free(kept[--kept_count]);
	}
	CHECK_EQ(interface->held, 0);
	udp_remove(pcb);
}

/* A stream in portions of a byte is as much memory as it has bytes, about, and comes out as it went in. */
static void small_portions_are_joined(void)
{
	size_t before = in_use();
	unsigned count = 0;

	for (; count < 100000; count++) {
		struct pbuf *data = pbuf_alloc(PBUF_RAW, 1, PBUF_RAM);
		*(uint8_t *)data->payload = (uint8_t)(count * 7);
		if (!socket_queue(&sock, data, NULL, 0)) {
			pbuf_free(data);
			break;
		}
	}
	CHECK_EQ(count, 100000);
	CHECK(in_use() - before <= 200 << 10);
	count = 0;
	while (sock.first) {
		struct pbuf *data = sock.first->data;
		for (u16_t i = 0; i < data->tot_len; i++, count++)
			CHECK(pbuf_get_at(data, i) == (uint8_t)(count * 7));
		socket_unqueue(&sock);
	}
	CHECK_EQ(count, 100000);
	CHECK_EQ(in_use(), before);
	/* Those that are not small have a bound as well. */
	for (count = 0; count < FRAMES; count++) {
		struct pbuf *data = pbuf_alloc(PBUF_RAW, 1000, PBUF_RAM);
		if (!socket_queue(&sock, data, NULL, 0)) {
			pbuf_free(data);
			break;
		}
	}
	CHECK(count < 800);
	empty();
}

/* Who is connected by an interface that is gone need not wait for answers. */
static unsigned failed;

static void count_failed(void *argument, err_t error)
{
	CHECK(argument == &failed && error == ERR_ABRT);
	failed++;
}

static void interface_that_is_gone(void)
{
	struct tcp_pcb *pcb = connection(1001, 1400);

	IP_ADDR4(&pcb->local_ip, 10, 0, 0, 2);
	pcb->state = ESTABLISHED;
	tcp_arg(pcb, &failed);
	tcp_err(pcb, count_failed);
	net.gone = true;
	net.link = false;
	interfaces_turn();
	CHECK_EQ(failed, 1);
	CHECK(tcp_active_pcbs == NULL);
	CHECK(!netif_is_up(&interface->netif));
	interfaces_turn();
	CHECK_EQ(failed, 1);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(a_socket_listens), CHECK_CASE(fragments_are_nobody_elses),
		CHECK_CASE(headers_are_nobody_elses), CHECK_CASE(datagrams_come_apart),
		CHECK_CASE(headers_that_are_none), CHECK_CASE(few_buffers),
		CHECK_CASE(what_waits_for_room), CHECK_CASE(memory_that_is_kept),
		CHECK_CASE(empty_datagrams_have_their_price), CHECK_CASE(arp_goes_on),
		CHECK_CASE(small_portions_are_joined), CHECK_CASE(interface_that_is_gone),
		CHECK_END });
}
