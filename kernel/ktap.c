/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests that report in KTAP version 1: a plan, a line a test, and the reason below one that failed.
 *
 *     make run APP=selftest
 *
 * Left out: nested tests.
 */
#include "kernel/ktap.h"

#include "kernel/console.h"

static const char *skip_reason;

const char *ktap_skip(const char *why)
{
	skip_reason = why;
	return why;
}

int ktap_run(const struct ktap_test *tests, unsigned count)
{
	unsigned failed = 0, skipped = 0;

	kprint("KTAP version 1\n1..%u\n", count);
	for (unsigned i = 0; i < count; i++) {
		skip_reason = NULL;
		const char *result = tests[i].run();
		console_end_line();
		if (result == KTAP_OK) {
			kprint("ok %u %s\n", i + 1, tests[i].name);
		} else if (result == skip_reason) {
			kprint("ok %u %s # SKIP %s\n", i + 1, tests[i].name, result);
			skipped++;
		} else {
			kprint("# %s\nnot ok %u %s\n", result, i + 1, tests[i].name);
			failed++;
		}
	}
	kprint("# Totals: pass:%u fail:%u skip:%u\n", count - failed - skipped, failed, skipped);
	return failed == 0 ? 0 : 1;
}
