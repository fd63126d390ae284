/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iperf's receiving side: connections are read to their ends, datagrams counted until the one that says it is the last, which
 * is answered with what was counted.
 *
 * See it at work: make run APP=iperf ARGS=-s FWD=5001:5001; iperf -c localhost
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "iperf.h"
#include "kernel/console.h"

#define CONNECTIONS 16
#define SENDERS 8
#define DATAGRAMS_AT_ONCE 256

enum { LISTENER, DATAGRAMS, FIRST_CONNECTION };

struct connection {
	uint64_t start, bytes;
};

/* Who sends datagrams, and what has come. */
struct sender {
	bool busy, ended, from_zero; /* from_zero: the first one's number is 0 */
	struct sockaddr_in6 address;
	uint64_t start, last, bytes, datagrams, out_of_order;
	int64_t next;            /* number */
	int64_t jitter, transit; /* microseconds; sixteenths of jitter (RFC 3550, A.8) */
};

static struct pollfd files[FIRST_CONNECTION + CONNECTIONS];
static struct connection connections[CONNECTIONS];
static struct sender senders[SENDERS];

/* ---- TCP -------------------------------------------------------------------------------------------------------- */

static void take_connection(void)
{
	int fd = accept(files[LISTENER].fd, NULL, NULL);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		if (files[FIRST_CONNECTION + i].fd >= 0)
			continue;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		files[FIRST_CONNECTION + i] = (struct pollfd){ .fd = fd, .events = POLLIN };
		connections[i] = (struct connection){ .start = vport_now() };
		return;
	}
	close(fd);
}

static void read_connection(struct pollfd *file, struct connection *connection, char *buffer)
{
	long got;

	while ((got = read(file->fd, buffer, BUFFER_BYTES)) > 0)
		connection->bytes += (uint64_t)got;
	if (got < 0 && errno == EAGAIN)
		return;
	close(file->fd);
	file->fd = -1;
	report("tcp received", connection->bytes, vport_now() - connection->start);
}

/* ---- UDP -------------------------------------------------------------------------------------------------------- */

/* Until the first datagram has been counted, no time has passed: the last one may be the only one to arrive. */
static void begin_sender(struct sender *sender, const struct sockaddr_in6 *address)
{
	uint64_t now = vport_now();

	*sender = (struct sender){ .busy = true, .address = *address, .start = now, .last = now };
}

static struct sender *sender_of(const struct sockaddr_in6 *address)
{
	struct sender *oldest = &senders[0];

	for (unsigned i = 0; i < SENDERS; i++) {
		if (senders[i].busy && memcmp(&senders[i].address, address, sizeof(*address)) == 0)
			return &senders[i];
		if (!senders[i].busy || senders[i].last < oldest->last)
			oldest = &senders[i];
	}
	begin_sender(oldest, address);
	return oldest;
}

/* As far as numbers have come. */
static uint64_t sent_by(const struct sender *sender)
{
	return (uint64_t)sender->next - (sender->next > 0 && !sender->from_zero);
}

static uint64_t lost_by(const struct sender *sender)
{
	uint64_t sent = sent_by(sender);

	return sent > sender->datagrams ? sent - sender->datagrams : 0;
}

/* RFC 3550, section 6.4.1 */
static void measure(struct sender *sender, const struct datagram_header *header)
{
	int64_t sent = (int64_t)ntohl(header->seconds) * 1000000 + ntohl(header->microseconds);
	int64_t transit = (int64_t)(sender->last / NS_PER_US) - sent;
	int64_t change = transit - sender->transit;

	if (sender->datagrams > 1)
		sender->jitter += (change < 0 ? -change : change) - ((sender->jitter + 8) >> 4);
	sender->transit = transit;
}

static void answer(struct sender *sender, const struct datagram_header *header)
{
	struct {
		struct datagram_header header;
		struct server_report report;
	} message = { .header = *header };
	uint64_t time = sender->last - sender->start;
	uint32_t jitter = (uint32_t)(sender->jitter >> 4);

	message.report = (struct server_report){
		.flags = htonl(REPORT_VERSION1),
		.bytes_high = htonl((uint32_t)(sender->bytes >> 32)),
		.bytes_low = htonl((uint32_t)sender->bytes),
		.seconds = htonl((uint32_t)(time / NS_PER_S)),
		.microseconds = htonl((uint32_t)(time % NS_PER_S / NS_PER_US)),
		.lost = htonl((uint32_t)lost_by(sender)),
		.out_of_order = htonl((uint32_t)sender->out_of_order),
		.datagrams = htonl((uint32_t)sent_by(sender)),
		.jitter_seconds = htonl(jitter / 1000000),
		.jitter_microseconds = htonl(jitter % 1000000),
	};
	/* If it is lost, the last datagram comes again. */
	sendto(files[DATAGRAMS].fd, &message, sizeof(message), 0,
	       (struct sockaddr *)&sender->address, sizeof(sender->address));
}

static void take_datagram(const char *data, size_t length, const struct sockaddr_in6 *from)
{
	struct datagram_header header;

	if (length < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	/* Whether numbers have 64 bits or 32, they have their sign and these bits in common. */
	int32_t number = (int32_t)ntohl(header.number_low);
	struct sender *sender = sender_of(from);
	if (number < 0) {
		if (!sender->ended) {
			sender->ended = true;
			report("udp received", sender->bytes, sender->last - sender->start);
			kprint("iperf: udp datagrams=%llu lost=%llu out_of_order=%llu\n",
			       (unsigned long long)sent_by(sender),
			       (unsigned long long)lost_by(sender),
			       (unsigned long long)sender->out_of_order);
		}
		answer(sender, &header);
		return;
	}
	if (sender->ended) /* the same port, once more */
		begin_sender(sender, from);
	sender->last = vport_now();
	sender->bytes += length;
	sender->datagrams++;
	sender->from_zero |= number == 0;
	if (number < sender->next)
		sender->out_of_order++;
	else
		sender->next = (int64_t)number + 1;
	measure(sender, &header);
}

static void read_datagrams(int fd, char *buffer)
{
	for (unsigned i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		struct sockaddr_in6 from = { 0 };
		socklen_t size = sizeof(from);
		long got = recvfrom(fd, buffer, BUFFER_BYTES, 0, (struct sockaddr *)&from, &size);
		if (got < 0)
			return;
		take_datagram(buffer, (size_t)got, &from);
	}
}

/* ---- Both ----------------------------------------------------------------------------------------------------------- */

static int open_at(int type, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 &&
	    (type != SOCK_STREAM || listen(fd, SOMAXCONN) == 0))
		return fd;
	kprint("iperf: port %u: %s\n", port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void serve(uint64_t end, char *buffer)
{
	uint64_t now;

	while ((now = vport_now()) < end) {
		uint64_t left = (end - now) / NS_PER_MS + 1;
		poll(files, FIRST_CONNECTION + CONNECTIONS, left < 60000 ? (int)left : 60000);
		if (files[LISTENER].revents)
			take_connection();
		if (files[DATAGRAMS].revents)
			read_datagrams(files[DATAGRAMS].fd, buffer);
		for (unsigned i = 0; i < CONNECTIONS; i++) {
			if (files[FIRST_CONNECTION + i].fd >= 0 &&
			    files[FIRST_CONNECTION + i].revents)
				read_connection(&files[FIRST_CONNECTION + i], &connections[i],
						buffer);
		}
	}
}

int server_run(const struct settings *settings)
{
	char *buffer = malloc(BUFFER_BYTES);
	int status = 1;

	for (unsigned i = 0; i < FIRST_CONNECTION + CONNECTIONS; i++)
		files[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	memset(senders, 0, sizeof(senders));
	files[LISTENER].fd = open_at(SOCK_STREAM, settings->port);
	files[DATAGRAMS].fd = open_at(SOCK_DGRAM, settings->port);
	if (buffer && files[LISTENER].fd >= 0 && files[DATAGRAMS].fd >= 0) {
		kprint("iperf: listening on port %u\n", settings->port);
		serve(settings->seconds ? vport_now() + settings->seconds * NS_PER_S : VPORT_NEVER,
		      buffer);
		status = 0;
	}
	for (unsigned i = 0; i < FIRST_CONNECTION + CONNECTIONS; i++) {
		if (files[i].fd >= 0)
			close(files[i].fd);
	}
	free(buffer);
	return status;
}
