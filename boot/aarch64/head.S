/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions on aarch64: from the loader's state to C at IMAGE_BASE (the Linux kernel's
 * arm64 boot protocol: x0 is the physical address of the device tree, MMU off, EL2 or EL1).
 *
 * The image may lie at any multiple of 4 KiB. It is mapped by pages at IMAGE_BASE in TTBR1; an
 * identity map of the 2 MiB around this code carries it over the moment when the MMU goes on, and
 * is gone afterwards, so that the lower half of the address space, null included, is unmapped.
 * Permissions come with the final tables (kernel/mmu.c); here everything is read, write, execute.
 *
 * What is written with the MMU off goes past the caches. Those are only the boot tables, which
 * have a section of their own and are taken out of the caches before (a dirty line would be written
 * back over them) and after (a clean line would hide them). All else waits until the MMU is on.
 *
 * Another CPU, which PSCI starts at secondary_start, goes the same way, with the same tables; then it takes the final
 * ones and goes on in C on a stack of its own.
 *
 * Left out: EL3, and VHE-only processors at EL2.
 */
#include "arch/aarch64/trap.h"
#include "kernel/layout.h"

#define EL2 (2 << 2) /* CurrentEL */

#define HCR_EL2_RW (1 << 31)         /* EL1 is AArch64 */
#define CNTHCTL_EL2_EL1 3            /* EL1 may use the physical counter and timer */
#define CPTR_EL2_RES1 0x33ff         /* nothing of FP and SIMD is trapped */
#define ICC_SRE_EL2_SRE 1            /* GIC system registers here … */
#define ICC_SRE_EL2_ENABLE (1 << 3)  /* … and in EL1 */
#define SPSR_EL1H 0x3c5              /* EL1 with its own stack pointer, all masked */

#define SCTLR_RES1 0x30d00800
#define SCTLR_ON (SCTLR_RES1 | 0x100d) /* MMU, data and instruction caches, aligned sp */
#define CPACR_FPEN (3 << 20)
#define MAIR_VALUE 0x04ff            /* 0: normal write-back, 1: device nGnRE (arch/aarch64/mmu.c) */
/* 48 bits on both sides, granules of 4 KiB, walks inner-shareable and write-back. */
#define TCR_VALUE ((16 << 16) | 16 | (2 << 30) | (0x35 << 24) | (0x35 << 8))
#define TCR_EPD0 (1 << 7)            /* no walks for the lower half */

#define PTE_TABLE 3
#define PTE_PAGE 0x703               /* accessed, inner-shareable, normal */
#define PTE_BLOCK 0x701

#define ENTRIES 512

	.section .head, "ax"
	.global head
head:
	b	start
	.long	0
	.quad	0                /* text_offset: none wanted */
	.quad	image_size
	.quad	0xa              /* little-endian, 4 KiB pages, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

start:
	msr	daifset, #0xf
	mov	x20, x0          /* the device tree */
	adr	x22, head        /* where we are */
	tst	x22, #(PAGE_SIZE - 1)
	b.ne	stop
	adr	x25, at_el1      /* where to go on */
	b	to_el1

/* x0: the address in the direct map of its struct cpu. */
	.global secondary_start
secondary_start:
	msr	daifset, #0xf
	mov	x20, x0
	adr	x25, secondary_at_el1

to_el1:
	mrs	x21, CurrentEL
	cmp	x21, #EL2
	b.eq	at_el2
	br	x25
at_el2:
	/* EL1 is to find the machine as if EL2 were not there. */
	mov	x0, #HCR_EL2_RW
	msr	hcr_el2, x0
	isb
	mov	x0, #CNTHCTL_EL2_EL1
	msr	cnthctl_el2, x0
	msr	cntvoff_el2, xzr
	mov	x0, #CPTR_EL2_RES1
	msr	cptr_el2, x0
	msr	vttbr_el2, xzr
	mrs	x0, midr_el1
	msr	vpidr_el2, x0
	mrs	x0, mpidr_el1
	msr	vmpidr_el2, x0
	mrs	x0, id_aa64pfr0_el1
	ubfx	x0, x0, #24, #4  /* has the GIC system registers? */
	cbz	x0, 1f
	mrs	x0, icc_sre_el2
	orr	x0, x0, #ICC_SRE_EL2_SRE
	orr	x0, x0, #ICC_SRE_EL2_ENABLE
	msr	icc_sre_el2, x0
	isb
	mrs	x0, icc_sre_el2
	tbz	x0, #0, 1f       /* firmware keeps them off */
	msr	ich_hcr_el2, xzr
1:	mov	x0, #SPSR_EL1H
	msr	spsr_el2, x0
	msr	elr_el2, x25
	ldr	x0, =SCTLR_RES1
	msr	sctlr_el1, x0
	eret
	.ltorg

	.section .boot, "ax"
at_el1:
	ldr	x0, =SCTLR_RES1
	msr	sctlr_el1, x0
	isb
	mrs	x23, id_aa64mmfr0_el1
	ubfx	x0, x23, #28, #4
	cmp	x0, #0xf         /* no granules of 4 KiB */
	b.eq	stop

	bl	forget_tables
	adrp	x0, boot_tables
	adrp	x1, boot_tables_end
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b

	/* The image: a page table entry for each of its pages. The linker script asserts that it is
	 * no larger than these tables reach. */
	adrp	x0, boot_l3
	adrp	x1, image_end
	mov	x2, x22
	mov	x3, #PTE_PAGE
1:	orr	x4, x2, x3
	str	x4, [x0], #8
	add	x2, x2, #PAGE_SIZE
	cmp	x2, x1
	b.lo	1b
	adrp	x0, boot_l2
	adrp	x1, boot_l3
	add	x1, x1, #PTE_TABLE
	str	x1, [x0, #((IMAGE_BASE >> 21) % ENTRIES * 8)]
	add	x1, x1, #PAGE_SIZE
	str	x1, [x0, #((IMAGE_BASE >> 21) % ENTRIES * 8 + 8)]
	adrp	x1, boot_l1
	add	x0, x0, #PTE_TABLE
	str	x0, [x1, #((IMAGE_BASE >> 30) % ENTRIES * 8)]
	adrp	x0, boot_l0
	add	x1, x1, #PTE_TABLE
	str	x1, [x0, #((IMAGE_BASE >> 39) % ENTRIES * 8)]

	/* The identity map: the 2 MiB in which this code lies. */
	adrp	x0, identity_l2
	and	x1, x22, #~0x1fffff
	mov	x2, #PTE_BLOCK
	orr	x1, x1, x2
	ubfx	x2, x22, #21, #9
	str	x1, [x0, x2, lsl #3]
	adrp	x1, identity_l1
	add	x0, x0, #PTE_TABLE
	ubfx	x2, x22, #30, #9
	str	x0, [x1, x2, lsl #3]
	adrp	x0, identity_l0
	add	x1, x1, #PTE_TABLE
	ubfx	x2, x22, #39, #9
	str	x1, [x0, x2, lsl #3]

	dmb	sy
	bl	forget_tables
	ldr	x26, =high

/* To x26, with the MMU on. x23: id_aa64mmfr0_el1. */
mmu_on:
	ldr	x0, =MAIR_VALUE
	msr	mair_el1, x0
	ldr	x24, =TCR_VALUE
	and	x0, x23, #0xf    /* physical address size: 5 is 48 bits */
	mov	x1, #5
	cmp	x0, x1
	csel	x0, x0, x1, lo
	bfi	x24, x0, #32, #3
	msr	tcr_el1, x24
	adrp	x0, identity_l0
	msr	ttbr0_el1, x0
	adrp	x0, boot_l0
	msr	ttbr1_el1, x0
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	ldr	x0, =SCTLR_ON
	msr	sctlr_el1, x0
	isb
	br	x26

secondary_at_el1:
	ldr	x0, =SCTLR_RES1
	msr	sctlr_el1, x0
	isb
	mrs	x23, id_aa64mmfr0_el1
	ldr	x26, =secondary_high
	b	mmu_on

/* Cleaning is not wanted, only forgetting: what the caches hold of the boot tables is not ours. */
forget_tables:
	mrs	x0, ctr_el0
	ubfx	x0, x0, #16, #4  /* log2 of the smallest data line, in words */
	mov	x1, #4
	lsl	x1, x1, x0
	adrp	x2, boot_tables
	adrp	x3, boot_tables_end
1:	dc	ivac, x2
	add	x2, x2, x1
	cmp	x2, x3
	b.lo	1b
	dsb	sy
	ret

/* Nothing can be said from here: the loader broke the protocol, or the processor has no 4 KiB pages. */
stop:
	wfi
	b	stop

	.ltorg

	.text
/* Leaves the identity map. x0: struct cpu; x1: the upper half's tables. */
set_up_cpu:
	orr	x24, x24, #TCR_EPD0
	msr	tcr_el1, x24
	msr	ttbr0_el1, xzr
	msr	ttbr1_el1, x1
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	msr	tpidr_el1, x0
	ldr	x0, =head        /* arch/aarch64/trap.S */
	msr	vbar_el1, x0
	mov	x0, #CPACR_FPEN
	msr	cpacr_el1, x0
	isb
	ret

secondary_high:
	mov	x0, x20
	ldr	x1, =secondary_root
	ldr	x1, [x1]
	bl	set_up_cpu
	ldr	x0, =secondary_stack
	ldr	x0, [x0]
	mov	sp, x0
	mov	x29, xzr
	mov	x30, xzr
	msr	daifclr, #4
	b	secondary_entry

high:
	ldr	x0, =boot_cpu
	mrs	x1, ttbr1_el1
	bl	set_up_cpu
	/* .data, up to the page where it belongs: from its end, because it may overlap with itself. */
	ldr	x0, =data_load_end
	ldr	x1, =data_moved_end
	ldr	x2, =rodata_end
1:	ldp	x3, x4, [x0, #-16]!
	stp	x3, x4, [x1, #-16]!
	cmp	x1, x2
	b.hi	1b

	ldr	x0, =data_end    /* .bss, which is no part of the loaded file */
	ldr	x1, =bss_end
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b

	ldr	x0, =boot_cpu    /* exceptions can be reported from here on */
	str	x0, [x0, #CPU_SELF]
	ldr	x1, =(boot_fault_stack + FAULT_STACK_SIZE)
	str	x1, [x0, #CPU_FAULT_STACK]
	ldr	x0, =(boot_stack + BOOT_STACK_SIZE)
	mov	sp, x0
	mov	x29, xzr
	mov	x30, xzr
	msr	daifclr, #4      /* system errors can be reported from here on */
	mov	x0, x20
	mov	x1, x22
	b	entry

	.section .bss.boot_stack, "aw", %nobits
	.balign	16
boot_stack:
	.space	BOOT_STACK_SIZE

	.section .boot_tables, "aw", %nobits
	.balign	PAGE_SIZE
	.global	boot_l0
boot_l0:	.space	PAGE_SIZE
boot_l1:	.space	PAGE_SIZE
boot_l2:	.space	PAGE_SIZE
boot_l3:	.space	2 * PAGE_SIZE
identity_l0:	.space	PAGE_SIZE
identity_l1:	.space	PAGE_SIZE
identity_l2:	.space	PAGE_SIZE
