/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console (VIRTIO 1.4, 5.3) against a fake terminal: printing, typing, a host that does not take what is
 * printed, emergency writes, and a device that breaks the rules. */
#include "drivers/virtio/console.h"

#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;
static struct fake_terminal terminal;
static struct virtio_port *console;

static void make(void)
{
	fake_device_init(&fake, bus, &fake_console, ring);
	fake.state = &terminal;
}

static void start(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
	console = virtio_port_first();
	CHECK(console != NULL);
	CHECK_EQ(virtio_port_open(console), 0);
}

static size_t print(const char *text)
{
	return virtio_console_write(console, text, strlen(text));
}

/* Reads what has been typed, and checks it. */
static void expect_typed(const char *text, size_t length)
{
	fake_sleep(1);
	for (size_t i = 0; i < length; i++)
		CHECK_EQ(virtio_console_read(console), (uint8_t)text[i]);
	CHECK_EQ(virtio_console_read(console), -1);
	fake_sleep(1);
}

static void works(void)
{
	fake_sleep(1);
	terminal.length = 0;
	memset(terminal.printed, 0, sizeof(terminal.printed));
	CHECK_EQ(print("hello"), 5);
	fake_sleep(1);
	CHECK_TEXT(terminal.printed, "hello");
	CHECK_EQ(fake_type(&fake, "abc", 3), 3);
	expect_typed("abc", 3);
}

/* ---- Printing --------------------------------------------------------------------------- */

static void prints(void)
{
	static char text[3001], expected[3001];

	make();
	/* Without the features neither the size nor the number of ports says anything. */
	fake_withdraw(&fake, 0);
	fake_config_set(&fake, 0, 4, 0x190050);
	fake_config_set(&fake, 4, 4, 31);
	start();
	struct virtio_port_info info;
	virtio_port_info(console, &info);
	CHECK_EQ(info.columns, 0);
	CHECK(virtio_console_settled(virtio_port_device(console)));
	CHECK(!fake_logged("queues for"));
	for (unsigned i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)(' ' + i % 90);
	CHECK_EQ(print(text), 3000);
	fake_sleep(1);
	CHECK_TEXT(terminal.printed, text);
	terminal.length = 0;
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(print(i % 2 ? "x" : "y"), 1);
	fake_sleep(1);
	CHECK_EQ(terminal.length, 1000);
	for (unsigned i = 0; i < 1000; i++)
		expected[i] = i % 2 ? 'x' : 'y';
	CHECK(memcmp(terminal.printed, expected, 1000) == 0);
	CHECK_EQ(virtio_console_write(console, "", 0), 0);
}

/* The host does not read: what fits into the buffers goes out, the rest is waited for, once, for a second. */
static void host_does_not_take_it(void)
{
	static char text[5000];

	make();
	start();
	memset(text, 'z', sizeof(text));
	fake.deaf = true;
	uint64_t begun = fake_port.now;
	size_t out = virtio_console_write(console, text, sizeof(text));
	CHECK(out > 0 && out < sizeof(text));
	CHECK(fake_port.now - begun > UINT64_C(900000000));
	CHECK(fake_port.now - begun < UINT64_C(1500000000));
	begun = fake_port.now;
	CHECK_EQ(virtio_console_write(console, text, sizeof(text)), 0);
	CHECK(fake_port.now - begun < UINT64_C(100000000));
	fake_sleep(60000); /* no deadline: that is no fault */
	CHECK_EQ(virtio_first()->resets, 0);
	fake.deaf = false;
	fake_sleep(300);
	CHECK_EQ(terminal.length, out);
	works();
}

/* A line that the driver logs while it prints is printed by it: it must not enter itself. */
static size_t nested;

static void print_log(const char *line)
{
	nested += virtio_console_write(console, line, strlen(line));
}

static bool too_long(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	*written = (uint32_t)chain->writable + 1;
	return true;
}

static void log_line_from_within(void)
{
	static char text[3000];

	make();
	start();
	memset(text, 'q', sizeof(text));
	fake_port.on_log = print_log;
	fake.before_use = too_long;
	CHECK(virtio_console_write(console, text, sizeof(text)) < sizeof(text));
	CHECK(fake_logged("more bytes written than the buffer has"));
	CHECK_EQ(nested, 0);
	fake.before_use = NULL;
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	fake_port.on_log = NULL;
	works();
}

static void emergency(void)
{
	make();
	start();
	CHECK(virtio_console_emergency_write(virtio_port_device(console), '!'));
	CHECK(virtio_console_emergency_write(virtio_port_device(console), '?'));
	CHECK_EQ(terminal.emergency_length, 2);
	CHECK(memcmp(terminal.emergency, "!?", 2) == 0);
}

static void emergency_not_offered(void)
{
	make();
	fake_withdraw(&fake, 2);
	start();
	CHECK(!virtio_console_emergency_write(virtio_port_device(console), '!'));
	CHECK_EQ(terminal.emergency_length, 0);
	works();
}

/* ---- Typing ------------------------------------------------------------------------------ */

static void typed(void)
{
	static char text[2000];

	make();
	start();
	CHECK_EQ(virtio_console_read(console), -1);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 3);
	fake_sleep(1);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(fake_type(&fake, text + i, 1 + i % 7), 1 + i % 7);
		expect_typed(text + i, 1 + i % 7);
	}
	CHECK_EQ(fake_type(&fake, text, 2000), 2000); /* eight buffers of 256 */
	expect_typed(text, 2000);
	works();
}

/* More than there are buffers: the host keeps the rest. */
static void typed_faster_than_read(void)
{
	static char text[3000];

	make();
	start();
	fake_sleep(1);
	memset(text, 'k', sizeof(text));
	CHECK_EQ(fake_type(&fake, text, sizeof(text)), 2048);
	fake_sleep(1);
	CHECK_EQ(fake_type(&fake, text, sizeof(text)), 0);
	expect_typed(text, 2048);
	CHECK_EQ(fake_type(&fake, text, 10), 10);
	expect_typed(text, 10);
}

/* Who reads, on whatever CPU, leaves the queue alone: its drain gives the buffers back, all of them. */
static void emptied_buffers_wait_for_the_drain(void)
{
	static char text[2048];

	make();
	start();
	memset(text, 'w', sizeof(text));
	for (unsigned i = 0; i < 3; i++) {
		fake_sleep(1);
		CHECK_EQ(fake_type(&fake, text, sizeof(text)), sizeof(text));
		fake_sleep(1);
		for (size_t n = 0; n < sizeof(text); n++)
			CHECK_EQ(virtio_console_read(console), 'w');
		CHECK_EQ(virtio_first()->queues[0]->ring.in_flight, 0);
	}
	works();
}

/* FAULTS 7: buffers that come back empty are given again; a device that does nothing else keeps nobody from
 * anything. */
static void row7_empty_buffers(void)
{
	make();
	start();
	fake_sleep(1);
	for (unsigned i = 0; i < 50; i++) {
		for (unsigned n = 0; n <= i % 8; n++) {
			if (fake.queues[0].ring.taken)
				fake_use(&fake.queues[0], fake.queues[0].ring.taken, 0);
		}
		fake_sleep(1);
		CHECK_EQ(virtio_console_read(console), -1);
		works();
	}
	CHECK_EQ(virtio_first()->resets, 0);
}

static bool empty(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	if (queue->index == 0)
		*written = 0;
	return true;
}

static bool serve_at_once(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	bool receive = queue->index == 0;

	if (!receive)
		return fake_console.serve(queue, chain, written);
	*written = 0;
	return true;
}

static void row7_empty_buffers_for_ever(void)
{
	static struct fake_model flood;

	flood = fake_console;
	flood.serve = serve_at_once;
	make();
	fake.model = &flood;
	fake.before_use = empty;
	start();
	uint64_t begun = fake_port.now;
	for (unsigned i = 0; i < 1000; i++)
		vport_relax(0);
	CHECK_EQ(print("hello"), 5);
	CHECK(FAKE_WAIT(terminal.length == 5, 100));
	CHECK(fake_port.now - begun < UINT64_C(1000000000));
}

/* ---- A device that breaks the rules ---------------------------------------------------------- */

static void row1_used_id_beyond_the_queue(void)
{
	make();
	start();
	for (unsigned i = 1; i <= 6; i++) {
		works();
		struct fake_queue *queue = &fake.queues[i % 2];
		if (i % 2)
			print("x"); /* so that something is in flight */
		ring_device_lie_used(&queue->ring, 99, 0, 1);
		fake_interrupt_queue(queue);
		CHECK(FAKE_WAIT(virtio_first()->resets == i, 1000));
		works();
	}
}

static void row6_more_written_than_the_buffer_has(void)
{
	make();
	start();
	fake_sleep(1);
	fake_use(&fake.queues[0], fake.queues[0].ring.taken, 257);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	CHECK_EQ(virtio_console_read(console), -1);
	works();
}

static void row35_needs_reset(void)
{
	make();
	start();
	fake_sleep(1);
	for (unsigned i = 1; i <= 3; i++) {
		fake_type(&fake, "lost", 4);
		fake.deaf = true;
		print("lost too");
		fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
		fake_interrupt_config(&fake);
		CHECK(FAKE_WAIT(virtio_first()->resets == i, 1000));
		fake.deaf = false;
		CHECK_EQ(virtio_console_read(console), -1);
		works();
	}
}

/* Of a device that has failed nobody expects that it prints: who prints is told that it did not. */
static void row35_print_after_a_fault(void)
{
	make();
	start();
	works();
	virtio_device_fail(virtio_first(), ERR_IO, "the test wants it so", 0);
	CHECK_EQ(print("lost"), 0);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	works();
}

/* When all has been printed there is nothing to be done: the loop sleeps. */
static void sleeps_when_all_is_printed(void)
{
	unsigned turns = 0;

	make();
	start();
	works();
	fake_sleep(1);
	for (uint64_t end = fake_port.now + 100000000; fake_port.now < end && turns < 1000; turns++)
		vport_relax(end);
	CHECK(turns < 20); /* and not a thousand */
}

/* Characters are read one by one while the device is being reset. */
static void row35_read_during_the_reset(void)
{
	make();
	start();
	fake_sleep(1);
	fake_type(&fake, "abcdef", 6);
	fake_sleep(1);
	CHECK_EQ(virtio_console_read(console), 'a');
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake.reset_reads = 0;
	virtio_device_fail(virtio_first(), ERR_IO, "a test says so", 0);
	for (unsigned i = 1; i < 6; i++)
		CHECK_EQ(virtio_console_read(console), "abcdef"[i]);
	CHECK_EQ(virtio_console_read(console), -1);
	CHECK_EQ(print("not now"), 0);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1 && virtio_first()->state == VIRTIO_RUNNING,
			1000));
	works();
}

/* A CPU that saw the device running just before the fault comes to the transmit queue late: here when the rings are
 * new already, and the driver not ready yet. It is not let in. */
static unsigned latecomers;

static void print_late(struct fake_device *device, const char *step)
{
	struct virtio_device *known = virtio_first();

	(void)device;
	if (!known || known->state != VIRTIO_RECOVERING || strncmp(step, "queue", 5) != 0)
		return;
	fake_on_cpu(1); /* one that sees that it is not running has no wait before it */
	uint64_t begun = fake_port.now;
	CHECK_EQ(print("much later"), 0);
	CHECK(fake_port.now - begun < 100000000);
	fake_on_cpu(0);
	known->state = VIRTIO_RUNNING;
	CHECK_EQ(print("late"), 0);
	known->state = VIRTIO_RECOVERING;
	latecomers++;
}

static void row35_print_during_the_reset(void)
{
	fake_cpus(2);
	make();
	start();
	fake.after_step = print_late;
	for (unsigned i = 1; i <= 3; i++) {
		works();
		fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
		fake_interrupt_config(&fake);
		CHECK(FAKE_WAIT(virtio_first()->resets == i, 1000));
		CHECK_EQ(latecomers, 2 * i); /* at each of the two queues */
	}
	works();
}

static void row36_gone(void)
{
	make();
	start();
	works();
	fake.gone = true;
	CHECK(FAKE_WAIT(virtio_first()->state == VIRTIO_FAILED, 5000));
	uint64_t begun = fake_port.now;
	CHECK_EQ(print("nobody is there"), 0);
	CHECK_EQ(virtio_console_read(console), -1);
	CHECK(fake_port.now - begun < 1000000);
}

/* ---- Probing ---------------------------------------------------------------------------------------- */

static void two_consoles(void)
{
	static struct fake_device second;
	static struct fake_terminal other;

	make();
	start();
	fake_device_init(&second, bus, &fake_console, ring);
	second.state = &other;
	CHECK_EQ(fake_probe(&second), 0);
	CHECK(virtio_console_next(virtio_port_device(console)) != NULL);
	CHECK(virtio_console_next(virtio_console_next(virtio_port_device(console))) == NULL);
	CHECK_TEXT(virtio_first()->name, "con0");
	CHECK_TEXT(virtio_next(virtio_first())->name, "con1");
	console = virtio_port_next(console);
	CHECK(console != NULL && virtio_port_next(console) == NULL);
	CHECK_EQ(virtio_port_open(console), 0);
	CHECK_EQ(print("there"), 5);
	fake_sleep(1);
	CHECK_TEXT(other.printed, "there");
	CHECK_EQ(terminal.length, 0);
}

static void one_queue_only(void)
{
	make();
	fake.queue_count = 1;
	fake.queues[1].size_max = fake.queues[1].size = 0;
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_NOTHING_LEFT();
	CHECK(virtio_console_first() == NULL);
}

static void polled(void)
{
	fake_setting("irq", "poll");
	make();
	start();
	for (unsigned i = 0; i < 10; i++)
		works();
	CHECK_EQ(fake_port.interrupts, 0);
}

static void out_of_memory(void)
{
	unsigned count = 0;

	do {
		make();
	} while (probe_without_memory(&fake, ++count) && count < 50);
	CHECK(count > 5 && count < 50);
	console = virtio_port_first();
	fake_port.allocation_fails = fake_port.allocated + 1;
	CHECK_EQ(virtio_port_open(console), ERR_NOMEM);
	CHECK_EQ(print("not open"), 0);
	CHECK_EQ(virtio_port_open(console), 0);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(prints, ON_ALL),
		SCENARIO(host_does_not_take_it, ON_ALL),
		SCENARIO(log_line_from_within, ON_ALL),
		SCENARIO(emergency, ON_BUSES),
		SCENARIO(emergency_not_offered, ON_BUSES),
		SCENARIO(typed, ON_ALL),
		SCENARIO(typed_faster_than_read, ON_ALL),
		SCENARIO(emptied_buffers_wait_for_the_drain, ON_ALL),
		SCENARIO(row7_empty_buffers, ON_ALL),
		SCENARIO(row7_empty_buffers_for_ever, ON_ALL),
		SCENARIO(row1_used_id_beyond_the_queue, ON_ALL),
		SCENARIO(row6_more_written_than_the_buffer_has, ON_ALL),
		SCENARIO(row35_needs_reset, ON_ALL),
		SCENARIO(row35_print_after_a_fault, ON_ALL),
		SCENARIO(sleeps_when_all_is_printed, ON_ALL),
		SCENARIO(row35_read_during_the_reset, ON_ALL),
		SCENARIO(row35_print_during_the_reset, ON_ALL),
		SCENARIO(row36_gone, ON_ALL),
		SCENARIO(two_consoles, ON_BUSES),
		SCENARIO(one_queue_only, ON_BUSES),
		SCENARIO(polled, ON_ALL),
		SCENARIO(out_of_memory, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
