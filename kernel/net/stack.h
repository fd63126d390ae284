/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the parts of the network: the stack's turns, its interfaces, and the sockets above them. */
#ifndef KERNEL_NET_STACK_H
#define KERNEL_NET_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/net.h"
#include "kernel/net/lwip.h"
#include "kernel/net/network.h"

/* Frames that wait for the stack to return, and then for room in the device's queue. */
#define FRAMES_WAITING 256
struct transmit_piece;

struct interface {
	struct netif netif;
	struct net_device *net;
	char name[sizeof(((struct net_device *)0)->name)];
	bool configured, automatic; /* it has been given an address, or is to have one by DHCP */
	struct vport_lock lock;     /* for `in` */
	struct net_buffer *in, **in_tail; /* received, for the stack's next turn */
	bool gone;                        /* with its device, and has lost its addresses */
	bool announce;                    /* others are to learn anew where it is */
	ip4_addr_t told;                  /* the address that the log has last told of */
	unsigned held; /* pieces of received frames that something in the stack keeps */
	struct net_buffer *waiting[FRAMES_WAITING]; /* to be sent, a ring */
	unsigned first_waiting, waiting_count;
	unsigned replaced; /* acknowledgements by the last of them */
	uint64_t copied, dropped_in, dropped_out;
	struct interface *next;
};

/* ---- stack.c: when lwIP runs ------------------------------------------------------------------------ */

/* Has the stack take its turn soon. Drain, work and program context, on CPU 0. */
void stack_wake(void);
/* After every call into lwIP, but in its own callbacks: sends what it has produced, and has the stack run again when
 * its next timer is due. */
void stack_leave(void);
/* The same after a call that has set no timer: a datagram's. */
void stack_send(void);
/* How many turns it has taken: after another one, memory may be free again. */
extern unsigned stack_turns;
/* It is one of its timers that calls back now, and nothing that came in. */
extern bool stack_in_timers;

/* ---- interface.c: lwIP's interfaces over net.h -------------------------------------------------------- */

extern struct interface *interfaces; /* in the order of their names */
struct interface *interface_find(const char *name);
/* Adds one for each of net.h's, and listens to it again when it is there already. 0, or ERR_NOMEM. */
int interfaces_add(void);
/* Hands the stack what came in, and tells it of links. */
void interfaces_turn(void);
/* Sends what waits, as far as the device has room. */
void interfaces_flush(void);
/* Puts a frame behind those that wait, among which there is room. */
static inline void interface_wait(struct interface *interface, struct net_buffer *frame)
{
	interface->waiting[(interface->first_waiting + interface->waiting_count++) %
			   FRAMES_WAITING] = frame;
	interface->replaced = 0;
}

extern network_tap_fn *interfaces_tap; /* NULL: nobody looks */

/* ---- receive.c: what becomes of a received frame ------------------------------------------------------- */

/* Hands the frame, which is its own from now on, to lwIP, or drops it and counts that; and with it those of the frames linked
 * behind it that continue it. The frames that are left. In the stack's turn. */
struct net_buffer *receive_frame(struct interface *interface, struct net_buffer *frame);

/* ---- address.c ----------------------------------------------------------------------------------------- */

/* Gives interfaces that are new an address, or has them ask for one. */
void addresses_start(void);

#endif
