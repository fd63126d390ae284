/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A histogram of times from nanoseconds to centuries: each power of two is cut into 16 columns. Counting
 * one takes a handful of instructions and never memory that grows.
 */
#include "latency.h"

#include <string.h>

#define CUT 16 /* columns for each power of two */
#define CUT_BITS 4
#define COLUMNS ((64 - CUT_BITS + 1) * CUT)

static uint64_t columns[COLUMNS];

void latency_clear(void)
{
	memset(columns, 0, sizeof(columns));
}

static unsigned column_of(uint64_t ns)
{
	if (ns < CUT)
		return (unsigned)ns;
	unsigned top = 63 - (unsigned)__builtin_clzll(ns); /* the highest bit that is set */
	return (top - CUT_BITS) * CUT + (unsigned)(ns >> (top - CUT_BITS));
}

static uint64_t lower_edge(unsigned column)
{
	if (column < CUT)
		return column;
	return (uint64_t)(CUT + column % CUT) << (column / CUT - 1);
}

void latency_add(uint64_t ns)
{
	columns[column_of(ns)]++;
}

uint64_t latency_percentile(unsigned percent)
{
	uint64_t all = 0, below = 0;

	for (unsigned i = 0; i < COLUMNS; i++)
		all += columns[i];
	for (unsigned i = 0; i < COLUMNS; i++) {
		below += columns[i];
		if (below > 0 && below >= (all * percent + 99) / 100)
			return lower_edge(i);
	}
	return 0;
}
