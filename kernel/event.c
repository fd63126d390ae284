/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop: vport_relax and what it looks at. The contract is in drivers/virtio/port.h.
 *
 * There is no scheduler. A program that waits calls vport_relax, which drains what interrupts have
 * marked, runs one work item, or sleeps. The depth is at most program → work → recovery → drain: a work
 * item may relax, but starts no other than a device's recovery, and a drain function may not relax at all.
 *
 * Each CPU has a loop and a list of what is marked, which it alone touches: surgery on it is done with
 * interrupts masked. Other CPUs send: an event has a second link and a second flag for that, with which they
 * put it on a stack of the home's. Work has one list, which CPU 0 works off.
 *
 *     make run SMP=4 APP=smp
 */
#include "kernel/event.h"

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"

/* How many turns in a row may find something to do before the times are looked at all the same. */
#define TURNS_WITHOUT_TIME 64
/* But a time that comes so soon is not to be missed by that much. (Each turn would be exact, and reading the clock costs: a stream of
 * TCP on virt lost 3 % by it.) */
#define SOON_NS 1000000
#define TURNS_WHEN_SOON 8

static struct vport_work *works, **works_tail = &works;
static struct vport_lock works_lock;

void event_init(struct cpu *cpu)
{
	cpu->marked_tail = &cpu->marked;
	cpu->earliest = VPORT_NEVER;
	cpu->interrupts_left = INTERRUPTS_IN_A_ROW - 1;
	cpu->turns_left = TURNS_WITHOUT_TIME;
}

/* ---- Other CPUs ---------------------------------------------------------------- */

/* Has the CPU look. What was written before this is seen then. It looks for the last time before it sleeps; if it
 * has done that already, it is interrupted: the other half of this is in `idle`. */
static void call_for(struct cpu *cpu, enum attention what)
{
	__atomic_fetch_or(&cpu->attention, what, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&cpu->sleeping, __ATOMIC_RELAXED) && cpu != arch_cpu())
		arch_cpu_interrupt(cpu);
}

void vport_wake(unsigned number)
{
	kit_assert(number < cpu_count);
	call_for(cpu_table[number], ATTENTION_WOKEN);
}

/* Interrupts are masked from the flag to the push: nobody has to wait for one that lies in between. */
RARE static void send_mark(struct vport_event *event)
{
	kit_assert(event->home < cpu_count);
	struct cpu *home = cpu_table[event->home];
	bool on = arch_irq_off();
	if (!__atomic_exchange_n(&event->sent, true, __ATOMIC_ACQ_REL)) {
		event->next_sent = __atomic_load_n(&home->sent, __ATOMIC_RELAXED);
		while (!__atomic_compare_exchange_n(&home->sent, &event->next_sent, event, true,
						    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			;
		call_for(home, ATTENTION_SENT);
	}
	arch_irq_restore(on);
}

/* ---- Marking ------------------------------------------------------------------- */

/* With interrupts masked. */
static inline void append_mark(struct cpu *cpu, struct vport_event *event)
{
	if (event->marked)
		return;
	event->marked = true;
	event->next_marked = NULL;
	*cpu->marked_tail = event;
	cpu->marked_tail = &event->next_marked;
}

static inline void mark_here(struct cpu *cpu, struct vport_event *event)
{
	bool on = arch_irq_off();
	append_mark(cpu, event);
	arch_irq_restore(on);
}

void vport_mark(struct vport_event *event)
{
	struct cpu *cpu = arch_cpu();

	if (event->home == cpu->id)
		mark_here(cpu, event);
	else
		send_mark(event);
}

void vport_mark_in_interrupt(struct vport_event *event)
{
	struct cpu *cpu = arch_cpu();

	if (event->home == cpu->id)
		append_mark(cpu, event);
	else
		send_mark(event);
}

/* Marks here what other CPUs have sent. */
static void receive_marks(struct cpu *cpu)
{
	struct vport_event *event = __atomic_exchange_n(&cpu->sent, NULL, __ATOMIC_ACQUIRE);

	while (event != NULL) {
		struct vport_event *next = event->next_sent;
		/* From here on it may be sent again. A sender that finds the flag set still has written
		 * before what the drain, which comes after this, will read. */
		(void)__atomic_exchange_n(&event->sent, false, __ATOMIC_ACQ_REL);
		mark_here(cpu, event);
		event = next;
	}
}

/* ---- Adding and removing ---------------------------------------------------------- */

RARE void vport_event_add(struct vport_event *event)
{
	kit_assert(event->home < cpu_count);
	struct cpu *home = cpu_table[event->home];
	vport_lock_take(&home->events_lock);
	/* `marked` stays: an interrupt may have marked it already, and then it is on that list. */
	event->next = home->events;
	home->events = event;
	vport_lock_give(&home->events_lock);

	call_for(home, ATTENTION_ADDED);
}

/* Takes the event off a list of marked ones; returns the link that ended up last. */
static struct vport_event **unlink_marked(struct vport_event **link,
					  const struct vport_event *event)
{
	while (*link != NULL) {
		if (*link == event)
			*link = event->next_marked;
		else
			link = &(*link)->next_marked;
	}
	return link;
}

/* On its home, with interrupts masked. */
RARE static void unmark(struct cpu *cpu, struct vport_event *event)
{
	/* One that is being sent in this moment is there in the next. */
	do
		receive_marks(cpu);
	while (__atomic_load_n(&event->sent, __ATOMIC_ACQUIRE));
	unlink_marked(&cpu->draining, event);
	cpu->marked_tail = unlink_marked(&cpu->marked, event);
	event->marked = false;
}

/* Does what another CPU waits for. Not in the middle of a drain, which may mark that very event. */
RARE static void forget(struct cpu *cpu)
{
	bool on = arch_irq_off();
	struct vport_event *event = __atomic_load_n(&cpu->forget, __ATOMIC_ACQUIRE);
	if (event != NULL) {
		unmark(cpu, event);
		__atomic_store_n(&cpu->forget, NULL, __ATOMIC_RELEASE);
	}
	arch_irq_restore(on);
}

void event_interrupt(void)
{
	struct cpu *cpu = arch_cpu();

	if (!cpu->in_drain)
		forget(cpu); /* otherwise drain_taken does, when that pass has ended */
}

/* Its home does it, in an interrupt: a program that computes there need not call vport_relax. */
RARE static void unmark_there(struct cpu *home, struct vport_event *event)
{
	kit_assert(!arch_cpu()->in_drain);
	vport_lock_take(&home->forgetting);
	__atomic_store_n(&home->forget, event, __ATOMIC_RELEASE);
	arch_cpu_interrupt(home);
	while (__atomic_load_n(&home->forget, __ATOMIC_ACQUIRE) != NULL)
		arch_pause();
	vport_lock_give(&home->forgetting);
}

RARE void vport_event_remove(struct vport_event *event)
{
	kit_assert(event->home < cpu_count);
	struct cpu *home = cpu_table[event->home];
	vport_lock_take(&home->events_lock);
	for (struct vport_event **link = &home->events; *link != NULL; link = &(*link)->next) {
		if (*link == event) {
			*link = event->next;
			break;
		}
	}
	vport_lock_give(&home->events_lock);

	if (home == arch_cpu()) {
		bool on = arch_irq_off();
		unmark(home, event);
		arch_irq_restore(on);
	} else {
		unmark_there(home, event);
	}
}

/* ---- Draining ------------------------------------------------------------------- */

/* The first one that is marked: an interrupt may change it at any time. */
static inline struct vport_event *first_marked(const struct cpu *cpu)
{
	return *(struct vport_event *const volatile *)&cpu->marked;
}

/* A pass begins, of what is marked. With interrupts masked. */
static inline void take_marked(struct cpu *cpu)
{
	/* From here on nothing is taken off the lists for other CPUs. */
	cpu->in_drain = true;
	cpu->marked = NULL;
	cpu->marked_tail = &cpu->marked;
}

/* Drains what was taken, from `first` on. */
static inline void drain_taken(struct cpu *cpu, struct vport_event *first)
{
	for (struct vport_event *event = first; event != NULL; event = cpu->draining) {
		cpu->draining = event->next_marked;
		/* From here on an interrupt may put it on the new list: next_marked is its again. */
		*(volatile bool *)&event->marked = false;
		event->drain(event);
		if (event->check_at < cpu->earliest) {
			cpu->earliest = event->check_at;
			cpu->turns_left = TURNS_WHEN_SOON; /* it may be soon */
		}
	}
	*(volatile bool *)&cpu->in_drain = false;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	/* Asked for meanwhile, by an interrupt that left it to us. */
	if (__atomic_load_n(&cpu->forget, __ATOMIC_RELAXED) != NULL)
		forget(cpu);
	/* An event that marks itself wants to be polled: this is a turn of that loop. */
	if (first_marked(cpu) != NULL)
		arch_pause();
}

/* Whether there was anything marked. */
static __attribute__((noinline)) bool drain_marked(struct cpu *cpu)
{
	bool on = arch_irq_off();
	struct vport_event *first = cpu->marked;
	if (first != NULL)
		take_marked(cpu);
	arch_irq_restore(on);
	if (first != NULL)
		drain_taken(cpu, first);
	return first != NULL;
}

/* Marks the events whose time has come, and finds out the earliest time of the others. Seldom, and so not in the
 * way of vport_relax. */
static __attribute__((noinline)) void mark_due(struct cpu *cpu)
{
	uint64_t now = vport_now(), earliest = VPORT_NEVER;

	vport_lock_take(&cpu->events_lock);
	for (struct vport_event *event = cpu->events; event != NULL; event = event->next) {
		if (event->check_at <= now)
			mark_here(cpu, event);
		else if (event->check_at < earliest)
			earliest = event->check_at;
	}
	vport_lock_give(&cpu->events_lock);
	cpu->earliest = earliest;
	cpu->turns_left = earliest - now < SOON_NS ? TURNS_WHEN_SOON : TURNS_WITHOUT_TIME;
}

/* ---- Work ----------------------------------------------------------------------- */

RARE void vport_work_queue(struct vport_work *work)
{
	vport_lock_take(&works_lock);
	if (!work->queued) {
		work->queued = true;
		work->next = NULL;
		*works_tail = work;
		works_tail = &work->next;
	}
	vport_lock_give(&works_lock);
	call_for(cpu_table[0], ATTENTION_WORK);
}

/* Whether an item may run now: any when none runs; while one waits, only one that recovers, and while that
 * does, none. */
static bool may_run(const struct cpu *cpu, const struct vport_work *work)
{
	return !cpu->in_recovery && (!cpu->in_work || work->recovers);
}

/* Takes the first item that may run now off the list; NULL when there is none. */
static struct vport_work *take_work(const struct cpu *cpu)
{
	vport_lock_take(&works_lock);
	struct vport_work **link = &works;
	while (*link != NULL && !may_run(cpu, *link))
		link = &(*link)->next;
	struct vport_work *work = *link;
	if (work != NULL) {
		*link = work->next;
		if (*link == NULL)
			works_tail = link;
		work->queued = false;
	}
	vport_lock_give(&works_lock);
	return work;
}

/* Returns whether an item ran. */
static bool run_work(struct cpu *cpu)
{
	struct vport_work *work = take_work(cpu);
	if (work == NULL)
		return false;
	/* A recovery may be behind it, for which this one waits. */
	if (__atomic_load_n(&works, __ATOMIC_RELAXED) != NULL)
		call_for(cpu, ATTENTION_WORK);
	bool nested = cpu->in_work;
	cpu->in_work = true;
	cpu->in_recovery = work->recovers;
	work->run(work);
	cpu->in_recovery = false;
	cpu->in_work = nested;
	/* There may be more, and items that might not run inside of this one. */
	call_for(cpu, ATTENTION_WORK);
	return true;
}

/* ---- Waiting -------------------------------------------------------------------- */

/* What others want of this CPU, and what is marked; whether there was anything to do. */
static __attribute__((noinline)) bool attend(struct cpu *cpu)
{
	/* Taken back before anybody looks at what it tells of. */
	unsigned what = __atomic_exchange_n(&cpu->attention, 0, __ATOMIC_ACQ_REL);
	bool done = (what & ATTENTION_WOKEN) != 0;

	if (what & ATTENTION_ADDED)
		cpu->earliest = 0;
	if (what & ATTENTION_SENT) {
		bool on = arch_irq_off();
		receive_marks(cpu);
		arch_irq_restore(on);
	}
	done |= drain_marked(cpu);
	if (what & ATTENTION_WORK)
		done |= run_work(cpu);
	return done;
}

static inline bool is_wanted(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0;
}

/* Sleeps unless there is a reason not to. With interrupts masked: between this look and the sleep none can mark, for
 * arch_sleep takes what is pending only once it sleeps. Another CPU that calls for us after this look sees that we
 * sleep. */
static inline void idle(struct cpu *cpu, uint64_t deadline)
{
	uint64_t wake_at = cpu->earliest < deadline ? cpu->earliest : deadline;
	if (wake_at == 0)
		return;
	__atomic_store_n(&cpu->sleeping, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!is_wanted(cpu))
		arch_sleep(wake_at);
	__atomic_store_n(&cpu->sleeping, false, __ATOMIC_RELAXED);
}

/* Drains what is marked, or what is marked after a sleep; whether there was anything. */
static inline bool drain_or_sleep(struct cpu *cpu, uint64_t deadline)
{
	arch_irq_mask();
	struct vport_event *first = first_marked(cpu);
	if (first == NULL) {
		idle(cpu, deadline);
		first = first_marked(cpu);
	}
	if (first != NULL)
		take_marked(cpu);
	/* A program, and work, have interrupts on, but at the very end. */
	arch_irq_restore(!cpu->is_last);
	if (first != NULL)
		drain_taken(cpu, first);
	return first != NULL;
}

void vport_relax(uint64_t deadline)
{
	struct cpu *cpu = arch_cpu();
	kit_assert(!cpu->in_drain);
	cpu->interrupts_left = INTERRUPTS_IN_A_ROW - 1;

	bool done = drain_or_sleep(cpu, deadline);
	if (is_wanted(cpu))
		done |= attend(cpu);
	/* The clock is read only when nothing else can have ended the sleep. */
	if (done && --cpu->turns_left > 0)
		return;
	mark_due(cpu);
	if (is_wanted(cpu) || first_marked(cpu) != NULL)
		attend(cpu);
}

void event_relax_inside(uint64_t deadline)
{
	struct cpu *cpu = arch_cpu();
	bool nested = cpu->in_work;

	cpu->in_work = true;
	vport_relax(deadline);
	cpu->in_work = nested;
	if (cpu->id == 0)
		call_for(cpu, ATTENTION_WORK);
}
