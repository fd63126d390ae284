/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP's interfaces over net.h. A sent frame goes to the device in the pieces that lwIP made of it, which it holds until
 * they are done. (Small frames are copied, which is cheaper.) What becomes of a received one, receive.c says.
 *
 * What is received is only linked into a list in drain context, where lwIP must not be entered; the stack's next turn takes
 * it. What is sent waits until the stack returns, so that all of it is one batch for the device.
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 * Left out: VLANs; forwarding between interfaces.
 */
#include <string.h>

#include "kernel/net/acknowledge.h"
#include "kernel/net/copy.h"
#include "kernel/net/cut.h"
#include "kernel/net/network.h"
#include "kernel/net/offload.h"
#include "kernel/net/packet.h"
#include "kernel/net/stack.h"
#include "lib/containing.h"
#include "lib/error.h"

/* Pieces of frames in the device's queues, and of those that wait. */
#define TRANSMIT_PIECES 1024
/* Frames of so many bytes at most, acknowledgements above all, are copied when they are sent: that costs less than to hold
 * them until they are done. None of them is a segment that is to be cut. */
#define COPIED_MAX 256
_Static_assert(COPIED_MAX <= CUT_LEAST, "of whose peer's segments two are larger");

struct interface *interfaces;
network_tap_fn *interfaces_tap;

void network_tap(network_tap_fn *function)
{
	interfaces_tap = function;
}

/* ---- Received ------------------------------------------------------------------------------------------ */

/* Of several CPUs, where the device spreads its frames. */
static void received(struct net_device *net, struct net_buffer *const *frames, unsigned count,
		     void *cookie)
{
	struct interface *interface = cookie;

	(void)net;
	vport_lock_take(&interface->lock);
	for (unsigned i = 0; i < count; i++) {
		*interface->in_tail = frames[i];
		interface->in_tail = &frames[i]->next;
	}
	*interface->in_tail = NULL;
	vport_lock_give(&interface->lock);
	stack_wake();
}

/* ---- Sent -------------------------------------------------------------------------------------------- */

struct transmit_piece {
	struct net_buffer buffer; /* first */
	struct pbuf *pbuf;        /* of the frame's first piece: all of it */
	struct interface *interface;
	struct transmit_piece *next_free;
};

static struct transmit_piece *free_transmit;
static unsigned free_transmit_count;

static void free_pieces(struct net_buffer *frame)
{
	while (frame) {
		struct transmit_piece *piece = (struct transmit_piece *)frame;
		frame = frame->more;
		piece->next_free = free_transmit;
		free_transmit = piece;
		free_transmit_count++;
	}
}

/* Drain context, where no memory of libc's may be freed: lwIP's is its own. */
static void sent(struct net_buffer *frame, int status)
{
	struct transmit_piece *piece = (struct transmit_piece *)frame;

	if (status == ERR_NODEV && piece->interface->net->keeps_memory)
		return; /* it is nobody's for good */
	pbuf_free(piece->pbuf);
	free_pieces(frame);
}

/* Whether the driver's header has room in front of the frame, in memory that is the pbuf's. */
static bool has_room(const struct pbuf *pbuf)
{
	return (pbuf->type_internal & PBUF_TYPE_FLAG_STRUCT_DATA_CONTIGUOUS) &&
	       (const uint8_t *)pbuf->payload - NET_ROOM >= (const uint8_t *)(pbuf + 1);
}

/* The pieces of a frame, and the reference that keeps them; NULL when there is no memory now. */
static __attribute__((noinline)) struct net_buffer *pieces_of(struct interface *interface,
							      struct pbuf *pbuf)
{
	struct net_buffer *frame = NULL, **link = &frame;

	if (!has_room(pbuf) || pbuf_clen(pbuf) > interface->net->pieces)
		pbuf = pbuf_clone(PBUF_RAW_TX, PBUF_RAM, pbuf);
	else
		pbuf_ref(pbuf);
	if (!pbuf)
		return NULL;
	if (free_transmit_count < pbuf_clen(pbuf)) {
		pbuf_free(pbuf);
		return NULL;
	}
	for (struct pbuf *part = pbuf; part; part = part->next) {
		struct transmit_piece *piece = free_transmit;
		unsigned room = part == pbuf ? NET_ROOM : 0;
		free_transmit = piece->next_free;
		free_transmit_count--;
		net_buffer_over(&piece->buffer, (uint8_t *)part->payload - room, part->len + room);
		piece->buffer.start = room;
		piece->buffer.length = part->len;
		piece->pbuf = pbuf;
		piece->interface = interface;
		*link = &piece->buffer;
		link = &piece->buffer.more;
	}
	frame->done = sent;
	return frame;
}

/* A copy in a buffer of the driver's, of which nobody need be told when it is sent; NULL: there is none now. */
static struct net_buffer *copy_out(struct interface *interface, const struct pbuf *pbuf)
{
	struct net_buffer *frame = net_take(interface->net);

	if (frame) {
		if (!pbuf->next)
			network_copy(net_data(frame), pbuf->payload, pbuf->len);
		else
			pbuf_copy_partial(pbuf, net_data(frame), pbuf->tot_len, 0);
		frame->length = pbuf->tot_len;
	}
	return frame;
}

static struct net_buffer *make_frame(struct interface *interface, struct pbuf *pbuf)
{
	struct net_buffer *frame = NULL;

	if (pbuf->tot_len <= COPIED_MAX)
		frame = copy_out(interface, pbuf);
	return frame ? frame : pieces_of(interface, pbuf);
}

/* It was not, and will not be, sent. */
static void drop_out(struct interface *interface, struct net_buffer *frame)
{
	interface->dropped_out++;
	if (frame->done)
		frame->done(frame, ERR_IO);
	else
		net_release(interface->net, frame);
}

static __attribute__((noinline)) void show(const struct interface *interface,
					   const struct net_buffer *frame, const struct pbuf *pbuf)
{
	interfaces_tap(interface->name, true, net_data(frame), frame->length, pbuf->tot_len);
}

/* Whether it has taken the place of the last one that waits, which it makes needless. (Who looks sees them all.) */
static bool replaces(struct interface *interface, const struct pbuf *pbuf)
{
	unsigned last = (interface->first_waiting + interface->waiting_count - 1) % FRAMES_WAITING;
	struct net_buffer *frame = interface->waiting[last];

	if (pbuf->tot_len != ACKNOWLEDGE_BYTES || pbuf->next ||
	    frame->length != ACKNOWLEDGE_BYTES || frame->done || interfaces_tap ||
	    interface->replaced == ACKNOWLEDGE_MOST - 1 ||
	    !acknowledge_replaces(pbuf->payload, net_data(frame)))
		return false;
	memcpy(net_data(frame), pbuf->payload, ACKNOWLEDGE_BYTES);
	offload_sent(interface->net, frame, ACKNOWLEDGE_BYTES);
	interface->replaced++;
	return true;
}

/* lwIP's: the frame is handed on when the stack returns. */
static err_t output(struct netif *netif, struct pbuf *pbuf)
{
	struct interface *interface = netif->state;

	if (interface->waiting_count > 0) {
		if (replaces(interface, pbuf))
			return ERR_OK;
		if (interface->waiting_count == FRAMES_WAITING)
			interfaces_flush();
	}
	struct net_buffer *frame = NULL;
	unsigned segment_bytes = pbuf->tot_len > COPIED_MAX ? offload_cut(interface->net, pbuf) : 0;
	if (__builtin_expect(segment_bytes > 0, false)) {
		offload_narrow();
		err_t error = cut_segments(interface, pbuf, segment_bytes);
		interface->dropped_out += error != ERR_OK;
		return error;
	}
	if (interface->waiting_count < FRAMES_WAITING)
		frame = make_frame(interface, pbuf);
	if (!frame) {
		interface->dropped_out++;
		return ERR_MEM;
	}
	offload_sent(interface->net, frame, pbuf->tot_len);
	if (__builtin_expect(interfaces_tap != NULL, false))
		show(interface, frame, pbuf);
	interface_wait(interface, frame);
	return ERR_OK;
}

/* As many as there are up to the ring's end: what net_send says. */
static inline int send_some(struct interface *interface)
{
	unsigned first = interface->first_waiting, count = interface->waiting_count;

	if (count > FRAMES_WAITING - first)
		count = FRAMES_WAITING - first;
	return net_send(interface->net, &interface->waiting[first], count);
}

/* Not all were taken, of several or at the ring's end. */
static __attribute__((noinline)) void flush_more(struct interface *interface, int taken)
{
	while (taken != 0) { /* `room` comes back to it */
		if (taken < 0) {
			/* It cannot be sent, as when the interface is gone. */
			drop_out(interface, interface->waiting[interface->first_waiting]);
			taken = 1;
		}
		interface->first_waiting =
			(interface->first_waiting + (unsigned)taken) % FRAMES_WAITING;
		interface->waiting_count -= (unsigned)taken;
		if (interface->waiting_count == 0)
			return;
		taken = send_some(interface);
	}
}

static inline void flush(struct interface *interface)
{
	int taken = send_some(interface);

	if (taken != (int)interface->waiting_count) {
		flush_more(interface, taken);
		return;
	}
	interface->waiting_count = 0;
	interface->first_waiting = 0;
}

void interfaces_flush(void)
{
	for (struct interface *interface = interfaces; interface; interface = interface->next) {
		if (interface->waiting_count > 0)
			flush(interface);
	}
}

/* ---- Interfaces --------------------------------------------------------------------------------------- */

/* It will not come back: connections from its addresses end at once, instead of waiting for answers. */
static void leave_for_good(struct interface *interface)
{
	struct netif *netif = &interface->netif;

	interface->gone = true;
	dhcp_release_and_stop(netif);
	netif_set_addr(netif, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4);
	for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		netif_ip6_addr_set_state(netif, i, IP6_ADDR_INVALID);
	netif_set_down(netif);
}

static void follow_link(struct interface *interface)
{
	if (interface->net->gone && !interface->gone)
		leave_for_good(interface);
	if (interface->net->link == netif_is_link_up(&interface->netif))
		return;
	if (interface->net->link)
		netif_set_link_up(&interface->netif);
	else
		netif_set_link_down(&interface->netif);
}

void interfaces_turn(void)
{
	for (struct interface *interface = interfaces; interface; interface = interface->next) {
		follow_link(interface);
		vport_lock_take(&interface->lock);
		struct net_buffer *frame = interface->in;
		interface->in = NULL;
		interface->in_tail = &interface->in;
		vport_lock_give(&interface->lock);
		while (frame)
			frame = receive_frame(interface, frame);
		if (interface->announce) {
			interface->announce = false;
			if (!ip4_addr_isany(netif_ip4_addr(&interface->netif)))
				etharp_gratuitous(&interface->netif);
		}
	}
}

static void link_changed(struct net_device *net, void *cookie)
{
	(void)net;
	(void)cookie;
	stack_wake();
}

/* For what could not be sent. */
static void room(struct net_device *net, void *cookie)
{
	(void)net;
	(void)cookie;
	stack_wake();
}

static void announce(struct net_device *net, void *cookie)
{
	(void)net;
	((struct interface *)cookie)->announce = true;
	stack_wake();
}

static err_t init(struct netif *netif)
{
	struct interface *interface = netif->state;

	netif->name[0] = 'e';
	netif->name[1] = 'n';
	netif->hostname = "ringlet";
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = output;
	netif->hwaddr_len = NET_MAC_BYTES;
	memcpy(netif->hwaddr, interface->net->mac, NET_MAC_BYTES);
	netif->mtu = interface->net->mtu < UINT16_MAX - NET_HEADER_BYTES
			     ? (u16_t)interface->net->mtu
			     : UINT16_MAX - NET_HEADER_BYTES;
	netif->flags =
		NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
	offload_start(netif, interface->net);
	return ERR_OK;
}

int network_mac(const char *name)
{
	struct interface *interface = interface_find(name);

	if (!interface)
		return ERR_NOT_FOUND;
	memcpy(interface->netif.hwaddr, interface->net->mac, NET_MAC_BYTES);
	interface->announce = true;
	stack_wake();
	return 0;
}

struct interface *interface_find(const char *name)
{
	struct interface *interface = interfaces;

	while (interface && strcmp(interface->name, name) != 0)
		interface = interface->next;
	return interface;
}

static int add(struct net_device *net)
{
	struct interface *interface = interface_find(net->name), **end = &interfaces;

	if (!interface) {
		interface = vport_alloc(sizeof(*interface));
		if (!interface)
			return ERR_NOMEM;
		interface->net = net;
		interface->in_tail = &interface->in;
		memcpy(interface->name, net->name, sizeof(interface->name));
		netif_add(&interface->netif, NULL, NULL, NULL, interface, init, ethernet_input);
		while (*end)
			end = &(*end)->next;
		*end = interface;
	}
	net_listen(net, received, interface);
	net_watch_link(net, link_changed, interface);
	net_announce(net, announce, interface);
	net_watch_room(net, room, interface);
	return 0;
}

static int make_pools(void)
{
	static struct transmit_piece *transmit;

	if (!transmit) {
		transmit = vport_alloc(TRANSMIT_PIECES * sizeof(*transmit));
		for (unsigned i = 0; transmit && i < TRANSMIT_PIECES; i++)
			free_pieces(&transmit[i].buffer);
	}
	return packet_start() && transmit ? 0 : ERR_NOMEM;
}

int interfaces_add(void)
{
	int error = make_pools();

	for (struct net_device *net = net_first(); net && !error; net = net->next)
		error = add(net);
	return error;
}
