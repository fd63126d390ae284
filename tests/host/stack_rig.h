/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP/IP stack over an interface whose other end is the test's: lwIP and what is ours are the kernel's own, the port and the
 * driver are here. A frame that is delivered is in memory of the device's; one that is sent is kept until the next.
 */
#ifndef TESTS_HOST_STACK_RIG_H
#define TESTS_HOST_STACK_RIG_H

#include <stdlib.h>

#include "kernel/net/memory.h"
#include "kernel/net/stack.h"
#include "lib/be.h"
#include "tests/host/check.h"

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

static void (*look_at_sent)(const struct net_buffer *frame);

int net_send(struct net_device *device, struct net_buffer *const *frames, unsigned count)
{
	(void)device;
	if (full)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(sent_frame, net_data(frames[i]), frames[i]->length);
		sent_count++;
		if (look_at_sent)
			look_at_sent(frames[i]);
		if (frames[i]->done) {
			frames[i]->done(frames[i], sent_status);
		} else {
			net_release(device, frames[i]);
			to_take++;
		}
	}
	return (int)count;
}

/* ---- Frames ------------------------------------------------------------------------------------------- */

static const uint8_t own[] = { 10, 0, 0, 2 }, peer[] = { 10, 0, 0, 1 };
static struct interface *interface;

static inline void sum_header(uint8_t *ip)
{
	be16_store(ip + 10, 0);
	uint16_t sum = (uint16_t)~network_checksum(ip, 20);
	memcpy(ip + 10, &sum, 2);
}

/* A datagram of UDP, or what is `fragment` of one; returns the frame's bytes. */
static inline size_t udp_frame(uint8_t *frame, size_t length, unsigned id, unsigned fragment)
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
static inline struct net_buffer *received(const uint8_t *frame, size_t length,
					  struct net_offload offload)
{
	struct net_buffer *buffer = calloc(1, sizeof(*buffer));

	net_buffer_over(buffer, malloc(length), length);
	memcpy(buffer->memory, frame, length);
	buffer->length = (uint32_t)length;
	buffer->offload = offload;
	return buffer;
}

/* Lets the interface have it; it is in memory of the device's, of which this is returned. */
static inline uint8_t *deliver(const uint8_t *frame, size_t length, struct net_offload offload)
{
	struct net_buffer *buffer = received(frame, length, offload);
	uint8_t *memory = buffer->memory;

	listener(&net, &buffer, 1, listener_cookie);
	interfaces_turn();
	return memory;
}

/* ---- The stack -------------------------------------------------------------------------------------- */

static const struct net_offload plain __attribute__((unused)),
	good __attribute__((unused)) = { .flags = NET_CHECKSUM_GOOD };
static uint8_t frame[FRAME_BYTES];

static inline size_t in_use(void)
{
	size_t all;

	return network_memory_used(&all);
}

static inline void start(void)
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
}

static inline struct tcp_pcb *connection(uint16_t port, uint16_t mss)
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

static inline uint8_t stream_byte(size_t at)
{
	return (uint8_t)(at * 37 + at / 251);
}

static inline err_t stream_arrived(void *argument, struct tcp_pcb *pcb, struct pbuf *data,
				   err_t error)
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

static inline err_t stream_accepted(void *argument, struct tcp_pcb *pcb, err_t error)
{
	(void)argument;
	(void)error;
	stream = pcb;
	tcp_recv(pcb, stream_arrived);
	return ERR_OK;
}

static inline void sum_segment(uint8_t *packet)
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
static inline size_t segment_frame(uint8_t *packet, size_t at, size_t length, uint8_t flags)
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

static inline uint8_t *put(const uint8_t *packet, size_t length, struct net_offload offload)
{
	struct net_buffer *buffer = received(packet, length, offload);

	batch[batch_count++] = buffer;
	return buffer->memory;
}

/* All of them in one turn of the stack's. */
static inline void deliver_batch(void)
{
	listener(&net, batch, batch_count, listener_cookie);
	batch_count = 0;
	interfaces_turn();
	interfaces_flush();
}

static inline void put_stream(size_t at, size_t length, uint8_t flags)
{
	put(frame, segment_frame(frame, at, length, flags), plain);
}

static inline void learn_of_the_peer(void)
{
	uint8_t arp[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1,
			    8,    6,    0,    1,    8,    0,    6, 4, 0, 1, 2 };

	memcpy(arp + 28, peer, 4);
	memcpy(arp + 38, own, 4);
	deliver(arp, sizeof(arp), plain);
	interfaces_flush();
}

/* The peer connects to PORT, from the same port each time. */
static inline void the_peer_connects(void)
{
	first_byte--;
	deliver(frame, segment_frame(frame, 0, 0, 2), plain);
	first_byte++;
	interfaces_flush();
	answered = be32_load(sent_frame + 14 + 24) + 1;
	deliver(frame, segment_frame(frame, 0, 0, TCP_ACKED), plain);
	interfaces_flush();
}

static inline void a_stream_begins(void)
{
	static struct tcp_pcb *listening;

	if (!listening) {
		listening = tcp_new();
		learn_of_the_peer();
		CHECK_EQ(tcp_bind(listening, IP_ANY_TYPE, PORT), ERR_OK);
		tcp_accept(tcp_listen(listening), stream_accepted);
	}
	stream = NULL;
	arrived = 0;
	the_peer_connects();
	CHECK(stream != NULL);
}

static inline uint32_t acknowledged(void)
{
	return be32_load(sent_frame + 14 + 28) - first_byte;
}

#endif
