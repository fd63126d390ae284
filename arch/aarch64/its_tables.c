/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that an ITS asks for by its GITS_BASER registers (Arm IHI 0069, 12.19): one of devices,
 * which may have two levels, and one of collections, which it may also keep to itself.
 *
 *     make run ARCH=aarch64 GIC=3 TRANSPORT=pci
 *
 * Left out: tables of other types, for virtual CPUs.
 */
#include "arch/aarch64/its.h"
#include "kernel/layout.h"
#include "lib/error.h"

#define GITS_BASER 0x0100 /* eight of them */
#define BASERS 8
#define BASER_INDIRECT (UINT64_C(1) << 62)
#define BASER_TYPE(baser) ((baser) >> 56 & 7)
#define BASER_ENTRY_SIZE(baser) (((baser) >> 48 & 0x1f) + 1)
#define BASER_PAGE_SIZE(n) ((uint64_t)(n) << 8)
#define BASER_PAGE_SIZE_OF(baser) ((baser) >> 8 & 3)
#define BASER_MAX_PAGES 256

enum { TYPE_DEVICES = 1, TYPE_COLLECTIONS = 4 };

/* The second level of a two-level table: an entry of the first one points to a page of entries. */
#define LEVEL1_ENTRY_SIZE 8
#define LEVEL1_VALID (UINT64_C(1) << 63)

static const uint32_t page_sizes[] = { 0x1000, 0x4000, 0x10000 };

static struct {
	uint64_t *level1;  /* NULL: one level only */
	uint32_t page;     /* bytes of an ITS page */
	uint32_t per_page; /* devices of which one such page holds the entries */
	uint64_t devices;  /* ids below this have a place */
} table;

/* Tells the ITS of a table, in pages of the size asked for or of the only one that it knows. */
static int set(uintptr_t address, uint64_t bytes, uint64_t flags, uint64_t *result, void **memory)
{
	for (unsigned size = 0; size < 3; size++) {
		/* Whether it takes this page size is seen by trying. */
		its_write64(address, BASER_PAGE_SIZE(size));
		if (BASER_PAGE_SIZE_OF(its_read64(address)) != size)
			continue;
		uint64_t pages = (bytes + page_sizes[size] - 1) / page_sizes[size];
		if (pages > BASER_MAX_PAGES)
			continue;
		*memory = its_alloc(pages * page_sizes[size], page_sizes[size]);
		if (*memory == NULL)
			return ERR_NOMEM;
		its_write64(address, GITS_VALID | flags | GITS_WRITE_BACK | its_phys(*memory) |
					     GITS_INNER_SHAREABLE | BASER_PAGE_SIZE(size) |
					     (pages - 1));
		*result = its_read64(address);
		return *result & GITS_VALID ? 0 : ERR_UNSUPPORTED;
	}
	return ERR_UNSUPPORTED;
}

/* Two levels where the ITS can: ids are sparse, and 2^16 of them would take half a megabyte. */
static int init_devices(uintptr_t address, unsigned device_bits)
{
	uint64_t baser, entry = BASER_ENTRY_SIZE(its_read64(address));
	uint64_t devices = UINT64_C(1) << device_bits;
	void *memory;

	its_write64(address, BASER_INDIRECT);
	bool indirect = its_read64(address) & BASER_INDIRECT;
	uint64_t bytes = devices * entry;
	if (indirect) {
		/* As its_tables_reach counts, with the smallest page: an entry never spans two. */
		uint64_t per_page = PAGE_SIZE / entry;
		bytes = (devices + per_page - 1) / per_page * LEVEL1_ENTRY_SIZE;
	}
	int error = set(address, bytes, indirect ? BASER_INDIRECT : 0, &baser, &memory);
	if (error != 0)
		return error;
	table.page = page_sizes[BASER_PAGE_SIZE_OF(baser)];
	table.per_page = table.page / (uint32_t)entry;
	table.devices = devices;
	table.level1 = indirect ? memory : NULL;
	return 0;
}

int its_tables_init(uintptr_t registers, unsigned device_bits)
{
	int error = ERR_UNSUPPORTED; /* without a table of devices nothing can be mapped */
	for (unsigned i = 0; i < BASERS; i++) {
		uintptr_t address = registers + GITS_BASER + 8 * i;
		uint64_t baser = its_read64(address);
		void *memory;
		if (BASER_TYPE(baser) == TYPE_DEVICES)
			error = init_devices(address, device_bits);
		else if (BASER_TYPE(baser) == TYPE_COLLECTIONS)
			error = set(address, PAGE_SIZE, 0, &baser, &memory);
		else
			continue;
		if (error != 0)
			return error;
	}
	return error;
}

int its_tables_reach(uint32_t device)
{
	if (device >= table.devices)
		return ERR_RANGE;
	if (table.level1 == NULL)
		return 0;
	uint64_t *entry = &table.level1[device / table.per_page];
	if (*entry & LEVEL1_VALID)
		return 0;
	void *memory = its_alloc(table.page, table.page);
	if (memory == NULL)
		return ERR_NOMEM;
	*entry = its_phys(memory) | LEVEL1_VALID;
	its_clean(entry, sizeof *entry);
	return 0;
}
