/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop's own set-up; what it does for everybody is in drivers/virtio/port.h. */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include <stdint.h>

struct cpu;

/* Before the first vport_mark on this CPU, and before another one can mark something there. */
void event_init(struct cpu *cpu);

/* vport_relax for a program that is in the middle of something which work items might enter as well: of these it runs
 * none but recoveries, as if it were one. */
void event_relax_inside(uint64_t deadline);

/* From the handler of the interrupt by which CPUs wake one another (arch_cpu_interrupt). */
void event_interrupt(void);

#endif
