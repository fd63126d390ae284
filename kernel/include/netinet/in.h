/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of the internet protocols, and options of their sockets. */
#ifndef KERNEL_NETINET_IN_H
#define KERNEL_NETINET_IN_H

#include <machine/endian.h>
#include <sys/socket.h>

struct in_addr {
	in_addr_t s_addr;
};

struct sockaddr_in {
	sa_family_t sin_family;
	in_port_t sin_port;
	struct in_addr sin_addr;
	unsigned char sin_zero[8];
};

struct in6_addr {
	union {
		uint8_t bytes[16];
		uint32_t words[4];
	} in6_u;
#define s6_addr in6_u.bytes
};

struct sockaddr_in6 {
	sa_family_t sin6_family;
	in_port_t sin6_port;
	uint32_t sin6_flowinfo;
	struct in6_addr sin6_addr;
	uint32_t sin6_scope_id;
};

#define INADDR_ANY ((in_addr_t)0)
#define INADDR_BROADCAST ((in_addr_t)0xffffffff)
#define INADDR_LOOPBACK ((in_addr_t)0x7f000001)
#define INADDR_NONE ((in_addr_t)0xffffffff)
#define INET_ADDRSTRLEN 16
#define INET6_ADDRSTRLEN 46

#define IN6ADDR_ANY_INIT \
	{ \
		{ \
			{ \
				0 \
			} \
		} \
	}
#define IN6ADDR_LOOPBACK_INIT \
	{ \
		{ \
			{ \
				0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 \
			} \
		} \
	}
extern const struct in6_addr in6addr_any, in6addr_loopback;

#define IPPROTO_IP 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define IPPROTO_ICMPV6 58

#define IP_TOS 1
#define IP_TTL 2
#define IPV6_V6ONLY 27
#define IPV6_UNICAST_HOPS 16

#ifndef htonl
#define htonl(value) __htonl(value)
#define htons(value) __htons(value)
#define ntohl(value) __ntohl(value)
#define ntohs(value) __ntohs(value)
#endif

#endif
