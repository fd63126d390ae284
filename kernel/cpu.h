/* SPDX-License-Identifier: BSD-2-Clause */
/* What each CPU has of its own, the table of those that run, and what one CPU may have another do. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

/* A machine may have more: they stay off. */
#define CPU_MAX 8
/* How many interrupts between two calls of vport_relax are too many: see kernel/irq.c. */
#define INTERRUPTS_IN_A_ROW 50000

/* A function that no request passes by, in a file that is compiled to be fast: this one shall be small. */
#define RARE __attribute__((cold))

struct _reent;
struct cpu_call;

/* What a CPU is to look at besides what is marked: one word, because the event loop looks at it all the time. */
enum attention {
	ATTENTION_SENT = 1,  /* marks by other CPUs */
	ATTENTION_ADDED = 2, /* to its events: `earliest` may be too late */
	ATTENTION_WOKEN = 4, /* by vport_wake */
	ATTENTION_WORK = 8,  /* CPU 0: an item that may run now */
};

struct cpu {
	struct cpu *self;      /* first: x86_64 reads it at gs:0 */
	uintptr_t fault_stack; /* top; aarch64's trap code switches to it */
	uintptr_t scratch[2];  /* for the trap code */
	unsigned id;           /* 0 … */
	uint64_t hardware_id;  /* local APIC id, MPIDR */
	struct _reent *reent;  /* newlib's state */
	uint64_t timer;        /* vport_now() at which its timer fires; VPORT_NEVER: it is off */

	/* The event loop (kernel/event.c): its own CPU's, where nothing else is said. */
	struct vport_event *marked, **marked_tail; /* changed with interrupts masked */
	struct vport_event *draining; /* the rest of what was marked before this pass */
	uint64_t earliest;            /* no check_at of its events is before it */
	bool in_drain, in_work, in_recovery;
	unsigned turns_left; /* that may find something to do before the clock is looked at */

	/* What other CPUs write. */
	struct vport_lock events_lock;
	struct vport_event *events;   /* all of them; by events_lock */
	struct vport_event *sent;     /* marked by other CPUs: a stack, changed atomically */
	struct vport_lock forgetting; /* who has it may set forget */
	struct vport_event
		*forget;    /* to be taken off all lists, for another CPU that waits for it */
	unsigned attention; /* enum attention, changed atomically */
	bool sleeping;

	/* Interrupts (kernel/irq.c). */
	int interrupts_left;  /* since the last call of vport_relax; below 0: too many */
	uint32_t storms;      /* how often those were too many */
	unsigned dispatching; /* the slot whose handlers run, + 1; 0: none */

	/* Start, calls and end (kernel/cpu.c, kernel/cpu_start.c). */
	unsigned state; /* enum cpu_state */
	struct vport_lock calls_lock;
	struct cpu_call *calls, **calls_tail; /* what it is to run; by calls_lock */
	bool stopped;                         /* for good */
	bool is_last; /* it has stopped all others, and has interrupts masked from then on */
};

/* Those that run, by their numbers. The first one adds itself before it does anything else. */
extern struct cpu *cpu_table[CPU_MAX];
extern unsigned cpu_count;
/* Gives the CPU its number and its event loop. There are fewer than CPU_MAX. */
void cpu_add(struct cpu *cpu);

/* ---- Calls ---------------------------------------------------------------------- */

/* Something for another CPU to do. The memory is the caller's, and in use until it has been waited for. */
struct cpu_call {
	void (*run)(void *argument);
	void *argument;
	/* for kernel/cpu_start.c */
	struct cpu_call *next;
	unsigned from;
	bool done;
};

/* Has run(argument) called on that CPU, in program context: as soon as what it was given before has
 * returned. Any but CPU 0, which runs the program. Drain, work and program context. */
void cpu_run(struct cpu_call *call, unsigned cpu, void (*run)(void *argument), void *argument);
/* Whether it has returned: what it wrote is seen then. The CPU that called cpu_run is woken. */
bool cpu_done(const struct cpu_call *call);
/* Waits for that, in vport_relax. Work and program context. */
void cpu_wait(const struct cpu_call *call);

/* ---- Locks that are taken more than once ------------------------------------------- */

/* For what may be entered again by the CPU that is in it: the console, newlib. All 0: free. */
struct cpu_mutex {
	unsigned taken_by, depth;
};

/* Whether it is this CPU's now. Any context. Once for each of them it is given back. */
bool cpu_mutex_try(struct cpu_mutex *mutex);
void cpu_mutex_give(struct cpu_mutex *mutex);

/* ---- Start ---------------------------------------------------------------------- */

enum cpu_state { CPU_STARTING, CPU_RUNNING, CPU_GIVEN_UP };

/* For arch_start_cpus, on CPU 0: readies the structure (zeroed but for hardware_id) of the next CPU, with
 * stacks; returns the top of the one on which it is to run. Ends with a line when there is no memory. */
uintptr_t cpu_prepare(struct cpu *cpu);
/* Waits at most so long until it runs. False: it does not, and will not. */
bool cpu_await(struct cpu *cpu, uint64_t ns);
/* On the new CPU: it cannot be used. */
_Noreturn void cpu_give_up(void);
/* On the new CPU, with everything of the architecture set up, on its stack, interrupts masked: it is there
 * from now on. */
_Noreturn void cpu_serve(void);

/* ---- The end -------------------------------------------------------------------- */

/* Stops all CPUs but this one, which is the last to run from then on, with interrupts masked; what locks they
 * had are its own. Waits for them, but not for ever. Does nothing when it has been done. When another CPU has
 * done it, this one stops. Any context. */
void cpu_stop_others(void);
/* Whether some CPU has done that. */
bool cpu_stopping(void);
/* For the others: stops this CPU for good. */
_Noreturn void cpu_stop(void);

#endif
