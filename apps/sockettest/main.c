/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests sockets by themselves, over the loopback: no device has a part in it. Here is what is around them all, names and
 * options and select; streams and datagrams have files of their own.
 *
 *     make run APP=sockettest
 *
 * Reports in KTAP version 1.
 */
#include "sockettest.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#include "kernel/libc_file.h"
#include "kernel/net/memory.h"

char room[2][ROOM];

struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int bound(int type, uint16_t port)
{
	struct sockaddr_in own = loopback(port);
	int fd = socket(AF_INET, type, 0), on = type == SOCK_STREAM;

	/* Connections of the test before may linger. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool make_pair(int ends[2])
{
	struct sockaddr_in to = loopback(PORT);
	int listener = bound(SOCK_STREAM, PORT);

	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	bool good = listener >= 0 && ends[0] >= 0 && listen(listener, 1) == 0 &&
		    connect(ends[0], (struct sockaddr *)&to, sizeof(to)) == 0;
	ends[1] = good ? accept(listener, NULL, NULL) : -1;
	close(listener);
	return ends[1] >= 0;
}

void close_pair(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* ---- Around them ------------------------------------------------------------------------------------------- */

static const char *test_addresses(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	struct sockaddr_in own;
	socklen_t size = sizeof(own);
	uint8_t bytes[16];
	int ends[2];

	ktap_check(inet_pton(AF_INET, "10.0.2.15", bytes) == 1 && bytes[3] == 15);
	ktap_check(inet_pton(AF_INET, "10.0.2", bytes) == 0);
	ktap_check(inet_pton(AF_INET, "10.0.2.256", bytes) == 0);
	ktap_check(inet_pton(AF_INET6, "fe80::1", bytes) == 1 && bytes[0] == 0xfe &&
		   bytes[15] == 1);
	ktap_check(inet_pton(AF_INET6, "fe80:::1", bytes) == 0);
	ktap_check(FAILS(inet_pton(AF_UNSPEC, "1", bytes), EAFNOSUPPORT));
	ktap_check(getaddrinfo("127.0.0.1", "http", &hints, &found) == 0);
	ktap_check(((struct sockaddr_in *)found->ai_addr)->sin_port == htons(80));
	ktap_check(found->ai_next == NULL);
	freeaddrinfo(found);
	ktap_check(getaddrinfo("localhost", "7", &hints, &found) == 0);
	freeaddrinfo(found);
	ktap_check(getaddrinfo("::1", NULL, &hints, &found) == EAI_NONAME);
	ktap_check(getaddrinfo(NULL, "nothing", &hints, &found) == EAI_SERVICE);
	ktap_check(make_pair(ends));
	ktap_check(getpeername(ends[0], (struct sockaddr *)&own, &size) == 0);
	ktap_check(own.sin_port == htons(PORT) && own.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	ktap_check(getsockname(ends[1], (struct sockaddr *)&own, &size) == 0);
	ktap_check(own.sin_port == htons(PORT));
	close_pair(ends);
	return KTAP_OK;
}

static const char *test_options(void)
{
	struct timeval soon = { .tv_usec = 20000 }, told;
	socklen_t size = sizeof(int);
	int fd = socket(AF_INET, SOCK_STREAM, 0), value = 1;
	char byte;

	ktap_check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)) == 0);
	value = 0;
	ktap_check(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value == 1);
	ktap_check(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == SOCK_STREAM);
	ktap_check(FAILS(setsockopt(fd, SOL_SOCKET, 0x7777, &value, sizeof(value)), ENOPROTOOPT));
	ktap_check(FAILS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 1), EINVAL));
	ktap_check(FAILS(setsockopt(1, SOL_SOCKET, SO_KEEPALIVE, &value, size), ENOTSOCK));
	ktap_check(FAILS(setsockopt(99, SOL_SOCKET, SO_KEEPALIVE, &value, size), EBADF));
	close(fd);
	fd = bound(SOCK_DGRAM, PORT);
	ktap_check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)) == 0);
	size = sizeof(told);
	ktap_check(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &told, &size) == 0);
	ktap_check(told.tv_usec == soon.tv_usec);
	ktap_check(FAILS(recv(fd, &byte, 1, 0), EAGAIN));
	ktap_check(bound(SOCK_DGRAM, PORT) == -1 && errno == EADDRINUSE);
	close(fd);
	ktap_check(FAILS(socket(1, SOCK_STREAM, 0), EAFNOSUPPORT));
	ktap_check(FAILS(socket(AF_INET, 9, 0), EPROTOTYPE));
	ktap_check(FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT));
	return KTAP_OK;
}

static const char *test_select(void)
{
	struct timeval none = { 0 };
	fd_set readable, writable;
	int ends[2];

	ktap_check(make_pair(ends));
	FD_ZERO(&readable);
	FD_ZERO(&writable);
	FD_SET(ends[1], &readable);
	ktap_check(select(ends[1] + 1, &readable, NULL, NULL, &none) == 0);
	ktap_check(write(ends[0], "x", 1) == 1);
	FD_SET(ends[1], &readable);
	ktap_check(select(ends[1] + 1, &readable, NULL, NULL, NULL) == 1);
	ktap_check(FD_ISSET(ends[1], &readable));
	FD_SET(ends[0], &writable);
	ktap_check(select(ends[1] + 1, NULL, &writable, NULL, &none) == 1);
	struct pollfd bad = { .fd = 77, .events = POLLIN },
		      skipped = { .fd = -1, .events = POLLIN };
	ktap_check(poll(&bad, 1, 0) == 1 && bad.revents == POLLNVAL);
	ktap_check(poll(&skipped, 1, 0) == 0);
	close_pair(ends);
	return KTAP_OK;
}

/* As many as there may be files, and all of what they took is there again. */
static const char *test_all(void)
{
	int fds[OPEN_FILES];
	unsigned count = 0;
	size_t all;

	for (unsigned round = 0; round < 2; round++) {
		errno = 0;
		for (count = 0; count < OPEN_FILES; count++) {
			fds[count] = socket(AF_INET, SOCK_DGRAM, 0);
			if (fds[count] < 0)
				break;
		}
		ktap_check(count == OPEN_FILES - 3 && errno == EMFILE);
		size_t most = network_memory_used(&all);
		while (count > 0)
			close(fds[--count]);
		ktap_check(network_memory_used(&all) < most && all > most);
	}
	return KTAP_OK;
}

static const struct ktap_test tests[] = {
	{ "a stream, both ways, and its ends", test_stream },
	{ "more than all buffers hold", test_large },
	{ "nobody listens", test_refused },
	{ "a connection is reset", test_reset },
	{ "connections wait to be accepted", test_backlog },
	{ "connections end before they are accepted", test_backlog_of_the_dead },
	{ "what can be done only once", test_twice },
	{ "datagrams, whole and in pieces", test_datagrams },
	{ "both versions of IP by one socket", test_six },
	{ "names and addresses", test_addresses },
	{ "options, and what is refused", test_options },
	{ "select and poll", test_select },
	{ "as many as there may be", test_all },
};

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 2;
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
