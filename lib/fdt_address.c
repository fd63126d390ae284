/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses in a flattened device tree: reg, and its translation by the ranges of every bus above
 * (Devicetree Specification 0.4, 2.3.5, 2.3.6, 2.3.8), and the ranges of a PCI host bridge, whose
 * addresses have three cells (IEEE 1275 PCI bus binding, 2.2.1.1). Left out: dma-ranges; addresses
 * of other buses than PCI that have more than two cells.
 *
 * See it at work: make test-host (tests/host/test_fdt.c), make run ARCH=aarch64
 */
#include "lib/error.h"
#include "lib/fdt.h"

#define PCI_ADDRESS_CELLS 3
#define PCI_SIZE_CELLS 2

/* The first cell of a PCI address, "phys.hi". */
enum {
	PCI_HI_PREFETCHABLE = 1 << 30,
	PCI_HI_SPACE_SHIFT = 24,
	PCI_HI_SPACE_MASK = 3,
	PCI_SPACE_CONFIGURATION = 0,
	PCI_SPACE_IO = 1,
	PCI_SPACE_MEMORY64 = 3,
};

/* How many cells the addresses and sizes of a node's children have (2.3.5). */
static unsigned address_cells(const struct fdt *fdt, int node)
{
	return fdt_cell(fdt, node, "#address-cells", 0, 2);
}

static unsigned size_cells(const struct fdt *fdt, int node)
{
	return fdt_cell(fdt, node, "#size-cells", 0, 1);
}

/* Whether [start, start + length) neither wraps around nor ends at 2^64: so that every user may
 * compute its end. */
static bool is_region(uint64_t start, uint64_t length)
{
	return length <= UINT64_MAX - start;
}

/* Translates a region on the bus `bus` to the bus above it. */
static int translate_up(const struct fdt *fdt, int bus, int above, uint64_t *address, uint64_t size)
{
	size_t length;
	const void *ranges = fdt_property(fdt, bus, "ranges", &length);
	unsigned child = address_cells(fdt, bus), parent = address_cells(fdt, above);
	unsigned sizes = size_cells(fdt, bus);

	if (!ranges)
		return ERR_UNSUPPORTED;
	if (length == 0)
		return 0; /* the same addresses above and below */
	if (child < 1 || child > 2 || parent < 1 || parent > 2 || sizes < 1 || sizes > 2)
		return ERR_FORMAT;

	unsigned entry = child + parent + sizes;
	if (length % (4 * entry) != 0)
		return ERR_FORMAT;
	for (size_t i = 0; i < length / 4; i += entry) {
		uint64_t from = fdt_read_cells(ranges, i, child);
		uint64_t to = fdt_read_cells(ranges, i + child, parent);
		uint64_t room = fdt_read_cells(ranges, i + child + parent, sizes);

		if (*address < from || *address - from > room || size > room - (*address - from))
			continue;
		if (!is_region(to, room))
			return ERR_FORMAT;
		*address = to + (*address - from);
		return 0;
	}
	return ERR_UNSUPPORTED;
}

/* Translates a region on the bus `bus` to the CPU's addresses, which are the root's. */
static int translate(const struct fdt *fdt, int bus, uint64_t *address, uint64_t size)
{
	for (;;) {
		int above = fdt_parent(fdt, bus);
		if (above == ERR_NODEV)
			return 0; /* the bus is the root */
		if (above < 0)
			return above;

		int error = translate_up(fdt, bus, above, address, size);
		if (error)
			return error;
		bus = above; /* at most FDT_MAX_DEPTH times */
	}
}

int fdt_reg(const struct fdt *fdt, int node, unsigned index, uint64_t *address, uint64_t *size)
{
	size_t length;
	const void *reg = fdt_property(fdt, node, "reg", &length);
	int bus = fdt_parent(fdt, node);

	if (!reg || bus < 0)
		return ERR_NODEV;

	unsigned addresses = address_cells(fdt, bus), sizes = size_cells(fdt, bus);
	if (addresses < 1 || addresses > 2 || sizes > 2)
		return ERR_FORMAT;

	unsigned entry = addresses + sizes;
	if (length % (4 * entry) != 0)
		return ERR_FORMAT;
	if (index >= length / 4 / entry)
		return ERR_NODEV;
	*address = fdt_read_cells(reg, (size_t)index * entry, addresses);
	*size = fdt_read_cells(reg, (size_t)index * entry + addresses, sizes);
	if (!is_region(*address, *size))
		return ERR_FORMAT;
	return translate(fdt, bus, address, *size);
}

int fdt_pci_range(const struct fdt *fdt, int bridge, unsigned index, struct fdt_pci_range *range)
{
	size_t length;
	const void *ranges = fdt_property(fdt, bridge, "ranges", &length);
	int above = fdt_parent(fdt, bridge);

	if (!ranges || above < 0)
		return ERR_NODEV;

	unsigned parent = address_cells(fdt, above);
	if (address_cells(fdt, bridge) != PCI_ADDRESS_CELLS || parent < 1 || parent > 2 ||
	    size_cells(fdt, bridge) != PCI_SIZE_CELLS)
		return ERR_FORMAT;

	unsigned entry = PCI_ADDRESS_CELLS + parent + PCI_SIZE_CELLS;
	if (length % (4 * entry) != 0)
		return ERR_FORMAT;
	for (size_t i = 0; i < length / 4; i += entry) {
		uint32_t hi = fdt_read_cell(ranges, i);
		unsigned space = hi >> PCI_HI_SPACE_SHIFT & PCI_HI_SPACE_MASK;

		if (space == PCI_SPACE_CONFIGURATION || index-- > 0)
			continue;
		*range = (struct fdt_pci_range){
			.io = space == PCI_SPACE_IO,
			.bits64 = space == PCI_SPACE_MEMORY64,
			.prefetchable = hi & PCI_HI_PREFETCHABLE,
			.pci = fdt_read_cells(ranges, i + 1, 2),
			.cpu = fdt_read_cells(ranges, i + PCI_ADDRESS_CELLS, parent),
			.size = fdt_read_cells(ranges, i + PCI_ADDRESS_CELLS + parent,
					       PCI_SIZE_CELLS),
		};
		if (!is_region(range->pci, range->size) || !is_region(range->cpu, range->size))
			return ERR_FORMAT;
		return translate(fdt, above, &range->cpu, range->size);
	}
	return ERR_NODEV;
}
