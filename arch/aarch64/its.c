/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt translation service of GICv3 (Arm IHI 0069, chapter 5): a device writes an event number
 * to one register, the ITS knows the device by its id, and its tables turn both into an LPI and the
 * CPU that takes it. The tables are memory of ours that only the ITS writes; what they say is
 * changed by commands in a ring.
 *
 *     make run ARCH=aarch64 GIC=3 TRANSPORT=pci
 *
 * All memory that is shared with it is cleaned out of the caches after we wrote it: whether the ITS
 * looks through the caches differs, and set-up is not where the time goes.
 *
 * Left out: more than one ITS, virtual LPIs, moving an interrupt to another CPU once it is open.
 */
#include "arch/aarch64/its.h"
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/console.h"
#include "kernel/device.h"
#include "kernel/memory.h"
#include "lib/error.h"

/* ---- Registers ------------------------------------------------------------------------------ */

#define GITS_SIZE 0x20000
#define GITS_CTLR 0x0000
#define GITS_CTLR_ENABLED 1
#define GITS_CTLR_QUIESCENT (UINT32_C(1) << 31)
#define GITS_TYPER 0x0008
#define GITS_CBASER 0x0080
#define GITS_CWRITER 0x0088
#define GITS_CREADR 0x0090
#define GITS_CREADR_STALLED 1
#define GITS_TRANSLATER 0x10040

#define TYPER_PHYSICAL(typer) ((typer)&1)
#define TYPER_ITT_ENTRY_SIZE(typer) (((typer) >> 4 & 0xf) + 1)
#define TYPER_EVENT_BITS(typer) (((typer) >> 8 & 0x1f) + 1)
#define TYPER_DEVICE_BITS(typer) (((typer) >> 13 & 0x1f) + 1)
#define TYPER_PTA(typer) ((typer) >> 19 & 1) /* redistributors are named by address */

uint64_t its_read64(uintptr_t address)
{
	return mmio_read32(address) | (uint64_t)mmio_read32(address + 4) << 32;
}

void its_write64(uintptr_t address, uint64_t value)
{
	mmio_write32(address, (uint32_t)value);
	mmio_write32(address + 4, (uint32_t)(value >> 32));
}

void its_clean(const void *memory, size_t size)
{
	uintptr_t line = UINT64_C(4) << (sysreg_read(ctr_el0) >> 16 & 0xf);
	uintptr_t at = (uintptr_t)memory & ~(line - 1);
	for (; at < (uintptr_t)memory + size; at += line)
		__asm__ volatile("dc cvac, %0" ::"r"(at) : "memory");
	dsb(sy);
}

uint64_t its_phys(const void *memory)
{
	uint64_t phys = 0;
	bool ok = phys_of(memory, &phys);
	kit_assert(ok);
	return phys;
}

void *its_alloc(size_t size, size_t align)
{
	void *memory = page_alloc((size + PAGE_SIZE - 1) / PAGE_SIZE,
				  align < PAGE_SIZE ? PAGE_SIZE : align);
	if (memory != NULL)
		its_clean(memory, size);
	return memory;
}

/* ---- Commands ---------------------------------------------------------------------------------- */

#define COMMANDS (PAGE_SIZE / sizeof(struct command))
#define WAIT_NS 100000000

enum { MAPD = 0x08, MAPC = 0x09, MAPTI = 0x0a, INV = 0x0c, DISCARD = 0x0f, SYNC = 0x05 };

struct command {
	uint64_t word[4];
};
_Static_assert(sizeof(struct command) == 32, "5.3: a command has 32 bytes");

static uintptr_t registers;
static uint64_t translater; /* physical: what devices write to */
static uint64_t typer;
static struct command *ring;
static unsigned ring_next;
static bool dead; /* it stopped taking commands */

/* Where a CPU's interrupts go: its redistributor, as commands name it (in bits 51:16). */
static uint64_t target(unsigned cpu)
{
	const struct redistributor *redistributor = &gicv3_redistributors[cpu];
	return TYPER_PTA(typer) ? redistributor->phys : (uint64_t)redistributor->number << 16;
}

/* One command, and a SYNC behind it, after which it has taken effect for that CPU. Waits for both. */
static int command(unsigned cpu, uint64_t w0, uint64_t w1, uint64_t w2)
{
	if (dead)
		return ERR_BROKEN;
	const struct command commands[] = { { { w0, w1, w2 } }, { { SYNC, 0, target(cpu) } } };
	for (unsigned i = 0; i < 2; i++) {
		ring[ring_next] = commands[i];
		its_clean(&ring[ring_next], sizeof *ring);
		ring_next = (ring_next + 1) % COMMANDS;
	}
	uint64_t end = ring_next * sizeof *ring;
	its_write64(registers + GITS_CWRITER, end);

	uint64_t deadline = arch_now() + WAIT_NS;
	uint64_t at = its_read64(registers + GITS_CREADR);
	while (at != end && !(at & GITS_CREADR_STALLED) && arch_now() < deadline) {
		arch_pause();
		at = its_read64(registers + GITS_CREADR);
	}
	if (at == end)
		return 0;
	kprint("its: command 0x%x failed\n", (unsigned)w0 & 0xff);
	dead = true;
	return ERR_IO;
}

/* ---- Devices and their events ---------------------------------------------------------------------- */

#define EVENT_BITS 6 /* a device has this many messages at most: 64 */
#define EVENTS (1 << EVENT_BITS)
#define MAX_DEVICES 64

static uint32_t devices[MAX_DEVICES];
static unsigned device_count;

static struct lpi {
	bool used;
	unsigned cpu;
	uint32_t device, event;
} lpis[LPI_COUNT];

/* Gives the device a table of its events. */
static int map_device_id(uint32_t device)
{
	for (unsigned i = 0; i < device_count; i++) {
		if (devices[i] == device)
			return 0;
	}
	if (device_count == MAX_DEVICES)
		return ERR_FULL;
	int error = its_tables_reach(device);
	if (error != 0)
		return error;
	size_t size = EVENTS * TYPER_ITT_ENTRY_SIZE(typer);
	void *table = its_alloc(size, PAGE_SIZE);
	if (table == NULL)
		return ERR_NOMEM;
	error = command(0, MAPD | (uint64_t)device << 32, EVENT_BITS - 1,
			its_phys(table) | GITS_VALID);
	if (error == 0)
		devices[device_count++] = device;
	return error;
}

/* The collection of a CPU's interrupts has its number. */
static int open(const struct vport_device *device, unsigned index, const struct cpu *cpu,
		struct vport_msi *msi)
{
	uint32_t id = device->msi_id;
	if (index >= EVENTS)
		return ERR_FULL;
	int error = map_device_id(id);
	if (error != 0)
		return error;

	unsigned lpi = 0;
	while (lpi < LPI_COUNT && lpis[lpi].used)
		lpi++;
	if (lpi == LPI_COUNT)
		return ERR_FULL;
	lpi_enable(lpi, true);
	error = command(cpu->id, MAPTI | (uint64_t)id << 32,
			index | (uint64_t)(INTID_LPI + lpi) << 32, cpu->id);
	/* The redistributor may have an older configuration of the LPI in mind. */
	if (error == 0)
		error = command(cpu->id, INV | (uint64_t)id << 32, index, 0);
	if (error != 0) {
		lpi_enable(lpi, false);
		return error;
	}
	lpis[lpi] = (struct lpi){ true, cpu->id, id, index };
	msi->address = translater;
	msi->data = index;
	return (int)(SLOT_LPI + lpi);
}

static void mute(unsigned slot)
{
	const struct lpi *lpi = &lpis[slot - SLOT_LPI];
	if (!lpi->used)
		return;
	lpi_enable(slot - SLOT_LPI, false);
	command(lpi->cpu, INV | (uint64_t)lpi->device << 32, lpi->event, 0);
}

static void close(unsigned slot)
{
	if (slot < SLOT_LPI || !lpis[slot - SLOT_LPI].used)
		return;
	struct lpi *lpi = &lpis[slot - SLOT_LPI];
	command(lpi->cpu, DISCARD | (uint64_t)lpi->device << 32, lpi->event, 0);
	lpi->used = false;
}

/* ---- Start ---------------------------------------------------------------------------------------- */

static int init_ring(void)
{
	ring = its_alloc(PAGE_SIZE, 0x10000);
	if (ring == NULL)
		return ERR_NOMEM;
	its_write64(registers + GITS_CBASER,
		    GITS_VALID | GITS_WRITE_BACK | its_phys(ring) | GITS_INNER_SHAREABLE);
	its_write64(registers + GITS_CWRITER, 0);
	return 0;
}

/* Off, and done with what it was at. */
static int stop(void)
{
	mmio_write32(registers + GITS_CTLR, 0);
	uint64_t deadline = arch_now() + WAIT_NS;
	while (!(mmio_read32(registers + GITS_CTLR) & GITS_CTLR_QUIESCENT)) {
		if (arch_now() >= deadline)
			return ERR_TIMEOUT;
		arch_pause();
	}
	return 0;
}

static int init(int node)
{
	uint64_t phys, size;
	registers = gic_map(node, 0, GITS_SIZE);
	if (registers == 0 || fdt_reg(&fdt, node, 0, &phys, &size) != 0)
		return ERR_FORMAT;
	translater = phys + GITS_TRANSLATER;
	typer = its_read64(registers + GITS_TYPER);
	if (!TYPER_PHYSICAL(typer) || TYPER_EVENT_BITS(typer) < EVENT_BITS)
		return ERR_UNSUPPORTED;

	int error = stop();
	if (error == 0)
		error = its_tables_init(registers, TYPER_DEVICE_BITS(typer));
	if (error == 0)
		error = init_ring();
	if (error != 0)
		return error;
	mmio_write32(registers + GITS_CTLR, GITS_CTLR_ENABLED);
	return 0;
}

static int init_cpu(void)
{
	unsigned cpu = arch_cpu()->id;
	int error = lpi_init();
	return error != 0 ? error : command(cpu, MAPC, 0, cpu | target(cpu) | GITS_VALID);
}

const struct gic_msi its = {
	.name = "ITS",
	.init = init,
	.init_cpu = init_cpu,
	.open = open,
	.mute = mute,
	.close = close,
};
