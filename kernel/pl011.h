/* SPDX-License-Identifier: BSD-2-Clause */
/* Arm's PL011 UART as a console. */
#ifndef KERNEL_PL011_H
#define KERNEL_PL011_H

#include <stdint.h>

#define PL011_SIZE 0x1000

/* The one PL011 that we use, with its registers at this (mapped) address; line settings stay as
 * firmware left them. */
struct console *pl011_open(uintptr_t base);
/* To be connected to its line before pl011_listen: there is input, or an end to it. */
void pl011_interrupt(void *argument);
/* From now on it interrupts when there is input. */
void pl011_listen(void);

#endif
