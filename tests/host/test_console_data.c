/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console with several ports (VIRTIO 1.4, 5.3.6) against a fake host: data with back-pressure both ways, and a host
 * that closes its end. */
#include "tests/host/fake/ports_rig.h"

/* ---- Data ------------------------------------------------------------------------------------------ */

static void both_ways(void)
{
	struct virtio_port *port = begin_open();

	for (unsigned i = 0; i < 40; i++)
		passes(port, 1);
	CHECK_EQ(info_of(port).received, info_of(port).sent);
	CHECK_EQ(info_of(port).dropped, 0);
	CHECK(host.ports[1].guest_open);
	virtio_port_close(port);
	CHECK(FAKE_WAIT(!host.ports[1].guest_open, 100));
	CHECK_EQ(host.ports[1].opens, 1);
	CHECK_EQ(host.ports[1].closes, 1);
}

/* Who does not read holds up the host; what there is comes in order, whatever the lengths. */
static void reader_is_slow(void)
{
	struct virtio_port *port = begin_open();
	size_t sent = 0, got = 0;

	fake_sleep(1);
	for (unsigned turn = 0; got < STREAM; turn++) {
		size_t left = STREAM - sent;
		sent += fake_port_send(&fake, 1, stream + sent,
				       turn % 3 || left < 5000 ? left : 5000);
		CHECK(sent - got <= 2 * 8 * 4096);
		fake_sleep(1);
		long step = virtio_port_receive(port, into, 1 + turn * 997 % 9000);
		CHECK(step > 0);
		CHECK(memcmp(into, stream + got, (size_t)step) == 0);
		got += (size_t)step;
		if (sent == STREAM)
			continue;
		CHECK(virtio_port_ready(port) & VIRTIO_PORT_READABLE || got == sent);
	}
	CHECK_EQ(sent, STREAM);
	CHECK_EQ(virtio_port_receive(port, into, 1), ERR_FULL);
	/* Without a reader: as much as the buffers hold, for as long as it takes. */
	fake_sleep(1);
	CHECK_EQ(fake_port_send(&fake, 1, stream, STREAM), 8 * 4096);
	fake_sleep(60000);
	CHECK_EQ(fake_port_send(&fake, 1, stream, STREAM), 0);
	CHECK_EQ(virtio_first()->resets, 0);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), 8 * 4096);
}

/* A host that does not take what is sent holds up the writer, and nothing is lost. */
static void host_is_slow(void)
{
	struct virtio_port *port = begin_open();
	size_t sent = 0;

	host.ports[1].slow = true;
	CHECK_EQ(virtio_port_send(port, stream, STREAM), 8 * 4096);
	CHECK_EQ(virtio_port_send(port, stream, 1), ERR_FULL);
	CHECK(!(virtio_port_ready(port) & VIRTIO_PORT_WRITABLE));
	CHECK_EQ(virtio_port_flush(port, fake_port.now + 1000000), ERR_FULL);
	CHECK_EQ(virtio_port_write(port, stream, 1, fake_port.now + 1000000), ERR_FULL);
	fake_sleep(60000); /* no deadline: that is no fault */
	CHECK_EQ(virtio_first()->resets, 0);
	for (sent = 8 * 4096; host.ports[1].length < FAKE_PORT_BYTES;) {
		CHECK(fake_port_take(&fake, 1));
		CHECK(FAKE_WAIT(virtio_port_ready(port) & VIRTIO_PORT_WRITABLE, 300));
		long step = virtio_port_write(port, stream + sent, STREAM - sent, 0);
		CHECK_EQ(step, sent < FAKE_PORT_BYTES ? 4096 : step);
		if (step > 0)
			sent += (size_t)step;
	}
	CHECK(memcmp(host.ports[1].got, stream, FAKE_PORT_BYTES) == 0);
	while (fake_port_take(&fake, 1))
		;
	CHECK_EQ(virtio_port_flush(port, fake_port.now + 1000000000), 0);
}

/* It waits for what comes, and for room, as long as it is told. */
static void waiting(void)
{
	struct virtio_port *port = begin_open();
	uint64_t begun = fake_port.now;

	CHECK_EQ(virtio_port_read(port, into, 10, begun + 50000000), ERR_FULL);
	CHECK(fake_port.now - begun >= 50000000 && fake_port.now - begun < 400000000);
	CHECK_EQ(virtio_port_read(port, into, 0, VPORT_NEVER), 0);
	CHECK_EQ(virtio_port_write(port, stream, 0, VPORT_NEVER), 0);
	CHECK_EQ(virtio_port_write(port, stream, 60000, VPORT_NEVER), 60000);
	CHECK_EQ(virtio_port_flush(port, VPORT_NEVER), 0);
	CHECK_EQ(host.ports[1].length, 60000);
	CHECK(memcmp(host.ports[1].got, stream, 60000) == 0);
	fake_sleep(1);
	fake_port_send(&fake, 1, stream, 5);
	CHECK_EQ(virtio_port_read(port, into, 10, VPORT_NEVER), 5);
}

static void nobody_has_it_open(void)
{
	struct virtio_port *port = begin_open();

	fake_sleep(1);
	virtio_port_close(port);
	CHECK_EQ(virtio_console_write(port, "x", 1), 0);
	CHECK_EQ(fake_port_send(&fake, 1, stream, 100), 100); /* into a buffer that it has still */
	fake_sleep(1);
	CHECK_EQ(info_of(port).dropped, 100);
	CHECK_EQ(virtio_port_open(port), 0);
	CHECK_EQ(virtio_port_receive(port, into, 100), ERR_FULL);
	for (unsigned i = 0; i < 20; i++)
		passes(port, 1);
	/* What was not read is dropped too, and its buffers are used again. */
	for (unsigned i = 0; i < 5; i++) {
		fake_sleep(1);
		CHECK_EQ(fake_port_send(&fake, 1, stream, 20000), 20000);
		fake_sleep(1);
		CHECK_EQ(virtio_port_receive(port, into, 10), 10);
		virtio_port_close(port);
		CHECK_EQ(virtio_port_open(port), 0);
		CHECK_EQ(info_of(port).dropped, 100 + (i + 1) * (20000 - 10));
		passes(port, 1);
	}
	CHECK_EQ(virtio_port_open(port), ERR_BUSY);
}

/* ---- The host's end ---------------------------------------------------------------------------------- */

static void host_closes(void)
{
	struct virtio_port *port = begin_open();

	for (unsigned i = 0; i < 3; i++) {
		passes(port, 1);
		fake_port_send(&fake, 1, "the end", 7);
		fake_tell(&fake, 1, FAKE_PORT_OPEN, 0);
		CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), 7);
		CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), 0);
		CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), 0);
		CHECK_EQ(virtio_port_write(port, "x", 1, VPORT_NEVER), ERR_CLOSED);
		CHECK_EQ(virtio_port_write(port, "", 0, VPORT_NEVER), ERR_CLOSED);
		CHECK_EQ(virtio_port_ready(port), HUNG_UP);
		fake_tell(&fake, 1, FAKE_PORT_OPEN, 0); /* said twice */
		fake_sleep(1);
		fake_tell(&fake, 1, FAKE_PORT_OPEN, 1);
		CHECK(FAKE_WAIT(info_of(port).host_open, 100));
		CHECK_EQ(virtio_port_ready(port), VIRTIO_PORT_WRITABLE);
		CHECK_EQ(virtio_port_receive(port, into, 1), ERR_FULL);
	}
	/* In the middle of a write that waits. */
	host.ports[1].slow = true;
	fake_tell(&fake, 1, FAKE_PORT_OPEN, 0);
	CHECK_EQ(virtio_port_write(port, stream, STREAM, VPORT_NEVER), 8 * 4096);
	CHECK_EQ(virtio_port_write(port, stream, STREAM, VPORT_NEVER), ERR_CLOSED);
	CHECK_EQ(virtio_port_flush(port, VPORT_NEVER), ERR_CLOSED);
	CHECK_EQ(virtio_port_ready(port), HUNG_UP); /* though there is no room to write */
}

/* It closes its end and opens it again before anybody looks: that is told all the same, once, where it was. */
static void host_closes_for_a_moment(void)
{
	struct virtio_port *port = begin_open();

	fake_sleep(1);
	fake_port_send(&fake, 1, "before", 6);
	fake_tell(&fake, 1, FAKE_PORT_OPEN, 0);
	fake_tell(&fake, 1, FAKE_PORT_OPEN, 1);
	fake_sleep(1);
	fake_port_send(&fake, 1, "after", 5);
	fake_sleep(1);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), 6);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), 0);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), 5);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), ERR_FULL);
	CHECK_EQ(virtio_port_send(port, "x", 1), 1);
	/* Twice, and each where it was. */
	for (unsigned i = 0; i < 2; i++) {
		fake_port_send(&fake, 1, "part", 4);
		fake_tell(&fake, 1, FAKE_PORT_OPEN, 0);
		fake_tell(&fake, 1, FAKE_PORT_OPEN, 1);
		fake_sleep(1);
	}
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(virtio_port_receive(port, into, STREAM), 4);
		CHECK_EQ(virtio_port_receive(port, into, STREAM), 0);
	}
	CHECK_EQ(virtio_port_receive(port, into, STREAM), ERR_FULL);
	/* Or to the writer. */
	fake_tell(&fake, 1, FAKE_PORT_OPEN, 0);
	fake_tell(&fake, 1, FAKE_PORT_OPEN, 1);
	fake_sleep(1);
	CHECK(virtio_port_ready(port) & VIRTIO_PORT_HUNG_UP);
	CHECK_EQ(virtio_port_send(port, "y", 1), ERR_CLOSED);
	CHECK_EQ(virtio_port_send(port, "z", 1), 1);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), ERR_FULL);
	passes(port, 1);
}

/* The data is seen before the message that says that the host is there. */
static void data_before_it_is_told(void)
{
	make(2);
	host.ports[1] = (struct fake_console_port){ .there = true };
	start();
	struct virtio_port *port = virtio_port_find("vport0p1");
	CHECK_EQ(virtio_port_open(port), 0);
	CHECK_EQ(virtio_port_receive(port, into, 1), 0);
	fake_sleep(1);
	fake_port_send(&fake, 1, "early", 5);
	CHECK(FAKE_WAIT(info_of(port).received == 5, 100));
	CHECK_EQ(virtio_port_receive(port, into, 10), 5);
	CHECK_EQ(virtio_port_send(port, "answer", 6), 6);
	fake_tell(&fake, 1, FAKE_PORT_OPEN, 1);
	fake_sleep(1);
	passes(port, 1);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(both_ways, ON_ALL),
		SCENARIO(reader_is_slow, ON_ALL),
		SCENARIO(host_is_slow, ON_ALL),
		SCENARIO(waiting, ON_ALL),
		SCENARIO(nobody_has_it_open, ON_ALL),
		SCENARIO(host_closes, ON_ALL),
		SCENARIO(host_closes_for_a_moment, ON_ALL),
		SCENARIO(data_before_it_is_told, ON_BUSES),
	};

	fill_stream();
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
