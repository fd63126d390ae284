/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BSD sockets over lwIP's callbacks: what programs call (<sys/socket.h>) but to send and to receive, and what newlib's files do
 * with a socket. lwIP's own sockets need threads; these wait by vport_relax.
 *
 * See it at work: make run APP=echo
 * Left out: sockets on CPUs other than 0; out-of-band data; control messages; multicast groups.
 */
#include "kernel/net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kernel/net/memory.h"
#include "kernel/net/network.h"
#include "lib/error.h"

#define NS_PER_S UINT64_C(1000000000)
#define ROUTE_PATIENCE (10 * NS_PER_S) /* for DHCP */

int socket_fail(int error)
{
	errno = error;
	return -1;
}

long socket_result(long result)
{
	return result < 0 ? socket_fail((int)-result) : result;
}

int socket_errno(err_t error)
{
	switch (error) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
	case ERR_BUF:
		return ENOBUFS;
	case ERR_RTE:
		return ENETUNREACH;
	case ERR_INPROGRESS:
		return EINPROGRESS;
	case ERR_VAL:
	case ERR_ARG:
		return EINVAL;
	case ERR_USE:
		return EADDRINUSE;
	case ERR_ALREADY:
		return EALREADY;
	case ERR_ISCONN:
		return EISCONN;
	case ERR_CONN:
		return ENOTCONN;
	case ERR_ABRT:
		return ECONNABORTED;
	case ERR_RST:
		return ECONNRESET;
	case ERR_CLSD:
		return ENOTCONN;
	default:
		return EIO;
	}
}

/* ---- Waiting ----------------------------------------------------------------------------------------- */

uint64_t socket_deadline(uint64_t patience)
{
	return patience == 0 ? VPORT_NEVER : vport_now() + patience;
}

int socket_wait(const struct socket *socket, int flags, uint64_t deadline)
{
	if ((socket->open.flags & O_NONBLOCK) || (flags & MSG_DONTWAIT))
		return EAGAIN;
	if (deadline != VPORT_NEVER && vport_now() >= deadline)
		return EAGAIN;
	vport_relax(deadline);
	return 0;
}

bool socket_await_route(const struct socket *socket, int flags, err_t error)
{
	return error == ERR_RTE && !(socket->open.flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT) &&
	       !network_await(vport_now()) && network_await(vport_now() + ROUTE_PATIENCE);
}

/* ---- As a file --------------------------------------------------------------------------------------------- */

/* The stack is CPU 0's, and sockets are its own: a caller of another CPU is mistaken. */
static struct socket *socket_in(struct open_file *file)
{
	kit_assert(vport_cpu() == 0);
	return (struct socket *)file;
}

/* A negative errno as a file's operation tells it. */
static long file_result(long result)
{
	return result < 0 ? FILE_ERRNO(-result) : result;
}

static long read_socket(struct open_file *file, uint64_t offset, void *buffer, size_t length)
{
	(void)offset;
	return file_result(socket_receive(socket_in(file), buffer, length, 0));
}

static long write_socket(struct open_file *file, uint64_t offset, const void *data, size_t length)
{
	(void)offset;
	return file_result(socket_transmit(socket_in(file), data, length, 0));
}

static void status_of(struct open_file *file, struct stat *status)
{
	(void)file;
	*status = (struct stat){ .st_mode = S_IFSOCK | S_IRUSR | S_IWUSR };
}

static unsigned ready(struct open_file *file)
{
	struct socket *socket = socket_in(file);
	unsigned now = socket_is_stream(socket) ? stream_ready(socket) : datagram_ready(socket);

	return socket->error ? now | FILE_FAILED : now;
}

static void close_socket(struct open_file *file)
{
	struct socket *socket = socket_in(file);

	if (socket_is_stream(socket))
		stream_close(socket);
	else
		datagram_close(socket);
	while (socket->first)
		socket_unqueue(socket);
	network_free(socket);
	stack_leave();
}

static const struct open_file_operations operations = {
	.read = read_socket,
	.write = write_socket,
	.status = status_of,
	.close = close_socket,
	.ready = ready,
};

struct socket *socket_new(int domain, int type, int protocol)
{
	struct socket *socket = network_calloc(1, sizeof(*socket));

	if (!socket)
		return NULL;
	socket->open.operations = &operations;
	socket->open.flags = O_RDWR;
	socket->domain = domain;
	socket->type = type;
	socket->protocol = protocol;
	socket->last = &socket->first;
	socket->last_accepted = &socket->accepted;
	return socket;
}

struct socket *socket_of(int fd)
{
	struct open_file *file = open_file_of(fd);

	if (!file) {
		errno = fd >= 0 && fd <= 2 ? ENOTSOCK : EBADF;
		return NULL;
	}
	if (file->operations != &operations) {
		errno = ENOTSOCK;
		return NULL;
	}
	return socket_in(file);
}

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

/* The protocol that is meant; negative: there is none such. */
static int protocol_of(int domain, int type, int protocol)
{
	if (domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	switch (type) {
	case SOCK_STREAM:
		return protocol == 0 || protocol == IPPROTO_TCP ? IPPROTO_TCP : -EPROTONOSUPPORT;
	case SOCK_DGRAM:
		return protocol == 0 || protocol == IPPROTO_UDP ? IPPROTO_UDP : -EPROTONOSUPPORT;
	case SOCK_RAW:
		return protocol > 0 && protocol < 256 ? protocol : -EPROTONOSUPPORT;
	default:
		return -EPROTOTYPE;
	}
}

int socket(int domain, int type, int protocol)
{
	bool nonblocking = (type & SOCK_NONBLOCK) != 0;

	type &= ~SOCK_NONBLOCK;
	protocol = protocol_of(domain, type, protocol);
	if (protocol < 0)
		return socket_fail(-protocol);
	if (network_start() != 0)
		return socket_fail(ENOMEM);
	struct socket *socket = socket_new(domain, type, protocol);
	if (!socket)
		return socket_fail(ENOMEM);
	int error = socket_is_stream(socket) ? stream_open(socket) : datagram_open(socket);
	if (error) {
		network_free(socket);
		return socket_fail(-error);
	}
	socket->open.flags |= nonblocking ? O_NONBLOCK : 0;
	int fd = open_file_add(&socket->open);
	if (fd < 0)
		close_socket(&socket->open);
	return fd;
}

/* The socket, and the address that is meant; NULL, and errno: one of them is none. */
static struct socket *socket_and_address(int fd, const struct sockaddr *name, socklen_t length,
					 ip_addr_t *address, uint16_t *port)
{
	struct socket *socket = socket_of(fd);
	int error = socket ? address_get(socket, name, length, address, port) : 0;

	if (error)
		errno = error;
	return error ? NULL : socket;
}

int bind(int fd, const struct sockaddr *name, socklen_t length)
{
	ip_addr_t address;
	uint16_t port;
	struct socket *socket = socket_and_address(fd, name, length, &address, &port);

	if (!socket)
		return -1;
	/* Any of IPv6 is any of IPv4 as well. */
	if (socket->domain == AF_INET6 && ip_addr_isany(&address) && !socket->only6)
		address = *IP_ANY_TYPE;
	return (int)socket_result(socket_is_stream(socket) ? stream_bind(socket, &address, port)
							   : datagram_bind(socket, &address, port));
}

int listen(int fd, int backlog)
{
	struct socket *socket = socket_of(fd);

	if (!socket)
		return -1;
	return socket_is_stream(socket) ? (int)socket_result(stream_listen(socket, backlog))
					: socket_fail(EOPNOTSUPP);
}

int connect(int fd, const struct sockaddr *name, socklen_t length)
{
	ip_addr_t address;
	uint16_t port;
	struct socket *socket = socket_and_address(fd, name, length, &address, &port);

	if (!socket)
		return -1;
	int result = socket_is_stream(socket) ? stream_connect(socket, &address, port)
					      : datagram_connect(socket, &address, port);
	stack_leave();
	return (int)socket_result(result);
}

int accept(int fd, struct sockaddr *restrict name, socklen_t *restrict length)
{
	struct socket *socket = socket_of(fd);
	int error;

	if (!socket)
		return -1;
	if (!socket->listening)
		return socket_fail(EINVAL);
	struct socket *connection = stream_accept(socket, &error);
	if (!connection)
		return socket_fail(error);
	int connection_fd = open_file_add(&connection->open);
	if (connection_fd < 0)
		close_socket(&connection->open);
	else if (connection->tcp)
		address_put(connection, &connection->tcp->remote_ip, connection->tcp->remote_port,
			    name, length);
	return connection_fd;
}

int shutdown(int fd, int how)
{
	struct socket *socket = socket_of(fd);

	if (!socket)
		return -1;
	if (how < SHUT_RD || how > SHUT_RDWR)
		return socket_fail(EINVAL);
	int result = socket_is_stream(socket) ? stream_shutdown(socket, how) : -EOPNOTSUPP;
	stack_leave();
	return (int)socket_result(result);
}
