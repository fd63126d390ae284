/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2): the table in which each entry is the message that one
 * interrupt of the function sends. Every write is read back: a function that does not keep what
 * it is told goes down the ladder (shared vector, INTx, polling) before it could lose an
 * interrupt. Left out: the pending bit array, and MSI, which no virtio device has.
 *
 * See it at work: make run APP=lsvirtio IRQ=msix
 */
#include "drivers/pci/pci.h"
#include "lib/error.h"

/* The capability. */
enum {
	MSIX_CONTROL = 2,
	MSIX_TABLE = 4,
	MSIX_BYTES = 12,

	MSIX_CONTROL_COUNT = 0x7ff, /* one less than there are */
	MSIX_CONTROL_MASK_ALL = 1 << 14,
	MSIX_CONTROL_ENABLE = 1 << 15,
	MSIX_TABLE_BAR = 0x7,
};

/* An entry of the table. */
enum {
	ENTRY_ADDRESS = 0,
	ENTRY_ADDRESS_HIGH = 4,
	ENTRY_DATA = 8,
	ENTRY_CONTROL = 12,
	ENTRY_BYTES = 16,

	ENTRY_CONTROL_MASKED = 1 << 0,
};

static vport_reg_t entry(const struct pci_function *function, unsigned index)
{
	kit_assert(index < function->msix_count);
	return function->msix_table + (vport_reg_t)index * ENTRY_BYTES;
}

int pci_msix_init(struct pci_function *function, struct vport_device *device)
{
	int offset = pci_capability_next(function, 0, PCI_CAP_MSIX);

	function->msix_offset = 0;
	function->msix_count = 0;
	if (offset < 0)
		return offset;
	if (offset == 0)
		return ERR_UNSUPPORTED;
	if (offset + MSIX_BYTES > 0x100)
		return ERR_FORMAT;

	uint32_t control = vport_pci_read(function, (unsigned)offset + MSIX_CONTROL, 2);
	uint32_t where = vport_pci_read(function, (unsigned)offset + MSIX_TABLE, 4);
	unsigned bar = where & MSIX_TABLE_BAR, count = (control & MSIX_CONTROL_COUNT) + 1;
	uint32_t start = where & ~(uint32_t)MSIX_TABLE_BAR;

	if (!pci_bar_contains(function, bar, start, count * ENTRY_BYTES))
		return ERR_FORMAT;
	function->msix_table =
		vport_map(device, function->bars[bar].address + start, count * ENTRY_BYTES);
	if (!function->msix_table)
		return ERR_NOMEM;

	function->msix_offset = (uint8_t)offset;
	function->msix_count = (uint16_t)count;
	for (unsigned i = 0; i < count; i++)
		pci_msix_mask(function, i);
	return 0;
}

int pci_msix_set(struct pci_function *function, unsigned index, const struct vport_msi *msi)
{
	vport_reg_t at = entry(function, index);
	uint32_t low = (uint32_t)msi->address, high = (uint32_t)(msi->address >> 32);

	/* Masked while it changes: half an address must not be written to. */
	pci_msix_mask(function, index);
	vport_reg_write(at + ENTRY_ADDRESS, 4, low);
	vport_reg_write(at + ENTRY_ADDRESS_HIGH, 4, high);
	vport_reg_write(at + ENTRY_DATA, 4, msi->data);
	if (vport_reg_read(at + ENTRY_ADDRESS, 4) != low ||
	    vport_reg_read(at + ENTRY_ADDRESS_HIGH, 4) != high ||
	    vport_reg_read(at + ENTRY_DATA, 4) != msi->data)
		return ERR_IO;

	vport_reg_write(at + ENTRY_CONTROL, 4, 0);
	return vport_reg_read(at + ENTRY_CONTROL, 4) & ENTRY_CONTROL_MASKED ? ERR_IO : 0;
}

void pci_msix_mask(struct pci_function *function, unsigned index)
{
	vport_reg_write(entry(function, index) + ENTRY_CONTROL, 4, ENTRY_CONTROL_MASKED);
}

int pci_msix_enable(struct pci_function *function, bool on)
{
	const uint32_t bits = MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK_ALL;
	unsigned at = function->msix_offset + MSIX_CONTROL;

	kit_assert(function->msix_offset != 0);
	uint32_t control = vport_pci_read(function, at, 2) & ~bits;
	if (on)
		control |= MSIX_CONTROL_ENABLE;
	vport_pci_write(function, at, 2, control);
	return (vport_pci_read(function, at, 2) & bits) == (control & bits) ? 0 : ERR_IO;
}
