/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network interfaces: which there are, what they are, what they have done; turning them on and off, giving them
 * addresses.
 *
 *     make run APP=net
 *     net [list | link | mac | stats [INTERFACE]]
 *     net up | down | dhcp INTERFACE
 *     net mac INTERFACE ADDRESS        as in 52:54:00:12:34:57
 *     net static INTERFACE ADDRESS/BITS[,gw=ADDRESS][,dns=ADDRESS[:PORT]]
 *
 * Left out: IPv6 addresses other than those that routers advertise.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "drivers/virtio/net.h"
#include "kernel/console.h"
#include "kernel/net/network.h"
#include "lib/error.h"

#define NS_PER_S UINT64_C(1000000000)
#define PATIENCE (10 * NS_PER_S) /* for an answer to DHCP */
#define LINE 240

static int fails(const char *what, int error)
{
	kprint("net: %s: %s\n", what,
	       error == ERR_NOT_FOUND ? "there is no such interface" : error_text(error));
	return 1;
}

static int no_address(const char *text, const char *wanted)
{
	kprint("net: %s: that is not %s\n", text, wanted);
	return 1;
}

static void print_mac(const struct net_device *net)
{
	kprint("%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1], net->mac[2], net->mac[3],
	       net->mac[4], net->mac[5]);
}

static void list(struct net_device *net)
{
	char line[LINE];

	kprint("%s ", net->name);
	print_mac(net);
	kprint(" mtu %u link %s", (unsigned)net->mtu,
	       net->gone   ? "gone"
	       : net->link ? "up"
			   : "down");
	if (net->speed != NET_SPEED_UNKNOWN)
		kprint(" %u Mbit/s %s duplex", (unsigned)net->speed,
		       net->duplex == NET_DUPLEX_FULL ? "full" : "half");
	network_describe(net->name, line, sizeof(line), NULL);
	kprint(" %s\n", line);
}

static void show_link(struct net_device *net)
{
	kprint("%s link %s\n", net->name, net->gone ? "gone" : net->link ? "up" : "down");
}

static void show_stats(struct net_device *net)
{
	struct network_counters of_stack;
	struct net_counts counts;
	char line[LINE];

	net_count(net, &counts);
	network_describe(net->name, line, sizeof(line), &of_stack);
	kprint("%s pairs=%u sent=%llu sent_bytes=%llu failed=%llu received=%llu "
	       "received_bytes=%llu "
	       "malformed=%llu unheard=%llu resets=%u",
	       net->name, net->pairs, (unsigned long long)counts.sent,
	       (unsigned long long)counts.sent_bytes, (unsigned long long)counts.failed,
	       (unsigned long long)counts.received, (unsigned long long)counts.received_bytes,
	       (unsigned long long)counts.malformed, (unsigned long long)counts.unheard,
	       net->resets);
	kprint(" held=%u waiting=%u copied=%llu dropped_in=%llu dropped_out=%llu\n", of_stack.held,
	       of_stack.waiting, (unsigned long long)of_stack.copied,
	       (unsigned long long)of_stack.dropped_in, (unsigned long long)of_stack.dropped_out);
}

static void show_mac(struct net_device *net)
{
	kprint("%s ", net->name);
	print_mac(net);
	kprint("\n");
}

/* For one of them, or for all. */
static int show(const char *name, void (*one)(struct net_device *net))
{
	struct net_device *net = name ? net_find(name) : net_first();

	if (!net && name)
		return fails(name, ERR_NOT_FOUND);
	if (!net) {
		kprint("net: there is no interface\n");
		return 1;
	}
	for (; net; net = name ? NULL : net->next)
		one(net);
	return 0;
}

static int set_mac(const char *name, const char *text)
{
	struct net_device *net = net_find(name);
	unsigned b[NET_MAC_BYTES];
	uint8_t mac[NET_MAC_BYTES];
	char more;

	if (!net)
		return fails(name, ERR_NOT_FOUND);
	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &more) != NET_MAC_BYTES)
		return no_address(text, "an address, as in 52:54:00:12:34:57");
	for (unsigned i = 0; i < NET_MAC_BYTES; i++)
		mac[i] = (uint8_t)b[i];
	if ((b[0] & 1) || (b[0] | b[1] | b[2] | b[3] | b[4] | b[5]) == 0)
		return no_address(text, "the address of one station");
	int error = net_set_mac(net, mac);
	if (!error)
		error = network_mac(name);
	return error ? fails(name, error) : 0;
}

static int usage(void)
{
	kprint("usage: net [list | link | mac | stats [INTERFACE]]\n"
	       "       net up | down | dhcp INTERFACE\n"
	       "       net mac INTERFACE ADDRESS, as in 52:54:00:12:34:57\n"
	       "       net static INTERFACE ADDRESS/BITS[,gw=ADDRESS][,dns=ADDRESS[:PORT]]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*one)(struct net_device *net);
	} shows[] = { { "list", list },
		      { "link", show_link },
		      { "mac", show_mac },
		      { "stats", show_stats } };
	const char *what = argc > 1 ? argv[1] : "list";
	int error = network_start();

	if (error)
		return fails("its memory", error);
	if (argc == 1 || strcmp(what, "list") == 0)
		network_await(vport_now() + PATIENCE);
	for (unsigned i = 0; i < sizeof(shows) / sizeof(shows[0]) && argc <= 3; i++) {
		if (strcmp(what, shows[i].name) == 0)
			return show(argc == 3 ? argv[2] : NULL, shows[i].one);
	}
	if (argc == 4 && strcmp(what, "mac") == 0)
		return set_mac(argv[2], argv[3]);
	if (argc == 3 && (strcmp(what, "up") == 0 || strcmp(what, "down") == 0))
		error = network_up(argv[2], what[0] == 'u');
	else if (argc == 3 && strcmp(what, "dhcp") == 0)
		error = network_dhcp(argv[2]);
	else if (argc == 4 && strcmp(what, "static") == 0)
		error = network_static(argv[2], argv[3]);
	else
		return usage();
	if (error == ERR_INVALID)
		return no_address(argv[3], "ADDRESS/BITS[,gw=ADDRESS][,dns=ADDRESS[:PORT]]");
	return error ? fails(argv[2], error) : 0;
}
