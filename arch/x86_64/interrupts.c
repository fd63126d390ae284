/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt vectors, and who has them: kernel/arch.h's part on interrupts. A vector is what
 * irq_dispatch is called with. A line gets one and keeps it while it is open; a message is nothing but
 * a write of the vector to the local APIC's address (Intel SDM volume 3, 10.11).
 *
 * Lines go to CPU 0, messages to the CPU that they are asked for. Left out: interrupt remapping by an IOMMU.
 *
 *     make run APP=lsvirtio IRQ=msix
 */
#include "arch/x86_64/interrupts.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/vectors.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "lib/error.h"

#define MESSAGE_ADDRESS 0xfee00000
#define MESSAGE_DESTINATION_SHIFT 12
#define MESSAGE_DESTINATION_MAX 0xff

enum use { FREE, LINE, MUTED_LINE, MESSAGE };

static struct vector {
	enum use use;
	uint32_t gsi;
} vectors[VECTOR_LAST + 1];

/* Neither two lines nor two messages of a device may share: a free one, or ERR_FULL. */
static int find_free(void)
{
	for (int i = VECTOR_FIRST; i <= VECTOR_LAST; i++)
		if (vectors[i].use == FREE)
			return i;
	return ERR_FULL;
}

/* The vector that it has, though it be muted; or ERR_NODEV. */
static int find_line(uint32_t gsi)
{
	for (int i = VECTOR_FIRST; i <= VECTOR_LAST; i++)
		if ((vectors[i].use == LINE || vectors[i].use == MUTED_LINE) &&
		    vectors[i].gsi == gsi)
			return i;
	return ERR_NODEV;
}

int arch_irq_line_open(const struct irq_line *line)
{
	int vector = find_line(line->number), result;

	if (!lapic_present())
		return ERR_UNSUPPORTED;
	if (vector >= 0 && vectors[vector].use == LINE)
		return vector;
	if (vector < 0)
		vector = find_free();
	if (vector < 0)
		return vector;
	result = ioapic_route(line, (unsigned)vector);
	if (result < 0)
		return result;
	vectors[vector] = (struct vector){ LINE, line->number };
	return vector;
}

int arch_irq_msi_open(struct vport_device *device, unsigned index, const struct cpu *cpu,
		      struct vport_msi *msi)
{
	int vector;

	/* Any device may write any message: nothing depends on whose it is. */
	(void)device;
	(void)index;
	if (!lapic_present() || cpu->hardware_id > MESSAGE_DESTINATION_MAX)
		return ERR_UNSUPPORTED;
	vector = find_free();
	if (vector < 0)
		return vector;
	vectors[vector].use = MESSAGE;
	msi->address = MESSAGE_ADDRESS | cpu->hardware_id << MESSAGE_DESTINATION_SHIFT;
	msi->data = (uint32_t)vector; /* edge-triggered, fixed delivery */
	return vector;
}

void arch_cpu_interrupt(const struct cpu *cpu)
{
	lapic_send((uint32_t)cpu->hardware_id, LAPIC_ASSERT | VECTOR_CPU);
}

void arch_cpu_stop(const struct cpu *cpu)
{
	lapic_send((uint32_t)cpu->hardware_id, LAPIC_ASSERT | LAPIC_NMI);
}

/* Nothing stands between a device's message and the CPU: it comes as long as the device writes it. */
void arch_irq_mute(unsigned slot)
{
	kit_assert(slot >= VECTOR_FIRST && slot <= VECTOR_LAST);
	if (vectors[slot].use != LINE)
		return;
	ioapic_mask(vectors[slot].gsi);
	vectors[slot].use = MUTED_LINE;
}

void arch_irq_close(unsigned slot)
{
	arch_irq_mute(slot);
	vectors[slot].use = FREE;
}

/* The two 8259s: initialisation words 1 to 4 (Intel 8259A data sheet). */
#define PIC1_COMMAND 0x20
#define PIC1_DATA 0x21
#define PIC2_COMMAND 0xa0
#define PIC2_DATA 0xa1
#define PIC_INIT_WITH_WORD4 0x11
#define PIC_CASCADE_LINE 2
#define PIC_8086 1

void interrupts_mask_8259(void)
{
	out8(PIC1_COMMAND, PIC_INIT_WITH_WORD4);
	out8(PIC2_COMMAND, PIC_INIT_WITH_WORD4);
	out8(PIC1_DATA, VECTOR_8259);
	out8(PIC2_DATA, VECTOR_8259 + 8);
	out8(PIC1_DATA, 1 << PIC_CASCADE_LINE);
	out8(PIC2_DATA, PIC_CASCADE_LINE);
	out8(PIC1_DATA, PIC_8086);
	out8(PIC2_DATA, PIC_8086);
	out8(PIC1_DATA, 0xff);
	out8(PIC2_DATA, 0xff);
}
