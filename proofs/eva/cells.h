/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Put before lib/fdt.c when Eva analyses it: fdt_read_cell, but each small number that comes out is followed by
 * itself, for then the place of the next token is known exactly.
 */
#define fdt_read_cell fdt_read_cell_at_once
#include "lib/fdt.h"
#undef fdt_read_cell

#ifndef SMALL
#define SMALL 32
#endif

static inline uint32_t fdt_read_cell(const void *value, size_t index)
{
	uint32_t cell = fdt_read_cell_at_once(value, index);

	if (cell > SMALL)
		return cell;
	/*@ split cell; */
	return cell;
}
