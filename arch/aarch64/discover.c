/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buses that the device tree names: virtio-mmio slots, and PCI host bridges whose configuration
 * space is in memory (devicetree bindings virtio,mmio and host-generic-pci).
 *
 *     make run ARCH=aarch64 TRANSPORT=mmio        and        TRANSPORT=pci
 *
 * Left out: bridges that need set-up of their own, dma-ranges (bus addresses are physical ones), and
 * an IOMMU.
 */
#include "kernel/discover.h"
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "drivers/pci/pci.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "lib/error.h"

/* ---- virtio-mmio ------------------------------------------------------------------------------ */

#define MAX_SLOTS 64

static int mmio_line(const struct mmio_slot *slot, struct irq_line *line)
{
	return gic_line_of(slot->fdt_node, 0, line);
}

/* Trees list them in any order; devices are numbered by address. */
static void insert(struct mmio_slot *slots, unsigned count, struct mmio_slot slot)
{
	unsigned i = count;
	for (; i > 0 && slots[i - 1].base > slot.base; i--)
		slots[i] = slots[i - 1];
	slots[i] = slot;
}

static void discover_mmio(void)
{
	static struct mmio_slot slots[MAX_SLOTS];
	unsigned count = 0;
	int node = fdt_compatible(&fdt, -1, "virtio,mmio");
	for (; node >= 0; node = fdt_compatible(&fdt, node, "virtio,mmio")) {
		struct mmio_slot slot = { .line = mmio_line, .fdt_node = node };
		if (count == MAX_SLOTS) {
			kprint("fdt: only the first %u virtio,mmio nodes are looked at\n", count);
			break;
		}
		if (fdt_reg(&fdt, node, 0, &slot.base, &slot.size) != 0)
			kprint("fdt: %s: no usable reg\n", fdt_name(&fdt, node));
		else
			insert(slots, count++, slot);
	}
	for (unsigned i = 0; i < count; i++)
		mmio_device_found(&slots[i]);
}

/* ---- PCI --------------------------------------------------------------------------------------- */

static int pci_line(const struct pci_root *root, const struct pci_function *function, unsigned pin,
		    struct irq_line *line)
{
	struct fdt_interrupt interrupt;
	/* The pin has been swizzled up to the root bus, where the map begins. */
	int error = fdt_pci_interrupt(&fdt, root->fdt_node, root->first_bus, function->root_device,
				      0, pin, &interrupt);
	return error != 0 ? error : gic_line_from(&interrupt, line);
}

static int pci_msi(const struct pci_root *root, const struct pci_function *function, uint32_t *id)
{
	uint32_t requester =
		(uint32_t)function->bus << 8 | (uint32_t)function->device << 3 | function->function;
	int controller;
	int error = fdt_msi(&fdt, root->fdt_node, requester, &controller, id);
	if (error != 0)
		return error;
	return controller == gic_msi_node() ? 0 : ERR_UNSUPPORTED;
}

static void add_windows(struct pci_root *root)
{
	const unsigned max = sizeof root->windows / sizeof *root->windows;
	struct fdt_pci_range range;
	for (unsigned i = 0; fdt_pci_range(&fdt, root->fdt_node, i, &range) == 0; i++) {
		if (root->window_count == max) {
			kprint("fdt: %s: only the first %u ranges are used\n",
			       fdt_name(&fdt, root->fdt_node), max);
			return;
		}
		root->windows[root->window_count++] =
			(struct pci_window){ .io = range.io,
					     .bits64 = range.bits64,
					     .prefetchable = range.prefetchable,
					     .start = range.pci,
					     .end = range.pci + range.size,
					     .cpu = range.cpu,
					     .next = range.pci };
	}
}

/* `bus_shift`: how much configuration space a bus has. */
static void discover_bridge(int node, enum pci_access access, unsigned bus_shift)
{
	struct pci_root root = { .access = access, .line = pci_line, .msi = pci_msi };
	uint64_t size;
	root.fdt_node = node;
	root.segment = fdt_cell(&fdt, node, "linux,pci-domain", 0, 0);
	root.first_bus = fdt_cell(&fdt, node, "bus-range", 0, 0);
	root.last_bus = fdt_cell(&fdt, node, "bus-range", 1, 255);
	int error = fdt_reg(&fdt, node, 0, &root.config_base, &size);
	if (error != 0 || root.first_bus > root.last_bus || root.last_bus > 255 ||
	    size >> bus_shift == 0) {
		kprint("fdt: %s: no usable reg or bus-range\n", fdt_name(&fdt, node));
		return;
	}
	/* No more buses than there is configuration space for. */
	if (root.last_bus - root.first_bus >= size >> bus_shift)
		root.last_bus = root.first_bus + (unsigned)(size >> bus_shift) - 1;
	add_windows(&root);
	pci_root_found(&root);
}

static void discover_pci(const char *compatible, enum pci_access access, unsigned bus_shift)
{
	int node = fdt_compatible(&fdt, -1, compatible);
	for (; node >= 0; node = fdt_compatible(&fdt, node, compatible))
		discover_bridge(node, access, bus_shift);
}

void arch_discover(void)
{
	discover_mmio();
	discover_pci("pci-host-ecam-generic", PCI_ACCESS_ECAM, 20);
	discover_pci("pci-host-cam-generic", PCI_ACCESS_CAM, 16);
}
