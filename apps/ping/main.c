/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a machine for an echo, RFC 792 and RFC 4443.
 *
 *     make run APP=ping ARGS=10.0.2.2
 *     ping [-c COUNT] [-s BYTES] HOST        COUNT of 4; BYTES of 56 behind the header, 65507 at most: in fragments
 *
 * Its status is 0 when at least one answer came.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"

#define NS_PER_MS UINT64_C(1000000)
#define PATIENCE_MS 1000
#define BYTES_MAX \
	65507 /* what a packet of IPv4 holds behind its headers; the stack cuts it into fragments */

enum { ECHO_REPLY = 0, ECHO = 8, ECHO6 = 128, ECHO_REPLY6 = 129 };

struct echo {
	uint8_t type, code;
	uint16_t checksum, identifier, sequence;
	uint8_t data[];
};
#define ECHO_HEADER 8
#define PACKET_BYTES (60 + ECHO_HEADER + BYTES_MAX) /* behind the longest header of IPv4 */
_Static_assert(sizeof(struct echo) == ECHO_HEADER, "RFC 792");

static struct {
	int fd;
	bool six;
	struct sockaddr_storage to;
	socklen_t to_length;
	char name[INET6_ADDRSTRLEN];
	uint16_t identifier;
	size_t bytes;
	struct echo *question;
	uint8_t *packet; /* with the answer, of PACKET_BYTES */
} target;

/* RFC 1071 */
static uint16_t checksum(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int ask(uint16_t sequence)
{
	struct echo *echo = target.question;

	*echo = (struct echo){ .type = target.six ? ECHO6 : ECHO,
			       .identifier = htons(target.identifier),
			       .sequence = htons(sequence) };
	for (size_t i = 0; i < target.bytes; i++)
		echo->data[i] = (uint8_t)i;
	if (!target.six) /* the stack makes that of IPv6 */
		echo->checksum = htons(checksum(echo, ECHO_HEADER + target.bytes));
	return sendto(target.fd, echo, ECHO_HEADER + target.bytes, 0, (struct sockaddr *)&target.to,
		      target.to_length) < 0
		       ? -1
		       : 0;
}

/* Whether that is the answer, whole and unchanged. */
static bool is_answer(const uint8_t *packet, size_t length, uint16_t sequence)
{
	size_t header = target.six ? 0 : (packet[0] & 15u) * 4;
	const uint8_t *data = packet + header + ECHO_HEADER;
	struct echo echo;

	if (length != header + ECHO_HEADER + target.bytes)
		return false;
	memcpy(&echo, packet + header, ECHO_HEADER);
	if (echo.type != (target.six ? ECHO_REPLY6 : ECHO_REPLY) ||
	    echo.identifier != htons(target.identifier) || echo.sequence != htons(sequence))
		return false;
	for (size_t i = 0; i < target.bytes; i++) {
		if (data[i] != (uint8_t)i)
			return false;
	}
	return true;
}

/* Nanoseconds until the answer came; 0: none did. */
static uint64_t await(uint16_t sequence)
{
	uint64_t start = vport_now(), end = start + PATIENCE_MS * NS_PER_MS;

	for (uint64_t now = start; now < end; now = vport_now()) {
		struct pollfd file = { .fd = target.fd, .events = POLLIN };
		if (poll(&file, 1, (int)((end - now) / NS_PER_MS) + 1) <= 0)
			continue;
		long got = recv(target.fd, target.packet, PACKET_BYTES, 0);
		if (got >= ECHO_HEADER && is_answer(target.packet, (size_t)got, sequence))
			return vport_now() - start;
	}
	return 0;
}

static bool find(const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
	int error = getaddrinfo(host, NULL, &hints, &found);

	if (error) {
		kprint("ping: %s: %s\n", host, gai_strerror(error));
		return false;
	}
	target.six = found->ai_family == AF_INET6;
	target.to_length = found->ai_addrlen;
	memcpy(&target.to, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (target.six)
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&target.to)->sin6_addr, target.name,
			  sizeof(target.name));
	else
		inet_ntop(AF_INET, &((struct sockaddr_in *)&target.to)->sin_addr, target.name,
			  sizeof(target.name));
	target.fd = socket(target.six ? AF_INET6 : AF_INET, SOCK_RAW,
			   target.six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (target.fd < 0)
		kprint("ping: %s\n", strerror(errno));
	return target.fd >= 0;
}

static int ping(const char *host, unsigned count)
{
	unsigned answers = 0;

	if (!find(host))
		return 1;
	target.identifier = (uint16_t)vport_now();
	for (unsigned n = 1; n <= count; n++) {
		if (ask((uint16_t)n) < 0) {
			kprint("ping: %s: %s\n", target.name, strerror(errno));
			continue;
		}
		uint64_t time = await((uint16_t)n);
		if (time == 0) {
			kprint("ping: %s: no answer to %u\n", target.name, n);
			continue;
		}
		answers++;
		kprint("%u bytes from %s: seq=%u time=%u.%03u ms\n",
		       (unsigned)(ECHO_HEADER + target.bytes), target.name, n,
		       (unsigned)(time / NS_PER_MS), (unsigned)(time % NS_PER_MS / 1000));
	}
	close(target.fd);
	kprint("ping: %s sent=%u received=%u\n", target.name, count, answers);
	return answers == 0;
}

int main(int argc, char **argv)
{
	unsigned long count = 4;
	int option;

	optind = 0;
	target.bytes = 56;
	while ((option = getopt(argc, argv, "c:s:")) != -1) {
		char *end = NULL;
		unsigned long number = option == '?' ? 0 : strtoul(optarg, &end, 10);
		if (option == 'c')
			count = number;
		else
			target.bytes = number;
		if (!end || *end || count == 0 || count > UINT16_MAX || target.bytes > BYTES_MAX)
			argc = 0; /* told below */
	}
	if (argc != optind + 1) {
		kprint("usage: %s [-c COUNT] [-s BYTES] HOST, with up to %u BYTES\n", argv[0],
		       BYTES_MAX);
		return 2;
	}
	target.question = malloc(ECHO_HEADER + target.bytes);
	target.packet = malloc(PACKET_BYTES);
	bool memory = target.question && target.packet;
	if (!memory)
		kprint("ping: out of memory\n");
	int status = memory ? ping(argv[optind], (unsigned)count) : 1;
	free(target.question);
	free(target.packet);
	return status;
}
