/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver tables, one a driver file. */
#ifndef DRIVERS_VIRTIO_DRIVERS_H
#define DRIVERS_VIRTIO_DRIVERS_H

#include "drivers/virtio/device.h"

extern const struct virtio_driver virtio_blk_driver;
extern const struct virtio_driver virtio_console_driver;
extern const struct virtio_driver virtio_iommu_driver;
extern const struct virtio_driver virtio_net_driver;
extern const struct virtio_driver virtio_rng_driver;
extern const struct virtio_driver virtio_scsi_driver;

#endif
