/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of UDP, and raw ones, which see packets of an IP protocol as they come in: with the header of IPv4, as everywhere,
 * and without that of IPv6.
 *
 * See it at work: make run APP=echo; make run APP=ping ARGS=10.0.2.2
 * Left out: errors that ICMP tells of; multicast groups.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel/net/copy.h"
#include "kernel/net/headers.h"
#include "kernel/net/network.h"
#include "kernel/net/offload.h"
#include "kernel/net/socket.h"

#define ICMP6_CHECKSUM_AT 2

static bool is_raw(const struct socket *socket)
{
	return socket->type == SOCK_RAW;
}

/* ---- What lwIP calls ---------------------------------------------------------------------------------------- */

static bool keep(struct socket *socket, struct pbuf *data, const ip_addr_t *from, uint16_t port)
{
	bool kept = !socket->shut_read && socket_queue(socket, data, from, port);

	socket->dropped += !kept;
	return kept;
}

static void udp_received(void *argument, struct udp_pcb *pcb, struct pbuf *data,
			 const ip_addr_t *from, u16_t port)
{
	(void)pcb;
	if (!keep(argument, data, from, port))
		pbuf_free(data);
}

/* A copy: the stack looks at the packet as well. */
static u8_t raw_received(void *argument, struct raw_pcb *pcb, struct pbuf *packet,
			 const ip_addr_t *from)
{
	struct pbuf *data = pbuf_clone(PBUF_RAW, PBUF_RAM, packet);

	(void)pcb;
	if (data && IP_IS_V6(from))
		pbuf_remove_header(data, IP6_HEADER);
	if (data && !keep(argument, data, from, 0))
		pbuf_free(data);
	return 0;
}

/* ---- Opening and closing -------------------------------------------------------------------------------------- */

int datagram_open(struct socket *socket)
{
	u8_t type = socket->domain == AF_INET ? IPADDR_TYPE_V4
		    : is_raw(socket)          ? IPADDR_TYPE_V6
					      : IPADDR_TYPE_ANY;

	if (!is_raw(socket)) {
		socket->udp = udp_new_ip_type(type);
		if (!socket->udp)
			return -ENOBUFS;
		udp_recv(socket->udp, udp_received, socket);
		return 0;
	}
	socket->raw = raw_new_ip_type(type, (u8_t)socket->protocol);
	if (!socket->raw)
		return -ENOBUFS;
	raw_recv(socket->raw, raw_received, socket);
	if (socket->protocol == IPPROTO_ICMPV6) {
		socket->raw->chksum_reqd = 1; /* RFC 3542: the kernel makes it */
		socket->raw->chksum_offset = ICMP6_CHECKSUM_AT;
	}
	return 0;
}

int datagram_bind(struct socket *socket, const ip_addr_t *address, uint16_t port)
{
	return -socket_errno(is_raw(socket) ? raw_bind(socket->raw, address)
					    : udp_bind(socket->udp, address, port));
}

int datagram_connect(struct socket *socket, const ip_addr_t *address, uint16_t port)
{
	err_t error;

	do
		error = is_raw(socket) ? raw_connect(socket->raw, address)
				       : udp_connect(socket->udp, address, port);
	while (socket_await_route(socket, 0, error));
	socket->connected = error == ERR_OK;
	return -socket_errno(error);
}

void datagram_close(struct socket *socket)
{
	if (is_raw(socket))
		raw_remove(socket->raw);
	else
		udp_remove(socket->udp);
}

/* ---- Moving data ------------------------------------------------------------------------------------------------ */

static size_t bytes_of(const struct iovec *pieces, int count)
{
	size_t length = 0;

	for (const struct iovec *piece = pieces; piece < pieces + count; piece++)
		length += piece->iov_len;
	return length;
}

static err_t hand_over(struct socket *socket, struct pbuf *data, const ip_addr_t *to, uint16_t port)
{
	if (is_raw(socket))
		return to ? raw_sendto(socket->raw, data, to) : raw_send(socket->raw, data);
	if (!offload_fits(data->tot_len))
		return offload_fragmented(socket->udp, data, to, port);
	return to ? udp_sendto(socket->udp, data, to, port) : udp_send(socket->udp, data);
}

static struct pbuf *gather(const struct iovec *pieces, int count, size_t length)
{
	struct pbuf *data = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_RAM);
	uint8_t *at = data ? data->payload : NULL;

	for (const struct iovec *piece = pieces; data && piece < pieces + count; piece++) {
		network_copy(at, piece->iov_base, piece->iov_len);
		at += piece->iov_len;
	}
	return data;
}

/* What a packet holds: lwIP counts IPv6's own header as well. */
static size_t longest(const struct socket *socket, const ip_addr_t *to)
{
	if (!to)
		to = is_raw(socket) ? &socket->raw->remote_ip : &socket->udp->remote_ip;
	return UINT16_MAX - (size_t)(IP_IS_V6(to) ? IP6_HEADER : IP4_HEADER) -
	       (is_raw(socket) ? 0 : UDP_HEADER);
}

long datagram_send(struct socket *socket, const struct iovec *pieces, int count, int flags,
		   const ip_addr_t *to, uint16_t port)
{
	uint64_t deadline = 0; /* from the first time that it waits */
	size_t length = bytes_of(pieces, count);

	if (!to && !socket->connected)
		return -EDESTADDRREQ;
	if (length > longest(socket, to))
		return -EMSGSIZE;
	for (;;) {
		struct pbuf *data = gather(pieces, count, length);
		err_t error = data ? hand_over(socket, data, to, port) : ERR_MEM;
		if (data)
			pbuf_free(data);
		stack_send();
		if (error == ERR_OK)
			return (long)length;
		if (socket_await_route(socket, flags, error))
			continue;
		if (error != ERR_MEM)
			return -socket_errno(error);
		/* The device's queue is full, or memory is short: the stack's next turn may change that. */
		if (deadline == 0)
			deadline = socket_deadline(socket->send_patience);
		int waited = socket_wait(socket, flags, deadline);
		if (waited)
			return -waited;
	}
}

long datagram_receive(struct socket *socket, const struct iovec *pieces, int count, int flags,
		      ip_addr_t *from, uint16_t *port, bool *truncated)
{
	uint64_t deadline = socket_deadline(socket->receive_patience);
	size_t offset = 0;

	while (!socket->first) {
		int error = socket_wait(socket, flags, deadline);
		if (error)
			return -error;
	}
	struct received *received = socket->first;
	for (int i = 0; i < count && offset < received->data->tot_len; i++) {
		size_t left = received->data->tot_len - offset;
		size_t part = pieces[i].iov_len < left ? pieces[i].iov_len : left;
		pbuf_copy_partial(received->data, pieces[i].iov_base, (u16_t)part, (u16_t)offset);
		offset += part;
	}
	ip_addr_copy(*from, received->from);
	*port = received->port;
	*truncated = offset < received->data->tot_len;
	if (!(flags & MSG_PEEK))
		socket_unqueue(socket);
	return (long)offset;
}

unsigned datagram_ready(struct socket *socket)
{
	return FILE_WRITABLE | (socket->first ? FILE_READABLE : 0);
}
