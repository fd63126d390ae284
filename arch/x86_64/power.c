/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a run: a ladder of ways to stop the machine, the next one tried when the one before it
 * has visibly not worked.
 *
 *   isa-debug-exit    QEMU's test device at port 0xf4: ends it with status (value << 1) | 1
 *   ACPI S5           soft off by the control registers that the FADT names (ACPI 6.5, 4.8.3.2, and
 *                     4.8.3.7 for hardware-reduced machines)
 *   keyboard control  0xfe at port 0x64 pulses the reset line; small VMMs take that as the end
 *   triple fault      resets the CPU; VMMs without any of the above end there
 *   hlt               for ever
 *
 *     make run APP=hello ARGS=3
 */
#include "arch/x86_64/power.h"
#include "arch/x86_64/instructions.h"
#include "kernel/arch.h"
#include "kernel/memory.h"

#define DEBUG_EXIT_PORT 0xf4

#define SLEEP_TYPE_SHIFT 10 /* PM1 control */
#define SLEEP_ENABLE (1 << 13)
#define SCI_ENABLE 1 /* to be kept: it says whether ACPI or the BIOS has the registers */
#define REDUCED_SLEEP_TYPE_SHIFT 2 /* sleep control register */
#define REDUCED_SLEEP_ENABLE (1 << 5)

#define KEYBOARD_CONTROL 0x64
#define KEYBOARD_PULSE_RESET 0xfe

/* Long enough for a VMM to act on it from another thread: about a second of port reads. */
#define SETTLE_READS 1000000
#define UNUSED_PORT 0x80

/* A register ready to be written, in any context. */
struct target {
	uint16_t port;         /* 0: none */
	volatile char *memory; /* NULL: none */
	uint16_t value;
};

static struct target pm1a, pm1b, sleep_control;

static struct target make_target(struct acpi_register reg, unsigned width, unsigned value)
{
	struct target target = { .value = (uint16_t)value };

	if (reg.address != 0 && reg.space == ACPI_SPACE_IO && reg.address <= UINT16_MAX)
		target.port = (uint16_t)reg.address;
	if (reg.address != 0 && reg.space == ACPI_SPACE_MEMORY)
		target.memory = map_device(reg.address, width);
	return target;
}

void power_init(const struct acpi *acpi, const struct acpi_fadt *fadt)
{
	struct acpi_s5 s5;

	if (acpi_s5(acpi, fadt, &s5) < 0)
		return;
	pm1a = make_target(fadt->pm1a_control, 2,
			   (s5.type_a & 7) << SLEEP_TYPE_SHIFT | SLEEP_ENABLE);
	pm1b = make_target(fadt->pm1b_control, 2,
			   (s5.type_b & 7) << SLEEP_TYPE_SHIFT | SLEEP_ENABLE);
	if (fadt->hardware_reduced)
		sleep_control = make_target(fadt->sleep_control, 1,
					    (s5.type_a & 7) << REDUCED_SLEEP_TYPE_SHIFT |
						    REDUCED_SLEEP_ENABLE);
}

static void write_pm1(const struct target *target)
{
	if (target->port != 0)
		out16(target->port, target->value | (in16(target->port) & SCI_ENABLE));
	if (target->memory != NULL)
		*(volatile uint16_t *)target->memory =
			target->value | (*(volatile uint16_t *)target->memory & SCI_ENABLE);
}

static void write_sleep_control(const struct target *target)
{
	if (target->port != 0)
		out8(target->port, (uint8_t)target->value);
	if (target->memory != NULL)
		*(volatile uint8_t *)target->memory = (uint8_t)target->value;
}

static void settle(void)
{
	for (unsigned i = 0; i < SETTLE_READS; i++)
		in8(UNUSED_PORT);
}

void arch_shutdown(int status)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt = { 0, 0 };

	arch_irq_off();
	/* Nothing says whether the device is there; where it is not, the write goes nowhere. */
	out32(DEBUG_EXIT_PORT, (uint32_t)status);

	if (pm1a.port != 0 || pm1a.memory != NULL || sleep_control.port != 0 ||
	    sleep_control.memory != NULL) {
		write_pm1(&pm1a);
		write_pm1(&pm1b);
		write_sleep_control(&sleep_control);
		settle();
	}
	out8(KEYBOARD_CONTROL, KEYBOARD_PULSE_RESET);
	settle();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	arch_halt();
}
