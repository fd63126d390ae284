/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The generic interrupt controller: which one there is, which wire a device tree's specifier means,
 * and the part of the distributor that all versions have alike (Arm GIC Architecture
 * Specification, IHI 0069, 12.9; IHI 0048 for version 2).
 *
 * Left out: more than one controller, extended SPIs and PPIs, messages without v2m or ITS.
 *
 *     make run ARCH=aarch64 GIC=2, GIC=3
 */
#include "arch/aarch64/gic.h"

#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/event.h"
#include "kernel/exit.h"
#include "kernel/memory.h"
#include "lib/error.h"

#define PRIORITY 0xa0a0a0a0 /* the same for all: nothing preempts */

static const struct gic *gic;
void (*gic_interrupt)(void);
static int gic_node = ERR_NODEV;
static const struct gic_msi *msi_controller;
static int msi_node = ERR_NODEV;

/* ---- What there is --------------------------------------------------------------------- */

static const struct {
	const char *compatible;
	const struct gic *gic;
} controllers[] = {
	{ "arm,gic-v3", &gicv3 },
	{ "arm,gic-400", &gicv2 },
	{ "arm,cortex-a15-gic", &gicv2 },
};

static const struct {
	const char *compatible;
	const struct gic_msi *msi;
} msi_controllers[] = {
	{ "arm,gic-v3-its", &its },
	{ "arm,gic-v2m-frame", &gicv2m },
};

static void find_controller(void)
{
	for (unsigned i = 0; i < sizeof controllers / sizeof *controllers; i++) {
		int node = fdt_compatible(&fdt, -1, controllers[i].compatible);
		if (node < 0)
			continue;
		int error = controllers[i].gic->init(node);
		if (error == 0)
			error = controllers[i].gic->init_cpu();
		if (error != 0) {
			kprint("gic: %s: %s\n", controllers[i].gic->name, error_text(error));
			continue;
		}
		gic = controllers[i].gic;
		gic_interrupt = gic->interrupt;
		gic_node = node;
		return;
	}
	kprint("gic: the device tree has no GICv2 or GICv3 that works\n");
	kernel_exit(EXIT_PANIC);
}

/* Without one, devices fall back to their wires. */
static void find_msi_controller(void)
{
	for (unsigned i = 0; i < sizeof msi_controllers / sizeof *msi_controllers; i++) {
		int node = fdt_compatible(&fdt, -1, msi_controllers[i].compatible);
		if (node < 0)
			continue;
		int error = msi_controllers[i].msi->init(node);
		if (error == 0 && msi_controllers[i].msi->init_cpu != NULL)
			error = msi_controllers[i].msi->init_cpu();
		if (error != 0) {
			kprint("gic: %s: %s: no messages by it\n", msi_controllers[i].msi->name,
			       error_text(error));
			continue;
		}
		msi_controller = msi_controllers[i].msi;
		msi_node = node;
		return;
	}
}

void gic_init(void)
{
	find_controller();
	find_msi_controller();
}

int gic_init_secondary(void)
{
	int error = gic->init_cpu();
	if (error == 0 && msi_controller != NULL && msi_controller->init_cpu != NULL)
		error = msi_controller->init_cpu();
	return error;
}

int gic_msi_node(void)
{
	return msi_node;
}

uintptr_t gic_map(int node, unsigned index, uint64_t least)
{
	uint64_t phys, size;
	if (fdt_reg(&fdt, node, index, &phys, &size) != 0 || size < least)
		return 0;
	return (uintptr_t)map_device(phys, least);
}

/* ---- Specifiers ---------------------------------------------------------------------------- */

/* Three cells: kind, number, trigger in the lowest four bits (devicetree binding arm,gic-v3). */
enum { KIND_SPI = 0, KIND_PPI = 1 };
enum { EDGE_RISING = 1, EDGE_FALLING = 2, LEVEL_HIGH = 4, LEVEL_LOW = 8 };

int gic_line_from(const struct fdt_interrupt *interrupt, struct irq_line *line)
{
	if (interrupt->controller != gic_node)
		return ERR_UNSUPPORTED;
	if (interrupt->cells < 3)
		return ERR_FORMAT;
	uint32_t number = interrupt->cell[1], trigger = interrupt->cell[2] & 0xf;
	switch (interrupt->cell[0]) {
	case KIND_SPI:
		if (number >= INTID_END - INTID_SPI)
			return ERR_FORMAT;
		line->number = INTID_SPI + number;
		break;
	case KIND_PPI:
		if (number >= INTID_SPI - INTID_PPI)
			return ERR_FORMAT;
		line->number = INTID_PPI + number;
		break;
	default:
		return ERR_UNSUPPORTED;
	}
	line->level = trigger & (LEVEL_HIGH | LEVEL_LOW);
	line->active_low = trigger & (EDGE_FALLING | LEVEL_LOW);
	return 0;
}

int gic_line_of(int node, unsigned index, struct irq_line *line)
{
	struct fdt_interrupt interrupt;
	int error = node < 0 ? node : fdt_interrupt(&fdt, node, index, &interrupt);
	return error != 0 ? error : gic_line_from(&interrupt, line);
}

/* ---- kernel/arch.h ---------------------------------------------------------------------------- */

/* The polarity is not looked at: a GIC's inputs are active high, and what is described otherwise
 * (PPIs are, by custom) has its inverter before them. */
int gic_message_open(unsigned intid, const struct cpu *cpu)
{
	int error = gic->line_open(intid, false, cpu);
	return error != 0 ? error : (int)intid;
}

int arch_irq_line_open(const struct irq_line *line)
{
	if (line->number < INTID_PPI || line->number >= INTID_END)
		return ERR_RANGE;
	int error = gic->line_open(line->number, line->level, cpu_table[0]);
	return error != 0 ? error : (int)line->number;
}

int arch_irq_msi_open(struct vport_device *device, unsigned index, const struct cpu *cpu,
		      struct vport_msi *msi)
{
	if (msi_controller == NULL)
		return ERR_UNSUPPORTED;
	return msi_controller->open(device, index, cpu, msi);
}

void arch_irq_mute(unsigned slot)
{
	if (slot < INTID_END)
		gic->line_close(slot);
	else if (msi_controller != NULL && msi_controller->mute != NULL)
		msi_controller->mute(slot);
}

void arch_irq_close(unsigned slot)
{
	arch_irq_mute(slot);
	if (msi_controller != NULL)
		msi_controller->close(slot);
}

void arch_cpu_interrupt(const struct cpu *cpu)
{
	dsb(ishst); /* what is to be seen there has been written */
	gic->send(cpu, INTID_WAKE);
}

void arch_cpu_stop(const struct cpu *cpu)
{
	gic->send(cpu, INTID_STOP);
}

bool gic_other(uint32_t taken)
{
	unsigned intid = taken & 0x3ff; /* GICv2: above are the sender's bits */
	if (taken >= INTID_LPI) {
		if (taken - INTID_LPI < LPI_COUNT)
			irq_dispatch(SLOT_LPI + (taken - INTID_LPI));
		return true;
	}
	if (intid >= INTID_END)
		return false;
	if (intid == INTID_STOP)
		cpu_stop();
	event_interrupt();
	return true;
}

/* ---- The distributor ----------------------------------------------------------------------------- */

unsigned gicd_lines(uintptr_t gicd)
{
	unsigned lines = 32 * ((mmio_read32(gicd + GICD_TYPER) & 0x1f) + 1);
	return lines < INTID_END ? lines : 1024;
}

void gicd_quiet(uintptr_t gicd, unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i += 32) {
		mmio_write32(gicd + GICD_ICENABLER + i / 8, UINT32_MAX);
		mmio_write32(gicd + GICD_ICPENDR + i / 8, UINT32_MAX);
		mmio_write32(gicd + GICD_ICACTIVER + i / 8, UINT32_MAX);
	}
	for (unsigned i = first; i < end; i += 4)
		mmio_write32(gicd + GICD_IPRIORITYR + i, PRIORITY);
}

void gicd_configure(uintptr_t gicd, unsigned intid, bool level)
{
	uintptr_t address = gicd + GICD_ICFGR + intid / 16 * 4;
	uint32_t edge = UINT32_C(2) << intid % 16 * 2;
	uint32_t value = mmio_read32(address);
	mmio_write32(address, level ? value & ~edge : value | edge);
}

void gicd_enable(uintptr_t gicd, unsigned intid)
{
	mmio_write32(gicd + GICD_ISENABLER + intid / 32 * 4, UINT32_C(1) << intid % 32);
}

void gicd_disable(uintptr_t gicd, unsigned intid)
{
	mmio_write32(gicd + GICD_ICENABLER + intid / 32 * 4, UINT32_C(1) << intid % 32);
}
