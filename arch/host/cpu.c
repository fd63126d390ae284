/* SPDX-License-Identifier: BSD-2-Clause */
/* A process is one CPU here: no other can be asked for anything. */
#include "kernel/cpu.h"

void cpu_run(struct cpu_call *call, unsigned cpu, void (*run)(void *argument), void *argument)
{
	(void)call;
	(void)run;
	(void)argument;
	kit_assert(cpu > 0 && cpu < vport_cpu_count()); /* never */
}

void cpu_wait(const struct cpu_call *call)
{
	kit_assert(call->done);
}
