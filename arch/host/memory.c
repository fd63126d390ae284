/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the host port. What devices may see is one memfd, mapped here and, by vhost-user, in the back
 * end's process; kernel/pages.c deals out its pages as it does with RAM, at "physical" addresses from
 * ARENA_ADDRESS on. What they must not see comes from the C library.
 *
 * A buffer that is not in the shared memory is copied through it (6.1-3: what ACCESS_PLATFORM is about,
 * on this port).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/boot.h"
#include "kernel/memory.h"
#include "kernel/ranges.h"
#include "lib/error.h"

static uint8_t *arena;
static int arena_fd = -1;
static uint64_t arena_bytes;
static struct ranges ram;

struct boot_info boot_info;

void host_memory_init(uint64_t bytes)
{
	arena_fd = memfd_create("ringlet", MFD_CLOEXEC);
	if (arena_fd >= 0 && ftruncate(arena_fd, (off_t)bytes) == 0)
		arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, arena_fd, 0);
	if (!arena || arena == MAP_FAILED) {
		perror("memory: no shared memory");
		exit(1);
	}
	arena_bytes = bytes;
	boot_info.ram[0] = (struct boot_range){ ARENA_ADDRESS, ARENA_ADDRESS + bytes };
	boot_info.ram_count = 1;
	ranges_add(&ram, ARENA_ADDRESS, ARENA_ADDRESS + bytes);
}

int host_memory_fd(void)
{
	return arena_fd;
}

uint64_t host_memory_size(void)
{
	return arena_bytes;
}

/* ---- What kernel/pages.c asks of kernel/mmu.c ---------------------------------------- */

const struct ranges *mmu_ram(void)
{
	return &ram;
}

uint64_t mmu_direct_end(void)
{
	return ARENA_ADDRESS + arena_bytes;
}

void mmu_map_rest(void)
{
	/* all of it is mapped */
}

void *direct(uint64_t phys)
{
	kit_assert(phys >= ARENA_ADDRESS && phys - ARENA_ADDRESS < arena_bytes);
	return arena + (phys - ARENA_ADDRESS);
}

bool phys_of(const void *address, uint64_t *phys)
{
	uintptr_t offset = (uintptr_t)address - (uintptr_t)arena;

	*phys = ARENA_ADDRESS + offset;
	return offset < arena_bytes;
}

/* ---- vport ----------------------------------------------------------------------------- */

void *vport_alloc(size_t size)
{
	kit_assert(size > 0);
	return calloc(1, size);
}

void vport_free(void *memory, size_t size)
{
	(void)size;
	free(memory);
}

static size_t pages_for(size_t size)
{
	return (size + PAGE_SIZE - 1) / PAGE_SIZE;
}

void *vport_dma_alloc(struct vport_device *device, size_t size, size_t align, dma_addr_t *address)
{
	(void)device;
	kit_assert(align <= PAGE_SIZE);
	void *memory = page_alloc(pages_for(size), PAGE_SIZE);
	if (memory)
		phys_of(memory, &address->bits);
	return memory;
}

void vport_dma_free(struct vport_device *device, void *memory, size_t size)
{
	(void)device;
	page_free(memory, pages_for(size));
}

/* Shared memory is seen where it is; for anything else a copy of it is. */
long vport_dma_map(struct vport_device *device, void *buffer, size_t length,
		   enum vport_direction direction, dma_addr_t *address)
{
	(void)device;
	if (phys_of(buffer, &address->bits))
		return (long)length;
	void *copy = page_alloc(pages_for(length), PAGE_SIZE);
	if (!copy)
		return ERR_NOMEM;
	if (direction == VPORT_TO_DEVICE)
		memcpy(copy, buffer, length);
	phys_of(copy, &address->bits);
	return (long)length;
}

void vport_dma_unmap(struct vport_device *device, void *buffer, size_t length,
		     enum vport_direction direction, dma_addr_t address)
{
	uint64_t unused;

	(void)device;
	if (phys_of(buffer, &unused))
		return;
	void *copy = direct(address.bits);
	if (direction == VPORT_FROM_DEVICE)
		memcpy(buffer, copy, length);
	page_free(copy, pages_for(length));
}
