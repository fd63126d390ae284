/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console with several ports, and a device that breaks the rules of VIRTIO 1.4, 5.3.6.2, or lies in its
 * configuration: row 41 of docs/hardening.md, and what else may be done with control messages. */
#include "tests/host/fake/others.h"
#include "tests/host/fake/ports_rig.h"

static unsigned ignored(void)
{
	return (unsigned)virtio_console_ignored(virtio_console_first());
}

/* Nothing has changed for the port that is open, and that many messages were ignored. */
static void unimpressed(struct virtio_port *port, unsigned count)
{
	fake_sleep(1);
	CHECK_EQ(ignored(), count);
	CHECK_EQ(virtio_first()->resets, 0);
	passes(port, 1);
}

/* ---- Messages that make no sense ------------------------------------------------------------------- */

static void row41_port_out_of_range(void)
{
	struct virtio_port *port = begin_open(); /* of three that there may be */
	static const uint32_t ids[] = { 3, 4, 30, 31, 32, 255, 256, 65537, 0x7fffffff, UINT32_MAX };
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		for (unsigned event = 0; event < 10; event++, count++)
			CHECK(fake_tell_more(&fake, ids[i], event, 1, "name", 4));
		unimpressed(port, count);
	}
	CHECK(virtio_port_next(port) == NULL);
}

static void row41_unknown_event(void)
{
	struct virtio_port *port = begin_open();
	static const unsigned events[] = {
		FAKE_DEVICE_READY, FAKE_PORT_READY, 8, 9, 255, 256, 257, 0x8001, 0xffff
	};
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++, count++) {
		CHECK(fake_tell(&fake, 1, events[i], 1));
		unimpressed(port, count + 1);
	}
}

/* Of a port that was not added, or not any more, or is there already. */
static void row41_open_before_add(void)
{
	struct virtio_port *port = begin_open();
	unsigned count = 0;

	for (unsigned event = FAKE_PORT_REMOVE; event <= FAKE_PORT_NAME; event++, count++)
		CHECK(fake_tell_more(&fake, 2, event, 1, "name", 4));
	unimpressed(port, count);
	CHECK(virtio_port_find("name") == NULL && virtio_port_next(port) == NULL);
	CHECK(fake_tell(&fake, 1, FAKE_PORT_ADD, 1)); /* twice */
	unimpressed(port, ++count);
	CHECK_EQ(host.ports[1].readies, 1);
	plug(2, "second");
	struct virtio_port *second = NULL;
	CHECK(FAKE_WAIT((second = virtio_port_find("second")) != NULL, 100));
	unplug(2);
	CHECK(fake_tell(&fake, 2, FAKE_PORT_REMOVE, 1));
	CHECK(fake_tell(&fake, 2, FAKE_PORT_OPEN, 1));
	unimpressed(port, count + 2);
	CHECK(!info_of(second).host_open && !info_of(second).there);
}

static void row41_names(void)
{
	struct virtio_port *port = begin_open();
	static char longest[VIRTIO_PORT_NAME + 2], huge[504];
	static const struct {
		const char *text;
		size_t length;
	} bad[] = {
		{ "", 0 },        { "\0", 1 },    { "a\nb", 3 }, { "a\0b", 3 },
		{ "\x1b[2J", 4 }, { "x\x7f", 2 }, { "a/b", 3 },  { "../../x", 7 },
	};
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(fake_tell_more(&fake, 1, FAKE_PORT_NAME, 1, bad[i].text, bad[i].length));
		unimpressed(port, ++count);
		CHECK_TEXT(info_of(port).name, "");
	}
	memset(longest, 'n', sizeof(longest) - 1);
	memset(huge, 'h', sizeof(huge));
	CHECK(fake_tell_more(&fake, 1, FAKE_PORT_NAME, 1, longest, sizeof(longest) - 1));
	CHECK(fake_tell_more(&fake, 1, FAKE_PORT_NAME, 1, huge, sizeof(huge))); /* no zero in it */
	unimpressed(port, count + 2);
	CHECK_TEXT(info_of(port).name, "");
	/* The longest one, with a zero behind it and without. */
	longest[VIRTIO_PORT_NAME] = 0;
	CHECK(fake_tell_more(&fake, 1, FAKE_PORT_NAME, 1, longest, VIRTIO_PORT_NAME + 1));
	unimpressed(port, count + 2);
	CHECK_TEXT(info_of(port).name, longest);
	CHECK(fake_tell_more(&fake, 1, FAKE_PORT_NAME, 1, "again", 5));
	unimpressed(port, count + 2);
	CHECK_TEXT(info_of(port).name, "again");
	CHECK(fake_tell_more(&fake, 1, FAKE_PORT_NAME, 1, "with a space", 12));
	unimpressed(port, count + 2);
	CHECK_TEXT(info_of(port).name, "with a space");
}

static void row41_too_short(void)
{
	static const uint8_t message[12] = { 1, 0, 0, 0, FAKE_PORT_OPEN, 0, 0, 0 };
	struct virtio_port *port = begin_open();

	for (unsigned length = 0; length < 8; length++) {
		CHECK(fake_say(&fake, message, 8, length));
		unimpressed(port, length + 1);
	}
	CHECK(fake_tell_more(&fake, 1, FAKE_RESIZE, 0, "\x50\0\x19", 3));
	CHECK(fake_tell(&fake, 1, FAKE_PORT_OPEN, 2));
	CHECK(fake_tell(&fake, 1, FAKE_PORT_OPEN, 0xffff));
	unimpressed(port, 11);
	CHECK_EQ(info_of(port).columns, 0);
}

/* ---- Too many of them -------------------------------------------------------------------------------- */

/* For each message of ours the device has sixteen: programs run in between. */
static void row41_never_stops_talking(void)
{
	struct virtio_port *port = begin_open();
	unsigned turns = 0;

	host.noisy = true;
	fake_tell(&fake, 2, FAKE_PORT_ADD, 1);
	uint64_t end = fake_port.now + 100000000;
	while (fake_port.now < end && turns < 1000) {
		vport_relax(fake_port.now);
		turns++;
	}
	CHECK_EQ(turns, 1000);
	CHECK(host.messages > 100);
	CHECK_EQ(virtio_first()->resets, 0);
	host.noisy = false;
	host.ports[2].there = true; /* it may be spoken of */
	fake_sleep(10);
	passes(port, 1);
}

/* It does not use what it is told: that is a device that hangs. */
static void row13_control_message_never_used(void)
{
	fake_setting("deadline_ms", "500");
	struct virtio_port *port = begin_open();

	host.mute = true;
	virtio_port_close(port);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 5000));
	host.mute = false;
	CHECK(FAKE_WAIT(virtio_first()->resets <= 2 && info_of(port).there, 5000));
	CHECK_EQ(virtio_port_open(port), 0);
	CHECK(FAKE_WAIT(host.ports[1].guest_open && info_of(port).host_open, 1000));
	passes(port, 1);
}

/* Nobody else waits with us for such a device. */
static void row13_others_do_not_wait_for_it(void)
{
	struct virtio_port *port = begin_open();

	host.mute = true;
	for (unsigned i = 0; i < 3; i++) {
		virtio_port_close(port);
		fake_sleep(1);
		others_do_not_wait(1);
		CHECK_EQ(virtio_port_open(port), 0);
	}
	CHECK_EQ(virtio_first()->resets, 0);
	/* The same while it is told that we are ready. */
	need_reset(1);
	others_do_not_wait(1);
	CHECK(!virtio_console_settled(virtio_console_first()));
	host.mute = false;
	need_reset(2);
	settle();
	CHECK(FAKE_WAIT(host.ports[1].guest_open && info_of(port).host_open, 1000));
	CHECK_EQ(virtio_port_read(port, into, 1, VPORT_NEVER), ERR_IO);
	passes(port, 1);
}

/* ---- Rings --------------------------------------------------------------------------------------------- */

static void row1_used_id_beyond_the_queue(void)
{
	struct virtio_port *port = begin_open();

	for (unsigned i = 0; i < 6; i++) {
		passes(port, 1);
		virtio_port_send(port, "x", 1); /* so that something is in flight */
		struct fake_queue *queue = &fake.queues[i % 3 == 2 ? 2 : 4 + i % 3];
		ring_device_lie_used(&queue->ring, 99, 0, 1);
		fake_interrupt_queue(queue);
		CHECK(FAKE_WAIT(virtio_first()->resets == i + 1, 1000));
		CHECK_EQ(virtio_port_read(port, into, 1, VPORT_NEVER), ERR_IO);
		CHECK(FAKE_WAIT(info_of(port).host_open && info_of(port).there, 1000));
	}
	passes(port, 1);
}

static void row6_more_written_than_the_buffer_has(void)
{
	struct virtio_port *port = begin_open();

	fake_sleep(1);
	fake_use(&fake.queues[4], fake.queues[4].ring.taken, 4097);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), ERR_IO);
	CHECK(FAKE_WAIT(info_of(port).host_open && info_of(port).there, 1000));
	passes(port, 1);
	CHECK(fake_say(&fake, "", 0, 513)); /* a message */
	CHECK(FAKE_WAIT(virtio_first()->resets == 2, 1000));
	CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), ERR_IO);
	CHECK(FAKE_WAIT(info_of(port).host_open && info_of(port).there, 1000));
	passes(port, 1);
}

/* ---- Lies in the configuration --------------------------------------------------------------------------- */

static void said_ports(uint32_t count, unsigned first, unsigned ports)
{
	make(count);
	host.ports[0] = host.ports[1] = host.ports[30] =
		(struct fake_console_port){ .there = true, .open = true };
	start();
	unsigned found = 0;
	for (struct virtio_port *port = virtio_port_first(); port; port = virtio_port_next(port)) {
		CHECK_EQ(virtio_port_open(port), 0);
		passes(port, info_of(port).number);
		CHECK(found++ > 0 || info_of(port).number == first);
	}
	CHECK_EQ(found, ports);
	CHECK_EQ(ignored(), 3 - ports);
}

static void no_port_at_all(void)
{
	said_ports(0, 0, 1);
}

static void one_port(void)
{
	said_ports(1, 0, 1);
}

static void as_many_as_fit(void)
{
	said_ports(31, 0, 3);
}

static void a_lie_of_ports(void)
{
	said_ports(UINT32_MAX, 0, 3);
}

/* It speaks of 31 ports and has queues for five: those are used. */
static void fewer_queues_than_it_says(void)
{
	make(31);
	for (unsigned i = 12; i < 64; i++)
		fake.queues[i].size_max = fake.queues[i].size = 0;
	fake.queue_count = 12;
	host.ports[4] = host.ports[5] = (struct fake_console_port){ .there = true, .open = true };
	start();
	CHECK(fake_logged("queues for 5 ports, of 31"));
	struct virtio_port *port = virtio_port_find("vport0p4");
	CHECK_EQ(virtio_port_open(port), 0);
	passes(port, 4);
	CHECK_EQ(ignored(), 1);
}

static void no_control_queue(void)
{
	make(31);
	for (unsigned i = 3; i < 64; i++)
		fake.queues[i].size_max = fake.queues[i].size = 0;
	fake.queue_count = 3;
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_NOTHING_LEFT();
	CHECK(virtio_console_first() == NULL && virtio_port_first() == NULL);
}

/* Queues with room for less than there are buffers. */
static void small_queues(void)
{
	make(3);
	for (unsigned i = 0; i < 64; i++)
		fake.queues[i].size_max = fake.queues[i].size = 2;
	host.ports[1] = (struct fake_console_port){ .there = true, .open = true, .name = "n" };
	start();
	struct virtio_port *port = virtio_port_first();
	CHECK(port != NULL);
	CHECK_EQ(virtio_port_open(port), 0);
	CHECK(FAKE_WAIT(info_of(port).host_open, 1000));
	for (unsigned i = 0; i < 20; i++)
		passes(port, 1);
	host.ports[1].slow = true;
	CHECK_EQ(virtio_port_send(port, stream, STREAM), 2 * 4096);
}

/* One of them smaller than the other. */
static void one_small_queue(void)
{
	make(3);
	fake.queues[4].size_max = fake.queues[4].size = 2;
	host.ports[1] = (struct fake_console_port){ .there = true, .open = true };
	start();
	struct virtio_port *port = virtio_port_first();
	CHECK_EQ(virtio_port_open(port), 0);
	CHECK(FAKE_WAIT(info_of(port).host_open, 1000));
	passes(port, 1);
	fake_sleep(1);
	CHECK_EQ(fake_port_send(&fake, 1, stream, STREAM), 2 * 4096);
	host.ports[1].slow = true;
	CHECK_EQ(virtio_port_send(port, stream, STREAM), 8 * 4096);
}

/* Somebody else writes while one waits for the device: not for ever, and not into its middle. */
static struct virtio_port *written;
static unsigned written_inside;

static bool write_inside(struct fake_queue *queue, struct ring_chain *chain, uint32_t *length)
{
	(void)chain;
	(void)length;
	if (queue->index != 5 || written_inside++ > 0)
		return true;
	uint64_t begun = fake_port.now;
	CHECK_EQ(virtio_console_write(written, "x", 1), 0); /* a line about it, say */
	CHECK(fake_port.now - begun < 100000000);
	fake_on_cpu(0);
	begun = fake_port.now;
	CHECK_EQ(virtio_console_write(written, "x", 1), 0);
	CHECK(fake_port.now - begun >= 1000000000);
	CHECK_EQ(virtio_port_send(written, "x", 1), ERR_FULL);
	fake_on_cpu(1);
	return true;
}

static void written_by_two(void)
{
	fake_cpus(2);
	written = begin_open();
	fake.before_use = write_inside;
	fake_on_cpu(1);
	CHECK_EQ(virtio_console_write(written, stream, 9 * 4096), 8 * 4096);
	CHECK(written_inside > 0);
	fake_on_cpu(0);
	CHECK(FAKE_WAIT(host.ports[1].length == 8 * 4096, 1000));
	CHECK(memcmp(host.ports[1].got, stream, 8 * 4096) == 0);
	passes(written, 1);
}

/* The device breaks a rule while one waits for it: what is left is not written. */
static void (*run_device)(struct vport_device *device);

static void break_it(struct vport_device *device)
{
	fake.port.run = run_device;
	run_device(device);
	ring_device_lie_used(&fake.queues[5].ring, 99, 0, 1);
}

static void broken_while_one_writes(void)
{
	struct virtio_port *port = begin_open();

	host.ports[1].slow = true;
	run_device = fake.port.run;
	fake.port.run = break_it;
	uint64_t begun = fake_port.now;
	CHECK_EQ(virtio_console_write(port, stream, 20 * 4096), 8 * 4096);
	CHECK_EQ(virtio_console_write(port, stream, 1), 0);
	CHECK(fake_port.now - begun < 500000000);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	host.ports[1].slow = false;
	CHECK(FAKE_WAIT(info_of(port).host_open && info_of(port).there, 1000));
	CHECK_EQ(virtio_port_read(port, into, 1, VPORT_NEVER), ERR_IO);
	passes(port, 1);
}

/* Emergency writes need no queue, and no answer. */
static void emergency(void)
{
	make(3);
	host.mute = true;
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(virtio_console_emergency_write(virtio_console_first(), '!'));
	fake.deaf = true;
	CHECK(virtio_console_emergency_write(virtio_console_first(), '?'));
	CHECK_EQ(host.emergency_length, 2);
	CHECK(memcmp(host.emergency, "!?", 2) == 0);
	host.mute = fake.deaf = false;
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(row41_port_out_of_range, ON_ALL),
		SCENARIO(row41_unknown_event, ON_ALL),
		SCENARIO(row41_open_before_add, ON_ALL),
		SCENARIO(row41_names, ON_ALL),
		SCENARIO(row41_too_short, ON_ALL),
		SCENARIO(row41_never_stops_talking, ON_ALL),
		SCENARIO(row13_control_message_never_used, ON_ALL),
		SCENARIO(row13_others_do_not_wait_for_it, ON_ALL),
		SCENARIO(row1_used_id_beyond_the_queue, ON_ALL),
		SCENARIO(row6_more_written_than_the_buffer_has, ON_ALL),
		SCENARIO(no_port_at_all, ON_BUSES),
		SCENARIO(one_port, ON_BUSES),
		SCENARIO(as_many_as_fit, ON_BUSES),
		SCENARIO(a_lie_of_ports, ON_BUSES),
		SCENARIO(fewer_queues_than_it_says, ON_BUSES),
		SCENARIO(no_control_queue, ON_BUSES),
		SCENARIO(small_queues, ON_ALL),
		SCENARIO(one_small_queue, ON_ALL),
		SCENARIO(written_by_two, ON_ALL),
		SCENARIO(broken_while_one_writes, ON_ALL),
		SCENARIO(emergency, ON_BUSES),
	};

	fill_stream();
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
