/* SPDX-License-Identifier: BSD-2-Clause */
/* Arm's PL011 UART as a console. */
#ifndef KERNEL_PL011_H
#define KERNEL_PL011_H

#include <stdint.h>

#include "kernel/console.h"
#include "kernel/irq.h"

#define PL011_SIZE 0x1000

/* The one PL011 that we use, with its registers at this (mapped) address; line settings stay as
 * firmware left them. */
struct console *pl011_open(uintptr_t base);
/* From now on input wakes the console's reader by an interrupt. 0 or an error; input is found without
 * it too, only later. */
int pl011_connect(const struct irq_line *line);

#endif
