/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: Intel's MultiProcessor table (arch/x86_64/mptable.c), wherever it may be. */
#include "arch/x86_64/mptable.h"

#include "tests/fuzz/firmware_memory.h"

enum { WITH_SEAL = 1, WITH_EBDA = 2 };

static void seal_all(void)
{
	for (size_t at = MOST - 44 + 4; at > 0;) {
		at -= 4;
		if (firmware_number(at, 4) == 0x504d4350 /* "PCMP" */)
			seal(at, firmware_number(at + 4, 2), at + 7);
	}
	for (size_t at = 0; at <= MOST - 16; at += 16) {
		if (firmware_number(at, 4) == 0x5f504d5f /* "_MP_" */)
			seal(at, 16, at + 10);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	unsigned options = (unsigned)take(&input, 1);
	struct acpi_madt madt;

	uint16_t ebda = (uint16_t)take(&input, 2), base = (uint16_t)take(&input, 2);
	make_memory(&input);
	memcpy(bios_data + 0x0e, &ebda, 2);
	memcpy(bios_data + 0x13, &base, 2);
	if (options & WITH_SEAL)
		seal_all();
	has_ebda = options & WITH_EBDA;
	if (mptable_read(fuzz_map, &madt) == 0) {
		FUZZ_CHECK(madt.cpu_count <= ACPI_MAX_CPUS);
		FUZZ_CHECK(madt.io_apic_count <= ACPI_MAX_IO_APICS);
		FUZZ_CHECK(madt.override_count <= ACPI_MAX_OVERRIDES);
		for (unsigned i = 0; i < madt.override_count; i++)
			FUZZ_CHECK(madt.overrides[i].source < 16);
	}
	free_copies();
	return 0;
}
