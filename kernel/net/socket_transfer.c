/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: what programs call to send and to receive, whole or in pieces, of streams and datagrams alike.
 *
 * See it at work: make run APP=echo
 * Left out: out-of-band data; control messages.
 */
#include "kernel/net/socket.h"

/* ---- A stream, or datagrams -------------------------------------------------------------------------------- */

long socket_receive(struct socket *socket, void *buffer, size_t length, int flags)
{
	struct iovec piece = { buffer, length };
	ip_addr_t from;
	uint16_t port;
	bool truncated;

	return socket_is_stream(socket)
		       ? stream_receive(socket, buffer, length, flags)
		       : datagram_receive(socket, &piece, 1, flags, &from, &port, &truncated);
}

long socket_transmit(struct socket *socket, const void *data, size_t length, int flags)
{
	struct iovec piece = { (void *)data, length };

	return socket_is_stream(socket) ? stream_send(socket, data, length, flags)
					: datagram_send(socket, &piece, 1, flags, NULL, 0);
}

/* ---- Sending --------------------------------------------------------------------------------------------------- */

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	struct socket *socket = socket_of(fd);

	return socket ? socket_result(socket_transmit(socket, data, length, flags)) : -1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct socket *socket = socket_of(fd);
	ip_addr_t address;
	uint16_t port = 0;
	long sent = 0;

	if (!socket)
		return -1;
	bool named = message->msg_name && !socket_is_stream(socket);
	if (named) {
		int error = address_get(socket, message->msg_name, message->msg_namelen, &address,
					&port);
		if (error)
			return socket_fail(error);
	}
	if (!socket_is_stream(socket))
		return socket_result(datagram_send(socket, message->msg_iov, message->msg_iovlen,
						   flags, named ? &address : NULL, port));
	for (int i = 0; i < message->msg_iovlen; i++) {
		bool more = i + 1 < message->msg_iovlen;
		long part = stream_send(socket, message->msg_iov[i].iov_base,
					message->msg_iov[i].iov_len, flags | (more ? MSG_MORE : 0));
		if (part < 0)
			return sent > 0 ? sent : socket_result(part);
		sent += part;
		if ((size_t)part < message->msg_iov[i].iov_len)
			break;
	}
	return sent;
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to,
	       socklen_t to_length)
{
	struct iovec piece = { (void *)data, length };
	struct msghdr message = {
		.msg_name = (void *)to, .msg_namelen = to_length, .msg_iov = &piece, .msg_iovlen = 1
	};

	return sendmsg(fd, &message, flags);
}

/* ---- Receiving --------------------------------------------------------------------------------------------------- */

ssize_t recv(int fd, void *buffer, size_t length, int flags)
{
	struct socket *socket = socket_of(fd);

	return socket ? socket_result(socket_receive(socket, buffer, length, flags)) : -1;
}

/* A stream's pieces are filled one after the other, as far as there is something now. */
static long receive_pieces(struct socket *socket, struct msghdr *message, int flags)
{
	long received = 0;

	for (int i = 0; i < message->msg_iovlen; i++) {
		struct iovec *piece = &message->msg_iov[i];
		long part = stream_receive(socket, piece->iov_base, piece->iov_len,
					   received > 0 ? flags | MSG_DONTWAIT : flags);
		if (part < 0)
			return received > 0 ? received : part;
		received += part;
		if ((size_t)part < piece->iov_len || (flags & MSG_PEEK))
			break;
	}
	message->msg_namelen = 0;
	return received;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct socket *socket = socket_of(fd);
	ip_addr_t from;
	uint16_t port;
	bool truncated = false;

	if (!socket)
		return -1;
	message->msg_flags = 0;
	message->msg_controllen = 0;
	if (socket_is_stream(socket))
		return socket_result(receive_pieces(socket, message, flags));
	long received = datagram_receive(socket, message->msg_iov, message->msg_iovlen, flags,
					 &from, &port, &truncated);
	if (received < 0)
		return socket_result(received);
	if (message->msg_name)
		address_put(socket, &from, port, message->msg_name, &message->msg_namelen);
	message->msg_flags = truncated ? MSG_TRUNC : 0;
	return received;
}

ssize_t recvfrom(int fd, void *restrict buffer, size_t length, int flags,
		 struct sockaddr *restrict from, socklen_t *restrict from_length)
{
	struct iovec piece = { buffer, length };
	struct msghdr message = { .msg_name = from_length ? from : NULL,
				  .msg_namelen = from_length ? *from_length : 0,
				  .msg_iov = &piece,
				  .msg_iovlen = 1 };

	ssize_t received = recvmsg(fd, &message, flags);
	if (received >= 0 && from_length)
		*from_length = message.msg_namelen;
	return received;
}
