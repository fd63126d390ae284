/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments of TCP that are cut here, for a device that does not: kernel/net/cut.c. */
#ifndef KERNEL_NET_CUT_H
#define KERNEL_NET_CUT_H

#include "kernel/net/stack.h"

/* Segments of the peer's that one of lwIP's may be, where they are cut here: as many as a connection may begin with
 * (RFC 6928). */
#define CUT_MOST 10
/* For a peer whose segments are smaller, nothing is cut. */
#define CUT_LEAST 256

/* Puts a packet of lwIP's, which offload_cut has found to be so many bytes a segment, among the frames that wait, as frames with
 * all that belongs into them. ERR_MEM: there is no room for all of them now, and nothing has happened. */
err_t cut_segments(struct interface *interface, const struct pbuf *packet, unsigned segment_bytes);

#endif
