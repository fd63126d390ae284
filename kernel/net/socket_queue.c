/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What came in for a socket and was not read yet. Who sends it decides in what portions, so what counts is not how many
 * bytes it has but what memory it keeps from others: each portion has its headers and its place in the list besides. A
 * stream's small portions are put together, as far as its program is behind.
 *
 * No socket keeps more than what is left for all others, but for a part that is never kept, unless by one that has read
 * everything: so it gets the next portion, whatever others do not read.
 *
 * See it at work: make run APP=echo
 */
#include "kernel/net/memory.h"
#include "kernel/net/packet.h"
#include "kernel/net/socket.h"
#include "lib/containing.h"

/* What a socket may keep. A stream's whole window fits, in segments of 536 bytes or more: 975, of which the 128 that
 * stay in the driver's buffers are two pieces each. */
#define COST_MAX (800u << 10)
/* What each piece of a portion has besides its data. */
#define PIECE_COST 256
/* A stream's portions of so many bytes at most are put together, in blocks that have room for so many. */
#define SMALL_MAX 256
#define JOINED_BYTES 960

/* The portion itself is no part of what is left: it is there. */
static inline bool may_keep(const struct socket *socket, size_t cost)
{
	size_t all = socket->cost + cost;

	return !socket->first || (all <= COST_MAX && all <= packet_room());
}

static struct received *append(struct socket *socket, struct pbuf *data, size_t cost)
{
	struct received *received = NULL;

	if (may_keep(socket, cost))
		received = network_malloc(sizeof(*received));
	if (!received)
		return NULL;
	*received = (struct received){ .data = data, .cost = (uint32_t)cost };
	socket->cost += cost;
	*socket->last = received;
	socket->last = &received->next;
	return received;
}

/* A block behind what is there, which is empty: the caller puts something into it at once. */
static struct received *append_block(struct socket *socket)
{
	struct pbuf *block = pbuf_alloc(PBUF_RAW, JOINED_BYTES, PBUF_RAM);
	struct received *received = block ? append(socket, block, JOINED_BYTES + PIECE_COST) : NULL;

	if (received) {
		block->len = block->tot_len = 0;
		received->room = JOINED_BYTES;
	} else if (block) {
		pbuf_free(block);
	}
	return received;
}

static bool join(struct socket *socket, struct pbuf *data)
{
	struct received *last = containing(socket->last, struct received, next);
	u16_t length = data->tot_len;

	if (last->room < length)
		last = append_block(socket);
	if (!last)
		return false;
	struct pbuf *block = last->data;
	pbuf_copy_partial(data, (uint8_t *)block->payload + block->len, length, 0);
	block->len = block->tot_len = (u16_t)(block->len + length);
	last->room = (uint16_t)(last->room - length);
	pbuf_free(data);
	return true;
}

bool socket_queue(struct socket *socket, struct pbuf *data, const ip_addr_t *from, uint16_t port)
{
	if (!from && socket->first && data->tot_len <= SMALL_MAX)
		return join(socket, data);
	size_t pieces = data->next ? pbuf_clen(data) : 1;
	struct received *received = append(socket, data, data->tot_len + pieces * PIECE_COST);
	if (received && from) {
		ip_addr_copy(received->from, *from);
		received->port = port;
	}
	return received != NULL;
}

void socket_unqueue(struct socket *socket)
{
	struct received *received = socket->first;

	socket->first = received->next;
	if (!socket->first)
		socket->last = &socket->first;
	socket->offset = 0;
	socket->cost -= received->cost;
	pbuf_free(received->data);
	network_free(received);
}
