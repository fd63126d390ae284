/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast the network is, to and from Debian's iperf (version 2):
 *
 *     make run APP=iperf ARGS=-s FWD=5001:5001,udp:5001:5001     iperf -c localhost [-u]
 *     iperf -s [-u]                   make run APP=iperf ARGS='-c 10.0.2.2 -t 5 [-u -b 100M]'
 *
 *     iperf -s [-p PORT] [-t SECONDS]                            TCP and UDP
 *     iperf -c HOST [-u] [-b BITS] [-t SECONDS] [-l LENGTH] [-p PORT]
 *
 * BITS a second are those of UDP: a number, with K, M or G; 1M; 0: as many as go. Left out: several streams of one
 * client, tests in both directions by one command, reports in between.
 */
#include <stdlib.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "iperf.h"
#include "kernel/console.h"
#include "kernel/net/network.h"

#define PATIENCE (10 * NS_PER_S) /* for an address */

void report(const char *what, uint64_t bytes, uint64_t ns)
{
	uint64_t us = ns / NS_PER_US ? ns / NS_PER_US : 1;
	uint64_t kbits = bytes * 8 * 1000 / us;

	kprint("iperf: %s bytes=%llu seconds=%u.%03u mbits=%u.%03u\n", what,
	       (unsigned long long)bytes, (unsigned)(us / 1000000), (unsigned)(us / 1000 % 1000),
	       (unsigned)(kbits / 1000), (unsigned)(kbits % 1000));
}

/* A number, with K, M or G of `step` behind it; a step of 1: a number alone. */
static bool number(const char *text, uint64_t step, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	if (end == text)
		return false;
	for (const char *unit = step > 1 ? "KMG" : ""; *end && *unit; unit++) {
		*value *= step;
		if ((*end & ~0x20) == *unit)
			return end[1] == '\0';
	}
	return *end == '\0';
}

static int usage(const char *name)
{
	kprint("usage: %s -s [-p PORT] [-t SECONDS]\n"
	       "       %s -c HOST [-u] [-b BITS] [-t SECONDS] [-l LENGTH] [-p PORT]\n",
	       name, name);
	return 2;
}

int main(int argc, char **argv)
{
	struct settings settings = { .bits = 1000000, .port = 5001 };
	bool server = false, good = true;
	uint64_t value;
	int option;

	optind = 0;
	while ((option = getopt(argc, argv, "sc:ub:t:l:p:")) != -1) {
		switch (option) {
		case 's':
			server = true;
			break;
		case 'c':
			settings.host = optarg;
			break;
		case 'u':
			settings.udp = true;
			break;
		case 'b':
			good &= number(optarg, 1000, &settings.bits);
			break;
		case 't':
			good &= number(optarg, 1, &settings.seconds);
			break;
		case 'l':
			good &= number(optarg, 1024, &value) && value > 0 && value <= BUFFER_BYTES;
			settings.length = (uint32_t)value;
			break;
		case 'p':
			good &= number(optarg, 1000, &value) && value > 0 && value <= UINT16_MAX;
			settings.port = (uint16_t)value;
			break;
		default:
			good = false;
		}
	}
	if (!good || optind != argc || server == (settings.host != NULL))
		return usage(argv[0]);
	if (!network_await(vport_now() + PATIENCE))
		kprint("iperf: no interface has an address yet\n");
	return server ? server_run(&settings) : client_run(&settings);
}
