/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the port (drivers/virtio/port.h) that targets of whole drivers have in common: one CPU, memory whose device
 * address is its address, locks that are not taken twice, and a log whose lines are made and thrown away. For the target's
 * one file.
 */
#ifndef TESTS_FUZZ_PORT_H
#define TESTS_FUZZ_PORT_H

#include "drivers/virtio/device.h"

#define FUZZ_PORT_PANIC
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/log.h"

void *vport_alloc(size_t size)
{
	return fuzz_alloc(size);
}

void vport_free(void *memory, size_t size)
{
	(void)size;
	free(memory);
}

void *vport_dma_alloc(struct vport_device *of, size_t size, size_t align, dma_addr_t *address)
{
	void *memory = NULL;

	(void)of;
	FUZZ_CHECK(posix_memalign(&memory, align < sizeof(memory) ? sizeof(memory) : align, size) ==
		   0);
	memset(memory, 0, size);
	address->bits = (uintptr_t)memory;
	return memory;
}

void vport_dma_free(struct vport_device *of, void *memory, size_t size)
{
	(void)of;
	(void)size;
	free(memory);
}

unsigned vport_cpu(void)
{
	return 0;
}

unsigned vport_cpu_count(void)
{
	return 1;
}

void vport_wake(unsigned cpu)
{
	FUZZ_CHECK(cpu == 0);
}

void vport_lock_take(struct vport_lock *lock)
{
	FUZZ_CHECK(lock->taken_by == 0);
	lock->taken_by = 1;
}

void vport_lock_give(struct vport_lock *lock)
{
	lock->taken_by = 0;
}

#endif
