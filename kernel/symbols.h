/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of the functions in the image, for backtraces: a table that tools/symbols.py writes
 * from the linked kernel, and with which the kernel is linked once more. It stands in read-only data
 * behind the code, so that the second link moves no function.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

/* Where each function begins, from image_start; ascending. */
extern const uint32_t symbol_offsets[];
extern const uint32_t symbol_count;
/* Their names in the same order, one after another, each with its zero: a backtrace has the time to
 * count them, and no image the space for where each begins. */
extern const char symbol_names[];

#endif
