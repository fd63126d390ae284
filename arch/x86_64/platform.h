/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware's tables told, for those who come after arch_platform_init. */
#ifndef ARCH_X86_64_PLATFORM_H
#define ARCH_X86_64_PLATFORM_H

#include "kernel/acpi.h"
#include "kernel/irq.h"

/* NULL where the machine has no ACPI. */
const struct acpi *platform_acpi(void);

/* The local APIC ids of the CPUs that firmware tells of, this one among them, and how many they are. */
unsigned platform_cpus(const uint32_t **ids);

/* The line that an ISA interrupt 0 … 15 comes in by, or a PCI one of that number: where the tables say
 * nothing of it, it has its own number and the bus's usual trigger mode. */
struct irq_line platform_isa_line(uint8_t number);
struct irq_line platform_pci_line(uint8_t number);

#endif
