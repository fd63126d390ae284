/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's view of the ports of virtio-console (VIRTIO 1.4, 5.3): files under /dev, by path or by name.
 *
 *     int fd = open("/dev/vport0p1", O_RDWR);         device 0, port 1
 *     int fd = open("/dev/org.example.data", O_RDWR);
 *     int fd = open("/dev/virtio-ports/org.example.data", O_RDWR);
 *
 * One program has a port open at a time (EBUSY). read waits for the first byte, and returns 0 while the host's end is
 * closed; write waits until all of it is on its way, and fails with EPIPE while the host's end is closed; both go on when
 * it is opened again. close waits until the host has taken what was written, but not for longer than ten seconds: the
 * rest stays on its way. With O_NONBLOCK nothing waits (EAGAIN). A port that was taken away is ENODEV until the file is
 * closed; a device that was reset is one EIO.
 *
 * See it at work: make run APP=porttest
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/console.h"
#include "drivers/virtio/port.h"
#include "kernel/libc_file.h"
#include "kernel/libc_port.h"
#include "lib/error.h"

#define ALSO "virtio-ports/" /* under which other systems have them by name */
#define CLOSE_NS UINT64_C(10000000000)

struct port_file {
	struct open_file open; /* first */
	struct virtio_port *port;
};

static struct virtio_port *port_of(struct open_file *open)
{
	return ((struct port_file *)open)->port;
}

/* Until when an operation waits. */
static uint64_t patience(const struct open_file *open)
{
	return open->flags & O_NONBLOCK ? 0 : VPORT_NEVER;
}

static long read_port(struct open_file *open, uint64_t offset, void *buffer, size_t length)
{
	(void)offset;
	return virtio_port_read(port_of(open), buffer, length, patience(open));
}

static long write_port(struct open_file *open, uint64_t offset, const void *buffer, size_t length)
{
	(void)offset;
	return virtio_port_write(port_of(open), buffer, length, patience(open));
}

static unsigned port_is_ready(struct open_file *open)
{
	unsigned ready;

	virtio_port_expect(port_of(open)); /* who asks may wait next */
	ready = virtio_port_ready(port_of(open));
	return (ready & VIRTIO_PORT_READABLE ? FILE_READABLE : 0) |
	       (ready & VIRTIO_PORT_WRITABLE ? FILE_WRITABLE : 0) |
	       (ready & VIRTIO_PORT_HUNG_UP ? FILE_HUNG_UP : 0);
}

static void status_port(struct open_file *open, struct stat *status)
{
	(void)open;
	*status = (struct stat){ .st_mode = S_IFCHR | S_IRUSR | S_IWUSR, .st_nlink = 1 };
}

static void close_port(struct open_file *open)
{
	if ((open->flags & O_ACCMODE) != O_RDONLY)
		virtio_port_flush(port_of(open),
				  open->flags & O_NONBLOCK ? 0 : vport_now() + CLOSE_NS);
	virtio_port_close(port_of(open));
	free(open);
}

int libc_open_port(const char *name, int flags)
{
	static const struct open_file_operations operations = {
		.read = read_port,
		.write = write_port,
		.ready = port_is_ready,
		.status = status_port,
		.close = close_port,
	};

	if (strncmp(name, ALSO, strlen(ALSO)) == 0)
		name += strlen(ALSO);
	struct virtio_port *port = virtio_port_find(name);
	if (port == NULL)
		return libc_fail(ERR_NOT_FOUND);
	struct port_file *file = calloc(1, sizeof(*file));
	if (file == NULL)
		return libc_fail(ERR_NOMEM);
	int error = virtio_port_open(port);
	if (error) {
		free(file);
		return libc_fail(error);
	}
	file->open.operations = &operations;
	file->open.flags = flags;
	file->port = port;
	int fd = open_file_add(&file->open);
	if (fd < 0)
		close_port(&file->open);
	return fd;
}
