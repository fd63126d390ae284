/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports of virtio-console as system consoles. */
#ifndef KERNEL_VIRTIO_CONSOLE_H
#define KERNEL_VIRTIO_CONSOLE_H

/* After the devices were found: makes system consoles of the ports that console= asks for, and of those that come
 * later. Program context, once. */
void virtio_console_attach(void);

#endif
