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
	/* Its first member points to itself. Not volatile: it is the same wherever the compiler reads it. */
	__asm__("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

static inline void arch_irq_mask(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline bool arch_irq_off(void)
{
	uint64_t flags;
	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return (flags & 1 << 9) != 0;
}

static inline void arch_irq_restore(bool on)
{
	if (on)
		__asm__ volatile("sti" : : : "memory");
}

static inline void arch_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

#endif
