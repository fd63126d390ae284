/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drivers of this kit. A new one is a file, a line here and one in the Makefile; which of them a kernel
 * has, DRIVERS= says, and those that are left out are NULL here.
 */
#include "drivers/virtio/drivers.h"
#include "drivers/virtio/device.h"

#pragma weak virtio_blk_driver
#pragma weak virtio_console_driver
#pragma weak virtio_iommu_driver
#pragma weak virtio_net_driver
#pragma weak virtio_rng_driver
#pragma weak virtio_scsi_driver

static const struct virtio_driver *const drivers[] = {
	&virtio_blk_driver, &virtio_console_driver, &virtio_iommu_driver,
	&virtio_net_driver, &virtio_rng_driver,     &virtio_scsi_driver,
};

const struct virtio_driver *virtio_driver_for(uint32_t type)
{
	for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (drivers[i] && drivers[i]->type == type)
			return drivers[i];
	}
	return NULL;
}
