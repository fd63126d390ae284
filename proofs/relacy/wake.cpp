/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Litmus tests of what CPUs do to one another in kernel/event.c and kernel/irq.c, under Relacy: they are compiled as
 * C++ just as they are, with proofs/relacy/machine as the machine's header. CPU 0 is in vport_relax; CPU 1 marks an
 * event of its, wakes it, or removes or adds an event. In no execution may CPU 0 sleep over what it should see, or drain
 * what has been removed. Or CPU 0 takes an interrupt whose handler CPU 1 disconnects: when that has returned, it does
 * not run any more.
 * Then what this stands on is weakened (a fence, an atomic access, a look at a flag), which must go wrong.
 *
 *   wake     all of them
 *
 * What an interrupt does is done wherever interrupts are not masked: before each atomic access, and in the sleep.
 * Left out: next_sent, whose order the compare-and-exchange of send_mark gives, and the lists that a CPU has to itself
 * (all plain memory, always up to date here); locks (taken as what they should be); and what arch_cpu_interrupt
 * promises: that what was written before it is seen in the interrupt.
 *
 * See it at work: make prove
 */
#include <relacy/relacy.hpp>
#undef new

#include <cstring>

#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/event.h"
#include "kernel/irq.h"
#include "lib/error.h"

enum { CPUS = 2, CELLS = 16 };

enum scenario { MARK, MARK_AMONG, MARK_AGAIN, WAKE, ADD, REMOVE, DISCONNECT };

/* An access of event.c: the function it stands in, and what it is. */
struct site {
	const char *in, *what;
};

static struct {
	enum scenario scenario;
	struct site weakened;
} test;

/* ---- Memory that both share ---------------------------------------------------------- */

bool litmus_running;
struct cpu *cpu_table[CPU_MAX];
unsigned cpu_count;

static struct cpu cpus[CPUS];
static struct vport_event event;

/* The words that another CPU reads or writes, and the model's cells that stand for them: those here, and what was
 * accessed atomically before the model ran. */
static struct {
	const void *at;
	unsigned bytes;
} places[CELLS] = {
	{ &cpus[0].attention, sizeof(cpus[0].attention) },
	{ &cpus[0].sleeping, sizeof(cpus[0].sleeping) },
	{ &cpus[0].sent, sizeof(cpus[0].sent) },
	{ &cpus[0].forget, sizeof(cpus[0].forget) },
	{ &event.sent, sizeof(event.sent) },
	{ &cpus[0].events_lock.taken_by, sizeof(unsigned) },
	{ &cpus[0].forgetting.taken_by, sizeof(unsigned) },
};

void litmus_note(const void *place, unsigned bytes)
{
	unsigned i = 0;

	if (litmus_running)
		return;
	while (i < CELLS && places[i].at && places[i].at != place)
		i++;
	RL_ASSERT(i < CELLS);
	places[i] = { place, bytes };
}

static uint64_t value_at(const void *place, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, place, bytes);
	return value;
}

struct cells {
	rl::atomic<uint64_t> at[CELLS];
	rl::atomic<uint64_t> given, interrupts;
};
static struct cells *memory;

static void take_interrupts();

static rl::atomic<uint64_t> &cell(const void *place)
{
	for (unsigned i = 0; i < CELLS; i++)
		if (places[i].at == place)
			return memory->at[i];
	RL_ASSERT(!"an atomic access of what is not in places[]");
	abort();
}

static rl::memory_order order_of(int order, const char *in, const char *what)
{
	if (test.weakened.in && strcmp(in, test.weakened.in) == 0 &&
	    strcmp(what, test.weakened.what) == 0)
		return order == __ATOMIC_SEQ_CST ? rl::mo_acq_rel : rl::mo_relaxed;
	switch (order) {
	case __ATOMIC_RELAXED:
		return rl::mo_relaxed;
	case __ATOMIC_ACQUIRE:
		return rl::mo_acquire;
	case __ATOMIC_RELEASE:
		return rl::mo_release;
	case __ATOMIC_ACQ_REL:
		return rl::mo_acq_rel;
	default:
		return rl::mo_seq_cst;
	}
}

uint64_t litmus_load(const void *place, int order)
{
	take_interrupts();
	return cell(place).load(order_of(order, "", ""), $);
}

void litmus_store(void *place, uint64_t value, int order)
{
	take_interrupts();
	cell(place).store(value, order_of(order, "", ""), $);
}

uint64_t litmus_exchange(void *place, uint64_t value, int order, const char *in)
{
	take_interrupts();
	return cell(place).exchange(value, order_of(order, in, "exchange"), $);
}

bool litmus_compare_exchange(void *place, uint64_t *expected, uint64_t value, int order,
			     const char *in)
{
	take_interrupts();
	return cell(place).compare_exchange_strong(
		*expected, value, order_of(order, in, "compare_exchange"), $, rl::mo_relaxed, $);
}

uint64_t litmus_fetch_or(void *place, uint64_t value)
{
	take_interrupts();
	return cell(place).fetch_or(value, rl::mo_seq_cst, $);
}

void litmus_fence(int order, const char *in)
{
	if (litmus_running)
		rl::atomic_thread_fence(order_of(order, in, "fence"), $);
}

/* ---- The machine ------------------------------------------------------------------------ */

struct asleep {
};

static struct {
	bool masked;
	unsigned interrupts; /* pending */
} state[CPUS];

static bool first_has_ended; /* CPU 0's thread: from then on CPU 1's takes the interrupts for it, */
static bool for_first;       /* as it does now */

static unsigned this_cpu()
{
	return litmus_running && !for_first ? rl::thread_index() : 0;
}

struct cpu *arch_cpu(void)
{
	return &cpus[this_cpu()];
}

bool arch_irq_off(void)
{
	bool on = !state[this_cpu()].masked;
	state[this_cpu()].masked = true;
	return on;
}

void arch_irq_restore(bool on)
{
	if (!on)
		return;
	state[this_cpu()].masked = false;
	take_interrupts();
}

void arch_cpu_interrupt(const struct cpu *cpu)
{
	RL_ASSERT(cpu == &cpus[0]);
	memory->interrupts.fetch_add(1, rl::mo_acq_rel, $);
	state[0].interrupts++;
}

static void take_interrupts()
{
	if (!litmus_running || state[this_cpu()].masked || state[this_cpu()].interrupts == 0)
		return;
	state[this_cpu()].interrupts = 0;
	memory->interrupts.exchange(0, rl::mo_acq_rel, $);
	state[this_cpu()].masked = true;
	if (test.weakened.in && strcmp(test.weakened.what, "in_drain") == 0)
		arch_cpu()->in_drain = false;
	event_interrupt();
	state[this_cpu()].masked = false;
}

void arch_sleep(uint64_t)
{
	if (state[this_cpu()].interrupts == 0)
		throw asleep();
	state[this_cpu()].masked = false;
	take_interrupts();
	state[this_cpu()].masked = true;
}

void arch_pause(void)
{
	if (!litmus_running)
		return;
	take_interrupts();
	rl::yield(1, $);
	if (!first_has_ended)
		return;
	for_first = true;
	take_interrupts();
	for_first = false;
}

uint64_t vport_now(void)
{
	return 1;
}

void vport_lock_take(struct vport_lock *lock)
{
	unsigned nobody = 0;

	while (!__atomic_compare_exchange_n(&lock->taken_by, &nobody, 1, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		nobody = 0;
		arch_pause();
	}
}

void vport_lock_give(struct vport_lock *lock)
{
	__atomic_store_n(&lock->taken_by, 0, __ATOMIC_RELEASE);
}

void vport_panic(const char *, const char *, int)
{
	RL_ASSERT(!"an assertion of event.c");
	abort();
}

/* ---- The event --------------------------------------------------------------------------- */

static uint64_t seen; /* of what was given, in the last drain */
static unsigned drains;
static bool removed, mark_again;

static void drain(struct vport_event *it)
{
	RL_ASSERT(this_cpu() == 0 && !removed);
	it->check_at = VPORT_NEVER;
	drains++;
	seen = memory->given.load(rl::mo_relaxed, $);
	take_interrupts();
	if (mark_again)
		vport_mark(it);
}

static void give(uint64_t value)
{
	memory->given.store(value, rl::mo_relaxed, $);
}

/* ---- An interrupt's handler --------------------------------------------------------------- */

enum { SLOT = 5 };

static const struct irq_line line = { .number = SLOT };

static void handle(void *)
{
	memory->given.load(rl::mo_relaxed, $);
	RL_ASSERT(!removed);
}

int arch_irq_line_open(const struct irq_line *)
{
	return SLOT;
}

void arch_irq_close(unsigned)
{
}

void arch_irq_mute(unsigned)
{
}

int arch_irq_msi_open(struct vport_device *, unsigned, const struct cpu *, struct vport_msi *)
{
	return ERR_UNSUPPORTED;
}

void kprint(const char *, ...)
{
}

/* ---- The tests --------------------------------------------------------------------------- */

struct litmus : rl::test_suite<litmus, CPUS> {
	struct cells cells;
	bool sleeps;

	void before()
	{
		memory = &cells;
		litmus_running = false;
		cpu_count = CPUS;
		for (unsigned i = 0; i < CPUS; i++) {
			cpus[i] = {};
			cpus[i].id = i;
			cpu_table[i] = &cpus[i];
			event_init(&cpus[i]);
			state[i] = {};
		}
		event = {};
		event.drain = drain;
		event.check_at = test.scenario == ADD ? 0 : VPORT_NEVER;
		seen = drains = 0;
		sleeps = removed = first_has_ended = false;
		mark_again = test.scenario == REMOVE;
		cells.given.store(0, rl::mo_relaxed, $);
		cells.interrupts.store(0, rl::mo_relaxed, $);
		if (test.scenario == MARK_AGAIN) { /* as another CPU does it */
			event.sent = true;
			cpus[0].sent = &event;
			cpus[0].attention = ATTENTION_SENT;
		}
		if (test.scenario == MARK_AMONG) /* for something else, which has been received */
			cpus[0].attention = ATTENTION_SENT;
		if (test.scenario == DISCONNECT) {
			irq_line_connect(&line, handle, NULL);
			irq_dispatch(SLOT); /* so that the model knows what that looks at */
		}
		if (test.scenario == REMOVE) {
			vport_event_add(&event);
			vport_mark(&event);
			cpus[0].attention = 0;
		}
		for (unsigned i = 0; i < CELLS && places[i].at; i++)
			cells.at[i].store(value_at(places[i].at, places[i].bytes), rl::mo_relaxed,
					  $);
		litmus_running = true;
	}

	void thread(unsigned index)
	{
		if (index == 1) {
			other();
			return;
		}
		try {
			first();
		} catch (asleep) {
			sleeps = true;
		}
		state[0].masked = false;
		first_has_ended = true;
	}

	void first()
	{
		switch (test.scenario) {
		case WAKE:
			while (cells.given.load(rl::mo_relaxed, $) == 0)
				vport_relax(VPORT_NEVER);
			break;
		case REMOVE:
			vport_relax(0);
			break;
		case DISCONNECT:
			arch_irq_off(); /* as in any interrupt */
			irq_dispatch(SLOT);
			break;
		default:
			vport_relax(VPORT_NEVER);
		}
	}

	void other()
	{
		give(1);
		switch (test.scenario) {
		case WAKE:
			vport_wake(0);
			break;
		case ADD:
			vport_event_add(&event);
			break;
		case REMOVE:
			vport_event_remove(&event);
			removed = true;
			break;
		case DISCONNECT:
			irq_line_disconnect(&line, handle, NULL);
			removed = true;
			break;
		default:
			vport_mark(&event);
		}
	}

	/* One that sleeps has seen everything, or is being interrupted; and the next turn of one that does not shows
	 * it the rest. */
	void after()
	{
		litmus_running = false;
		if (test.scenario == REMOVE) {
			RL_ASSERT(!event.marked && !event.sent && !cpus[0].marked &&
				  !cpus[0].draining);
			return;
		}
		if (test.scenario == DISCONNECT)
			return; /* the handler itself looks */
		if (test.scenario == WAKE) {
			RL_ASSERT(!sleeps || state[0].interrupts > 0);
			return;
		}
		if (sleeps && state[0].interrupts == 0) {
			RL_ASSERT(seen == 1);
			return;
		}
		vport_relax(0);
		vport_relax(0);
		RL_ASSERT(seen == 1);
	}
};

/* Whether every execution goes well; in *tried how many there were, up to the first that did not. */
static bool simulate(rl::iteration_t *tried)
{
	rl::test_params params;
	std::ostream nowhere(NULL);

	params.iteration_count = 1000000000; /* never reached: the search ends by itself */
	params.output_stream = params.progress_stream = &nowhere;
	params.search_type = rl::fair_full_search_scheduler_type;
	bool good = rl::simulate<litmus>(params);
	*tried = params.stop_iteration;
	return good;
}

static const struct {
	enum scenario scenario;
	const char *text;
	struct site sites[5];
} scenarios[] = {
	{ MARK, "marks", { { "call_for", "fence" }, { "idle", "fence" } } },
	{ MARK_AMONG, "marks, called for already", { { "receive_marks", "exchange" } } },
	{ MARK_AGAIN,
	  "marks what is marked",
	  { { "send_mark", "exchange" }, { "receive_marks", "exchange" } } },
	{ WAKE,
	  "wakes",
	  { { "call_for", "fence" }, { "idle", "fence" }, { "attend", "exchange" } } },
	{ ADD, "adds", { { "call_for", "fence" }, { "idle", "fence" } } },
	{ REMOVE, "removes", { { "event_interrupt", "in_drain" } } },
	{ DISCONNECT,
	  "disconnects a handler",
	  { { "irq_dispatch", "fence" }, { "await_handlers", "fence" } } },
};

int main()
{
	int bad = 0;
	rl::iteration_t tried;

	for (const auto &it : scenarios) {
		test = { it.scenario, { NULL, NULL } };
		bool good = simulate(&tried);
		bad += !good;
		printf("| %s | %s, %lu |", it.text, good ? "all go well" : "FAILS",
		       (unsigned long)tried);
		for (const struct site *site = it.sites; site->in; site++) {
			test.weakened = *site;
			bool control = !simulate(&tried);
			bad += !control;
			printf("%s %s in `%s`: %s, %lu", site == it.sites ? "" : ";", site->what,
			       site->in, control ? "goes wrong" : "GOES UNNOTICED",
			       (unsigned long)tried);
		}
		printf(" |\n");
		fflush(stdout);
	}
	return bad != 0;
}
