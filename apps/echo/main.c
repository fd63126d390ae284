/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The echo service, RFC 862: what comes in on port 7, by TCP or UDP, goes back.
 *
 *     make run APP=echo FWD=7007:7        nc localhost 7007       (in the shell: run echo)
 *     echo [-t SECONDS] [-n COUNT] [-p PORT]     for so long, or so many connections; on another port
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "kernel/net/network.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define ECHO_PORT 7
#define PATIENCE (10 * NS_PER_S) /* for an address */
#define CONNECTIONS 64
#define BUFFER 8192
#define DATAGRAM 65536
#define DATAGRAMS_AT_ONCE 64

enum { LISTENER, DATAGRAMS, FIRST_CONNECTION };

/* What was read of each connection, and not sent back yet. */
struct connection {
	size_t start, length;
	bool ended;
	char buffer[BUFFER];
};

static struct pollfd files[FIRST_CONNECTION + CONNECTIONS];
static struct connection *connections[FIRST_CONNECTION + CONNECTIONS];
static unsigned long long tcp_bytes, udp_datagrams, connected, ended;

/* A socket of both IP versions at that port. */
static int open_at(int type, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		kprint("echo: port %u: %s\n", port, strerror(errno));
	return fd;
}

static void take_connection(void)
{
	unsigned i = FIRST_CONNECTION;

	while (i < FIRST_CONNECTION + CONNECTIONS && files[i].fd >= 0)
		i++;
	int fd = accept(files[LISTENER].fd, NULL, NULL);
	if (fd < 0)
		return;
	if (i < FIRST_CONNECTION + CONNECTIONS && !connections[i])
		connections[i] = malloc(sizeof(*connections[i]));
	if (i == FIRST_CONNECTION + CONNECTIONS || !connections[i]) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	connections[i]->start = connections[i]->length = 0;
	connections[i]->ended = false;
	files[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	connected++;
}

static void serve_connection(struct pollfd *file, struct connection *connection)
{
	long moved = 0;

	if (connection->length == 0 && !connection->ended) {
		moved = read(file->fd, connection->buffer, BUFFER);
		connection->start = 0;
		connection->length = moved > 0 ? (size_t)moved : 0;
		connection->ended = moved == 0;
	}
	while (connection->length > 0) {
		moved = write(file->fd, connection->buffer + connection->start, connection->length);
		if (moved <= 0)
			break;
		connection->start += (size_t)moved;
		connection->length -= (size_t)moved;
		tcp_bytes += (unsigned long long)moved;
	}
	file->events = connection->length > 0 ? POLLOUT : POLLIN;
	if ((moved < 0 && errno != EAGAIN) || (connection->ended && connection->length == 0)) {
		close(file->fd);
		file->fd = -1;
		ended++;
	}
}

static void serve_datagrams(int fd, char *datagram, uint16_t own)
{
	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		struct sockaddr_in6 from;
		socklen_t length = sizeof(from);
		long got = recvfrom(fd, datagram, DATAGRAM, 0, (struct sockaddr *)&from, &length);
		if (got < 0)
			return;
		/* From another such service, or with its address forged: it would come back for ever. */
		if (from.sin6_port == htons(ECHO_PORT) || from.sin6_port == own)
			continue;
		/* One that cannot be sent now is lost, as they may be. */
		sendto(fd, datagram, (size_t)got, 0, (struct sockaddr *)&from, length);
		udp_datagrams++;
	}
}

static int serve(uint16_t port, uint64_t end, uint64_t most)
{
	char *datagram = malloc(DATAGRAM);
	uint64_t now;

	if (!datagram) {
		kprint("echo: out of memory\n");
		return 1;
	}
	while ((now = vport_now()) < end && ended < most) {
		uint64_t left = (end - now) / NS_PER_MS;
		int wait = left < INT_MAX ? (int)left + 1 : -1;
		poll(files, FIRST_CONNECTION + CONNECTIONS, wait);
		for (unsigned i = FIRST_CONNECTION; i < FIRST_CONNECTION + CONNECTIONS; i++) {
			if (files[i].fd >= 0 && files[i].revents)
				serve_connection(&files[i], connections[i]);
		}
		if (files[DATAGRAMS].revents)
			serve_datagrams(files[DATAGRAMS].fd, datagram, htons(port));
		if (files[LISTENER].revents)
			take_connection();
	}
	free(datagram);
	kprint("echo: connections=%llu bytes=%llu datagrams=%llu\n", connected, tcp_bytes,
	       udp_datagrams);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t seconds = 0, port = ECHO_PORT, most = UINT64_MAX;
	int option;

	optind = 0;
	while ((option = getopt(argc, argv, "t:n:p:")) != -1) {
		uint64_t *number = option == 't' ? &seconds : option == 'n' ? &most : &port;
		char *rest = NULL;
		if (option != '?')
			*number = strtoull(optarg, &rest, 10);
		if (!rest || *rest || *optarg == '-' || *number == 0 || port > UINT16_MAX) {
			kprint("usage: %s [-t SECONDS] [-n COUNT] [-p PORT]\n", argv[0]);
			return 2;
		}
	}
	if (optind != argc) {
		kprint("echo: %s: it takes no such word\n", argv[optind]);
		return 2;
	}
	for (unsigned i = 0; i < FIRST_CONNECTION + CONNECTIONS; i++)
		files[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	tcp_bytes = udp_datagrams = connected = ended = 0;
	files[LISTENER].fd = open_at(SOCK_STREAM, (uint16_t)port);
	files[DATAGRAMS].fd = open_at(SOCK_DGRAM, (uint16_t)port);
	int status = 1;
	if (files[LISTENER].fd >= 0 && files[DATAGRAMS].fd >= 0 &&
	    listen(files[LISTENER].fd, SOMAXCONN) == 0) {
		network_await(vport_now() + PATIENCE);
		kprint("echo: listening on port %u\n", (unsigned)port);
		status = serve((uint16_t)port,
			       seconds ? vport_now() + seconds * NS_PER_S : VPORT_NEVER, most);
	}
	for (unsigned i = 0; i < FIRST_CONNECTION + CONNECTIONS; i++) {
		if (files[i].fd >= 0)
			close(files[i].fd);
	}
	return status;
}
