/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports of virtio-console as files: where open() of a name under /dev goes. */
#ifndef KERNEL_LIBC_PORT_H
#define KERNEL_LIBC_PORT_H

/* `name` stands behind /dev/. The file's number, or -1 and errno. */
int libc_open_port(const char *name, int flags);

#endif
