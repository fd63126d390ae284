/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of iperf share: main.c, client.c, server.c; and what iperf 2 has on the wire. */
#ifndef APPS_IPERF_IPERF_H
#define APPS_IPERF_IPERF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US 1000
#define NS_PER_MS UINT64_C(1000000)
#define BUFFER_BYTES 65536

struct settings {
	const char *host; /* NULL: a server */
	bool udp;
	uint64_t seconds; /* a server's: 0: for ever */
	uint64_t bits;    /* a second, of UDP; 0: as many as go */
	uint32_t length;  /* of what is sent at once; 0: as usual */
	uint16_t port;
};

int client_run(const struct settings *settings);
int server_run(const struct settings *settings);

/* A line about what was moved. */
void report(const char *what, uint64_t bytes, uint64_t ns);

/* ---- On the wire, big-endian --------------------------------------------------------------------------- */

/* A datagram's first bytes. Its number counts from 0, or from 1 (iperf 2.1); the last one has its number negative, and is
 * sent until it is answered. */
struct datagram_header {
	uint32_t number_low, seconds, microseconds, number_high;
};

/* Behind the same in a server's answer to that. */
struct server_report {
	uint32_t flags;
	uint32_t bytes_high, bytes_low;
	uint32_t seconds, microseconds;
	uint32_t lost, out_of_order, datagrams;
	uint32_t jitter_seconds, jitter_microseconds;
	uint32_t extended[18]; /* not told: flags do not have the bit for it */
};
#define REPORT_VERSION1 0x80000000u
_Static_assert(sizeof(struct datagram_header) == 16 && sizeof(struct server_report) == 112,
	       "iperf 2.1");

#endif
