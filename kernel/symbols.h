/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of the functions in the image, for backtraces: a table that tools/symbols.py writes
 * from the linked kernel, and with which the kernel is linked once more. It stands in read-only data
 * behind the code, so that the second link moves no function.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

/* Where each function begins, ascending, as the distance from the one before it (the first: from
 * image_start) in units of so many bytes; and their names in the same order, one after another, each with its
 * zero. What has no name is a step on a way that is longer than one. A byte of a name from SYMBOL_PAIR on stands
 * for the two of symbol_pairs, of which each may stand for two others that come before them. A backtrace has the
 * time to add up and to count, and no image the space for more. */
extern const uint32_t symbol_unit;
extern const uint8_t symbol_steps[];
extern const uint32_t symbol_count;
extern const uint8_t symbol_names[];
#define SYMBOL_PAIR 128
extern const uint8_t symbol_pairs[][2];

#endif
