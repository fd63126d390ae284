/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of drivers/virtio/port.h, on metal: memory and registers. (Interrupts are in irq.c,
 * waiting in event.c, PCI configuration in pci_access.c, settings and the log in settings.c.)
 *
 * Devices see physical addresses here: the kernel sets up no IOMMU. Everything that can be given to a
 * device (direct map, image, stacks) is physically contiguous at least page by page; the direct map and
 * the image are in whole, so that a buffer in them is one piece.
 */
#include "drivers/virtio/port.h"

#include <arch_io.h>

#include "kernel/device.h"
#include "kernel/discover.h"
#include "kernel/memory.h"
#include "lib/mem.h"

/* ---- Memory -------------------------------------------------------------------- */

/* Small pieces of private memory come from one page after another; they are few, and live long, so what
 * is freed is kept by size and nothing is ever merged. */
#define SMALL_UNIT 64
#define SMALL_CLASSES (PAGE_SIZE / 2 / SMALL_UNIT)

struct small_block {
	struct small_block *next;
};

static struct small_block *free_blocks[SMALL_CLASSES + 1];
static char *small_page;
static size_t small_left;
static struct vport_lock small_lock; /* for all three */

static size_t pages_for(size_t size)
{
	return (size + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* A block that was freed, or the next one of the page; NULL when both are used up. */
static void *small_take(size_t class)
{
	struct small_block *block = free_blocks[class];
	size_t size = class * SMALL_UNIT;

	if (block) {
		free_blocks[class] = block->next;
	} else if (small_left >= size) {
		block = (struct small_block *)(small_page + PAGE_SIZE - small_left);
		small_left -= size;
	}
	return block;
}

static void *small_alloc(size_t class)
{
	vport_lock_take(&small_lock);
	void *memory = small_take(class);
	if (!memory) {
		/* Zeroing a page is short enough to be waited for. */
		small_page = page_alloc(1, PAGE_SIZE);
		small_left = small_page ? PAGE_SIZE : 0;
		memory = small_take(class);
	}
	vport_lock_give(&small_lock);
	return memory ? memset(memory, 0, class * SMALL_UNIT) : NULL;
}

void *vport_alloc(size_t size)
{
	size_t class = (size + SMALL_UNIT - 1) / SMALL_UNIT;

	kit_assert(size > 0);
	return class <= SMALL_CLASSES ? small_alloc(class) : page_alloc(pages_for(size), PAGE_SIZE);
}

void vport_free(void *memory, size_t size)
{
	size_t class = (size + SMALL_UNIT - 1) / SMALL_UNIT;

	if (class > SMALL_CLASSES) {
		page_free(memory, pages_for(size));
		return;
	}
	struct small_block *block = memory;
	vport_lock_take(&small_lock);
	block->next = free_blocks[class];
	free_blocks[class] = block;
	vport_lock_give(&small_lock);
}

static dma_addr_t device_address(const void *memory)
{
	uint64_t phys;
	bool known = phys_of(memory, &phys);

	kit_assert(known);
	return (dma_addr_t){ phys };
}

void *vport_dma_alloc(struct vport_device *device, size_t size, size_t align, dma_addr_t *address)
{
	(void)device;
	kit_assert(align <= PAGE_SIZE);
	void *memory = page_alloc(pages_for(size), PAGE_SIZE);
	if (memory)
		*address = device_address(memory);
	return memory;
}

void vport_dma_free(struct vport_device *device, void *memory, size_t size)
{
	(void)device;
	page_free(memory, pages_for(size));
}

long vport_dma_map(struct vport_device *device, void *buffer, size_t length,
		   enum vport_direction direction, dma_addr_t *address)
{
	(void)device;
	(void)direction;
	*address = device_address(buffer);
	if ((uintptr_t)buffer >= STACK_BASE && (uintptr_t)buffer < IMAGE_BASE) {
		/* A stack's pages need not lie one behind another. */
		size_t in_page = PAGE_SIZE - (uintptr_t)buffer % PAGE_SIZE;
		if (length > in_page)
			length = in_page;
	}
	return (long)length;
}

void vport_dma_unmap(struct vport_device *device, void *buffer, size_t length,
		     enum vport_direction direction, dma_addr_t address)
{
	/* Memory is coherent and seen where it is: there is nothing to undo. */
	(void)device;
	(void)buffer;
	(void)length;
	(void)direction;
	(void)address;
}

/* ---- Registers ------------------------------------------------------------------ */

/* The widths of doorbells and of a line's status first. */
uint32_t vport_reg_read(vport_reg_t reg, unsigned width)
{
	uint32_t value;

	if (width == 4)
		value = *(volatile uint32_t *)reg;
	else if (width == 2)
		value = *(volatile uint16_t *)reg;
	else
		value = *(volatile uint8_t *)reg;
	arch_io_after_read();
	return value;
}

void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value)
{
	arch_io_before_write();
	if (width == 4)
		*(volatile uint32_t *)reg = value;
	else if (width == 2)
		*(volatile uint16_t *)reg = (uint16_t)value;
	else
		*(volatile uint8_t *)reg = (uint8_t)value;
}

vport_reg_t vport_map(struct vport_device *device, uint64_t bus, uint64_t length)
{
	uint64_t phys = bus;

	if (device->pci && !pci_root_to_cpu(device->pci, bus, length, &phys))
		return 0;
	return (vport_reg_t)map_device(phys, length);
}
