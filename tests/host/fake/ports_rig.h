/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of a console's ports share: the device, the host behind it, a port that is open on both ends, and a
 * stream of bytes of which no part looks like another. */
#ifndef TESTS_HOST_FAKE_PORTS_RIG_H
#define TESTS_HOST_FAKE_PORTS_RIG_H

#include "drivers/virtio/console.h"
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "tests/host/fake/console.h"
#include "tests/host/fake/scenario.h"

#define STREAM 200000
/* Neither who reads nor who writes would wait. */
#define HUNG_UP (VIRTIO_PORT_READABLE | VIRTIO_PORT_WRITABLE | VIRTIO_PORT_HUNG_UP)

static struct fake_device fake;
static struct fake_host host;
static char stream[STREAM], into[STREAM];

static inline void fill_stream(void)
{
	uint32_t state = 1;

	for (unsigned i = 0; i < STREAM; i++) {
		state = state * 1664525 + 1013904223;
		stream[i] = (char)(state >> 24);
	}
}

static inline void make(unsigned max_nr_ports)
{
	fake_ports_init(&fake, bus, ring, &host, max_nr_ports);
}

static inline void settle(void)
{
	CHECK(FAKE_WAIT(virtio_console_settled(virtio_console_first()), 1000));
}

static inline void start(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
	settle();
}

static inline struct virtio_port_info info_of(struct virtio_port *port)
{
	struct virtio_port_info info;

	virtio_port_info(port, &info);
	return info;
}

/* One port, number 1, open on both ends. */
static inline struct virtio_port *begin_open(void)
{
	make(3);
	host.ports[1] = (struct fake_console_port){ .there = true, .open = true };
	start();
	struct virtio_port *port = virtio_port_find("vport0p1");
	CHECK(port != NULL);
	CHECK_EQ(virtio_port_open(port), 0);
	CHECK(FAKE_WAIT(host.ports[1].guest_open, 100));
	return port;
}

/* Data goes there and back. */
static inline void passes(struct virtio_port *port, unsigned id)
{
	struct fake_console_port *there = &host.ports[id];
	size_t length = 1 + there->readies * 100 + there->opens;

	fake_sleep(1);
	there->length = 0;
	CHECK_EQ(virtio_port_write(port, stream, length, VPORT_NEVER), (long)length);
	CHECK_EQ(virtio_port_flush(port, VPORT_NEVER), 0);
	CHECK_EQ(there->length, length);
	CHECK(memcmp(there->got, stream, length) == 0);
	CHECK_EQ(fake_port_send(&fake, id, stream + 7, length), length);
	for (size_t got = 0; got < length;) {
		long step = virtio_port_read(port, into + got, length - got, VPORT_NEVER);
		CHECK(step > 0);
		if (step <= 0)
			return;
		got += (size_t)step;
	}
	CHECK(memcmp(into, stream + 7, length) == 0);
}

static inline void plug(unsigned id, const char *name)
{
	host.ports[id] = (struct fake_console_port){ .there = true, .open = true, .name = name };
	CHECK(fake_tell(&fake, id, FAKE_PORT_ADD, 1));
}

static inline void unplug(unsigned id)
{
	host.ports[id].there = false;
	CHECK(fake_tell(&fake, id, FAKE_PORT_REMOVE, 1));
}

/* The n-th reset. */
static inline void need_reset(unsigned n)
{
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(virtio_first()->resets == n && virtio_first()->state == VIRTIO_RUNNING,
			2000));
}

#endif
