/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space of a PCI host bridge: what a pci_function's bus_access points to. */
#ifndef KERNEL_PCI_ACCESS_H
#define KERNEL_PCI_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/discover.h"

struct pci_config_space {
	struct pci_root root;
	void *bus[256]; /* where each bus is mapped; NULL: not yet */
	struct pci_config_space *next;
};

/* The physical addresses that it takes: 0 for both where it is reached by ports. False when they
 * wrap around or its bus numbers are no range. */
bool pci_config_range(const struct pci_root *root, uint64_t *start, uint64_t *length);

#endif
