/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of UDP, over both versions of IP.
 *
 *     make run APP=sockettest
 */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "sockettest.h"

const char *test_datagrams(void)
{
	char *data = room[0], *back = room[1];
	struct sockaddr_in to = loopback(PORT), from;
	socklen_t size = sizeof(from);
	int receiver = bound(SOCK_DGRAM, PORT), sender = socket(AF_INET, SOCK_DGRAM, 0);

	ktap_check(FAILS(send(sender, data, 1, 0), EDESTADDRREQ));
	for (size_t length = 0; length <= ROOM; length += 900) {
		memset(data, (int)(length / 900), length);
		ktap_check(sendto(sender, data, length, 0, (struct sockaddr *)&to, sizeof(to)) ==
			   (long)length);
		ktap_check(recvfrom(receiver, back, ROOM, 0, (struct sockaddr *)&from, &size) ==
			   (long)length);
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

const char *test_six(void)
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
