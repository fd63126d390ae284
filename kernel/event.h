/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop's own set-up; what it does for everybody is in drivers/virtio/port.h. */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

struct cpu;

/* Before the first vport_mark on this CPU. */
void event_init(struct cpu *cpu);

#endif
