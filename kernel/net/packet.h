/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP gets of a received frame's bytes: kernel/net/packet.c. All of it in the stack's turn. */
#ifndef KERNEL_NET_PACKET_H
#define KERNEL_NET_PACKET_H

#include "kernel/net/stack.h"

/* Takes memory for it, once. False: there is not enough. Program context, after network_memory_start. */
bool packet_start(void);

/* Whether there may be more of what stays. */
bool packet_may_stay(void);
/* Bytes that copies have, of two kinds, and may have. */
extern struct packet_copies {
	size_t used, max;
} packet_small, packet_large;
#define PACKET_SMALL_SHARE 4 /* that part of what all may have */
#define PACKET_RESERVE 8     /* that part is nobody's who keeps anything already */

/* Bytes that may still be kept, if all of them were of the kind of which there may be least. */
static inline size_t packet_room(void)
{
	size_t used = packet_small.used * PACKET_SMALL_SHARE,
	       most = packet_large.max - packet_large.max / PACKET_RESERVE;

	if (used < packet_large.used)
		used = packet_large.used;
	return used < most ? most - used : 0;
}

/* As large as copies are, for data to be put together in, and counted as they are; NULL: no memory. */
struct pbuf *packet_block(void);
/* A copy of the frame's first bytes, which are no more than fit into a block; NULL: no memory. */
struct pbuf *packet_head(const struct net_buffer *frame, size_t length);
/* A packet of a head that was copied before, and `length` bytes of the frame from `offset` on; NULL: no memory. */
struct pbuf *packet_copied(const uint8_t *head, size_t head_bytes, const struct net_buffer *frame,
			   size_t offset, size_t length);

/* Whether so many more of the driver's buffers may be kept. */
bool packet_may_hold(const struct interface *interface, unsigned pieces);
/* The piece from `skip` on, which it is given; NULL: there is no pbuf for it, and nothing has happened. */
struct pbuf *packet_wrap_piece(struct interface *interface, struct net_buffer *piece, size_t skip,
			       size_t length);
/* Puts the frame from `skip` on, which is in its first piece, behind the head. Its pieces come apart: each is given back for
 * itself. False: there are not as many pbufs, and those that remain have been given back. */
bool packet_wrap(struct interface *interface, struct pbuf *head, struct net_buffer *frame,
		 size_t skip);

#endif
