/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: ACPI's tables (kernel/acpi.c), given by the loader or searched for. */
#include "kernel/acpi.h"

#include "lib/error.h"
#include "tests/fuzz/firmware_memory.h"

enum { WITH_SEAL = 1, WITH_SEARCH = 2, WITH_EBDA = 4 };

/* A signature as a number: comparing strings is what a fuzzed program is slow at. */
#define WORD(a, b, c, d) ((uint32_t)(a) | (b) << 8 | (c) << 16 | (uint32_t)(d) << 24)

static bool is_table(size_t at)
{
	switch (firmware_number(at, 4)) {
	case WORD('R', 'S', 'D', 'T'):
	case WORD('X', 'S', 'D', 'T'):
	case WORD('A', 'P', 'I', 'C'):
	case WORD('M', 'C', 'F', 'G'):
	case WORD('F', 'A', 'C', 'P'):
	case WORD('D', 'S', 'D', 'T'):
	case WORD('S', 'S', 'D', 'T'):
		return true;
	}
	return false;
}

/* Checksums right wherever something looks like a table, the last one first. */
static void seal_all(void)
{
	for (size_t at = MOST - 36 + 4; at > 0;) {
		at -= 4;
		if (is_table(at))
			seal(at, firmware_number(at + 4, 4), at + 9);
	}
	for (size_t at = 0; at < MOST - 36; at += 16) {
		if (firmware_number(at, 4) != WORD('R', 'S', 'D', ' '))
			continue;
		seal(at, 20, at + 8);
		seal(at, firmware_number(at + 20, 4), at + 32);
	}
}

static void read_all(const struct acpi *acpi)
{
	struct acpi_madt madt;
	struct acpi_fadt fadt;
	struct acpi_ecam ecam;
	struct acpi_s5 s5;
	size_t length;

	if (acpi_madt(acpi, &madt) == 0) {
		FUZZ_CHECK(madt.cpu_count <= ACPI_MAX_CPUS);
		FUZZ_CHECK(madt.io_apic_count <= ACPI_MAX_IO_APICS);
		FUZZ_CHECK(madt.override_count <= ACPI_MAX_OVERRIDES);
	}
	for (unsigned n = 0; n < 300 && acpi_ecam(acpi, n, &ecam) != ERR_NODEV; n++)
		continue;
	if (acpi_ecam(acpi, 0, &ecam) == 0)
		FUZZ_CHECK(ecam.first_bus <= ecam.last_bus && ecam.base % 0x100000 == 0);
	acpi_ecam(acpi, UINT32_MAX, &ecam);
	if (acpi_fadt(acpi, &fadt) == 0) {
		FUZZ_CHECK(fadt.pm1a_control.space != ACPI_SPACE_IO ||
			   fadt.pm1a_control.address <= UINT16_MAX);
		acpi_s5(acpi, &fadt, &s5);
	}
	for (unsigned n = 0; n < 3; n++) {
		const uint8_t *table = acpi_table(acpi, "SSDT", n, &length);
		if (table)
			FUZZ_CHECK(length >= 36 && table[length - 1] <= UINT8_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	unsigned options = (unsigned)take(&input, 1);
	struct acpi acpi;

	make_memory(&input);
	if (options & WITH_SEAL)
		seal_all();
	has_ebda = options & WITH_EBDA;
	if (has_ebda)
		memcpy(bios_data + 0x0e, &(uint16_t){ EBDA_AREA >> 4 }, 2);
	if (acpi_open(&acpi, options & WITH_SEARCH ? 0 : BIOS_AREA, fuzz_map) == 0)
		read_all(&acpi);
	free_copies();
	return 0;
}
