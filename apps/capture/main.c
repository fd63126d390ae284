/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints a line for each frame that passes by an interface.
 *
 *     ringlet> capture ping -c 1 10.0.2.2         while a program runs
 *     ringlet> capture -t 10                      for ten seconds
 *     capture [-c COUNT] PROGRAM [ARGUMENT…]
 *     capture [-t SECONDS] [-c COUNT]             for ten seconds without -t
 *
 * Left out: filters, and what is inside; DUMP=1 of `make run` writes all of it for other programs to read.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/net.h"
#include "frame.h"
#include "kernel/app.h"
#include "kernel/console.h"
#include "kernel/net/network.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US 1000
#define LINE 200
#define DEFAULT_SECONDS 10

static uint64_t started, frames, most;

static void show(const char *interface, bool sent, const uint8_t *data, size_t length,
		 size_t frame_length)
{
	char line[LINE];
	uint64_t time = (vport_now() - started) / NS_PER_US;

	if (frames++ >= most)
		return;
	frame_describe(data, length, frame_length, line, sizeof(line));
	kprint("%u.%06u %s %s %s\n", (unsigned)(time / 1000000), (unsigned)(time % 1000000),
	       interface, sent ? ">" : "<", line);
}

static int usage(const char *name)
{
	kprint("usage: %s [-c COUNT] PROGRAM [ARGUMENT…] | [-t SECONDS] [-c COUNT]\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t seconds = 0; /* not said */
	int i = 1, status = 0;

	most = UINT64_MAX;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		char *end;
		uint64_t number = strtoull(argv[i + 1], &end, 10);
		if (*end || number == 0)
			return usage(argv[0]);
		if (strcmp(argv[i], "-t") == 0)
			seconds = number;
		else if (strcmp(argv[i], "-c") == 0)
			most = number;
		else
			return usage(argv[0]);
	}
	const struct app *app = i < argc ? app_find(argv[i]) : NULL;
	if (i < argc && !app) {
		kprint("capture: %s: there is no such program\n", argv[i]);
		return 2;
	}
	if (app && seconds > 0) /* a program runs for as long as it does */
		return usage(argv[0]);
	if (network_start() != 0) {
		kprint("capture: there is no memory for the network\n");
		return 1;
	}
	started = vport_now();
	uint64_t end = started + (seconds ? seconds : DEFAULT_SECONDS) * NS_PER_S;
	frames = 0;
	network_tap(show);
	if (app)
		status = app->main(argc - i, argv + i);
	else
		while (frames < most && vport_now() < end)
			vport_relax(end);
	network_tap(NULL);
	kprint("capture: %u frames\n", (unsigned)(frames < most ? frames : most));
	return status;
}
