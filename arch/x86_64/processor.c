/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU on x86_64: its descriptor tables and per-CPU data, masking of interrupts, and sleep. Intel
 * SDM volume 3, chapters 3 and 8.
 *
 * Segments do nothing in 64-bit mode but three things: the code segment says 64-bit, the task-state
 * segment tells the stacks for exceptions, and the base of GS is where this CPU's struct cpu lies.
 *
 *     make run APP=selftest
 */
#include "arch/x86_64/processor.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/lapic.h"
#include "kernel/arch.h"

#define MSR_GS_BASE 0xc0000101

#define GDT_CODE 0x00209b0000000000 /* long mode, ring 0, present */
#define GDT_DATA 0x0000930000000000
#define GDT_TSS 0x0000890000000000 /* available 64-bit TSS, present */

const char arch_name[] = "x86_64";

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static void load_segments(const struct table_pointer *gdt)
{
	/* The code segment is loaded by a far return to the next line. */
	__asm__ volatile("lgdt %0\n"
			 "pushq %1\n"
			 "leaq 1f(%%rip), %%rax\n"
			 "pushq %%rax\n"
			 "lretq\n"
			 "1: movl %2, %%eax\n"
			 "movl %%eax, %%ds\n"
			 "movl %%eax, %%es\n"
			 "movl %%eax, %%ss\n"
			 "movl %3, %%eax\n"
			 "ltr %%ax\n"
			 :
			 : "m"(*gdt), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA), "i"(SELECTOR_TSS)
			 : "rax", "memory");
}

void processor_init(struct processor *processor)
{
	uint64_t tss = (uintptr_t)&processor->tss;
	struct cpu *cpu = &processor->cpu;

	for (unsigned i = 0; i < FAULT_STACKS; i++)
		processor->tss.ist[i] = (uintptr_t)processor->stacks[i] + FAULT_STACK_SIZE;
	processor->tss.io_map_base = sizeof(processor->tss);
	/* One that has a stack between two pages that are not mapped uses that. */
	if (cpu->fault_stack != 0)
		processor->tss.ist[STACK_EXCEPTION - 1] = cpu->fault_stack;
	cpu->fault_stack = processor->tss.ist[STACK_EXCEPTION - 1];

	processor->gdt[SELECTOR_CODE / 8] = GDT_CODE;
	processor->gdt[SELECTOR_DATA / 8] = GDT_DATA;
	processor->gdt[SELECTOR_TSS / 8] = GDT_TSS | (sizeof(processor->tss) - 1) |
					   (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
	processor->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;

	struct table_pointer gdt = { sizeof(processor->gdt) - 1, (uintptr_t)processor->gdt };
	load_segments(&gdt);
	_Static_assert(offsetof(struct cpu, self) == 0, "arch_cpu reads it at gs:0");
	cpu->self = cpu;
	msr_write(MSR_GS_BASE, (uintptr_t)cpu);
	traps_load();
}

static __attribute__((noinline)) void arm_and_sleep(uint64_t deadline)
{
	if (lapic_timer_arm(deadline))
		sleep_until_interrupt();
	else
		/* Nothing could wake us, or it is time already: take what is pending. The instruction after sti
		 * still runs with interrupts masked, so there must be one. */
		__asm__ volatile("sti; pause; cli" : : : "memory");
}

void arch_sleep(uint64_t deadline)
{
	/* A timer that is set already and fires earlier is left as it is: a sleeper that wakes too early just
	 * sleeps again, and not writing the register saves more than that costs. (Where there is no timer, a sleep that
	 * needs none is one that nothing ends, and takes no more.) */
	if (__builtin_expect(arch_cpu()->timer <= deadline, true))
		sleep_until_interrupt();
	else
		arm_and_sleep(deadline);
}

_Noreturn void arch_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void arch_run_on_stack(uintptr_t top, void (*fn)(void))
{
	/* Backtraces end here: ours by the frame pointer, a debugger's because nobody has called us. */
	__asm__ volatile(".cfi_undefined rip\n"
			 "movq %0, %%rsp\n"
			 "xorl %%ebp, %%ebp\n"
			 "call *%1\n"
			 "ud2\n"
			 :
			 : "r"(top & ~(uintptr_t)15), "r"(fn)
			 : "memory");
	__builtin_unreachable();
}
