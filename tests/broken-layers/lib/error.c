/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks the rules on purpose: the lowest layer knows of a driver, and uses the C library. */
#include "lib/error.h"
#include "drivers/virtio/device.h"
#include <stdio.h>
