/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of a network interface for which somebody must be at its other end: tests/wires.py, which tells of each.
 *
 *     netcheck INTERFACE lengths|link|announce|filters|pairs|spread|segments COUNT
 *
 * Left out: anything that QEMU's user network could answer; that is nettest.
 */
#include <stdlib.h>
#include <string.h>

#include "apps/netcheck/netcheck.h"
#include "kernel/console.h"

static const struct {
	const char *name;
	int (*run)(struct net_device *net, unsigned count);
} parts[] = {
	{ "lengths", check_lengths },   { "link", check_link },   { "announce", check_announce },
	{ "filters", check_filters },   { "pairs", check_pairs }, { "spread", check_spread },
	{ "segments", check_segments },
};

void put_header(uint8_t *data, const uint8_t *to, const uint8_t *from, unsigned type)
{
	memcpy(data, to, NET_MAC_BYTES);
	memcpy(data + NET_MAC_BYTES, from, NET_MAC_BYTES);
	put16(data + 2 * NET_MAC_BYTES, type);
}

struct net_buffer *take_waiting(struct net_device *net)
{
	uint64_t end = vport_now() + PATIENCE_NS;
	struct net_buffer *frame;

	while ((frame = net_take(net)) == NULL && vport_now() < end)
		vport_relax(end);
	return frame;
}

bool send_waiting(struct net_device *net, struct net_buffer *frame)
{
	uint64_t end = vport_now() + PATIENCE_NS;
	int sent;

	while ((sent = net_send(net, &frame, 1)) == 0 && vport_now() < end)
		vport_relax(end);
	return sent == 1;
}

int main(int argc, char **argv)
{
	struct net_device *net = argc == 4 ? net_find(argv[1]) : NULL;

	if (argc != 4) {
		kprint("usage: %s INTERFACE lengths|link|announce|filters|pairs|spread|segments "
		       "COUNT\n",
		       argv[0]);
		return 2;
	}
	if (!net) {
		kprint("%s: there is no interface %s\n", argv[0], argv[1]);
		return 1;
	}
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].name, argv[2]) == 0)
			return parts[i].run(net, (unsigned)strtoul(argv[3], NULL, 10));
	}
	kprint("%s: there is no check of %s\n", argv[0], argv[2]);
	return 2;
}
