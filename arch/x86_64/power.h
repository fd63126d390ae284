/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching off. */
#ifndef ARCH_X86_64_POWER_H
#define ARCH_X86_64_POWER_H

#include "kernel/acpi.h"

/* Remembers how ACPI would have it, so that arch_shutdown need not read tables any more. */
void power_init(const struct acpi *acpi, const struct acpi_fadt *fadt);

#endif
