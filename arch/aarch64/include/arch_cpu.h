/* SPDX-License-Identifier: BSD-2-Clause */
/* This CPU's data, its interrupt mask, and a pause: what kernel/arch.h asks for, inline. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

static inline struct cpu *arch_cpu(void)
{
	struct cpu *cpu;
	/* Not volatile: it is the same wherever the compiler reads it. */
	__asm__("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

static inline void arch_irq_mask(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

static inline bool arch_irq_off(void)
{
	uint64_t daif;
	__asm__ volatile("mrs %0, daif; msr daifset, #2" : "=r"(daif) : : "memory");
	return (daif & 1 << 7) == 0;
}

static inline void arch_irq_restore(bool on)
{
	if (on)
		__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline void arch_pause(void)
{
	__asm__ volatile("yield" : : : "memory");
}

#endif
