/* SPDX-License-Identifier: BSD-2-Clause */
/* What the three files of the PCI transport share: pci_layout.c (where the structures are), pci.c (the
 * operations), pci_interrupt.c (the vector ladder). VIRTIO 1.4 section 4.1. */
#ifndef DRIVERS_VIRTIO_PCI_TRANSPORT_H
#define DRIVERS_VIRTIO_PCI_TRANSPORT_H

#include "drivers/pci/pci.h"
#include "drivers/virtio/device.h"

/* A structure inside a BAR. Where the BAR cannot be mapped, `registers` is 0 and it is reached through the
 * VIRTIO_PCI_CAP_PCI_CFG window. */
struct virtio_pci_region {
	bool present;
	uint8_t bar;
	uint32_t offset, length;
	vport_reg_t registers;
};

struct virtio_pci {
	struct virtio_device device; /* first: a device's transport part is found by a cast */
	struct pci_function *function;
	struct virtio_pci_region common, notify, isr, config;
	uint32_t notify_off_multiplier;
	uint16_t window; /* offset of the PCI_CFG capability; 0: none */
};

static inline struct virtio_pci *virtio_pci(struct virtio_device *device)
{
	return (struct virtio_pci *)device;
}

/* 4.1.4.3: offsets in the common configuration structure. */
enum virtio_pci_common_cfg {
	device_feature_select = 0x00,
	device_feature = 0x04,
	driver_feature_select = 0x08,
	driver_feature = 0x0c,
	config_msix_vector = 0x10,
	num_queues = 0x12,
	device_status = 0x14,
	config_generation = 0x15,
	queue_select = 0x16,
	queue_size = 0x18,
	queue_msix_vector = 0x1a,
	queue_enable = 0x1c,
	queue_notify_off = 0x1e,
	queue_desc = 0x20,
	queue_driver = 0x28,
	queue_device = 0x30,
	VIRTIO_PCI_COMMON_CFG_SIZE = 0x38, /* of VIRTIO 1.0; later fields come with features: */
	queue_notif_config_data = 0x38,    /* VIRTIO_F_NOTIF_CONFIG_DATA */
	queue_reset = 0x3a,                /* VIRTIO_F_RING_RESET */
};

#define VIRTIO_MSI_NO_VECTOR 0xffff

/* Finds the structures (4.1.4) and maps them. 0, or an error that has been logged. */
int virtio_pci_layout(struct virtio_pci *pci);
/* 4.1.4.7: the shared memory region with this id. */
int virtio_pci_shared_memory(struct virtio_device *device, unsigned id, uint64_t *bus,
			     uint64_t *length);

/* One access inside a region: the caller has checked that it lies in it. */
uint32_t virtio_pci_read(struct virtio_pci *pci, const struct virtio_pci_region *region,
			 uint32_t offset, unsigned width);
void virtio_pci_write(struct virtio_pci *pci, const struct virtio_pci_region *region,
		      uint32_t offset, unsigned width, uint32_t value);

/* pci_interrupt.c */
/* Tells the device a queue's vector again, after the queue was reset alone. False when it does not hold. */
bool virtio_pci_restore_vector(struct virtio_queue *queue);
void virtio_pci_interrupts_route(struct virtio_device *device);
void virtio_pci_interrupts_release(struct virtio_device *device);

#endif
