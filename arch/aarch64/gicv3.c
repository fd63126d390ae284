/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GICv3 (Arm IHI 0069): a distributor with affinity routing, a redistributor for each CPU, and the
 * CPU interface in system registers. LPIs are its.c's.
 *
 *     make run ARCH=aarch64 GIC=3
 *
 * Left out: the secure groups, legacy operation.
 */
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "lib/error.h"

#define GICD_SIZE 0x10000
#define GICD_CTLR_ENABLE_GROUP1 (1 << 1)
#define GICD_CTLR_ARE (1 << 4)
#define GICD_CTLR_RWP (UINT32_C(1) << 31)
#define GICD_TYPER_LPIS (1 << 17)
#define GICD_TYPER_ID_BITS(typer) (((typer) >> 19 & 0x1f) + 1)
#define GICD_IROUTER 0x6000 /* eight bytes an interrupt: the CPU's affinity */

#define GICR_SIZE 0x20000 /* two frames of 64 KiB: control, and this CPU's interrupts */
#define GICR_CTLR 0x0000
#define GICR_CTLR_RWP (1 << 3)
#define GICR_TYPER 0x0008 /* eight bytes; the upper four are the CPU's affinity */
#define GICR_TYPER_VLPIS (1 << 1)
#define GICR_TYPER_LAST (1 << 4)
#define GICR_TYPER_NUMBER(typer) ((typer) >> 8 & 0xffff)
#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP (1 << 1)
#define GICR_WAKER_ASLEEP (1 << 2)
#define GICR_SGI 0x10000

#define MAX_REGIONS 8
#define REGION_MAX (512 * UINT64_C(2) * GICR_SIZE) /* of which redistributors are looked at */
#define WAIT_NS 100000000

static int gic_node;
static uintptr_t gicd;
static unsigned lines;
static unsigned id_bits;
struct redistributor gicv3_redistributors[CPU_MAX];

static struct redistributor *this_redistributor(void)
{
	return &gicv3_redistributors[arch_cpu()->id];
}

/* Aff3.Aff2.Aff1.Aff0, as GICR_TYPER has it. */
static uint32_t affinity(const struct cpu *cpu)
{
	return (uint32_t)((cpu->hardware_id & 0xffffff) | (cpu->hardware_id >> 8 & 0xff000000));
}

/* Waits until the bits read 0. 0 or ERR_TIMEOUT. */
static int wait_clear(uintptr_t address, uint32_t bits)
{
	uint64_t deadline = arch_now() + WAIT_NS;
	while (mmio_read32(address) & bits) {
		if (arch_now() >= deadline)
			return ERR_TIMEOUT;
		arch_pause();
	}
	return 0;
}

/* ---- This CPU's redistributor ------------------------------------------------------------ */

/* Looks through one region: redistributors stand one behind the other, and the last one says so. All of them
 * are mapped at once: a window each would be more windows than there are, on a machine with many CPUs. */
static int find_in_region(uint64_t phys, uint64_t size, uint64_t stride)
{
	uint64_t at = 0;
	if (size < GICR_SIZE)
		return ERR_NODEV;
	if (size > REGION_MAX)
		size = REGION_MAX;
	uintptr_t region = (uintptr_t)map_device(phys, size);
	if (region == 0)
		return ERR_NOMEM;
	while (at <= size - GICR_SIZE) {
		uintptr_t base = region + at;
		uint32_t typer = mmio_read32(base + GICR_TYPER);
		if (mmio_read32(base + GICR_TYPER + 4) == affinity(arch_cpu())) {
			*this_redistributor() =
				(struct redistributor){ base, phys + at, GICR_TYPER_NUMBER(typer) };
			return 0;
		}
		if (typer & GICR_TYPER_LAST)
			break;
		/* One with virtual LPIs has two frames more. */
		at += stride != 0 ? stride : typer & GICR_TYPER_VLPIS ? 2 * GICR_SIZE : GICR_SIZE;
	}
	return ERR_NODEV;
}

static int find_redistributor(int node)
{
	uint32_t regions = fdt_cell(&fdt, node, "#redistributor-regions", 0, 1);
	uint64_t stride = fdt_cell(&fdt, node, "redistributor-stride", 1, 0);
	if (stride % GICR_SIZE != 0 || regions > MAX_REGIONS)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < regions; i++) {
		uint64_t phys, size;
		int error = fdt_reg(&fdt, node, 1 + i, &phys, &size);
		if (error != 0)
			return error;
		error = find_in_region(phys, size, stride);
		if (error != ERR_NODEV)
			return error;
	}
	return ERR_NODEV;
}

static int wake_redistributor(void)
{
	uintptr_t base = this_redistributor()->base;
	uint32_t waker = mmio_read32(base + GICR_WAKER);
	mmio_write32(base + GICR_WAKER, waker & ~(uint32_t)GICR_WAKER_SLEEP);
	int error = wait_clear(base + GICR_WAKER, GICR_WAKER_ASLEEP);
	if (error != 0)
		return error;
	gicd_quiet(base + GICR_SGI, 0, INTID_SPI);
	mmio_write32(base + GICR_SGI + GICD_IGROUPR, UINT32_MAX);
	gicd_enable(base + GICR_SGI, INTID_WAKE);
	gicd_enable(base + GICR_SGI, INTID_STOP);
	return wait_clear(base + GICR_CTLR, GICR_CTLR_RWP);
}

/* ---- Start ----------------------------------------------------------------------------------- */

static int init_distributor(void)
{
	uint32_t typer = mmio_read32(gicd + GICD_TYPER);
	lines = gicd_lines(gicd);
	id_bits = typer & GICD_TYPER_LPIS ? GICD_TYPER_ID_BITS(typer) : 0;

	mmio_write32(gicd + GICD_CTLR, 0);
	int error = wait_clear(gicd + GICD_CTLR, GICD_CTLR_RWP);
	if (error != 0)
		return error;
	/* Affinity routing first: the routes below are there only then. */
	mmio_write32(gicd + GICD_CTLR, GICD_CTLR_ARE);
	gicd_quiet(gicd, INTID_SPI, lines);
	for (unsigned i = INTID_SPI; i < lines; i += 32)
		mmio_write32(gicd + GICD_IGROUPR + i / 8, UINT32_MAX);
	mmio_write32(gicd + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GROUP1);
	return wait_clear(gicd + GICD_CTLR, GICD_CTLR_RWP);
}

static int init_interface(void)
{
	sysreg_write(icc_sre_el1, sysreg_read(icc_sre_el1) | 1);
	isb();
	if (!(sysreg_read(icc_sre_el1) & 1))
		return ERR_UNSUPPORTED; /* a higher level keeps the system registers off */
	sysreg_write(icc_pmr_el1, 0xff);
	sysreg_write(icc_bpr1_el1, 0);
	sysreg_write(icc_ctlr_el1, 0); /* one write ends an interrupt */
	sysreg_write(icc_igrpen1_el1, 1);
	isb();
	return 0;
}

static int init(int node)
{
	gic_node = node;
	gicd = gic_map(node, 0, GICD_SIZE);
	return gicd == 0 ? ERR_FORMAT : init_distributor();
}

static int init_cpu(void)
{
	int error = find_redistributor(gic_node);
	if (error == 0)
		error = wake_redistributor();
	if (error == 0)
		error = init_interface();
	return error;
}

unsigned gicv3_id_bits(void)
{
	return id_bits;
}

/* ---- Interrupts ------------------------------------------------------------------------------- */

static uint32_t acknowledge(void)
{
	uint32_t taken = (uint32_t)sysreg_read(icc_iar1_el1);
	dsb(sy); /* the interrupt is taken before the handler looks at the device */
	return taken;
}

static void end(uint32_t taken)
{
	sysreg_write(icc_eoir1_el1, taken);
	isb();
}

static void interrupt(void)
{
	gic_serve(acknowledge, end);
}

/* The target as ICC_SGI1R_EL1 has it: the upper three affinities, and the lowest as a bit of sixteen. */
static void send(const struct cpu *cpu, unsigned intid)
{
	uint64_t id = cpu->hardware_id;
	uint64_t target = (id >> 32 & 0xff) << 48 | (id >> 16 & 0xff) << 32 |
			  (id >> 8 & 0xff) << 16 | (id >> 4 & 0xf) << 44 |
			  UINT64_C(1) << (id & 0xf);
	sysreg_write(icc_sgi1r_el1, target | (uint64_t)intid << 24);
	isb();
}

static int line_open(unsigned intid, bool level, const struct cpu *cpu)
{
	if (intid >= lines)
		return ERR_RANGE;
	if (intid < INTID_SPI) {
		gicd_configure(this_redistributor()->base + GICR_SGI, intid, level);
		gicd_enable(this_redistributor()->base + GICR_SGI, intid);
		return 0;
	}
	gicd_configure(gicd, intid, level);
	mmio_write32(gicd + GICD_IROUTER + 8 * intid, affinity(cpu) & 0xffffff);
	mmio_write32(gicd + GICD_IROUTER + 8 * intid + 4, affinity(cpu) >> 24);
	gicd_enable(gicd, intid);
	return 0;
}

static void line_close(unsigned intid)
{
	gicd_disable(intid < INTID_SPI ? this_redistributor()->base + GICR_SGI : gicd, intid);
}

const struct gic gicv3 = {
	.name = "GICv3",
	.init = init,
	.init_cpu = init_cpu,
	.interrupt = interrupt,
	.send = send,
	.line_open = line_open,
	.line_close = line_close,
};
