/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt handlers (kernel/irq.c) on a controller of ours: who is called, and which slot is closed when interrupts do not
 * end, or nobody handles them. */
#include <stdarg.h>
#include <stdlib.h>

#include "check.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/irq.h"
#include "lib/error.h"

/* ---- What irq.c stands on ------------------------------------------------------- */

static struct cpu cpu, other_cpu = { .id = 1 };
static struct cpu *here = &cpu;
struct cpu *cpu_table[CPU_MAX] = { &cpu, &other_cpu };
unsigned cpu_count = 2;

static unsigned muted[IRQ_SLOTS], closed[IRQ_SLOTS];
static struct vport_event *told; /* what was marked */
static char text[256];

struct cpu *arch_cpu(void)
{
	return here;
}

bool arch_irq_off(void)
{
	return false;
}

void arch_irq_restore(bool on)
{
	(void)on;
}

void arch_pause(void)
{
}

/* A line's slot is its number. */
int arch_irq_line_open(const struct irq_line *line)
{
	return (int)line->number;
}

int arch_irq_msi_open(struct vport_device *device, unsigned index, const struct cpu *to,
		      struct vport_msi *msi)
{
	(void)device;
	(void)index;
	(void)to;
	(void)msi;
	return ERR_UNSUPPORTED;
}

void arch_irq_mute(unsigned slot)
{
	muted[slot]++;
}

void arch_irq_close(unsigned slot)
{
	closed[slot]++;
}

void vport_lock_take(struct vport_lock *lock)
{
	CHECK(lock->taken_by == 0);
	lock->taken_by = 1;
}

void vport_lock_give(struct vport_lock *lock)
{
	lock->taken_by = 0;
}

void vport_mark(struct vport_event *event)
{
	told = event;
}

void vport_panic(const char *what, const char *file, int line)
{
	printf("# %s:%d: %s\n", file, line, what);
	abort();
}

void kprint(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
}

/* ---- The lines -------------------------------------------------------------------- */

enum { GUILTY = 40, INNOCENT = 41, OTHER = 42, UNKNOWN = 43 };
#define MANY INTERRUPTS_IN_A_ROW

static unsigned calls[IRQ_SLOTS];

static void handle(void *argument)
{
	calls[(uintptr_t)argument]++;
}

static void connect(unsigned slot)
{
	struct irq_line line = { .number = slot };

	CHECK_EQ(irq_line_connect(&line, handle, (void *)(uintptr_t)slot), 0);
}

static void disconnect(unsigned slot)
{
	struct irq_line line = { .number = slot };

	irq_line_disconnect(&line, handle, (void *)(uintptr_t)slot);
}

static void begin(void)
{
	memset(muted, 0, sizeof(muted));
	memset(closed, 0, sizeof(closed));
	memset(calls, 0, sizeof(calls));
	text[0] = '\0';
	told = NULL;
	cpu.interrupts_left = MANY - 1;
	connect(GUILTY);
	connect(INNOCENT);
	connect(OTHER);
}

static void end(void)
{
	disconnect(GUILTY);
	disconnect(INNOCENT);
	disconnect(OTHER);
}

/* Until something is closed. How many interrupts that took. */
static unsigned storm(const unsigned *slots, unsigned count)
{
	unsigned taken = 0;

	while (!told && taken < 10 * MANY) {
		irq_dispatch(slots[taken % count]);
		taken++;
	}
	return taken;
}

/* ---- The cases --------------------------------------------------------------------- */

static void one_that_does_not_end_is_closed(void)
{
	static const unsigned slots[] = { GUILTY };

	begin();
	unsigned taken = storm(slots, 1);
	CHECK_EQ(taken,
		 2 * MANY - 1); /* the one that makes it many is the first that is counted apart */
	CHECK_EQ(muted[GUILTY], 1);
	CHECK_EQ(calls[GUILTY], taken); /* its handler was called all the same */
	CHECK(told != NULL);
	if (told)
		told->drain(told);
	CHECK_TEXT(text, "irq: slot 40 is closed: its interrupts do not end\n");
	CHECK_EQ(closed[GUILTY], 0); /* it is still its handler's, and nobody else's */
	end();
	CHECK_EQ(closed[GUILTY], 1);
}

/* Whichever is the hundred thousandth, or the last before it. */
static void another_one_is_not_closed_in_its_place(void)
{
	static const unsigned slots[] = { GUILTY, GUILTY, INNOCENT, GUILTY, GUILTY, OTHER, GUILTY };

	for (unsigned shift = 0; shift < 7; shift++) {
		begin();
		for (unsigned i = 0; i < shift; i++)
			irq_dispatch(INNOCENT);
		storm(slots, 7);
		CHECK_EQ(muted[GUILTY], 1);
		CHECK_EQ(muted[INNOCENT], 0);
		CHECK_EQ(muted[OTHER], 0);
		end();
	}
}

static void one_after_the_other_of_two(void)
{
	static const unsigned both[] = { GUILTY, OTHER, OTHER, INNOCENT, OTHER };
	static const unsigned left[] = { GUILTY, GUILTY, INNOCENT };

	begin();
	storm(both, 5);
	CHECK_EQ(muted[OTHER], 1);
	CHECK_EQ(muted[GUILTY], 0);
	told = NULL;
	storm(left, 3);
	CHECK_EQ(muted[GUILTY], 1);
	CHECK_EQ(muted[INNOCENT], 0);
	end();
}

/* vport_relax says that something else runs. */
static void many_with_others_in_between_are_well(void)
{
	begin();
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned j = 0; j < MANY - 1; j++)
			irq_dispatch(GUILTY);
		cpu.interrupts_left = MANY - 1;
	}
	/* Nor are they counted together: what an earlier time had is forgotten. */
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < 2 * MANY - 2; j++)
			irq_dispatch(GUILTY);
		cpu.interrupts_left = MANY - 1;
	}
	CHECK_EQ(muted[GUILTY], 0);
	CHECK(told == NULL);
	end();
}

enum { CROWD = 65 }; /* slots, from OTHER on */

/* Each is counted on while others are closed: as many interrupts as there are slots, MANY times, and those before. */
static void many_that_do_not_end(void)
{
	unsigned taken = 0, open = CROWD;

	begin();
	for (unsigned i = 1; i < CROWD; i++)
		connect(OTHER + i);
	while (open > 0 && taken < 3 * CROWD * MANY) {
		for (unsigned slot = OTHER; slot < OTHER + CROWD; slot++) {
			if (muted[slot])
				continue;
			irq_dispatch(slot);
			taken++;
			open -= muted[slot];
		}
	}
	CHECK_EQ(taken, (CROWD + 1) * MANY - 1);
	CHECK_EQ(muted[INNOCENT], 0);
	for (unsigned i = 1; i < CROWD; i++)
		disconnect(OTHER + i);
	end();
}

/* Another CPU, which has many as well, but gets on now and then, does not make it longer. */
static void one_of_two_cpus(void)
{
	begin();
	other_cpu.interrupts_left = MANY - 1;
	for (unsigned i = 1; i < 2 * MANY; i++) {
		CHECK_EQ(muted[GUILTY], 0);
		irq_dispatch(GUILTY);
		here = &other_cpu;
		irq_dispatch(OTHER);
		here = &cpu;
		if (i % (MANY + MANY / 4) == 0)
			other_cpu.interrupts_left = MANY - 1;
	}
	CHECK_EQ(muted[GUILTY], 1);
	CHECK_EQ(muted[OTHER], 0);
	other_cpu.interrupts_left = MANY - 1;
	end();
}

static void one_that_nobody_handles_is_closed(void)
{
	static const unsigned slots[] = { UNKNOWN };

	begin();
	CHECK_EQ(storm(slots, 1), 1000);
	CHECK_EQ(closed[UNKNOWN], 1);
	CHECK_EQ(muted[UNKNOWN], 0);
	if (told)
		told->drain(told);
	CHECK_TEXT(text, "irq: slot 43 is closed: nobody handles its interrupts\n");
	end();
}

static void all_handlers_of_a_line_are_called(void)
{
	begin();
	connect(GUILTY);
	irq_dispatch(GUILTY);
	CHECK_EQ(calls[GUILTY], 2);
	disconnect(GUILTY);
	CHECK_EQ(closed[GUILTY], 0); /* there is one left */
	irq_dispatch(GUILTY);
	CHECK_EQ(calls[GUILTY], 3);
	disconnect(GUILTY);
	CHECK_EQ(closed[GUILTY], 1);
	connect(GUILTY);
	end();
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(one_that_does_not_end_is_closed),
		CHECK_CASE(another_one_is_not_closed_in_its_place),
		CHECK_CASE(one_after_the_other_of_two),
		CHECK_CASE(many_with_others_in_between_are_well),
		CHECK_CASE(many_that_do_not_end),
		CHECK_CASE(one_of_two_cpus),
		CHECK_CASE(one_that_nobody_handles_is_closed),
		CHECK_CASE(all_handlers_of_a_line_are_called),
		CHECK_END,
	});
}
