/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks the rules on purpose: the device core includes a device type. */
#include "drivers/virtio/block.h"
