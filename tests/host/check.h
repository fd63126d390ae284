/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests that run as a Linux process: a harness of a few lines that prints KTAP version 1.
 *
 *     static void adds(void) { CHECK_EQ(1 + 1, 2); }
 *     int main(void) { return check_run((struct check[]){ CHECK_CASE(adds), CHECK_END }); }
 *
 * A failed check says where and what, and its case goes on: one run shows all that is wrong, as
 * far as one line's failure does not hide another's. The status is 0 when every case is ok.
 * CHECK_CASE=adds in the environment runs that case alone.
 */
#ifndef TESTS_HOST_CHECK_H
#define TESTS_HOST_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
	const char *name;
	void (*run)(void);
};

#define CHECK_CASE(function) \
	{ \
		.name = #function, .run = function \
	}
#define CHECK_END \
	{ \
		.name = NULL \
	}

static unsigned check_number;   /* of the case that runs, from 0 on */
static unsigned check_failures; /* of it */

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			check_failures++; \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
		} \
	} while (0)

/* Of integers; shows what both were. */
#define CHECK_EQ(actual, expected) \
	check_eq((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)

static inline void check_eq(long long actual, long long expected, const char *what,
			    const char *file, int line)
{
	if (actual == expected)
		return;
	check_failures++;
	printf("# %s:%d: %s is %lld (0x%llx), expected %lld (0x%llx)\n", file, line, what, actual,
	       actual, expected, expected);
}

#define CHECK_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)

static inline void check_text(const char *actual, const char *expected, const char *what,
			      const char *file, int line)
{
	if (actual && strcmp(actual, expected) == 0)
		return;
	check_failures++;
	printf("# %s:%d: %s is \"%s\", expected \"%s\"\n", file, line, what,
	       actual ? actual : "(null)", expected);
}

static inline int check_run(const struct check *cases)
{
	const char *alone = getenv("CHECK_CASE");
	unsigned count = 0, done = 0, bad = 0;

	while (cases[count].name)
		count++;
	/* What a crash leaves behind must be readable. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", alone ? 1 : count);
	for (check_number = 0; check_number < count; check_number++) {
		if (alone && strcmp(alone, cases[check_number].name) != 0)
			continue;
		check_failures = 0;
		cases[check_number].run();
		bad += check_failures != 0;
		printf("%sok %u %s\n", check_failures ? "not " : "", ++done,
		       cases[check_number].name);
	}
	return bad != 0 || done == 0;
}

#endif
