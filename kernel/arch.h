/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel asks of an architecture. arch/<arch>/ implements every function here, and
 * nothing outside arch/ and boot/ knows which architecture it is.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

/* arch_io_before_write() and arch_io_after_read(): what a register access needs around it, as
 * macros; arch/<arch>/include is on the include path. */
#include <arch_io.h>

/* What every interrupt and every turn of the event loop passes by, and so is inline where there is metal:
 *
 *   struct cpu *arch_cpu(void);      this CPU's data; valid from the first C line on
 *   void arch_irq_mask(void);        masks interrupts on this CPU
 *   bool arch_irq_off(void);         the same; returns whether they were on
 *   void arch_irq_restore(bool on);
 *   void arch_pause(void);           one turn of a loop that polls memory
 */
#include <arch_cpu.h>

struct cpu;
struct vport_device;
struct irq_line;

extern const char arch_name[]; /* "x86_64", "aarch64" */

/* ---- Start, in the order in which kernel_main calls them ------------------ */

/* Brings up the first UART that can be used at once (a port on x86; the FDT's stdout on ARM) and
 * calls console_add for it; there may be none. Page tables are final: map_device works. */
void arch_console_init(void);
/* Interrupt controllers, clock and its timer interrupt, power-off methods: all that firmware tables
 * tell. page_alloc works. */
void arch_platform_init(void);
/* Starts the other CPUs that firmware tells of (cpu_prepare, cpu_await, cpu_serve in kernel/cpu.h), as many as
 * there is room for. One that does not start is told, and left alone. */
void arch_start_cpus(void);
/* Finds the buses: calls pci_root_found, mmio_device_found (kernel/discover.h) for each. */
void arch_discover(void);

/* ---- Page tables (kernel/mmu.c does the walking) -------------------------- */

enum map_kind { MAP_TEXT, MAP_RODATA, MAP_DATA, MAP_DEVICE };

/* Where physical addresses end on this CPU, at most 2^48: an entry for a page beyond it would fault
 * when it is used, whatever firmware's tables say is there. */
uint64_t arch_phys_limit(void);
/* A leaf entry for the page at phys (4 KiB), or for a 2 MiB block. */
uint64_t arch_pte_leaf(uint64_t phys, enum map_kind kind, bool block);
/* An entry that points to the next level's table. */
uint64_t arch_pte_table(uint64_t phys);
bool arch_pte_valid(uint64_t pte);
bool arch_pte_is_block(uint64_t pte); /* of a valid entry of level 1 (2 MiB) */
uint64_t arch_pte_phys(uint64_t pte);
/* After entries went from invalid to valid (aarch64 wants a barrier), and after one was removed. */
void arch_mmu_sync(void);
void arch_mmu_forget(uintptr_t va);
/* Makes the tree at this physical address the only one. */
void arch_mmu_switch(uint64_t root);

/* Goes on in fn on another stack and never comes back. */
_Noreturn void arch_run_on_stack(uintptr_t top, void (*fn)(void));

/* ---- CPU ------------------------------------------------------------------ */

/* Interrupts another CPU, which ends its sleep and has it call event_interrupt (kernel/event.h). */
void arch_cpu_interrupt(const struct cpu *cpu);

/* Stops another CPU for good: has it call cpu_stop, if need be in the middle of anything. */
void arch_cpu_stop(const struct cpu *cpu);
/* Stops this one: interrupts masked, never to run again. */
_Noreturn void arch_halt(void);

/* Sleeps until there is an interrupt, or vport_now() >= deadline, or for no reason. Called with interrupts masked (so that
 * nothing is lost between the caller's last look and the sleep), returns with them masked after having taken the one that
 * ended it. */
void arch_sleep(uint64_t deadline);

uint64_t arch_now(void); /* nanoseconds, monotonic; the implementation of vport_now */

/* ---- Interrupts (kernel/irq.c keeps the handlers) -------------------------- */

/* A slot is the number under which irq_dispatch is called: below IRQ_SLOTS. */
#define IRQ_SLOTS 1536

/* Routes and unmasks a line, one that is muted as well; the same line twice gives the same slot. >= 0 or an error. */
int arch_irq_line_open(const struct irq_line *line);
/* Finds a message for interrupt `index` of the device, to that CPU. >= 0 (the slot) or an error. */
int arch_irq_msi_open(struct vport_device *device, unsigned index, const struct cpu *cpu,
		      struct vport_msi *msi);
/* The slot is nobody's any more: a line is masked, and either may be opened for others. */
void arch_irq_close(unsigned slot);
/* It is to be silent, as far as the controller can see to that (x86_64's does not for messages), but stays in use until it
 * is closed. */
void arch_irq_mute(unsigned slot);

/* ---- The end -------------------------------------------------------------- */

/* Ends the machine with this status (0…127), by the first way that works: the ladder
 * in docs/kernel.md. Never returns: where nothing works it stops the CPU. */
_Noreturn void arch_shutdown(int status);

#endif
