/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network, for programs: starting it, its interfaces and their addresses. What is sent and received by sockets is
 * <sys/socket.h>, as elsewhere.
 *
 *     network_start();
 *     network_await(vport_now() + 10 * NS_PER_S);
 *     int s = socket(AF_INET, SOCK_STREAM, 0);
 *
 * lwIP runs in vport_relax, as work: a program that computes without waiting receives nothing. All of this, and sockets,
 * are for the program on CPU 0 (asserted), and not for work items, which would wait for the stack's own.
 *
 * Kernel command line: ip=[INTERFACE:]ADDRESS/BITS[,gw=ADDRESS][,dns=ADDRESS[:PORT]], once for each interface that is
 * not to ask for its address by DHCP.
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 */
#ifndef KERNEL_NET_NETWORK_H
#define KERNEL_NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_device;

/* Starts the stack on all interfaces that there are; DHCP where no address was given. Once it runs, it only takes
 * interfaces back that somebody else listened to. 0; ERR_NOMEM: there is no room for its memory: 4 MiB, or 1 at
 * least, in one piece. */
int network_start(void);

/* Waits until an interface has an address that reaches others; false: not before the deadline, or there is no interface.
 * The log says what is waited for, when that lasts. Starts it first. */
bool network_await(uint64_t deadline);

/* ---- Interfaces, by their names: net0 … -------------------------------------------------------------- */

/* Errors of all of these: ERR_NOT_FOUND where there is no interface of that name, ERR_INVALID: no such address. */

/* Whether it takes part: one that is down neither sends nor receives. */
int network_up(const char *name, bool up);
/* Gives it that address: "10.0.2.15/24,gw=10.0.2.2,dns=10.0.2.3". */
int network_static(const char *name, const char *addresses);
/* Has it ask for one (again), and forgets the one it has. */
int network_dhcp(const char *name);
/* Whether it has an address of IPv4. */
bool network_has_address(const char *name);
/* Its station address is another one by now (net_set_mac): others are told. */
int network_mac(const char *name);
/* Who is asked for names from now on: "10.0.2.3", or "10.0.2.2:5300". */
int network_dns(const char *server);
/* And who was asked before that, again. */
void network_dns_restore(void);

struct network_counters {
	unsigned held;    /* pieces of received frames that are kept: for a program to receive */
	unsigned waiting; /* frames that wait for room in the device's queue */
	uint64_t copied;  /* received frames that were copied, because too many were kept */
	uint64_t dropped_in, dropped_out; /* for want of memory */
};

/* Writes what the interface is, in a line: "10.0.2.15/24 gateway 10.0.2.2 dhcp fe80::5054:ff:fe12:3456". Returns its
 * length, cut off at size - 1; counters may be NULL. */
int network_describe(const char *name, char *line, size_t size, struct network_counters *counters);
/* The server that is asked for names; "" when there is none. */
const char *network_dns_server(void);

/* ---- Frames as they pass by --------------------------------------------------------------------------- */

/* Is called with each frame, before it is handed to the stack or when it goes to the device; at most `length` bytes of it
 * are at `data`, which is the first piece of it. Drain, work and program context; NULL: nobody. */
typedef void network_tap_fn(const char *interface, bool sent, const uint8_t *data, size_t length,
			    size_t frame_length);
void network_tap(network_tap_fn *tap);

#endif
