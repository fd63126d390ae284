/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks for the addresses of names.
 *
 *     make run APP=dns ARGS=example.org
 *     dns [-s SERVER[:PORT]] NAME…        another server than the one that DHCP told of, this time
 *
 * A line an address: `dns: NAME ADDRESS`; or why there is none: no such name, no answer, or a server that could not say
 * (SERVFAIL and the like). Its status is 0 when each name has one.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "kernel/net/network.h"
#include "lib/error.h"

#define NS_PER_S UINT64_C(1000000000)

static int print(const char *name, int family)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *found;
	char text[INET6_ADDRSTRLEN];
	int error = getaddrinfo(name, NULL, &hints, &found);

	if (error)
		return error;
	for (struct addrinfo *one = found; one; one = one->ai_next) {
		const void *address =
			family == AF_INET6
				? (void *)&((struct sockaddr_in6 *)one->ai_addr)->sin6_addr
				: (void *)&((struct sockaddr_in *)one->ai_addr)->sin_addr;
		kprint("dns: %s %s\n", name, inet_ntop(family, address, text, sizeof(text)));
	}
	freeaddrinfo(found);
	return 0;
}

int main(int argc, char **argv)
{
	int first = argc > 1 && strcmp(argv[1], "-s") == 0 ? 3 : 1, status = 0;

	if (argc <= first || argv[first][0] == '-') {
		kprint("usage: %s [-s SERVER[:PORT]] NAME…\n", argv[0]);
		return 2;
	}
	/* The server that DHCP tells of would come later than the one that is asked for here. */
	network_await(vport_now() + 10 * NS_PER_S);
	if (first > 1) {
		int error = network_dns(argv[2]);
		if (error) {
			kprint("dns: %s: %s\n", argv[2], error_text(error));
			return 2;
		}
	}
	for (int i = first; i < argc; i++) {
		int four = print(argv[i], AF_INET);
		int six = four == EAI_AGAIN ? four : print(argv[i], AF_INET6);
		if (four && six) {
			kprint("dns: %s: %s\n", argv[i], gai_strerror(four));
			status = 1;
		}
	}
	if (first > 1)
		network_dns_restore();
	return status;
}
