/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator: a bit a page, in one map for each range of RAM that nothing else claims.
 *
 * Everything here takes from the top of memory downwards, but for the newlib heap, which grows from
 * the bottom of the biggest range upwards (page_claim): neither has a part of fixed size.
 *
 * Left out: speed for many small blocks. Drivers allocate when they start, and newlib's malloc cuts
 * up its own heap.
 *
 *     make run, then `lsmem` in the shell
 */
#include "drivers/virtio/port.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/memory.h"
#include "kernel/ranges.h"
#include "lib/mem.h"

#define WORD_BITS 64
/* Stacks, tables, one disk's rings and buffers, and a little heap: below this nothing useful runs. */
#define PAGES_NEEDED (1536 * 1024 / PAGE_SIZE)

struct area {
	uint64_t start; /* physical */
	size_t pages;
	size_t free;
	size_t top;     /* all pages from here on are in use */
	uint64_t *used; /* a bit a page */
};

static struct area areas[RANGES_MAX]; /* ascending */
static unsigned area_count;
static size_t total;
static uint64_t heap_start;
static struct vport_lock pages_lock; /* for what is free; the areas stay as they are */

static bool is_used(const struct area *area, size_t page)
{
	return area->used[page / WORD_BITS] >> (page % WORD_BITS) & 1;
}

/* Turns over the bits of pages that all are the other way round now: a page freed twice is a bug. */
static void set_used(struct area *area, size_t first, size_t count, bool used)
{
	for (size_t page = first, step; page < first + count; page += step) {
		size_t bit = page % WORD_BITS, left = first + count - page;
		step = left < WORD_BITS - bit ? left : WORD_BITS - bit;
		uint64_t mask = UINT64_MAX >> (WORD_BITS - step) << bit;
		uint64_t *word = &area->used[page / WORD_BITS];
		kit_assert((*word & mask) == (used ? 0 : mask));
		*word ^= mask;
	}
	if (used) {
		area->free -= count;
		if (first + count == area->top)
			area->top = first;
	} else {
		area->free += count;
		if (first + count > area->top)
			area->top = first + count;
	}
}

/* The highest run of free pages whose physical address is a multiple of align. */
static bool find_run(const struct area *area, size_t count, size_t align, size_t *first)
{
	size_t end = area->top; /* the run must end here or below */
	while (end >= count) {
		uint64_t phys = (area->start + (end - count) * PAGE_SIZE) & ~(uint64_t)(align - 1);
		if (phys < area->start)
			return false;
		size_t start = (phys - area->start) / PAGE_SIZE;
		size_t page = start + count;
		while (page > start && !is_used(area, page - 1))
			page--;
		if (page == start) {
			*first = start;
			return true;
		}
		/* Page - 1 is in use; with it, maybe, everything else in its word. */
		end = page - 1;
		while (end >= WORD_BITS && end % WORD_BITS == 0 &&
		       area->used[end / WORD_BITS - 1] == UINT64_MAX)
			end -= WORD_BITS;
	}
	return false;
}

static struct area *area_of(uint64_t phys)
{
	for (unsigned i = 0; i < area_count; i++) {
		if (phys >= areas[i].start && phys - areas[i].start < areas[i].pages * PAGE_SIZE)
			return &areas[i];
	}
	return NULL;
}

void *page_alloc(size_t count, size_t align)
{
	kit_assert(count > 0 && align >= PAGE_SIZE && (align & (align - 1)) == 0);
	struct area *from = NULL;
	size_t first;
	vport_lock_take(&pages_lock);
	for (unsigned i = area_count; i-- > 0 && from == NULL;) {
		if (areas[i].free >= count && find_run(&areas[i], count, align, &first))
			from = &areas[i];
	}
	if (from != NULL)
		set_used(from, first, count, true);
	vport_lock_give(&pages_lock);
	return from == NULL ? NULL
			    : memset(direct(from->start + first * PAGE_SIZE), 0, count * PAGE_SIZE);
}

void page_free(void *pages, size_t count)
{
	uint64_t phys;
	bool known = phys_of(pages, &phys);
	struct area *area = known ? area_of(phys) : NULL;
	kit_assert(area != NULL && phys % PAGE_SIZE == 0);
	size_t first = (phys - area->start) / PAGE_SIZE;
	kit_assert(count <= area->pages - first);
	vport_lock_take(&pages_lock);
	set_used(area, first, count, false);
	vport_lock_give(&pages_lock);
}

bool page_claim(uint64_t phys)
{
	struct area *area = area_of(phys);
	if (area == NULL)
		return false;
	size_t page = (phys - area->start) / PAGE_SIZE;
	vport_lock_take(&pages_lock);
	bool free = !is_used(area, page);
	if (free)
		set_used(area, page, 1, true);
	vport_lock_give(&pages_lock);
	return free;
}

uint64_t page_heap_start(void)
{
	return heap_start;
}

size_t pages_free_count(void)
{
	size_t count = 0;
	for (unsigned i = 0; i < area_count; i++)
		count += areas[i].free;
	return count;
}

size_t pages_total_count(void)
{
	return total;
}

/* ---- Start ---------------------------------------------------------------------- */

static unsigned long kib(uint64_t bytes)
{
	return (unsigned long)(bytes / 1024);
}

_Noreturn void memory_exhausted(const char *what)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < boot_info.ram_count; i++)
		bytes += boot_info.ram[i].end - boot_info.ram[i].start;
	kprint("memory: too little for %s: %lu KiB of RAM, the kernel takes %lu, %lu are free, "
	       "%lu are needed\n",
	       what, kib(bytes), kib(boot_info.image.end - boot_info.image.start),
	       kib((uint64_t)pages_free_count() * PAGE_SIZE),
	       kib((uint64_t)PAGES_NEEDED * PAGE_SIZE));
	kernel_exit(EXIT_PANIC);
}

static void reserve(struct ranges *free, const struct boot_range *range)
{
	uint64_t start = range->start & ~(uint64_t)(PAGE_SIZE - 1);
	uint64_t end = range->end;
	if (end % PAGE_SIZE != 0 && end < UINT64_MAX - PAGE_SIZE)
		end += PAGE_SIZE - end % PAGE_SIZE;
	/* Cannot fail: each of these adds one range at most, and the list has room for all. */
	ranges_remove(free, start, end);
}

/* Cuts the bit maps' memory off the bottom of the range that has most that is mapped already. */
static uint64_t *take_maps(struct ranges *free)
{
	uint64_t size = 0, most = 0;
	unsigned best = 0;
	for (unsigned i = 0; i < free->count; i++) {
		const struct boot_range *range = &free->range[i];
		uint64_t end = range->end < mmu_direct_end() ? range->end : mmu_direct_end();
		if (end > range->start && end - range->start > most) {
			most = end - range->start;
			best = i;
		}
		size += ((range->end - range->start) / PAGE_SIZE / WORD_BITS + 1) *
			sizeof(uint64_t);
	}
	size = (size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	if (size >= most)
		memory_exhausted("the map of its pages");
	uint64_t *maps = direct(free->range[best].start);
	free->range[best].start += size;
	memset(maps, 0xff, size);
	return maps;
}

/* Gives the part of each area that lies in [start, end) to the allocator. */
static void release(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < area_count; i++) {
		struct area *area = &areas[i];
		uint64_t area_end = area->start + area->pages * PAGE_SIZE;
		uint64_t from = start > area->start ? start : area->start;
		uint64_t to = end < area_end ? end : area_end;
		if (from < to)
			set_used(area, (from - area->start) / PAGE_SIZE, (to - from) / PAGE_SIZE,
				 false);
	}
}

void pages_init(void)
{
	static struct ranges free;
	free = *mmu_ram();
	reserve(&free, &boot_info.fdt);
	for (unsigned i = 0; i < boot_info.reserved_count; i++)
		reserve(&free, &boot_info.reserved[i]);
	ranges_shrink(&free, PAGE_SIZE);

	uint64_t *maps = take_maps(&free);
	size_t biggest = 0;
	for (unsigned i = 0; i < free.count; i++) {
		size_t pages = (free.range[i].end - free.range[i].start) / PAGE_SIZE;
		areas[i] =
			(struct area){ .start = free.range[i].start, .pages = pages, .used = maps };
		maps += pages / WORD_BITS + 1;
		total += pages;
		if (pages > biggest) {
			biggest = pages;
			heap_start = areas[i].start;
		}
	}
	area_count = free.count;

	uint64_t mapped_end = mmu_direct_end();
	release(0, mapped_end);
	mmu_map_rest();
	release(mapped_end, UINT64_MAX);
	if (total < PAGES_NEEDED)
		memory_exhausted("a program");
}

bool pages_ready(void)
{
	return area_count > 0;
}

static uint64_t print_range(const struct boot_range *range, const char *what)
{
	uint64_t bytes = range->end - range->start;
	kprint("0x%012lx … 0x%012lx %10lu KiB %s\n", (unsigned long)range->start,
	       (unsigned long)range->end, kib(bytes), what);
	return bytes;
}

/* The kernel's own memory is no part of mmu_ram: it has its row where it lies. */
void memory_print(void)
{
	const struct ranges *ram = mmu_ram();
	uint64_t bytes = 0;
	bool printed = false;
	for (unsigned i = 0; i < ram->count; i++) {
		if (!printed && boot_info.image.start < ram->range[i].start) {
			bytes += print_range(&boot_info.image, "the kernel");
			printed = true;
		}
		bytes += print_range(&ram->range[i], "RAM");
	}
	if (!printed)
		bytes += print_range(&boot_info.image, "the kernel");
	kprint("%lu KiB in all, %lu of them free\n", kib(bytes),
	       kib((uint64_t)pages_free_count() * PAGE_SIZE));
}
