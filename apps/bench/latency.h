/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long each request took: a histogram of times from nanoseconds to centuries, in which each power of two is
 * cut into 16 columns. Counting one takes a handful of instructions, and never memory that grows.
 */
#ifndef APPS_BENCH_LATENCY_H
#define APPS_BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_CUT 16 /* columns for each power of two */
#define LATENCY_CUT_BITS 4
#define LATENCY_COLUMNS ((64 - LATENCY_CUT_BITS + 1) * LATENCY_CUT)

/* The column that counts requests which took so long. */
static inline uint64_t *latency_column(uint64_t *columns, uint64_t ns)
{
	unsigned top = 63 - (unsigned)__builtin_clzll(ns | LATENCY_CUT); /* the highest bit */
	unsigned shift = top - LATENCY_CUT_BITS;

	return &columns[shift * LATENCY_CUT + (unsigned)(ns >> shift)];
}

/* The lower edge of the column in which that percentile lies; 0 when there is nothing. */
uint64_t latency_percentile(const uint64_t *columns, unsigned percent);

#endif
