/* SPDX-License-Identifier: BSD-2-Clause */
/* How long each request took, in a histogram whose columns are at most 1/16 wide of what they stand for. */
#ifndef APPS_BENCH_LATENCY_H
#define APPS_BENCH_LATENCY_H

#include <stdint.h>

void latency_clear(void);
void latency_add(uint64_t ns);
/* The lower edge of the column in which that percentile lies; 0 when there is nothing. */
uint64_t latency_percentile(unsigned percent);

#endif
