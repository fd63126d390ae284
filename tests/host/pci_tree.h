/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of bridges for the tests of drivers/pci/scan.c and assign.c: a host bridge over the functions of
 * fake_pci.h, with RAM that nothing may lie over.
 */
#ifndef TESTS_HOST_PCI_TREE_H
#define TESTS_HOST_PCI_TREE_H

#include "drivers/pci/pci.h"
#include "tests/host/check.h"
#include "tests/host/fake_pci.h"

#define MIB 0x100000ull
#define RAM_START 0x40000000ull
#define RAM_END 0x80000000ull

static struct pci_host host;
static struct pci_window windows[3];

static inline bool claimed(uint64_t start, uint64_t length)
{
	return start < RAM_END && start + length > RAM_START;
}

/* A host bridge with the windows of QEMU's virt: nobody has assigned anything. */
static inline void make_bare(void)
{
	fake_reset();
	windows[0] = (struct pci_window){ .io = true, .end = 0x10000, .cpu = 0x3eff0000 };
	windows[1] = (struct pci_window){ .start = 0x10000000, .end = 0x3eff0000 };
	windows[2] =
		(struct pci_window){ .bits64 = true, .start = 0x8000000000, .end = 0x10000000000 };
	windows[1].cpu = windows[1].start;
	windows[2].cpu = windows[2].start;
	host = (struct pci_host){
		.last_bus = 255, .windows = windows, .window_count = 3, .claimed = claimed
	};
}

/* One whose firmware has assigned all. */
static inline void make_assigned(void)
{
	make_bare();
	host.window_count = 0;
}

static inline unsigned scan(int expected)
{
	unsigned count = 0;

	CHECK_EQ(pci_scan(&host), expected);
	for (const struct pci_function *f = host.functions; f; f = f->next)
		count++;
	return count;
}

static inline void done(void)
{
	CHECK_EQ(fake_conflicts, 0);
	while (host.functions) {
		struct pci_function *f = host.functions;
		host.functions = f->next;
		vport_free(f, sizeof *f);
	}
	CHECK_EQ(fake_allocated, 0);
}

static inline struct pci_function *found(unsigned bus, unsigned device, unsigned function)
{
	for (struct pci_function *f = host.functions; f; f = f->next) {
		if (f->bus == bus && f->device == device && f->function == function)
			return f;
	}
	printf("# no function %02x:%02x.%x\n", bus, device, function);
	CHECK(false);
	exit(1);
}

static inline bool decodes(const struct fake *f)
{
	return fake_get(f, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
}

static inline uint64_t memory_start(const struct fake *bridge)
{
	return (uint64_t)(fake_get(bridge, PCI_MEMORY_BASE, 2) & 0xfff0) << 16;
}

static inline uint64_t memory_end(const struct fake *bridge)
{
	return ((uint64_t)(fake_get(bridge, PCI_MEMORY_LIMIT, 2) & 0xfff0) << 16) + MIB;
}

static inline uint64_t prefetch_start(const struct fake *bridge)
{
	return (uint64_t)fake_get(bridge, PCI_PREFETCH_BASE_HIGH, 4) << 32 |
	       (uint64_t)(fake_get(bridge, PCI_PREFETCH_BASE, 2) & 0xfff0) << 16;
}

static inline void open_memory(struct fake *bridge, uint64_t start, uint64_t end)
{
	fake_set(bridge, PCI_MEMORY_BASE, 2, (uint32_t)(start >> 16) & 0xfff0);
	fake_set(bridge, PCI_MEMORY_LIMIT, 2, (uint32_t)((end - 1) >> 16) & 0xfff0);
}

static inline void number(struct fake *bridge, unsigned secondary, unsigned subordinate)
{
	fake_set(bridge, PCI_SECONDARY_BUS, 1, secondary);
	fake_set(bridge, PCI_SUBORDINATE_BUS, 1, subordinate);
}

static inline void open_prefetch(struct fake *bridge, uint64_t start, uint64_t end)
{
	uint64_t last = end - 1;

	fake_set(bridge, PCI_PREFETCH_BASE, 2, ((uint32_t)(start >> 16) & 0xfff0) | 1);
	fake_set(bridge, PCI_PREFETCH_LIMIT, 2, ((uint32_t)(last >> 16) & 0xfff0) | 1);
	fake_set(bridge, PCI_PREFETCH_BASE_HIGH, 4, (uint32_t)(start >> 32));
	fake_set(bridge, PCI_PREFETCH_LIMIT_HIGH, 4, (uint32_t)(last >> 32));
}

#endif
