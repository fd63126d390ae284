/* SPDX-License-Identifier: BSD-2-Clause */
/* What kernel/arch.h asks for here, as functions: arch/host/wait.c's, or a hosted test's. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdbool.h>

struct cpu;

struct cpu *arch_cpu(void);
bool arch_irq_off(void);
#define arch_irq_mask() ((void)arch_irq_off())
void arch_irq_restore(bool on);
void arch_pause(void);

#endif
