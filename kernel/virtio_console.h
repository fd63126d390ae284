/* SPDX-License-Identifier: BSD-2-Clause */
/* The system console on virtio-console, for machines without a UART. */
#ifndef KERNEL_VIRTIO_CONSOLE_H
#define KERNEL_VIRTIO_CONSOLE_H

/* After the devices were found: makes the first virtio-console the system console where there is no
 * other, or where console=virtio asks for it. Program context, once. */
void virtio_console_attach(void);

#endif
