/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base address registers: what kind and size they are (PCI Local Bus 3.0, 6.2.5.1). Which
 * address they get is assign.c's business. Left out: expansion ROMs.
 *
 * See it at work: make run, then `lspci` in the shell
 */
#include "drivers/pci/pci.h"

enum {
	BAR_IO = 1 << 0,
	BAR_TYPE_MASK = 3 << 1,
	BAR_TYPE_32 = 0 << 1,
	BAR_TYPE_64 = 2 << 1,
	BAR_PREFETCHABLE = 1 << 3,
	BAR_MEMORY_FLAGS = 0xf,
	BAR_IO_FLAGS = 0x3,
};

enum { CLASS_BRIDGE = 0x06, SUBCLASS_HOST = 0x00 };

/* Bits that stay 0 when ones are written are below the size; all from there up to `top` must have
 * become 1. The size, or 0. */
static uint64_t size_of_mask(uint64_t mask, uint64_t top)
{
	uint64_t size = mask & -mask;
	return mask != 0 && mask == (top & -size) ? size : 0;
}

/* The register's value after all ones have been written to it, which is then put back. */
static uint32_t probe(const struct pci_function *function, unsigned offset, uint32_t value)
{
	vport_pci_write(function, offset, 4, UINT32_MAX);
	uint32_t ones = vport_pci_read(function, offset, 4);
	vport_pci_write(function, offset, 4, value);
	return ones;
}

static void read_io(struct pci_bar *bar, uint32_t value, uint32_t ones)
{
	uint32_t mask = ones & ~(uint32_t)BAR_IO_FLAGS;

	bar->io = true;
	bar->address = value & ~(uint32_t)BAR_IO_FLAGS;
	/* A device may decode only 16 bits of port addresses. */
	bar->size = size_of_mask(mask, mask >> 16 ? 0xffffffff : 0xffff);
	bar->present = bar->size != 0;
}

/* Reads the BAR and returns how many registers it takes. */
static unsigned read_bar(const struct pci_function *function, unsigned index, unsigned count,
			 struct pci_bar *bar)
{
	unsigned offset = PCI_BAR0 + 4 * index;
	uint32_t low = vport_pci_read(function, offset, 4), high = 0;
	uint32_t low_ones = probe(function, offset, low), high_ones = 0;

	*bar = (struct pci_bar){ .present = false };
	if (low_ones == 0)
		return 1;
	if (low_ones & BAR_IO) {
		read_io(bar, low, low_ones);
		return 1;
	}

	unsigned type = low_ones & BAR_TYPE_MASK;
	bar->bits64 = type == BAR_TYPE_64;
	bar->prefetchable = low_ones & BAR_PREFETCHABLE;
	if (type != BAR_TYPE_32 && type != BAR_TYPE_64)
		return 1;
	if (bar->bits64) {
		if (index + 1 == count)
			return 1; /* its upper half would be no BAR */
		high = vport_pci_read(function, offset + 4, 4);
		high_ones = probe(function, offset + 4, high);
	}

	uint64_t mask = (uint64_t)high_ones << 32 | (low_ones & ~(uint32_t)BAR_MEMORY_FLAGS);
	bar->size = size_of_mask(mask, bar->bits64 ? UINT64_MAX : UINT32_MAX);
	bar->address = (uint64_t)high << 32 | (low & ~(uint32_t)BAR_MEMORY_FLAGS);
	bar->present = bar->size != 0;
	return bar->bits64 ? 2 : 1;
}

static unsigned bar_count(const struct pci_function *function)
{
	/* A host bridge's BARs may be the way to memory itself: keep off. */
	if (function->class == CLASS_BRIDGE && function->subclass == SUBCLASS_HOST)
		return 0;
	switch (function->header_type & 0x7f) {
	case 0:
		return PCI_BARS;
	case 1:
		return 2;
	}
	return 0;
}

void pci_bars_read(struct pci_function *function)
{
	const uint32_t decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	unsigned count = bar_count(function);

	for (unsigned i = 0; i < PCI_BARS; i++)
		function->bars[i] = (struct pci_bar){ .present = false };
	if (count == 0)
		return;

	/* While ones stand in a BAR it must not answer: they are an address as well. */
	uint32_t command = vport_pci_read(function, PCI_COMMAND, 2);
	if (command & decode)
		vport_pci_write(function, PCI_COMMAND, 2, command & ~decode);
	for (unsigned i = 0; i < count;)
		i += read_bar(function, i, count, &function->bars[i]);
	if (command & decode)
		vport_pci_write(function, PCI_COMMAND, 2, command);
}

bool pci_bar_contains(const struct pci_function *function, unsigned bar, uint64_t offset,
		      uint64_t length)
{
	if (bar >= PCI_BARS || length == 0)
		return false;

	const struct pci_bar *b = &function->bars[bar];
	return b->present && !b->io && b->address != 0 && offset <= b->size &&
	       length <= b->size - offset;
}
