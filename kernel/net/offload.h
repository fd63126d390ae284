/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device does of lwIP's work: checksums, and cutting TCP segments (kernel/net/offload.c). */
#ifndef KERNEL_NET_OFFLOAD_H
#define KERNEL_NET_OFFLOAD_H

#include <stdbool.h>

#include "drivers/virtio/net.h"
#include "kernel/net/lwip.h"

struct tcp_pcb;

/* Tells lwIP which checksums it need not make. */
void offload_start(struct netif *netif, const struct net_device *net);
/* Before a received frame is handed to it: whether it is to look at the transport protocol's checksum. */
void offload_received(struct netif *netif, const struct net_offload *offload);
/* Asks the device for what lwIP has left out of a frame, which is in the first piece as far as its headers go. */
void offload_sent(const struct net_device *net, struct net_buffer *frame, size_t length);

/* How many bytes each of its segments is to have that is to be cut here, or have its checksum made: a packet of lwIP's, before it
 * is a frame. 0: it is none. */
unsigned offload_cut(const struct net_device *net, const struct pbuf *packet);

/* When the stack returns: what was done for a segment that did not become a frame is undone. */
void offload_narrow(void);

/* Bytes of a segment that the peer takes at most. */
unsigned offload_peer_mss(const struct tcp_pcb *pcb);
/* Before data is given to TCP: lets its segments be larger than the peer's, which the device cuts, or cut.c does. */
void offload_grow(struct tcp_pcb *pcb);
/* Whether what waits fills what the peer takes at once: then Nagle's algorithm has nothing to wait for, which lwIP, to which
 * it is a small part of a segment, does not know. */
bool offload_is_full(const struct tcp_pcb *pcb);

/* Whether a UDP datagram with so much in it goes into one frame, whatever its way. */
bool offload_fits(size_t length);
/* Sends one that may be cut into fragments: no device makes its checksum. `to` is NULL: where it is connected to. */
err_t offload_fragmented(struct udp_pcb *pcb, struct pbuf *data, const ip_addr_t *to,
			 uint16_t port);

#endif
