/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other CPUs: how one starts, and what it does then. It has an event loop, and between two turns of it runs
 * what other CPUs give it to run (cpu_run). The architecture does what differs: see arch_start_cpus.
 *
 * They start one after another, and CPU 0 waits for each: so none of the set-up needs a lock.
 *
 *     make run SMP=4 APP=smp
 *
 * Left out: more than CPU_MAX, and switching one off again.
 */
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/libc.h"
#include "kernel/memory.h"

/* ---- Start ---------------------------------------------------------------------- */

uintptr_t cpu_prepare(struct cpu *cpu)
{
	cpu->self = cpu;
	cpu->id = cpu_count; /* as cpu_add will say */
	cpu->timer = VPORT_NEVER;
	cpu->fault_stack = stack_alloc(FAULT_STACK_SIZE);
	libc_init(cpu);
	return stack_alloc(MAIN_STACK_SIZE);
}

static bool change_state(struct cpu *cpu, unsigned to)
{
	unsigned from = CPU_STARTING;

	return __atomic_compare_exchange_n(&cpu->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

bool cpu_await(struct cpu *cpu, uint64_t ns)
{
	uint64_t limit = arch_now() + ns;

	while (__atomic_load_n(&cpu->state, __ATOMIC_RELAXED) == CPU_STARTING && arch_now() < limit)
		arch_pause();
	if (change_state(cpu, CPU_GIVEN_UP) || cpu->state == CPU_GIVEN_UP)
		return false;
	while (__atomic_load_n(&cpu_count, __ATOMIC_ACQUIRE) <= cpu->id)
		arch_pause();
	return true;
}

_Noreturn void cpu_give_up(void)
{
	change_state(arch_cpu(), CPU_GIVEN_UP);
	arch_halt();
}

/* ---- Calls ---------------------------------------------------------------------- */

void cpu_run(struct cpu_call *call, unsigned number, void (*run)(void *argument), void *argument)
{
	kit_assert(number > 0 && number < cpu_count);
	struct cpu *cpu = cpu_table[number];

	*call = (struct cpu_call){ .run = run, .argument = argument, .from = arch_cpu()->id };
	vport_lock_take(&cpu->calls_lock);
	*cpu->calls_tail = call;
	cpu->calls_tail = &call->next;
	vport_lock_give(&cpu->calls_lock);
	vport_wake(number);
}

bool cpu_done(const struct cpu_call *call)
{
	return __atomic_load_n(&call->done, __ATOMIC_ACQUIRE);
}

void cpu_wait(const struct cpu_call *call)
{
	while (!cpu_done(call))
		vport_relax(VPORT_NEVER);
}

static struct cpu_call *take_call(struct cpu *cpu)
{
	vport_lock_take(&cpu->calls_lock);
	struct cpu_call *call = cpu->calls;
	if (call != NULL) {
		cpu->calls = call->next;
		if (cpu->calls == NULL)
			cpu->calls_tail = &cpu->calls;
	}
	vport_lock_give(&cpu->calls_lock);
	return call;
}

_Noreturn void cpu_serve(void)
{
	struct cpu *cpu = arch_cpu();

	if (!change_state(cpu, CPU_RUNNING))
		arch_halt(); /* CPU 0 does not wait for it any more */
	cpu_add(cpu);
	arch_irq_restore(true);
	for (;;) {
		struct cpu_call *call = take_call(cpu);
		if (call == NULL) {
			vport_relax(VPORT_NEVER);
			continue;
		}
		unsigned from = call->from;
		call->run(call->argument);
		/* From here on it may be gone. */
		__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
		vport_wake(from);
	}
}
