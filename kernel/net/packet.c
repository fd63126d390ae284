/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lwIP gets of a received frame's bytes: copies, or pbufs over the driver's own buffers, which go back when they have
 * been read. Both have bounds: somebody who sends much that nobody reads does not get all of the memory, nor all of the buffers.
 *
 * See it at work: make run APP=ping ARGS=10.0.2.2
 */
#include "kernel/net/packet.h"

#include <string.h>

#include "kernel/net/copy.h"
#include "kernel/net/memory.h"

/* Pieces of received frames that lwIP has at a time, of all interfaces. */
#define WRAPPED_MAX 512
/* From here on what an interface receives is copied: the rest of its buffers is for the device to fill. */
#define HELD_MAX 128
#define HELD_SHARE 4 /* and of those that a CPU has for it a quarter at most */

/* ---- Copies ------------------------------------------------------------------------------------------------ */

struct copy {
	struct pbuf_custom custom; /* first */
	size_t block_bytes;
	uint8_t data[];
};

/* Bytes at most of a copy's block. */
#define BLOCK_BYTES 2048
#define COPY_BYTES (BLOCK_BYTES - sizeof(struct copy))

/* Small ones, which what is sent needs blocks of as well, and others. */
struct packet_copies packet_small, packet_large;

static bool is_small(size_t block_bytes)
{
	return block_bytes <= BLOCK_BYTES / 2;
}

static struct packet_copies *kind_of(size_t block_bytes)
{
	return is_small(block_bytes) ? &packet_small : &packet_large;
}

bool packet_may_stay(void)
{
	return packet_small.used <= packet_small.max && packet_large.used <= packet_large.max;
}

/* pbuf_free has found the last reference gone. */
static void copy_done(struct pbuf *pbuf)
{
	struct copy *copy = (struct copy *)pbuf;

	kind_of(copy->block_bytes)->used -= copy->block_bytes;
	network_free(copy);
}

/* A pbuf with room for so much; NULL: no memory. */
static struct pbuf *copy_new(size_t length)
{
	struct copy *copy = network_malloc(sizeof(*copy) + length);

	if (!copy)
		return NULL;
	copy->block_bytes = network_block_bytes(sizeof(*copy) + length);
	kind_of(copy->block_bytes)->used += copy->block_bytes;
	copy->custom.custom_free_function = copy_done;
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)length, PBUF_REF, &copy->custom, copy->data,
				   (u16_t)length);
}

struct pbuf *packet_block(void)
{
	return copy_new(COPY_BYTES);
}

/* So much of a frame, which has it. */
static void gather(uint8_t *to, const struct net_buffer *piece, size_t offset, size_t length)
{
	while (length > 0) {
		if (offset < piece->length) {
			size_t part = piece->length - offset;
			if (part > length)
				part = length;
			network_copy(to, net_data(piece) + offset, part);
			to += part;
			length -= part;
			offset = 0;
		} else {
			offset -= piece->length;
		}
		piece = piece->more;
	}
}

struct pbuf *packet_head(const struct net_buffer *frame, size_t length)
{
	struct pbuf *head = copy_new(length);

	if (!head)
		return NULL;
	if (length <= frame->length)
		network_copy(head->payload, net_data(frame), length);
	else
		gather(head->payload, frame, 0, length);
	return head;
}

struct pbuf *packet_copied(const uint8_t *head, size_t head_bytes, const struct net_buffer *frame,
			   size_t offset, size_t length)
{
	struct pbuf *chain = NULL;

	do {
		size_t part = head_bytes + length < COPY_BYTES ? length : COPY_BYTES - head_bytes;
		struct pbuf *pbuf = copy_new(head_bytes + part);
		if (!pbuf) {
			if (chain)
				pbuf_free(chain);
			return NULL;
		}
		if (head_bytes > 0)
			memcpy(pbuf->payload, head, head_bytes);
		gather((uint8_t *)pbuf->payload + head_bytes, frame, offset, part);
		offset += part;
		length -= part;
		head_bytes = 0;
		if (chain)
			pbuf_cat(chain, pbuf);
		else
			chain = pbuf;
	} while (length > 0);
	return chain;
}

/* ---- Data that stays where it is ------------------------------------------------------------------------------- */

struct wrapped {
	struct pbuf_custom custom; /* first */
	struct net_buffer *piece;
	struct interface *interface;
	struct wrapped *next_free;
};

static struct wrapped *free_wrapped;

static void wrapped_done(struct pbuf *pbuf)
{
	struct wrapped *wrapped = (struct wrapped *)pbuf;

	wrapped->interface->held--;
	net_release(wrapped->interface->net, wrapped->piece);
	wrapped->next_free = free_wrapped;
	free_wrapped = wrapped;
}

struct pbuf *packet_wrap_piece(struct interface *interface, struct net_buffer *piece, size_t skip,
			       size_t length)
{
	struct wrapped *wrapped = free_wrapped;

	if (!wrapped)
		return NULL;
	free_wrapped = wrapped->next_free;
	piece->more = NULL;
	interface->held++;
	wrapped->piece = piece;
	wrapped->interface = interface;
	wrapped->custom.custom_free_function = wrapped_done;
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)length, PBUF_REF, &wrapped->custom,
				   net_data(piece) + skip, (u16_t)length);
}

bool packet_wrap(struct interface *interface, struct pbuf *head, struct net_buffer *frame,
		 size_t skip)
{
	for (struct net_buffer *piece = frame, *more; piece; piece = more, skip = 0) {
		more = piece->more;
		struct pbuf *pbuf = packet_wrap_piece(interface, piece, skip, piece->length - skip);
		if (!pbuf) {
			net_release(interface->net, piece);
			return false;
		}
		pbuf_cat(head, pbuf);
	}
	return true;
}

bool packet_may_hold(const struct interface *interface, unsigned pieces)
{
	unsigned held = interface->held + pieces;

	return held <= HELD_MAX && held <= interface->net->buffers / HELD_SHARE;
}

/* ---- Start ------------------------------------------------------------------------------------------------ */

bool packet_start(void)
{
	static struct wrapped *all;
	size_t memory;

	network_memory_used(&memory);
	packet_large.max = memory / 2;
	packet_small.max = packet_large.max / PACKET_SMALL_SHARE;
	if (all)
		return true;
	all = vport_alloc(WRAPPED_MAX * sizeof(*all));
	for (unsigned i = 0; all && i < WRAPPED_MAX; i++) {
		all[i].next_free = free_wrapped;
		free_wrapped = &all[i];
	}
	return all != NULL;
}
