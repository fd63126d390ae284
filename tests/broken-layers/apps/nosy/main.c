/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks the rules on purpose: a program looks into the device core. */
#include "drivers/virtio/block.h"
#include "drivers/virtio/device.h"
