/* SPDX-License-Identifier: BSD-2-Clause */
/* What each CPU has of its own, and the table of those that run. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

/* A machine may have more: they stay off. */
#define CPU_MAX 8

struct _reent;

struct cpu {
	struct cpu *self;      /* first: x86_64 reads it at gs:0 */
	uintptr_t fault_stack; /* top; aarch64's trap code switches to it */
	uintptr_t scratch[2];  /* for the trap code */
	unsigned id;           /* 0 … */
	uint64_t hardware_id;  /* local APIC id, MPIDR */
	struct _reent *reent;  /* newlib's state */

	/* The event loop (kernel/event.c): its own CPU's, where nothing else is said. */
	struct vport_event *marked, **marked_tail; /* changed with interrupts masked */
	struct vport_event *draining; /* the rest of what was marked before this pass */
	uint64_t earliest;            /* no check_at of its events is before it */
	bool in_drain, in_work, in_recovery;
	unsigned passes;
	unsigned relaxed; /* calls of vport_relax */

	/* What other CPUs write. */
	struct vport_lock events_lock;
	struct vport_event *events;   /* all of them; by events_lock */
	struct vport_event *sent;     /* marked by other CPUs: a stack, changed atomically */
	struct vport_lock forgetting; /* who has it may set forget */
	struct vport_event
		*forget; /* to be taken off all lists, for another CPU that waits for it */
	bool added;      /* to `events`: earliest may be too late */
	bool woken, sleeping;

	/* Interrupts (kernel/irq.c). */
	unsigned in_a_row, relaxed_then; /* interrupts since `relaxed` was that */
};

/* Those that run, by their numbers. The first one adds itself before it does anything else. */
extern struct cpu *cpu_table[CPU_MAX];
extern unsigned cpu_count;
/* Gives the CPU its number and its event loop. There are fewer than CPU_MAX. */
void cpu_add(struct cpu *cpu);

#endif
