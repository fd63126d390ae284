/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop's own set-up; what it does for everybody is in drivers/virtio/port.h. */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

struct cpu;

/* Before the first vport_mark on this CPU, and before another one can mark something there. */
void event_init(struct cpu *cpu);

/* From the handler of the interrupt by which CPUs wake one another (arch_cpu_interrupt). */
void event_interrupt(void);

#endif
