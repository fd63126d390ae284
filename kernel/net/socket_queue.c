/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What came in for a socket and was not read yet. Who sends it decides in what portions, so what counts is not how many
 * bytes it has but what memory it keeps from others: each portion has its headers and its place in the list besides. A
 * stream's small portions are put together, as far as its program is behind.
 *
 * No socket keeps more than what is left for all others, but for a part that is never kept, unless by one that has read
 * everything: so it gets the next portion, whatever others do not read. Of datagrams a large one is no such portion; of a
 * stream each is, for lwIP would have what is refused in the same memory.
 *
 * See it at work: make run APP=echo
 */
#include "kernel/net/memory.h"
#include "kernel/net/packet.h"
#include "kernel/net/socket.h"
#include "lib/containing.h"

/* What a socket may keep. A stream's whole window fits, whatever its segments are. */
#define COST_MAX (800u << 10)
/* What each piece of a portion has besides its data. */
#define PIECE_COST 256
/* A datagram of so much at most is kept by whoever has read everything. */
#define FIRST_COST (4u << 10)
/* A stream's portions of so many bytes at most are put together: all those that are small ones as copies. */
#define SMALL_MAX 960

/* The portion itself is no part of what is left: it is there. */
static inline bool may_keep(const struct socket *socket, size_t cost, bool datagram)
{
	size_t all = socket->cost + cost;

	if (!socket->first && (!datagram || cost <= FIRST_COST))
		return true;
	return all <= COST_MAX && all <= packet_room();
}

static struct received *append(struct socket *socket, struct pbuf *data, size_t cost, bool datagram)
{
	struct received *received = NULL;

	if (may_keep(socket, cost, datagram))
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
	struct pbuf *block = packet_block();
	struct received *received =
		block ? append(socket, block, block->len + PIECE_COST, false) : NULL;

	if (received) {
		received->room = block->len;
		block->len = block->tot_len = 0;
	} else if (block) {
		pbuf_free(block);
	}
	return received;
}

static void put(struct received *to, const struct pbuf *data, u16_t offset, u16_t length)
{
	struct pbuf *block = to->data;

	pbuf_copy_partial(data, (uint8_t *)block->payload + block->len, length, offset);
	block->len = block->tot_len = (u16_t)(block->len + length);
	to->room = (uint16_t)(to->room - length);
}

static bool join(struct socket *socket, struct pbuf *data)
{
	struct received *last = containing(socket->last, struct received, next), *more = NULL;
	u16_t fits = data->tot_len < last->room ? data->tot_len : last->room;

	if (fits < data->tot_len) {
		more = append_block(socket);
		if (!more)
			return false;
	}
	if (fits > 0)
		put(last, data, 0, fits);
	if (more)
		put(more, data, fits, (u16_t)(data->tot_len - fits));
	pbuf_free(data);
	return true;
}

bool socket_queue(struct socket *socket, struct pbuf *data, const ip_addr_t *from, uint16_t port)
{
	if (!from && socket->first && data->tot_len <= SMALL_MAX)
		return join(socket, data);
	size_t pieces = data->next ? pbuf_clen(data) : 1;
	struct received *received =
		append(socket, data, data->tot_len + pieces * PIECE_COST, from != NULL);
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
