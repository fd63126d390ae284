/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock: how fast the time stamp counter and the local APIC's timer run. */
#ifndef ARCH_X86_64_CLOCK_H
#define ARCH_X86_64_CLOCK_H

#include <stdint.h>

struct acpi_fadt;

/* Starts vport_now's clock and sets the local APIC timer's frequency. `fadt` may be NULL. */
void clock_init(const struct acpi_fadt *fadt);

#endif
