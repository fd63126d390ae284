/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A web server: the files of the first tar archive on the disks, and a page about the machine.
 *
 *     tar cf site.tar -C FOLDER .
 *     make run APP=httpd DISK=site.tar          curl http://localhost:8080/
 *     httpd [-t SECONDS] [-p PORT] [-w SECONDS]
 *
 * -t: for so long, or for ever; -p: on another port than 80; -w: how long a client may take for a request (15 otherwise),
 * and half of what it may take for each 16 KiB of an answer.
 *
 * One loop serves all connections: it waits until one of them can go on (poll), and has each that can do one thing.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "httpd.h"
#include "kernel/console.h"
#include "kernel/net/network.h"

#define SLOTS (CONNECTIONS + REFUSALS)
#define ADDRESS_PATIENCE (10 * NS_PER_S)
#define NS_PER_MS UINT64_C(1000000)
#define WAIT_MAX 3600
#define LOOK_MS 500 /* at who has lost patience */

struct totals totals;
static struct connection *connections[SLOTS]; /* allocated when they are first used */
static struct pollfd files[1 + SLOTS];

static int open_listener(uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A slot that is free, of those to be served or to be refused; NULL when there is none. */
static struct connection *free_slot(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		if (!connections[i])
			connections[i] = calloc(1, sizeof(*connections[i]));
		if (connections[i] && connections[i]->state == STATE_FREE)
			return connections[i];
	}
	return NULL;
}

/* As many as there are slots for: others wait in the socket's own queue. */
static void take_connections(int listener)
{
	for (;;) {
		struct connection *slot = free_slot(0, CONNECTIONS);
		bool refuse = slot == NULL;
		if (refuse)
			slot = free_slot(CONNECTIONS, SLOTS);
		if (!slot)
			return;
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return;
		totals.connections++;
		totals.refused += refuse;
		connection_start(slot, fd, refuse);
	}
}

/* Nobody waits for a client for longer than it may take: but only one for which poll, asked now, has nothing. Others may have
 * kept it waiting, and what it sent has been there all the time. */
static bool is_late(struct connection *connection)
{
	struct pollfd file = { .fd = connection->fd, .events = connection_events(connection) };

	return !connection->has_more && vport_now() >= connection->patience_ends &&
	       (connection->state == STATE_CLOSING || poll(&file, 1, 0) == 0);
}

static void serve_connections(void)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct connection *connection = connections[i];
		if (!connection || connection->state == STATE_FREE)
			continue;
		if (files[1 + i].revents || connection->has_more)
			connection_serve(connection);
		if (connection->state != STATE_FREE && is_late(connection)) {
			totals.timed_out++;
			connection_end(connection);
		}
	}
}

static void wait_for_something(int listener, uint64_t end)
{
	uint64_t now = vport_now();
	bool room = free_slot(CONNECTIONS, SLOTS) != NULL;
	bool more = false; /* there is something to do already */
	unsigned in_use = 0;

	files[0] = (struct pollfd){ .fd = room ? listener : -1, .events = POLLIN };
	for (unsigned i = 0; i < SLOTS; i++) {
		bool used = connections[i] && connections[i]->state != STATE_FREE;
		files[1 + i] = (struct pollfd){ .fd = -1 };
		if (used)
			files[1 + i] =
				(struct pollfd){ .fd = connections[i]->fd,
						 .events = connection_events(connections[i]) };
		in_use += used;
		more |= used && connections[i]->has_more;
	}
	totals.now = in_use;
	if (in_use > totals.most)
		totals.most = in_use;
	/* poll alone does not let the network go on when it need not wait. */
	if (more)
		vport_relax(0);
	uint64_t left = end > now ? (end - now) / NS_PER_MS + 1 : 0;
	int longest = more ? 0 : in_use > 0 ? LOOK_MS : 60000;
	poll(files, 1 + SLOTS, left < (uint64_t)longest ? (int)left : longest);
}

static void tell_what(void)
{
	struct stat status;

	if (stat("/disk", &status) == 0)
		kprint("httpd: serving the files of /disk\n");
	else
		kprint("httpd: no files (%s): only /status is served\n", strerror(errno));
}

static void serve(int listener, uint64_t end)
{
	while (vport_now() < end) {
		wait_for_something(listener, end);
		serve_connections();
		if (files[0].revents)
			take_connections(listener);
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		if (connections[i] && connections[i]->state != STATE_FREE)
			connection_end(connections[i]);
	}
}

int main(int argc, char **argv)
{
	uint64_t seconds = 0, port = 80, wait = 15;
	int option;

	optind = 0;
	while ((option = getopt(argc, argv, "t:p:w:")) != -1) {
		uint64_t *number = option == 't' ? &seconds : option == 'w' ? &wait : &port;
		char *rest = NULL;
		if (option != '?')
			*number = strtoull(optarg, &rest, 10);
		if (!rest || *rest || *optarg == '-' || *number == 0 || port > UINT16_MAX ||
		    wait > WAIT_MAX) {
			kprint("usage: %s [-t SECONDS] [-p PORT] [-w SECONDS]\n", argv[0]);
			return 2;
		}
	}
	if (optind != argc) {
		kprint("httpd: %s: it takes no such word\n", argv[optind]);
		return 2;
	}
	totals = (struct totals){ .started = vport_now() };
	patience = wait * NS_PER_S;
	int listener = open_listener((uint16_t)port);
	if (listener < 0) {
		kprint("httpd: port %u: %s\n", (unsigned)port, strerror(errno));
		return 1;
	}
	if (!network_await(vport_now() + ADDRESS_PATIENCE))
		kprint("httpd: no interface has an address yet\n");
	tell_what();
	kprint("httpd: listening on port %u\n", (unsigned)port);
	serve(listener, seconds ? vport_now() + seconds * NS_PER_S : VPORT_NEVER);
	close(listener);
	kprint("httpd: connections=%llu most=%u refused=%llu requests=%llu bytes=%llu\n",
	       totals.connections, totals.most, totals.refused, totals.requests, totals.bytes);
	return 0;
}
