/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages, mappings and the heap. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot.h"
#include "kernel/memory.h"
#include "tests.h"

static bool is_zero(const void *memory, size_t length)
{
	const uint64_t *word = memory;
	for (size_t i = 0; i < length / sizeof(*word); i++) {
		if (word[i] != 0)
			return false;
	}
	return true;
}

const char *test_pages(void)
{
	enum { COUNT = 3, ALIGN = 8 * PAGE_SIZE };
	size_t before = pages_free_count();
	char *a = page_alloc(COUNT, ALIGN), *b = page_alloc(COUNT, PAGE_SIZE);
	ktap_check(a != NULL && b != NULL);
	uint64_t phys;
	ktap_check(phys_of(a, &phys) && phys % ALIGN == 0);
	ktap_check(a + COUNT * PAGE_SIZE <= b || b + COUNT * PAGE_SIZE <= a);
	ktap_check(is_zero(a, COUNT * PAGE_SIZE) && is_zero(b, COUNT * PAGE_SIZE));
	ktap_check(pages_free_count() == before - 2 * COUNT);
	page_free(a, COUNT);
	page_free(b, COUNT);
	ktap_check(pages_free_count() == before);
	return KTAP_OK;
}

const char *test_pages_freed(void)
{
	char *first = page_alloc(2, PAGE_SIZE);
	ktap_check(first != NULL);
	memset(first, 0xa5, 2 * PAGE_SIZE);
	page_free(first, 2);
	char *second = page_alloc(2, PAGE_SIZE);
	ktap_check(second == first);
	ktap_check(is_zero(second, 2 * PAGE_SIZE));
	page_free(second, 2);
	return KTAP_OK;
}

const char *test_pages_exhausted(void)
{
	size_t before = pages_free_count();
	ktap_check(page_alloc(pages_total_count() + 1, PAGE_SIZE) == NULL);
	ktap_check(page_alloc(SIZE_MAX / PAGE_SIZE, PAGE_SIZE) == NULL);
	ktap_check(pages_free_count() == before);
	ktap_check(!page_claim(boot_info.image.start));
	return KTAP_OK;
}

const char *test_physical(void)
{
	uint64_t phys;
	char *page = page_alloc(1, PAGE_SIZE), local;
	ktap_check(page != NULL);
	ktap_check(phys_of(page + 5, &phys) && direct(phys) == page + 5);
	page_free(page, 1);
	ktap_check(phys_of(image_start, &phys) && phys == boot_info.image.start);
	ktap_check(phys_of(&local, &phys) && range_is_ram(phys, 1));
	ktap_check(!phys_of(NULL, &phys));
	ktap_check(!mapped(NULL) && !mapped((void *)PAGE_SIZE));
	ktap_check(!mapped((void *)(STACK_BASE)));
	return KTAP_OK;
}

const char *test_image_alias(void)
{
	for (uint64_t phys = boot_info.image.start; phys < boot_info.image.end; phys += PAGE_SIZE)
		ktap_check(!mapped((void *)(DIRECT_BASE + phys)));
	return KTAP_OK;
}

/* A page that is not RAM, nor anything else's: nothing is accessed there. */
static uint64_t free_address(void)
{
	uint64_t phys = UINT64_C(1) << 38;
	while (range_is_ram(phys, PAGE_SIZE))
		phys += UINT64_C(1) << 30;
	return phys;
}

const char *test_device_window(void)
{
	uint64_t phys = free_address();
	char *window = map_device(phys + 0x10, 0x20);
	ktap_check(window != NULL && mapped(window));
	ktap_check(map_device(phys + 0x10, 0x20) == window);
	ktap_check(map_device(phys + 0x30, 4) == window + 0x20);
	ktap_check(map_device(phys, 2 * PAGE_SIZE) != NULL);
	ktap_check(map_device(boot_info.image.start, 4) == NULL);
	ktap_check(map_device(phys, 0) == NULL);
	ktap_check(map_device(UINT64_MAX - 3, 4) == NULL);
	ktap_check(map_device(phys, UINT64_MAX) == NULL);
	return KTAP_OK;
}

const char *test_heap(void)
{
	enum { COUNT = 100 };
	static unsigned char *blocks[COUNT];
	for (unsigned i = 0; i < COUNT; i++) {
		blocks[i] = malloc(i * 37 + 1);
		ktap_check(blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0);
		memset(blocks[i], (int)i, i * 37 + 1);
	}
	for (unsigned i = 0; i < COUNT; i += 2) {
		blocks[i] = realloc(blocks[i], i * 100 + 1);
		ktap_check(blocks[i] != NULL);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		for (unsigned k = 0; k < i * 37 + 1; k++)
			ktap_check(blocks[i][k] == i);
		free(blocks[i]);
	}
	return KTAP_OK;
}

const char *test_heap_exhausted(void)
{
	/* Through volatile: a compiler that sees that nothing is done with the memory leaves malloc out. */
	void *volatile huge = malloc(pages_total_count() * PAGE_SIZE);
	ktap_check(huge == NULL);
	huge = malloc(PTRDIFF_MAX);
	ktap_check(huge == NULL);
	void *some = malloc(100000); /* and it still works */
	ktap_check(some != NULL);
	free(some);
	return KTAP_OK;
}
