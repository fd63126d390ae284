/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading ACPI's static tables (ACPI 6.5, chapter 5) without trusting them: every table's length and
 * checksum and every entry's length is checked, every walk is bounded, nothing is allocated or kept
 * of the tables themselves. Neutral to the architecture: it reads through a map function, so it runs
 * hosted too (tests/host/test_acpi.c).
 *
 * Functions return 0, ERR_NODEV when there is no such table, ERR_FORMAT when it is malformed.
 */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes [phys, phys + length) readable, any alignment; NULL when it cannot be. */
typedef const void *acpi_map_fn(uint64_t phys, uint64_t length);

struct acpi {
	acpi_map_fn *map;
	uint64_t root; /* RSDT or XSDT */
	bool root64;   /* XSDT: entries of 64 bits */
};

/* Opens the tables at the RSDP that the loader named; 0: looks for it where a PC's BIOS puts it, in
 * the first KiB of the extended BIOS data area and in 0xe0000 to 0xfffff (5.2.5.1). */
int acpi_open(struct acpi *acpi, uint64_t rsdp, acpi_map_fn *map);

/* The n-th table with this signature of four letters, checked; NULL when there is none. */
const void *acpi_table(const struct acpi *acpi, const char *signature, unsigned n, size_t *length);

/* ---- MADT: who takes interrupts (5.2.12) ------------------------------------- */

#define ACPI_MAX_CPUS 64
#define ACPI_MAX_IO_APICS 8
#define ACPI_MAX_OVERRIDES 32

struct acpi_io_apic {
	uint64_t address;
	uint32_t first_gsi;
	uint8_t id;
};

/* What an ISA interrupt really is. */
struct acpi_override {
	uint8_t source;
	uint32_t gsi;
	bool level, active_low;
};

struct acpi_madt {
	uint32_t cpus[ACPI_MAX_CPUS]; /* local APIC ids of those that can be used */
	unsigned cpu_count;
	struct acpi_io_apic io_apics[ACPI_MAX_IO_APICS];
	unsigned io_apic_count;
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	unsigned override_count;
};

int acpi_madt(const struct acpi *acpi, struct acpi_madt *madt);

/* ---- MCFG: PCI configuration space in memory (PCI Firmware 3.0, 4.1.2) ------- */

struct acpi_ecam {
	uint64_t base; /* of bus 0, even where first_bus is another */
	uint16_t segment;
	uint8_t first_bus, last_bus;
};

/* Entry n; ERR_NODEV past the last. */
int acpi_ecam(const struct acpi *acpi, unsigned n, struct acpi_ecam *ecam);

/* ---- FADT: power (5.2.9) ----------------------------------------------------- */

enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1 };

/* A register somewhere; address 0: there is none. */
struct acpi_register {
	enum acpi_space space;
	uint64_t address;
};

struct acpi_fadt {
	bool hardware_reduced;
	uint16_t pm_timer; /* I/O port, 0: none */
	struct acpi_register pm1a_control, pm1b_control, sleep_control;
	uint64_t dsdt;
};

int acpi_fadt(const struct acpi *acpi, struct acpi_fadt *fadt);

/* What to write into SLP_TYP of the control registers to switch off: the first two elements of the
 * package \_S5 (7.4.2). ERR_NODEV when no such thing is found in the DSDT or an SSDT. */
struct acpi_s5 {
	uint8_t type_a, type_b;
};
int acpi_s5(const struct acpi *acpi, const struct acpi_fadt *fadt, struct acpi_s5 *s5);

#endif
