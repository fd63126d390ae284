/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/x86_64/mptable.c on tables made here, good and bad. */
#include "arch/x86_64/mptable.h"

#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/firmware.h"

#define TABLE_AT 0x9f000

static void put_pointer(uint64_t at)
{
	memory_put_text(at, "_MP_");
	memory_put(at + 4, 4, TABLE_AT);
	memory_put(at + 8, 1, 1);
	memory_put(at + 9, 1, 4);
	memory_seal(at, 16, at + 10);
}

static void seal(void)
{
	memory_seal(TABLE_AT, (uint32_t)memory_get(TABLE_AT + 4, 2), TABLE_AT + 7);
}

static void put_entry(const uint8_t *entry, unsigned size)
{
	uint32_t length = (uint32_t)memory_get(TABLE_AT + 4, 2);

	for (unsigned i = 0; i < size; i++)
		memory_put(TABLE_AT + length + i, 1, entry[i]);
	memory_put(TABLE_AT + 4, 2, length + size);
	seal();
}
#define PUT_ENTRY(...) \
	put_entry((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* A table without entries, whose count of entries stays 0, as qboot's does. */
static void start(uint64_t pointer)
{
	memory_clear();
	put_pointer(pointer);
	memory_put_text(TABLE_AT, "PCMP");
	memory_put(TABLE_AT + 4, 2, 44);
	seal();
}

static void finds_pointer(void)
{
	struct acpi_madt madt;

	memory_clear();
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
	start(0x9fc00);
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	start(0xffff0); /* the BIOS's last paragraph */
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	start(0x80010);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
	memory_put(0x40e, 2, 0x8000); /* the EBDA is there */
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	memory_put(0x40e, 2, 0xffff);
	memory_put(0x413, 2, 513); /* 513 KiB of base memory: its last one is searched */
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	memory_put(0x80010 + 8, 1, 2); /* a wrong length, and then a wrong sum */
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
	memory_put(0x80010 + 8, 1, 1);
	memory_put(0x80010 + 11, 1, 1);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
	memory_put(0x80010 + 8, 1, 2); /* a wrong length, or another signature, with a right sum */
	memory_seal(0x80010, 16, 0x8001a);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
	put_pointer(0x80010);
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	memory_put(0x80010, 1, '-');
	memory_seal(0x80010, 16, 0x8001a);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
}

/* What names no place, or one that ends behind low memory, is not looked at. */
static void looks_in_low_memory_only(void)
{
	struct acpi_madt madt;

	start(0x200);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
	memory_put(0x413, 2, 1);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
	memory_put(0x40e, 2, 0x10);
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	start(0xa0000);
	memory_put(0x40e, 2, 0x9fc1);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_NODEV);
}

static void reads_entries(void)
{
	struct acpi_madt madt;

	start(0x9fc00);
	PUT_ENTRY(0, 5, 0x14, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0); /* CPU 5 */
	PUT_ENTRY(0, 6, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0); /* disabled */
	PUT_ENTRY(1, 0, 'P', 'C', 'I', ' ', ' ', ' ');
	PUT_ENTRY(1, 1, 'I', 'S', 'A', ' ', ' ', ' ');
	PUT_ENTRY(2, 9, 0x11, 1, 0, 0, 0xc0, 0xfe);
	PUT_ENTRY(2, 10, 0x11, 1, 0, 0x10, 0xc0, 0xfe);
	PUT_ENTRY(3, 0, 0x00, 0, 1, 0, 9, 2);  /* ISA 0 at line 2 */
	PUT_ENTRY(3, 0, 0x0f, 0, 1, 4, 10, 1); /* ISA 4 at the second one's line 1, level, low */
	PUT_ENTRY(3, 0, 0x00, 0, 0, 3, 9, 3);  /* PCI */
	PUT_ENTRY(3, 3, 0x00, 0, 1, 0, 9, 0);  /* the 8259, not an interrupt */
	PUT_ENTRY(3, 0, 0x00, 0, 1, 5, 77, 5); /* at no I/O APIC there is */
	PUT_ENTRY(4, 3, 0x00, 0, 1, 0, 0xff, 0);
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	CHECK_EQ(madt.cpu_count, 1);
	CHECK_EQ(madt.cpus[0], 5);
	CHECK_EQ(madt.io_apic_count, 2);
	CHECK_EQ(madt.io_apics[0].address, 0xfec00000);
	CHECK_EQ(madt.io_apics[1].first_gsi, 24);
	CHECK_EQ(madt.override_count, 2);
	CHECK_EQ(madt.overrides[0].source, 0);
	CHECK_EQ(madt.overrides[0].gsi, 2);
	CHECK(!madt.overrides[0].level);
	CHECK_EQ(madt.overrides[1].gsi, 25);
	CHECK(madt.overrides[1].level && madt.overrides[1].active_low);
}

static void refuses_bad_tables(void)
{
	struct acpi_madt madt;

	start(0x9fc00); /* an entry that is cut off */
	PUT_ENTRY(0, 5, 0x14, 3, 0, 0, 0, 0);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_FORMAT);
	start(0x9fc00); /* of no known type, so of no known length */
	PUT_ENTRY(5, 0, 0, 0, 0, 0, 0, 0);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_FORMAT);
	start(0x9fc00);
	memory_put(TABLE_AT + 20, 1, 1); /* the sum */
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_FORMAT);
	start(0x9fc00);
	memory_put_text(TABLE_AT, "XXXX");
	seal();
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_FORMAT);
	start(0x9fc00);
	memory_put(TABLE_AT + 4, 2, 43);
	seal();
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_FORMAT);
	start(0x9fc00);
	memory_put(0x9fc04, 4, MEMORY_SIZE - 20);
	memory_seal(0x9fc00, 16, 0x9fc0a);
	CHECK_EQ(mptable_read(memory_map, &madt), ERR_FORMAT);
}

static void passes_over_what_cannot_be(void)
{
	struct acpi_madt madt;

	start(0x9fc00);
	PUT_ENTRY(2, 9, 0x11, 1, 0, 0, 0xc0, 0xfe);
	PUT_ENTRY(3, 0, 0, 0, 0, 0, 9, 2); /* a bus, but no ISA bus, has the number 0 */
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	CHECK_EQ(madt.io_apic_count, 1);
	CHECK_EQ(madt.override_count, 0);

	start(0x9fc00);
	PUT_ENTRY(1, 0, 'I', 'S', 'A', ' ', ' ', ' ');
	PUT_ENTRY(2, 8, 0x11, 0, 0, 0x10, 0xc0, 0xfe); /* disabled */
	PUT_ENTRY(2, 9, 0x11, 1, 0, 0, 0xc0, 0xfe);
	PUT_ENTRY(3, 0, 0, 0, 0, 16, 9, 2); /* ISA has 16 lines */
	PUT_ENTRY(3, 0, 0, 0, 0, 15, 9, 3);
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	CHECK_EQ(madt.io_apic_count, 1);
	CHECK_EQ(madt.io_apics[0].id, 9);
	CHECK_EQ(madt.override_count, 1);
	CHECK_EQ(madt.overrides[0].source, 15);
	CHECK_EQ(madt.overrides[0].gsi, 3);
}

static void bounds_lists(void)
{
	struct acpi_madt madt;

	start(0x9fc00);
	for (unsigned i = 0; i < 70; i++)
		PUT_ENTRY(0, 5, 0x14, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	PUT_ENTRY(1, 1, 'I', 'S', 'A', ' ', ' ', ' ');
	for (unsigned i = 0; i < 10; i++)
		PUT_ENTRY(2, 9, 0x11, 1, 0, 0, 0xc0, 0xfe);
	for (unsigned i = 0; i < 40; i++)
		PUT_ENTRY(3, 0, 0, 0, 1, 0, 9, 2);
	CHECK_EQ(mptable_read(memory_map, &madt), 0);
	CHECK_EQ(madt.cpu_count, ACPI_MAX_CPUS);
	CHECK_EQ(madt.io_apic_count, ACPI_MAX_IO_APICS);
	CHECK_EQ(madt.override_count, ACPI_MAX_OVERRIDES);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(finds_pointer),
		CHECK_CASE(looks_in_low_memory_only),
		CHECK_CASE(reads_entries),
		CHECK_CASE(refuses_bad_tables),
		CHECK_CASE(passes_over_what_cannot_be),
		CHECK_CASE(bounds_lists),
		CHECK_END,
	});
}
