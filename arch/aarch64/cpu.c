/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor: its own data, its interrupt mask. */
#include "kernel/cpu.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/arch.h"

#define DAIF_I (1 << 7)

const char arch_name[] = "aarch64";

struct cpu *arch_cpu(void)
{
	struct cpu *cpu;
	/* Not volatile: it is the same wherever the compiler reads it. */
	__asm__("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

void arch_cpu_set(struct cpu *cpu)
{
	sysreg_write(tpidr_el1, (uintptr_t)cpu);
}

bool arch_irq_off(void)
{
	bool on = !(sysreg_read(daif) & DAIF_I);
	__asm__ volatile("msr daifset, #2" ::: "memory");
	return on;
}

void arch_irq_restore(bool on)
{
	if (on)
		__asm__ volatile("msr daifclr, #2" ::: "memory");
}

void arch_pause(void)
{
	__asm__ volatile("yield" ::: "memory");
}
