/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of netcheck share. */
#ifndef APPS_NETCHECK_NETCHECK_H
#define APPS_NETCHECK_NETCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/net.h"

#define NS_PER_S UINT64_C(1000000000)
/* How long the other end may be silent. */
#define PATIENCE_NS (60 * NS_PER_S)
#define FRAME_TYPE 0x88b5 /* IEEE 802, for local experiments */

/* Each does one thing with the interface, until the other end has done its part; the program's status. `count`: frames,
 * or changes, as the part says. */
int check_lengths(struct net_device *net, unsigned count);
int check_link(struct net_device *net, unsigned count);
int check_announce(struct net_device *net, unsigned count);
int check_filters(struct net_device *net, unsigned count);
int check_pairs(struct net_device *net, unsigned count);
int check_spread(struct net_device *net, unsigned count);
int check_segments(struct net_device *net, unsigned count);

/* An Ethernet header at `data`. */
void put_header(uint8_t *data, const uint8_t *to, const uint8_t *from, unsigned type);
/* Sends it, waiting for room; false when that takes too long. */
bool send_waiting(struct net_device *net, struct net_buffer *frame);
/* A buffer, waiting for one; NULL when that takes too long. */
struct net_buffer *take_waiting(struct net_device *net);

static inline unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static inline void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

#endif
