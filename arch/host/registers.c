/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers of the host port: an access finds its device by address. See registers.h. */
#include "arch/host/registers.h"

#include <stddef.h>

static struct register_space *spaces;

void registers_add(struct register_space *space)
{
	space->next = spaces;
	spaces = space;
}

static const struct register_space *find(vport_reg_t reg, unsigned width)
{
	for (const struct register_space *space = spaces; space; space = space->next) {
		uint64_t offset = reg - space->start;
		if (offset < space->length && width <= space->length - offset)
			return space;
	}
	return NULL;
}

uint32_t vport_reg_read(vport_reg_t reg, unsigned width)
{
	const struct register_space *space = find(reg, width);

	kit_assert(space && reg % width == 0);
	return space->read(space->model, reg - space->start, width);
}

void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value)
{
	const struct register_space *space = find(reg, width);

	kit_assert(space && reg % width == 0);
	space->write(space->model, reg - space->start, width, value);
}
