/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that every part of VIRTIO 1.4 shares: device types (chapter 5), status bits (2.1), feature
 * bits 24 to 63 (chapter 6). Names are the specification's; feature bits are bit numbers, and
 * VIRTIO_FEATURE makes a mask word of one.
 */
#ifndef DRIVERS_VIRTIO_VIRTIO_H
#define DRIVERS_VIRTIO_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

enum virtio_type {
	VIRTIO_TYPE_NET = 1,
	VIRTIO_TYPE_BLOCK = 2,
	VIRTIO_TYPE_CONSOLE = 3,
	VIRTIO_TYPE_ENTROPY = 4,
	VIRTIO_TYPE_SCSI = 8,
	VIRTIO_TYPE_IOMMU = 23,
};

/* Device status field, 2.1. */
enum {
	VIRTIO_STATUS_ACKNOWLEDGE = 1,
	VIRTIO_STATUS_DRIVER = 2,
	VIRTIO_STATUS_DRIVER_OK = 4,
	VIRTIO_STATUS_FEATURES_OK = 8,
	VIRTIO_STATUS_DEVICE_NEEDS_RESET = 64,
	VIRTIO_STATUS_FAILED = 128,
};

/* Reserved feature bits, chapter 6. */
enum {
	VIRTIO_F_INDIRECT_DESC = 28,
	VIRTIO_F_EVENT_IDX = 29,
	VIRTIO_F_VERSION_1 = 32,
	VIRTIO_F_ACCESS_PLATFORM = 33,
	VIRTIO_F_RING_PACKED = 34,
	VIRTIO_F_IN_ORDER = 35,
	VIRTIO_F_ORDER_PLATFORM = 36,
	VIRTIO_F_SR_IOV = 37,
	VIRTIO_F_NOTIFICATION_DATA = 38,
	VIRTIO_F_NOTIF_CONFIG_DATA = 39,
	VIRTIO_F_RING_RESET = 40,
	VIRTIO_F_ADMIN_VQ = 41,
	VIRTIO_F_SUSPEND = 43,
};

/* Feature bits 0 to 127, as they come: four words of 32. */
#define VIRTIO_FEATURE_WORDS 4
struct virtio_features {
	uint32_t word[VIRTIO_FEATURE_WORDS];
};

#define VIRTIO_FEATURE(bit) (UINT32_C(1) << ((bit) % 32))

static inline bool virtio_features_has(const struct virtio_features *features, unsigned bit)
{
	return (features->word[bit / 32] & VIRTIO_FEATURE(bit)) != 0;
}

static inline void virtio_features_add(struct virtio_features *features, unsigned bit)
{
	features->word[bit / 32] |= VIRTIO_FEATURE(bit);
}

static inline void virtio_features_remove(struct virtio_features *features, unsigned bit)
{
	features->word[bit / 32] &= ~VIRTIO_FEATURE(bit);
}

#endif
