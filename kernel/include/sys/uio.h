/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of memory, of which sendmsg and recvmsg take several. */
#ifndef KERNEL_SYS_UIO_H
#define KERNEL_SYS_UIO_H

#include <sys/types.h>

struct iovec {
	void *iov_base;
	size_t iov_len;
};

#endif
