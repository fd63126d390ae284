/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of TCP.
 *
 * What is sent is copied once, into lwIP's segments; what was received stays in the driver's buffers until it is read,
 * and only then is the peer's window opened again.
 *
 * See it at work: make run APP=echo
 * Left out: urgent data; half-open connections that are accepted before the handshake has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kernel/net/lost.h"
#include "kernel/net/offload.h"
#include "kernel/net/socket.h"
#include "lib/error.h"

/* Bytes that are given to lwIP at a time: it takes all of them or, when memory is short, none. With headers in front they
 * are a block of memory. */
#define SEND_AT_ONCE (16384 - 192)
/* lwIP's extended argument that is the socket, to be told when the connection's block is freed. */
#define ARGUMENT_SOCKET 1

/* ---- What lwIP calls ------------------------------------------------------------------------------------- */

static void freed(u8_t id, void *argument)
{
	struct socket *socket = argument;

	(void)id;
	if (socket) {
		socket->tcp = NULL;
		socket->ended = true;
	}
}

static void failed(void *argument, err_t error)
{
	struct socket *socket = argument;

	if (!socket)
		return;
	socket->tcp = NULL;
	socket->ended = true;
	if (socket->connecting)
		socket->error = error == ERR_RST ? ECONNREFUSED : ETIMEDOUT;
	else if (error != ERR_CLSD)
		socket->error = error == ERR_RST ? ECONNRESET : ETIMEDOUT;
	socket->connecting = false;
}

static err_t received(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
	struct socket *socket = argument;

	(void)error;
	if (!data) {
		socket->ended = true;
		return ERR_OK;
	}
	if (socket->shut_read) {
		tcp_recved(pcb, data->tot_len);
		pbuf_free(data);
		return ERR_OK;
	}
	/* Where it is not taken, lwIP keeps it and tries again, and drops what comes until then. */
	return socket_queue(socket, data, NULL, 0) ? ERR_OK : ERR_MEM;
}

static err_t connected(void *argument, struct tcp_pcb *pcb, err_t error)
{
	struct socket *socket = argument;

	(void)pcb;
	(void)error; /* there is none: `failed` is called instead */
	socket->connecting = false;
	socket->connected = true;
	return ERR_OK;
}

static void attach(struct socket *socket, struct tcp_pcb *pcb)
{
	static const struct tcp_ext_arg_callbacks callbacks = { .destroy = freed };

	socket->tcp = pcb;
	tcp_arg(pcb, socket);
	tcp_recv(pcb, received);
	tcp_err(pcb, failed);
	tcp_ext_arg_set_callbacks(pcb, ARGUMENT_SOCKET, &callbacks);
	tcp_ext_arg_set(pcb, ARGUMENT_SOCKET, socket);
}

static void detach(struct socket *socket)
{
	struct tcp_pcb *pcb = socket->tcp;

	socket->tcp = NULL;
	tcp_arg(pcb, NULL);
	if (socket->listening)
		return;
	tcp_recv(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_ext_arg_set(pcb, ARGUMENT_SOCKET, NULL);
}

/* A new connection, in the listener's queue until it is accepted. One that is reset there stays, for the program to learn
 * of it, and keeps its place; for lwIP it is over and counts no more. */
static err_t accepted(void *argument, struct tcp_pcb *pcb, err_t error)
{
	struct socket *listener = argument;

	if (error != ERR_OK || !pcb || !listener)
		return ERR_VAL;
	if (listener->accepted_count >= ((struct tcp_pcb_listen *)listener->tcp)->backlog)
		return ERR_MEM; /* as below */
	struct socket *socket = socket_new(listener->domain, SOCK_STREAM, IPPROTO_TCP);
	if (!socket)
		return ERR_MEM; /* lwIP resets it */
	attach(socket, pcb);
	socket->connected = true;
	tcp_backlog_delayed(pcb);
	*listener->last_accepted = socket;
	listener->last_accepted = &socket->next;
	listener->accepted_count++;
	return ERR_OK;
}

/* ---- Opening and closing --------------------------------------------------------------------------------------- */

int stream_open(struct socket *socket)
{
	struct tcp_pcb *pcb =
		tcp_new_ip_type(socket->domain == AF_INET ? IPADDR_TYPE_V4 : IPADDR_TYPE_ANY);

	if (!pcb)
		return -ENOBUFS;
	attach(socket, pcb);
	return 0;
}

int stream_bind(struct socket *socket, const ip_addr_t *address, uint16_t port)
{
	/* Once only: lwIP would put the block into its list of bound ones a second time, which then never ends. */
	if (!socket->tcp || socket->listening || socket->connecting || socket->connected ||
	    socket->tcp->local_port != 0)
		return -EINVAL;
	return -socket_errno(tcp_bind(socket->tcp, address, port));
}

int stream_listen(struct socket *socket, int backlog)
{
	err_t error;

	if (backlog < 1)
		backlog = 1;
	if (backlog > SOMAXCONN)
		backlog = SOMAXCONN;
	if (socket->listening) {
		tcp_backlog_set((struct tcp_pcb_listen *)socket->tcp, (u8_t)backlog);
		return 0;
	}
	if (!socket->tcp || socket->connected || socket->connecting)
		return -EINVAL;
	/* The block becomes a smaller one, which is no connection: nothing of it is to be told. */
	tcp_ext_arg_set(socket->tcp, ARGUMENT_SOCKET, NULL);
	struct tcp_pcb *pcb = tcp_listen_with_backlog_and_err(socket->tcp, (u8_t)backlog, &error);
	if (!pcb) {
		tcp_ext_arg_set(socket->tcp, ARGUMENT_SOCKET, socket);
		return -socket_errno(error);
	}
	socket->tcp = pcb;
	socket->listening = true;
	tcp_arg(pcb, socket);
	tcp_accept(pcb, accepted);
	return 0;
}

/* Takes the first one out of the queue. */
static struct socket *take_accepted(struct socket *listener)
{
	struct socket *socket = listener->accepted;

	listener->accepted_count--;
	listener->accepted = socket->next;
	if (!listener->accepted)
		listener->last_accepted = &listener->accepted;
	socket->next = NULL;
	if (socket->tcp)
		tcp_backlog_accepted(socket->tcp);
	return socket;
}

struct socket *stream_accept(struct socket *listener, int *error)
{
	uint64_t deadline = socket_deadline(listener->receive_patience);

	while (!listener->accepted) {
		*error = socket_wait(listener, 0, deadline);
		if (*error)
			return NULL;
	}
	return take_accepted(listener);
}

int stream_connect(struct socket *socket, const ip_addr_t *address, uint16_t port)
{
	uint64_t deadline = socket_deadline(socket->send_patience);
	int error = 0;

	if (socket->connected)
		return -EISCONN;
	if (socket->listening)
		return -EOPNOTSUPP;
	if (!socket->connecting) {
		err_t status = ERR_CONN;
		if (!socket->tcp)
			return -ECONNABORTED; /* it has failed before */
		do
			status = tcp_connect(socket->tcp, address, port, connected);
		while (socket_await_route(socket, 0, status));
		if (status != ERR_OK)
			return -socket_errno(status);
		socket->connecting = true;
		stack_leave();
		if (socket->open.flags & O_NONBLOCK)
			return -EINPROGRESS;
	} else if (socket->open.flags & O_NONBLOCK) {
		return -EALREADY;
	}
	while (socket->connecting && !error)
		error = socket_wait(socket, 0, deadline);
	if (error)
		return -EINPROGRESS;
	error = socket->error;
	socket->error = 0;
	return -error;
}

int stream_shutdown(struct socket *socket, int how)
{
	if (socket->listening || !socket->connected)
		return -ENOTCONN;
	if (how != SHUT_WR) {
		socket->shut_read = true;
		while (socket->first) {
			size_t left = socket->first->data->tot_len - socket->offset;
			socket_unqueue(socket);
			if (socket->tcp)
				tcp_recved(socket->tcp, (u16_t)left);
		}
	}
	if (how != SHUT_RD && !socket->shut_write) {
		socket->shut_write = true;
		if (socket->tcp) {
			lost_before_more(socket->tcp);
			return -socket_errno(tcp_shutdown(socket->tcp, 0, 1));
		}
	}
	return 0;
}

void stream_close(struct socket *socket)
{
	struct tcp_pcb *pcb = socket->tcp;

	while (socket->accepted) {
		struct socket *connection = take_accepted(socket);
		connection->reset_on_close = true;
		connection->open.operations->close(&connection->open);
	}
	if (!pcb)
		return;
	detach(socket);
	if (socket->listening) {
		tcp_close(pcb);
		return;
	}
	lost_before_more(pcb);
	/* With data that nobody has read lwIP resets the connection. */
	if (socket->reset_on_close || tcp_close(pcb) != ERR_OK)
		tcp_abort(pcb);
}

/* ---- Moving data --------------------------------------------------------------------------------------------- */

/* An error that has yet to be told, once; then what the state is. */
static int fault(struct socket *socket, int otherwise)
{
	int error = socket->error ? socket->error : otherwise;

	socket->error = 0;
	return -error;
}

/* As much as lwIP has room for: how much, 0 where it has none now. */
static size_t write_some(struct socket *socket, const uint8_t *data, size_t length, int flags)
{
	size_t room = tcp_sndbuf(socket->tcp);
	size_t part = length < room ? length : room;
	u8_t how = TCP_WRITE_FLAG_COPY;

	if (part > SEND_AT_ONCE)
		part = SEND_AT_ONCE;
	if (part < length || (flags & MSG_MORE))
		how |= TCP_WRITE_FLAG_MORE;
	if (part == 0)
		return 0;
	offload_grow(socket->tcp);
	lost_before_more(socket->tcp);
	if (tcp_write(socket->tcp, data, (u16_t)part, how) == ERR_OK) {
		socket->short_of_memory = 0;
		return part;
	}
	socket->short_of_memory = stack_turns + 1;
	return 0;
}

static void push_out(struct tcp_pcb *pcb)
{
	bool hurry = !tcp_nagle_disabled(pcb) && offload_is_full(pcb);

	if (hurry)
		tcp_nagle_disable(pcb);
	tcp_output(pcb);
	if (hurry)
		tcp_nagle_enable(pcb);
	stack_leave();
}

long stream_send(struct socket *socket, const void *data, size_t length, int flags)
{
	uint64_t deadline = socket_deadline(socket->send_patience);
	size_t sent = 0;
	int error = 0;

	do {
		if (!socket->tcp || socket->shut_write) {
			/* Behind something that was taken, the next call is told. */
			if (sent > 0)
				break;
			error = -fault(socket, socket->connected ? EPIPE : ENOTCONN);
		} else if (!socket->connected) {
			error = socket->connecting ? EAGAIN : ENOTCONN;
		} else {
			size_t part = write_some(socket, (const uint8_t *)data + sent,
						 length - sent, flags);
			sent += part;
			if (part > 0 || length == 0)
				continue;
			push_out(socket->tcp);
			error = socket_wait(socket, flags, deadline);
		}
	} while (sent < length && !error);
	if (sent > 0 && socket->tcp)
		push_out(socket->tcp);
	return sent > 0 || !error ? (long)sent : -error;
}

/* Copies what there is, at most so much; takes it away unless it is only to be looked at. */
static size_t read_some(struct socket *socket, uint8_t *buffer, size_t length, bool peek)
{
	struct received *from = socket->first;
	size_t count = 0, offset = socket->offset;

	while (from && count < length) {
		size_t left = from->data->tot_len - offset;
		size_t part = left < length - count ? left : length - count;
		pbuf_copy_partial(from->data, buffer + count, (u16_t)part, (u16_t)offset);
		count += part;
		offset += part;
		if (part < left)
			break;
		from = from->next;
		offset = 0;
		if (!peek)
			socket_unqueue(socket);
	}
	if (!peek)
		socket->offset = offset;
	return count;
}

long stream_receive(struct socket *socket, void *buffer, size_t length, int flags)
{
	uint64_t deadline = socket_deadline(socket->receive_patience);
	size_t count = 0;
	int error = 0;

	if (socket->listening || !(socket->connected || socket->connecting || socket->ended))
		return -ENOTCONN;
	if (length == 0)
		return 0;
	do {
		size_t part = read_some(socket, (uint8_t *)buffer + count, length - count,
					(flags & MSG_PEEK) != 0);
		count += part;
		if (part > 0 && socket->tcp && !(flags & MSG_PEEK)) {
			for (size_t left = part, told; left > 0; left -= told) {
				told = left < UINT16_MAX ? left : UINT16_MAX;
				tcp_recved(socket->tcp, (u16_t)told);
			}
			stack_leave();
		}
		if (count == length ||
		    (count > 0 && (flags & (MSG_WAITALL | MSG_PEEK)) != MSG_WAITALL))
			break;
		if (socket->ended || socket->shut_read) {
			error = count > 0 ? 0 : -fault(socket, 0);
			break;
		}
		error = socket_wait(socket, flags, deadline);
	} while (!error);
	return count > 0 || !error ? (long)count : -error;
}

unsigned stream_ready(struct socket *socket)
{
	unsigned now = 0;

	if (socket->listening)
		return socket->accepted ? FILE_READABLE : 0;
	if (socket->first || socket->ended || socket->shut_read)
		now |= FILE_READABLE;
	if (!socket->tcp || socket->shut_write)
		return now | FILE_WRITABLE | (socket->ended && !socket->tcp ? FILE_HUNG_UP : 0);
	if (socket->connected && tcp_sndbuf(socket->tcp) >= TCP_SNDLOWAT &&
	    socket->short_of_memory != stack_turns + 1)
		now |= FILE_WRITABLE;
	return now;
}
