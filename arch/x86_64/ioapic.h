/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O APICs: each takes a range of interrupt lines (GSIs) and turns them into messages to a CPU. */
#ifndef ARCH_X86_64_IOAPIC_H
#define ARCH_X86_64_IOAPIC_H

#include <stdint.h>

#include "kernel/irq.h"

/* Adds the one whose registers are at phys, with all its lines masked. 0 or an error. */
int ioapic_add(uint64_t phys, uint32_t first_gsi);
/* Sends a line to CPU 0 as `vector` and unmasks it. 0, or ERR_NODEV when no I/O APIC has it. */
int ioapic_route(const struct irq_line *line, unsigned vector);
void ioapic_mask(uint32_t gsi);

#endif
