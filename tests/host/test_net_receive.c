/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of received frames, with lwIP, over an interface whose device writes to its buffers whenever it likes; and what
 * a socket keeps of what nobody reads.
 */
#include <stdlib.h>

#include "check.h"
#include "kernel/net/cut.h"
#include "kernel/net/hooks.h"
#include "kernel/net/memory.h"
#include "kernel/net/offload.h"
#include "kernel/net/socket.h"
#include "lib/be.h"
#include "lib/error.h"

#define FRAMES 6000
#define FRAME_BYTES 9000
#define PORT 4000
#define PEER_PORT 5000

/* ---- The port and the driver ------------------------------------------------------------------------ */

uint16_t network_dns_port = 53;
static struct net_device net = {
	.name = "net0", .mtu = 1500, .pieces = 1, .pieces_heard = 1, .buffers = 1024, .link = true
};
static net_listener *listener;
static void *listener_cookie;
static net_room_listener *room_listener;
static unsigned given_back, sent_count, wakes;
static bool full; /* nothing is taken now */
static int sent_status;
static uint8_t sent_frame[FRAME_BYTES];

void *vport_alloc(size_t size)
{
	return calloc(1, size);
}

void vport_free(void *memory, size_t size)
{
	(void)size;
	free(memory);
}

void vport_panic(const char *what, const char *file, int line)
{
	printf("# %s, %s:%d\n", what, file, line);
	abort();
}

void vport_lock_take(struct vport_lock *lock)
{
	(void)lock;
}

void vport_lock_give(struct vport_lock *lock)
{
	(void)lock;
}

void vport_work_queue(struct vport_work *work)
{
	(void)work;
}

void stack_wake(void)
{
	wakes++;
}

u32_t sys_now(void)
{
	return 0;
}

uint32_t network_random(void)
{
	return 12345;
}

struct net_device *net_first(void)
{
	return &net;
}

void net_listen(struct net_device *device, net_listener *function, void *cookie)
{
	(void)device;
	listener = function;
	listener_cookie = cookie;
}

void net_watch_link(struct net_device *device, net_link_listener *function, void *cookie)
{
	(void)device;
	(void)function;
	(void)cookie;
}

void net_announce(struct net_device *device, net_announcer *function, void *cookie)
{
	(void)device;
	(void)function;
	(void)cookie;
}

void net_watch_room(struct net_device *device, net_room_listener *function, void *cookie)
{
	(void)device;
	(void)cookie;
	room_listener = function;
}

static unsigned to_take; /* so many buffers there are to be sent from */

struct net_buffer *net_take(struct net_device *device)
{
	struct net_buffer *buffer = to_take > 0 ? calloc(1, sizeof(*buffer)) : NULL;

	(void)device;
	if (!buffer)
		return NULL;
	to_take--;
	net_buffer_over(buffer, malloc(FRAME_BYTES), FRAME_BYTES);
	buffer->start = NET_ROOM;
	return buffer;
}

/* What is given back is the device's: nobody may read it. */
void net_release(struct net_device *device, struct net_buffer *frame)
{
	(void)device;
	given_back++;
	free(frame->memory);
	free(frame);
}

void net_buffer_over(struct net_buffer *buffer, void *memory, size_t size)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->memory = memory;
	buffer->size = (uint32_t)size;
}

static void check_cut(const struct net_buffer *frame);

int net_send(struct net_device *device, struct net_buffer *const *frames, unsigned count)
{
	(void)device;
	if (full)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(sent_frame, net_data(frames[i]), frames[i]->length);
		sent_count++;
		if (frames[i]->done) {
			frames[i]->done(frames[i], sent_status);
		} else {
			check_cut(frames[i]);
			net_release(device, frames[i]);
			to_take++;
		}
	}
	return (int)count;
}

/* ---- Frames ------------------------------------------------------------------------------------------- */

static const uint8_t own[] = { 10, 0, 0, 2 }, peer[] = { 10, 0, 0, 1 };
static struct interface *interface;

static void sum_header(uint8_t *ip)
{
	be16_store(ip + 10, 0);
	uint16_t sum = (uint16_t)~network_checksum(ip, 20);
	memcpy(ip + 10, &sum, 2);
}

/* A datagram of UDP, or what is `fragment` of one; returns the frame's bytes. */
static size_t udp_frame(uint8_t *frame, size_t length, unsigned id, unsigned fragment)
{
	uint8_t *ip = frame + 14;

	memset(frame, 0, 42);
	memcpy(frame, net.mac, 6);
	frame[6] = 2;
	be16_store(frame + 12, 0x0800);
	ip[0] = 0x45;
	be16_store(ip + 2, (uint16_t)(28 + length));
	be16_store(ip + 4, (uint16_t)id);
	be16_store(ip + 6, (uint16_t)fragment);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, peer, 4);
	memcpy(ip + 16, own, 4);
	sum_header(ip);
	be16_store(ip + 20, PEER_PORT);
	be16_store(ip + 22, PORT);
	be16_store(ip + 24, (uint16_t)(8 + length));
	for (size_t i = 0; i < length; i++)
		ip[28 + i] = (uint8_t)(i / 100);
	return 42 + length;
}

/* In memory of the device's. */
static struct net_buffer *received(const uint8_t *frame, size_t length, struct net_offload offload)
{
	struct net_buffer *buffer = calloc(1, sizeof(*buffer));

	net_buffer_over(buffer, malloc(length), length);
	memcpy(buffer->memory, frame, length);
	buffer->length = (uint32_t)length;
	buffer->offload = offload;
	return buffer;
}

/* Lets the interface have it; it is in memory of the device's, of which this is returned. */
static uint8_t *deliver(const uint8_t *frame, size_t length, struct net_offload offload)
{
	struct net_buffer *buffer = received(frame, length, offload);
	uint8_t *memory = buffer->memory;

	listener(&net, &buffer, 1, listener_cookie);
	interfaces_turn();
	return memory;
}

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

static size_t in_use(void)
{
	size_t all;

	return network_memory_used(&all);
}

static void start(void)
{
	ip4_addr_t address, mask, none = { 0 };

	CHECK(network_memory_start());
	lwip_init();
	CHECK_EQ(interfaces_add(), 0);
	interface = interfaces;
	IP4_ADDR(&address, 10, 0, 0, 2);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	netif_set_addr(&interface->netif, &address, &mask, &none);
	netif_set_up(&interface->netif);
	interfaces_turn();
	struct udp_pcb *pcb = udp_new();
	CHECK_EQ(udp_bind(pcb, IP_ANY_TYPE, PORT), ERR_OK);
	udp_recv(pcb, udp_arrived, NULL);
	sock.last = &sock.first;
}

/* ---- Cases ------------------------------------------------------------------------------------------------ */

static const struct net_offload plain, good = { .flags = NET_CHECKSUM_GOOD };
static uint8_t frame[FRAME_BYTES];

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

/* A connection's segment waits for its neighbour's address while another's is made: each is cut as its own peer takes it. */
static struct tcp_pcb *connection(uint16_t port, uint16_t mss)
{
	struct tcp_pcb *pcb = tcp_new();

	pcb->local_port = port;
	pcb->remote_port = PEER_PORT;
	IP_ADDR4(&pcb->remote_ip, 10, 0, 0, 1);
	pcb->mss = mss;
	pcb->next = tcp_active_pcbs;
	tcp_active_pcbs = pcb;
	return pcb;
}

static unsigned cut_into(uint16_t from)
{
	static uint8_t segment[14 + 40 + 8000];
	struct net_buffer buffer;

	udp_frame(segment, 0, 1, 0);
	be16_store(segment + 14 + 2, 40 + 8000);
	segment[14 + 9] = 6;
	memcpy(segment + 14 + 12, own, 4);
	memcpy(segment + 14 + 16, peer, 4);
	be16_store(segment + 34, from);
	be16_store(segment + 36, PEER_PORT);
	segment[34 + 12] = 5 << 4;
	net_buffer_over(&buffer, segment, sizeof(segment));
	buffer.length = sizeof(segment);
	offload_sent(&net, &buffer, sizeof(segment));
	CHECK_EQ(buffer.offload.segments, NET_TCP4);
	CHECK_EQ(buffer.offload.header_bytes, 54);
	return buffer.offload.segment_bytes;
}

static void segments_that_have_waited(void)
{
	struct tcp_pcb *first = connection(1001, 1400), *second = connection(1002, 500);
	struct pbuf *segment = pbuf_alloc(PBUF_TRANSPORT, 100, PBUF_RAM);

	net.can = NET_CAN_CHECKSUM | NET_CAN_TSO4;
	offload_segment(first, segment);
	offload_segment(second, segment);
	CHECK_EQ(cut_into(1001), 1400);
	CHECK_EQ(cut_into(1002), 500);
	offload_segment(first, segment);
	CHECK_EQ(cut_into(1002), 500);
	CHECK_EQ(cut_into(1003), 536); /* it is over: what everybody takes */
	net.can = 0;
	pbuf_free(segment);
	tcp_active_pcbs = first->next; /* the second one is in front of it */
}

/* ---- Streams ---------------------------------------------------------------------------------------------- */

#define SEGMENT 1000
#define BATCH_MOST 60
#define TCP_ACKED 0x10
#define TCP_PUSHED 0x08

static struct tcp_pcb *stream;
static uint32_t first_byte = 0xffffd000, answered; /* its numbers pass zero */
static size_t arrived, portions;
static bool keep_portions;
static struct pbuf *portion;

static uint8_t stream_byte(size_t at)
{
	return (uint8_t)(at * 37 + at / 251);
}

static err_t stream_arrived(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
	(void)argument;
	(void)error;
	if (!data)
		return ERR_OK;
	for (u16_t i = 0; i < data->tot_len; i++, arrived++)
		CHECK(pbuf_get_at(data, i) == stream_byte(arrived));
	portions++;
	tcp_recved(pcb, data->tot_len);
	if (keep_portions)
		portion = data;
	else
		pbuf_free(data);
	return ERR_OK;
}

static err_t stream_accepted(void *argument, struct tcp_pcb *pcb, err_t error)
{
	(void)argument;
	(void)error;
	stream = pcb;
	tcp_recv(pcb, stream_arrived);
	return ERR_OK;
}

static void sum_segment(uint8_t *packet)
{
	static uint8_t whole[12 + FRAME_BYTES];
	uint8_t *ip = packet + 14;
	size_t length = be16_load(ip + 2) - 20u;

	sum_header(ip);
	be16_store(ip + 36, 0);
	memcpy(whole, ip + 12, 8);
	be16_store(whole + 8, 6);
	be16_store(whole + 10, (uint16_t)length);
	memcpy(whole + 12, ip + 20, length);
	uint16_t sum = (uint16_t)~network_checksum(whole, (int)(12 + length));
	memcpy(ip + 36, &sum, 2);
}

/* The bytes of the stream from `at` on; returns the frame's. */
static size_t segment_frame(uint8_t *packet, size_t at, size_t length, uint8_t flags)
{
	uint8_t *ip = packet + 14;

	udp_frame(packet, 0, (unsigned)at, 0x4000);
	be16_store(ip + 2, (uint16_t)(40 + length));
	ip[9] = 6;
	memset(ip + 20, 0, 20);
	be16_store(ip + 20, PEER_PORT);
	be16_store(ip + 22, PORT);
	be32_store(ip + 24, first_byte + (uint32_t)at);
	be32_store(ip + 28, answered);
	ip[32] = 5 << 4;
	ip[33] = flags;
	be16_store(ip + 34, 0x7000);
	for (size_t i = 0; i < length; i++)
		ip[40 + i] = stream_byte(at + i);
	sum_segment(packet);
	return 54 + length;
}

static struct net_buffer *batch[BATCH_MOST];
static unsigned batch_count;

static uint8_t *put(const uint8_t *packet, size_t length, struct net_offload offload)
{
	struct net_buffer *buffer = received(packet, length, offload);

	batch[batch_count++] = buffer;
	return buffer->memory;
}

/* All of them in one turn of the stack's. */
static void deliver_batch(void)
{
	listener(&net, batch, batch_count, listener_cookie);
	batch_count = 0;
	interfaces_turn();
	interfaces_flush();
}

static void put_stream(size_t at, size_t length, uint8_t flags)
{
	put(frame, segment_frame(frame, at, length, flags), plain);
}

static void learn_of_the_peer(void)
{
	uint8_t arp[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1,
			    8,    6,    0,    1,    8,    0,    6, 4, 0, 1, 2 };

	memcpy(arp + 28, peer, 4);
	memcpy(arp + 38, own, 4);
	deliver(arp, sizeof(arp), plain);
	interfaces_flush();
}

static void a_stream_begins(void)
{
	struct tcp_pcb *listening = tcp_new();

	learn_of_the_peer();
	CHECK_EQ(tcp_bind(listening, IP_ANY_TYPE, PORT), ERR_OK);
	tcp_accept(tcp_listen(listening), stream_accepted);
	first_byte--;
	deliver(frame, segment_frame(frame, 0, 0, 2), plain);
	first_byte++;
	interfaces_flush();
	answered = be32_load(sent_frame + 14 + 24) + 1;
	deliver(frame, segment_frame(frame, 0, 0, TCP_ACKED), plain);
	interfaces_flush();
	CHECK(stream != NULL);
}

static uint32_t acknowledged(void)
{
	return be32_load(sent_frame + 14 + 28) - first_byte;
}

/* They are one packet, with one answer, in the buffers that they came in; their headers are not looked at again. */
static void segments_become_one(void)
{
	uint8_t *memory[20];
	size_t before = arrived;

	CHECK(stream != NULL);
	unsigned back = given_back, sent = sent_count;
	portions = 0;
	keep_portions = true;
	for (unsigned i = 0; i < 20; i++)
		memory[i] = put(frame,
				segment_frame(frame, before + i * SEGMENT, SEGMENT,
					      i % 7 == 0 ? TCP_ACKED | TCP_PUSHED : TCP_ACKED),
				i % 3 == 0 ? good : plain);
	deliver_batch();
	CHECK_EQ(portions, 1);
	CHECK_EQ(arrived, before + 20 * SEGMENT);
	CHECK_EQ(interface->held, 20);
	CHECK_EQ(given_back, back);
	CHECK_EQ(sent_count, sent + 1);
	CHECK_EQ(acknowledged(), arrived);
	for (unsigned i = 0; i < 20; i++)
		memset(memory[i], 0xff, 54);
	CHECK_EQ(portion->tot_len, 20 * SEGMENT);
	size_t bytes = portion->tot_len;
	for (const struct pbuf *part = portion; part; part = part->next) {
		CHECK_EQ(part->tot_len, bytes);
		bytes -= part->len;
	}
	CHECK_EQ(bytes, 0);
	for (u16_t i = 0; i < portion->tot_len; i++)
		CHECK(pbuf_get_at(portion, i) == stream_byte(before + i));
	pbuf_free(portion);
	keep_portions = false;
	CHECK_EQ(interface->held, 0);
	CHECK_EQ(given_back, back + 20);
	/* Two are as good as many: the second one is answered. */
	put_stream(arrived, SEGMENT, TCP_ACKED);
	put_stream(arrived + SEGMENT, SEGMENT, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(acknowledged(), arrived);
	/* No packet is larger than one can be. */
	portions = 0;
	before = arrived;
	for (unsigned i = 0; i < 46; i++)
		put_stream(before + i * 1460, 1460, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(portions, 2);
	CHECK_EQ(arrived, before + 46 * 1460);
}

/* Where frames are large, Ethernet's header counts too: lwIP's packets have a length of 16 bits. */
static void packets_have_a_bound(void)
{
	size_t before = arrived;

	portions = 0;
	for (unsigned i = 0; i < 8; i++)
		put_stream(before + i * 8190, i < 7 ? 8190 : 65490 - 7 * 8190, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(portions, 2);
	CHECK_EQ(arrived, before + 65490);
	put_stream(arrived, SEGMENT, TCP_ACKED);
	put_stream(arrived + SEGMENT, SEGMENT, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(acknowledged(), arrived);
}

/* In one batch as one by one: the second one in order is answered at once, however small they are; and each behind a gap, as far
 * as the sender counts. */
static void answers_to_several(void)
{
	static const struct {
		unsigned segments, answers;
	} behind[] = { { 1, 1 }, { 2, 2 }, { 3, 3 }, { 20, 3 } };
	struct net_offload merged = { .flags = NET_CHECKSUM_GOOD, .segments = NET_TCP4 };
	unsigned sent = sent_count;

	put_stream(arrived, 500, TCP_ACKED);
	put_stream(arrived + 500, 500, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(sent_count, sent + 1);
	CHECK_EQ(acknowledged(), arrived);
	for (unsigned i = 0; i < 4; i++) {
		size_t before = arrived;
		sent = sent_count;
		for (unsigned j = 1; j <= behind[i].segments; j++)
			put_stream(before + j * SEGMENT, SEGMENT, TCP_ACKED);
		deliver_batch();
		CHECK_EQ(sent_count, sent + behind[i].answers);
		CHECK_EQ(acknowledged(), before);
		put_stream(before, SEGMENT, TCP_ACKED);
		deliver_batch();
		CHECK_EQ(arrived, before + (behind[i].segments + 1) * SEGMENT);
	}
	/* The device's are no others. */
	for (unsigned bytes = 499; bytes <= 1000; bytes += 501) {
		sent = sent_count;
		merged.segment_bytes = (uint16_t)bytes;
		put(frame, segment_frame(frame, arrived + 1, 1000, TCP_ACKED), merged);
		deliver_batch();
		CHECK_EQ(sent_count, sent + (bytes == 499 ? 3 : 1));
	}
	put_stream(arrived, 1, TCP_ACKED);
	deliver_batch();
}

/* Who waits for the other side to begin has nothing to acknowledge. */
static void several_before_the_first(void)
{
	struct tcp_pcb *before = tcp_active_pcbs, *pcb = connection(1001, 1400);

	IP_ADDR4(&pcb->local_ip, 10, 0, 0, 2);
	pcb->state = SYN_SENT;
	for (unsigned i = 0; i < 2; i++) {
		size_t length = segment_frame(frame, i * SEGMENT, SEGMENT, TCP_ACKED);
		be16_store(frame + 14 + 22, 1001);
		sum_segment(frame);
		put(frame, length, plain);
	}
	deliver_batch();
	CHECK_EQ(pcb->flags & TF_ACK_DELAY, 0);
	tcp_active_pcbs = before;
	memp_free(MEMP_TCP_PCB, pcb);
}

/* A bit of a segment that is another one on its way: what is behind Ethernet's header, and data, is under a sum, which is seen
 * to be wrong even in the middle of a batch. */
static void spoilt_segments(void)
{
	for (unsigned place = 0; place < 3; place++) {
		for (unsigned at = 14; at < 14 + 40 + 16; at++) {
			size_t before = arrived;
			for (unsigned i = 0; i < 3; i++) {
				put_stream(before + i * SEGMENT, SEGMENT, TCP_ACKED);
				if (i == place)
					batch[i]->memory[at] ^= (uint8_t)(1u << at % 8);
			}
			deliver_batch();
			CHECK_EQ(arrived, before + place * SEGMENT);
			for (unsigned i = 0; i < 3; i++)
				put_stream(before + i * SEGMENT, SEGMENT, TCP_ACKED);
			deliver_batch();
			CHECK_EQ(arrived, before + 3 * SEGMENT);
		}
	}
}

/* What is true and does not fit in: lwIP has it for itself. */
static void strange_segments(void)
{
	for (unsigned what = 0; what < 8; what++) {
		size_t before = arrived,
		       length = segment_frame(frame, before + SEGMENT, SEGMENT, TCP_ACKED);
		uint8_t *ip = frame + 14;
		portions = 0;
		put_stream(before, SEGMENT, TCP_ACKED);
		segment_frame(frame, before + SEGMENT, SEGMENT, TCP_ACKED);
		switch (what) {
		case 0: /* another window */
			be16_store(ip + 34, 0x7001);
			break;
		case 1: /* another connection's */
			be16_store(ip + 20, PEER_PORT + 1);
			break;
		case 2: /* another time to live */
			ip[8]--;
			break;
		case 3: /* urgent */
			ip[33] |= 0x20;
			break;
		case 4: /* options: nothing, four times */
			memmove(ip + 44, ip + 40, SEGMENT);
			memset(ip + 40, 1, 4);
			ip[32] = 6 << 4;
			be16_store(ip + 2, 44 + SEGMENT);
			length += 4;
			break;
		case 5: /* shorter than its frame */
			be16_store(ip + 2, 40 + 10);
			break;
		case 6: /* a gap */
			be32_store(ip + 24, first_byte + (uint32_t)before + SEGMENT + 1);
			memmove(ip + 40, ip + 41, SEGMENT - 1);
			ip[40 + SEGMENT - 1] = stream_byte(before + 2 * SEGMENT);
			break;
		case 7: /* nothing in it */
			be16_store(ip + 2, 40);
			break;
		}
		sum_segment(frame);
		put(frame, length, plain);
		deliver_batch();
		size_t expected = what == 1 || what == 6 || what == 7 ? SEGMENT
				  : what == 5                         ? SEGMENT + 10
								      : 2 * SEGMENT;
		CHECK_EQ(arrived, before + expected);
		CHECK_EQ(portions, what == 5 || expected == SEGMENT ? 1 : 2);
		put_stream(arrived, 2 * SEGMENT + 1 - expected, TCP_ACKED);
		deliver_batch();
		CHECK_EQ(arrived, before + 2 * SEGMENT + 1);
	}
}

/* Batches by chance: of all lengths, with gaps, again, spoilt, in another order. What comes out is the stream. */
static void streams_by_chance(void)
{
	for (unsigned round = 0; round < 500; round++) {
		size_t at = arrived;
		unsigned count = 1 + (unsigned)rand() % (BATCH_MOST - 1);
		for (unsigned i = 0; i < count; i++) {
			size_t length = 1 + (size_t)rand() % 1460;
			put_stream(at, length, rand() % 4 ? TCP_ACKED : TCP_ACKED | TCP_PUSHED);
			switch (rand() % 40) {
			case 0:
				batch[i]->memory[14 + (size_t)rand() % (length + 40)] ^= 0x10;
				break;
			case 1:
				at += (size_t)rand() % 3000;
				break;
			case 2:
				at -= at - arrived < length ? 0 : length / 2;
				continue;
			}
			at += length;
		}
		deliver_batch();
	}
	CHECK(arrived > 500 * 1460);
	CHECK_EQ(interface->held, 0);
}

/* ---- Cut segments ------------------------------------------------------------------------------------------ */

/* What is to come next of a packet that is cut. */
static uint32_t cut_sequence;
static size_t cut_bytes, cut_left;
static unsigned cut_count;

static void check_cut(const struct net_buffer *sent)
{
	static uint8_t whole[FRAME_BYTES];
	const uint8_t *data = net_data(sent), *ip = data + 14;

	if (cut_left == 0 || sent->length < 54)
		return;
	size_t bytes = sent->length - 54;
	cut_count++;
	CHECK_EQ(be16_load(data + 12), 0x0800);
	CHECK_EQ(be16_load(ip + 2), 40 + bytes);
	CHECK_EQ(network_checksum(ip, 20), 0xffff);
	CHECK_EQ(be32_load(ip + 24), cut_sequence);
	CHECK_EQ(bytes, cut_left < cut_bytes ? cut_left : cut_bytes);
	for (size_t i = 0; i < bytes; i++)
		CHECK(ip[40 + i] == stream_byte(cut_sequence + i));
	CHECK_EQ(ip[33], bytes == cut_left ? TCP_ACKED | TCP_PUSHED | 1 : TCP_ACKED);
	memcpy(whole, ip + 12, 8);
	be16_store(whole + 8, 6);
	be16_store(whole + 10, (uint16_t)(20 + bytes));
	memcpy(whole + 12, ip + 20, 20 + bytes);
	CHECK_EQ(network_checksum(whole, (int)(32 + bytes)), 0xffff);
	cut_sequence += (uint32_t)bytes;
	cut_left -= bytes;
}

/* A packet of lwIP's, in pieces of these lengths after its headers. */
static struct pbuf *large_packet(const size_t *pieces, unsigned count, size_t *bytes)
{
	struct pbuf *packet = pbuf_alloc(PBUF_RAW, (u16_t)(54 + pieces[0]), PBUF_RAM);
	uint8_t *at = (uint8_t *)packet->payload + 54;

	*bytes = 0;
	for (unsigned i = 0; i < count; i++) {
		struct pbuf *piece =
			i > 0 ? pbuf_alloc(PBUF_RAW, (u16_t)pieces[i], PBUF_RAM) : packet;
		at = i > 0 ? piece->payload : at;
		for (size_t j = 0; j < pieces[i]; j++, ++*bytes)
			at[j] = stream_byte(cut_sequence + *bytes);
		if (i > 0)
			pbuf_cat(packet, piece);
	}
	segment_frame(frame, 0, 0, TCP_ACKED | TCP_PUSHED | 1);
	memcpy(packet->payload, frame, 54);
	uint8_t *ip = (uint8_t *)packet->payload + 14;
	be16_store(ip + 2, (uint16_t)(40 + *bytes));
	memcpy(ip + 12, own, 4);
	memcpy(ip + 16, peer, 4);
	be16_store(ip + 20, 1001);
	be16_store(ip + 22, PEER_PORT);
	be32_store(ip + 24, cut_sequence);
	be16_store(ip + 36, 0);
	return packet;
}

/* Of all lengths, in pieces of all lengths: each frame has what belongs to it, and its own sums. */
static void large_segments_are_cut(void)
{
	struct tcp_pcb *before = tcp_active_pcbs, *pcb = connection(1001, 1400);

	for (unsigned round = 0; round < 300; round++) {
		size_t pieces[4], bytes;
		unsigned count = 1 + (unsigned)rand() % 4;
		for (unsigned i = 0; i < count; i++)
			pieces[i] = i > 0 && rand() % 8 == 0 ? 0 : 1 + (size_t)rand() % 5000;
		pieces[0] += CUT_LEAST;
		pcb->mss = (u16_t)(500 + rand() % 1000);
		cut_sequence = (uint32_t)rand() * 3;
		struct pbuf *packet = large_packet(pieces, count, &bytes);
		CHECK_EQ(offload_cut(&net, packet), pcb->mss);
		cut_bytes = pcb->mss;
		cut_left = bytes;
		cut_count = 0;
		to_take = 64;
		CHECK_EQ(interface->netif.linkoutput(&interface->netif, packet), ERR_OK);
		interfaces_flush();
		CHECK_EQ(cut_left, 0);
		CHECK_EQ(cut_count, (bytes + cut_bytes - 1) / cut_bytes);
		CHECK_EQ(to_take, 64);
		/* Too few buffers: nothing of it is sent. */
		to_take = cut_count - 1;
		unsigned sent = sent_count;
		CHECK_EQ(interface->netif.linkoutput(&interface->netif, packet), ERR_MEM);
		interfaces_flush();
		CHECK_EQ(sent_count, sent);
		to_take = 0;
		pbuf_free(packet);
	}
	tcp_active_pcbs = before;
	memp_free(MEMP_TCP_PCB, pcb);
}

/* A device that sends nothing: it keeps its buffers, and those that wait for it are not all the others. */
static void cut_frames_leave_buffers(void)
{
	struct tcp_pcb *before = tcp_active_pcbs, *pcb = connection(1001, 1400);
	size_t pieces[] = { 14000 }, bytes;
	struct pbuf *packet = large_packet(pieces, 1, &bytes);
	unsigned packets = 0;

	to_take = 256;
	full = true;
	while (interface->netif.linkoutput(&interface->netif, packet) == ERR_OK)
		packets++;
	CHECK_EQ(packets, 6);
	CHECK_EQ(interface->waiting_count, 60);
	CHECK_EQ(to_take, 256 - 60);
	full = false;
	/* When it does again, there is room. */
	CHECK_EQ(interface->netif.linkoutput(&interface->netif, packet), ERR_OK);
	CHECK_EQ(interface->waiting_count, 10);
	interfaces_flush();
	CHECK_EQ(to_take, 256);
	to_take = 0;
	pbuf_free(packet);
	tcp_active_pcbs = before;
	memp_free(MEMP_TCP_PCB, pcb);
}

/* What has its checksum is left as it is, and so is what a device cuts. */
static void packets_that_are_not_cut(void)
{
	size_t pieces[] = { 900 }, bytes;
	struct pbuf *packet = large_packet(pieces, 1, &bytes);
	uint8_t *ip = (uint8_t *)packet->payload + 14;

	CHECK_EQ(offload_cut(&net, packet), 536); /* of no connection: what everybody takes */
	net.can = NET_CAN_CHECKSUM | NET_CAN_TSO4;
	CHECK_EQ(offload_cut(&net, packet), 0);
	net.can = NET_CAN_CHECKSUM;
	CHECK_EQ(offload_cut(&net, packet), 536);
	pbuf_realloc(packet, 54 + 536);
	CHECK_EQ(offload_cut(&net, packet), 0);
	net.can = 0;
	CHECK_EQ(offload_cut(&net, packet), 536);
	ip[36] = 1;
	CHECK_EQ(offload_cut(&net, packet), 0);
	ip[36] = 0;
	ip[9] = 17;
	CHECK_EQ(offload_cut(&net, packet), 0);
	ip[9] = 6;
	ip[6] = 0x20;
	CHECK_EQ(offload_cut(&net, packet), 0);
	ip[6] = 0;
	pbuf_realloc(packet, 54);
	CHECK_EQ(offload_cut(&net, packet), 0);
	pbuf_free(packet);
}

/* ---- Much of it ------------------------------------------------------------------------------------------- */

/* Empty datagrams that nobody reads: the socket takes what its share is, and no more. */
static void empty_datagrams_have_their_price(void)
{
	size_t before = in_use();

	for (unsigned i = 0; i < FRAMES; i++)
		deliver(frame, udp_frame(frame, 0, i, 0), good);
	CHECK(sock.cost > 0);
	CHECK(in_use() - before <= 512 << 10);
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
		struct pbuf *data = pbuf_alloc(PBUF_RAW, 300, PBUF_RAM);
		if (!socket_queue(&sock, data, NULL, 0)) {
			pbuf_free(data);
			break;
		}
	}
	CHECK(count < 1000);
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
	return check_run((struct check[]){ CHECK_CASE(start),
					   CHECK_CASE(fragments_are_nobody_elses),
					   CHECK_CASE(headers_are_nobody_elses),
					   CHECK_CASE(datagrams_come_apart),
					   CHECK_CASE(headers_that_are_none),
					   CHECK_CASE(few_buffers),
					   CHECK_CASE(a_stream_begins),
					   CHECK_CASE(segments_become_one),
					   CHECK_CASE(packets_have_a_bound),
					   CHECK_CASE(answers_to_several),
					   CHECK_CASE(several_before_the_first),
					   CHECK_CASE(spoilt_segments),
					   CHECK_CASE(strange_segments),
					   CHECK_CASE(streams_by_chance),
					   CHECK_CASE(what_waits_for_room),
					   CHECK_CASE(memory_that_is_kept),
					   CHECK_CASE(segments_that_have_waited),
					   CHECK_CASE(large_segments_are_cut),
					   CHECK_CASE(cut_frames_leave_buffers),
					   CHECK_CASE(packets_that_are_not_cut),
					   CHECK_CASE(empty_datagrams_have_their_price),
					   CHECK_CASE(arp_goes_on),
					   CHECK_CASE(small_portions_are_joined),
					   CHECK_CASE(interface_that_is_gone),
					   CHECK_END });
}
