/* SPDX-License-Identifier: BSD-2-Clause */
/* A device as the kernel found it: what the kit knows as an opaque vport_device. */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/irq.h"

struct pci_function;

/* A virtio-mmio slot, as firmware names it. */
struct mmio_slot {
	uint64_t base, size;
	/* Its interrupt line: 0 or an error. Asked only where there is a device that wants it: most of a
	 * machine's 32 slots are empty, and in a device tree the answer takes a walk. */
	int (*line)(const struct mmio_slot *slot, struct irq_line *line);
	int fdt_node; /* aarch64 */
	uint32_t irq; /* x86_64 */
};

struct vport_device {
	struct pci_function *pci; /* NULL for an MMIO device */
	struct mmio_slot slot;
	struct irq_line line;
	bool has_line;
	/* Message-signalled interrupts, where the bus has a controller for them. */
	bool has_msi;
	uint32_t msi_id; /* aarch64: the id the ITS knows the device by */
	struct vport_device *next;
};

#endif
