/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of CPUs, the locks that keep them apart, and how one of them ends the others.
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

/* The CPU that has stopped all others, + 1; 0: none. */
static unsigned stopper;

void cpu_add(struct cpu *cpu)
{
	kit_assert(cpu_count < CPU_MAX);
	cpu->id = cpu_count;
	cpu->timer = VPORT_NEVER;
	cpu->calls_tail = &cpu->calls;
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

/* ---- Locks ---------------------------------------------------------------------- */

/* Whether `word` is this CPU's now, which was nobody's or that of a CPU which has been stopped. */
static inline bool take(unsigned *word, unsigned me)
{
	unsigned nobody = 0;

	return __atomic_compare_exchange_n(word, &nobody, me, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED) ||
	       __atomic_load_n(&stopper, __ATOMIC_RELAXED) == me;
}

void vport_lock_take(struct vport_lock *lock)
{
	unsigned me = arch_cpu()->id + 1;

	while (!take(&lock->taken_by, me)) {
		kit_assert(__atomic_load_n(&lock->taken_by, __ATOMIC_RELAXED) != me);
		arch_pause();
	}
}

void vport_lock_give(struct vport_lock *lock)
{
	__atomic_store_n(&lock->taken_by, 0, __ATOMIC_RELEASE);
}

bool cpu_mutex_try(struct cpu_mutex *mutex)
{
	unsigned me = arch_cpu()->id + 1;

	/* Only this CPU makes it this CPU's. */
	if (__atomic_load_n(&mutex->taken_by, __ATOMIC_RELAXED) != me) {
		if (!take(&mutex->taken_by, me))
			return false;
		mutex->taken_by = me;
		mutex->depth = 0;
	}
	mutex->depth++;
	return true;
}

void cpu_mutex_give(struct cpu_mutex *mutex)
{
	kit_assert(mutex->depth > 0);
	if (--mutex->depth == 0)
		__atomic_store_n(&mutex->taken_by, 0, __ATOMIC_RELEASE);
}

/* ---- The end -------------------------------------------------------------------- */

/* A CPU that has interrupts masked may not hear of it; the report is worth more than the wait. But a virtual one may not have
 * run for a good while, where others share its processor, and would be met in the middle of what it prints. */
#define STOP_NS UINT64_C(1000000000)

bool cpu_stopping(void)
{
	return __atomic_load_n(&stopper, __ATOMIC_RELAXED) != 0;
}

_Noreturn void cpu_stop(void)
{
	__atomic_store_n(&arch_cpu()->stopped, true, __ATOMIC_RELEASE);
	arch_halt();
}

void cpu_stop_others(void)
{
	struct cpu *cpu = arch_cpu();
	unsigned nobody = 0, me = cpu->id + 1;

	arch_irq_off();
	if (!__atomic_compare_exchange_n(&stopper, &nobody, me, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED)) {
		if (nobody == me)
			return;
		cpu_stop();
	}
	cpu->is_last = true;
	for (unsigned i = 0; i < cpu_count; i++) {
		if (cpu_table[i] != cpu)
			arch_cpu_stop(cpu_table[i]);
	}
	uint64_t limit = arch_now() + STOP_NS;
	for (unsigned i = 0; i < cpu_count; i++) {
		while (cpu_table[i] != cpu &&
		       !__atomic_load_n(&cpu_table[i]->stopped, __ATOMIC_ACQUIRE) &&
		       arch_now() < limit)
			arch_pause();
	}
}
