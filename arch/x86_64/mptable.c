/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MultiProcessor table: Intel's MultiProcessor Specification 1.4, chapter 4. Needed on machines
 * without ACPI (QEMU's microvm with acpi=off). Everything in it is checked, as if it came from a device.
 *
 * The table is walked by its length: qboot's entry count is 0. Its I/O APICs do not say where their
 * lines begin to count, so they count on from one another, as every machine has it. Left out: the
 * extended entries, and the default configurations without a table.
 *
 *     make run MACHINE=microvm APP=lsvirtio
 */
#include "arch/x86_64/mptable.h"
#include "lib/error.h"

/* Offsets in the floating pointer (4.1) and in the table's header (4.2). */
enum {
	POINTER_TABLE = 4,
	POINTER_PARAGRAPHS = 8,
	POINTER_SIZE = 16,
	TABLE_LENGTH = 4,
	TABLE_HEADER = 44,
};

enum { /* 4.3 */
       ENTRY_PROCESSOR = 0,
       ENTRY_BUS = 1,
       ENTRY_IO_APIC = 2,
       ENTRY_INTERRUPT = 3,
       ENTRY_LOCAL_INTERRUPT = 4,
       ENTRY_PROCESSOR_SIZE = 20,
       ENTRY_SIZE = 8, /* of all others */
};

#define ENABLED 1
#define INTERRUPT_VECTORED 0
#define ISA_LINES 16
#define LINES_PER_IO_APIC 24

#define EBDA_SEGMENT 0x40e
#define BASE_MEMORY_KIB 0x413
#define LOW_MEMORY 0xa0000
#define DEFAULT_TOP 0x9fc00 /* where most BIOSes put it, and qboot */
#define SEARCHED 1024
#define BIOS_START 0xf0000
#define BIOS_SIZE 0x10000

struct walk {
	struct acpi_madt *madt;
	uint8_t isa_bus;
	bool has_isa_bus;
};

static uint32_t number(const uint8_t *bytes, unsigned width)
{
	uint32_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[width];
	return value;
}

static bool starts_with(const uint8_t *bytes, const char *text)
{
	for (; *text != '\0'; text++, bytes++)
		if (*bytes != (uint8_t)*text)
			return false;
	return true;
}

static bool sums_to_zero(const uint8_t *bytes, uint32_t length)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* The table's address by a floating pointer in [start, start + size); 0: there is none. */
static uint32_t search(acpi_map_fn *map, uint64_t start, uint64_t size)
{
	const uint8_t *area = map(start, size);

	for (uint64_t at = 0; area != NULL && at + POINTER_SIZE <= size; at += 16)
		if (starts_with(area + at, "_MP_") && area[at + POINTER_PARAGRAPHS] == 1 &&
		    sums_to_zero(area + at, POINTER_SIZE))
			return number(area + at + POINTER_TABLE, 4);
	return 0;
}

/* Where it may be, in the order of chapter 4: the EBDA, the end of base memory, the BIOS. */
static uint32_t search_all(acpi_map_fn *map)
{
	const uint8_t *data = map(EBDA_SEGMENT, BASE_MEMORY_KIB + 2 - EBDA_SEGMENT);
	uint32_t starts[3] = { 0, 0, DEFAULT_TOP };

	if (data != NULL) {
		starts[0] = number(data, 2) << 4;
		starts[1] = (number(data + BASE_MEMORY_KIB - EBDA_SEGMENT, 2) - 1) << 10;
	}
	for (unsigned i = 0; i < 3; i++) {
		if (starts[i] == 0 || starts[i] > LOW_MEMORY - SEARCHED)
			continue;
		uint32_t table = search(map, starts[i], SEARCHED);
		if (table != 0)
			return table;
	}
	return search(map, BIOS_START, BIOS_SIZE);
}

static void read_io_apic(struct acpi_madt *madt, const uint8_t *entry)
{
	if ((entry[3] & ENABLED) == 0 || madt->io_apic_count == ACPI_MAX_IO_APICS)
		return;
	madt->io_apics[madt->io_apic_count] = (struct acpi_io_apic){
		.id = entry[1],
		.address = number(entry + 4, 4),
		.first_gsi = madt->io_apic_count * LINES_PER_IO_APIC,
	};
	madt->io_apic_count++;
}

/* Which line an ISA interrupt comes in by; that of a PCI device is in its Interrupt Line register. */
static void read_interrupt(struct walk *walk, const uint8_t *entry)
{
	struct acpi_madt *madt = walk->madt;
	uint32_t flags = number(entry + 2, 2), first_gsi = UINT32_MAX;

	if (!walk->has_isa_bus || entry[4] != walk->isa_bus || entry[1] != INTERRUPT_VECTORED ||
	    entry[5] >= ISA_LINES || madt->override_count == ACPI_MAX_OVERRIDES)
		return;
	for (unsigned i = 0; i < madt->io_apic_count; i++)
		if (madt->io_apics[i].id == entry[6])
			first_gsi = madt->io_apics[i].first_gsi;
	if (first_gsi == UINT32_MAX)
		return;
	madt->overrides[madt->override_count++] = (struct acpi_override){
		.source = entry[5],
		.gsi = first_gsi + entry[7],
		.active_low = (flags & 3) == 3,
		.level = (flags >> 2 & 3) == 3,
	};
}

static void read_entry(struct walk *walk, const uint8_t *entry)
{
	struct acpi_madt *madt = walk->madt;

	switch (entry[0]) {
	case ENTRY_PROCESSOR:
		if ((entry[3] & ENABLED) != 0 && madt->cpu_count < ACPI_MAX_CPUS)
			madt->cpus[madt->cpu_count++] = entry[1];
		break;
	case ENTRY_BUS:
		if (starts_with(entry + 2, "ISA")) {
			walk->isa_bus = entry[1];
			walk->has_isa_bus = true;
		}
		break;
	case ENTRY_IO_APIC:
		read_io_apic(madt, entry);
		break;
	case ENTRY_INTERRUPT:
		read_interrupt(walk, entry);
		break;
	}
}

int mptable_read(acpi_map_fn *map, struct acpi_madt *madt)
{
	struct walk walk = { .madt = madt };
	uint32_t address = search_all(map), length;
	const uint8_t *table = address != 0 ? map(address, TABLE_HEADER) : NULL;

	*madt = (struct acpi_madt){ 0 };
	if (address == 0)
		return ERR_NODEV;
	if (table == NULL || !starts_with(table, "PCMP"))
		return ERR_FORMAT;
	length = number(table + TABLE_LENGTH, 2);
	table = length >= TABLE_HEADER ? map(address, length) : NULL;
	if (table == NULL || !sums_to_zero(table, length))
		return ERR_FORMAT;
	/* Entries stand in the order of their types, so buses and I/O APICs before interrupts. */
	for (uint32_t at = TABLE_HEADER; at < length;) {
		uint32_t size = table[at] == ENTRY_PROCESSOR ? ENTRY_PROCESSOR_SIZE : ENTRY_SIZE;
		if (table[at] > ENTRY_LOCAL_INTERRUPT || size > length - at)
			return ERR_FORMAT;
		read_entry(&walk, table + at);
		at += size;
	}
	return 0;
}
