/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory maps (kernel/ranges.c) and the page allocator (kernel/pages.c) over an arena of ours. */
#include <stdarg.h>
#include <stdlib.h>

#include "check.h"
#include "drivers/virtio/port.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/memory.h"
#include "kernel/ranges.h"

/* ---- What pages.c stands on ----------------------------------------------------- */

#define BASE UINT64_C(0x100000000)
#define ARENA_PAGES 2048

struct boot_info boot_info;
static struct ranges ram;
static _Alignas(PAGE_SIZE) unsigned char arena[ARENA_PAGES * PAGE_SIZE];
static uint64_t direct_end; /* as far as is "mapped" */

const struct ranges *mmu_ram(void)
{
	return &ram;
}

uint64_t mmu_direct_end(void)
{
	return direct_end;
}

void mmu_map_rest(void)
{
	/* What pages.c gives us here must be mapped already. */
	unsigned char *table = page_alloc(1, PAGE_SIZE);
	CHECK(table != NULL && BASE + (uint64_t)(table - arena) < direct_end);
	direct_end = UINT64_MAX;
}

void *direct(uint64_t phys)
{
	CHECK(phys >= BASE && phys - BASE < sizeof(arena));
	return arena + (phys - BASE);
}

bool phys_of(const void *address, uint64_t *phys)
{
	*phys = BASE + (uint64_t)((const unsigned char *)address - arena);
	return true;
}

void vport_lock_take(struct vport_lock *lock)
{
	CHECK(lock->taken_by == 0);
	lock->taken_by = 1;
}

void vport_lock_give(struct vport_lock *lock)
{
	CHECK(lock->taken_by == 1);
	lock->taken_by = 0;
}

void kprint(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

void kernel_exit(int status)
{
	printf("# ended with %d\n", status);
	exit(1);
}

void vport_panic(const char *what, const char *file, int line)
{
	printf("# %s:%d: %s\n", file, line, what);
	abort();
}

/* ---- Ranges ---------------------------------------------------------------------- */

static void check_range(const struct ranges *ranges, unsigned i, uint64_t start, uint64_t end)
{
	CHECK(i < ranges->count);
	CHECK_EQ(ranges->range[i].start, start);
	CHECK_EQ(ranges->range[i].end, end);
}

static void ranges_are_joined(void)
{
	struct ranges ranges = { .count = 0 };
	CHECK(ranges_add(&ranges, 50, 60));
	CHECK(ranges_add(&ranges, 10, 20));
	CHECK(ranges_add(&ranges, 30, 40));
	CHECK(ranges_add(&ranges, 5, 5));
	CHECK(ranges_add(&ranges, 9, 7));
	CHECK_EQ(ranges.count, 3);
	check_range(&ranges, 0, 10, 20);
	check_range(&ranges, 2, 50, 60);
	CHECK(ranges_add(&ranges, 20, 30)); /* touches both neighbours */
	CHECK_EQ(ranges.count, 2);
	check_range(&ranges, 0, 10, 40);
	CHECK(ranges_add(&ranges, 0, UINT64_MAX));
	CHECK_EQ(ranges.count, 1);
	check_range(&ranges, 0, 0, UINT64_MAX);
}

static void ranges_are_cut(void)
{
	struct ranges ranges = { .count = 0 };
	ranges_add(&ranges, 10, 20);
	ranges_add(&ranges, 30, 40);
	ranges_add(&ranges, 50, 60);
	CHECK(ranges_remove(&ranges, 33, 35)); /* out of the middle */
	CHECK_EQ(ranges.count, 4);
	check_range(&ranges, 1, 30, 33);
	check_range(&ranges, 2, 35, 40);
	CHECK(ranges_remove(&ranges, 15, 55)); /* over several */
	CHECK_EQ(ranges.count, 2);
	check_range(&ranges, 0, 10, 15);
	check_range(&ranges, 1, 55, 60);
	CHECK(ranges_remove(&ranges, 20, 30)); /* where nothing is */
	CHECK(ranges_remove(&ranges, 10, 15)); /* exactly one */
	CHECK_EQ(ranges.count, 1);
	CHECK(ranges_remove(&ranges, 0, UINT64_MAX));
	CHECK_EQ(ranges.count, 0);
}

static void ranges_have_an_end(void)
{
	struct ranges ranges = { .count = 0 };
	for (unsigned i = 0; i < RANGES_MAX; i++)
		CHECK(ranges_add(&ranges, 10 * i, 10 * i + 5));
	CHECK(!ranges_add(&ranges, 10 * RANGES_MAX, 10 * RANGES_MAX + 5));
	CHECK(!ranges_remove(&ranges, 1, 2));
	CHECK_EQ(ranges.count, RANGES_MAX);
	check_range(&ranges, 0, 0, 5);
}

static void ranges_shrink_and_hold(void)
{
	struct ranges ranges = { .count = 0 };
	ranges_add(&ranges, 1, 2 * PAGE_SIZE + 1);
	ranges_add(&ranges, 3 * PAGE_SIZE + 1, 4 * PAGE_SIZE - 1);
	ranges_add(&ranges, UINT64_MAX - 10, UINT64_MAX);
	CHECK(ranges_touch(&ranges, 0, 2));
	CHECK(!ranges_touch(&ranges, 0, 1));
	CHECK(ranges_touch(&ranges, UINT64_MAX - 1, 4)); /* overflows */
	ranges_shrink(&ranges, PAGE_SIZE);
	CHECK_EQ(ranges.count, 1);
	check_range(&ranges, 0, PAGE_SIZE, 2 * PAGE_SIZE);
	CHECK(ranges_hold(&ranges, PAGE_SIZE, PAGE_SIZE) != NULL);
	CHECK(ranges_hold(&ranges, PAGE_SIZE, PAGE_SIZE + 1) == NULL);
	CHECK(ranges_hold(&ranges, PAGE_SIZE - 1, 1) == NULL);
	CHECK(ranges_hold(&ranges, PAGE_SIZE, UINT64_MAX) == NULL);
}

/* ---- Pages ------------------------------------------------------------------------- */

static uint64_t page_phys(unsigned page)
{
	return BASE + (uint64_t)page * PAGE_SIZE;
}

/* Two ranges, with a hole between them, reserved pages in the first, and the second not mapped yet. */
static void pages_start(void)
{
	memset(arena, 0xee, sizeof(arena));
	ranges_add(&ram, page_phys(0), page_phys(1500));
	ranges_add(&ram, page_phys(1600), page_phys(ARENA_PAGES));
	boot_info.fdt = (struct boot_range){ page_phys(10) + 100, page_phys(11) + 1 };
	boot_info.reserved[0] = (struct boot_range){ page_phys(20), page_phys(20) + 1 };
	boot_info.reserved[1] = (struct boot_range){ 0, 100 };
	boot_info.reserved_count = 2;
	direct_end = page_phys(1600);
	pages_init();
	CHECK(pages_ready());
	/* But for two pages of FDT, one reserved, one of bit maps, and the one that mmu_map_rest took. */
	CHECK_EQ(pages_total_count(), 1500 + ARENA_PAGES - 1600 - 4);
	CHECK_EQ(pages_free_count(), pages_total_count() - 1);
	CHECK_EQ(page_heap_start(), page_phys(22)); /* the biggest range, behind its bit map */
}

/* Allocates, claims and frees at random, and compares with a list of who has which page. */
static void pages_at_random(void)
{
	static bool taken[ARENA_PAGES];
	static struct {
		unsigned page, count;
	} held[300];
	unsigned held_count = 0;

	srand(1);
	size_t begin = pages_free_count();
	for (unsigned step = 0; step < 20000; step++) {
		if (held_count < 300 && rand() % 2 == 0) {
			unsigned count = 1 + (unsigned)rand() % 40;
			size_t align = (size_t)PAGE_SIZE << rand() % 5;
			unsigned char *memory = page_alloc(count, align);
			if (memory == NULL)
				continue;
			unsigned page = (unsigned)((memory - arena) / PAGE_SIZE);
			CHECK_EQ(page_phys(page) % align, 0);
			for (unsigned i = page; i < page + count; i++) {
				CHECK(i != 10 && i != 11 && i != 20);
				CHECK(i < 1500 || i >= 1600);
				CHECK(!taken[i]);
				taken[i] = true;
				CHECK(!page_claim(page_phys(i)));
			}
			CHECK(memory[0] == 0 && memory[count * PAGE_SIZE - 1] == 0);
			memset(memory, 0xdd, count * PAGE_SIZE);
			held[held_count].page = page;
			held[held_count++].count = count;
		} else if (held_count > 0) {
			unsigned which = (unsigned)rand() % held_count;
			page_free(arena + held[which].page * PAGE_SIZE, held[which].count);
			memset(taken + held[which].page, 0, held[which].count * sizeof(taken[0]));
			held[which] = held[--held_count];
		}
	}
	while (held_count-- > 0)
		page_free(arena + held[held_count].page * PAGE_SIZE, held[held_count].count);
	CHECK_EQ(pages_free_count(), begin);
}

/* The heap takes pages from below until it meets what was taken from above. */
static void pages_meet_the_heap(void)
{
	uint64_t heap = page_heap_start();
	size_t begin = pages_free_count(), claimed = 0;
	unsigned char *top = NULL;
	/* The upper range first, then down to the heap's. */
	for (unsigned i = 0; i < ARENA_PAGES - 1600 + 100; i++)
		top = page_alloc(1, PAGE_SIZE);
	CHECK(top != NULL);
	while (page_claim(heap + claimed * PAGE_SIZE))
		claimed++;
	CHECK_EQ(heap + claimed * PAGE_SIZE, BASE + (uint64_t)(top - arena));
	CHECK_EQ(pages_free_count(), begin - claimed - (ARENA_PAGES - 1600 + 100));
	CHECK(!page_claim(BASE - PAGE_SIZE));
	CHECK(!page_claim(page_phys(1500)));
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(ranges_are_joined), CHECK_CASE(ranges_are_cut),
		CHECK_CASE(ranges_have_an_end), CHECK_CASE(ranges_shrink_and_hold),
		CHECK_CASE(pages_start), CHECK_CASE(pages_at_random),
		CHECK_CASE(pages_meet_the_heap), CHECK_END });
}
