/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of TCP: both ends are here.
 *
 *     make run APP=sockettest
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "sockettest.h"

#define LARGE (1 << 20)

const char *test_stream(void)
{
	char text[16] = "";
	int ends[2];

	ktap_check(make_pair(ends));
	ktap_check(write(ends[0], "hello", 5) == 5);
	/* Nothing is sent at once, however full it is there. */
	ktap_check(send(ends[0], "", 0, MSG_DONTWAIT) == 0 && write(ends[0], "", 0) == 0);
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
	ktap_check(FAILS(send(ends[0], "", 0, 0), EPIPE));
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
const char *test_large(void)
{
	unsigned char *piece = (unsigned char *)room[0];
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
			size_t length = LARGE - sent < ROOM ? LARGE - sent : ROOM;
			for (size_t i = 0; i < length; i++)
				piece[i] = (unsigned char)((sent + i) * 7 >> 3);
			long part = write(ends[0], piece, length);
			ktap_check(part > 0 || errno == EAGAIN);
			sent += part > 0 ? (size_t)part : 0;
		}
		if (files[1].revents & POLLIN) {
			long part = read(ends[1], piece, ROOM);
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

const char *test_refused(void)
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

const char *test_reset(void)
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
const char *test_backlog(void)
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
const char *test_backlog_of_the_dead(void)
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
const char *test_twice(void)
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
