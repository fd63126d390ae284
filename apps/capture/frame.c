/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame in a line: who to whom, and what. All of it comes from others: nothing is read that is not there.
 *
 * See it at work: make run ARGS='"capture ping -c 1 10.0.2.2"'
 */
#include "frame.h"

#include <stdbool.h>
#include <string.h>

#include "lib/be.h"
#include "lib/format.h"

enum { ETHERNET_BYTES = 14, TYPE_IP4 = 0x800, TYPE_ARP = 0x806, TYPE_IP6 = 0x86dd };
enum {
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	ARP_BYTES = 28,
	TCP_BYTES = 20,
	UDP_BYTES = 8,
	ICMP_BYTES = 8
};
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMP6 = 58 };

struct line {
	char *text;
	size_t used, size;
};

#define add(line, ...) \
	((line)->used += \
	 format((line)->text + (line)->used, (line)->size - (line)->used, __VA_ARGS__))

static void add_ip4(struct line *line, const uint8_t *ip)
{
	add(line, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

/* Groups of 16 bits; the first row of zeros is left out. */
static void add_ip6(struct line *line, const uint8_t *ip)
{
	bool left_out = false;

	for (unsigned i = 0; i < 8; i++) {
		if (!left_out && i < 7 && be16_load(ip + 2 * i) == 0 &&
		    be16_load(ip + 2 * i + 2) == 0) {
			while (i < 7 && be16_load(ip + 2 * i + 2) == 0)
				i++;
			add(line, i == 7 ? "::" : ":");
			left_out = true;
		} else {
			add(line, "%s%x", i == 0 ? "" : ":", be16_load(ip + 2 * i));
		}
	}
}

static void add_address(struct line *line, const uint8_t *ip, bool six)
{
	if (six)
		add_ip6(line, ip);
	else
		add_ip4(line, ip);
}

static void add_tcp(struct line *line, const uint8_t *tcp, size_t bytes)
{
	static const char letters[] = "FSRPAUEC";
	size_t header = (tcp[12] >> 4) * 4u;

	add(line, " tcp ");
	for (unsigned i = 0; i < 8; i++) {
		if (tcp[13] & 1 << i)
			add(line, "%c", letters[i]);
	}
	add(line, " seq %u ack %u win %u len %u", be32_load(tcp + 4), be32_load(tcp + 8),
	    be16_load(tcp + 14), (unsigned)(bytes > header ? bytes - header : 0));
}

/* What is in an IP packet: `there` bytes of `bytes`. */
static void add_packet(struct line *line, const uint8_t *from, const uint8_t *to, bool six,
		       uint8_t protocol, const uint8_t *data, size_t there, size_t bytes)
{
	bool ports = (protocol == PROTOCOL_TCP && there >= TCP_BYTES) ||
		     (protocol == PROTOCOL_UDP && there >= UDP_BYTES);

	add(line, six ? "ip6 " : "ip ");
	add_address(line, from, six);
	if (ports)
		add(line, ".%u", be16_load(data));
	add(line, " > ");
	add_address(line, to, six);
	if (ports)
		add(line, ".%u", be16_load(data + 2));
	if (ports && protocol == PROTOCOL_TCP)
		add_tcp(line, data, bytes);
	else if (ports)
		add(line, " udp len %u", (unsigned)(bytes - UDP_BYTES));
	else if ((protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMP6) && there >= ICMP_BYTES)
		add(line, " icmp type %u code %u id %u seq %u", data[0], data[1],
		    be16_load(data + 4), be16_load(data + 6));
	else
		add(line, " protocol %u len %u", protocol, (unsigned)bytes);
}

static void add_arp(struct line *line, const uint8_t *arp)
{
	bool asks = be16_load(arp + 6) == 1;

	add(line, asks ? "arp who has " : "arp ");
	add_ip4(line, asks ? arp + 24 : arp + 14);
	if (asks) {
		add(line, " tell ");
		add_ip4(line, arp + 14);
	} else {
		add(line, " is at %02x:%02x:%02x:%02x:%02x:%02x", arp[8], arp[9], arp[10], arp[11],
		    arp[12], arp[13]);
	}
}

static bool add_ip4_packet(struct line *line, const uint8_t *ip, size_t there, size_t bytes)
{
	size_t header = there > 0 ? (ip[0] & 15u) * 4 : 0;

	if (there < IP4_BYTES || header < IP4_BYTES || header > there)
		return false;
	size_t whole = be16_load(ip + 2);
	if (whole < header || whole > bytes)
		return false;
	unsigned place = be16_load(ip + 6);
	if ((place & 0x1fff) != 0) {
		add(line, "ip ");
		add_ip4(line, ip + 12);
		add(line, " > ");
		add_ip4(line, ip + 16);
		add(line, " fragment at %u len %u", (place & 0x1fff) * 8,
		    (unsigned)(whole - header));
		return true;
	}
	if (there > whole)
		there = whole;
	add_packet(line, ip + 12, ip + 16, false, ip[9], ip + header, there - header,
		   whole - header);
	return true;
}

static bool add_ip6_packet(struct line *line, const uint8_t *ip, size_t there, size_t bytes)
{
	if (there < IP6_BYTES)
		return false;
	size_t whole = IP6_BYTES + (size_t)be16_load(ip + 4);
	if (whole > bytes)
		return false;
	if (there > whole)
		there = whole;
	add_packet(line, ip + 8, ip + 24, true, ip[6], ip + IP6_BYTES, there - IP6_BYTES,
		   whole - IP6_BYTES);
	return true;
}

void frame_describe(const uint8_t *data, size_t length, size_t frame_length, char *text,
		    size_t size)
{
	struct line line = { text, 0, size };
	size_t there = length - ETHERNET_BYTES, bytes = frame_length - ETHERNET_BYTES;
	bool known = false;

	if (length < ETHERNET_BYTES) {
		add(&line, "len %u, too short", (unsigned)frame_length);
		return;
	}
	const uint8_t *inner = data + ETHERNET_BYTES;
	unsigned type = be16_load(data + 12);
	if (type == TYPE_IP4) {
		known = add_ip4_packet(&line, inner, there, bytes);
	} else if (type == TYPE_IP6) {
		known = add_ip6_packet(&line, inner, there, bytes);
	} else if (type == TYPE_ARP && there >= ARP_BYTES) {
		add_arp(&line, inner);
		known = true;
	}
	if (!known)
		add(&line,
		    "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x type 0x%04x len "
		    "%u",
		    data[6], data[7], data[8], data[9], data[10], data[11], data[0], data[1],
		    data[2], data[3], data[4], data[5], type, (unsigned)frame_length);
}
