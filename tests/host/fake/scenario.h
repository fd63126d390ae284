/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios: tests of real drivers against a fake device, each in a process of its own, so that the drivers'
 * lists begin empty, a crash ends one scenario only, and one that hangs is found. A scenario is run on each bus
 * and in each ring format for which it makes sense, which it finds in `bus` and `ring`.
 *
 * After it, the port and the device must have nothing to complain of. One that expects accesses to memory that
 * is out of reach says so by setting misses_expected.
 */
#ifndef TESTS_HOST_FAKE_SCENARIO_H
#define TESTS_HOST_FAKE_SCENARIO_H

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/fake/device.h"

#define SCENARIO_SECONDS 60 /* of real time: nothing here waits for any */

static enum fake_bus bus;
static enum fake_format ring;
static bool misses_expected;

enum {
	ON_PCI = 1,
	ON_MMIO = 2,
	ON_SPLIT = 4,
	ON_PACKED = 8,
	ON_BUSES = ON_PCI | ON_MMIO | ON_SPLIT,
	ON_RINGS = ON_PCI | ON_SPLIT | ON_PACKED,
	ON_ALL = ON_PCI | ON_MMIO | ON_SPLIT | ON_PACKED,
};

struct scenario {
	const char *name;
	void (*run)(void);
	unsigned on;
};

#define SCENARIO(function, where) \
	{ \
		.name = #function, .run = function, .on = (where) \
	}

#define SCENARIO_MAX 256
static struct {
	char name[96];
	void (*run)(void);
	enum fake_bus bus;
	enum fake_format ring;
} scenario_cases[SCENARIO_MAX];

/* Where coverage is measured, a process that ends early must leave its counts. */
extern void __gcov_dump(void) __attribute__((weak));

static inline _Noreturn void scenario_end(void)
{
	CHECK_EQ(fake_port.complaints, 0);
	CHECK(misses_expected || fake_port.arena.misses == 0);
	fflush(stdout);
	if (__gcov_dump)
		__gcov_dump();
	_exit(check_failures != 0);
}

static inline _Noreturn void scenario_child(void (*run)(void))
{
	alarm(SCENARIO_SECONDS);
	run();
	scenario_end();
}

/* A row of a scenario's table, in a process of its own as well: it begins as the scenario did. */
static inline void scenario_row(void (*run)(unsigned row), unsigned row)
{
	int status = 1;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(SCENARIO_SECONDS);
		check_failures = 0; /* its own */
		run(row);
		if (check_failures)
			printf("# row %u\n", row);
		scenario_end();
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child);
	CHECK_EQ(status, 0);
}

/* check.h's cases have no argument: it is their number that tells which it is. */
static inline void scenario_next(void)
{
	int status = 0;

	bus = scenario_cases[check_number].bus;
	ring = scenario_cases[check_number].ring;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		scenario_child(scenario_cases[check_number].run);
	CHECK(child > 0 && waitpid(child, &status, 0) == child);
	CHECK_EQ(status, 0);
}

static inline int scenarios_run(const struct scenario *scenarios, unsigned count)
{
	static const unsigned ways[] = { ON_PCI | ON_SPLIT, ON_PCI | ON_PACKED, ON_MMIO | ON_SPLIT,
					 ON_MMIO | ON_PACKED };
	static struct check checks[SCENARIO_MAX + 1];
	unsigned n = 0;

	for (unsigned i = 0; i < 4 * count; i++) {
		const struct scenario *scenario = &scenarios[i / 4];
		unsigned way = ways[i % 4];
		if ((scenario->on & way) != way)
			continue;
		if (n == SCENARIO_MAX)
			abort();
		scenario_cases[n].run = scenario->run;
		scenario_cases[n].bus = way & ON_PCI ? FAKE_PCI : FAKE_MMIO;
		scenario_cases[n].ring = way & ON_PACKED ? FAKE_PACKED : FAKE_SPLIT;
		snprintf(scenario_cases[n].name, sizeof(scenario_cases[n].name), "%s-%s-%s",
			 scenario->name, way & ON_PCI ? "pci" : "mmio",
			 way & ON_PACKED ? "packed" : "split");
		checks[n] = (struct check){ .name = scenario_cases[n].name, .run = scenario_next };
		n++;
	}
	return check_run(checks);
}

/* Nothing of the port's is in use any more: what a failed probe must leave. */
#define CHECK_NOTHING_LEFT() \
	do { \
		CHECK_EQ(fake_port.allocations, 0); \
		CHECK_EQ(fake_port.dma_allocations, 0); \
		CHECK_EQ(fake_port.mappings, 0); \
		CHECK_EQ(fake_port.interrupts_requested, 0); \
	} while (0)

/* Probes with the allocation of that number failing, 1 the first: then it ends with ERR_NOMEM, and nothing is left. What it ends
 * with; 0: there are less. */
static inline int probe_without_memory(struct fake_device *device, unsigned number)
{
	fake_port.allocation_fails = fake_port.allocated + number;
	int error = fake_probe(device);
	if (error) {
		CHECK_EQ(error, ERR_NOMEM);
		CHECK_NOTHING_LEFT();
	}
	return error;
}

#endif
