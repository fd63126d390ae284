/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a virtio PCI device has its structures: the vendor capabilities of VIRTIO 1.4 section 4.1.4, and
 * access to what they name, in a mapped BAR or through the configuration window (4.1.4.9).
 *
 * Nothing in a capability is believed: one that is too short, of a reserved type, names a BAR that is
 * not there or reaches beyond it is passed over, and the first good one of each type counts
 * (4.1.4.1-1, -2, -4).
 *
 * See it at work: make test-boot TEST_OPTIONS='--filter modern'
 * Left out: vendor data capabilities.
 */
#include "drivers/virtio/pci_transport.h"

/* struct virtio_pci_cap, 4.1.4 */
enum {
	CAP_LEN = 2,
	CAP_CFG_TYPE = 3,
	CAP_BAR = 4,
	CAP_ID = 5,
	CAP_OFFSET = 8,
	CAP_LENGTH = 12,
	CAP_SIZE = 16,
	/* struct virtio_pci_notify_cap */
	CAP_NOTIFY_OFF_MULTIPLIER = 16,
	CAP_NOTIFY_SIZE = 20,
	/* struct virtio_pci_cap64 */
	CAP_OFFSET_HI = 16,
	CAP_LENGTH_HI = 20,
	CAP64_SIZE = 24,
	/* struct virtio_pci_cfg_cap */
	CAP_PCI_CFG_DATA = 16,
	CAP_PCI_CFG_SIZE = 20,
};

enum {
	VIRTIO_PCI_CAP_COMMON_CFG = 1,
	VIRTIO_PCI_CAP_NOTIFY_CFG = 2,
	VIRTIO_PCI_CAP_ISR_CFG = 3,
	VIRTIO_PCI_CAP_DEVICE_CFG = 4,
	VIRTIO_PCI_CAP_PCI_CFG = 5,
	VIRTIO_PCI_CAP_SHARED_MEMORY_CFG = 8,
};

static uint32_t cap_read(const struct virtio_pci *pci, unsigned cap, unsigned field, unsigned width)
{
	return vport_pci_read(pci->function, cap + field, width);
}

/* Takes a capability as the place of a structure of at least `least` bytes, if there is none yet. */
static void take_region(struct virtio_pci *pci, struct virtio_pci_region *region, unsigned cap,
			uint32_t least, uint32_t alignment)
{
	struct virtio_pci_region found = {
		.present = true,
		.bar = (uint8_t)cap_read(pci, cap, CAP_BAR, 1),
		.offset = cap_read(pci, cap, CAP_OFFSET, 4),
		.length = cap_read(pci, cap, CAP_LENGTH, 4),
	};

	if (region->present || found.length < least || found.offset % alignment != 0 ||
	    !pci_bar_contains(pci->function, found.bar, found.offset, found.length))
		return;
	*region = found;
}

static void take_capability(struct virtio_pci *pci, unsigned cap)
{
	unsigned length =
		cap_read(pci, cap, CAP_LEN, 1); /* may be larger than we know: 4.1.4.1-3 */

	if (length < CAP_SIZE || cap + length > 0x100)
		return;
	switch (cap_read(pci, cap, CAP_CFG_TYPE, 1)) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		take_region(pci, &pci->common, cap, VIRTIO_PCI_COMMON_CFG_SIZE, 4);
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		if (length < CAP_NOTIFY_SIZE || pci->notify.present)
			return;
		take_region(pci, &pci->notify, cap, 2, 2);
		pci->notify_off_multiplier = cap_read(pci, cap, CAP_NOTIFY_OFF_MULTIPLIER, 4);
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		take_region(pci, &pci->isr, cap, 1, 1);
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		take_region(pci, &pci->config, cap, 1, 4);
		break;
	case VIRTIO_PCI_CAP_PCI_CFG:
		if (length >= CAP_PCI_CFG_SIZE && pci->window == 0)
			pci->window = (uint16_t)cap;
		break;
	}
}

/* Maps what is needed of the region, not what the device says it could be (4.1.4.1-5, -6). */
static void map_region(struct virtio_pci *pci, struct virtio_pci_region *region, uint32_t most)
{
	if (!region->present)
		return;
	if (region->length > most)
		region->length = most;
	region->registers = vport_map(pci->device.port,
				      pci->function->bars[region->bar].address + region->offset,
				      region->length);
}

int virtio_pci_layout(struct virtio_pci *pci)
{
	int cap = 0;

	while ((cap = pci_capability_next(pci->function, (unsigned)cap, PCI_CAP_VENDOR)) > 0)
		take_capability(pci, (unsigned)cap);
	if (cap < 0) {
		virtio_log(&pci->device, VPORT_LOG_ERROR, "its capability list is malformed");
		return ERR_FORMAT;
	}
	if (!pci->common.present && !pci->notify.present && !pci->isr.present) {
		virtio_log(&pci->device, VPORT_LOG_ERROR,
			   "a legacy-only device: start QEMU without disable-modern=on");
		return ERR_UNSUPPORTED;
	}
	if (!pci->common.present || !pci->notify.present || !pci->isr.present) {
		virtio_log(&pci->device, VPORT_LOG_ERROR, "it has no usable %s structure",
			   !pci->common.present   ? "common configuration"
			   : !pci->notify.present ? "notification"
						  : "ISR");
		return ERR_FORMAT;
	}
	map_region(pci, &pci->common, 0x1000);
	map_region(pci, &pci->isr, 4);
	map_region(pci, &pci->config, 0x1000);
	bool mapped = pci->common.registers && pci->isr.registers &&
		      (pci->config.registers || !pci->config.present);
	if (!mapped && pci->window == 0) {
		virtio_log(&pci->device, VPORT_LOG_ERROR, "its registers cannot be mapped");
		return ERR_RANGE;
	}
	return 0;
}

/* ---- Access ------------------------------------------------------------------------ */

/* 4.1.4.9: aims the window at bytes of a BAR that another capability names (4.1.4.9.2-2), aligned
 * (4.1.4.9.2-1). */
static unsigned aim_window(struct virtio_pci *pci, const struct virtio_pci_region *region,
			   uint32_t offset, unsigned width)
{
	kit_assert(pci->window != 0);
	vport_pci_write(pci->function, pci->window + CAP_BAR, 1, region->bar);
	vport_pci_write(pci->function, pci->window + CAP_OFFSET, 4, region->offset + offset);
	vport_pci_write(pci->function, pci->window + CAP_LENGTH, 4, width);
	return pci->window + CAP_PCI_CFG_DATA;
}

uint32_t virtio_pci_read(struct virtio_pci *pci, const struct virtio_pci_region *region,
			 uint32_t offset, unsigned width)
{
	if (region->registers)
		return vport_reg_read(region->registers + offset, width);
	return vport_pci_read(pci->function, aim_window(pci, region, offset, width), width);
}

void virtio_pci_write(struct virtio_pci *pci, const struct virtio_pci_region *region,
		      uint32_t offset, unsigned width, uint32_t value)
{
	if (region->registers)
		vport_reg_write(region->registers + offset, width, value);
	else
		vport_pci_write(pci->function, aim_window(pci, region, offset, width), width,
				value);
}

/* ---- Shared memory ------------------------------------------------------------------- */

int virtio_pci_shared_memory(struct virtio_device *device, unsigned id, uint64_t *bus,
			     uint64_t *length)
{
	struct virtio_pci *pci = virtio_pci(device);
	int cap = 0;

	while ((cap = pci_capability_next(pci->function, (unsigned)cap, PCI_CAP_VENDOR)) > 0) {
		unsigned at = (unsigned)cap;
		if (at + CAP64_SIZE > 0x100 ||
		    cap_read(pci, at, CAP_CFG_TYPE, 1) != VIRTIO_PCI_CAP_SHARED_MEMORY_CFG ||
		    cap_read(pci, at, CAP_LEN, 1) < CAP64_SIZE ||
		    cap_read(pci, at, CAP_ID, 1) != id)
			continue;
		unsigned bar = cap_read(pci, at, CAP_BAR, 1);
		uint64_t offset = cap_read(pci, at, CAP_OFFSET, 4) |
				  (uint64_t)cap_read(pci, at, CAP_OFFSET_HI, 4) << 32;
		*length = cap_read(pci, at, CAP_LENGTH, 4) |
			  (uint64_t)cap_read(pci, at, CAP_LENGTH_HI, 4) << 32;
		if (!pci_bar_contains(pci->function, bar, offset, *length))
			continue;
		*bus = pci->function->bars[bar].address + offset;
		return 0;
	}
	return ERR_NODEV;
}
