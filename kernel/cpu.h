/* SPDX-License-Identifier: BSD-2-Clause */
/* What each CPU has of its own. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

struct _reent;

struct cpu {
	struct cpu *self;      /* first: x86_64 reads it at gs:0 */
	uintptr_t fault_stack; /* top; aarch64's trap code switches to it */
	uintptr_t scratch[2];  /* for the trap code */
	unsigned id;           /* 0 … */
	uint64_t hardware_id;  /* local APIC id, MPIDR */
	struct _reent *reent;  /* newlib's state */

	/* The event loop (kernel/event.c). */
	struct vport_event *events; /* all of them */
	struct vport_event *marked, **marked_tail;
	struct vport_event *draining; /* the rest of what was marked before this pass */
	struct vport_work *work, **work_tail;
	bool in_drain, in_work, in_recovery;
	unsigned passes;
	unsigned relaxed; /* calls of vport_relax */
};

#endif
