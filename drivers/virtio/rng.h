/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-rng: random bytes from the host. */
#ifndef DRIVERS_VIRTIO_RNG_H
#define DRIVERS_VIRTIO_RNG_H

#include <stddef.h>

struct virtio_rng;

/* The first entropy device, NULL when there is none. */
struct virtio_rng *virtio_rng_first(void);

/* Fills the buffer, waiting for the device. Program or work context. 0 or an error. */
int virtio_rng_read(struct virtio_rng *rng, void *buffer, size_t length);

#endif
