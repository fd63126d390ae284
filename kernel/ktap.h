/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests that report in KTAP version 1, for programs:
 *
 *     static const char *test_addition(void)
 *     {
 *             return 1 + 1 == 2 ? KTAP_OK : "1 + 1";
 *     }
 *     static const struct ktap_test tests[] = { { "addition", test_addition } };
 *     int main(void) { return ktap_run(tests, 1); }
 */
#ifndef KERNEL_KTAP_H
#define KERNEL_KTAP_H

#include <stddef.h>

struct ktap_test {
	const char *name;
	/* Returns KTAP_OK, ktap_skip(why), or what was wrong. */
	const char *(*run)(void);
};

#define KTAP_OK NULL

const char *ktap_skip(const char *why);
/* Runs all of them; the status of the program: 0, or 1 when one failed. */
int ktap_run(const struct ktap_test *tests, unsigned count);

/* In a test: leaves it, with the condition and its line as what was wrong. */
#define KTAP_LINE_TEXT(line) #line
#define KTAP_LINE(line) KTAP_LINE_TEXT(line)
#define ktap_check(condition) \
	do { \
		if (!(condition)) \
			return "line " KTAP_LINE(__LINE__) ": " #condition; \
	} while (0)

#endif
