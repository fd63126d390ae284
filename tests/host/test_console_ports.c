/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console with several ports (VIRTIO 1.4, 5.3.6.2) against a fake host: ports that come and go, resets,
 * and several CPUs. Data is in test_console_data.c. What breaks the rules is in test_console_faults.c. */
#include "tests/host/fake/ports_rig.h"

/* ---- Control messages -------------------------------------------------------------------------- */

static void announced(void)
{
	make(FAKE_PORTS);
	host.ports[0] = (struct fake_console_port){ .there = true, .console = true, .open = true };
	host.ports[1] = (struct fake_console_port){ .there = true, .name = "org.example.data" };
	host.ports[30] = (struct fake_console_port){ .there = true, .name = "gr\xc3\xbc\xc3\x9f" };
	start();
	CHECK_EQ(host.device_readies, 1);
	struct virtio_port *port = virtio_port_first();
	struct virtio_port_info info = info_of(port);
	CHECK_TEXT(info.path, "vport0p0");
	CHECK_TEXT(info.name, "");
	CHECK(info.console && info.host_open && !info.open && info.there);
	CHECK_EQ(host.ports[0].opens, 1); /* the answer to CONSOLE_PORT: 5.3.6.2.2-2 */
	info = info_of(virtio_port_next(port));
	CHECK_TEXT(info.path, "vport0p1");
	CHECK_TEXT(info.name, "org.example.data");
	CHECK(!info.console && !info.host_open);
	CHECK_EQ(host.ports[1].opens, 0);
	info = info_of(virtio_port_next(virtio_port_next(port)));
	CHECK_TEXT(info.path, "vport0p30");
	CHECK_EQ(info.number, 30);
	CHECK(virtio_port_next(virtio_port_next(virtio_port_next(port))) == NULL);
	CHECK(virtio_port_find("org.example.data") == virtio_port_next(port));
	CHECK(virtio_port_find("vport0p0") == port);
	CHECK(virtio_port_find("") == NULL && virtio_port_find("vport0p2") == NULL);
	for (unsigned i = 0; i < FAKE_PORTS; i++)
		CHECK_EQ(host.ports[i].readies, host.ports[i].there);
	CHECK_EQ(host.unheard, 0);
	CHECK_EQ(virtio_console_ignored(virtio_console_first()), 0);
}

/* As many as there may be, each with all that can be told of it: nothing is lost for want of a buffer. */
static void all_at_once(void)
{
	make(FAKE_PORTS);
	for (unsigned i = 0; i < FAKE_PORTS; i++)
		host.ports[i] = (struct fake_console_port){
			.there = true, .console = i % 2, .open = true, .name = "same"
		};
	start();
	CHECK_EQ(host.unheard, 0);
	unsigned count = 0;
	for (struct virtio_port *port = virtio_port_first(); port; port = virtio_port_next(port)) {
		struct virtio_port_info info = info_of(port);
		CHECK(info.host_open && info.console == (count % 2 == 1));
		CHECK_TEXT(info.name, "same");
		CHECK_EQ(virtio_port_open(port), 0);
		passes(port, count++);
	}
	CHECK_EQ(count, FAKE_PORTS);
	CHECK(virtio_port_find("same") == virtio_port_first()); /* of several, the first */
}

static unsigned changes;
static struct virtio_port *changed_last;

static void note(struct virtio_port *port)
{
	changes++;
	changed_last = port;
}

static void size(void)
{
	make(3);
	fake_offer(&fake, 0);
	fake_config_set(&fake, 0, 2, 80);
	fake_config_set(&fake, 2, 2, 25);
	host.ports[0] = (struct fake_console_port){ .there = true, .console = true };
	host.ports[2] = (struct fake_console_port){ .there = true, .console = true };
	virtio_console_listen(note);
	start();
	struct virtio_port *first = virtio_port_first(), *second = virtio_port_next(first);
	CHECK_EQ(info_of(first).columns, 80);
	CHECK_EQ(info_of(first).rows, 25);
	CHECK_EQ(info_of(second).columns, 0);
	/* By configuration, which is port 0's. */
	changes = 0;
	fake_config_set(&fake, 0, 2, 132);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(info_of(first).columns == 132, 1000));
	CHECK(FAKE_WAIT(changes == 1 && changed_last == first, 100));
	fake_interrupt_config(&fake); /* nothing has changed */
	fake_sleep(300);
	CHECK_EQ(changes, 1);
	fake_config_set(&fake, 2, 2, 50); /* rows alone */
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(info_of(first).rows == 50 && changes == 2, 1000));
	/* By a message: columns before rows. */
	fake_tell_more(&fake, 2, FAKE_RESIZE, 0, "\x64\x00\x1e\x00", 4);
	CHECK(FAKE_WAIT(info_of(second).columns == 100 && info_of(second).rows == 30, 100));
	CHECK(FAKE_WAIT(changes == 3 && changed_last == second, 100));
	CHECK_EQ(info_of(first).columns, 132);
	/* One that comes in its place has none; port 0 has what the configuration says. */
	for (unsigned id = 0; id <= 2; id += 2) {
		unplug(id);
		plug(id, NULL);
	}
	fake_sleep(10);
	CHECK(info_of(first).there && info_of(second).there);
	CHECK_EQ(info_of(first).columns, 132);
	CHECK_EQ(info_of(second).columns, 0);
	CHECK_EQ(info_of(second).rows, 0);
}

/* Without the feature the configuration says nothing, and a message is what counts: until the port is another one. */
static void size_by_messages_alone(void)
{
	make(2);
	fake_config_set(&fake, 0, 4, 0x190050);
	host.ports[0] = (struct fake_console_port){ .there = true, .console = true };
	start();
	struct virtio_port *port = virtio_port_first();
	CHECK_EQ(info_of(port).columns, 0);
	fake_tell_more(&fake, 0, FAKE_RESIZE, 0, "\x64\x00\x1e\x00", 4);
	CHECK(FAKE_WAIT(info_of(port).columns == 100 && info_of(port).rows == 30, 100));
	unplug(0);
	plug(0, NULL);
	CHECK(FAKE_WAIT(info_of(port).there && info_of(port).columns == 0, 100));
	CHECK_EQ(info_of(port).rows, 0);
}

/* ---- Ports that come and go ---------------------------------------------------------------------------- */

static void plugged_and_unplugged(void)
{
	make(8);
	start();
	CHECK(virtio_port_first() == NULL);
	for (unsigned i = 0; i < 5; i++) {
		plug(7, "late");
		struct virtio_port *port = virtio_port_find("late");
		CHECK(FAKE_WAIT((port = virtio_port_find("late")) != NULL, 100));
		CHECK_EQ(info_of(port).received, 0);
		CHECK_EQ(info_of(port).sent, 0);
		CHECK_EQ(info_of(port).dropped, 0);
		CHECK_EQ(virtio_port_open(port), 0);
		CHECK(FAKE_WAIT(info_of(port).host_open, 100));
		passes(port, 7);
		passes(port, 7);
		fake_port_send(&fake, 7, "last", 4);
		unplug(7);
		/* What came last can be read; then there is an error, also when the next one has come. */
		CHECK(FAKE_WAIT(!info_of(port).there, 100));
		CHECK_EQ(virtio_port_read(port, into, 2, VPORT_NEVER), 2);
		CHECK_EQ(virtio_port_write(port, "x", 1, VPORT_NEVER), ERR_NODEV);
		CHECK_EQ(virtio_port_read(port, into, 5, VPORT_NEVER), 2);
		CHECK_EQ(virtio_port_read(port, into, 5, VPORT_NEVER), ERR_NODEV);
		CHECK(virtio_port_first() == NULL);
		plug(7, "next");
		CHECK(FAKE_WAIT(virtio_port_find("next") == port, 100));
		CHECK_EQ(virtio_port_open(port), ERR_BUSY);
		CHECK_EQ(fake_port_send(&fake, 7, "not for it", 10), 10);
		fake_sleep(1);
		CHECK_EQ(virtio_port_read(port, into, 5, VPORT_NEVER), ERR_NODEV);
		CHECK_EQ(virtio_port_flush(port, VPORT_NEVER), ERR_NODEV);
		CHECK(virtio_port_ready(port) & VIRTIO_PORT_HUNG_UP);
		CHECK(!host.ports[7].guest_open);
		virtio_port_close(port);
		CHECK_EQ(virtio_port_open(port), 0);
		passes(port, 7);
		virtio_port_close(port);
		unplug(7);
		CHECK(FAKE_WAIT(virtio_port_first() == NULL, 100));
		CHECK_EQ(virtio_port_open(port), ERR_NODEV);
	}
	CHECK_EQ(virtio_first()->resets, 0);
	CHECK_EQ(virtio_console_ignored(virtio_console_first()), 0);
}

/* Under a write that waits for the host. */
static void unplugged_under_a_write(void)
{
	struct virtio_port *port = begin_open();

	host.ports[1].slow = true;
	fake_tell(&fake, 1, FAKE_PORT_REMOVE, 0);
	CHECK_EQ(virtio_port_write(port, stream, STREAM, VPORT_NEVER), 8 * 4096);
	CHECK_EQ(virtio_port_write(port, stream, STREAM, VPORT_NEVER), ERR_NODEV);
	CHECK_EQ(virtio_port_flush(port, VPORT_NEVER), ERR_NODEV);
	CHECK_EQ(virtio_port_ready(port), HUNG_UP);
	/* The device is told nothing of a port that it does not have. */
	host.ports[1].there = false;
	virtio_port_close(port);
	fake_sleep(10);
	CHECK_EQ(host.ports[1].closes, 0);
}

/* ---- Resets ------------------------------------------------------------------------------------------------ */

static void reset_with_a_file_open(void)
{
	struct virtio_port *port = begin_open();

	for (unsigned i = 1; i <= 5; i++) {
		passes(port, 1);
		fake_port_send(&fake, 1, "lost", 4);
		need_reset(i);
		if (i == 3) { /* what comes after it comes after the error */
			CHECK(FAKE_WAIT(info_of(port).there && info_of(port).host_open, 1000));
			fake_port_send(&fake, 1, "new", 3);
			fake_sleep(1);
			CHECK_EQ(virtio_port_ready(port), HUNG_UP);
		}
		CHECK_EQ(i % 2 ? virtio_port_read(port, into, STREAM, VPORT_NEVER)
			       : virtio_port_write(port, "x", 1, VPORT_NEVER),
			 ERR_IO);
		CHECK(FAKE_WAIT(info_of(port).there && info_of(port).host_open, 1000));
		if (i == 3)
			CHECK_EQ(virtio_port_receive(port, into, STREAM), 3);
		passes(port, 1);
		CHECK(host.ports[1].guest_open); /* it was told so again */
	}
	CHECK(info_of(port).received > 1000 && info_of(port).sent > 1000); /* of all the time */
	CHECK_EQ(host.device_readies, 6);
	virtio_port_close(port);
}

/* Who waits in the middle of it is told. */
static void reset_under_a_read(void)
{
	struct virtio_port *port = begin_open();

	fake_sleep(1);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), ERR_IO);
	passes(port, 1);
}

/* The device does not tell of the port again: who has it open waits, but not for ever. */
static void not_there_after_a_reset(void)
{
	struct virtio_port *port = begin_open();

	host.ports[1].there = false;
	need_reset(1);
	CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), ERR_IO);
	uint64_t begun = fake_port.now;
	CHECK(!(virtio_port_ready(port) & VIRTIO_PORT_HUNG_UP)); /* it may come back */
	CHECK_EQ(virtio_port_receive(port, into, STREAM), ERR_FULL);
	CHECK_EQ(virtio_port_send(port, into, STREAM), ERR_FULL);
	CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), ERR_NODEV);
	CHECK(fake_port.now - begun < UINT64_C(6000000000));
	CHECK_EQ(virtio_port_write(port, into, STREAM, VPORT_NEVER), ERR_NODEV);
	/* Late, but there. */
	host.ports[1].there = true;
	fake_tell(&fake, 1, FAKE_PORT_ADD, 1);
	CHECK(FAKE_WAIT(info_of(port).host_open, 1000));
	passes(port, 1);
}

static void gone(void)
{
	struct virtio_port *port = begin_open();

	fake.gone = true;
	long got;
	do
		got = virtio_port_read(port, into, STREAM, fake_port.now + UINT64_C(10000000000));
	while (got == ERR_IO);
	CHECK_EQ(got, ERR_NODEV);
	CHECK_EQ(virtio_port_write(port, into, STREAM, VPORT_NEVER), ERR_NODEV);
	CHECK_EQ(virtio_port_flush(port, VPORT_NEVER), ERR_NODEV);
	virtio_port_close(port);
	CHECK_EQ(virtio_port_open(port), ERR_NODEV);
	CHECK(virtio_port_first() == NULL);
}

/* ---- Probing ------------------------------------------------------------------------------------------------- */

static void two_devices(void)
{
	static struct fake_device second;
	static struct fake_host other;

	struct virtio_port *port = begin_open();
	fake_ports_init(&second, bus, ring, &other, 4);
	other.ports[1] = (struct fake_console_port){ .there = true, .open = true, .name = "other" };
	CHECK_EQ(fake_probe(&second), 0);
	struct virtio_port *there = NULL;
	CHECK(FAKE_WAIT((there = virtio_port_find("vport1p1")) != NULL, 1000));
	CHECK(FAKE_WAIT(virtio_port_find("other") == there, 100));
	CHECK(virtio_port_next(port) == there && virtio_port_next(there) == NULL);
	CHECK_EQ(virtio_port_open(there), 0);
	CHECK(FAKE_WAIT(info_of(there).host_open, 100));
	CHECK_EQ(virtio_port_send(there, "there", 5), 5);
	CHECK(FAKE_WAIT(other.ports[1].length == 5, 100));
	passes(port, 1);
}

/* A line that is printed is not held up for a moment by each of its buffers, but for one by all of them. */
static void (*run_device)(struct vport_device *device);
static uint64_t taken_at;

static void take_one_now_and_then(struct vport_device *device)
{
	run_device(device);
	if (fake_port.now < taken_at + 900000000)
		return;
	taken_at = fake_port.now;
	fake_port_take(&fake, 1);
}

static void host_takes_one_now_and_then(void)
{
	struct virtio_port *port = begin_open();

	/* All that there is room for needs no room behind it. */
	host.ports[1].slow = true;
	uint64_t at = fake_port.now;
	CHECK_EQ(virtio_console_write(port, stream, 8 * 4096), 8 * 4096);
	CHECK(fake_port.now - at < 100000000);
	while (fake_port_take(&fake, 1))
		;
	fake_sleep(1);
	host.ports[1].length = 0;
	run_device = fake.port.run;
	fake.port.run = take_one_now_and_then;
	taken_at = fake_port.now;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t begun = fake_port.now;
		size_t written = virtio_console_write(port, stream, STREAM);
		CHECK(written < STREAM && written <= (size_t)(i ? 2 : 10) * 4096);
		CHECK(fake_port.now - begun < UINT64_C(1500000000));
	}
	fake.port.run = run_device;
	CHECK_EQ(virtio_first()->resets, 0);
}

/* While another CPU sends, the queue's home, which drains it all the time, leaves the ring alone; after that it asks for
 * interrupts again. */
static unsigned drains_elsewhere, asked_meanwhile;

static bool drain_elsewhere(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index != 5)
		return true;
	uint32_t before = ring_device_driver_event(&queue->ring);
	fake_on_cpu(0);
	vport_mark(&virtio_queue_at(virtio_first(), 5)->event);
	vport_relax(0);
	fake_on_cpu(1);
	drains_elsewhere++;
	asked_meanwhile += ring_device_driver_event(&queue->ring) != before;
	return true;
}

static void sent_elsewhere(bool event_idx)
{
	const size_t length = (size_t)20 * 4096;

	fake_cpus(2);
	make(3);
	if (!event_idx)
		fake_withdraw(&fake, VIRTIO_F_EVENT_IDX);
	host.ports[1] = (struct fake_console_port){ .there = true, .open = true };
	start();
	struct virtio_port *port = virtio_port_find("vport0p1");
	CHECK_EQ(virtio_port_open(port), 0);
	fake_sleep(1);
	fake.before_use = drain_elsewhere;
	fake_on_cpu(1);
	CHECK_EQ(virtio_console_write(port, stream, length), length);
	fake.before_use = NULL;
	CHECK(drains_elsewhere > 8);
	CHECK_EQ(asked_meanwhile, 0);
	uint32_t before = ring_device_driver_event(&fake.queues[5].ring);
	fake_on_cpu(0);
	fake_sleep(1);
	CHECK(ring_device_driver_event(&fake.queues[5].ring) != before);
	passes(port, 1);
}

static void sent_on_another_cpu(void)
{
	sent_elsewhere(true);
}

static void sent_on_another_cpu_without_event_idx(void)
{
	sent_elsewhere(false);
}

/* Who waits on another CPU is woken by what comes, and by room: it looks itself only now and then. Each comes while it
 * sleeps. */
static void (*plain_run)(struct vport_device *device);
static unsigned comes;

static void have_something_come(struct vport_device *device)
{
	plain_run(device);
	if (comes++ > 0)
		return;
	fake_port_send(&fake, 1, "late", 4);
	while (fake_port_take(&fake, 1))
		;
}

static void woken_on_another_cpu(void)
{
	fake_cpus(2);
	struct virtio_port *port = begin_open();
	fake_sleep(1);
	host.ports[1].slow = true;
	plain_run = fake.port.run;
	fake.port.run = have_something_come;
	fake_port.sound_sleep = true;
	fake_on_cpu(1);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t begun = fake_port.now;
		comes = 0;
		CHECK_EQ(virtio_port_read(port, into, 4, begun + 5000000000), 4);
		CHECK(fake_port.now - begun < 100000000);
		begun = fake_port.now;
		comes = 0;
		CHECK_EQ(virtio_port_write(port, stream, 9 * 4096, begun + 5000000000), 9 * 4096);
		CHECK(fake_port.now - begun < 100000000);
		CHECK_EQ(virtio_port_read(port, into, 4, VPORT_NEVER), 4);
	}
	fake_on_cpu(0);
	fake.port.run = plain_run;
}

/* The host chooses names; a path stays what it says. */
static void named_like_a_path(void)
{
	make(3);
	host.ports[1] = (struct fake_console_port){ .there = true, .name = "vport0p2" };
	host.ports[2] = (struct fake_console_port){ .there = true, .name = "vport0p9" };
	start();
	struct virtio_port *first = virtio_port_find("vport0p1");
	struct virtio_port *second = virtio_port_find("vport0p2");
	CHECK_EQ(info_of(first).number, 1);
	CHECK_TEXT(info_of(first).name, "vport0p2");
	CHECK_EQ(info_of(second).number, 2);
	CHECK(virtio_port_find("vport0p9") == second);
}

static void polled(void)
{
	fake_setting("irq", "poll");
	struct virtio_port *port = begin_open();
	for (unsigned i = 0; i < 10; i++)
		passes(port, 1);
	CHECK_EQ(fake_port.interrupts, 0);
}

static void out_of_memory(void)
{
	unsigned count = 0;

	do {
		make(3);
		host.ports[1] = (struct fake_console_port){ .there = true, .open = true };
	} while (probe_without_memory(&fake, ++count) && count < 100);
	CHECK(count > 20 && count < 100);
	fake_port.allocation_fails = 0;
	settle();
	struct virtio_port *port = virtio_port_find("vport0p1");
	fake_port.allocation_fails = fake_port.allocated + 1;
	CHECK_EQ(virtio_port_open(port), ERR_NOMEM);
	CHECK_EQ(virtio_port_open(port), 0);
	passes(port, 1);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(announced, ON_ALL),
		SCENARIO(all_at_once, ON_ALL),
		SCENARIO(size, ON_BUSES),
		SCENARIO(size_by_messages_alone, ON_BUSES),
		SCENARIO(plugged_and_unplugged, ON_ALL),
		SCENARIO(unplugged_under_a_write, ON_BUSES),
		SCENARIO(reset_with_a_file_open, ON_ALL),
		SCENARIO(reset_under_a_read, ON_ALL),
		SCENARIO(not_there_after_a_reset, ON_BUSES),
		SCENARIO(gone, ON_ALL),
		SCENARIO(two_devices, ON_BUSES),
		SCENARIO(named_like_a_path, ON_BUSES),
		SCENARIO(host_takes_one_now_and_then, ON_BUSES),
		SCENARIO(sent_on_another_cpu, ON_ALL),
		SCENARIO(sent_on_another_cpu_without_event_idx, ON_ALL),
		SCENARIO(woken_on_another_cpu, ON_ALL),
		SCENARIO(polled, ON_ALL),
		SCENARIO(out_of_memory, ON_ALL),
	};

	fill_stream();
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
