/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GICv2 (Arm IHI 0048): a distributor, and a CPU interface in memory.
 *
 *     make run ARCH=aarch64 GIC=2
 *
 * Left out: the security extensions (every interrupt is of the group in which it was left), and the
 * virtualisation ones.
 */
#include "arch/aarch64/gic.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/cpu.h"
#include "lib/error.h"

#define GICD_SIZE 0x1000
#define GICD_ITARGETSR 0x800 /* a byte an interrupt: a bit for each CPU */

#define GICD_SGIR 0xf00 /* raises an SGI: the targets in bits 23:16 */

#define GICC_SIZE 0x1000
#define GICC_CTLR 0x00
#define GICC_PMR 0x04
#define GICC_BPR 0x08
#define GICC_IAR 0x0c
#define GICC_EOIR 0x10

static uintptr_t gicd, gicc;
static unsigned lines;
static uint8_t targets[CPU_MAX]; /* each CPU's bit */

/* The first words of the targets can only be read, and name the CPU that reads them. */
static uint8_t find_this_cpu(void)
{
	uint32_t mask = 0;
	for (unsigned i = 0; i < INTID_SPI && mask == 0; i += 4)
		mask = mmio_read32(gicd + GICD_ITARGETSR + i);
	mask |= mask >> 16;
	mask |= mask >> 8;
	return (uint8_t)mask;
}

static int init(int node)
{
	gicd = gic_map(node, 0, GICD_SIZE);
	gicc = gic_map(node, 1, GICC_SIZE);
	if (gicd == 0 || gicc == 0)
		return ERR_FORMAT;

	mmio_write32(gicd + GICD_CTLR, 0);
	lines = gicd_lines(gicd);
	gicd_quiet(gicd, INTID_SPI, lines);
	mmio_write32(gicd + GICD_CTLR, 1);
	return 0;
}

/* The first 32 interrupts' registers are each CPU's own. */
static int init_cpu(void)
{
	targets[arch_cpu()->id] = find_this_cpu();
	gicd_quiet(gicd, 0, INTID_SPI);
	gicd_enable(gicd, INTID_WAKE);
	gicd_enable(gicd, INTID_STOP);
	mmio_write32(gicc + GICC_PMR, 0xff);
	mmio_write32(gicc + GICC_BPR, 0);
	mmio_write32(gicc + GICC_CTLR, 1);
	return 0;
}

static uint32_t acknowledge(void)
{
	uint32_t taken = mmio_read32(gicc + GICC_IAR);
	/* The handler's loads come after: another CPU that finds the interrupt pending still sends none, and what it
	 * wrote before must be seen. */
	dsb(ld);
	return taken;
}

static void end(uint32_t taken)
{
	mmio_write32(gicc + GICC_EOIR, taken);
}

static void interrupt(void)
{
	gic_serve(acknowledge, end);
}

static void send(const struct cpu *cpu, unsigned intid)
{
	mmio_write32(gicd + GICD_SGIR, (uint32_t)targets[cpu->id] << 16 | intid);
}

/* The byte of one line, in a word of four. */
static void route(unsigned intid, uint8_t target)
{
	uintptr_t address = gicd + GICD_ITARGETSR + intid / 4 * 4;
	unsigned shift = intid % 4 * 8;
	uint32_t others = mmio_read32(address) & ~(UINT32_C(0xff) << shift);
	mmio_write32(address, others | (uint32_t)target << shift);
}

static int line_open(unsigned intid, bool level, const struct cpu *cpu)
{
	if (intid >= lines)
		return ERR_RANGE;
	if (intid >= INTID_SPI)
		route(intid, targets[cpu->id]);
	gicd_configure(gicd, intid, level);
	gicd_enable(gicd, intid);
	return 0;
}

static void line_close(unsigned intid)
{
	gicd_disable(gicd, intid);
}

const struct gic gicv2 = {
	.name = "GICv2",
	.init = init,
	.init_cpu = init_cpu,
	.interrupt = interrupt,
	.send = send,
	.line_open = line_open,
	.line_close = line_close,
};
