/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550 UART: National Semiconductor's PC16550D data sheet, chapter 8. Output polls; input may
 * interrupt.
 *
 * The interrupt handler does not read: it switches the interrupt off, wakes the reader, and the
 * reader switches it on again when it has taken all there was. So it works for lines of either
 * trigger mode, and a flood of input cannot keep the CPU in the handler. Left out: break and modem
 * lines, flow control, interrupts for output.
 *
 *     make run
 */
#include "kernel/uart16550.h"

enum uart_register {
	UART_DATA = 0,       /* with DLAB: divisor, low byte */
	UART_INTERRUPTS = 1, /* with DLAB: divisor, high byte */
	UART_FIFO = 2,       /* write only; reads as what interrupted */
	UART_LINE = 3,
	UART_MODEM = 4,
	UART_LINE_STATUS = 5,
	UART_MODEM_STATUS = 6,
};

enum {
	INTERRUPT_RECEIVED = 1 << 0,
	FIFO_ENABLE = 0x01,
	LINE_8N1 = 0x03,
	LINE_DLAB = 0x80,
	MODEM_DTR_RTS = 0x03,
	MODEM_OUT2 = 0x08, /* on a PC, the gate of the interrupt line */
	MODEM_LOOPBACK = 0x10,
	STATUS_DATA_READY = 1 << 0,
	STATUS_TRANSMIT_EMPTY = 1 << 5,
};

#define FIFO_SIZE 16
/* About a second of reading the status of a port, and a thousand times what sending a FIFO takes. */
#define WAIT_READS 1000000

uint8_t uart16550_memory_read(const struct uart16550 *uart, unsigned reg)
{
	uintptr_t address = uart->base + ((uintptr_t)reg << uart->reg_shift);

	if (uart->reg_width == 4)
		return (uint8_t) * (const volatile uint32_t *)address;
	return *(const volatile uint8_t *)address;
}

void uart16550_memory_write(const struct uart16550 *uart, unsigned reg, uint8_t value)
{
	uintptr_t address = uart->base + ((uintptr_t)reg << uart->reg_shift);

	if (uart->reg_width == 4)
		*(volatile uint32_t *)address = value;
	else
		*(volatile uint8_t *)address = value;
}

/* Waits until the transmit FIFO is empty. One that never is (a host that does not read) is waited for
 * once; after that, output is lost as long as it stays so. */
static bool wait_empty(struct uart16550 *uart)
{
	unsigned reads = uart->stuck ? 1 : WAIT_READS;

	while (reads-- > 0) {
		if ((uart->read(uart, UART_LINE_STATUS) & STATUS_TRANSMIT_EMPTY) != 0) {
			uart->stuck = false;
			return true;
		}
	}
	uart->stuck = true;
	return false;
}

static void uart_write(struct console *console, const char *text, size_t length)
{
	struct uart16550 *uart = (struct uart16550 *)console;

	for (size_t i = 0; i < length; i++) {
		if (i % FIFO_SIZE == 0 && !wait_empty(uart))
			return;
		uart->write(uart, UART_DATA, (uint8_t)text[i]);
	}
}

static void listen(struct uart16550 *uart)
{
	uart->listening = true;
	uart->write(uart, UART_INTERRUPTS, INTERRUPT_RECEIVED);
}

static int uart_read(struct console *console)
{
	struct uart16550 *uart = (struct uart16550 *)console;
	int typed = uart->typed;

	if (typed >= 0) {
		uart->typed = -1;
		return typed;
	}
	if ((uart->read(uart, UART_LINE_STATUS) & STATUS_DATA_READY) == 0) {
		/* What comes between the look above and this interrupts at once. */
		if (uart->connected && !uart->listening)
			listen(uart);
		return -1;
	}
	return uart->read(uart, UART_DATA);
}

static void uart_interrupt(void *argument)
{
	struct uart16550 *uart = argument;

	uart->write(uart, UART_INTERRUPTS, 0);
	uart->listening = false;
	console_wake();
}

/* In loopback mode the modem control outputs come back as modem status: only a UART does that. */
static bool answers(const struct uart16550 *uart)
{
	uint8_t status;

	uart->write(uart, UART_MODEM, MODEM_LOOPBACK | MODEM_DTR_RTS);
	status = uart->read(uart, UART_MODEM_STATUS) & 0xf0;
	if (status != 0x30) /* DSR and CTS, neither carrier nor ring */
		return false;
	uart->write(uart, UART_MODEM, MODEM_LOOPBACK | MODEM_OUT2);
	return (uart->read(uart, UART_MODEM_STATUS) & 0xf0) == 0x80;
}

bool uart16550_init(struct uart16550 *uart)
{
	if (!answers(uart))
		return false;
	uart->write(uart, UART_INTERRUPTS, 0);
	if (uart->divisor != 0) {
		uart->write(uart, UART_LINE, LINE_8N1 | LINE_DLAB);
		uart->write(uart, UART_DATA, uart->divisor & 0xff);
		uart->write(uart, UART_INTERRUPTS, uart->divisor >> 8);
	}
	uart->write(uart, UART_LINE, LINE_8N1);
	/* Switching the FIFO on empties it, and what a script has typed by now is wanted. */
	uart->typed = -1;
	if ((uart->read(uart, UART_LINE_STATUS) & STATUS_DATA_READY) != 0)
		uart->typed = uart->read(uart, UART_DATA);
	uart->write(uart, UART_FIFO, FIFO_ENABLE);
	uart->write(uart, UART_MODEM, MODEM_DTR_RTS | MODEM_OUT2);
	uart->console.name = "16550";
	uart->console.write = uart_write;
	uart->console.read = uart_read;
	return true;
}

int uart16550_connect(struct uart16550 *uart, const struct irq_line *line)
{
	int result = irq_line_connect(line, uart_interrupt, uart);

	if (result < 0)
		return result;
	uart->connected = true;
	listen(uart);
	return 0;
}
