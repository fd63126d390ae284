/* SPDX-License-Identifier: BSD-2-Clause */
/* The histogram of latency.h, read. */
#include "latency.h"

#include <string.h>

uint64_t latency_columns[LATENCY_COLUMNS];

void latency_clear(void)
{
	memset(latency_columns, 0, sizeof(latency_columns));
}

static uint64_t lower_edge(unsigned column)
{
	if (column < LATENCY_CUT)
		return column;
	return (uint64_t)(LATENCY_CUT + column % LATENCY_CUT) << (column / LATENCY_CUT - 1);
}

uint64_t latency_percentile(unsigned percent)
{
	uint64_t all = 0, below = 0;

	for (unsigned i = 0; i < LATENCY_COLUMNS; i++)
		all += latency_columns[i];
	for (unsigned i = 0; i < LATENCY_COLUMNS; i++) {
		below += latency_columns[i];
		if (below > 0 && below >= (all * percent + 99) / 100)
			return lower_edge(i);
	}
	return 0;
}
