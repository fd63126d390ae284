/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop: vport_relax and what it looks at. The contract is in drivers/virtio/port.h.
 *
 * There is no scheduler. A program that waits calls vport_relax, which drains what interrupts have
 * marked, runs one work item, or sleeps. The depth is at most program → work → recovery → drain: a work
 * item may relax, but starts no other than a device's recovery, and a drain function may not relax at all.
 *
 * The marked list is the only thing that interrupts touch; surgery on it is done with them masked.
 *
 * Left out: more CPUs than one. Each has a loop of its own (kernel/cpu.h), but nothing marks across.
 */
#include "kernel/event.h"

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"

void event_init(struct cpu *cpu)
{
	cpu->marked = NULL;
	cpu->marked_tail = &cpu->marked;
	cpu->work = NULL;
	cpu->work_tail = &cpu->work;
}

void vport_event_add(struct vport_event *event)
{
	struct cpu *cpu = arch_cpu();
	/* `marked` stays: an interrupt may have marked it already, and then it is on that list. */
	event->next = cpu->events;
	cpu->events = event;
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

void vport_event_remove(struct vport_event *event)
{
	struct cpu *cpu = arch_cpu();
	for (struct vport_event **link = &cpu->events; *link != NULL; link = &(*link)->next) {
		if (*link == event) {
			*link = event->next;
			break;
		}
	}
	unlink_marked(&cpu->draining, event);
	bool on = arch_irq_off();
	cpu->marked_tail = unlink_marked(&cpu->marked, event);
	event->marked = false;
	arch_irq_restore(on);
}

void vport_mark(struct vport_event *event)
{
	bool on = arch_irq_off();
	if (!event->marked) {
		struct cpu *cpu = arch_cpu();
		event->marked = true;
		event->next_marked = NULL;
		*cpu->marked_tail = event;
		cpu->marked_tail = &event->next_marked;
	}
	arch_irq_restore(on);
}

void vport_work_queue(struct vport_work *work)
{
	if (work->queued)
		return;
	struct cpu *cpu = arch_cpu();
	work->queued = true;
	work->next = NULL;
	*cpu->work_tail = work;
	cpu->work_tail = &work->next;
}

/* An interrupt may change it at any time. */
static bool is_marked(const struct cpu *cpu)
{
	return *(struct vport_event *const volatile *)&cpu->marked != NULL;
}

/* One pass: what was marked before it. Returns whether there was anything. */
static bool drain_marked(struct cpu *cpu)
{
	if (!is_marked(cpu))
		return false;
	bool on = arch_irq_off();
	cpu->draining = cpu->marked;
	cpu->marked = NULL;
	cpu->marked_tail = &cpu->marked;
	arch_irq_restore(on);

	bool polled = false;
	cpu->in_drain = true;
	while (cpu->draining != NULL) {
		struct vport_event *event = cpu->draining;
		cpu->draining = event->next_marked;
		/* From here on an interrupt may put it on the new list: next_marked is its again. */
		*(volatile bool *)&event->marked = false;
		event->drain(event);
		polled |= event->marked;
	}
	cpu->in_drain = false;
	/* An event that marks itself wants to be polled: this is a turn of that loop. */
	if (polled)
		arch_pause();
	return true;
}

/* Marks the events whose time has come, and returns the earliest time of the others. */
static uint64_t mark_due(struct cpu *cpu)
{
	uint64_t now = vport_now(), earliest = VPORT_NEVER;
	for (struct vport_event *event = cpu->events; event != NULL; event = event->next) {
		if (event->check_at <= now)
			vport_mark(event);
		else if (event->check_at < earliest)
			earliest = event->check_at;
	}
	return earliest;
}

/* Takes the first item that may run now off the list: any when none runs; while one waits, only one that
 * recovers, and while that does, none. NULL when there is no such. */
static struct vport_work *take_work(struct cpu *cpu)
{
	struct vport_work **link = &cpu->work;
	while (*link != NULL && (cpu->in_recovery || (cpu->in_work && !(*link)->recovers)))
		link = &(*link)->next;
	struct vport_work *work = *link;
	if (work == NULL)
		return NULL;
	*link = work->next;
	if (*link == NULL)
		cpu->work_tail = link;
	work->queued = false;
	return work;
}

/* Returns whether an item ran. */
static bool run_work(struct cpu *cpu)
{
	struct vport_work *work = cpu->work != NULL ? take_work(cpu) : NULL;
	if (work == NULL)
		return false;
	bool nested = cpu->in_work;
	cpu->in_work = true;
	cpu->in_recovery = work->recovers;
	work->run(work);
	cpu->in_recovery = false;
	cpu->in_work = nested;
	return true;
}

/* How many passes in a row may find something marked before the times are looked at all the same. */
#define PASSES_WITHOUT_TIME 64

void vport_relax(uint64_t deadline)
{
	struct cpu *cpu = arch_cpu();
	kit_assert(!cpu->in_drain);
	cpu->relaxed++;

	bool done = drain_marked(cpu);
	done |= run_work(cpu);
	if (done && ++cpu->passes % PASSES_WITHOUT_TIME != 0)
		return;

	uint64_t wake_at = mark_due(cpu);
	if (wake_at > deadline)
		wake_at = deadline;
	if (!done) {
		/* Between this look and the sleep nothing can be marked: arch_sleep takes what is
		 * pending only once it sleeps. */
		bool on = arch_irq_off();
		if (!is_marked(cpu) && wake_at > 0)
			arch_sleep(wake_at);
		arch_irq_restore(on);
	}
	drain_marked(cpu);
}
