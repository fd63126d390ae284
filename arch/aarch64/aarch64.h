/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of arch/aarch64 tell each other. */
#ifndef ARCH_AARCH64_AARCH64_H
#define ARCH_AARCH64_AARCH64_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/irq.h"
#include "lib/fdt.h"

/* What names a CPU in MPIDR_EL1, and in the device tree. */
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* ---- entry.c ----------------------------------------------------------------- */

/* The device tree; usable (fdt.blob not NULL) when entry found it whole. */
extern struct fdt fdt;
/* Moves it from the boot map to the final one. */
void fdt_remap(void);
/* Whether the final page tables are in use. */
bool mmu_is_final(void);
/* Whether a node's compatible list holds this string. */
bool fdt_is(int node, const char *compatible);

/* ---- firmware.S: calls that may not exist ------------------------------------- */

/* Semihosting; all ones where there is none (the instruction is undefined, see trap.S). */
uint64_t semihosting_call(uint64_t operation, uint64_t parameter);
/* SMC calling convention; all ones where nobody answers. */
uint64_t firmware_hvc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);
uint64_t firmware_smc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);

/* ---- clock.c ------------------------------------------------------------------- */

/* The counter's frequency, from entry on. False when neither the processor nor the tree tells one. */
bool clock_init(void);
/* Its interrupt; ends with a line when there is none, because nothing could wait. */
void clock_irq_init(void);

/* The same on another CPU. 0 or an error. */
int clock_irq_init_secondary(void);

/* ---- console.c ------------------------------------------------------------------ */

/* Has the UART interrupt when there is input. */
void console_irq_init(void);

/* ---- power.c ----------------------------------------------------------------------- */

void psci_init(void);
/* Whether another CPU can be started, and an attempt: at `entry` (physical), x0 = context. 0, or PSCI's error. */
bool psci_can_start(void);
int64_t psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context);

#endif
