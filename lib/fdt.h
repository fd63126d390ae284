/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a flattened device tree (Devicetree Specification 0.4, chapter 5) in
 * place and without trusting it: every offset, length, token, depth and cell
 * count is checked, every walk is bounded by the blob's size, and nothing is
 * allocated.
 *
 * A node is the offset of its FDT_BEGIN_NODE token in the structure block: an
 * int >= 0; a negative one is an error code (ERR_NODEV: there is none;
 * ERR_FORMAT: the tree is malformed there).
 */
#ifndef LIB_FDT_H
#define LIB_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FDT_MAX_DEPTH 16

struct fdt {
	const uint8_t *blob;
	uint32_t size; /* totalsize, checked against what the caller says is readable */
	uint32_t structs, structs_size;
	uint32_t strings, strings_size;
	uint32_t reservations; /* offset of the memory reservation block */
};

/* Cell `index` (a big-endian word) of a property's value, which is long enough. */
static inline uint32_t fdt_read_cell(const void *value, size_t index)
{
	const uint8_t *b = (const uint8_t *)value + 4 * index;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A number of `count` cells, 0 to 2, at cell `index`. */
static inline uint64_t fdt_read_cells(const void *value, size_t index, unsigned count)
{
	uint64_t number = 0;
	while (count-- > 0)
		number = number << 32 | fdt_read_cell(value, index++);
	return number;
}

/* Checks the header and that the whole tree parses. `readable` is how many bytes may be
 * read at blob. 0 or ERR_FORMAT. The blob must outlive the struct. */
int fdt_open(struct fdt *fdt, const void *blob, size_t readable);

/* The n-th entry of the memory reservation block. 0, or ERR_NODEV past the last. */
int fdt_reservation(const struct fdt *fdt, unsigned n, uint64_t *address, uint64_t *size);

int fdt_root(const struct fdt *fdt);
int fdt_next(const struct fdt *fdt, int node); /* the next in tree order, whatever its depth */
int fdt_first_child(const struct fdt *fdt, int node);
int fdt_next_sibling(const struct fdt *fdt, int node);
int fdt_parent(const struct fdt *fdt, int node);
int fdt_path(
	const struct fdt *fdt,
	const char *path); /* "/soc/uart@9000000"; an alias is followed; ":options" is ignored */
int fdt_phandle(const struct fdt *fdt, uint32_t phandle);
/* The first node after `from` (-1: from the start) whose compatible list holds the string and whose
 * status, when there is one, is "okay" or "ok". */
int fdt_compatible(const struct fdt *fdt, int from, const char *compatible);

const char *fdt_name(const struct fdt *fdt, int node);
/* A property's value and its length (which may be NULL), NULL when there is none. */
const void *fdt_property(const struct fdt *fdt, int node, const char *name, size_t *length);
/* A property that is one zero-terminated string, checked to be one. */
const char *fdt_string(const struct fdt *fdt, int node, const char *name);
/* Cell `index` of a property, or the fallback when the property is missing or too short. */
uint32_t fdt_cell(const struct fdt *fdt, int node, const char *name, unsigned index,
		  uint32_t fallback);

/* Entry `index` of reg, translated to a CPU physical address through every parent's ranges.
 * 0; ERR_NODEV past the last; ERR_UNSUPPORTED when it is no address of the CPU (a parent has no
 * ranges, or none that holds it); ERR_FORMAT. A region that wraps around is malformed. */
int fdt_reg(const struct fdt *fdt, int node, unsigned index, uint64_t *address, uint64_t *size);

/* An interrupt specifier, with the node of the controller that understands it. */
#define FDT_MAX_INTERRUPT_CELLS 4
struct fdt_interrupt {
	int controller;
	unsigned cells;
	uint32_t cell[FDT_MAX_INTERRUPT_CELLS];
};

/* Interrupt `index` of a node, from interrupts-extended, or interrupts with the inherited
 * interrupt-parent, followed through an interrupt-map where the parent is a nexus. */
int fdt_interrupt(const struct fdt *fdt, int node, unsigned index, struct fdt_interrupt *interrupt);
/* The interrupt of pin 1…4 (INTA…INTD) of the device at bus/device/function, by the host bridge's
 * interrupt-map and interrupt-map-mask. */
int fdt_pci_interrupt(const struct fdt *fdt, int bridge, unsigned bus, unsigned device,
		      unsigned function, unsigned pin, struct fdt_interrupt *interrupt);
/* The MSI controller and the device id it sees for a PCI requester id (bus << 8 | devfn), by
 * msi-map and msi-map-mask, or msi-parent (then the id is the requester id). */
int fdt_msi(const struct fdt *fdt, int bridge, uint32_t requester, int *controller, uint32_t *id);

/* Entry `index` of a PCI host bridge's ranges, not counting those of configuration space, with the
 * CPU address translated. 0; ERR_NODEV past the last; else as fdt_reg. */
struct fdt_pci_range {
	bool io, bits64, prefetchable;
	uint64_t pci, cpu, size;
};
int fdt_pci_range(const struct fdt *fdt, int bridge, unsigned index, struct fdt_pci_range *range);

#endif
