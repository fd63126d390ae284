/* SPDX-License-Identifier: BSD-2-Clause */
/* The port's memory for hosted tests: each allocation and each mapping is known by its exact place and length,
 * given back once, and reached by no device afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "tests/host/fake/port.h"

struct piece {
	struct piece *next;
	void *memory;
	size_t length;
	uint64_t address; /* the device's; 0 for private memory */
	enum vport_direction direction;
};

static struct piece *allocations, *mappings;

static void add(struct piece **list, void *memory, size_t length, uint64_t address,
		enum vport_direction direction)
{
	struct piece *piece = calloc(1, sizeof(*piece));

	if (!piece)
		abort();
	*piece = (struct piece){ *list, memory, length, address, direction };
	*list = piece;
}

/* Takes it off the list and tells its device address; false when there is no such piece. */
static bool take(struct piece **list, const void *memory, size_t length, uint64_t *address)
{
	for (; *list; list = &(*list)->next) {
		struct piece *piece = *list;
		if (piece->memory != memory || piece->length != length ||
		    (*address && piece->address != *address))
			continue;
		*address = piece->address;
		*list = piece->next;
		free(piece);
		return true;
	}
	return false;
}

static void *allocate(size_t size, size_t align)
{
	void *memory = NULL;

	if (size == 0)
		fake_complain("an allocation of nothing");
	if (!fake_may_allocate())
		fake_complain("an allocation in drain or interrupt context");
	if (++fake_port.allocated == fake_port.allocation_fails)
		return NULL;
	if (posix_memalign(&memory, align, size) != 0)
		abort();
	memset(memory, 0, size);
	return memory;
}

void *vport_alloc(size_t size)
{
	void *memory = allocate(size, 16);

	if (!memory)
		return NULL;
	fake_port.allocations++;
	add(&allocations, memory, size, 0, VPORT_TO_DEVICE);
	return memory;
}

void vport_free(void *memory, size_t size)
{
	uint64_t address = 0;

	if (!fake_may_allocate())
		fake_complain("vport_free in drain or interrupt context");
	if (!take(&allocations, memory, size, &address) || address != 0) {
		fake_complain("vport_free of what was not allocated, or with another size");
		return;
	}
	fake_port.allocations--;
	free(memory);
}

void *vport_dma_alloc(struct vport_device *device, size_t size, size_t align, dma_addr_t *address)
{
	(void)device;
	if (align > 4096 || (align & (align - 1)) != 0)
		fake_complain("vport_dma_alloc with an alignment of %zu", align);
	void *memory = allocate(size, align < 16 ? 16 : align);
	if (!memory)
		return NULL;
	fake_port.dma_allocations++;
	address->bits = dma_arena_add(&fake_port.arena, memory, size, true);
	add(&allocations, memory, size, address->bits, VPORT_TO_DEVICE);
	return memory;
}

void vport_dma_free(struct vport_device *device, void *memory, size_t size)
{
	uint64_t address = 0;

	(void)device;
	if (!fake_may_allocate())
		fake_complain("vport_dma_free in drain or interrupt context");
	if (!take(&allocations, memory, size, &address) || address == 0) {
		fake_complain("vport_dma_free of what was not allocated, or with another size");
		return;
	}
	fake_port.dma_allocations--;
	dma_arena_remove(&fake_port.arena, address);
	free(memory);
}

long vport_dma_map(struct vport_device *device, void *buffer, size_t length,
		   enum vport_direction direction, dma_addr_t *address)
{
	(void)device;
	if (length == 0)
		fake_complain("vport_dma_map of nothing");
	if (++fake_port.mapped == fake_port.mapping_fails)
		return ERR_NOMEM;
	if (fake_port.mapped == fake_port.mapping_halves)
		length = (length + 1) / 2;
	if (fake_port.piece) {
		size_t left = fake_port.piece - ((uintptr_t)buffer + 7) % fake_port.piece;
		if (length > left)
			length = left;
	}
	address->bits =
		dma_arena_add(&fake_port.arena, buffer, length, direction == VPORT_FROM_DEVICE);
	if (direction == VPORT_FROM_DEVICE)
		dma_arena_hide(&fake_port.arena, address->bits);
	add(&mappings, buffer, length, address->bits, direction);
	fake_port.mappings++;
	return (long)length;
}

void vport_dma_unmap(struct vport_device *device, void *buffer, size_t length,
		     enum vport_direction direction, dma_addr_t address)
{
	uint64_t at = address.bits;

	(void)device;
	(void)direction;
	if (!take(&mappings, buffer, length, &at)) {
		fake_complain("vport_dma_unmap of what was not mapped so");
		return;
	}
	fake_port.mappings--;
	dma_arena_remove(&fake_port.arena, at);
}
