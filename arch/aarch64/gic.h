/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt controllers: one of GICv2 and GICv3, and maybe one that takes messages, v2m or ITS.
 * gic.c chooses by the device tree; each has a file of its own.
 *
 *   INTID       what                       slot (kernel/arch.h)
 *   0 … 15      SGI: from a CPU         none: gic_other knows them
 *   16 … 31     PPI: this CPU's own        INTID
 *   32 … 1019   SPI: a wire, or v2m's      INTID
 *   8192 …      LPI: a message, by ITS     1024 + INTID - 8192
 */
#ifndef ARCH_AARCH64_GIC_H
#define ARCH_AARCH64_GIC_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "lib/fdt.h"

/* Another CPU wakes this one, or ends it. */
#define INTID_WAKE 0
#define INTID_STOP 1
#define INTID_PPI 16
#define INTID_SPI 32
#define INTID_END 1020 /* 1020 … 1023 mean that there is none */
#define INTID_LPI 8192

#define SLOT_LPI 1024
#define LPI_COUNT (IRQ_SLOTS - SLOT_LPI)

struct gic {
	const char *name;
	/* Every line masked, the distributor on. 0 or an error. */
	int (*init)(int node);
	/* This CPU's own interrupts, masked but for those from other CPUs, and its interface. 0 or an error. */
	int (*init_cpu)(void);
	/* gic_serve, with how the hardware says what was taken, and is told that it is done with. */
	void (*interrupt)(void);
	/* A software-generated interrupt for another CPU. */
	void (*send)(const struct cpu *cpu, unsigned intid);
	/* An SPI, towards that CPU, or a PPI of this one: by level or edge, unmasked (0 or an error); masked
	 * again. */
	int (*line_open)(unsigned intid, bool level, const struct cpu *cpu);
	void (*line_close)(unsigned intid);
};

struct gic_msi {
	const char *name;
	int (*init)(int node);
	/* What it needs for messages to this CPU; NULL: nothing. 0 or an error. */
	int (*init_cpu)(void);
	/* The slot, or an error. */
	int (*open)(const struct vport_device *device, unsigned index, const struct cpu *cpu,
		    struct vport_msi *msi);
	/* A slot from SLOT_LPI on sends nothing any more; NULL: it has none of these. */
	void (*mute)(unsigned slot);
	/* A slot that is muted, or masked, is free again. */
	void (*close)(unsigned slot);
};

extern const struct gic gicv2, gicv3;
extern const struct gic_msi gicv2m, its;

void gic_init(void);
/* Opens an SPI that messages raise towards that CPU. The slot, or an error. */
int gic_message_open(unsigned intid, const struct cpu *cpu);
/* On another CPU. 0 or an error. */
int gic_init_secondary(void);
/* Takes one interrupt: the controller's. NULL before gic_init. Interrupts are masked. */
extern void (*gic_interrupt)(void);
/* The node that takes messages; negative when there is none that works. */
int gic_msi_node(void);
/* The wire that an interrupt specifier means, when it is one of our controller's. */
int gic_line_from(const struct fdt_interrupt *interrupt, struct irq_line *line);
/* Interrupt `index` of a node. */
int gic_line_of(int node, unsigned index, struct irq_line *line);

/* ---- For gicv2.c and gicv3.c ------------------------------------------------------ */

/* Registers of the distributor that both have alike; the first 32 interrupts' are in the
 * redistributor for GICv3, at the same offsets. */
enum gicd_register {
	GICD_CTLR = 0x000,
	GICD_TYPER = 0x004,
	GICD_IGROUPR = 0x080,    /* a bit an interrupt */
	GICD_ISENABLER = 0x100,  /* a bit; writing 1 enables */
	GICD_ICENABLER = 0x180,  /* a bit; writing 1 disables */
	GICD_ICPENDR = 0x280,    /* a bit; writing 1 forgets */
	GICD_ICACTIVER = 0x380,  /* a bit; writing 1 ends */
	GICD_IPRIORITYR = 0x400, /* a byte */
	GICD_ICFGR = 0xc00,      /* two bits; the upper one: edge */
};

/* How many interrupts a distributor has, from its GICD_TYPER. */
unsigned gicd_lines(uintptr_t gicd);
/* Masks and forgets interrupts first … end - 1 (multiples of 32), all at one priority. */
void gicd_quiet(uintptr_t gicd, unsigned first, unsigned end);
void gicd_configure(uintptr_t gicd, unsigned intid, bool level);
void gicd_enable(uintptr_t gicd, unsigned intid);
void gicd_disable(uintptr_t gicd, unsigned intid);

/* An interrupt of another kind than gic_serve knows. False: it has gone away again, and has no end. */
bool gic_other(uint32_t taken);
/* Takes one. */
static inline __attribute__((always_inline)) void gic_serve(uint32_t (*acknowledge)(void),
							    void (*end)(uint32_t taken))
{
	uint32_t taken = acknowledge();

	if (__builtin_expect(taken - INTID_PPI < INTID_END - INTID_PPI, true)) {
		irq_dispatch(taken);
		end(taken);
	} else if (gic_other(taken)) {
		end(taken);
	}
}

/* Entry `index` of the node's reg, mapped; `least` bytes at least. 0 when there is none. */
uintptr_t gic_map(int node, unsigned index, uint64_t least);

/* ---- For its.c, from gicv3.c --------------------------------------------------------- */

/* A CPU's redistributor, by its number: where it is, virtual and physical. */
struct redistributor {
	uintptr_t base;
	uint64_t phys;
	unsigned number; /* GICR_TYPER.Processor_Number */
};
extern struct redistributor gicv3_redistributors[CPU_MAX];
/* How many bits an INTID has, LPIs included; 0 when the distributor knows no LPIs. */
unsigned gicv3_id_bits(void);

#endif
