/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of sockets, between programs and lwIP, and as text.
 *
 * See it at work: make run APP=sockettest
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "kernel/net/socket.h"

const struct in6_addr in6addr_any = IN6ADDR_ANY_INIT;
const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

/* ---- lwIP's and programs' ------------------------------------------------------------------------------------- */

int address_get(const struct socket *socket, const struct sockaddr *from, socklen_t length,
		ip_addr_t *address, uint16_t *port)
{
	if (!from || length < sizeof(struct sockaddr_in))
		return EINVAL;
	if (from->sa_family != socket->domain)
		return EAFNOSUPPORT;
	if (from->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)from;
		ip_addr_set_ip4_u32_val(*address, in->sin_addr.s_addr);
		*port = ntohs(in->sin_port);
		return 0;
	}
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	if (length < sizeof(*in6))
		return EINVAL;
	const uint32_t *words = in6->sin6_addr.in6_u.words;
	*port = ntohs(in6->sin6_port);
	if (words[0] == 0 && words[1] == 0 && words[2] == htonl(0xffff)) {
		ip_addr_set_ip4_u32_val(*address, words[3]);
		return 0;
	}
	IP_ADDR6(address, words[0], words[1], words[2], words[3]);
	if (in6->sin6_scope_id <= UINT8_MAX && ip6_addr_has_scope(ip_2_ip6(address), IP6_UNKNOWN))
		ip6_addr_set_zone(ip_2_ip6(address), (u8_t)in6->sin6_scope_id);
	return 0;
}

void address_put(const struct socket *socket, const ip_addr_t *address, uint16_t port,
		 struct sockaddr *to, socklen_t *length)
{
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} own = { 0 };
	socklen_t size = sizeof(own.in);

	if (!to || !length)
		return;
	if (socket->domain == AF_INET) {
		own.in.sin_family = AF_INET;
		own.in.sin_port = htons(port);
		own.in.sin_addr.s_addr = ip4_addr_get_u32(ip_2_ip4(address));
	} else {
		uint32_t *words = own.in6.sin6_addr.in6_u.words;
		size = sizeof(own.in6);
		own.in6.sin6_family = AF_INET6;
		own.in6.sin6_port = htons(port);
		if (IP_IS_V6_VAL(*address)) {
			memcpy(words, ip_2_ip6(address)->addr, sizeof(own.in6.sin6_addr));
			own.in6.sin6_scope_id = ip6_addr_zone(ip_2_ip6(address));
		} else if (IP_IS_V4_VAL(*address)) {
			words[2] = htonl(0xffff);
			words[3] = ip4_addr_get_u32(ip_2_ip4(address));
		}
	}
	memcpy(to, &own, *length < size ? *length : size);
	*length = size;
}

/* What lwIP has at that end of the socket. */
static void address_of(const struct socket *socket, bool peer, ip_addr_t *address, uint16_t *port)
{
	*port = 0;
	ip_addr_set_zero_ip4(address);
	if (socket->type == SOCK_STREAM && socket->tcp) {
		/* A listening one has no more than this in common with others. */
		*address = peer ? socket->tcp->remote_ip : socket->tcp->local_ip;
		*port = peer && !socket->listening ? socket->tcp->remote_port
						   : socket->tcp->local_port;
	} else if (socket->type == SOCK_DGRAM) {
		*address = peer ? socket->udp->remote_ip : socket->udp->local_ip;
		*port = peer ? socket->udp->remote_port : socket->udp->local_port;
	} else if (socket->type == SOCK_RAW) {
		*address = peer ? socket->raw->remote_ip : socket->raw->local_ip;
	}
}

int getsockname(int fd, struct sockaddr *restrict name, socklen_t *restrict length)
{
	struct socket *socket = socket_of(fd);
	ip_addr_t address;
	uint16_t port;

	if (!socket)
		return -1;
	address_of(socket, false, &address, &port);
	address_put(socket, &address, port, name, length);
	return 0;
}

int getpeername(int fd, struct sockaddr *restrict name, socklen_t *restrict length)
{
	struct socket *socket = socket_of(fd);
	ip_addr_t address;
	uint16_t port;

	if (!socket)
		return -1;
	if (!socket->connected || (socket->type == SOCK_STREAM && !socket->tcp))
		return socket_fail(ENOTCONN);
	address_of(socket, true, &address, &port);
	address_put(socket, &address, port, name, length);
	return 0;
}

/* ---- Text ---------------------------------------------------------------------------------------------------------- */

int inet_aton(const char *text, struct in_addr *address)
{
	ip4_addr_t parsed;

	if (!ip4addr_aton(text, &parsed))
		return 0;
	address->s_addr = ip4_addr_get_u32(&parsed);
	return 1;
}

in_addr_t inet_addr(const char *text)
{
	struct in_addr address;

	return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

char *inet_ntoa(struct in_addr address)
{
	static char text[INET_ADDRSTRLEN];

	return (char *)inet_ntop(AF_INET, &address, text, sizeof(text));
}

/* Four decimal numbers of one byte each, without leading zeros: unlike inet_aton it knows no other form. */
static int parse4(const char *text, uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned value = 0, digits = 0;
		if (i > 0 && *text++ != '.')
			return 0;
		while (*text >= '0' && *text <= '9') {
			if (digits > 0 && value == 0)
				return 0;
			value = value * 10 + (unsigned)(*text++ - '0');
			if (++digits > 3 || value > UINT8_MAX)
				return 0;
		}
		if (digits == 0)
			return 0;
		bytes[i] = (uint8_t)value;
	}
	return *text == '\0';
}

int inet_pton(int family, const char *restrict text, void *restrict address)
{
	uint8_t bytes[4];
	ip6_addr_t parsed;

	switch (family) {
	case AF_INET:
		if (!parse4(text, bytes))
			return 0;
		memcpy(address, bytes, sizeof(bytes));
		return 1;
	case AF_INET6:
		if (strchr(text, '%') || !ip6addr_aton(text, &parsed))
			return 0;
		memcpy(address, parsed.addr, sizeof(parsed.addr));
		return 1;
	default:
		return socket_fail(EAFNOSUPPORT);
	}
}

const char *inet_ntop(int family, const void *restrict address, char *restrict text, socklen_t size)
{
	char *done = NULL;

	if (family == AF_INET) {
		ip4_addr_t own;
		memcpy(&own.addr, address, sizeof(own.addr));
		done = ip4addr_ntoa_r(&own, text, (int)size);
	} else if (family == AF_INET6) {
		ip6_addr_t own = { 0 };
		memcpy(own.addr, address, sizeof(own.addr));
		done = ip6addr_ntoa_r(&own, text, (int)size);
		for (char *c = done; c && *c; c++)
			*c = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
	} else {
		errno = EAFNOSUPPORT;
		return NULL;
	}
	if (!done)
		errno = ENOSPC;
	return done;
}
