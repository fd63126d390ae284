/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port's PCI configuration accesses, by what the host bridge has: ECAM (PCI Express Base
 * 3.0, 7.2.2), CAM, which is the same without the extended 4 KiB of a function
 * (pci-host-cam-generic binding), or ports (PCI Local Bus 3.0, 3.2.2.3.2), which the
 * architecture brings along.
 *
 * A bus is mapped when it is first looked at: all 256 of them would be 256 MiB of page tables'
 * work.
 *
 *     make run MACHINE=q35 (ECAM), MACHINE=pc (ports), then `lspci` in the shell
 *
 * Left out: host bridges whose configuration space must be opened first.
 */
#include "kernel/pci_access.h"

#include "drivers/virtio/port.h"
#include "kernel/memory.h"

enum { ECAM_FUNCTION_SHIFT = 12, CAM_FUNCTION_SHIFT = 8 };

#define FUNCTIONS 256 /* of a bus: 32 devices of 8 */

/* log2 of a function's room. */
static unsigned function_shift(const struct pci_root *root)
{
	return root->access == PCI_ACCESS_ECAM ? ECAM_FUNCTION_SHIFT : CAM_FUNCTION_SHIFT;
}

static uint64_t bus_bytes(const struct pci_root *root)
{
	return (uint64_t)FUNCTIONS << function_shift(root);
}

bool pci_config_range(const struct pci_root *root, uint64_t *start, uint64_t *length)
{
	*start = *length = 0;
	if (root->first_bus > root->last_bus || root->last_bus > 255)
		return false;
	if (root->access == PCI_ACCESS_CF8)
		return true;
	*start = root->config_base;
	*length = (root->last_bus - root->first_bus + 1) * bus_bytes(root);
	return *length <= UINT64_MAX - *start;
}

/* Where a register is; 0 when it is out of the bridge's range or cannot be mapped. */
static vport_reg_t config_register(struct pci_config_space *space,
				   const struct pci_function *function, unsigned offset)
{
	const struct pci_root *root = &space->root;
	unsigned shift = function_shift(root);
	uintptr_t devfn = (uintptr_t)(function->device << 3 | function->function);

	if (function->bus < root->first_bus || function->bus > root->last_bus || offset >> shift)
		return 0;

	void **bus = &space->bus[function->bus];
	if (!*bus)
		*bus = map_device(root->config_base +
					  (function->bus - root->first_bus) * bus_bytes(root),
				  bus_bytes(root));
	return *bus ? (vport_reg_t)*bus + (devfn << shift) + offset : 0;
}

static uint32_t port_address(const struct pci_function *function, unsigned offset)
{
	return (uint32_t)function->bus << 16 | (uint32_t)function->device << 11 |
	       (uint32_t)function->function << 8 | offset;
}

uint32_t vport_pci_read(const struct pci_function *function, unsigned offset, unsigned width)
{
	struct pci_config_space *space = function->bus_access;

	kit_assert(offset % width == 0);
	if (space->root.access == PCI_ACCESS_CF8)
		return space->root.read(port_address(function, offset), width);

	vport_reg_t reg = config_register(space, function, offset);
	return reg ? vport_reg_read(reg, width) : UINT32_MAX >> (32 - 8 * width);
}

void vport_pci_write(const struct pci_function *function, unsigned offset, unsigned width,
		     uint32_t value)
{
	struct pci_config_space *space = function->bus_access;

	kit_assert(offset % width == 0);
	if (space->root.access == PCI_ACCESS_CF8) {
		space->root.write(port_address(function, offset), width, value);
		return;
	}
	vport_reg_t reg = config_register(space, function, offset);
	if (reg)
		vport_reg_write(reg, width, value);
}
