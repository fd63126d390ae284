/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of sockets.
 *
 * See it at work: make run APP=sockettest
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

#include "kernel/net/offload.h"
#include "kernel/net/socket.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US 1000
#define MS_PER_S 1000

static bool is_stream(const struct socket *socket)
{
	return socket->type == SOCK_STREAM;
}

/* The part that all of lwIP's blocks begin with; NULL: there is none any more. */
static struct ip_pcb *block_of(const struct socket *socket)
{
	return is_stream(socket) ? (struct ip_pcb *)socket->tcp : (struct ip_pcb *)socket->udp;
}

/* A connection's block; NULL where there is none. */
static struct tcp_pcb *connection_of(const struct socket *socket)
{
	return is_stream(socket) && !socket->listening ? socket->tcp : NULL;
}

/* ---- Setting --------------------------------------------------------------------------------------------- */

static int set_patience(uint64_t *patience, const void *value, socklen_t length)
{
	struct timeval time;

	if (length < sizeof(time))
		return EINVAL;
	memcpy(&time, value, sizeof(time));
	if (time.tv_sec < 0 || time.tv_usec < 0 || time.tv_usec >= 1000000)
		return EDOM;
	*patience = (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
	return 0;
}

static int set_linger(struct socket *socket, const void *value, socklen_t length)
{
	struct linger linger;

	if (length < sizeof(linger))
		return EINVAL;
	memcpy(&linger, value, sizeof(linger));
	socket->reset_on_close = linger.l_onoff && linger.l_linger == 0;
	return 0;
}

/* One that lwIP keeps as a bit. */
static int set_bit(struct socket *socket, u8_t bit, int number)
{
	struct ip_pcb *block = block_of(socket);

	if (!block)
		return EINVAL;
	if (number)
		ip_set_option(block, bit);
	else
		ip_reset_option(block, bit);
	return 0;
}

static int set_of_tcp(struct socket *socket, int option, int number)
{
	struct tcp_pcb *pcb = connection_of(socket);

	if (!pcb)
		return EINVAL;
	if (option != TCP_NODELAY && number < 1)
		return EINVAL;
	switch (option) {
	case TCP_NODELAY:
		if (number)
			tcp_nagle_disable(pcb);
		else
			tcp_nagle_enable(pcb);
		return 0;
	case TCP_KEEPIDLE:
		pcb->keep_idle = (u32_t)number * MS_PER_S;
		return 0;
	case TCP_KEEPINTVL:
		pcb->keep_intvl = (u32_t)number * MS_PER_S;
		return 0;
	case TCP_KEEPCNT:
		pcb->keep_cnt = (u32_t)number;
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

static int set_of_ip(struct socket *socket, int option, int number)
{
	struct ip_pcb *block = block_of(socket);

	if (!block || number < 0 || number > 255)
		return EINVAL;
	if (option == IP_TTL)
		block->ttl = (u8_t)number;
	else
		block->tos = (u8_t)number;
	return 0;
}

/* Whatever is one number. */
static int set_number(struct socket *socket, int level, int option, int number)
{
	switch (level) {
	case SOL_SOCKET:
		switch (option) {
		case SO_REUSEADDR:
			return set_bit(socket, SOF_REUSEADDR, number);
		case SO_KEEPALIVE:
			return set_bit(socket, SOF_KEEPALIVE, number);
		case SO_BROADCAST:
			return set_bit(socket, SOF_BROADCAST, number);
		case SO_SNDBUF:
		case SO_RCVBUF:
			return 0; /* they are what they are */
		default:
			return ENOPROTOOPT;
		}
	case IPPROTO_TCP:
		return set_of_tcp(socket, option, number);
	case IPPROTO_IP:
		return option == IP_TTL || option == IP_TOS ? set_of_ip(socket, option, number)
							    : ENOPROTOOPT;
	case IPPROTO_IPV6:
		if (option == IPV6_UNICAST_HOPS)
			return set_of_ip(socket, IP_TTL, number);
		if (option != IPV6_V6ONLY || socket->domain != AF_INET6)
			return ENOPROTOOPT;
		socket->only6 = number != 0;
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	struct socket *socket = socket_of(fd);
	int number, error;

	if (!socket)
		return -1;
	if (level == SOL_SOCKET && option == SO_LINGER)
		error = set_linger(socket, value, length);
	else if (level == SOL_SOCKET && option == SO_RCVTIMEO)
		error = set_patience(&socket->receive_patience, value, length);
	else if (level == SOL_SOCKET && option == SO_SNDTIMEO)
		error = set_patience(&socket->send_patience, value, length);
	else if (length < sizeof(number))
		error = EINVAL;
	else {
		memcpy(&number, value, sizeof(number));
		error = set_number(socket, level, option, number);
	}
	return error ? socket_fail(error) : 0;
}

/* ---- Asking -------------------------------------------------------------------------------------------------- */

static int number_of_socket(struct socket *socket, int option, int *number)
{
	const struct ip_pcb *block = block_of(socket);

	switch (option) {
	case SO_ERROR:
		*number = socket->error;
		socket->error = 0;
		return 0;
	case SO_TYPE:
		*number = socket->type;
		return 0;
	case SO_DOMAIN:
		*number = socket->domain;
		return 0;
	case SO_PROTOCOL:
		*number = socket->protocol;
		return 0;
	case SO_ACCEPTCONN:
		*number = socket->listening;
		return 0;
	case SO_SNDBUF:
		*number = TCP_SND_BUF;
		return 0;
	case SO_RCVBUF:
		*number = TCP_WND;
		return 0;
	case SO_REUSEADDR:
		*number = block && ip_get_option(block, SOF_REUSEADDR);
		return 0;
	case SO_KEEPALIVE:
		*number = block && ip_get_option(block, SOF_KEEPALIVE);
		return 0;
	case SO_BROADCAST:
		*number = block && ip_get_option(block, SOF_BROADCAST);
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

static int number_of(struct socket *socket, int level, int option, int *number)
{
	const struct tcp_pcb *pcb = connection_of(socket);
	const struct ip_pcb *block = block_of(socket);

	if (level == SOL_SOCKET)
		return number_of_socket(socket, option, number);
	if (level == IPPROTO_IP && block && (option == IP_TTL || option == IP_TOS)) {
		*number = option == IP_TTL ? block->ttl : block->tos;
		return 0;
	}
	if (level == IPPROTO_IPV6 && option == IPV6_V6ONLY) {
		*number = socket->only6;
		return 0;
	}
	if (level != IPPROTO_TCP || !pcb)
		return ENOPROTOOPT;
	switch (option) {
	case TCP_NODELAY:
		*number = tcp_nagle_disabled(pcb);
		return 0;
	case TCP_MAXSEG:
		*number = (int)offload_peer_mss(pcb);
		return 0;
	case TCP_KEEPIDLE:
		*number = (int)(pcb->keep_idle / MS_PER_S);
		return 0;
	case TCP_KEEPINTVL:
		*number = (int)(pcb->keep_intvl / MS_PER_S);
		return 0;
	case TCP_KEEPCNT:
		*number = (int)pcb->keep_cnt;
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

static int give(void *value, socklen_t *length, const void *from, socklen_t size)
{
	if (*length > size)
		*length = size;
	memcpy(value, from, *length);
	return 0;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict length)
{
	struct socket *socket = socket_of(fd);
	int number = 0;

	if (!socket)
		return -1;
	if (level == SOL_SOCKET && option == SO_LINGER) {
		struct linger linger = { .l_onoff = socket->reset_on_close };
		return give(value, length, &linger, sizeof(linger));
	}
	if (level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO)) {
		uint64_t patience =
			option == SO_RCVTIMEO ? socket->receive_patience : socket->send_patience;
		struct timeval time = { .tv_sec = (time_t)(patience / NS_PER_S),
					.tv_usec = (suseconds_t)(patience % NS_PER_S / NS_PER_US) };
		return give(value, length, &time, sizeof(time));
	}
	int error = number_of(socket, level, option, &number);
	return error ? socket_fail(error) : give(value, length, &number, sizeof(number));
}
