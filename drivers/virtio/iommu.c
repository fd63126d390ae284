/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-iommu, the IOMMU device: VIRTIO 1.4 section 5.13, as far as devices behind it need it here: it is to let them
 * through. They are given physical addresses, and so are all those that ask for ACCESS_PLATFORM: where nothing is
 * attached to a domain, what a device says is what memory sees. Firmware may have left that off.
 *
 * A device that was found before this one may have been kept from memory until now. Other IOMMUs: docs/kernel.md.
 *
 * See it at work: make run APP=lsvirtio QEMU_ARGS='-device virtio-iommu-pci,boot-bypass=off'
 * Left out: domains and mappings, and so everything that would keep a device in its place.
 */
#include "drivers/virtio/device.h"
#include "drivers/virtio/drivers.h"
#include "lib/mem.h"

/* 5.13.3 */
enum { VIRTIO_IOMMU_F_BYPASS = 3, VIRTIO_IOMMU_F_BYPASS_CONFIG = 6 };
/* 5.13.4 */
enum { CONFIG_BYPASS = 36 };
enum { BYPASS = 1 }; /* 5.13.4.1-4: the other bits mean nothing */

static const uint8_t wanted[] = { VIRTIO_IOMMU_F_BYPASS, VIRTIO_IOMMU_F_BYPASS_CONFIG };

static const struct virtio_feature_name names[] = {
	{ VIRTIO_IOMMU_F_BYPASS, "BYPASS" },
	{ VIRTIO_IOMMU_F_BYPASS_CONFIG, "BYPASS_CONFIG" },
};

static int read_bypass(struct virtio_device *device, bool *on)
{
	uint8_t value;
	int error = virtio_config_read(device, CONFIG_BYPASS, 1, 1, &value);

	*on = !error && (value & BYPASS) != 0;
	return error;
}

/* 0, or an error, which has been told. */
static int let_through(struct virtio_device *device)
{
	bool on = virtio_has(device, VIRTIO_IOMMU_F_BYPASS);
	int error = 0;

	if (virtio_has(device, VIRTIO_IOMMU_F_BYPASS_CONFIG)) {
		error = read_bypass(device, &on);
		if (!error && !on) { /* 5.13.4.1-1 */
			error = virtio_config_write(device, CONFIG_BYPASS, 1, BYPASS);
			if (!error)
				error = read_bypass(device, &on);
		}
	}
	if (!error && !on)
		error = ERR_UNSUPPORTED;
	if (error)
		virtio_log(device, VPORT_LOG_ERROR,
			   "it does not let devices through: those behind it reach no memory");
	return error;
}

static void remove(struct virtio_device *device)
{
	(void)device;
}

/* Its queues stay unused: nothing is mapped, and faults are nobody's. */
static void ready(struct virtio_device *device)
{
	static unsigned count;

	if (!device->name[0] && count < 10) {
		memcpy(device->name, "iommu0", 7);
		device->name[5] = (char)('0' + count++);
	}
}

static void gone(struct virtio_device *device)
{
	(void)device;
}

const struct virtio_driver virtio_iommu_driver = {
	.type = VIRTIO_TYPE_IOMMU,
	.name = "iommu",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.names = names,
	.name_count = sizeof(names) / sizeof(names[0]),
	.probe = let_through,
	.remove = remove,
	.restart = let_through,
	.ready = ready,
	.gone = gone,
};
