/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a PCI function's capability list, its BARs, and where a virtio device says that its
 * structures are (drivers/pci/capability.c, bar.c, drivers/virtio/pci_layout.c; VIRTIO 1.4, 4.1.4).
 * What is accepted must lie inside a BAR, and every access to it inside what was mapped.
 */
#include <stdarg.h>

#include "drivers/virtio/pci_transport.h"
#include "lib/format.h"
#include "tests/fuzz/pci_function.h"

void virtio_log(const struct virtio_device *device, enum vport_log_level level, const char *fmt,
		...)
{
	char line[160];
	va_list ap;

	(void)device;
	va_start(ap, fmt);
	format_va(line, sizeof(line), fmt, ap);
	va_end(ap);
	vport_log(level, line);
}

/* Reads and writes the region's first and last bytes, in every width. */
static void use_region(struct virtio_pci *pci, const struct virtio_pci_region *region)
{
	if (!region->present)
		return;
	FUZZ_CHECK(pci_bar_contains(pci->function, region->bar, region->offset, region->length));
	for (unsigned width = 1; width <= 4; width *= 2) {
		if (width > region->length)
			return;
		uint32_t last = (region->length - width) & -width;
		virtio_pci_read(pci, region, 0, width);
		virtio_pci_write(pci, region, 0, width, UINT32_MAX);
		virtio_pci_read(pci, region, last, width);
		virtio_pci_write(pci, region, last, width, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct virtio_pci pci = { .function = &made.function };

	make_function(&input);
	if (pci_function_init(&made.function) != 0)
		return 0;
	pci_bars_read(&made.function);
	for (unsigned id = 0; id < 256; id++) {
		int at = 0, steps = 0;
		while ((at = pci_capability_next(&made.function, (unsigned)at, (uint8_t)id)) > 0) {
			FUZZ_CHECK(at >= 0x40 && at <= 0xfc && at % 4 == 0);
			FUZZ_CHECK(++steps <= PCI_MAX_CAPABILITIES);
		}
	}
	pci_enable(&made.function, size & 1);
	if (virtio_pci_layout(&pci) == 0) {
		FUZZ_CHECK(pci.common.present && pci.notify.present && pci.isr.present);
		use_region(&pci, &pci.common);
		use_region(&pci, &pci.isr);
		use_region(&pci, &pci.config);
		/* The doorbells are mapped one by one. */
		FUZZ_CHECK(pci_bar_contains(&made.function, pci.notify.bar, pci.notify.offset,
					    pci.notify.length));
	}
	for (unsigned id = 0; id < 4; id++) {
		uint64_t bus, length;
		if (virtio_pci_shared_memory(&pci.device, id, &bus, &length) == 0)
			FUZZ_CHECK(length > 0 && bus <= UINT64_MAX - length);
	}
	free_mappings();
	return 0;
}
