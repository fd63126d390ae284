/* SPDX-License-Identifier: BSD-2-Clause */
/* Where things are in the headers of IP, TCP and UDP, in bytes: RFC 791, RFC 8200, RFC 9293, RFC 768. */
#ifndef KERNEL_NET_HEADERS_H
#define KERNEL_NET_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/net.h"
#include "lib/be.h"

enum { ETHERNET_TYPE = NET_HEADER_BYTES - 2, TYPE_IP4 = 0x0800 };
enum {
	IP4_HEADER = 20,  /* without options */
	IP4_PLAIN = 0x45, /* its first byte then */
	IP4_LENGTH = 2,
	IP4_ID = 4,
	IP4_FRAGMENT = 6,
	IP4_PROTOCOL = 9,
	IP4_CHECKSUM = 10,
	IP4_ADDRESSES = 12, /* from, to */
	IP4_TO = 16,
};
#define IP4_FRAGMENTED 0x3fff /* of IP4_FRAGMENT: its place, and that more follow */
enum { IP6_HEADER = 40, IP6_LENGTH = 4, IP6_NEXT = 6, IP6_ADDRESSES = 8 };
enum {
	TCP_HEADER = 20, /* without options */
	TCP_HEADER_MAX = 60,
	TCP_FROM = 0,
	TCP_TO = 2,
	TCP_SEQUENCE = 4,
	TCP_ACKNOWLEDGED = 8,
	TCP_OFFSET = 12,
	TCP_FLAG_BYTE = 13,
	TCP_CHECKSUM = 16,
	TCP_FLAG_FIN = 1,
	TCP_FLAG_SYN = 2,
	TCP_FLAG_PSH = 8,
	TCP_FLAG_ACK = 16,
};
enum { UDP_HEADER = 8, UDP_LENGTH = 4, UDP_CHECKSUM = 6 };

/* In a frame of IPv4's TCP without options in any header. */
enum {
	PLAIN_IP = NET_HEADER_BYTES,
	PLAIN_TCP = PLAIN_IP + IP4_HEADER,
	PLAIN_HEADERS = PLAIN_TCP + TCP_HEADER,
};
#define PROTOCOL_TCP 6

/* Whether a frame of PLAIN_HEADERS bytes or more is one of these, and no fragment. */
static inline bool headers_are_plain(const uint8_t *frame)
{
	const uint8_t *ip = frame + PLAIN_IP;

	return be16_load(frame + ETHERNET_TYPE) == TYPE_IP4 && ip[0] == IP4_PLAIN &&
	       (be16_load(ip + IP4_FRAGMENT) & IP4_FRAGMENTED) == 0 &&
	       ip[IP4_PROTOCOL] == PROTOCOL_TCP &&
	       frame[PLAIN_TCP + TCP_OFFSET] == TCP_HEADER / 4 << 4;
}

#endif
