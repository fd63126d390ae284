/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the vhost-user transport asks of its port beyond port.h: a connected local socket that carries file
 * descriptors, event counters, and the memory that is shared. Only the host port has these
 * (arch/host/vhost_socket.c); they are apart from vhost_user.c so that the protocol can be tested alone.
 */
#ifndef DRIVERS_VIRTIO_VHOST_PORT_H
#define DRIVERS_VIRTIO_VHOST_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

/* Connects to the back end that listens at `path`. A descriptor >= 0, or ERR_NODEV and the cause, for a person:
 * a text that stays until the next call. */
int vhost_port_connect(const char *path, const char **cause);
void vhost_port_close(int socket);
/* False once the other end has hung up, or its process has ended: only if that is certain. */
bool vhost_port_alive(int socket);
/* Says that nothing more will be sent, and waits a second or so for the other end to hang up as well: whether
 * it has. Callable again while it has not. */
bool vhost_port_hang_up(int socket);

/* Sends all of it, with a file descriptor unless fd is -1. 0, ERR_CLOSED when the other
 * end is gone, or ERR_IO. */
int vhost_port_send(int socket, const void *data, size_t length, int fd);
/* Receives exactly that many bytes within a second or so; descriptors that come along are closed. 0,
 * ERR_TIMEOUT, ERR_CLOSED when the other end is gone, or ERR_IO. */
int vhost_port_receive(int socket, void *data, size_t length);

/* An event counter. A descriptor >= 0 or ERR_NOMEM. */
int vhost_port_event(void);
void vhost_port_signal(int event);
/* The handler is called, as an interrupt is, when the counter was raised. */
void vhost_port_watch(int event, vport_irq_fn *handler, void *argument);
void vhost_port_unwatch(int event);

/* The memory from which vport_dma_alloc takes: one descriptor, its length, its first device address. */
struct vhost_port_memory {
	int fd;
	uint64_t size, device_address;
};
struct vhost_port_memory vhost_port_memory(void);

#endif
