/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is asked of a device, and what it tells: its link, announcements, filters, and spreading over pairs of queues. The
 * other end sends frames of which each says by one byte behind the header what kind it is, and one of kind 0 at the end.
 */
#include <string.h>

#include "apps/netcheck/netcheck.h"
#include "kernel/console.h"
#include "lib/error.h"

/* ---- Link and announcements --------------------------------------------------------------- */

static unsigned changes;

static void link_changed(struct net_device *net, void *cookie)
{
	(void)net;
	(void)cookie;
	changes++;
}

int check_link(struct net_device *net, unsigned count)
{
	unsigned told = 0;

	changes = 0;
	net_watch_link(net, link_changed, NULL);
	kprint("netcheck: link is %s at first\n", net->link ? "up" : "down");
	uint64_t end = vport_now() + PATIENCE_NS;
	while (told < count && vport_now() < end) {
		if (told == changes)
			vport_relax(end);
		else
			kprint("netcheck: change %u: link %s\n", ++told, net->link ? "up" : "down");
	}
	return told == count ? 0 : 1;
}

static void announce(struct net_device *net, void *cookie)
{
	(void)net;
	(void)cookie;
	changes++;
}

int check_announce(struct net_device *net, unsigned count)
{
	unsigned told = 0;
	struct net_counts counts;

	changes = 0;
	net_announce(net, announce, NULL);
	kprint("netcheck: ready\n");
	uint64_t end = vport_now() + PATIENCE_NS;
	while (told < count && vport_now() < end) {
		if (told == changes)
			vport_relax(end);
		else
			kprint("netcheck: announced %u\n", ++told);
	}
	/* The last one's frame may still be on its way, and the device told. */
	end = vport_now() + PATIENCE_NS;
	do {
		vport_relax(vport_now() + NS_PER_S / 10);
		net_count(net, &counts);
	} while (counts.sent < told && vport_now() < end);
	return told == count && counts.sent >= told ? 0 : 1;
}

/* ---- Filters --------------------------------------------------------------------------------- */

#define KINDS 16
static unsigned kinds[KINDS];

/* Behind the type, or behind a VLAN tag and the type behind that. */
static unsigned kind_of(const struct net_buffer *frame)
{
	const uint8_t *type = net_data(frame) + 2 * NET_MAC_BYTES;

	if (frame->length < 60)
		return KINDS;
	if (get16(type) == 0x8100)
		type += 4;
	return get16(type) == FRAME_TYPE && type[2] < KINDS ? type[2] : KINDS;
}

static void count_kinds(struct net_device *net, struct net_buffer *const *frames, unsigned count,
			void *cookie)
{
	(void)cookie;
	for (unsigned i = 0; i < count; i++) {
		unsigned kind = kind_of(frames[i]);
		if (kind < KINDS)
			kinds[kind]++;
		net_release(net, frames[i]);
	}
}

static bool hear_until_end(const char *what)
{
	uint64_t end = vport_now() + PATIENCE_NS;

	memset(kinds, 0, sizeof(kinds));
	kprint("netcheck: ready for %s\n", what);
	while (kinds[0] == 0 && vport_now() < end)
		vport_relax(end);
	kprint("netcheck: heard");
	for (unsigned i = 1; i < KINDS; i++)
		kprint(" %u", kinds[i]);
	kprint("\n");
	return kinds[0] > 0;
}

int check_filters(struct net_device *net, unsigned count)
{
	static const uint8_t unicast[1][NET_MAC_BYTES] = { { 0x02, 0, 0, 0, 0, 0x77 } };
	static const uint8_t multicast[1][NET_MAC_BYTES] = { { 0x33, 0x33, 0, 0, 0, 0x77 } };
	static const uint8_t mac[NET_MAC_BYTES] = { 0x02, 0, 0, 0, 0, 0x99 };
	int error = net_set_modes(net, 0);

	(void)count;
	net_listen(net, count_kinds, NULL);
	if (!error && !hear_until_end("nothing but ours"))
		error = ERR_TIMEOUT;
	if (!error)
		error = net_set_filter(net, unicast, 1, multicast, 1);
	if (!error)
		error = net_vlan_add(net, 5);
	if (!error && !hear_until_end("what the filters let in"))
		error = ERR_TIMEOUT;
	if (!error)
		error = net_vlan_remove(net, 5);
	if (!error)
		error = net_set_modes(net, NET_PROMISCUOUS);
	if (!error && !hear_until_end("everything"))
		error = ERR_TIMEOUT;
	if (!error)
		error = net_set_modes(net, 0);
	if (!error)
		error = net_set_mac(net, mac);
	if (!error && !hear_until_end("another address"))
		error = ERR_TIMEOUT;
	net_listen(net, NULL, NULL);
	if (error)
		kprint("netcheck: %s\n", error_text(error));
	return error ? 1 : 0;
}

/* ---- Pairs -------------------------------------------------------------------------------------- */

/* The other end sends by all of them: until so many frames have come by each. */
int check_pairs(struct net_device *net, unsigned count)
{
	uint64_t end = vport_now() + PATIENCE_NS;
	unsigned enough = 0;
	struct net_counts counts;

	net_listen(net, count_kinds, NULL);
	kprint("netcheck: ready with %u pairs\n", net->pairs);
	while (enough < net->pairs && vport_now() < end) {
		vport_relax(end);
		net_count_pair(net, enough, &counts);
		if (counts.received >= count)
			enough++;
	}
	net_listen(net, NULL, NULL);
	net_count(net, &counts);
	kprint("netcheck: %u pairs with %u frames each, %u malformed\n", enough, count,
	       (unsigned)counts.malformed);
	return enough == net->pairs && counts.malformed == 0 ? 0 : 1;
}

/* ---- Spreading ---------------------------------------------------------------------------------- */

#define CPUS 8
#define TABLE 128

/* By CPU, each written by that one alone. */
static struct {
	unsigned heard, misled, unhashed;
	bool ended;
} spread[CPUS];

static void count_spread(struct net_device *net, struct net_buffer *const *frames, unsigned count,
			 void *cookie)
{
	unsigned cpu = vport_cpu();

	for (unsigned i = 0; i < count; i++) {
		const struct net_buffer *frame = frames[i];
		if (kind_of(frame) == 0) {
			*(volatile bool *)&spread[cpu].ended = true;
			vport_wake(0);
		} else if (get16(net_data(frame) + 12) == 0x0800) {
			spread[cpu].heard++;
			/* The table has pair i in place i modulo their number, and pair i is CPU i's. */
			if (frame->offload.hashed != NET_HASHED_UDP4)
				spread[cpu].unhashed++;
			else if (frame->offload.hash % TABLE % net->pairs != cpu)
				spread[cpu].misled++;
		}
		net_release(net, frames[i]);
	}
	(void)cookie;
}

static bool has_ended(void)
{
	bool ended = false;

	for (unsigned i = 0; i < CPUS; i++)
		ended |= *(volatile bool *)&spread[i].ended;
	return ended;
}

static unsigned heard_by_all(void)
{
	unsigned heard = 0;

	for (unsigned i = 0; i < CPUS; i++)
		heard += *(volatile unsigned *)&spread[i].heard;
	return heard;
}

/* The key of the examples that come with the hash's definition, by which everybody checks. */
static const uint8_t key[NET_RSS_KEY_USUAL] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

int check_spread(struct net_device *net, unsigned count)
{
	struct net_rss rss = { .types = NET_HASH_UDP4, .table_length = TABLE };
	unsigned heard = 0, wrong = 0;
	int error = net_set_pairs(net, net->pairs_max);

	for (unsigned i = 0; i < TABLE; i++)
		rss.table[i] = (uint8_t)(i % net->pairs);
	memcpy(rss.key, key, sizeof(key));
	rss.key_bytes = sizeof(key);
	memset(spread, 0, sizeof(spread));
	net_listen(net, count_spread, NULL);
	if (!error)
		error = net_set_rss(net, &rss);
	if (error) {
		kprint("netcheck: %s\n", error_text(error));
		return 1;
	}
	kprint("netcheck: ready with %u pairs\n", net->pairs);
	uint64_t end = vport_now() + PATIENCE_NS;
	/* The last frame may be heard before others are, on other CPUs. */
	while ((!has_ended() || heard_by_all() < count) && vport_now() < end)
		vport_relax(vport_now() + NS_PER_S / 10);
	net_listen(net, NULL, NULL);
	kprint("netcheck: spread");
	for (unsigned i = 0; i < net->pairs && i < CPUS; i++) {
		kprint(" %u", spread[i].heard);
		heard += spread[i].heard;
		wrong += spread[i].misled + spread[i].unhashed;
	}
	kprint(" wrong %u\n", wrong);
	return heard == count && wrong == 0 ? 0 : 1;
}
