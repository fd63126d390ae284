/* SPDX-License-Identifier: BSD-2-Clause */
/* The 16550 UART, by whatever accesses its registers take: ports, or memory (ns16550a). */
#ifndef KERNEL_UART16550_H
#define KERNEL_UART16550_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/console.h"
#include "kernel/irq.h"

struct uart16550 {
	struct console console;
	/* One register, 0 … 7. */
	uint8_t (*read)(const struct uart16550 *uart, unsigned reg);
	void (*write)(const struct uart16550 *uart, unsigned reg, uint8_t value);
	uintptr_t base;     /* port or address of register 0 */
	unsigned reg_shift; /* memory: registers are 1 << reg_shift bytes apart */
	unsigned reg_width; /* memory: bytes in one access, 1 or 4 */
	uint16_t divisor;   /* of the baud rate; 0: as firmware left it */
	/* private */
	int typed; /* received before the FIFO was on; -1: nothing */
	bool stuck, connected;
	volatile bool listening; /* whether the receive interrupt is on */
};

/* Accesses for registers in memory; set base, reg_shift and reg_width. */
uint8_t uart16550_memory_read(const struct uart16550 *uart, unsigned reg);
void uart16550_memory_write(const struct uart16550 *uart, unsigned reg, uint8_t value);

/* Finds out whether there is one, sets it up (8 bits, no parity, FIFOs on, no interrupts), and fills in
 * uart->console for console_add. The caller has set everything else that is not private. */
bool uart16550_init(struct uart16550 *uart);
/* From now on input wakes the console's reader by an interrupt. 0 or an error; input is found without
 * it too, only later. */
int uart16550_connect(struct uart16550 *uart, const struct irq_line *line);

#endif
