/* SPDX-License-Identifier: BSD-2-Clause */
/* A device as the kernel found it: what the kit knows as an opaque vport_device. */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/irq.h"

struct pci_function;

struct vport_device {
	struct pci_function *pci; /* NULL for an MMIO device */
	uint64_t mmio_base, mmio_size;
	struct irq_line line;
	bool has_line;
	/* Message-signalled interrupts, where the bus has a controller for them. */
	bool has_msi;
	uint32_t msi_id; /* aarch64: the id the ITS knows the device by */
	struct vport_device *next;
};

#endif
