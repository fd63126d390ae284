/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of the functions in the image, for backtraces: a table that tools/symbols.py writes
 * from the linked kernel, and with which the kernel is linked once more. It stands in read-only data
 * behind the code, so that the second link moves no function.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

struct symbol {
	uint32_t offset; /* of the function's first byte from image_start; ascending */
	uint32_t name;   /* offset in symbol_names of its zero-terminated name */
};

extern const struct symbol symbol_table[];
extern const uint32_t symbol_count;
extern const char symbol_names[];

#endif
