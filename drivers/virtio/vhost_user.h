/* SPDX-License-Identifier: BSD-2-Clause */
/* The vhost-user transport: a device that is another process, behind a local socket. */
#ifndef DRIVERS_VIRTIO_VHOST_USER_H
#define DRIVERS_VIRTIO_VHOST_USER_H

#include <stdint.h>

#include "drivers/virtio/port.h"

/* Drives the back end at `path`, which stays the caller's and must stay where it is, as a device of this
 * type. 0 or an error that has been logged. Program context. */
int virtio_vhost_user_probe(struct vport_device *device, const char *path, uint32_t type);

#endif
