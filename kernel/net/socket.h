/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the sockets: socket.c (what programs call), socket_transfer.c (to send and to receive), socket_queue.c
 * (what they have yet to read), socket_stream.c (TCP), socket_datagram.c (UDP and raw),
 * socket_address.c, socket_option.c, name.c.
 *
 * lwIP calls back in its turns, which are vport_relax's: so a socket's state changes only while its program waits.
 */
#ifndef KERNEL_NET_SOCKET_H
#define KERNEL_NET_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "kernel/libc_file.h"
#include "kernel/net/stack.h"

/* What came in and was not read yet. */
struct received {
	struct pbuf *data;
	ip_addr_t from; /* datagrams */
	uint16_t port;
	uint16_t room; /* behind the data, for more of a stream's */
	uint32_t cost;
	struct received *next;
};

struct socket {
	struct open_file open; /* first */
	int domain, type, protocol;
	union {
		struct tcp_pcb *
			tcp; /* NULL: the connection is over, or a call of this file's has not made one */
		struct udp_pcb *udp;
		struct raw_pcb *raw;
	};
	int error; /* an errno that is yet to be told */
	bool listening, connecting, connected;
	bool ended; /* the peer will send no more */
	bool shut_read, shut_write;
	bool reset_on_close; /* SO_LINGER of no time */
	bool only6;
	unsigned
		short_of_memory; /* the stack's turn in which there was none to send with; 0: there is */
	uint64_t receive_patience, send_patience; /* nanoseconds; 0: for ever */

	struct received *first, **last;
	size_t offset;    /* in the first one: what has been read of it */
	size_t cost;      /* of all of them: the memory that they keep from others */
	uint64_t dropped; /* datagrams, for which there was no room */

	/* A listening one: those that nobody has accepted yet, by `next`. */
	struct socket *accepted, **last_accepted, *next;
	unsigned accepted_count;
};

/* ---- socket.c -------------------------------------------------------------------------------------------- */

/* A new one, in no table yet; NULL: no memory. */
struct socket *socket_new(int domain, int type, int protocol);
/* NULL, and errno: it is none. Asserts that this is CPU 0. */
struct socket *socket_of(int fd);
/* errno; -1. */
int socket_fail(int error);
/* The same for a negative errno; another result as it is. */
long socket_result(long result);

static inline bool socket_is_stream(const struct socket *socket)
{
	return socket->type == SOCK_STREAM;
}

/* For a loop over something that only the stack's turn can change: lets it take one. 0; EAGAIN: the caller does not wait, or
 * not any longer. */
int socket_wait(const struct socket *socket, int flags, uint64_t deadline);
/* Until when a call may last. */
uint64_t socket_deadline(uint64_t patience);
/* Waits for an address of one's own, where there is none yet and there was no way for a packet. Whether to try again. */
bool socket_await_route(const struct socket *socket, int flags, err_t error);

/* The errno for an error of lwIP's. */
int socket_errno(err_t error);

/* ---- socket_transfer.c ----------------------------------------------------------------------------------- */

/* recv and send: a count, or a negative errno. */
long socket_receive(struct socket *socket, void *buffer, size_t length, int flags);
long socket_transmit(struct socket *socket, const void *data, size_t length, int flags);

/* ---- socket_queue.c -------------------------------------------------------------------------------------- */

/* Puts data at the end of what is to be read. False: the socket has enough to read, or there is no memory; it is still the
 * caller's. `from` is NULL for a stream's. */
bool socket_queue(struct socket *socket, struct pbuf *data, const ip_addr_t *from, uint16_t port);
/* Takes the first of it away. */
void socket_unqueue(struct socket *socket);

/* ---- What differs from type to type ------------------------------------------------------------------------ */

/* Results: a count, 0, or a negative errno. */
int stream_open(struct socket *socket);
int stream_bind(struct socket *socket, const ip_addr_t *address, uint16_t port);
int stream_listen(struct socket *socket, int backlog);
/* The next connection, off the list; NULL and *error. */
struct socket *stream_accept(struct socket *socket, int *error);
int stream_connect(struct socket *socket, const ip_addr_t *address, uint16_t port);
long stream_send(struct socket *socket, const void *data, size_t length, int flags);
long stream_receive(struct socket *socket, void *buffer, size_t length, int flags);
int stream_shutdown(struct socket *socket, int how);
unsigned stream_ready(struct socket *socket);
void stream_close(struct socket *socket);

int datagram_open(struct socket *socket);
int datagram_bind(struct socket *socket, const ip_addr_t *address, uint16_t port);
int datagram_connect(struct socket *socket, const ip_addr_t *address, uint16_t port);
long datagram_send(struct socket *socket, const struct iovec *pieces, int count, int flags,
		   const ip_addr_t *to, uint16_t port);
/* Fills in `from`; *truncated: it was longer. */
long datagram_receive(struct socket *socket, const struct iovec *pieces, int count, int flags,
		      ip_addr_t *from, uint16_t *port, bool *truncated);
unsigned datagram_ready(struct socket *socket);
void datagram_close(struct socket *socket);

/* ---- socket_address.c --------------------------------------------------------------------------------------- */

/* From a program's to lwIP's: 0, EINVAL, EAFNOSUPPORT. An address of IPv4 in a socket of IPv6 is IPv4's. */
int address_get(const struct socket *socket, const struct sockaddr *from, socklen_t length,
		ip_addr_t *address, uint16_t *port);
/* And back, cut off at *length, which becomes what it would have been. Nothing where `to` is NULL. */
void address_put(const struct socket *socket, const ip_addr_t *address, uint16_t port,
		 struct sockaddr *to, socklen_t *length);

#endif
