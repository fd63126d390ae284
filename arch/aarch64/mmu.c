/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page table entries of VMSAv8-64, granule of 4 KiB, stage 1 (Arm Architecture Reference Manual,
 * D8.3), for kernel/mmu.c, which does the walking; and what makes the processor notice a change.
 *
 * RAM is Normal write-back and inner-shareable, rings included: a hypervisor's emulated device looks
 * through the caches. Registers are Device-nGnRE.
 *
 *     make run ARCH=aarch64 APP=crash ARGS=rodata
 *
 * Left out: other granules.
 */
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/layout.h"

#define PTE_VALID (UINT64_C(1) << 0)
#define PTE_TABLE (UINT64_C(1) << 1) /* a table; in the last level, a page */
#define PTE_ATTR(n) ((uint64_t)(n) << 2)
#define PTE_READ_ONLY (UINT64_C(1) << 7)
#define PTE_SHARE_INNER (UINT64_C(3) << 8)
#define PTE_ACCESSED (UINT64_C(1) << 10)
#define PTE_PXN (UINT64_C(1) << 53)
#define PTE_UXN (UINT64_C(1) << 54)
#define PTE_ADDRESS UINT64_C(0x0000fffffffff000)

/* MAIR_EL1's slots, which boot/aarch64/head.S sets. */
enum { ATTR_NORMAL = 0, ATTR_DEVICE = 1 };

/* TCR_EL1.IPS as boot/aarch64/head.S sets it, at most 5. */
#define TCR_IPS(tcr) ((tcr) >> 32 & 7)

uint64_t arch_phys_limit(void)
{
	static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48, 48, 48 };
	return UINT64_C(1) << bits[TCR_IPS(sysreg_read(tcr_el1))];
}

uint64_t arch_pte_leaf(uint64_t phys, enum map_kind kind, bool block)
{
	uint64_t pte = phys | PTE_VALID | PTE_ACCESSED | PTE_UXN | (block ? 0 : PTE_TABLE);
	switch (kind) {
	case MAP_TEXT:
		return pte | PTE_ATTR(ATTR_NORMAL) | PTE_SHARE_INNER | PTE_READ_ONLY;
	case MAP_RODATA:
		return pte | PTE_ATTR(ATTR_NORMAL) | PTE_SHARE_INNER | PTE_READ_ONLY | PTE_PXN;
	case MAP_DATA:
		return pte | PTE_ATTR(ATTR_NORMAL) | PTE_SHARE_INNER | PTE_PXN;
	case MAP_DEVICE:
		return pte | PTE_ATTR(ATTR_DEVICE) | PTE_PXN;
	}
	kit_assert(!"a map_kind");
}

uint64_t arch_pte_table(uint64_t phys)
{
	return phys | PTE_TABLE | PTE_VALID;
}

bool arch_pte_valid(uint64_t pte)
{
	return pte & PTE_VALID;
}

bool arch_pte_is_block(uint64_t pte)
{
	return !(pte & PTE_TABLE);
}

uint64_t arch_pte_phys(uint64_t pte)
{
	return pte & PTE_ADDRESS;
}

/* The walker reads through the caches: the entries need only be complete before they are used. */
void arch_mmu_sync(void)
{
	dsb(ishst);
	isb();
}

void arch_mmu_forget(uintptr_t va)
{
	dsb(ishst);
	__asm__ volatile("tlbi vaae1is, %0" ::"r"(va >> PAGE_SHIFT & UINT64_C(0xfffffffffff))
			 : "memory");
	dsb(ish);
	isb();
}

/* Both trees map this code, its data and its stack to the same place by pages, so the TLB may hold
 * entries of either until it is emptied. */
void arch_mmu_switch(uint64_t root)
{
	dsb(ishst);
	sysreg_write(ttbr1_el1, root);
	isb();
	__asm__ volatile("tlbi vmalle1" ::: "memory");
	dsb(nsh);
	isb();
}

bool mmu_is_final(void)
{
	extern char boot_l0[];
	uint64_t boot = boot_info.image.start + (uint64_t)(boot_l0 - image_start);
	return (sysreg_read(ttbr1_el1) & PTE_ADDRESS) != boot;
}
