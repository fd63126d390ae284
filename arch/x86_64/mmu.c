/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries on x86_64: Intel SDM volume 3, 4.5 (4-level paging). Every mapping is the
 * kernel's; only text may be executed, only data and devices may be written (CR0.WP is on). Accessed
 * and dirty are set beforehand, which saves the CPU from writing them.
 *
 *     make run APP=crash ARGS=rodata
 *
 * Left out: five levels, global pages.
 */
#include "arch/x86_64/instructions.h"
#include "kernel/arch.h"
#include "kernel/layout.h"

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITE (UINT64_C(1) << 1)
#define PTE_WRITE_THROUGH (UINT64_C(1) << 3) /* with PTE_NO_CACHE: uncacheable */
#define PTE_NO_CACHE (UINT64_C(1) << 4)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY (UINT64_C(1) << 6)
#define PTE_LARGE (UINT64_C(1) << 7)
#define PTE_NO_EXECUTE (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

#define CPUID_ADDRESS_SIZES 0x80000008 /* EAX 0 … 7: bits of a physical address */
#define PHYS_BITS_MAX 48

uint64_t arch_phys_limit(void)
{
	static uint64_t limit;

	if (limit == 0) {
		unsigned bits = cpuid(CPUID_ADDRESS_SIZES).eax & 0xff;
		limit = UINT64_C(1) << (bits < PHYS_BITS_MAX ? bits : PHYS_BITS_MAX);
	}
	return limit;
}

uint64_t arch_pte_leaf(uint64_t phys, enum map_kind kind, bool block)
{
	uint64_t pte = phys | PTE_PRESENT | PTE_ACCESSED | (block ? PTE_LARGE : 0);

	switch (kind) {
	case MAP_TEXT:
		return pte;
	case MAP_RODATA:
		return pte | PTE_NO_EXECUTE;
	case MAP_DATA:
		return pte | PTE_NO_EXECUTE | PTE_WRITE | PTE_DIRTY;
	case MAP_DEVICE:
		break;
	}
	return pte | PTE_NO_EXECUTE | PTE_WRITE | PTE_DIRTY | PTE_NO_CACHE | PTE_WRITE_THROUGH;
}

uint64_t arch_pte_table(uint64_t phys)
{
	return phys | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
}

bool arch_pte_valid(uint64_t pte)
{
	return (pte & PTE_PRESENT) != 0;
}

bool arch_pte_is_block(uint64_t pte)
{
	return (pte & PTE_LARGE) != 0;
}

uint64_t arch_pte_phys(uint64_t pte)
{
	return pte & PTE_ADDRESS;
}

void arch_mmu_sync(void)
{
	/* Entries that are not present are never cached; the stores only have to have been made. */
	__asm__ volatile("" : : : "memory");
}

void arch_mmu_forget(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

void arch_mmu_switch(uint64_t root)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
}
