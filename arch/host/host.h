/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the host port share. */
#ifndef ARCH_HOST_H
#define ARCH_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

/* The address at which back ends see the shared memory: one that no pointer of a process can have, so that
 * a mix-up of the two fails at once. */
#define ARENA_ADDRESS UINT64_C(0x0001000000000000)

/* memory.c: makes the shared memory, this many bytes. Ends with a line when that fails. */
void host_memory_init(uint64_t bytes);
/* In its place: all of that file, which devices see from `address` on. */
void host_memory_share(int fd, uint64_t address);
int host_memory_fd(void);
uint64_t host_memory_size(void);
uint64_t host_memory_address(void);

/* wait.c: what is to be looked at while sleeping. The handler is called as an interrupt is. */
void host_wait_add(int fd, vport_irq_fn *handler, void *argument);
void host_wait_remove(int fd);

#endif
