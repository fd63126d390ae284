/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt handlers: who is called when the architecture's trap code reports a slot. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

/* A wire into the interrupt controller, as firmware describes it. */
struct irq_line {
	uint32_t number; /* x86_64: the GSI; aarch64: the GIC's INTID (SPI n is 32 + n) */
	bool level;      /* else edge */
	bool active_low; /* else active high, or rising */
};

/* Adds a handler to a line (several may share it). 0 or an error. */
int irq_line_connect(const struct irq_line *line, vport_irq_fn *handler, void *argument);
void irq_line_disconnect(const struct irq_line *line, vport_irq_fn *handler, void *argument);

/* Called by trap code, with interrupts masked and a slot below IRQ_SLOTS, once for each interrupt taken. An interrupt without
 * a handler is counted. */
void irq_dispatch(unsigned slot);

#endif
