/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capability list (PCI Local Bus 3.0, 6.7). It is read once, into the function's structure:
 * so a list that changes while somebody follows it does no harm. Left out: extended
 * capabilities, behind the first 256 bytes; virtio has none there.
 *
 * See it at work: make test-host (tests/host/test_pci.c)
 */
#include "drivers/pci/pci.h"
#include "lib/error.h"

#define LIST_FIRST 0x40 /* the header ends here */

void pci_capabilities_read(struct pci_function *function)
{
	function->capability_count = 0;
	function->capability_error = 0;
	if ((function->header_type & 0x7f) > 1 ||
	    !(vport_pci_read(function, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES))
		return;

	/* Where it has been already: once each. So nobody who goes on from an offset, as
	 * pci_capability_next does, can be led in a circle, and the list fits. */
	uint64_t seen = 0;
	unsigned offset = vport_pci_read(function, PCI_CAPABILITIES, 1);
	for (unsigned i = 0; offset != 0; i++) {
		uint64_t here = UINT64_C(1) << offset / 4;
		if (offset < LIST_FIRST || offset % 4 != 0 || (seen & here) != 0) {
			function->capability_count = 0;
			function->capability_error = ERR_FORMAT;
			return;
		}
		seen |= here;
		/* One read for both: the id, and where the next one is. */
		uint32_t header = vport_pci_read(function, offset, 2);
		function->capabilities[i].id = (uint8_t)header;
		function->capabilities[i].offset = (uint8_t)offset;
		function->capability_count++;
		offset = header >> 8 & 0xff;
	}
}

int pci_capability_next(const struct pci_function *function, unsigned from, uint8_t id)
{
	unsigned i = 0;

	if (function->capability_error)
		return function->capability_error;
	if (from != 0) {
		while (i < function->capability_count && function->capabilities[i].offset != from)
			i++;
		i++;
	}
	for (; i < function->capability_count; i++) {
		if (function->capabilities[i].id == id)
			return function->capabilities[i].offset;
	}
	return 0;
}
