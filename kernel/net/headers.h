/* SPDX-License-Identifier: BSD-2-Clause */
/* Where things are in the headers of IP, TCP and UDP, in bytes: RFC 791, RFC 8200, RFC 9293, RFC 768. */
#ifndef KERNEL_NET_HEADERS_H
#define KERNEL_NET_HEADERS_H

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
	TCP_OFFSET = 12,
	TCP_FLAG_BYTE = 13,
	TCP_CHECKSUM = 16,
	TCP_FLAG_FIN = 1,
	TCP_FLAG_SYN = 2,
	TCP_FLAG_PSH = 8,
	TCP_FLAG_ACK = 16,
};
enum { UDP_HEADER = 8, UDP_LENGTH = 4, UDP_CHECKSUM = 6 };

#endif
