/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a bus that the architecture found to drivers: host bridges are scanned, and every virtio
 * device, on PCI or at a register block of its own, becomes a vport_device and is given to the
 * kit.
 *
 * What firmware says is checked before it is touched: a region over RAM, over a configuration
 * space or over another device's registers is refused with a line.
 *
 *     make run, then `lspci` and `lsvirtio` in the shell
 *
 * Left out: devices that come and go.
 */
#include "kernel/discover.h"

#include "drivers/virtio/probe.h"
#include "kernel/console.h"
#include "kernel/device.h"
#include "kernel/memory.h"
#include "kernel/pci_access.h"
#include "lib/error.h"

static struct pci_config_space *spaces;
static struct pci_function *functions, **functions_tail = &functions;
static struct vport_device *devices; /* the newest first */

static bool overlap(uint64_t start, uint64_t length, uint64_t other, uint64_t other_length)
{
	return start - other < other_length || other - start < length;
}

/* Whether the range is RAM, configuration space, or an MMIO device's. */
static bool claimed(uint64_t start, uint64_t length)
{
	if (range_is_ram(start, length))
		return true;
	for (const struct pci_config_space *s = spaces; s; s = s->next) {
		uint64_t base, size;
		if (pci_config_range(&s->root, &base, &size) && size > 0 &&
		    overlap(start, length, base, size))
			return true;
	}
	for (const struct vport_device *d = devices; d; d = d->next) {
		if (!d->pci && overlap(start, length, d->slot.base, d->slot.size))
			return true;
	}
	return false;
}

static void keep(struct vport_device *device)
{
	device->next = devices;
	devices = device;
}

/* ---- PCI ------------------------------------------------------------------------ */

static bool is_virtio(const struct pci_function *function)
{
	return function->vendor_id == VIRTIO_PCI_VENDOR &&
	       function->device_id >= VIRTIO_PCI_DEVICE_FIRST &&
	       function->device_id <= VIRTIO_PCI_DEVICE_LAST;
}

static void probe_function(const struct pci_root *root, struct pci_function *function)
{
	struct vport_device *device = vport_alloc(sizeof *device);

	if (!device) {
		kprint("pci %02x:%02x.%x: out of memory for a device\n", function->bus,
		       function->device, function->function);
		return;
	}
	device->pci = function;
	device->has_line = function->root_pin && root->line &&
			   root->line(root, function, function->root_pin, &device->line) == 0;
	device->has_msi = root->msi && root->msi(root, function, &device->msi_id) == 0;
	keep(device); /* even when nobody drives it: the kit may have kept a pointer to it */
	virtio_pci_probe(function, device);
}

/* Whether its configuration space is somewhere where it can be; else it has been said. */
static bool is_sound(const struct pci_root *root)
{
	uint64_t start, length;

	if (pci_config_range(root, &start, &length) && !(length && claimed(start, length)))
		return true;
	kprint("pci: host bridge refused: configuration space at 0x%llx, buses %u to %u: no such "
	       "range, or something else is there\n",
	       (unsigned long long)root->config_base, root->first_bus, root->last_bus);
	return false;
}

void pci_root_found(const struct pci_root *root)
{
	if (!is_sound(root))
		return;

	struct pci_config_space *space = vport_alloc(sizeof *space);
	if (!space) {
		kprint("pci: out of memory for a host bridge\n");
		return;
	}
	space->root = *root;
	space->next = spaces;
	spaces = space;

	struct pci_host host = {
		.bus_access = space,
		.first_bus = root->first_bus,
		.last_bus = root->last_bus,
		.windows = space->root.windows,
		.window_count = space->root.window_count,
		.claimed = claimed,
	};
	if (pci_scan(&host) != 0)
		kprint("pci: not all of the bus has been scanned\n");

	*functions_tail = host.functions;
	while (*functions_tail)
		functions_tail = &(*functions_tail)->next;
	for (struct pci_function *f = host.functions; f; f = f->next) {
		if (is_virtio(f))
			probe_function(&space->root, f);
	}
}

struct pci_function *pci_first(void)
{
	return functions;
}

bool pci_root_to_cpu(const struct pci_function *function, uint64_t pci, uint64_t length,
		     uint64_t *cpu)
{
	const struct pci_config_space *space = function->bus_access;

	return pci_to_cpu(space->root.windows, space->root.window_count, pci, length, cpu);
}

/* ---- MMIO ----------------------------------------------------------------------- */

void mmio_device_found(const struct mmio_slot *slot)
{
	unsigned long long base = slot->base, size = slot->size;

	if (size == 0 || size > UINT64_MAX - base || claimed(base, size)) {
		kprint("mmio 0x%llx: refused: its 0x%llx bytes are RAM, or another device's\n",
		       base, size);
		return;
	}

	struct vport_device *device = vport_alloc(sizeof *device);
	if (!device) {
		kprint("mmio 0x%llx: out of memory for a device\n", base);
		return;
	}
	device->slot = *slot;

	/* An empty slot, of which a machine may have many, leaves nothing behind. */
	if (virtio_mmio_probe(device, base, size) == ERR_NODEV)
		vport_free(device, sizeof *device);
	else
		keep(device);
}
