/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APIC: Intel's 82093AA data sheet, chapter 3. Two registers in memory, of which one selects
 * what the other one shows; one 64-bit redirection entry a line.
 *
 *     make run APP=lsvirtio IRQ=intx
 *
 * Left out: directed end of interrupt.
 */
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/instructions.h"
#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "lib/error.h"

#define REGISTER_SELECT 0x00
#define REGISTER_WINDOW 0x10
#define REGISTERS_SIZE 0x20

#define IOAPIC_VERSION 0x01
#define IOAPIC_REDIRECTION 0x10 /* + 2 * line; the low word */
#define MAX_LINES 240           /* so that the register's number fits */

#define REDIRECTION_ACTIVE_LOW (1 << 13)
#define REDIRECTION_LEVEL (1 << 15)
#define REDIRECTION_MASKED (1 << 16)
#define REDIRECTION_DESTINATION_SHIFT 24 /* in the high word */

static struct ioapic {
	volatile char *registers;
	uint32_t first_gsi, lines;
} ioapics[ACPI_MAX_IO_APICS];
static unsigned ioapic_count;

static uint32_t ioapic_read(const struct ioapic *ioapic, unsigned reg)
{
	mmio_write32(ioapic->registers + REGISTER_SELECT, reg);
	return mmio_read32(ioapic->registers + REGISTER_WINDOW);
}

static void ioapic_write(const struct ioapic *ioapic, unsigned reg, uint32_t value)
{
	mmio_write32(ioapic->registers + REGISTER_SELECT, reg);
	mmio_write32(ioapic->registers + REGISTER_WINDOW, value);
}

int ioapic_add(uint64_t phys, uint32_t first_gsi)
{
	struct ioapic *ioapic = &ioapics[ioapic_count];

	if (ioapic_count == ACPI_MAX_IO_APICS)
		return ERR_FULL;
	ioapic->registers = map_device(phys, REGISTERS_SIZE);
	if (ioapic->registers == NULL)
		return ERR_RANGE;
	ioapic->first_gsi = first_gsi;
	ioapic->lines = (ioapic_read(ioapic, IOAPIC_VERSION) >> 16 & 0xff) + 1;
	if (ioapic->lines > MAX_LINES || first_gsi > UINT32_MAX - ioapic->lines)
		return ERR_NODEV; /* all ones: nothing answers there */
	for (unsigned i = 0; i < ioapic->lines; i++)
		ioapic_write(ioapic, IOAPIC_REDIRECTION + 2 * i, REDIRECTION_MASKED);
	ioapic_count++;
	return 0;
}

static const struct ioapic *find(uint32_t gsi)
{
	for (unsigned i = 0; i < ioapic_count; i++)
		if (gsi >= ioapics[i].first_gsi && gsi - ioapics[i].first_gsi < ioapics[i].lines)
			return &ioapics[i];
	return NULL;
}

int ioapic_route(const struct irq_line *line, unsigned vector)
{
	const struct ioapic *ioapic = find(line->number);
	uint32_t low = vector;
	unsigned reg;

	if (ioapic == NULL)
		return ERR_NODEV;
	reg = IOAPIC_REDIRECTION + 2 * (line->number - ioapic->first_gsi);
	if (line->active_low)
		low |= REDIRECTION_ACTIVE_LOW;
	if (line->level)
		low |= REDIRECTION_LEVEL;
	ioapic_write(ioapic, reg + 1,
		     (uint32_t)cpu_table[0]->hardware_id << REDIRECTION_DESTINATION_SHIFT);
	ioapic_write(ioapic, reg, low);
	return 0;
}

void ioapic_mask(uint32_t gsi)
{
	const struct ioapic *ioapic = find(gsi);

	if (ioapic != NULL)
		ioapic_write(ioapic, IOAPIC_REDIRECTION + 2 * (gsi - ioapic->first_gsi),
			     REDIRECTION_MASKED);
}
