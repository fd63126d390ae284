/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for several files at once: kernel/libc_poll.c. */
#ifndef KERNEL_POLL_H
#define KERNEL_POLL_H

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned nfds_t;

struct pollfd {
	int fd;
	short events, revents;
};

#define POLLIN 0x01
#define POLLPRI 0x02
#define POLLOUT 0x04
#define POLLERR 0x08
#define POLLHUP 0x10
#define POLLNVAL 0x20

int poll(struct pollfd *files, nfds_t count, int milliseconds);

#ifdef __cplusplus
}
#endif

#endif
