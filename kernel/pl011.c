/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm's PL011 UART (PrimeCell UART, DDI 0183) as a console: output by waiting for room, input by
 * interrupt, or by looking where there is none.
 *
 * Line settings and FIFOs stay as they are: firmware or the emulator chose them for what is at the
 * other end, and switching the FIFOs would lose what has been typed already.
 *
 * Left out: output by interrupt, modem lines, DMA, receive errors.
 *
 *     make run ARCH=aarch64
 */
#include "kernel/pl011.h"

#include "drivers/virtio/port.h"
#include "kernel/console.h"

enum pl011_register {
	UARTDR = 0x00,
	UARTFR = 0x18,
	UARTCR = 0x30,
	UARTIMSC = 0x38,
	UARTICR = 0x44,
};

enum {
	DR_DATA = 0xff,
	FR_RXFE = 1 << 4, /* nothing received */
	FR_TXFF = 1 << 5, /* no room to send */
	CR_UARTEN = 1 << 0,
	CR_TXE = 1 << 8,
	CR_RXE = 1 << 9,
	INT_RX = 1 << 4,
	INT_RX_TIMEOUT = 1 << 6, /* less than the FIFO's mark, but nothing more comes */
};

/* Much longer than a character takes at 300 baud. */
#define SEND_NS 1000000000

static uintptr_t registers;
static bool stuck;

/* Waits until there is room to send. Where none comes (a host that does not read) that is waited for once;
 * after that, output is lost as long as it stays so. */
static bool wait_room(void)
{
	uint64_t deadline = 0;

	while (vport_reg_read(registers + UARTFR, 4) & FR_TXFF) {
		if (deadline == 0)
			deadline = vport_now() + SEND_NS;
		if (stuck || vport_now() >= deadline) {
			stuck = true;
			return false;
		}
	}
	stuck = false;
	return true;
}

static void pl011_write(struct console *console, const char *text, size_t length)
{
	(void)console;
	for (size_t i = 0; i < length && wait_room(); i++)
		vport_reg_write(registers + UARTDR, 4, (uint8_t)text[i]);
}

static int pl011_read(struct console *console)
{
	(void)console;
	if (vport_reg_read(registers + UARTFR, 4) & FR_RXFE)
		return -1;
	return (int)(vport_reg_read(registers + UARTDR, 4) & DR_DATA);
}

static struct console pl011 = { .name = "pl011", .write = pl011_write, .read = pl011_read };

struct console *pl011_open(uintptr_t base)
{
	registers = base;
	vport_reg_write(base + UARTIMSC, 4, 0);
	uint32_t control = vport_reg_read(base + UARTCR, 4);
	vport_reg_write(base + UARTCR, 4, control | CR_UARTEN | CR_TXE | CR_RXE);
	return &pl011;
}

static void interrupt(void *argument)
{
	(void)argument;
	vport_reg_write(registers + UARTICR, 4, INT_RX | INT_RX_TIMEOUT);
	console_wake();
}

int pl011_connect(const struct irq_line *line)
{
	int error = irq_line_connect(line, interrupt, NULL);
	if (error == 0)
		vport_reg_write(registers + UARTIMSC, 4, INT_RX | INT_RX_TIMEOUT);
	return error;
}
