/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the host port. What devices may see is one file, mapped here and in the devices' process: a memfd
 * at "physical" addresses from ARENA_ADDRESS on, of which vhost-user tells the back end, or QEMU's RAM
 * (qtest_machine.c). kernel/pages.c deals out its pages as it does with RAM. What devices must not see comes
 * from the C library.
 *
 * A buffer that is not in the shared memory is copied through it (6.1-3: what ACCESS_PLATFORM is about,
 * on this port).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/boot.h"
#include "kernel/memory.h"
#include "kernel/ranges.h"
#include "lib/error.h"

static uint8_t *arena;
static int arena_fd = -1;
static uint64_t arena_bytes;
static uint64_t arena_address; /* what its first byte's is for devices */
static struct ranges ram;

struct boot_info boot_info;

static _Noreturn void no_memory(void)
{
	perror("memory: no shared memory");
	exit(1);
}

void host_memory_init(uint64_t bytes)
{
	int fd = memfd_create("ringlet", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
		no_memory();
	host_memory_share(fd, ARENA_ADDRESS);
}

void host_memory_share(int fd, uint64_t address)
{
	struct stat file;

	if (fstat(fd, &file) != 0)
		no_memory();
	uint64_t bytes = (uint64_t)file.st_size;
	arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (arena == MAP_FAILED)
		no_memory();
	/* A device's address is never a pointer. */
	uint64_t pointer = (uintptr_t)arena;
	kit_assert(pointer >= address + bytes || pointer + bytes <= address);
	arena_fd = fd;
	arena_bytes = bytes;
	arena_address = address;
	boot_info.ram[0] = (struct boot_range){ address, address + bytes };
	boot_info.ram_count = 1;
	ranges_add(&ram, address, address + bytes);
}

int host_memory_fd(void)
{
	return arena_fd;
}

uint64_t host_memory_size(void)
{
	return arena_bytes;
}

uint64_t host_memory_address(void)
{
	return arena_address;
}

/* ---- What kernel/pages.c and discover.c ask of kernel/mmu.c --------------------------- */

const struct ranges *mmu_ram(void)
{
	return &ram;
}

uint64_t mmu_direct_end(void)
{
	return arena_address + arena_bytes;
}

void mmu_map_rest(void)
{
	/* all of it is mapped */
}

void *direct(uint64_t phys)
{
	kit_assert(phys >= arena_address && phys - arena_address < arena_bytes);
	return arena + (phys - arena_address);
}

bool phys_of(const void *address, uint64_t *phys)
{
	uintptr_t offset = (uintptr_t)address - (uintptr_t)arena;

	*phys = arena_address + offset;
	return offset < arena_bytes;
}

bool range_is_ram(uint64_t start, uint64_t length)
{
	return ranges_touch(&ram, start, length);
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
