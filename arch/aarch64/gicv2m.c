/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * v2m (Arm Server Base System Architecture 2.2, appendix E): a frame with a register that raises the
 * SPI whose number is written to it. Each message has an SPI of its own; beside GICv2 or GICv3.
 *
 *     make run ARCH=aarch64 GIC=2 TRANSPORT=pci
 *
 * Left out: more than one frame.
 */
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "arch/aarch64/sysreg.h"
#include "lib/error.h"

#define MSI_TYPER 0x008 /* first SPI in bits 25:16, how many in 9:0 */
#define MSI_SETSPI 0x040
#define FRAME_SIZE 0x1000

static uint64_t frame; /* physical: what devices write to */
static unsigned first, count;
static bool used[INTID_END];

static int init(int node)
{
	uint64_t size;
	uintptr_t registers = gic_map(node, 0, FRAME_SIZE);
	if (registers == 0 || fdt_reg(&fdt, node, 0, &frame, &size) != 0)
		return ERR_FORMAT;
	uint32_t type = mmio_read32(registers + MSI_TYPER);
	/* The tree may correct what the register says. */
	first = fdt_cell(&fdt, node, "arm,msi-base-spi", 0, type >> 16 & 0x3ff);
	count = fdt_cell(&fdt, node, "arm,msi-num-spis", 0, type & 0x3ff);
	if (first < INTID_SPI || first >= INTID_END || count == 0 || count > INTID_END - first)
		return ERR_FORMAT;
	return 0;
}

static int open(const struct vport_device *device, unsigned index, const struct cpu *cpu,
		struct vport_msi *msi)
{
	(void)device;
	(void)index;
	for (unsigned intid = first; intid < first + count; intid++) {
		if (used[intid])
			continue;
		int slot = gic_message_open(intid, cpu);
		if (slot < 0)
			return slot;
		used[intid] = true;
		msi->address = frame + MSI_SETSPI;
		msi->data = intid;
		return slot;
	}
	return ERR_FULL;
}

static void close(unsigned slot)
{
	if (slot >= first && slot < first + count)
		used[slot] = false;
}

const struct gic_msi gicv2m = {
	.name = "v2m",
	.init = init,
	.open = open,
	.close = close,
};
