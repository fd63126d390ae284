/* SPDX-License-Identifier: BSD-2-Clause */
/* Acknowledgements that wait to be sent: which one need not be. */
#ifndef KERNEL_NET_ACKNOWLEDGE_H
#define KERNEL_NET_ACKNOWLEDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/headers.h"

#define ACKNOWLEDGE_BYTES PLAIN_HEADERS /* of such a frame: it has no data */
/* How many of lwIP's one that is sent may stand for: each acknowledges two segments at most. */
#define ACKNOWLEDGE_MOST 8

/* Whether the later frame is an acknowledgement of IPv4's TCP that says all that the earlier one says. Both are of
 * ACKNOWLEDGE_BYTES. */
bool acknowledge_replaces(const uint8_t *later, const uint8_t *earlier);

#endif
