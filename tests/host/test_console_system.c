/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports as system consoles (kernel/virtio_console.c): what is printed goes there, what is typed comes from there, for as
 * long as they are consoles. */
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/virtio_console.h"
#include "tests/host/fake/ports_rig.h"

const char *cmdline_get(const char *key)
{
	return strcmp(key, "console") == 0 ? "virtio" : NULL;
}

/* Port 1 is a console, port 2 is none. */
static void begin(void)
{
	fake_setting("console", "virtio");
	make(3);
	host.ports[1] = (struct fake_console_port){ .there = true, .console = true, .open = true };
	host.ports[2] = (struct fake_console_port){ .there = true, .open = true };
	start();
	virtio_console_attach();
	CHECK(FAKE_WAIT(host.ports[1].guest_open, 100));
}

static int typed(void)
{
	return console_read(vport_now() + 50000000);
}

static void prints_and_reads(void)
{
	begin();
	CHECK(console_exists() && !host.ports[2].guest_open);
	kprint("one line\n");
	fake_sleep(1);
	CHECK_EQ(host.ports[1].length, 10);
	CHECK(memcmp(host.ports[1].got, "one line\r\n", 10) == 0);
	CHECK_EQ(fake_port_send(&fake, 1, "ab", 2), 2);
	CHECK_EQ(typed(), 'a');
	CHECK_EQ(typed(), 'b');
	CHECK_EQ(typed(), -1);
	CHECK_EQ(fake_port_send(&fake, 2, "no", 2), 0);
	CHECK_EQ(host.ports[2].length, 0);
}

/* A port that is no console any more, and a program's now: what it receives is the program's alone, and so is it to learn
 * that the host has closed its end. */
static void a_program_has_it_then(void)
{
	begin();
	struct virtio_port *port = virtio_port_find("vport0p1");
	unplug(1);
	CHECK(FAKE_WAIT(!info_of(port).there && !info_of(port).open, 100));
	plug(1, "data");
	CHECK(FAKE_WAIT(info_of(port).there && info_of(port).host_open, 100));
	CHECK_EQ(virtio_port_open(port), 0);
	CHECK(FAKE_WAIT(host.ports[1].guest_open, 100));
	CHECK_EQ(fake_port_send(&fake, 1, "rm", 2), 2);
	CHECK_EQ(typed(), -1);
	kprint("not for it\n");
	CHECK_EQ(virtio_port_read(port, into, STREAM, VPORT_NEVER), 2);
	CHECK(memcmp(into, "rm", 2) == 0);
	CHECK(fake_tell(&fake, 1, FAKE_PORT_OPEN, 0));
	CHECK(fake_tell(&fake, 1, FAKE_PORT_OPEN, 1));
	fake_sleep(1);
	CHECK_EQ(typed(), -1);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), 0);
	CHECK_EQ(virtio_port_receive(port, into, STREAM), ERR_FULL);
	CHECK_EQ(host.ports[1].length, 0);
	/* And a console once more. */
	virtio_port_close(port);
	CHECK(fake_tell(&fake, 1, FAKE_CONSOLE_PORT, 1));
	CHECK(FAKE_WAIT(info_of(port).open && host.ports[1].guest_open, 100));
	CHECK_EQ(fake_port_send(&fake, 1, "x", 1), 1);
	CHECK_EQ(typed(), 'x');
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(prints_and_reads, ON_ALL),
		SCENARIO(a_program_has_it_then, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
