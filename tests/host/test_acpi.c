/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/acpi.c on tables made here, good ones and every kind of bad one. The map function hands out a
 * copy of just the bytes asked for, so that the sanitizers see a read past them.
 */
#include "kernel/acpi.h"

#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/firmware.h"

#define RSDP_AT 0xe1230
#define ROOT_AT 0x20000
#define DSDT_AT 0x21000
#define TABLE_AT 0x22000 /* + 0x1000 each */

static unsigned tables;

/* ---- Building --------------------------------------------------------------- */

static void put_header(uint64_t at, const char *signature, uint32_t length)
{
	memory_put_text(at, signature);
	memory_put(at + 4, 4, length);
}

static void seal(uint64_t at)
{
	memory_seal(at, (uint32_t)memory_get(at + 4, 4), at + 9);
}

/* Appends an entry to the root table. */
static void put_root_entry(uint64_t phys)
{
	bool root64 = memory_get(ROOT_AT, 1) == 'X';
	uint32_t length = (uint32_t)memory_get(ROOT_AT + 4, 4);

	memory_put(ROOT_AT + length, root64 ? 8 : 4, phys);
	memory_put(ROOT_AT + 4, 4, length + (root64 ? 8 : 4));
	seal(ROOT_AT);
}

/* A new table that the root names; returns where it is. It still has to be sealed. */
static uint64_t put_table(const char *signature, uint32_t length)
{
	uint64_t at = TABLE_AT + 0x1000 * tables++;

	put_header(at, signature, length);
	put_root_entry(at);
	return at;
}

static void put_rsdp(uint64_t at, unsigned revision)
{
	memory_put_text(at, "RSD PTR ");
	memory_put(at + 15, 1, revision);
	memory_put(at + 16, 4, ROOT_AT);
	memory_seal(at, 20, at + 8);
	if (revision < 2)
		return;
	memory_put(at + 16, 4, 0);
	memory_put(at + 20, 4, 36);
	memory_put(at + 24, 8, ROOT_AT);
	memory_seal(at, 20, at + 8);
	memory_seal(at, 36, at + 32);
}

/* RSDP and an empty root. */
static void start(unsigned revision)
{
	memory_clear();
	tables = 0;
	put_rsdp(RSDP_AT, revision);
	put_header(ROOT_AT, revision < 2 ? "RSDT" : "XSDT", 36);
	seal(ROOT_AT);
}

static struct acpi opened(void)
{
	struct acpi acpi;

	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), 0);
	return acpi;
}

/* ---- The root --------------------------------------------------------------- */

static void finds_by_both_roots(void)
{
	for (unsigned revision = 0; revision <= 2; revision += 2) {
		size_t length;
		struct acpi acpi;

		start(revision);
		seal(put_table("AAAA", 40));
		seal(put_table("SSDT", 36));
		seal(put_table("SSDT", 37));
		CHECK_EQ(acpi_open(&acpi, 0, memory_map), 0); /* by searching */
		acpi = opened();
		CHECK_EQ(acpi.root64, revision == 2);
		CHECK(acpi_table(&acpi, "AAAA", 0, &length) != NULL);
		CHECK_EQ(length, 40);
		CHECK(acpi_table(&acpi, "SSDT", 1, &length) != NULL);
		CHECK_EQ(length, 37);
		CHECK(acpi_table(&acpi, "SSDT", 2, &length) == NULL);
		CHECK(acpi_table(&acpi, "BBBB", 0, &length) == NULL);
	}
}

static void finds_rsdp_in_ebda(void)
{
	struct acpi acpi;

	start(0);
	memory_put(RSDP_AT, 8, 0);
	CHECK_EQ(acpi_open(&acpi, 0, memory_map), ERR_NODEV);
	memory_put(0x40e, 2, 0x9fc0);
	put_rsdp(0x9fc00 + 1024 - 32, 0);
	CHECK_EQ(acpi_open(&acpi, 0, memory_map), 0);
	memory_put(0x40e, 2, 0xffff); /* not in low memory: not looked at */
	CHECK_EQ(acpi_open(&acpi, 0, memory_map), ERR_NODEV);
}

static void refuses_bad_roots(void)
{
	struct acpi acpi;

	start(0);
	memory_put(RSDP_AT + 9, 1, 1 + memory_get(RSDP_AT + 9, 1));
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), ERR_FORMAT);
	CHECK_EQ(acpi_open(&acpi, 0, memory_map), ERR_NODEV);
	start(0);
	memory_put(ROOT_AT + 9, 1, 1 + memory_get(ROOT_AT + 9, 1));
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), ERR_FORMAT);
	start(2);
	memory_put_text(ROOT_AT, "RSDT"); /* not what a revision 2 RSDP names */
	seal(ROOT_AT);
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), ERR_FORMAT);
	start(2);
	memory_put(RSDP_AT + 24, 8, UINT64_MAX - 8);
	memory_seal(RSDP_AT, 36, RSDP_AT + 32);
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), ERR_FORMAT);
	CHECK_EQ(acpi_open(&acpi, MEMORY_SIZE - 10, memory_map), ERR_FORMAT);
}

/* A bad second checksum, or a length that cannot be, leaves the first version's fields. */
static void falls_back_to_rsdt(void)
{
	struct acpi acpi;

	start(0);
	put_rsdp(RSDP_AT, 2);
	memory_put(RSDP_AT + 16, 4, ROOT_AT);
	memory_seal(RSDP_AT, 20, RSDP_AT + 8);
	memory_put(RSDP_AT + 32, 1, 1 + memory_get(RSDP_AT + 32, 1));
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), 0);
	CHECK(!acpi.root64);
	memory_put(RSDP_AT + 20, 4, UINT32_MAX);
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), 0);
	memory_put(RSDP_AT + 20, 4, 20);
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, memory_map), 0);
}

/* What is behind a first version's fields is of no interest; and of the second version's, what cannot be read, is
 * too long or names nothing. */
static void keeps_rsdt_where_there_is_no_xsdt(void)
{
	static const struct {
		uint64_t at;
		uint32_t length;
		unsigned revision;
		bool xsdt, is_used;
	} rows[] = {
		{ RSDP_AT, 36, 2, true, true },           { RSDP_AT, 36, 1, true, false },
		{ RSDP_AT, 36, 2, false, false },         { RSDP_AT, 4096, 2, true, true },
		{ RSDP_AT, 4097, 2, true, false },        { MEMORY_SIZE - 36, 36, 2, true, true },
		{ MEMORY_SIZE - 36, 37, 2, true, false }, { MEMORY_SIZE - 20, 0, 2, false, false },
	};
	struct acpi acpi;

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t at = rows[i].at;

		start(0);
		put_header(DSDT_AT, "XSDT", 36);
		seal(DSDT_AT);
		memory_put_text(at, "RSD PTR ");
		memory_put(at + 15, 1, rows[i].revision);
		memory_put(at + 16, 4, ROOT_AT);
		memory_seal(at, 20, at + 8);
		if (rows[i].length != 0) {
			memory_put(at + 20, 4, rows[i].length);
			memory_put(at + 24, 8, rows[i].xsdt ? DSDT_AT : 0);
			memory_seal(at, rows[i].length == 37 ? 36 : rows[i].length, at + 32);
		}
		CHECK_EQ(acpi_open(&acpi, at, memory_map), 0);
		CHECK_EQ(acpi.root64, rows[i].is_used);
		CHECK_EQ(acpi.root, rows[i].is_used ? DSDT_AT : ROOT_AT);
	}
}

static const void *no_memory(uint64_t phys, uint64_t length)
{
	(void)phys;
	(void)length;
	return NULL;
}

static void looks_where_an_rsdp_may_be(void)
{
	static const struct {
		uint64_t at;
		unsigned segment;
		int result;
	} rows[] = {
		{ 0xe0000, 0, 0 },
		{ 0xfffe0, 0, 0 },
		{ 0xe0008, 0, ERR_NODEV }, /* on no multiple of 16 */
		{ 0xdfff0, 0, ERR_NODEV },
		{ 0x200, 0, ERR_NODEV }, /* no EBDA is not one at 0 */
		{ 0x200, 0x10, 0 },
		{ 0x9fc00, 0x9fc0, 0 },
		{ 0x9fc10, 0x9fc1, ERR_NODEV }, /* it would end behind low memory */
	};
	struct acpi acpi;

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		start(0);
		memset(memory + RSDP_AT, 0, 20);
		memory_put(0x40e, 2, rows[i].segment);
		put_rsdp(rows[i].at, 0);
		CHECK_EQ(acpi_open(&acpi, 0, memory_map), rows[i].result);
		CHECK_EQ(acpi_open(&acpi, rows[i].at, memory_map), 0); /* as it is told */
	}
	CHECK_EQ(acpi_open(&acpi, 0, no_memory), ERR_NODEV);
	CHECK_EQ(acpi_open(&acpi, RSDP_AT, no_memory), ERR_FORMAT);
}

/* One whose signature is another, or that names no root, is none: the next one may be good. */
static void passes_over_bad_rsdps(void)
{
	struct acpi acpi;

	for (unsigned revision = 0; revision <= 2; revision += 2) {
		uint64_t at = 0xe0000;

		start(revision);
		put_rsdp(at, revision);
		memory_put(at, 1, 'P');
		memory_seal(at, 20, at + 8);
		CHECK_EQ(acpi_open(&acpi, at, memory_map), ERR_FORMAT);
		CHECK_EQ(acpi_open(&acpi, 0, memory_map), 0);

		for (uint32_t length = 20; length <= 36; length += 16) {
			put_rsdp(at, revision);
			memory_put(at + 16, 4, 0);
			memory_put(at + 24, 8, 0);
			memory_seal(at, 20, at + 8);
			if (revision == 2) {
				memory_put(at + 20, 4, length);
				memory_seal(at, 36, at + 32);
			}
			CHECK_EQ(acpi_open(&acpi, 0, memory_map), 0);
		}
	}
	start(0);
	put_rsdp(MEMORY_SIZE - 20, 0);
	memory_put(MEMORY_SIZE - 5, 1, 2);
	memory_put(MEMORY_SIZE - 4, 4, 0);
	memory_seal(MEMORY_SIZE - 20, 20, MEMORY_SIZE - 12);
	CHECK_EQ(acpi_open(&acpi, MEMORY_SIZE - 20, memory_map), ERR_FORMAT);
}

/* 64 tables are looked at, and each may have a MiB. */
static void bounds_tables(void)
{
	size_t length;
	struct acpi acpi;

	for (unsigned revision = 0; revision <= 2; revision += 2) {
		start(revision);
		for (unsigned i = 0; i < 63; i++)
			put_root_entry(i % 2 ? 0 : MEMORY_SIZE);
		seal(put_table("AAAA", 36));
		seal(put_table("BBBB", 36));
		acpi = opened();
		CHECK(acpi_table(&acpi, "AAAA", 0, &length) != NULL);
		CHECK(acpi_table(&acpi, "BBBB", 0, &length) == NULL);
		memory_put(ROOT_AT + 9, 1, 1 + memory_get(ROOT_AT + 9, 1));
		CHECK(acpi_table(&acpi, "AAAA", 0, &length) == NULL); /* no more root */
	}

	start(2);
	uint64_t at = put_table("AAAA", 1 << 20);
	seal(at);
	acpi = opened();
	CHECK(acpi_table(&acpi, "AAAA", 0, &length) != NULL);
	CHECK_EQ(length, 1 << 20);
	memory_put(at + 4, 4, 1 << 20 | 1);
	seal(at);
	CHECK(acpi_table(&acpi, "AAAA", 0, &length) == NULL);
}

static void skips_bad_tables(void)
{
	static const uint32_t lengths[] = { 0, 35, 1 << 20 | 1, UINT32_MAX, MEMORY_SIZE };
	struct acpi acpi;
	size_t length;
	uint64_t at;

	start(2);
	seal(put_table("AAAA", 40));
	at = put_table("BBBB", 40);
	seal(at);
	memory_put(at + 38, 1, 1 + memory_get(at + 38, 1));
	put_root_entry(0);
	put_root_entry(MEMORY_SIZE - 4);
	put_header(MEMORY_SIZE - 40, "CCCC", 41); /* past the memory's end */
	put_root_entry(MEMORY_SIZE - 40);
	put_root_entry(UINT64_MAX);
	put_root_entry(ROOT_AT); /* the root itself */
	acpi = opened();
	CHECK(acpi_table(&acpi, "BBBB", 0, &length) == NULL);
	CHECK(acpi_table(&acpi, "CCCC", 0, &length) == NULL);
	CHECK(acpi_table(&acpi, "XSDT", 0, &length) != NULL);
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		memory_put(at + 4, 4, lengths[i]);
		CHECK(acpi_table(&acpi, "BBBB", 0, &length) == NULL);
	}
	CHECK(acpi_table(&acpi, "AAAA", 0, &length) != NULL);
}

/* ---- MADT ------------------------------------------------------------------- */

static uint64_t madt_at;

static void put_madt_entry(const uint8_t *entry, unsigned size)
{
	uint32_t length = (uint32_t)memory_get(madt_at + 4, 4);

	for (unsigned i = 0; i < size; i++)
		memory_put(madt_at + length + i, 1, entry[i]);
	memory_put(madt_at + 4, 4, length + size);
	seal(madt_at);
}
#define PUT_MADT_ENTRY(...) \
	put_madt_entry((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void start_madt(void)
{
	start(2);
	madt_at = put_table("APIC", 44);
	seal(madt_at);
}

static void reads_madt(void)
{
	struct acpi_madt madt;

	start_madt();
	PUT_MADT_ENTRY(0, 8, 0, 3, 1, 0, 0, 0);                          /* CPU 3, enabled */
	PUT_MADT_ENTRY(0, 8, 1, 4, 0, 0, 0, 0);                          /* CPU 4, disabled */
	PUT_MADT_ENTRY(9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0); /* CPU 0x100 */
	PUT_MADT_ENTRY(1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0);       /* I/O APIC */
	PUT_MADT_ENTRY(1, 12, 8, 0, 0, 0x10, 0xc0, 0xfe, 24, 0, 0, 0);   /* another one */
	PUT_MADT_ENTRY(2, 10, 0, 0, 2, 0, 0, 0, 0, 0);                   /* ISA 0 is GSI 2 */
	PUT_MADT_ENTRY(2, 10, 0, 10, 10, 0, 0, 0, 0x0d, 0);              /* 10: level, high */
	PUT_MADT_ENTRY(2, 10, 0, 9, 20, 0, 0, 0, 0x0f, 0);               /* 9: level, low */
	PUT_MADT_ENTRY(4, 6, 0xff, 0, 0, 1);                             /* NMI: of no interest */
	PUT_MADT_ENTRY(5, 12, 0, 0, 1, 0, 0xe0, 0xfe, 1, 0, 0, 0);       /* and an address */
	PUT_MADT_ENTRY(0x80, 16, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1); /* of no known type */
	PUT_MADT_ENTRY(0x7f, 2);
	struct acpi acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), 0);
	CHECK_EQ(madt.cpu_count, 2);
	CHECK_EQ(madt.cpus[0], 3);
	CHECK_EQ(madt.cpus[1], 0x100);
	CHECK_EQ(madt.io_apic_count, 2);
	CHECK_EQ(madt.io_apics[0].address, 0xfec00000);
	CHECK_EQ(madt.io_apics[1].address, 0xfec01000);
	CHECK_EQ(madt.io_apics[1].first_gsi, 24);
	CHECK_EQ(madt.override_count, 3);
	CHECK_EQ(madt.overrides[0].gsi, 2);
	CHECK(!madt.overrides[0].level && !madt.overrides[0].active_low);
	CHECK(madt.overrides[1].level && !madt.overrides[1].active_low);
	CHECK_EQ(madt.overrides[2].source, 9);
	CHECK(madt.overrides[2].level && madt.overrides[2].active_low);
}

static void refuses_bad_madt_entries(void)
{
	struct acpi_madt madt;
	struct acpi acpi;

	start(2);
	acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), ERR_NODEV);

	start_madt(); /* an entry of no length would be walked for ever */
	PUT_MADT_ENTRY(0, 0, 0, 0);
	acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), ERR_FORMAT);

	start_madt(); /* goes past the end */
	PUT_MADT_ENTRY(1, 12, 7, 0, 0, 0);
	acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), ERR_FORMAT);

	start_madt(); /* half a header */
	PUT_MADT_ENTRY(1);
	acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), ERR_FORMAT);

	start_madt(); /* each too short for its type: skipped */
	PUT_MADT_ENTRY(0, 4, 0, 3);
	PUT_MADT_ENTRY(1, 8, 0, 0, 0, 0, 0, 0);
	PUT_MADT_ENTRY(2, 8, 0, 0, 0, 0, 0, 0);
	PUT_MADT_ENTRY(9, 8, 0, 0, 0, 0, 0, 0);
	acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), 0);
	CHECK_EQ(madt.cpu_count + madt.io_apic_count + madt.override_count, 0);

	start_madt(); /* without any entry: good */
	acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), 0);
	memory_put(madt_at + 4, 4, 43);
	seal(madt_at);
	CHECK_EQ(acpi_madt(&acpi, &madt), ERR_FORMAT);
}

static void bounds_madt_lists(void)
{
	struct acpi_madt madt;

	start_madt();
	for (unsigned i = 0; i < 100; i++) {
		PUT_MADT_ENTRY(0, 8, 0, 3, 1, 0, 0, 0);
		PUT_MADT_ENTRY(1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0);
		PUT_MADT_ENTRY(2, 10, 0, 0, 2, 0, 0, 0, 0, 0);
	}
	struct acpi acpi = opened();
	CHECK_EQ(acpi_madt(&acpi, &madt), 0);
	CHECK_EQ(madt.cpu_count, ACPI_MAX_CPUS);
	CHECK_EQ(madt.io_apic_count, ACPI_MAX_IO_APICS);
	CHECK_EQ(madt.override_count, ACPI_MAX_OVERRIDES);
}

/* ---- MCFG ------------------------------------------------------------------- */

static void reads_mcfg(void)
{
	struct acpi_ecam ecam;

	start(2);
	struct acpi acpi = opened();
	CHECK_EQ(acpi_ecam(&acpi, 0, &ecam), ERR_NODEV);

	uint64_t at = put_table("MCFG", 44 + 3 * 16 + 5);
	memory_put(at + 44, 8, 0xb0000000);
	memory_put(at + 55, 1, 255);
	memory_put(at + 60, 8, 0x80000000);
	memory_put(at + 68, 2, 1);
	memory_put(at + 70, 1, 9);
	memory_put(at + 71, 1, 8); /* ends before it begins */
	memory_put(at + 76, 8, 0x80000001);
	seal(at);
	CHECK_EQ(acpi_ecam(&acpi, 0, &ecam), 0);
	CHECK_EQ(ecam.base, 0xb0000000);
	CHECK_EQ(ecam.first_bus, 0);
	CHECK_EQ(ecam.last_bus, 255);
	CHECK_EQ(acpi_ecam(&acpi, 1, &ecam), ERR_FORMAT);
	CHECK_EQ(acpi_ecam(&acpi, 2, &ecam), ERR_FORMAT); /* not aligned */
	CHECK_EQ(acpi_ecam(&acpi, 3, &ecam), ERR_NODEV);  /* only five bytes of it */

	memory_put(at + 4, 4, 40); /* shorter than what comes before the entries */
	seal(at);
	CHECK_EQ(acpi_ecam(&acpi, 0, &ecam), ERR_NODEV);
}

static void refuses_bad_ecams(void)
{
	static const struct {
		uint64_t base;
		uint8_t first_bus, last_bus;
		int result;
	} rows[] = {
		{ 1 << 20, 0, 0, 0 },
		{ 1 << 20, 7, 7, 0 },
		{ 1 << 20, 8, 7, ERR_FORMAT },
		{ 0, 0, 0, ERR_FORMAT },
		{ (1 << 20) + 0x1000, 0, 0, ERR_FORMAT },
		{ (UINT64_C(1) << 52) - (1 << 20), 0, 0, 0 },
		{ UINT64_C(1) << 52, 0, 0, ERR_FORMAT },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct acpi_ecam ecam;

		start(2);
		uint64_t at = put_table("MCFG", 60);
		memory_put(at + 44, 8, rows[i].base);
		memory_put(at + 54, 1, rows[i].first_bus);
		memory_put(at + 55, 1, rows[i].last_bus);
		seal(at);
		struct acpi acpi = opened();
		CHECK_EQ(acpi_ecam(&acpi, 0, &ecam), rows[i].result);
		CHECK_EQ(acpi_ecam(&acpi, 1, &ecam), ERR_NODEV);
	}
}

/* ---- FADT ------------------------------------------------------------------- */

static void reads_fadt(void)
{
	struct acpi_fadt fadt;

	start(0); /* version 1: ports only */
	uint64_t at = put_table("FACP", 116);
	memory_put(at + 40, 4, DSDT_AT);
	memory_put(at + 64, 4, 0x604);
	memory_put(at + 76, 4, 0x608);
	seal(at);
	struct acpi acpi = opened();
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.dsdt, DSDT_AT);
	CHECK_EQ(fadt.pm1a_control.space, ACPI_SPACE_IO);
	CHECK_EQ(fadt.pm1a_control.address, 0x604);
	CHECK_EQ(fadt.pm1b_control.address, 0);
	CHECK_EQ(fadt.pm_timer, 0x608);
	CHECK_EQ(fadt.sleep_control.address, 0);
	memory_put(at + 64, 4, 0x10604); /* no port */
	seal(at);
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.pm1a_control.address, 0);
	memory_put(at + 4, 4, 115);
	seal(at);
	CHECK_EQ(acpi_fadt(&acpi, &fadt), ERR_FORMAT);

	start(2); /* hardware-reduced */
	at = put_table("FACP", 268);
	memory_put(at + 112, 4, 1 << 20);
	memory_put(at + 64, 4, 0x604);
	memory_put(at + 140, 8, DSDT_AT);
	memory_put(at + 248, 8, 0xfea00000);
	seal(at);
	acpi = opened();
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK(fadt.hardware_reduced);
	CHECK_EQ(fadt.dsdt, DSDT_AT);
	CHECK_EQ(fadt.pm1a_control.address, 0);
	CHECK_EQ(fadt.sleep_control.space, ACPI_SPACE_MEMORY);
	CHECK_EQ(fadt.sleep_control.address, 0xfea00000);
	memory_put(at + 244, 1, 2); /* PCI configuration space: cannot be used */
	seal(at);
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.sleep_control.address, 0);
}

/* A table that ends behind a field has it; one that ends in it has not. */
static void reads_fadt_to_its_end(void)
{
	struct acpi_fadt fadt;

	start(2);
	struct acpi acpi = opened();
	CHECK_EQ(acpi_fadt(&acpi, &fadt), ERR_NODEV);
	uint64_t at = put_table("FACP", 148);
	memory_put(at + 40, 4, ROOT_AT);
	memory_put(at + 140, 8, DSDT_AT);
	memory_put(at + 248, 8, 0xfea00000);
	seal(at);
	acpi = opened();
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.dsdt, DSDT_AT);
	memory_put(at + 4, 4, 147);
	seal(at);
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.dsdt, ROOT_AT);
	memory_put(at + 4, 4, 255);
	seal(at);
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.sleep_control.address, 0);
	memory_put(at + 4, 4, 256);
	seal(at);
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.sleep_control.address, 0xfea00000);
}

/* Registers in memory may be anywhere, ports below 64 Ki. */
static void reads_fadt_registers(void)
{
	struct acpi_fadt fadt;

	start(2);
	uint64_t at = put_table("FACP", 268);
	memory_put(at + 76, 4, 0xffff);
	memory_put(at + 172 + 4, 8, 0xfea00000);
	memory_put(at + 184, 1, ACPI_SPACE_IO);
	memory_put(at + 184 + 4, 8, 0x10000);
	memory_put(at + 244, 1, ACPI_SPACE_IO);
	memory_put(at + 248, 8, 0x600);
	seal(at);
	struct acpi acpi = opened();
	CHECK_EQ(acpi_fadt(&acpi, &fadt), 0);
	CHECK_EQ(fadt.pm_timer, 0xffff);
	CHECK_EQ(fadt.pm1a_control.space, ACPI_SPACE_MEMORY);
	CHECK_EQ(fadt.pm1a_control.address, 0xfea00000);
	CHECK_EQ(fadt.pm1b_control.address, 0);
	CHECK_EQ(fadt.sleep_control.space, ACPI_SPACE_IO);
	CHECK_EQ(fadt.sleep_control.address, 0x600);
}

/* ---- \_S5 ------------------------------------------------------------------- */

/* A DSDT of these bytes of AML, in a string so that its end is where a read past it shows. */
static int s5_in(const char *aml, unsigned size, struct acpi_s5 *s5)
{
	struct acpi acpi;

	start(2);
	put_header(DSDT_AT, "DSDT", 36 + size);
	for (unsigned i = 0; i < size; i++)
		memory_put(DSDT_AT + 36 + i, 1, (uint8_t)aml[i]);
	seal(DSDT_AT);
	acpi = opened();
	return acpi_s5(&acpi, &(struct acpi_fadt){ .dsdt = DSDT_AT }, s5);
}
#define S5_IN(aml, s5) s5_in(aml, sizeof aml - 1, s5)

static void finds_s5(void)
{
	struct acpi_s5 s5;

	/* As SeaBIOS, qboot and iasl write it: Name (_S5, Package (4) { … }). */
	CHECK_EQ(S5_IN("\x08_S5_\x12\x06\x04\0\0\0\0", &s5), 0);
	CHECK_EQ(s5.type_a, 0);
	CHECK_EQ(s5.type_b, 0);
	CHECK_EQ(S5_IN("xx\x08\\_S5_\x12\x0a\x04\x0a\x05\x0a\x07\0\0", &s5), 0);
	CHECK_EQ(s5.type_a, 5);
	CHECK_EQ(s5.type_b, 7);
	CHECK_EQ(S5_IN("\x08_S5_\x12\x46\0\x02\x0b\x06\0\x01", &s5), 0); /* long length, a word */
	CHECK_EQ(s5.type_a, 6);
	CHECK_EQ(s5.type_b, 1);
	CHECK_EQ(S5_IN("\x08_S5_\x12\x03\x01\x0a\x05", &s5), 0); /* one element stands for both */
	CHECK_EQ(s5.type_b, 5);
	/* First a mention of the name that is no such package. */
	CHECK_EQ(S5_IN("\x08_S5_\x0d hello\0\x08_S5_\x12\x04\x02\x01\x01", &s5), 0);
	CHECK_EQ(s5.type_a, 1);
}

static void refuses_bad_s5(void)
{
	static const char good[] = "\x08_S5_\x12\x07\x02\x0a\x05\x0a\x05";
	struct acpi_s5 s5;

	CHECK_EQ(S5_IN("", &s5), ERR_NODEV);
	CHECK_EQ(S5_IN("_S5_\x12\x06\x04\0\0\0\0", &s5), ERR_NODEV); /* not a Name */
	CHECK_EQ(S5_IN("xx_S5_\x12\x06\x04\0\0\0\0", &s5), ERR_NODEV);
	CHECK_EQ(S5_IN("x\\_S5_\x12\x06\x04\0\0\0\0", &s5), ERR_NODEV);
	CHECK_EQ(S5_IN("\x08^_S5_\x12\x06\x04\0\0\0\0", &s5), ERR_NODEV); /* another prefix */
	CHECK_EQ(S5_IN("\x08_S4_\x12\x06\x04\0\0\0\0", &s5), ERR_NODEV);  /* another Name */
	CHECK_EQ(S5_IN("\x08_S5_\x11\x06\x04\0\0\0\0", &s5), ERR_NODEV);  /* a buffer */
	CHECK_EQ(S5_IN("\x08_S5_\x12\x06\x00\x0a\x05\x0a\x05", &s5), ERR_NODEV); /* empty */
	CHECK_EQ(S5_IN("\x08_S5_\x12\x06\x02\x0d\x05\x0a\x05", &s5), ERR_NODEV); /* a string */
	CHECK_EQ(S5_IN("\x08_S5_\x12\xc6", &s5), ERR_NODEV); /* a length that is cut off */
	for (unsigned size = 0; size < sizeof good - 1; size++)
		CHECK_EQ(s5_in(good, size, &s5), ERR_NODEV);
	CHECK_EQ(s5_in(good, sizeof good - 1, &s5), 0);
}

static void finds_s5_in_ssdt(void)
{
	static const char aml[] = "\x08_S5_\x12\x07\x02\x0a\x05\x0a\x05";
	struct acpi_s5 s5;
	struct acpi acpi;

	start(2);
	seal(put_table("SSDT", 36));
	uint64_t at = put_table("SSDT", 36 + sizeof aml - 1);
	for (unsigned i = 0; i < sizeof aml - 1; i++)
		memory_put(at + 36 + i, 1, (uint8_t)aml[i]);
	seal(at);
	acpi = opened();
	CHECK_EQ(acpi_s5(&acpi, &(struct acpi_fadt){ .dsdt = 0 }, &s5), 0);
	CHECK_EQ(s5.type_a, 5);
}

/* It is looked for in 16 of them. */
static void bounds_ssdts(void)
{
	static const char aml[] = "\x08_S5_\x12\x07\x02\x0a\x05\x0a\x05";

	for (unsigned in_front = 15; in_front <= 16; in_front++) {
		struct acpi_s5 s5;

		start(2);
		for (unsigned i = 0; i < in_front; i++)
			seal(put_table("SSDT", 36));
		uint64_t at = put_table("SSDT", 36 + sizeof aml - 1);
		memcpy(memory + at + 36, aml, sizeof aml - 1);
		seal(at);
		struct acpi acpi = opened();
		CHECK_EQ(acpi_s5(&acpi, &(struct acpi_fadt){ .dsdt = 0 }, &s5),
			 in_front < 16 ? 0 : ERR_NODEV);
	}
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(finds_by_both_roots),
		CHECK_CASE(finds_rsdp_in_ebda),
		CHECK_CASE(refuses_bad_roots),
		CHECK_CASE(falls_back_to_rsdt),
		CHECK_CASE(keeps_rsdt_where_there_is_no_xsdt),
		CHECK_CASE(looks_where_an_rsdp_may_be),
		CHECK_CASE(passes_over_bad_rsdps),
		CHECK_CASE(bounds_tables),
		CHECK_CASE(skips_bad_tables),
		CHECK_CASE(reads_madt),
		CHECK_CASE(refuses_bad_madt_entries),
		CHECK_CASE(bounds_madt_lists),
		CHECK_CASE(reads_mcfg),
		CHECK_CASE(refuses_bad_ecams),
		CHECK_CASE(reads_fadt),
		CHECK_CASE(reads_fadt_to_its_end),
		CHECK_CASE(reads_fadt_registers),
		CHECK_CASE(finds_s5),
		CHECK_CASE(refuses_bad_s5),
		CHECK_CASE(finds_s5_in_ssdt),
		CHECK_CASE(bounds_ssdts),
		CHECK_END,
	});
}
