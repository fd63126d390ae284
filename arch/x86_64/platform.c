/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine as firmware's tables describe it: ACPI's, or the MP table where there is no ACPI. From
 * them the interrupt controllers, the clock and the ways to switch off are set up. And the first
 * serial port, which no table has to name.
 *
 * A machine without any table still runs, with the devices' interrupts replaced by polling.
 *
 *     make run MACHINE=q35 (ACPI), MACHINE=microvm (MP table)
 */
#include "arch/x86_64/platform.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/interrupts.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/mptable.h"
#include "arch/x86_64/power.h"
#include "arch/x86_64/processor.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/memory.h"
#include "kernel/uart16550.h"
#include "lib/error.h"

#define COM1_PORT 0x3f8
#define COM1_IRQ 4

static struct acpi acpi;
static bool has_acpi;
static struct acpi_madt madt;

static uint8_t com1_read(const struct uart16550 *uart, unsigned reg)
{
	return in8((uint16_t)(uart->base + reg));
}

static void com1_write(const struct uart16550 *uart, unsigned reg, uint8_t value)
{
	out8((uint16_t)(uart->base + reg), value);
}

static struct uart16550 com1 = {
	.read = com1_read, .write = com1_write, .base = COM1_PORT, .divisor = 1, /* 115200 baud */
};
static bool com1_present;

void arch_console_init(void)
{
	static bool done;

	/* An exception or an error before its time calls this too. */
	if (done)
		return;
	done = true;
	com1_present = uart16550_init(&com1);
	if (com1_present)
		console_add(&com1.console);
}

const struct acpi *platform_acpi(void)
{
	return has_acpi ? &acpi : NULL;
}

unsigned platform_cpus(const uint32_t **ids)
{
	*ids = madt.cpus;
	return madt.cpu_count;
}

static struct irq_line line_of(uint8_t number, struct irq_line line)
{
	for (unsigned i = 0; i < madt.override_count; i++)
		if (madt.overrides[i].source == number)
			return (struct irq_line){
				.number = madt.overrides[i].gsi,
				.level = madt.overrides[i].level,
				.active_low = madt.overrides[i].active_low,
			};
	return line;
}

struct irq_line platform_isa_line(uint8_t number)
{
	return line_of(number, (struct irq_line){ .number = number });
}

struct irq_line platform_pci_line(uint8_t number)
{
	return line_of(number,
		       (struct irq_line){ .number = number, .level = true, .active_low = true });
}

static void read_tables(void)
{
	int result = acpi_open(&acpi, boot_info.rsdp, map_firmware);

	has_acpi = result == 0;
	if (result == ERR_FORMAT)
		kprint("acpi: the RSDP or the table that it names is malformed: ACPI is not "
		       "used\n");
	result = has_acpi ? acpi_madt(&acpi, &madt) : mptable_read(map_firmware, &madt);
	if (result < 0)
		kprint("%s: %s: interrupt lines cannot be used\n", has_acpi ? "acpi" : "mptable",
		       error_text(result));
}

void arch_platform_init(void)
{
	struct acpi_fadt fadt;
	bool has_fadt;
	struct irq_line line;

	/* From here on an exception is reported on a stack between two pages that are not mapped. */
	processor_current()->tss.ist[STACK_EXCEPTION - 1] = arch_cpu()->fault_stack;

	read_tables();
	has_fadt = has_acpi && acpi_fadt(&acpi, &fadt) == 0;
	interrupts_mask_8259();
	if (lapic_init())
		arch_cpu()->hardware_id = lapic_id();
	clock_init(has_fadt ? &fadt : NULL);
	if (has_fadt)
		power_init(&acpi, &fadt);

	for (unsigned i = 0; i < madt.io_apic_count && lapic_present(); i++)
		if (ioapic_add(madt.io_apics[i].address, madt.io_apics[i].first_gsi) < 0)
			kprint("ioapic: the one at 0x%llx does not answer\n",
			       (unsigned long long)madt.io_apics[i].address);
	line = platform_isa_line(COM1_IRQ);
	if (com1_present && uart16550_connect(&com1, &line) < 0)
		kprint("serial: its interrupt cannot be used: input is polled\n");
}
