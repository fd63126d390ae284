/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of CPUs, and the locks that keep them apart.
 *
 * A lock is one word, taken by a compare-and-exchange and given back by a store: with one CPU it is always free.
 * There is no queue for it: it is held for a few instructions, by eight CPUs at most.
 *
 *     make run SMP=4 APP=smp
 */
#include "kernel/cpu.h"

#include "kernel/arch.h"
#include "kernel/event.h"

struct cpu *cpu_table[CPU_MAX];
unsigned cpu_count;

void cpu_add(struct cpu *cpu)
{
	kit_assert(cpu_count < CPU_MAX);
	cpu->id = cpu_count;
	event_init(cpu);
	cpu_table[cpu_count] = cpu;
	/* Whoever reads the count may read the entry. */
	__atomic_store_n(&cpu_count, cpu_count + 1, __ATOMIC_RELEASE);
}

unsigned vport_cpu(void)
{
	return arch_cpu()->id;
}

unsigned vport_cpu_count(void)
{
	return cpu_count;
}

void vport_lock_take(struct vport_lock *lock)
{
	unsigned nobody = 0, me = arch_cpu()->id + 1;

	while (!__atomic_compare_exchange_n(&lock->taken_by, &nobody, me, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		kit_assert(nobody != me);
		arch_pause();
		nobody = 0;
	}
}

void vport_lock_give(struct vport_lock *lock)
{
	__atomic_store_n(&lock->taken_by, 0, __ATOMIC_RELEASE);
}
