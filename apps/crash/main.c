/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Breaks one of the rules, on purpose: what each must end in is an exception's or an assertion's
 * report, with a backtrace and a failing status. The tests run every one of them.
 *
 *     make run APP=crash ARGS=null
 *     make run SMP=4 APP=crash ARGS='null 2'           on CPU 2, while all others compute
 *     make run SMP=4 APP=crash ARGS='null 2 print'     while all others print
 */
#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/cpu.h"

/* Through volatile: the compiler must not see that these are no ordinary accesses. */
static void write_byte(uintptr_t address)
{
	*(volatile char *)address = 1;
}

static void crash_null(void)
{
	write_byte(0);
}

/* A null pointer's field: the page behind the first one is not mapped either. */
static void crash_field(void)
{
	write_byte(0x1008);
}

static void crash_text(void)
{
	write_byte((uintptr_t)image_start);
}

static void crash_rodata(void)
{
	write_byte((uintptr_t)text_end);
}

/* Jumps to bytes that the kernel may write: data, or a page of the stack. */
static void crash_exec(void)
{
	static char code[16];
	((void (*)(void))(uintptr_t)code)();
}

static void crash_exec_stack(void)
{
	char code[16] = { 0 };
	((void (*)(void))(uintptr_t)code)();
}

/* Runs into the page below the stack. */
static int crash_deeper(volatile char *above, int depth)
{
	volatile char frame[512];
	if (depth == INT_MAX) /* never: but a recursion without an end does not compile */
		return 0;
	memset((char *)frame, depth, sizeof(frame));
	return crash_deeper(frame, depth + 1) + above[0];
}

static void crash_stack(void)
{
	volatile char top[1] = { 0 };
	crash_deeper(top, 0);
}

static void crash_undefined(void)
{
	__builtin_trap();
}

/* Not every processor's division by zero is an exception: where it gives 0, that is caught here. */
static void crash_divide(void)
{
	volatile int many = 1000, zero = 0;
	if (many / zero == 0)
		__builtin_trap();
}

static void crash_assert(void)
{
	volatile int one = 1;
	assert(one == 2);
}

static void crash_kit(void)
{
	volatile int one = 1;
	kit_assert(one == 2);
}

/* What an embedder's mistake would be: waiting inside of a drain function. */
static void relax_in_drain(struct vport_event *event)
{
	(void)event;
	vport_relax(0);
}

static void crash_drain(void)
{
	static struct vport_event event = { .drain = relax_in_drain, .check_at = VPORT_NEVER };
	event.home = vport_cpu();
	vport_event_add(&event);
	vport_mark(&event);
	vport_relax(0);
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{ "null", crash_null },     { "field", crash_field },
	{ "text", crash_text },     { "rodata", crash_rodata },
	{ "exec", crash_exec },     { "exec-stack", crash_exec_stack },
	{ "stack", crash_stack },   { "undefined", crash_undefined },
	{ "divide", crash_divide }, { "assert", crash_assert },
	{ "kit", crash_kit },       { "drain", crash_drain },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void (*chosen)(void);

static void run_chosen(void *unused)
{
	(void)unused;
	chosen();
	kprint("crash: that did no harm, and it should have\n");
	exit(1);
}

static _Noreturn void compute_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		arch_pause();
}

/* Has the console most of the time: the report must not wait for it. */
static _Noreturn void print_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		kprint("CPU %u prints\n", vport_cpu());
}

/* On that CPU, with none of the others idle. */
static int run_on(unsigned cpu, void (*way)(void), void (*meanwhile)(void *))
{
	static struct cpu_call calls[CPU_MAX];

	if (cpu >= vport_cpu_count()) {
		kprint("crash: there are %u CPUs\n", vport_cpu_count());
		return 2;
	}
	chosen = way;
	for (unsigned i = 1; i < vport_cpu_count(); i++)
		cpu_run(&calls[i], i, i == cpu ? run_chosen : meanwhile, NULL);
	if (cpu == 0)
		run_chosen(NULL);
	meanwhile(NULL);
	__builtin_unreachable(); /* nobody comes back from that */
}

int main(int argc, char **argv)
{
	bool print = argc == 4 && strcmp(argv[3], "print") == 0;

	for (size_t i = 0; (argc == 2 || argc == 3 || print) && i < WAYS; i++) {
		if (strcmp(ways[i].name, argv[1]) != 0)
			continue;
		kprint("crash: %s\n", ways[i].name);
		return run_on(argc > 2 ? (unsigned)atoi(argv[2]) : 0, ways[i].run,
			      print ? print_for_ever : compute_for_ever);
	}
	kprint("usage: %s ", argv[0]);
	for (size_t i = 0; i < WAYS; i++)
		kprint("%s%s", i == 0 ? "" : "|", ways[i].name);
	kprint(" [CPU [print]]\n");
	return 2;
}
