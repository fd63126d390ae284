/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical pages and virtual mappings. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/layout.h"

/* Builds the final page tables (kernel/layout.h) from boot_info, and switches to them. Ends with a
 * clear line when there is too little memory. */
void mmu_init(void);
/* Gives all RAM that nobody claims to the page allocator. */
void pages_init(void);

/* `count` contiguous pages, zeroed, at an address that is a multiple of `align` bytes (a power of
 * two >= PAGE_SIZE). Returns their address in the direct map, or NULL. Drain context at most. */
void *page_alloc(size_t count, size_t align);
void page_free(void *pages, size_t count);
size_t pages_free_count(void);
size_t pages_total_count(void);

/* The physical address of any mapped address (direct map, image, stack); false when unmapped. */
bool phys_of(const void *address, uint64_t *phys);
/* The direct map's address of RAM. Asserts that it is RAM. */
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

/* For lsmem: a line for each range. */
void memory_print(void);

#endif
