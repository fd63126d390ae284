/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts in a flattened device tree: specifiers, their inheritance and their mapping by a nexus
 * (Devicetree Specification 0.4, 2.4), and the ids under which an MSI controller knows the
 * functions behind a PCI host bridge (pci-msi binding: msi-map, msi-map-mask, msi-parent).
 *
 * See it at work: make test-host (tests/host/test_fdt.c), make run ARCH=aarch64
 */
#include "lib/error.h"
#include "lib/fdt.h"

#define MAX_ADDRESS_CELLS 3  /* PCI's */
#define MAX_MAP_ENTRIES 1024 /* 32 devices of 8 functions with 4 pins */
#define MAX_KEY_CELLS (MAX_ADDRESS_CELLS + FDT_MAX_INTERRUPT_CELLS)

/* What a nexus maps from: a unit address on its bus, and a specifier of its own kind. */
struct key {
	unsigned count;
	uint32_t cell[MAX_KEY_CELLS];
};

/* Reads the specifier at the start of `value`, as the controller's #interrupt-cells wants it. */
static int read_specifier(const struct fdt *fdt, int controller, const void *value, size_t length,
			  struct fdt_interrupt *interrupt)
{
	uint32_t cells = fdt_cell(fdt, controller, "#interrupt-cells", 0, 0);

	if (cells < 1 || cells > FDT_MAX_INTERRUPT_CELLS || cells > length / 4)
		return ERR_FORMAT;
	interrupt->controller = controller;
	interrupt->cells = cells;
	for (unsigned i = 0; i < cells; i++)
		interrupt->cell[i] = fdt_read_cell(value, i);
	return 0;
}

/* Whether the first key->count cells of a map's entry are the key, in the bits that the mask
 * has. */
static bool entry_matches(const void *map, size_t entry, const void *mask, const struct key *key)
{
	for (unsigned i = 0; i < key->count; i++) {
		uint32_t bits = mask ? fdt_read_cell(mask, i) : UINT32_MAX;
		if ((fdt_read_cell(map, entry + i) ^ key->cell[i]) & bits)
			return false;
	}
	return true;
}

/*
 * One step through a nexus' interrupt-map: replaces the key (`addresses` cells of unit address,
 * then the specifier) by the one for the controller, or next nexus, that the map's entry names.
 */
static int map_once(const struct fdt *fdt, int nexus, struct key *key, struct fdt_interrupt *out)
{
	size_t length, mask_length;
	const void *map = fdt_property(fdt, nexus, "interrupt-map", &length);
	const void *mask = fdt_property(fdt, nexus, "interrupt-map-mask", &mask_length);

	if (!map || length % 4 || (mask && mask_length != 4 * (size_t)key->count))
		return ERR_FORMAT;

	/* Entries differ in length, by what their parents want: each must be read to find the next.
	 * Most name the same parent, which is looked up once. */
	size_t cells = length / 4, at = 0;
	uint32_t phandle = 0;
	int parent = ERR_NODEV;

	for (unsigned n = 0; n < MAX_MAP_ENTRIES && at < cells; n++) {
		if (cells - at < key->count + 1u)
			return ERR_FORMAT;

		size_t entry = at;
		at += key->count + 1u;
		if (phandle != fdt_read_cell(map, at - 1)) {
			phandle = fdt_read_cell(map, at - 1);
			parent = fdt_phandle(fdt, phandle);
		}
		if (parent < 0)
			return ERR_FORMAT;

		/* An interrupt controller without #address-cells has no unit addresses. */
		uint32_t addresses = fdt_cell(fdt, parent, "#address-cells", 0, 0);
		if (addresses > MAX_ADDRESS_CELLS || addresses > cells - at)
			return ERR_FORMAT;

		size_t specifier = at + addresses;
		int error = read_specifier(fdt, parent, (const uint8_t *)map + 4 * specifier,
					   4 * (cells - specifier), out);
		if (error)
			return error;
		if (entry_matches(map, entry, mask, key)) {
			key->count = addresses + out->cells;
			for (unsigned i = 0; i < key->count; i++)
				key->cell[i] = fdt_read_cell(map, at + i);
			return 0;
		}
		at = specifier + out->cells;
	}
	return ERR_NODEV;
}

/* Follows the key through as many nexus nodes as there are. */
static int follow(const struct fdt *fdt, int nexus, struct key *key,
		  struct fdt_interrupt *interrupt)
{
	interrupt->controller = nexus;
	for (unsigned step = 0; step < FDT_MAX_DEPTH; step++) {
		if (fdt_property(fdt, interrupt->controller, "interrupt-controller", NULL))
			return 0;
		int error = map_once(fdt, interrupt->controller, key, interrupt);
		if (error)
			return error;
	}
	return ERR_FORMAT; /* the maps lead in a circle */
}

/* The node that `interrupts` is meant for: interrupt-parent, the node's own or the nearest one
 * above, or the nearest ancestor that is a controller or nexus itself. */
static int inherited_parent(const struct fdt *fdt, int node)
{
	for (int at = node; at >= 0; at = fdt_parent(fdt, at)) {
		if (at != node && fdt_property(fdt, at, "#interrupt-cells", NULL))
			return at;
		if (fdt_property(fdt, at, "interrupt-parent", NULL))
			return fdt_phandle(fdt, fdt_cell(fdt, at, "interrupt-parent", 0, 0));
	}
	return ERR_FORMAT;
}

/* Entry `index` of interrupts-extended: each one begins with its own controller. */
static int extended_interrupt(const struct fdt *fdt, const void *value, size_t length,
			      unsigned index, struct fdt_interrupt *interrupt)
{
	const uint8_t *at = value;

	while (length >= 4) {
		int controller = fdt_phandle(fdt, fdt_read_cell(at, 0));
		if (controller < 0)
			return ERR_FORMAT;
		int error = read_specifier(fdt, controller, at + 4, length - 4, interrupt);
		if (error || index-- == 0)
			return error;
		at += 4 + 4 * interrupt->cells;
		length -= 4 + 4 * interrupt->cells;
	}
	return length == 0 ? ERR_NODEV : ERR_FORMAT;
}

static int plain_interrupt(const struct fdt *fdt, int node, unsigned index,
			   struct fdt_interrupt *interrupt)
{
	size_t length;
	const uint8_t *value = fdt_property(fdt, node, "interrupts", &length);

	if (!value)
		return ERR_NODEV;

	int controller = inherited_parent(fdt, node);
	uint32_t cells = fdt_cell(fdt, controller, "#interrupt-cells", 0, 0);
	if (controller < 0 || cells < 1 || cells > FDT_MAX_INTERRUPT_CELLS || length % (4 * cells))
		return ERR_FORMAT;
	if (index >= length / (4 * cells))
		return ERR_NODEV;

	size_t skip = 4 * (size_t)index * cells;
	return read_specifier(fdt, controller, value + skip, length - skip, interrupt);
}

int fdt_interrupt(const struct fdt *fdt, int node, unsigned index, struct fdt_interrupt *interrupt)
{
	size_t length, reg_length;
	const void *extended = fdt_property(fdt, node, "interrupts-extended", &length);
	int error = extended ? extended_interrupt(fdt, extended, length, index, interrupt)
			     : plain_interrupt(fdt, node, index, interrupt);
	if (error)
		return error;

	/* A nexus also wants to know who asks: the device's unit address, the start of its reg. */
	struct key key = { .count = 0 };
	if (fdt_property(fdt, interrupt->controller, "interrupt-map", NULL)) {
		uint32_t addresses = fdt_cell(fdt, interrupt->controller, "#address-cells", 0, 2);
		const void *reg = fdt_property(fdt, node, "reg", &reg_length);

		if (addresses > MAX_ADDRESS_CELLS || (addresses && !reg) ||
		    (addresses && addresses > reg_length / 4))
			return ERR_FORMAT;
		while (key.count < addresses) {
			key.cell[key.count] = fdt_read_cell(reg, key.count);
			key.count++;
		}
	}
	for (unsigned i = 0; i < interrupt->cells; i++)
		key.cell[key.count++] = interrupt->cell[i];
	return follow(fdt, interrupt->controller, &key, interrupt);
}

int fdt_pci_interrupt(const struct fdt *fdt, int bridge, unsigned bus, unsigned device,
		      unsigned function, unsigned pin, struct fdt_interrupt *interrupt)
{
	struct key key = {
		.count = MAX_ADDRESS_CELLS + 1,
		.cell = { bus << 16 | device << 11 | function << 8, 0, 0, pin },
	};

	if (!fdt_property(fdt, bridge, "interrupt-map", NULL))
		return ERR_NODEV;
	if (fdt_cell(fdt, bridge, "#address-cells", 0, 2) != MAX_ADDRESS_CELLS ||
	    fdt_cell(fdt, bridge, "#interrupt-cells", 0, 0) != 1)
		return ERR_FORMAT;
	return follow(fdt, bridge, &key, interrupt);
}

int fdt_msi(const struct fdt *fdt, int bridge, uint32_t requester, int *controller, uint32_t *id)
{
	size_t length;
	const void *map = fdt_property(fdt, bridge, "msi-map", &length);

	if (!map) {
		*id = requester;
		*controller = fdt_phandle(fdt, fdt_cell(fdt, bridge, "msi-parent", 0, 0));
		return *controller < 0 ? *controller : 0;
	}
	if (length % 16)
		return ERR_FORMAT;

	/* An entry: first requester, controller, first id, how many. */
	uint32_t masked = requester & fdt_cell(fdt, bridge, "msi-map-mask", 0, UINT32_MAX);
	for (size_t i = 0; i < length / 4; i += 4) {
		uint32_t first = fdt_read_cell(map, i), count = fdt_read_cell(map, i + 3);

		if (masked < first || masked - first >= count)
			continue;
		*id = fdt_read_cell(map, i + 2) + (masked - first);
		*controller = fdt_phandle(fdt, fdt_read_cell(map, i + 1));
		return *controller < 0 ? ERR_FORMAT : 0;
	}
	return ERR_NODEV;
}
