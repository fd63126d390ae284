/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/format.c against what C's printf does, and where it must not: at the buffer's end. */
#include "lib/format.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/error.h"
#include "tests/host/check.h"

/* The same arguments to both; the texts and the lengths must be the same. */
#define SAME(...) \
	do { \
		char ours[256], theirs[256]; \
		size_t length = format(ours, sizeof ours, __VA_ARGS__); \
		CHECK_EQ(length, snprintf(theirs, sizeof theirs, __VA_ARGS__)); \
		CHECK_TEXT(ours, theirs); \
	} while (0)

static void numbers(void)
{
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%u %u", 0u, UINT_MAX);
	SAME("%x %X %x", 0xbeefu, 0xbeefu, 0u);
	SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	SAME("%lld %llu %llx", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
	SAME("%zu %zx %zd", (size_t)SIZE_MAX, (size_t)SIZE_MAX, (size_t)12);
	SAME("%i", -42);
	SAME("%p", (void *)0x1234);
}

static void widths(void)
{
	SAME("[%5d] [%-5d] [%05d]", 42, 42, 42);
	SAME("[%5d] [%-5d] [%05d]", -42, -42, -42);
	SAME("[%2d] [%02d]", 12345, -12345);
	SAME("[%*d] [%*d]", 6, 7, -6, 7);
	SAME("%08x-%016llx", 0x12u, 0x34ull);
	SAME("[%10p]", (void *)0x12);
}

static void strings(void)
{
	char open[3] = { 'a', 'b', 'c' }; /* no zero at its end */

	SAME("%s|%10s|%-10s|%%", "abc", "abc", "abc");
	SAME("[%.2s] [%.0s] [%.9s]", "abc", "abc", "abc");
	SAME("[%.*s] [%.*s]", 3, open, -1, "all");
	SAME("[%6.2s] [%-6.2s]", "abc", "abc");
	SAME("%c%c [%3c] [%-3c]", 'x', 'y', 'z', 'z');

	char text[16];
	const char *volatile null = NULL;
	format(text, sizeof text, "%s", null);
	CHECK_TEXT(text, "(null)");
}

static void unknown_as_it_stands(void)
{
	char text[32];
	/* Not literals: the compiler knows that they are wrong. */
	const char *volatile odd = "%q %", *volatile floating = "a%5.1fb";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	format(text, sizeof text, odd);
	CHECK_TEXT(text, "%q %");
	format(text, sizeof text, floating);
	CHECK_TEXT(text, "a%5.1fb");
#pragma GCC diagnostic pop
}

static void ends_with_the_buffer(void)
{
	/* Of the heap, so that the sanitizer sees a byte too many. */
	for (size_t size = 1; size < 40; size++) {
		char *text = malloc(size), whole[64];
		size_t length = format(text, size, "%s %08x %-9d|", "abcdef", 0x1234u, -5);

		format(whole, sizeof whole, "%s %08x %-9d|", "abcdef", 0x1234u, -5);
		CHECK_EQ(length, size - 1 < strlen(whole) ? size - 1 : strlen(whole));
		CHECK(memcmp(text, whole, length) == 0);
		CHECK_EQ(text[length], 0);
		free(text);
	}

	/* A width without end is cut off as well. */
	char small[8];
	CHECK_EQ(format(small, sizeof small, "%2147483647d", 1), 7);
	CHECK_TEXT(small, "       ");
}

static void every_error_has_a_text(void)
{
	for (int code = ERR_CLOSED; code <= ERR_IO; code++)
		CHECK(strcmp(error_text(code), "unknown error") != 0);
	CHECK_TEXT(error_text(0), "no error");
	CHECK_TEXT(error_text(17), "no error");
	CHECK_TEXT(error_text(INT_MIN), "unknown error");
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(numbers),
		CHECK_CASE(widths),
		CHECK_CASE(strings),
		CHECK_CASE(unknown_as_it_stands),
		CHECK_CASE(ends_with_the_buffer),
		CHECK_CASE(every_error_has_a_text),
		CHECK_END,
	});
}
