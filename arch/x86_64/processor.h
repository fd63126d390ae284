/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an x86_64 CPU needs of its own: struct cpu, descriptor tables, and the stacks on which
 * exceptions are reported. Intel SDM volume 3, chapters 3
 * (segments), 6.14 (the IST stacks) and 8.7 (the task-state segment).
 */
#ifndef ARCH_X86_64_PROCESSOR_H
#define ARCH_X86_64_PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/layout.h"

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS 0x18

/*
 * Stacks to which the CPU switches by itself (numbers of the interrupt stack table, from 1): an
 * exception never trusts the stack it found. Those that can strike in the middle of another one's
 * report have stacks of their own.
 */
enum fault_stack {
	STACK_EXCEPTION = 1,
	STACK_DOUBLE_FAULT,
	STACK_NMI,
	STACK_MACHINE_CHECK,
	FAULT_STACKS = STACK_MACHINE_CHECK
};

struct task_state {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7]; /* the table counts from 1 */
	uint64_t reserved2;
	uint16_t reserved3, io_map_base;
} __attribute__((packed));
_Static_assert(sizeof(struct task_state) == 104, "64-bit TSS");
_Static_assert(offsetof(struct task_state, ist) == 36, "64-bit TSS");

struct processor {
	struct cpu cpu;  /* first: arch_cpu and processor_current give the same address */
	uint64_t gdt[5]; /* null, code, data, and the TSS's two */
	struct task_state tss;
	_Alignas(16) char stacks[FAULT_STACKS][FAULT_STACK_SIZE];
};

/* The one that runs this. */
static inline struct processor *processor_current(void)
{
	return (struct processor *)arch_cpu();
}

/* Loads GDT, TSS and IDT on this CPU, and makes it arch_cpu's. */
void processor_init(struct processor *processor);

/* From head.S: a CPU that secondary.c has started, on its stack, with the final page tables. */
_Noreturn void x86_secondary(struct processor *processor);

/* traps_entry.S: until an interrupt has been taken. With interrupts masked, as it returns. */
void sleep_until_interrupt(void);

/* Fills in the IDT, which all CPUs share (traps.c), and loads it. */
void traps_init(void);
void traps_load(void);

#endif
