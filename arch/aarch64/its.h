/* SPDX-License-Identifier: BSD-2-Clause */
/* What its.c (commands, devices), its_tables.c (the ITS's own tables) and lpi.c (the redistributor's)
 * share. */
#ifndef ARCH_AARCH64_ITS_H
#define ARCH_AARCH64_ITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Attributes of memory in GITS_CBASER and GITS_BASER: write-back, inner-shareable. */
#define GITS_VALID (UINT64_C(1) << 63)
#define GITS_WRITE_BACK (UINT64_C(7) << 59)
#define GITS_INNER_SHAREABLE (UINT64_C(1) << 10)

/* 64-bit registers, by halves, which the GIC allows and every hypervisor emulates. */
uint64_t its_read64(uintptr_t address);
void its_write64(uintptr_t address, uint64_t value);

/* Zeroed memory for the ITS or a redistributor, at least a page; NULL when there is none. */
void *its_alloc(size_t size, size_t align);
uint64_t its_phys(const void *memory);
/* Writes back what the caches hold of it, so that nobody can miss it. */
void its_clean(const void *memory, size_t size);

/* its_tables.c: gives the ITS the tables it asks for; makes the device table hold this device. */
int its_tables_init(uintptr_t registers, unsigned device_bits);
int its_tables_reach(uint32_t device);

/* lpi.c: turns LPIs on in this CPU's redistributor; one LPI on or off, on all. */
int lpi_init(void);
void lpi_enable(unsigned lpi, bool on);

#endif
