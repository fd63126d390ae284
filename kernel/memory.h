/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical pages and virtual mappings. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/layout.h"

/* Builds the final page tables (kernel/layout.h) from boot_info, and switches to them. */
void mmu_init(void);
/* Gives all RAM that nobody claims to the page allocator, and has the rest of it mapped. Ends with a
 * clear line when there is too little. */
void pages_init(void);

/* ---- Pages (kernel/pages.c) ------------------------------------------------ */

/* `count` contiguous pages, zeroed, at an address that is a multiple of `align` bytes (a power of
 * two >= PAGE_SIZE). Returns their address in the direct map, or NULL. Drain context at most. */
void *page_alloc(size_t count, size_t align);
void page_free(void *pages, size_t count);
size_t pages_free_count(void);
size_t pages_total_count(void);

/*
 * Single pages are given out from the top of memory downwards. The newlib heap, which must be
 * contiguous, grows upwards from page_heap_start, the bottom of the biggest range, and takes the
 * page it wants next by page_claim; so what one half does not use, the other may.
 */
uint64_t page_heap_start(void);
/* Takes this very page; false when it is in use, or not RAM of the allocator's. Not zeroed. */
bool page_claim(uint64_t phys);

/* For lsmem: a line for each range of RAM, and what is free. */
void memory_print(void);

/* ---- Mappings (kernel/mmu.c) ------------------------------------------------ */

/* The physical address of any mapped address (direct map, image, stack); false when unmapped. In the
 * direct map this is arithmetic: an address there was got from direct or page_alloc. */
bool phys_of(const void *address, uint64_t *phys);
/* Whether this byte may be read, by the page tables themselves. */
bool mapped(const void *address);
/* The direct map's address of RAM. Asserts that it is RAM, and not the image's, which has no other
 * mapping than its own. */
void *direct(uint64_t phys);

/* Maps device registers (uncached) and returns their address; any alignment. Lasts for good. The same
 * range twice gives the same address. NULL when out of address space or when it lies in RAM. */
void *map_device(uint64_t phys, uint64_t length);
/* Maps firmware tables (cached, read-only) that may lie outside of what the boot map calls RAM. */
const void *map_firmware(uint64_t phys, uint64_t length);

/* A stack of `size` bytes between two unmapped pages; returns its top. */
uintptr_t stack_alloc(size_t size);

/* Whether [start, start + length) touches RAM, as the loader described it. */
bool range_is_ram(uint64_t start, uint64_t length);

/*
 * For a CPU that is to go through more than 1 MiB again and again. QEMU's TLB begins with 256 pages and is made twice as large
 * only when it is emptied while most of it is in use, which a kernel that unmaps nothing never does. So this fills and empties
 * it until it holds 8 MiB. Elsewhere it is some 4000 loads.
 */
void mmu_widen_tlb(void);

/* ---- Between the two --------------------------------------------------------- */

/* mmu_init maps RAM from below as far as its static tables go, and that is to here. pages_init, having
 * pages for tables then, lets mmu_map_rest go on. */
uint64_t mmu_direct_end(void);
void mmu_map_rest(void);
bool pages_ready(void);
/* All RAM in whole pages, without the image: what the direct map holds. */
struct ranges;
const struct ranges *mmu_ram(void);
/* Says what there was no memory for, how much there is and how much is needed, and ends. */
_Noreturn void memory_exhausted(const char *what);

#endif
