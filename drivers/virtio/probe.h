/* SPDX-License-Identifier: BSD-2-Clause */
/* How a port hands a device to the kit: for whoever enumerates buses. */
#ifndef DRIVERS_VIRTIO_PROBE_H
#define DRIVERS_VIRTIO_PROBE_H

#include <stdint.h>

#include "drivers/virtio/port.h"

struct pci_function;

#define VIRTIO_PCI_VENDOR 0x1af4
#define VIRTIO_PCI_DEVICE_FIRST 0x1000 /* transitional: 0x1000…0x103f, modern: 0x1040 + type */
#define VIRTIO_PCI_DEVICE_LAST 0x107f

/*
 * Drives the function if it is a virtio device in modern mode whose type has a driver. `function` is
 * initialised (pci_function_init, pci_bars_read) and, like `device`, stays where it is for good.
 * 0; ERR_UNSUPPORTED when it is legacy-only or of a type without a driver; another error when it could
 * not be brought up. Every failure has been logged in one line. Program context.
 */
int virtio_pci_probe(struct pci_function *function, struct vport_device *device);

/* The same for a virtio-mmio register block at CPU physical address `base`. An empty slot (DeviceID 0)
 * is ERR_NODEV and says nothing (4.2.2.2-6). */
int virtio_mmio_probe(struct vport_device *device, uint64_t base, uint64_t size);

#endif
