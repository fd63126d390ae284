/* SPDX-License-Identifier: BSD-2-Clause */
/* The histogram of latency.h, read. */
#include "latency.h"

static uint64_t lower_edge(unsigned column)
{
	if (column < LATENCY_CUT)
		return column;
	return (uint64_t)(LATENCY_CUT + column % LATENCY_CUT) << (column / LATENCY_CUT - 1);
}

uint64_t latency_percentile(const uint64_t *columns, unsigned percent)
{
	uint64_t all = 0, below = 0;

	for (unsigned i = 0; i < LATENCY_COLUMNS; i++)
		all += columns[i];
	for (unsigned i = 0; i < LATENCY_COLUMNS; i++) {
		below += columns[i];
		if (below > 0 && below >= (all * percent + 99) / 100)
			return lower_edge(i);
	}
	return 0;
}
