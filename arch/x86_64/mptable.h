/* SPDX-License-Identifier: BSD-2-Clause */
/* The MultiProcessor table, which tells what the MADT would where there is no ACPI. */
#ifndef ARCH_X86_64_MPTABLE_H
#define ARCH_X86_64_MPTABLE_H

#include "kernel/acpi.h"

/* 0; ERR_NODEV when there is none; ERR_FORMAT when it is malformed. */
int mptable_read(acpi_map_fn *map, struct acpi_madt *madt);

#endif
