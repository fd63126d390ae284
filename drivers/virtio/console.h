/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console: characters to and from the host. Port 0 of each device. */
#ifndef DRIVERS_VIRTIO_CONSOLE_H
#define DRIVERS_VIRTIO_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

struct virtio_console;

/* The first console device, and the one after it; NULL when there is none. */
struct virtio_console *virtio_console_first(void);
struct virtio_console *virtio_console_next(struct virtio_console *console);

/*
 * Writes all of it, waiting (bounded, without vport_relax) while the device's buffers are full. Any
 * context but an interrupt handler's. Returns how many bytes went out: fewer when the device does not
 * take them or is being recovered, or when this is called from within itself (by a log line of this very
 * driver).
 */
size_t virtio_console_write(struct virtio_console *console, const char *text, size_t length);

/* The next character that came in, or -1 when there is none now. Drain, work and program context. */
int virtio_console_read(struct virtio_console *console);

/* Writes one character past all queues, by the configuration space (VIRTIO_CONSOLE_F_EMERG_WRITE), as soon as
 * the features are negotiated, in any context. False when the device cannot do that. */
bool virtio_console_emergency_write(struct virtio_console *console, char c);

#endif
