/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers of the host port: whoever models a device says here what an access to it does. */
#ifndef ARCH_HOST_REGISTERS_H
#define ARCH_HOST_REGISTERS_H

#include <stdint.h>

#include "drivers/virtio/port.h"

struct register_space {
	vport_reg_t start; /* not 0 */
	uint64_t length;
	uint32_t (*read)(void *model, uint64_t offset, unsigned width);
	void (*write)(void *model, uint64_t offset, unsigned width, uint32_t value);
	void *model;
	struct register_space *next;
};

/* From now on accesses to [start, start + length) go there; the struct stays in use for good. */
void registers_add(struct register_space *space);

#endif
