/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of virtio-console for who waits: read, write and flush, by vport_relax. What they wait for is told to the CPU
 * that waits (virtio_port_expect); a look from time to time is for a device that has said nothing. A device may take all
 * that is sent at once, and throw it away since the host has closed its end: so who writes much without ever waiting has
 * the control queue looked at all the same.
 *
 * See it at work: make run APP=porttest, with a port: README.md
 */
#include "drivers/virtio/console.h"
#include "drivers/virtio/console_device.h"

#define LOOK_NS UINT64_C(250000000)

/* False: the deadline has passed. */
static bool wait(uint64_t deadline)
{
	uint64_t now = vport_now();

	if (now >= deadline)
		return false;
	vport_relax(deadline - now < LOOK_NS ? deadline : now + LOOK_NS);
	return true;
}

long virtio_port_read(struct virtio_port *port, void *buffer, size_t length, uint64_t deadline)
{
	long got;

	do {
		virtio_port_expect(port);
		got = virtio_port_receive(port, buffer, length);
	} while (got == ERR_FULL && wait(deadline));
	return got;
}

long virtio_port_write(struct virtio_port *port, const void *buffer, size_t length,
		       uint64_t deadline)
{
	size_t done = 0;

	for (;;) {
		virtio_port_expect(port);
		long sent = virtio_port_send(port, (const char *)buffer + done, length - done);
		if (sent > 0) {
			done += (size_t)sent;
			/* What the device has told meanwhile counts for what comes next. */
			vport_relax(0);
		}
		if (sent >= 0 && done == length)
			return (long)done;
		if (sent < 0 && (sent != ERR_FULL || !wait(deadline)))
			return done > 0 ? (long)done : sent;
	}
}

int virtio_port_flush(struct virtio_port *port, uint64_t deadline)
{
	do {
		virtio_port_expect(port);
		int error = console_port_pending(port);
		if (error != ERR_FULL)
			return error;
	} while (wait(deadline));
	return ERR_FULL;
}
