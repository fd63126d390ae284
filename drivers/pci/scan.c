/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the functions of a host bridge: all devices of a bus, then the buses behind its
 * bridges (PCI-to-PCI Bridge Architecture 1.2, chapters 3 and 9). Depth, functions and bus
 * numbers are bounded, so that bridges that lead in a circle come to an end. Left out: ARI, hot
 * plug.
 *
 * See it at work: make test-boot TEST_OPTIONS='--filter root-port'
 */
#include "drivers/pci/pci.h"
#include "lib/error.h"

#define DEVICES 32 /* on a bus */
#define FUNCTIONS 8
#define MULTI_FUNCTION 0x80 /* in the header type */

struct scan {
	struct pci_host *host;
	struct pci_function **tail; /* of the host's list */
	unsigned count;
	int error;
};

/* How an interrupt pin goes on at the bridge, one level up: it is rotated by the number of the
 * device (Bridge Architecture, 9.1). */
static void find_root_pin(struct pci_function *function)
{
	const struct pci_function *at = function;
	unsigned pin = function->interrupt_pin;

	for (; at->parent; at = at->parent) {
		if (pin != 0)
			pin = (pin - 1 + at->device) % 4 + 1;
	}
	function->root_device = at->device;
	function->root_function = at->function;
	function->root_pin = (uint8_t)pin;
}

/* Adds the function to the list if there is one. Returns its header type, or -1. */
static int look_at(struct scan *scan, unsigned bus, unsigned device, unsigned function,
		   struct pci_function *parent)
{
	struct pci_function here = {
		.bus_access = scan->host->bus_access,
		.bus = (uint8_t)bus,
		.device = (uint8_t)device,
		.function = (uint8_t)function,
		.parent = parent,
	};

	if (scan->error || pci_function_init(&here) != 0)
		return -1;
	if (scan->count == PCI_MAX_FUNCTIONS) {
		pci_complain(&here, "more than %d functions, the rest is ignored", scan->count);
		scan->error = ERR_NOMEM;
		return -1;
	}

	struct pci_function *kept = vport_alloc(sizeof *kept);
	if (!kept) {
		scan->error = ERR_NOMEM;
		return -1;
	}
	pci_bars_read(&here);
	find_root_pin(&here);
	*kept = here;
	*scan->tail = kept;
	scan->tail = &kept->next;
	scan->count++;
	return here.header_type;
}

static void scan_devices(struct scan *scan, unsigned bus, struct pci_function *parent)
{
	for (unsigned device = 0; device < DEVICES; device++) {
		int header_type = look_at(scan, bus, device, 0, parent);
		if (header_type < 0 || !(header_type & MULTI_FUNCTION))
			continue;
		for (unsigned function = 1; function < FUNCTIONS; function++)
			look_at(scan, bus, device, function, parent);
	}
}

/* The next bridge in the list, from `function` on, whose own bus is this one. */
static struct pci_function *next_bridge(struct pci_function *function, unsigned bus)
{
	while (function && (function->bus != bus || !pci_is_bridge(function)))
		function = function->next;
	return function;
}

static void set_buses(const struct pci_function *bridge, unsigned secondary, unsigned subordinate)
{
	vport_pci_write(bridge, PCI_PRIMARY_BUS, 1, secondary ? bridge->bus : 0);
	vport_pci_write(bridge, PCI_SECONDARY_BUS, 1, secondary);
	vport_pci_write(bridge, PCI_SUBORDINATE_BUS, 1, subordinate);
}

/* Whether firmware has numbered what is behind the bridges of this bus: each one's buses come after
 * those of the one before, and none is beyond `limit`. */
static bool is_numbered(struct pci_function *first, unsigned bus, unsigned limit)
{
	unsigned used = bus;

	for (struct pci_function *f = next_bridge(first, bus); f; f = next_bridge(f->next, bus)) {
		unsigned secondary = vport_pci_read(f, PCI_SECONDARY_BUS, 1);
		unsigned subordinate = vport_pci_read(f, PCI_SUBORDINATE_BUS, 1);

		if (secondary <= used || subordinate < secondary || subordinate > limit)
			return false;
		used = subordinate;
	}
	return true;
}

/*
 * Everything on this bus and behind it; `limit` is the last bus number that it may use. Returns
 * the last one that it did. All bridges of a bus are numbered anew if firmware's numbers are no
 * good for one: while it looks behind a bridge, no other may answer for the same bus.
 */
static unsigned scan_bus(struct scan *scan, unsigned bus, unsigned limit,
			 struct pci_function *parent, unsigned depth)
{
	struct pci_function **start = scan->tail;

	scan_devices(scan, bus, parent);

	struct pci_function *first = *start;
	bool numbered = is_numbered(first, bus, limit);
	unsigned used = bus;

	if (!numbered) {
		for (struct pci_function *f = next_bridge(first, bus); f;
		     f = next_bridge(f->next, bus))
			set_buses(f, 0, 0);
	}
	for (struct pci_function *f = next_bridge(first, bus); f && !scan->error;
	     f = next_bridge(f->next, bus)) {
		unsigned secondary = used + 1, subordinate = limit;

		if (depth == PCI_MAX_DEPTH || (!numbered && used == limit)) {
			pci_complain(f, "no bus behind it: %s",
				     used == limit ? "out of bus numbers" : "too deep");
			continue;
		}
		if (numbered) {
			secondary = vport_pci_read(f, PCI_SECONDARY_BUS, 1);
			subordinate = vport_pci_read(f, PCI_SUBORDINATE_BUS, 1);
		} else {
			set_buses(f, secondary, subordinate);
		}
		/* What it says now counts: it must be where nobody has been yet. */
		if (secondary <= used || subordinate < secondary || subordinate > limit ||
		    vport_pci_read(f, PCI_SECONDARY_BUS, 1) != secondary) {
			pci_complain(f, "no bus behind it: it does not keep its number");
			continue;
		}
		unsigned last = scan_bus(scan, secondary, subordinate, f, depth + 1);
		if (!numbered) {
			set_buses(f, secondary, last);
			subordinate = last;
		}
		used = subordinate;
	}
	return used;
}

int pci_scan(struct pci_host *host)
{
	struct scan scan = { .host = host, .tail = &host->functions };

	kit_assert(host->first_bus <= host->last_bus && host->last_bus <= 255);
	host->functions = NULL;
	scan_bus(&scan, host->first_bus, host->last_bus, NULL, 0);
	pci_assign(host);
	return scan.error;
}
