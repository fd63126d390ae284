/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions that a test makes up, behind the port's configuration accesses: each has 256
 * bytes, a mask of the bits that can be written, and a place in a tree of bridges. An access
 * goes its way as in hardware: down the bridges whose numbers let it through.
 *
 *     fake_reset();
 *     struct fake *port = fake_bridge(NULL, 1, 0);        // 00:01.0
 *     struct fake *disk = fake_add(port, 0, 0);           // behind it, device 0
 *     fake_memory_bar(disk, 4, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
 */
#ifndef TESTS_HOST_FAKE_PCI_H
#define TESTS_HOST_FAKE_PCI_H

#include <stdlib.h>

#include "drivers/pci/pci.h"
#include "tests/host/check.h"

#define FAKE_MAX 640
#define FAKE_TABLE_BYTES 0x8000

enum { FAKE_64 = 4, FAKE_PREFETCHABLE = 8 };

struct fake {
	struct fake *parent;
	unsigned device, function;
	uint8_t config[256], writable[256];
	bool gone;                      /* reads as all ones */
	unsigned reads, writes;         /* that reached it */
	unsigned decoding_writes;       /* of a BAR while memory decoding was on */
	void (*on_read)(struct fake *); /* what a function does to a reader: before each read */
};

static struct fake fakes[FAKE_MAX];
static unsigned fake_count, fake_logs, fake_conflicts;
static size_t fake_allocated;
static char fake_line[256]; /* the last one logged */
/* What vport_map hands out. */
static _Alignas(16) uint32_t fake_table[FAKE_TABLE_BYTES / 4];
static uint64_t fake_mapped; /* the last bus address it was asked for */
static bool fake_table_stuck, fake_map_fails;
static unsigned fake_stuck_word;       /* 1…4: this word of each entry keeps nothing */
static unsigned fake_allocations_left; /* 0: no end */

static inline void fake_reset(void)
{
	fake_count = fake_logs = fake_conflicts = 0;
	fake_mapped = 0;
	fake_line[0] = '\0';
	fake_table_stuck = fake_map_fails = false;
	fake_stuck_word = fake_allocations_left = 0;
	memset(fake_table, 0, sizeof fake_table);
}

static inline void fake_set(struct fake *f, unsigned offset, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		f->config[offset + i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t fake_get(const struct fake *f, unsigned offset, unsigned width)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)f->config[offset + i] << 8 * i;
	return value;
}

static inline void fake_writable(struct fake *f, unsigned offset, unsigned width, uint32_t mask)
{
	for (unsigned i = 0; i < width; i++)
		f->writable[offset + i] = (uint8_t)(mask >> 8 * i);
}

static inline struct fake *fake_add(struct fake *parent, unsigned device, unsigned function)
{
	if (fake_count == FAKE_MAX)
		abort();

	struct fake *f = &fakes[fake_count++];
	*f = (struct fake){ .parent = parent, .device = device, .function = function };
	fake_set(f, PCI_VENDOR_ID, 4, 0x10421af4);
	fake_set(f, PCI_REVISION_ID, 4, 0x01000001); /* mass storage */
	fake_set(f, PCI_HEADER_TYPE, 1, function ? 0x80 : 0);
	fake_set(f, PCI_INTERRUPT_PIN, 1, 1);
	fake_writable(f, PCI_COMMAND, 2, 0x0407);
	return f;
}

static inline struct fake *fake_bridge(struct fake *parent, unsigned device, unsigned function)
{
	struct fake *f = fake_add(parent, device, function);

	fake_set(f, PCI_REVISION_ID, 4, 0x06040001);
	fake_set(f, PCI_HEADER_TYPE, 1, 1);
	fake_writable(f, PCI_PRIMARY_BUS, 4, 0x00ffffff);
	fake_writable(f, PCI_MEMORY_BASE, 4, 0xfff0fff0);
	fake_writable(f, PCI_PREFETCH_BASE, 4, 0xfff0fff0);
	fake_set(f, PCI_PREFETCH_BASE, 4, 0x00010001); /* 64-bit */
	fake_writable(f, PCI_PREFETCH_BASE_HIGH, 4, UINT32_MAX);
	fake_writable(f, PCI_PREFETCH_LIMIT_HIGH, 4, UINT32_MAX);
	return f;
}

/* A BAR of that size, a power of two; without an address. */
static inline void fake_memory_bar(struct fake *f, unsigned index, uint64_t size, unsigned flags)
{
	unsigned offset = PCI_BAR0 + 4 * index;

	fake_set(f, offset, 4, flags);
	fake_writable(f, offset, 4, (uint32_t)-size & ~0xfu);
	if (flags & FAKE_64)
		fake_writable(f, offset + 4, 4, (uint32_t)(-size >> 32));
}

/* What firmware put there. */
static inline void fake_place(struct fake *f, unsigned index, uint64_t address)
{
	unsigned offset = PCI_BAR0 + 4 * index;
	uint32_t flags = fake_get(f, offset, 1) & 0xf;

	fake_set(f, offset, 4, (uint32_t)address | flags);
	if (flags & FAKE_64)
		fake_set(f, offset + 4, 4, (uint32_t)(address >> 32));
}

static inline uint64_t fake_address(const struct fake *f, unsigned index)
{
	unsigned offset = PCI_BAR0 + 4 * index;
	uint64_t address = fake_get(f, offset, 4) & ~0xfu;

	if (fake_get(f, offset, 1) & FAKE_64)
		address |= (uint64_t)fake_get(f, offset + 4, 4) << 32;
	return address;
}

/* Adds a capability at `offset` that says the next one is at `next`. */
static inline void fake_capability(struct fake *f, unsigned offset, uint8_t id, unsigned next)
{
	fake_set(f, PCI_STATUS, 2, PCI_STATUS_CAPABILITIES);
	if (fake_get(f, PCI_CAPABILITIES, 1) == 0)
		fake_set(f, PCI_CAPABILITIES, 1, offset);
	fake_set(f, offset, 1, id);
	fake_set(f, offset + 1, 1, next);
}

/* Whether configuration accesses for this bus come out on the bus behind `parent`. */
static inline bool fake_leads_to(const struct fake *parent, unsigned bus)
{
	if (!parent)
		return bus == 0;
	if (bus == 0 || fake_get(parent, PCI_SECONDARY_BUS, 1) != bus)
		return false;
	for (const struct fake *above = parent->parent; above; above = above->parent) {
		if (bus <= fake_get(above, PCI_SECONDARY_BUS, 1) ||
		    bus > fake_get(above, PCI_SUBORDINATE_BUS, 1))
			return false;
	}
	return true;
}

/* Who answers; more than one at a time is a conflict, the fault of who numbered the buses. */
static inline struct fake *fake_find(const struct pci_function *function)
{
	struct fake *found = NULL;

	for (unsigned i = 0; i < fake_count; i++) {
		struct fake *f = &fakes[i];
		if (f->device != function->device || f->function != function->function ||
		    !fake_leads_to(f->parent, function->bus) || f->gone)
			continue;
		fake_conflicts += found != NULL;
		found = f;
	}
	return found;
}

/* ---- The port -------------------------------------------------------------------- */

uint32_t vport_pci_read(const struct pci_function *function, unsigned offset, unsigned width)
{
	struct fake *f = fake_find(function);

	CHECK(offset % width == 0 && offset + width <= 256);
	if (!f)
		return UINT32_MAX >> (32 - 8 * width);
	f->reads++;
	if (f->on_read)
		f->on_read(f);
	return fake_get(f, offset, width);
}

void vport_pci_write(const struct pci_function *function, unsigned offset, unsigned width,
		     uint32_t value)
{
	struct fake *f = fake_find(function);

	CHECK(offset % width == 0 && offset + width <= 256);
	if (!f)
		return;
	f->writes++;
	if (offset >= PCI_BAR0 && offset < PCI_BAR0 + 8 &&
	    fake_get(f, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY)
		f->decoding_writes++;
	for (unsigned i = 0; i < width; i++) {
		uint8_t mask = f->writable[offset + i];
		f->config[offset + i] =
			(uint8_t)((f->config[offset + i] & ~mask) | ((value >> 8 * i) & mask));
	}
}

void *vport_alloc(size_t size)
{
	if (fake_allocations_left > 0 && --fake_allocations_left == 0)
		return NULL;
	fake_allocated += size;
	return calloc(1, size);
}

void vport_free(void *memory, size_t size)
{
	fake_allocated -= size;
	free(memory);
}

vport_reg_t vport_map(struct vport_device *device, uint64_t bus, uint64_t length)
{
	(void)device;
	CHECK(length <= FAKE_TABLE_BYTES);
	fake_mapped = bus;
	return fake_map_fails ? 0 : (vport_reg_t)fake_table;
}

uint32_t vport_reg_read(vport_reg_t reg, unsigned width)
{
	CHECK_EQ(width, 4);
	return *(uint32_t *)reg;
}

void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value)
{
	CHECK_EQ(width, 4);
	bool stuck = fake_stuck_word != 0 && reg / 4 % 4 == fake_stuck_word - 1;
	if (!fake_table_stuck && !stuck)
		*(uint32_t *)reg = value;
}

void vport_log(enum vport_log_level level, const char *line)
{
	(void)level;
	fake_logs++;
	snprintf(fake_line, sizeof fake_line, "%s", line);
}

_Noreturn void vport_panic(const char *what, const char *file, int line)
{
	printf("# %s:%d: assertion failed: %s\n", file, line, what);
	abort();
}

#endif
