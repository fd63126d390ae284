/* SPDX-License-Identifier: BSD-2-Clause */
/* What arch_discover reports; the kernel does the rest (scan, drivers). */
#ifndef KERNEL_DISCOVER_H
#define KERNEL_DISCOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/pci/pci.h"
#include "kernel/device.h"
#include "kernel/irq.h"

/* How the kernel reaches a host bridge's configuration space and interrupts. */
enum pci_access { PCI_ACCESS_ECAM, PCI_ACCESS_CAM, PCI_ACCESS_CF8 };

struct pci_root {
	enum pci_access access;
	uint64_t config_base; /* physical; of bus first_bus (ECAM, CAM) */
	/* PCI_ACCESS_CF8: through the architecture's ports. `where` is bus << 16 | device << 11 |
	 * function << 8 | offset, aligned to the width of 1, 2 or 4 bytes. */
	uint32_t (*read)(uint32_t where, unsigned width);
	void (*write)(uint32_t where, unsigned width, uint32_t value);
	unsigned segment, first_bus, last_bus;
	/* Windows from which BARs may be assigned, with the CPU's address of each; none where
	 * firmware assigned all that there are. */
	struct pci_window windows[8];
	unsigned window_count;
	/* The architecture's answer to "which line is pin 1…4 of this function" and "which MSI
	 * id". The pin is the one at the root bus, where the function's root_device is; NULL:
	 * there are none. */
	int (*line)(const struct pci_root *root, const struct pci_function *function, unsigned pin,
		    struct irq_line *line);
	int (*msi)(const struct pci_root *root, const struct pci_function *function, uint32_t *id);
	int fdt_node; /* aarch64: the bridge's node */
};

/* Copies *root, scans its buses, assigns BARs, and probes each virtio function. */
void pci_root_found(const struct pci_root *root);

/* Every function that was found, of all host bridges; then ->next. */
struct pci_function *pci_first(void);
/* The CPU physical address of [pci, pci + length), which the function's host bridge decodes. */
bool pci_root_to_cpu(const struct pci_function *function, uint64_t pci, uint64_t length,
		     uint64_t *cpu);

/* Copies *slot, and probes it. */
void mmio_device_found(const struct mmio_slot *slot);

#endif
