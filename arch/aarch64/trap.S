/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exception entry on aarch64. An interrupt is served on the stack that it finds. Everything else is
 * a fault that is reported and not returned from; it may be the stack itself that has run into its
 * guard page, so nothing is stored there, and the report is made on the CPU's fault stack.
 *
 * General registers only: nothing that runs in an interrupt uses others.
 */
#include "arch/aarch64/trap.h"

#define IRQ_FRAME 192

/*
 * The vector table begins with the image (VBAR_EL1 is its first byte): linker/aarch64.ld puts these four at 0x200,
 * where those of EL1 with its own stack pointer belong. Before them are the image's header and the first code,
 * behind them other code: vectors for SP_EL0 and for EL0, neither of which there is.
 */
	.section .vectors, "ax"

/* Three registers are free then: x0 (saved where no program of ours looks), x1, x2. */
.macro	vector number, target
	.balign	128
	msr	tpidrro_el0, x0
	mrs	x0, tpidr_el1
	stp	x1, x2, [x0, #CPU_SCRATCH]
	mov	w1, #\number
	b	\target
.endm

	vector	4, synchronous
	.balign	128
	b	irq
	vector	6, report
	vector	7, report
	.balign	128

	.text
/* A firmware call that is not there is no fault: it returns all ones. */
synchronous:
	mrs	x1, elr_el1
	adrp	x2, firmware_calls
	add	x2, x2, :lo12:firmware_calls
	cmp	x1, x2
	b.lo	1f
	adrp	x2, firmware_calls_end
	add	x2, x2, :lo12:firmware_calls_end
	cmp	x1, x2
	b.hs	1f
	adrp	x2, firmware_absent
	add	x2, x2, :lo12:firmware_absent
	msr	elr_el1, x2
	ldp	x1, x2, [x0, #CPU_SCRATCH]
	mrs	x0, tpidrro_el0
	eret
1:	mov	w1, #4

report:
	mov	x2, sp
	ldr	x0, [x0, #CPU_FAULT_STACK]
	mov	sp, x0
	sub	sp, sp, #TRAP_FRAME
	str	x2, [sp, #TRAP_SP]
	str	x1, [sp, #TRAP_VECTOR]
	mrs	x0, tpidr_el1
	ldp	x1, x2, [x0, #CPU_SCRATCH]
	mrs	x0, tpidrro_el0
	stp	x0, x1, [sp]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	str	x30, [sp, #240]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x0, x1, [sp, #TRAP_ELR]
	mrs	x0, esr_el1
	mrs	x1, far_el1
	stp	x0, x1, [sp, #TRAP_ESR]
	mov	x0, sp
	mov	x29, xzr
	mov	x30, xzr
	b	trap_report

/* The frame begins with a frame record, so that a backtrace goes through it. */
irq:
	sub	sp, sp, #IRQ_FRAME
	stp	x0, x1, [sp, #32]
	stp	x2, x3, [sp, #48]
	stp	x4, x5, [sp, #64]
	stp	x6, x7, [sp, #80]
	stp	x8, x9, [sp, #96]
	stp	x10, x11, [sp, #112]
	stp	x12, x13, [sp, #128]
	stp	x14, x15, [sp, #144]
	stp	x16, x17, [sp, #160]
	str	x18, [sp, #176]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x29, x0, [sp]
	stp	x30, x1, [sp, #16]
	mov	x29, sp
	ldr	x0, gic_interrupt
	blr	x0
	ldp	x29, x0, [sp]
	ldp	x30, x1, [sp, #16]
	msr	elr_el1, x0
	msr	spsr_el1, x1
	ldp	x0, x1, [sp, #32]
	ldp	x2, x3, [sp, #48]
	ldp	x4, x5, [sp, #64]
	ldp	x6, x7, [sp, #80]
	ldp	x8, x9, [sp, #96]
	ldp	x10, x11, [sp, #112]
	ldp	x12, x13, [sp, #128]
	ldp	x14, x15, [sp, #144]
	ldp	x16, x17, [sp, #160]
	ldr	x18, [sp, #176]
	add	sp, sp, #IRQ_FRAME
	eret

/* void arch_run_on_stack(uintptr_t top, void (*fn)(void)). Backtraces end here: ours by the frame
 * pointer, a debugger's because nobody has called this. */
	.cfi_sections .debug_frame
	.global	arch_run_on_stack
arch_run_on_stack:
	.cfi_startproc
	.cfi_undefined x30
	mov	sp, x0
	mov	x29, xzr
	blr	x1
	brk	#0               /* fn does not return */
	.cfi_endproc
