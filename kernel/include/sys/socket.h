/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets, which newlib has none of: kernel/net/socket.c. They are files: read, write, close and poll know them.
 * For the program on CPU 0; docs/network.md lists what is left out.
 */
#ifndef KERNEL_SYS_SOCKET_H
#define KERNEL_SYS_SOCKET_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t sa_family_t;
typedef uint32_t socklen_t;

struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};

/* Large enough for any of them. */
struct sockaddr_storage {
	sa_family_t ss_family;
	char ss_padding[27];
};

struct msghdr {
	void *msg_name;
	socklen_t msg_namelen;
	struct iovec *msg_iov;
	int msg_iovlen;
	void *msg_control; /* there is none: it comes back empty */
	socklen_t msg_controllen;
	int msg_flags;
};

struct linger {
	int l_onoff, l_linger;
};

#define AF_UNSPEC 0
#define AF_INET 2
#define AF_INET6 10
#define PF_UNSPEC AF_UNSPEC
#define PF_INET AF_INET
#define PF_INET6 AF_INET6

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_NONBLOCK 0x4000 /* with one of those: O_NONBLOCK */

#define SOMAXCONN 64

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

#define MSG_PEEK 0x02
#define MSG_WAITALL 0x04
#define MSG_TRUNC 0x08
#define MSG_DONTWAIT 0x10
#define MSG_MORE 0x20
#define MSG_NOSIGNAL 0 /* there are no signals */

#define SOL_SOCKET 0xffff
#define SO_REUSEADDR 0x0004
#define SO_KEEPALIVE 0x0008
#define SO_BROADCAST 0x0020
#define SO_LINGER 0x0080 /* only l_linger = 0, which resets the connection, makes a difference */
#define SO_SNDBUF 0x1001 /* cannot be changed */
#define SO_RCVBUF 0x1002
#define SO_SNDTIMEO 0x1005
#define SO_RCVTIMEO 0x1006
#define SO_ERROR 0x1007
#define SO_TYPE 0x1008
#define SO_ACCEPTCONN 0x1009
#define SO_DOMAIN 0x100a
#define SO_PROTOCOL 0x100b

int socket(int domain, int type, int protocol);
int bind(int fd, const struct sockaddr *address, socklen_t length);
int listen(int fd, int backlog);
int accept(int fd, struct sockaddr *__restrict address, socklen_t *__restrict length);
int connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t send(int fd, const void *data, size_t length, int flags);
ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to,
	       socklen_t to_length);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t recv(int fd, void *buffer, size_t length, int flags);
ssize_t recvfrom(int fd, void *__restrict buffer, size_t length, int flags,
		 struct sockaddr *__restrict from, socklen_t *__restrict from_length);
ssize_t recvmsg(int fd, struct msghdr *message, int flags);
int shutdown(int fd, int how);
int getsockname(int fd, struct sockaddr *__restrict address, socklen_t *__restrict length);
int getpeername(int fd, struct sockaddr *__restrict address, socklen_t *__restrict length);
int getsockopt(int fd, int level, int option, void *__restrict value, socklen_t *__restrict length);
int setsockopt(int fd, int level, int option, const void *value, socklen_t length);

#ifdef __cplusplus
}
#endif

#endif
