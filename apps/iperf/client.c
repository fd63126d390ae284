/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iperf's sending side: by TCP as fast as it goes, by UDP at a rate; what arrived of that, the server tells at the end.
 *
 * See it at work: iperf -s; make run APP=iperf ARGS='-c 10.0.2.2'
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "iperf.h"
#include "kernel/console.h"

#define DEFAULT_SECONDS 10
#define DATAGRAM_BYTES 1470
#define STREAM_BYTES 32768
#define LOOK_EVERY 64 /* datagrams */
#define LAST_TRIES 10
#define LAST_PATIENCE_MS 250

static int fails(const char *what)
{
	kprint("iperf: %s: %s\n", what, strerror(errno));
	return 1;
}

static int connect_to(const struct settings *settings)
{
	struct addrinfo hints = { .ai_socktype = settings->udp ? SOCK_DGRAM : SOCK_STREAM };
	struct addrinfo *found;
	char port[8];

	snprintf(port, sizeof(port), "%u", settings->port);
	int error = getaddrinfo(settings->host, port, &hints, &found);
	if (error) {
		kprint("iperf: %s: %s\n", settings->host, gai_strerror(error));
		return -1;
	}
	int fd = socket(found->ai_family, found->ai_socktype, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
		fails(settings->host);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

/* ---- TCP --------------------------------------------------------------------------------------------------- */

static int send_stream(int fd, const char *data, size_t length, uint64_t seconds)
{
	uint64_t start = vport_now(), end = start + seconds * NS_PER_S, bytes = 0;

	while (vport_now() < end) {
		long sent = send(fd, data, length, 0);
		if (sent < 0)
			return fails("send");
		bytes += (uint64_t)sent;
	}
	/* The peer closes when it has all of it. */
	shutdown(fd, SHUT_WR);
	char rest[64];
	while (read(fd, rest, sizeof(rest)) > 0)
		;
	report("tcp sent", bytes, vport_now() - start);
	return 0;
}

/* ---- UDP --------------------------------------------------------------------------------------------------- */

static void number_datagram(char *data, int64_t number, uint64_t now)
{
	struct datagram_header header = {
		.number_low = htonl((uint32_t)number),
		.seconds = htonl((uint32_t)(now / NS_PER_S)),
		.microseconds = htonl((uint32_t)(now % NS_PER_S / NS_PER_US)),
		.number_high = htonl((uint32_t)((uint64_t)number >> 32)),
	};

	memcpy(data, &header, sizeof(header));
}

static void print_answer(const char *answer)
{
	struct server_report told;

	memcpy(&told, answer + sizeof(struct datagram_header), sizeof(told));
	if (!(ntohl(told.flags) & REPORT_VERSION1))
		return;
	report("udp arrived", (uint64_t)ntohl(told.bytes_high) << 32 | ntohl(told.bytes_low),
	       ntohl(told.seconds) * NS_PER_S + ntohl(told.microseconds) * (uint64_t)NS_PER_US);
	kprint("iperf: udp datagrams=%u lost=%u out_of_order=%u\n", (unsigned)ntohl(told.datagrams),
	       (unsigned)ntohl(told.lost), (unsigned)ntohl(told.out_of_order));
}

/* The last datagram, until it is answered. */
static void end_datagrams(int fd, char *data, size_t length, int64_t number)
{
	char answer[2048];

	for (unsigned i = 0; i < LAST_TRIES; i++) {
		struct pollfd file = { .fd = fd, .events = POLLIN };
		number_datagram(data, -number, vport_now());
		send(fd, data, length, 0);
		if (poll(&file, 1, LAST_PATIENCE_MS) <= 0)
			continue;
		long got = recv(fd, answer, sizeof(answer), 0);
		if (got >= (long)(sizeof(struct datagram_header) + sizeof(struct server_report))) {
			print_answer(answer);
			return;
		}
	}
	kprint("iperf: the server does not answer\n");
}

static int send_datagrams(int fd, char *data, size_t length, uint64_t seconds, uint64_t bits)
{
	uint64_t start = vport_now(), end = start + seconds * NS_PER_S, now, due = start;
	uint64_t gap = bits ? length * 8 * NS_PER_S / bits : 0;
	int64_t number = 0;

	while ((now = vport_now()) < end) {
		if (now < due) {
			vport_relax(due < end ? due : end);
			continue;
		}
		number_datagram(data, number, now);
		if (send(fd, data, length, 0) < 0)
			return fails("send");
		number++;
		due += gap;
		if (number % LOOK_EVERY == 0)
			vport_relax(now); /* the stack has more to do than to send */
	}
	report("udp sent", (uint64_t)number * length, vport_now() - start);
	end_datagrams(fd, data, length, number);
	return 0;
}

int client_run(const struct settings *settings)
{
	size_t length = settings->length ? settings->length
			: settings->udp  ? DATAGRAM_BYTES
					 : STREAM_BYTES;
	uint64_t seconds = settings->seconds ? settings->seconds : DEFAULT_SECONDS;
	char *data =
		calloc(1, length < sizeof(struct datagram_header) ? sizeof(struct datagram_header)
								  : length);
	int fd = data ? connect_to(settings) : -1, status = 1;

	if (fd >= 0) {
		if (length < sizeof(struct datagram_header))
			length = sizeof(struct datagram_header);
		status = settings->udp ? send_datagrams(fd, data, length, seconds, settings->bits)
				       : send_stream(fd, data, length, seconds);
		close(fd);
	}
	free(data);
	return status;
}
