/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page tables: one walker for both architectures, which differ only in how an entry is written
 * (arch_pte_*). kernel/layout.h says what lies where.
 *
 * The image's own pages are left out of the direct map. So code and constants have one mapping each,
 * and it is read-only; nothing is both writable and executable by any address.
 *
 * Left out: unmapping (nothing is ever taken away), and blocks of 1 GiB.
 *
 *     make run, then `lsmem` in the shell
 */
#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/memory.h"
#include "kernel/ranges.h"

#define LEVEL_BITS 9
#define ENTRIES (1 << LEVEL_BITS)
#define ROOT_LEVEL 3
#define BLOCK_LEVEL 1
#define BLOCK_SIZE (UINT64_C(1) << (PAGE_SHIFT + LEVEL_BITS))
#define DIRECT_SIZE (DEVICE_BASE - DIRECT_BASE)

typedef uint64_t table[ENTRIES] __attribute__((aligned(PAGE_SIZE)));

/* Tables until there are pages. The last few are kept for the console's registers: it must come up
 * to say that there is too little memory. */
#define POOL_TABLES 24
#define POOL_KEPT 8
static table pool[POOL_TABLES];
static unsigned pool_used;
static table root;

static struct ranges ram;        /* as the loader described it */
static struct ranges direct_ram; /* whole pages of it, without the image: the direct map */
static uint64_t direct_end;      /* direct_ram is mapped below this */

static uint64_t image_phys(const void *address)
{
	return boot_info.image.start + (uint64_t)((const char *)address - image_start);
}

/* ---- The walker -------------------------------------------------------------- */

static uint64_t *table_at(uint64_t phys)
{
	uint64_t offset = phys - boot_info.image.start;
	if (offset < (uint64_t)(image_end - image_start))
		return (uint64_t *)(image_start + offset);
	return (uint64_t *)(DIRECT_BASE + phys);
}

/* An empty table's physical address; false when there is no memory. */
static bool table_alloc(uint64_t *phys)
{
	if (pool_used < POOL_TABLES) {
		*phys = image_phys(pool[pool_used++]);
		return true;
	}
	void *page = pages_ready() ? page_alloc(1, PAGE_SIZE) : NULL;
	if (page == NULL)
		return false;
	*phys = (uintptr_t)page - DIRECT_BASE;
	return true;
}

static uint64_t *entry_in(uint64_t *in, uintptr_t va, unsigned level)
{
	return &in[(va >> (PAGE_SHIFT + level * LEVEL_BITS)) % ENTRIES];
}

/* The entry for va at this level, its upper tables made where they were missing. NULL when there is
 * no memory for that, or when a block is mapped there already. */
static uint64_t *entry_make(uintptr_t va, unsigned level)
{
	uint64_t *entry = entry_in(root, va, ROOT_LEVEL);
	for (unsigned at = ROOT_LEVEL; at > level; at--) {
		if (!arch_pte_valid(*entry)) {
			uint64_t phys;
			if (!table_alloc(&phys))
				return NULL;
			*entry = arch_pte_table(phys);
		} else if (at == BLOCK_LEVEL && arch_pte_is_block(*entry)) {
			return NULL;
		}
		entry = entry_in(table_at(arch_pte_phys(*entry)), va, at - 1);
	}
	return entry;
}

static bool lookup(uintptr_t va, uint64_t *phys)
{
	if (va < DIRECT_BASE)
		return false;
	uint64_t *entry = entry_in(root, va, ROOT_LEVEL);
	for (unsigned at = ROOT_LEVEL; arch_pte_valid(*entry); at--) {
		if (at == BLOCK_LEVEL && arch_pte_is_block(*entry)) {
			*phys = arch_pte_phys(*entry) + va % BLOCK_SIZE;
			return true;
		}
		if (at == 0) {
			*phys = arch_pte_phys(*entry) + va % PAGE_SIZE;
			return true;
		}
		entry = entry_in(table_at(arch_pte_phys(*entry)), va, at - 1);
	}
	return false;
}

/* Maps one page, or one block where both addresses and the length allow it; returns how many bytes
 * that was, 0 when there is no memory for a table. */
static uint64_t map_one(uintptr_t va, uint64_t phys, uint64_t length, enum map_kind kind)
{
	bool block = (va | phys) % BLOCK_SIZE == 0 && length >= BLOCK_SIZE;
	uint64_t *entry = entry_make(va, block ? BLOCK_LEVEL : 0);
	if (entry == NULL)
		return 0;
	kit_assert(!arch_pte_valid(*entry));
	*entry = arch_pte_leaf(phys, kind, block);
	return block ? BLOCK_SIZE : PAGE_SIZE;
}

static bool map(uintptr_t va, uint64_t phys, uint64_t length, enum map_kind kind)
{
	uint64_t done = 0;
	while (done < length) {
		uint64_t step = map_one(va + done, phys + done, length - done, kind);
		if (step == 0)
			return false;
		done += step;
	}
	arch_mmu_sync();
	return true;
}

/* ---- The image and the direct map -------------------------------------------- */

static void map_section(const char *start, const char *end, enum map_kind kind)
{
	bool ok = map((uintptr_t)start, image_phys(start), (uint64_t)(end - start), kind);
	kit_assert(ok); /* the pool is bigger than any image of ours wants */
}

/* Whether one more step of the direct map may take its tables. */
static bool tables_left(void)
{
	return pages_ready() || POOL_TABLES - pool_used >= POOL_KEPT + ROOT_LEVEL;
}

/* Goes on mapping RAM from direct_end upwards, as far as there are tables. */
static void map_direct(void)
{
	for (unsigned i = 0; i < direct_ram.count; i++) {
		const struct boot_range *range = &direct_ram.range[i];
		uint64_t at = range->start > direct_end ? range->start : direct_end;
		while (at < range->end) {
			uint64_t step = 0;
			if (tables_left())
				step = map_one(DIRECT_BASE + at, at, range->end - at, MAP_DATA);
			if (step == 0) {
				direct_end = at;
				return;
			}
			at += step;
		}
	}
	direct_end = UINT64_MAX;
}

void mmu_init(void)
{
	for (unsigned i = 0; i < boot_info.ram_count; i++) {
		/* Cannot fail: there are fewer ranges than a list holds. */
		ranges_add(&ram, boot_info.ram[i].start, boot_info.ram[i].end);
	}
	direct_ram = ram;
	ranges_remove(&direct_ram, DIRECT_SIZE, UINT64_MAX);
	ranges_remove(&direct_ram, arch_phys_limit(), UINT64_MAX);
	ranges_remove(&direct_ram, boot_info.image.start, boot_info.image.end);
	ranges_shrink(&direct_ram, PAGE_SIZE);

	map_section(image_start, text_end, MAP_TEXT);
	map_section(text_end, rodata_end, MAP_RODATA);
	map_section(rodata_end, image_end, MAP_DATA);
	map_direct();
	arch_mmu_switch(image_phys(root));
}

uint64_t mmu_direct_end(void)
{
	return direct_end;
}

const struct ranges *mmu_ram(void)
{
	return &direct_ram;
}

void mmu_map_rest(void)
{
	map_direct();
	arch_mmu_sync();
	if (direct_end != UINT64_MAX)
		memory_exhausted("page tables for all of the memory");
}

/* ---- The TLB ------------------------------------------------------------------- */

/* An emulator's TLB: at least so many pages, of which so many must be in use for it to grow. */
#define TLB_LEAST 64
#define TLB_ENOUGH 2048
#define TLB_IN_USE (TLB_ENOUGH / 2 * 3 / 4)

void mmu_widen_tlb(void)
{
	const struct boot_range *range = &direct_ram.range[0];

	/* The largest, for any other may be too small to fill it. */
	for (unsigned i = 1; i < direct_ram.count; i++) {
		const struct boot_range *other = &direct_ram.range[i];
		if (other->end - other->start > range->end - range->start)
			range = other;
	}
	for (unsigned pages = TLB_LEAST; pages < TLB_ENOUGH; pages *= 2) {
		for (uint64_t at = range->start;
		     at < range->end && at < range->start + TLB_IN_USE * PAGE_SIZE; at += PAGE_SIZE)
			(void)*(const volatile char *)(DIRECT_BASE + at);
		arch_mmu_switch(image_phys(root));
	}
}

/* ---- Addresses ---------------------------------------------------------------- */

bool phys_of(const void *address, uint64_t *phys)
{
	uintptr_t va = (uintptr_t)address;
	if (va - DIRECT_BASE < DIRECT_SIZE) {
		*phys = va - DIRECT_BASE;
		return true;
	}
	uintptr_t offset = va - (uintptr_t)image_start;
	if (offset < (uintptr_t)(image_end - image_start)) {
		*phys = boot_info.image.start + offset;
		return true;
	}
	return lookup(va, phys);
}

bool mapped(const void *address)
{
	uint64_t phys;
	return lookup((uintptr_t)address, &phys);
}

void *direct(uint64_t phys)
{
	kit_assert(ranges_hold(&direct_ram, phys, 1) != NULL);
	return (void *)(DIRECT_BASE + phys);
}

bool range_is_ram(uint64_t start, uint64_t length)
{
	return ranges_touch(&ram, start, length);
}

/* ---- Registers, firmware tables, stacks ---------------------------------------- */

/* What has been mapped at DEVICE_BASE so far, in whole pages. */
#define MAX_WINDOWS 256
static struct window {
	uint64_t phys, length;
	uintptr_t va;
	enum map_kind kind;
} windows[MAX_WINDOWS];
static unsigned window_count;
static uintptr_t window_next = DEVICE_BASE;
/* For those, and for the tables when more is mapped. CPUs that go on meanwhile read what is valid already. */
static struct vport_lock map_lock;

static struct window *window_find(uint64_t phys, uint64_t length, enum map_kind kind)
{
	for (unsigned i = 0; i < window_count; i++) {
		struct window *window = &windows[i];
		if (window->kind == kind && phys >= window->phys &&
		    phys + length <= window->phys + window->length)
			return window;
	}
	return NULL;
}

static struct window *window_make(uint64_t phys, uint64_t length, enum map_kind kind)
{
	/* A long one gets the same offset in a block as it has physically, so that blocks fit. */
	uintptr_t va = window_next;
	if (length >= BLOCK_SIZE)
		va += (phys - va) % BLOCK_SIZE;
	bool room = window_count < MAX_WINDOWS && length <= STACK_BASE - va;
	/* A page between two windows stays unmapped, so that running over an end is noticed. One that could
	 * not be mapped whole keeps its place: some of it is there. */
	if (room)
		window_next = va + length + PAGE_SIZE;
	if (!room || !map(va, phys, length, kind))
		return NULL;
	windows[window_count] = (struct window){ phys, length, va, kind };
	return &windows[window_count++];
}

static void *map_window(uint64_t phys, uint64_t length, enum map_kind kind)
{
	uint64_t limit = arch_phys_limit();
	if (length == 0 || phys >= limit || length > limit - phys)
		return NULL;
	uint64_t offset = phys % PAGE_SIZE;
	uint64_t whole = (offset + length + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	vport_lock_take(&map_lock);
	struct window *window = window_find(phys - offset, whole, kind);
	if (window == NULL)
		window = window_make(phys - offset, whole, kind);
	vport_lock_give(&map_lock);
	if (window == NULL) {
		kprint("memory: no room to map 0x%lx bytes of registers at 0x%lx\n",
		       (unsigned long)whole, (unsigned long)(phys - offset));
		return NULL;
	}
	return (void *)(window->va + (phys - window->phys));
}

void *map_device(uint64_t phys, uint64_t length)
{
	return range_is_ram(phys, length) ? NULL : map_window(phys, length, MAP_DEVICE);
}

const void *map_firmware(uint64_t phys, uint64_t length)
{
	const struct boot_range *range = ranges_hold(&direct_ram, phys, length);
	if (range != NULL && phys + length <= direct_end)
		return (const void *)(DIRECT_BASE + phys);
	return map_window(phys, length, MAP_RODATA);
}

uintptr_t stack_alloc(size_t size)
{
	static uintptr_t next = STACK_BASE + PAGE_SIZE;

	void *pages = page_alloc(size / PAGE_SIZE, PAGE_SIZE);
	vport_lock_take(&map_lock);
	uintptr_t top = next + size;
	bool mapped_it = pages != NULL && map(next, (uintptr_t)pages - DIRECT_BASE, size, MAP_DATA);
	next = top + PAGE_SIZE;
	vport_lock_give(&map_lock);
	if (!mapped_it)
		memory_exhausted("a stack");
	return top;
}
