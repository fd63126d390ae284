/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests sockets by themselves, over the loopback: no device has a part in it.
 *
 *     make run APP=sockettest
 *
 * Reports in KTAP version 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#include "kernel/ktap.h"
#include "kernel/libc_file.h"
#include "kernel/net/memory.h"

#define PORT 4000
#define NOBODY 4999 /* listens there */
#define LARGE (1 << 20)

/* Evaluates to whether it failed with that errno. */
#define FAILS(call, error) (errno = 0, (call) == -1 && errno == (error))

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int bound(int type, uint16_t port)
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

/* A connection's two ends. */
static bool make_pair(int ends[2])
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

static void close_pair(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* ---- Streams -------------------------------------------------------------------------------------- */

static const char *test_stream(void)
{
	char text[16] = "";
	int ends[2];

	ktap_check(make_pair(ends));
	ktap_check(write(ends[0], "hello", 5) == 5);
	ktap_check(recv(ends[1], text, sizeof(text), MSG_PEEK) == 5);
	ktap_check(read(ends[1], text, 2) == 2);
	ktap_check(read(ends[1], text + 2, sizeof(text)) == 3);
	ktap_check(memcmp(text, "hello", 5) == 0);
	ktap_check(send(ends[1], "back", 4, 0) == 4);
	ktap_check(recv(ends[0], text, 4, MSG_WAITALL) == 4);
	ktap_check(memcmp(text, "back", 4) == 0);
	/* Half closed: what is on its way still comes. */
	ktap_check(write(ends[0], "last", 4) == 4);
	ktap_check(shutdown(ends[0], SHUT_WR) == 0);
	ktap_check(FAILS(write(ends[0], "x", 1), EPIPE));
	ktap_check(recv(ends[1], text, 8, MSG_WAITALL) == 4);
	ktap_check(read(ends[1], text, 8) == 0);
	ktap_check(write(ends[1], "yes", 3) == 3);
	ktap_check(read(ends[0], text, 8) == 3);
	close(ends[1]);
	ktap_check(read(ends[0], text, 8) == 0);
	close(ends[0]);
	return KTAP_OK;
}

/* More than all buffers hold, by one program at both ends. */
static const char *test_large(void)
{
	static unsigned char piece[10000];
	size_t sent = 0, received = 0;
	int ends[2];

	ktap_check(make_pair(ends));
	ktap_check(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	ktap_check(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
	while (received < LARGE) {
		struct pollfd files[2] = {
			{ .fd = ends[0], .events = sent < LARGE ? POLLOUT : 0 },
			{ .fd = ends[1], .events = POLLIN },
		};
		ktap_check(poll(files, 2, -1) > 0);
		if (files[0].revents & POLLOUT) {
			size_t length = LARGE - sent < sizeof(piece) ? LARGE - sent : sizeof(piece);
			for (size_t i = 0; i < length; i++)
				piece[i] = (unsigned char)((sent + i) * 7 >> 3);
			long part = write(ends[0], piece, length);
			ktap_check(part > 0 || errno == EAGAIN);
			sent += part > 0 ? (size_t)part : 0;
		}
		if (files[1].revents & POLLIN) {
			long part = read(ends[1], piece, sizeof(piece));
			ktap_check(part > 0);
			for (size_t i = 0; i < (size_t)part; i++)
				ktap_check(piece[i] == (unsigned char)((received + i) * 7 >> 3));
			received += (size_t)part;
		}
	}
	ktap_check(FAILS(read(ends[1], piece, 1), EAGAIN));
	close_pair(ends);
	return KTAP_OK;
}

static const char *test_refused(void)
{
	struct sockaddr_in to = loopback(NOBODY);
	int fd = socket(AF_INET, SOCK_STREAM, 0), error = -1;
	socklen_t size = sizeof(error);

	ktap_check(FAILS(connect(fd, (struct sockaddr *)&to, sizeof(to)), ECONNREFUSED));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ktap_check(FAILS(connect(fd, (struct sockaddr *)&to, sizeof(to)), EINPROGRESS));
	struct pollfd file = { .fd = fd, .events = POLLOUT };
	ktap_check(poll(&file, 1, -1) == 1 && (file.revents & POLLERR));
	ktap_check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
	ktap_check(error == ECONNREFUSED);
	close(fd);
	return KTAP_OK;
}

static const char *test_reset(void)
{
	struct linger now = { .l_onoff = 1 };
	char text[4];
	int ends[2];

	ktap_check(make_pair(ends));
	ktap_check(setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
	close(ends[0]);
	ktap_check(FAILS(read(ends[1], text, sizeof(text)), ECONNRESET));
	ktap_check(read(ends[1], text, sizeof(text)) == 0); /* told once */
	close(ends[1]);
	return KTAP_OK;
}

/* As many as may wait to be accepted, and what they said before they were. */
static const char *test_backlog(void)
{
	enum { WAITING = 8 };
	struct sockaddr_in to = loopback(PORT);
	int listener = bound(SOCK_STREAM, PORT), fds[WAITING];

	ktap_check(listen(listener, WAITING) == 0);
	ktap_check(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	ktap_check(FAILS(accept(listener, NULL, NULL), EAGAIN));
	for (unsigned i = 0; i < WAITING; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		ktap_check(connect(fds[i], (struct sockaddr *)&to, sizeof(to)) == 0);
		ktap_check(write(fds[i], &i, sizeof(i)) == sizeof(i));
	}
	for (unsigned i = 0; i < WAITING; i++) {
		struct pollfd file = { .fd = listener, .events = POLLIN };
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		unsigned number = WAITING;
		ktap_check(poll(&file, 1, -1) == 1);
		int fd = accept(listener, (struct sockaddr *)&from, &size);
		ktap_check(fd >= 0 && from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
		ktap_check(read(fd, &number, sizeof(number)) == sizeof(number));
		ktap_check(number == i);
		close(fd);
		close(fds[i]);
	}
	close(listener);
	return KTAP_OK;
}

/* Those that are reset before they are accepted keep their places: a peer that does only that fills no memory. */
static const char *test_backlog_of_the_dead(void)
{
	enum { WAITING = 4, CONNECTIONS = 20 };
	struct linger now = { .l_onoff = 1 };
	struct sockaddr_in to = loopback(PORT);
	int listener = bound(SOCK_STREAM, PORT), fd;
	unsigned dead = 0;
	char c;

	ktap_check(listen(listener, WAITING) == 0);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		ktap_check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
		bool is = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
		ktap_check(is || i >= WAITING); /* the others may be refused */
		close(fd);
		poll(NULL, 0, 10); /* the reset arrives */
	}
	ktap_check(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	for (; (fd = accept(listener, NULL, NULL)) >= 0; dead++) {
		ktap_check(FAILS(read(fd, &c, 1), ECONNRESET));
		close(fd);
	}
	ktap_check(dead == WAITING);
	/* And then others are accepted again. */
	int living = socket(AF_INET, SOCK_STREAM, 0);
	struct pollfd file = { .fd = listener, .events = POLLIN };
	ktap_check(connect(living, (struct sockaddr *)&to, sizeof(to)) == 0);
	ktap_check(poll(&file, 1, -1) == 1);
	ktap_check((fd = accept(listener, NULL, NULL)) >= 0);
	ktap_check(write(living, "x", 1) == 1 && read(fd, &c, 1) == 1 && c == 'x');
	close(fd);
	close(living);
	close(listener);
	return KTAP_OK;
}

/* What can be done only once: a second time it is refused, and the stack goes on. */
static const char *test_twice(void)
{
	struct sockaddr_in own = loopback(PORT), other = loopback(PORT + 1);
	int fd = bound(SOCK_STREAM, PORT), ends[2];

	ktap_check(FAILS(bind(fd, (struct sockaddr *)&other, sizeof(other)), EINVAL));
	ktap_check(FAILS(bind(fd, (struct sockaddr *)&own, sizeof(own)), EINVAL));
	ktap_check(listen(fd, 1) == 0 && listen(fd, 2) == 0);
	ktap_check(FAILS(bind(fd, (struct sockaddr *)&other, sizeof(other)), EINVAL));
	ktap_check(FAILS(connect(fd, (struct sockaddr *)&other, sizeof(other)), EOPNOTSUPP));
	close(fd);
	ktap_check(make_pair(ends)); /* walks the list of what is bound */
	ktap_check(FAILS(connect(ends[0], (struct sockaddr *)&own, sizeof(own)), EISCONN));
	ktap_check(FAILS(bind(ends[0], (struct sockaddr *)&other, sizeof(other)), EINVAL));
	ktap_check(FAILS(listen(ends[0], 1), EINVAL));
	close_pair(ends);
	/* An address that is taken can be followed by another one. */
	int first = bound(SOCK_STREAM, PORT), second = socket(AF_INET, SOCK_STREAM, 0);
	ktap_check(listen(first, 1) == 0);
	ktap_check(FAILS(bind(second, (struct sockaddr *)&own, sizeof(own)), EADDRINUSE));
	ktap_check(bind(second, (struct sockaddr *)&other, sizeof(other)) == 0);
	ktap_check(connect(second, (struct sockaddr *)&own, sizeof(own)) == 0);
	close(second);
	close(first);
	return KTAP_OK;
}

/* ---- Datagrams ------------------------------------------------------------------------------------------ */

static const char *test_datagrams(void)
{
	static char data[9000], back[9000];
	struct sockaddr_in to = loopback(PORT), from;
	socklen_t size = sizeof(from);
	int receiver = bound(SOCK_DGRAM, PORT), sender = socket(AF_INET, SOCK_DGRAM, 0);

	ktap_check(FAILS(send(sender, data, 1, 0), EDESTADDRREQ));
	for (size_t length = 0; length <= sizeof(data); length += 900) {
		memset(data, (int)(length / 900), length);
		ktap_check(sendto(sender, data, length, 0, (struct sockaddr *)&to, sizeof(to)) ==
			   (long)length);
		ktap_check(recvfrom(receiver, back, sizeof(back), 0, (struct sockaddr *)&from,
				    &size) == (long)length);
		ktap_check(memcmp(data, back, length) == 0);
		ktap_check(size == sizeof(from) && from.sin_family == AF_INET);
	}
	ktap_check(FAILS(sendto(sender, data, 70000, 0, (struct sockaddr *)&to, sizeof(to)),
			 EMSGSIZE));
	/* In pieces; what does not fit is lost, and that is told. */
	struct iovec pieces[2] = { { "abc", 3 }, { "defgh", 5 } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	ktap_check(connect(sender, (struct sockaddr *)&to, sizeof(to)) == 0);
	ktap_check(sendmsg(sender, &message, 0) == 8);
	struct iovec rest[2] = { { back, 2 }, { back + 2, 3 } };
	message.msg_iov = rest;
	ktap_check(recvmsg(receiver, &message, 0) == 5);
	ktap_check(message.msg_flags == MSG_TRUNC && memcmp(back, "abcde", 5) == 0);
	ktap_check(FAILS(recv(receiver, back, 1, MSG_DONTWAIT), EAGAIN));
	close(sender);
	close(receiver);
	return KTAP_OK;
}

static const char *test_six(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) }, from;
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(PORT),
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in to4 = loopback(PORT);
	int both = socket(AF_INET6, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0);
	int four = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t size = sizeof(from);
	char text[INET6_ADDRSTRLEN], byte;

	ktap_check(bind(both, (struct sockaddr *)&any, sizeof(any)) == 0);
	ktap_check(sendto(six, "6", 1, 0, (struct sockaddr *)&to6, sizeof(to6)) == 1);
	ktap_check(recvfrom(both, &byte, 1, 0, (struct sockaddr *)&from, &size) == 1 &&
		   byte == '6');
	inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof(text));
	ktap_check(strcmp(text, "::1") == 0);
	ktap_check(sendto(four, "4", 1, 0, (struct sockaddr *)&to4, sizeof(to4)) == 1);
	ktap_check(recvfrom(both, &byte, 1, 0, (struct sockaddr *)&from, &size) == 1 &&
		   byte == '4');
	inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof(text));
	ktap_check(strcmp(text, "::ffff:127.0.0.1") == 0);
	close(both);
	close(six);
	close(four);
	return KTAP_OK;
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
