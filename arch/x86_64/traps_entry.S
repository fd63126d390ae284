/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the CPU comes in by an exception or an interrupt: a stub for each vector, at equal distances
 * so that traps.c can compute where. Intel SDM volume 3, 6.14.
 *
 * On entry in 64-bit mode the stack holds, from the bottom: SS, RSP, RFLAGS, CS, RIP, and for some
 * exceptions an error code; before the first push, RSP was a multiple of 16.
 */
#include "arch/x86_64/vectors.h"

	.text

/* Exceptions that push an error code: 8, 10-14, 17, 21, 29, 30. */
#define WITH_ERROR_CODE 0x60227d00

	.balign 16
	.globl exception_stubs
exception_stubs:
	vector = 0
	.rept VECTOR_EXCEPTIONS
	.balign 16
	.if ((WITH_ERROR_CODE >> vector) & 1) == 0
	pushq $0
	.endif
	pushq $vector
	jmp exception_common
	vector = vector + 1
	.endr

/* Reported, never returned from: all registers go into a struct trap_frame (traps.c). */
exception_common:
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r11
	pushq %r10
	pushq %r9
	pushq %r8
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rbx
	pushq %rax
	cld
	xorl %ebp, %ebp
	movq %rsp, %rdi
	call exception_report
	ud2

	.balign 8
	.globl interrupt_stubs
interrupt_stubs:
	vector = VECTOR_EXCEPTIONS
	.rept VECTOR_COUNT - VECTOR_EXCEPTIONS
	.balign 8
	pushq $((vector ^ 0x80) - 0x80) /* a signed byte, which keeps the stub at 7 bytes */
	jmp interrupt_common
	vector = vector + 1
	.endr

/*
 * Taken and returned from. Only what a C function may change is saved, and in sleep_until_interrupt not even that (below);
 * vector registers are not, because nothing that runs here is compiled to use them. The interrupted %rip and %rbp on top look
 * like a frame, so that a backtrace from a handler goes on into what was interrupted.
 */
interrupt_common:
	cmpq $slept, 8(%rsp)
	je interrupt_of_sleep
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	movzbl 72(%rsp), %edi
	subq $8, %rsp /* to a multiple of 16 after the next two */
	pushq 88(%rsp)
	pushq %rbp
	movq %rsp, %rbp
	cld
	call interrupt_taken
	popq %rbp
	addq $16, %rsp
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	addq $8, %rsp
	iretq

/*
 * void sleep_until_interrupt(void). An interrupt that comes between sti and hlt is taken after the CPU has halted, and wakes
 * it, because the instruction after sti still runs with interrupts masked. It comes as a call would: what a C function
 * may change is nobody's here. So nothing is saved, and instead of going back with interrupts on, to mask them, it leaves
 * as it is for sleep_until_interrupt's caller, by the stack pointer that the CPU has pushed. (Behind `slept` the CPU goes on when
 * hlt ends without an interrupt that is taken there: after an NMI, or by an emulator's leave. The caller looks again.)
 */
	.globl sleep_until_interrupt
sleep_until_interrupt:
	sti
	hlt
slept:
	cli
	ret
interrupt_of_sleep:
	movzbl (%rsp), %edi
	call interrupt_taken
	movq 32(%rsp), %rsp
	ret
