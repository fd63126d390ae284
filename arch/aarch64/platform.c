/* SPDX-License-Identifier: BSD-2-Clause */
/* What needs the device tree and pages: interrupts, and what interrupts. */
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "kernel/arch.h"

void arch_platform_init(void)
{
	gic_init();
	clock_irq_init();
	console_irq_init();
}
