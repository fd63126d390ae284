/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI's static tables: ACPI 6.5, 5.2 (RSDP, RSDT, XSDT, FADT, MADT) and PCI Firmware 3.0 (MCFG).
 *
 * There is no AML interpreter. The one thing wanted from AML, the package \_S5 with the sleep types
 * for switching off, is found by its bytes: see acpi_s5. Left out besides: everything about devices,
 * processors' x2APIC entries with ids of more than 32 bits (there are none), NUMA, power states.
 *
 * See it at work: make test-host (tests/host/test_acpi.c)
 */
#include "kernel/acpi.h"
#include "lib/error.h"

/* Offsets in the header that every table has, 5.2.6. */
enum { HEADER_LENGTH = 4, HEADER_SIZE = 36 };

/* No table is longer; a length that is, is a lie. */
#define TABLE_LIMIT (1u << 20)
#define ROOT_ENTRIES_LIMIT 64
#define SSDT_LIMIT 16

#define RSDP_SIGNATURE "RSD PTR "
enum {
	RSDP_REVISION = 15,
	RSDP_RSDT = 16,
	RSDP_V1_SIZE = 20,
	RSDP_LENGTH = 20,
	RSDP_XSDT = 24,
	RSDP_V2_SIZE = 36,
	RSDP_LIMIT = 4096,
};

#define EBDA_SEGMENT 0x40e /* where the BIOS keeps the EBDA's address / 16 */
#define EBDA_SEARCHED 1024
#define LOW_MEMORY 0xa0000
#define BIOS_START 0xe0000
#define BIOS_SIZE 0x20000

/* ---- Bytes ------------------------------------------------------------------- */

/* Little-endian, at any alignment. */
static uint64_t number(const uint8_t *bytes, unsigned width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[width];
	return value;
}

static bool same(const uint8_t *bytes, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != (uint8_t)text[i])
			return false;
	return true;
}

static bool sums_to_zero(const uint8_t *bytes, size_t length)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* ---- The root ---------------------------------------------------------------- */

/* Whether an RSDP stands here (5.2.5.3); fills in the root's address. */
static bool read_rsdp(struct acpi *acpi, uint64_t phys)
{
	const uint8_t *rsdp = acpi->map(phys, RSDP_V1_SIZE);
	size_t length;

	if (rsdp == NULL || !same(rsdp, RSDP_SIGNATURE, 8) || !sums_to_zero(rsdp, RSDP_V1_SIZE))
		return false;
	acpi->root = number(rsdp + RSDP_RSDT, 4);
	acpi->root64 = false;
	if (rsdp[RSDP_REVISION] < 2)
		return acpi->root != 0;

	/* Revision 2 goes on, under a checksum of its own; when that is wrong, version 1 stands. */
	rsdp = acpi->map(phys, RSDP_V2_SIZE);
	if (rsdp == NULL)
		return acpi->root != 0;
	length = number(rsdp + RSDP_LENGTH, 4);
	if (length < RSDP_V2_SIZE || length > RSDP_LIMIT)
		return acpi->root != 0;
	rsdp = acpi->map(phys, length);
	if (rsdp != NULL && sums_to_zero(rsdp, length) && number(rsdp + RSDP_XSDT, 8) != 0) {
		acpi->root = number(rsdp + RSDP_XSDT, 8);
		acpi->root64 = true;
	}
	return acpi->root != 0;
}

/* It stands on a multiple of 16 (5.2.5.1). */
static bool search_rsdp(struct acpi *acpi, uint64_t start, uint64_t size)
{
	const uint8_t *area = acpi->map(start, size);

	for (uint64_t at = 0; area != NULL && at + RSDP_V1_SIZE <= size; at += 16)
		if (same(area + at, RSDP_SIGNATURE, 8) && read_rsdp(acpi, start + at))
			return true;
	return false;
}

static bool search_bios(struct acpi *acpi)
{
	const uint8_t *segment = acpi->map(EBDA_SEGMENT, 2);
	uint64_t ebda = segment != NULL ? number(segment, 2) << 4 : 0;

	if (ebda != 0 && ebda + EBDA_SEARCHED <= LOW_MEMORY &&
	    search_rsdp(acpi, ebda, EBDA_SEARCHED))
		return true;
	return search_rsdp(acpi, BIOS_START, BIOS_SIZE);
}

/* A table whose length and checksum hold, of this signature (5.2.6). */
static const uint8_t *checked_table(const struct acpi *acpi, uint64_t phys, const char *signature,
				    size_t *length)
{
	const uint8_t *table = phys != 0 ? acpi->map(phys, HEADER_SIZE) : NULL;

	if (table == NULL || !same(table, signature, 4))
		return NULL;
	*length = number(table + HEADER_LENGTH, 4);
	if (*length < HEADER_SIZE || *length > TABLE_LIMIT)
		return NULL;
	table = acpi->map(phys, *length);
	return table != NULL && sums_to_zero(table, *length) ? table : NULL;
}

int acpi_open(struct acpi *acpi, uint64_t rsdp, acpi_map_fn *map)
{
	size_t length;

	*acpi = (struct acpi){ .map = map };
	if (rsdp != 0 ? !read_rsdp(acpi, rsdp) : !search_bios(acpi))
		return rsdp != 0 ? ERR_FORMAT : ERR_NODEV;
	if (checked_table(acpi, acpi->root, acpi->root64 ? "XSDT" : "RSDT", &length) == NULL)
		return ERR_FORMAT;
	return 0;
}

const void *acpi_table(const struct acpi *acpi, const char *signature, unsigned n, size_t *length)
{
	unsigned width = acpi->root64 ? 8 : 4;
	size_t root_length, count;
	const uint8_t *root =
		checked_table(acpi, acpi->root, acpi->root64 ? "XSDT" : "RSDT", &root_length);

	if (root == NULL)
		return NULL;
	count = (root_length - HEADER_SIZE) / width;
	if (count > ROOT_ENTRIES_LIMIT)
		count = ROOT_ENTRIES_LIMIT;
	for (size_t i = 0; i < count; i++) {
		uint64_t phys = number(root + HEADER_SIZE + i * width, width);
		const uint8_t *table = checked_table(acpi, phys, signature, length);
		if (table != NULL && n-- == 0)
			return table;
	}
	return NULL;
}

/* ---- MADT -------------------------------------------------------------------- */

enum {
	MADT_ENTRIES = 44,
	MADT_LOCAL_APIC = 0,
	MADT_IO_APIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LOCAL_X2APIC = 9,
	MADT_CPU_ENABLED = 1,
};

/* MPS INTI flags (table 5.26): 3 in two bits is low or level; 1 is high or edge; 0 is as the bus has
 * it, which for ISA is high and edge. */
static void read_override(struct acpi_madt *madt, const uint8_t *entry)
{
	unsigned flags = (unsigned)number(entry + 8, 2);

	if (madt->override_count == ACPI_MAX_OVERRIDES)
		return;
	madt->overrides[madt->override_count++] = (struct acpi_override){
		.source = entry[3],
		.gsi = (uint32_t)number(entry + 4, 4),
		.active_low = (flags & 3) == 3,
		.level = (flags >> 2 & 3) == 3,
	};
}

static void add_cpu(struct acpi_madt *madt, uint32_t id, uint32_t flags)
{
	if ((flags & MADT_CPU_ENABLED) != 0 && madt->cpu_count < ACPI_MAX_CPUS)
		madt->cpus[madt->cpu_count++] = id;
}

/* One entry, whose length has been checked to lie in the table; too short for its type: skipped. */
static void read_madt_entry(struct acpi_madt *madt, const uint8_t *entry, size_t length)
{
	if (entry[0] == MADT_LOCAL_APIC && length >= 8)
		add_cpu(madt, entry[3], (uint32_t)number(entry + 4, 4));
	if (entry[0] == MADT_LOCAL_X2APIC && length >= 16)
		add_cpu(madt, (uint32_t)number(entry + 4, 4), (uint32_t)number(entry + 8, 4));
	if (entry[0] == MADT_IO_APIC && length >= 12 && madt->io_apic_count < ACPI_MAX_IO_APICS)
		madt->io_apics[madt->io_apic_count++] = (struct acpi_io_apic){
			.id = entry[2],
			.address = number(entry + 4, 4),
			.first_gsi = (uint32_t)number(entry + 8, 4),
		};
	if (entry[0] == MADT_OVERRIDE && length >= 10)
		read_override(madt, entry);
}

int acpi_madt(const struct acpi *acpi, struct acpi_madt *madt)
{
	size_t length;
	const uint8_t *table = acpi_table(acpi, "APIC", 0, &length);

	*madt = (struct acpi_madt){ 0 };
	if (table == NULL)
		return ERR_NODEV;
	if (length < MADT_ENTRIES)
		return ERR_FORMAT;
	for (size_t at = MADT_ENTRIES; at < length;) {
		size_t left = length - at;
		/* Shorter than its own header: the walk would not go on. */
		if (left < 2 || table[at + 1] < 2 || table[at + 1] > left)
			return ERR_FORMAT;
		read_madt_entry(madt, table + at, table[at + 1]);
		at += table[at + 1];
	}
	return 0;
}

/* ---- MCFG -------------------------------------------------------------------- */

enum { MCFG_ENTRIES = 44, MCFG_ENTRY_SIZE = 16, ECAM_BUS_SHIFT = 20 };

int acpi_ecam(const struct acpi *acpi, unsigned n, struct acpi_ecam *ecam)
{
	size_t length;
	const uint8_t *table = acpi_table(acpi, "MCFG", 0, &length), *entry;

	if (table == NULL || length < MCFG_ENTRIES ||
	    n >= (length - MCFG_ENTRIES) / MCFG_ENTRY_SIZE)
		return ERR_NODEV;
	entry = table + MCFG_ENTRIES + (size_t)n * MCFG_ENTRY_SIZE;
	*ecam = (struct acpi_ecam){
		.base = number(entry, 8),
		.segment = (uint16_t)number(entry + 8, 2),
		.first_bus = entry[10],
		.last_bus = entry[11],
	};
	if (ecam->base == 0 || ecam->base % (1 << ECAM_BUS_SHIFT) != 0 ||
	    ecam->base >= UINT64_C(1) << 52 || ecam->last_bus < ecam->first_bus)
		return ERR_FORMAT;
	return 0;
}

/* ---- FADT -------------------------------------------------------------------- */

enum {
	FADT_DSDT = 40,
	FADT_PM1A_CONTROL = 64,
	FADT_PM1B_CONTROL = 68,
	FADT_PM_TIMER = 76,
	FADT_V1_SIZE = 116,
	FADT_FLAGS = 112,
	FADT_X_DSDT = 140,
	FADT_X_PM1A_CONTROL = 172,
	FADT_X_PM1B_CONTROL = 184,
	FADT_X_PM_TIMER = 208,
	FADT_SLEEP_CONTROL = 244,
	FADT_HARDWARE_REDUCED = 1 << 20,
	GENERIC_ADDRESS_SIZE = 12,
};

/* A Generic Address Structure (5.2.3.2), where the table is long enough to have it. */
static struct acpi_register read_register(const uint8_t *table, size_t length, size_t at)
{
	struct acpi_register none = { ACPI_SPACE_MEMORY, 0 };

	if (length < at + GENERIC_ADDRESS_SIZE || table[at] > ACPI_SPACE_IO)
		return none;
	return (struct acpi_register){ table[at], number(table + at + 4, 8) };
}

/* The extended field where there is one, else the old one, an I/O port. */
static struct acpi_register read_port(const uint8_t *table, size_t length, size_t extended,
				      size_t old)
{
	struct acpi_register reg = read_register(table, length, extended);

	if (reg.address == 0)
		reg = (struct acpi_register){ ACPI_SPACE_IO, number(table + old, 4) };
	if (reg.space == ACPI_SPACE_IO && reg.address > UINT16_MAX)
		reg.address = 0;
	return reg;
}

int acpi_fadt(const struct acpi *acpi, struct acpi_fadt *fadt)
{
	size_t length;
	const uint8_t *table = acpi_table(acpi, "FACP", 0, &length);
	struct acpi_register timer;

	*fadt = (struct acpi_fadt){ 0 };
	if (table == NULL)
		return ERR_NODEV;
	if (length < FADT_V1_SIZE)
		return ERR_FORMAT;
	fadt->hardware_reduced = (number(table + FADT_FLAGS, 4) & FADT_HARDWARE_REDUCED) != 0;
	fadt->dsdt = length >= FADT_X_DSDT + 8 ? number(table + FADT_X_DSDT, 8) : 0;
	if (fadt->dsdt == 0)
		fadt->dsdt = number(table + FADT_DSDT, 4);
	fadt->sleep_control = read_register(table, length, FADT_SLEEP_CONTROL);
	/* Without the fixed hardware these fields mean nothing, but for the timer: Cloud Hypervisor
	 * has one all the same, and names it. */
	timer = read_port(table, length, FADT_X_PM_TIMER, FADT_PM_TIMER);
	if (timer.space == ACPI_SPACE_IO)
		fadt->pm_timer = (uint16_t)timer.address;
	if (!fadt->hardware_reduced) {
		fadt->pm1a_control =
			read_port(table, length, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL);
		fadt->pm1b_control =
			read_port(table, length, FADT_X_PM1B_CONTROL, FADT_PM1B_CONTROL);
	}
	return 0;
}

/* ---- \_S5 -------------------------------------------------------------------- */

enum {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_PACKAGE = 0x12,
	AML_ROOT = '\\',
};

/* Reads a constant integer and goes past it; false when it is something else or cut off. */
static bool read_integer(const uint8_t *aml, size_t length, size_t *at, uint8_t *value)
{
	unsigned width;

	if (*at >= length)
		return false;
	switch (aml[*at]) {
	case AML_ZERO:
	case AML_ONE:
		*value = aml[(*at)++];
		return true;
	case AML_BYTE:
		width = 1;
		break;
	case AML_WORD:
		width = 2;
		break;
	case AML_DWORD:
		width = 4;
		break;
	default:
		return false;
	}
	if (length - *at < 1 + width)
		return false;
	*value = aml[*at + 1]; /* the sleep type is in the low byte */
	*at += 1 + width;
	return true;
}

/* At the byte behind the name: a package of constants, DefPackage in 20.2.5.4. */
static bool read_s5_package(const uint8_t *aml, size_t length, size_t at, struct acpi_s5 *s5)
{
	uint8_t count;

	if (at + 2 > length || aml[at] != AML_PACKAGE)
		return false;
	at++;
	/* PkgLength: the top two bits of its first byte tell how many more there are (20.2.4). */
	at += 1 + (aml[at] >> 6);
	if (at >= length)
		return false;
	count = aml[at++];
	if (count < 1 || !read_integer(aml, length, &at, &s5->type_a))
		return false;
	s5->type_b = s5->type_a;
	return count < 2 || read_integer(aml, length, &at, &s5->type_b);
}

/* Name (_S5, Package …) is the bytes NameOp, optionally a root prefix, `_S5_`, PackageOp. They may
 * stand in a string by chance; the package's form must hold too. */
static bool search_s5(const uint8_t *aml, size_t length, struct acpi_s5 *s5)
{
	for (size_t at = HEADER_SIZE + 1; at + 4 < length; at++) {
		bool named = aml[at - 1] == AML_NAME ||
			     (aml[at - 1] == AML_ROOT && aml[at - 2] == AML_NAME);
		if (named && same(aml + at, "_S5_", 4) && read_s5_package(aml, length, at + 4, s5))
			return true;
	}
	return false;
}

int acpi_s5(const struct acpi *acpi, const struct acpi_fadt *fadt, struct acpi_s5 *s5)
{
	size_t length;
	const uint8_t *aml = checked_table(acpi, fadt->dsdt, "DSDT", &length);

	if (aml != NULL && search_s5(aml, length, s5))
		return 0;
	for (unsigned n = 0; n < SSDT_LIMIT; n++) {
		aml = acpi_table(acpi, "SSDT", n, &length);
		if (aml == NULL)
			break;
		if (search_s5(aml, length, s5))
			return 0;
	}
	return ERR_NODEV;
}
