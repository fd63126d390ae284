/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several CPUs, tested from inside: that they run what they are given, and keep out of one another's way in
 * memory, the event loop and the C library.
 *
 *     make run SMP=4 APP=smp                 on all there are
 *     make run SMP=4 APP=smp ARGS=4          the same, and it is a failure when that are not 4
 *     make run SMP=4 APP=smp ARGS='exit 5'   the last CPU ends the machine while the first one reads a line
 *     make run SMP=4 APP=smp ARGS=disk       reads from every CPU
 *
 * What must end in a report is in apps/crash.
 */
#include "smp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS (CPU_MAX - 1)

static const struct ktap_test tests[] = {
	{ "every CPU runs what it is given", test_running },
	{ "a CPU runs one thing after another", test_calls_in_order },
	{ "a lock keeps CPUs apart", test_lock },
	{ "the clock is the same everywhere", test_clock },
	{ "pages and small pieces for all at once", test_pages },
	{ "the heap for all at once", test_heap },
	{ "errno is each CPU's own", test_errno },
	{ "lines from all CPUs stay whole", test_printf },
	{ "of CPUs that close a file at once one does", test_close },
	{ "a mark from another CPU is drained by the home", test_marks },
	{ "no mark is lost when all mark all", test_mark_storm },
	{ "a CPU looks at its events when their time has come", test_time },
	{ "an event is removed from another CPU", test_removal },
	{ "an event is removed from a CPU that does not wait", test_removal_of_busy },
	{ "one CPU wakes another", test_wake },
	{ "work from everywhere runs on CPU 0, one at a time", test_work },
};

struct errand {
	struct cpu_call call;
	const char *(*run)(unsigned cpu);
	const char *result;
};

static void run_errand(void *argument)
{
	struct errand *errand = argument;
	errand->result = errand->run(vport_cpu());
}

const char *everywhere(const char *(*run)(unsigned cpu))
{
	static struct errand errands[WORKERS];
	unsigned workers = vport_cpu_count() - 1;

	for (unsigned i = 0; i < workers; i++) {
		errands[i].run = run;
		cpu_run(&errands[i].call, i + 1, run_errand, &errands[i]);
	}
	const char *result = run(0);
	for (unsigned i = 0; i < workers; i++) {
		cpu_wait(&errands[i].call);
		if (errands[i].result != NULL)
			result = errands[i].result;
	}
	return result;
}

const char *alone(unsigned cpu, const char *(*run)(unsigned cpu))
{
	static struct errand errand;

	if (cpu == 0)
		return run(0);
	errand.run = run;
	cpu_run(&errand.call, cpu, run_errand, &errand);
	cpu_wait(&errand.call);
	return errand.result;
}

static void end_machine(void *status)
{
	exit(atoi(status));
}

/* The reader has the lock of its stream all the time, which must not keep the other one. */
static int end_from_last(char *status)
{
	static struct cpu_call call;
	char line[80];

	if (vport_cpu_count() == 1)
		return 1;
	/* exit flushes it, and not this CPU before it reads, which might be stopped in the middle of that. */
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	printf("exit from CPU %u", vport_cpu_count() - 1);
	cpu_run(&call, vport_cpu_count() - 1, end_machine, status);
	fgets(line, sizeof(line), stdin);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "exit") == 0)
		return end_from_last(argv[2]);
	printf("# %u CPUs\n", vport_cpu_count());
	if (argc == 2 && strcmp(argv[1], "disk") == 0)
		return test_disk();
	if (argc == 2 && (unsigned)atoi(argv[1]) != vport_cpu_count())
		return 1;
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
