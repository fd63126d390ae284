/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console: VIRTIO 1.4 section 5.3. This file brings the device up: its queues, two for each port and two for
 * control messages, its size, and its ports as others see them. Data is in console_port.c, control messages are in
 * console_control.c.
 *
 * After a reset a device with several ports has to tell of each anew; who had one open has it open still, and is told
 * once that something may be lost.
 *
 * See it at work: make run KERNEL_ARGS=console=virtio QEMU_ARGS='-device virtio-serial-pci
 *                  -chardev file,id=c,path=/tmp/out -device virtconsole,chardev=c'
 * Left out: more than 31 ports of a device.
 */
#include "drivers/virtio/console_device.h"
#include "drivers/virtio/drivers.h"
#include "lib/format.h"
#include "lib/mem.h"
#include "lib/text.h"

/* ---- Features ------------------------------------------------------------------------- */

static const uint8_t wanted[] = { VIRTIO_CONSOLE_F_SIZE, VIRTIO_CONSOLE_F_MULTIPORT,
				  VIRTIO_CONSOLE_F_EMERG_WRITE };

/* ---- All there are ------------------------------------------------------------------------ */

static struct virtio_console *consoles;
static unsigned console_count;
static void (*listener)(struct virtio_port *port);

struct virtio_console *virtio_console_first(void)
{
	return consoles;
}

struct virtio_console *virtio_console_next(struct virtio_console *console)
{
	return console->next;
}

bool virtio_console_settled(const struct virtio_console *console)
{
	return !console_multiport(console) || PORT_IS(console, settled);
}

uint64_t virtio_console_ignored(const struct virtio_console *console)
{
	return console->ignored;
}

bool virtio_console_emergency_write(struct virtio_console *console, char c)
{
	return virtio_has(console->device, VIRTIO_CONSOLE_F_EMERG_WRITE) &&
	       virtio_config_write(console->device, CONSOLE_EMERG_WR, 4, (uint8_t)c) == 0;
}

/* The next port that is there, from that one of that device on. */
static struct virtio_port *there_from(struct virtio_console *console, unsigned id)
{
	for (; console; console = console->next, id = 0) {
		for (; id < console->port_count; id++) {
			if (PORT_IS(&console->ports[id], there))
				return &console->ports[id];
		}
	}
	return NULL;
}

struct virtio_port *virtio_port_first(void)
{
	return there_from(consoles, 0);
}

struct virtio_port *virtio_port_next(struct virtio_port *port)
{
	return there_from(port->console, port->id + 1);
}

struct virtio_port *virtio_port_find(const char *name)
{
	struct virtio_port *named = NULL;
	struct virtio_port_info info;

	for (struct virtio_port *port = virtio_port_first(); port; port = virtio_port_next(port)) {
		virtio_port_info(port, &info);
		if (text_equal(name,
			       info.path)) /* before all names, which are the host's to choose */
			return port;
		if (!named && info.name[0] && text_equal(name, info.name))
			named = port;
	}
	return named;
}

struct virtio_console *virtio_port_device(const struct virtio_port *port)
{
	return port->console;
}

void virtio_port_info(struct virtio_port *port, struct virtio_port_info *info)
{
	*info = (struct virtio_port_info){
		.number = port->id,
		.there = PORT_IS(port, there),
		.console = PORT_IS(port, is_console),
		.host_open = PORT_IS(port, host_open),
		.columns = PORT_IS(port, columns),
		.rows = PORT_IS(port, rows),
		.sent = PORT_IS(port, bytes_sent),
	};
	format(info->path, sizeof(info->path), "vport%up%u", port->console->number, port->id);
	vport_lock_take(&port->lock);
	memcpy(info->name, port->name, sizeof(info->name));
	info->open = port->open;
	info->received = port->bytes_received;
	info->dropped = port->bytes_dropped;
	vport_lock_give(&port->lock);
}

/* ---- The listener ---------------------------------------------------------------------------- */

void virtio_console_listen(void (*changed)(struct virtio_port *port))
{
	__atomic_store_n(&listener, changed, __ATOMIC_RELEASE);
}

void console_port_changed(struct virtio_port *port)
{
	PORT_SET(port, changed, true);
	vport_work_queue(&port->console->attend);
}

void console_tell_listener(struct virtio_console *console)
{
	void (*tell)(struct virtio_port * port) = __atomic_load_n(&listener, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < console->port_count; i++) {
		struct virtio_port *port = &console->ports[i];
		if (__atomic_exchange_n(&port->changed, false, __ATOMIC_ACQ_REL) && tell)
			tell(port);
	}
}

/* ---- Configuration (5.3.4) --------------------------------------------------------------------- */

/* The size is port 0's. */
static void read_size(struct virtio_console *console)
{
	struct virtio_port *port = &console->ports[0];
	uint16_t size[2];

	if (!virtio_has(console->device, VIRTIO_CONSOLE_F_SIZE) ||
	    virtio_config_read(console->device, CONSOLE_COLS, 2, 2, size) != 0 ||
	    (size[0] == port->columns && size[1] == port->rows))
		return;
	PORT_SET(port, columns, size[0]);
	PORT_SET(port, rows, size[1]);
	console_port_changed(port);
}

static void config_changed(struct virtio_device *device)
{
	read_size(device->data);
}

/* At least one; a device may say what it likes. */
static unsigned count_ports(struct virtio_console *console)
{
	uint32_t count = 1;

	if (console_multiport(console) &&
	    virtio_config_read(console->device, CONSOLE_MAX_NR_PORTS, 4, 1, &count) != 0)
		count = 1;
	return count < 1 ? 1 : count < CONSOLE_PORTS ? count : CONSOLE_PORTS;
}

/* ---- Queues -------------------------------------------------------------------------------------- */

/* Those of port 0 come before the control queues, those of the others after them (5.3.2). */
static unsigned receive_index(unsigned id)
{
	return id == 0 ? 0 : 2 + 2 * id;
}

static int create_port(struct virtio_console *console, unsigned id)
{
	struct virtio_device *device = console->device;
	struct virtio_port *port = &console->ports[id];
	struct virtio_queue_options options = { .size_limit = PORT_RECEIVE_BUFFERS,
						.driver = port };
	int error = virtio_queue_create(device, receive_index(id), &options);

	/* The host may be slow to take what is sent (a pipe that nobody reads): that is no fault. */
	options.size_limit = PORT_TRANSMIT_BUFFERS;
	options.shared = true;
	if (!error)
		error = virtio_queue_create(device, receive_index(id) + 1, &options);
	if (error)
		return error;
	port->receive = virtio_queue_at(device, receive_index(id));
	port->transmit = virtio_queue_at(device, receive_index(id) + 1);
	port->console = console;
	port->id = id;
	port->received_end = &port->received;
	return 0;
}

/* In the order of their indices, as many ports as there are queues for. */
static int create_queues(struct virtio_console *console, unsigned count)
{
	int error = create_port(console, 0);

	if (!error && console_multiport(console))
		error = console_control_create(console);
	for (console->port_count = 1; !error && console->port_count < count;
	     console->port_count++) {
		error = create_port(console, console->port_count);
		if (error == ERR_NODEV) { /* fewer than it says */
			virtio_log(console->device, VPORT_LOG_INFO,
				   "queues for %u ports, of %u that it speaks of",
				   console->port_count, count);
			return 0;
		}
	}
	return error;
}

static bool is_control(const struct virtio_console *console, const struct virtio_queue *queue)
{
	return console_multiport(console) && (queue->index == CONSOLE_CONTROL_RECEIVEQ ||
					      queue->index == CONSOLE_CONTROL_TRANSMITQ);
}

static void drain(struct virtio_queue *queue)
{
	struct virtio_console *console = queue->device->data;
	struct virtio_port *port = queue->driver;

	if (is_control(console, queue)) {
		if (queue == console->control_receive)
			console_control_drain_receive(console);
		else
			console_control_drain_transmit(console);
	} else if (queue == port->receive) {
		console_port_drain_receive(port);
	} else {
		console_port_drain_transmit(port);
	}
}

/* ---- Probe, remove, stop, ready, abort, gone --------------------------------------------------------------------- */

/* Nobody has opened a port yet: none has memory. */
static void free_console(struct virtio_console *console)
{
	console_control_free(console);
	if (console->ports)
		vport_free(console->ports, console->port_room * sizeof(struct virtio_port));
	vport_free(console, sizeof(*console));
}

static int probe(struct virtio_device *device)
{
	struct virtio_console *console = vport_alloc(sizeof(*console));
	if (!console)
		return ERR_NOMEM;
	console->device = device;
	console->attend.run = console_attend;
	device->data = console;
	console->port_room = count_ports(console);
	console->ports = vport_alloc(console->port_room * sizeof(struct virtio_port));
	int error = console->ports ? create_queues(console, console->port_room) : ERR_NOMEM;
	if (error)
		free_console(console);
	return error;
}

static void undo_probe(struct virtio_device *device)
{
	free_console(device->data);
}

static void stop(struct virtio_device *device)
{
	struct virtio_console *console = device->data;

	PORT_SET(console, settled, false);
	for (unsigned i = 0; i < console->port_count; i++)
		console_port_stop(&console->ports[i]);
}

static void add_to_list(struct virtio_console *console)
{
	struct virtio_console **end = &consoles;

	while (*end)
		end = &(*end)->next;
	console->number = console_count++;
	*end = console;
	memcpy(console->device->name, "con0", 5);
	console->device->name[3] = (char)('0' + console->number % 10);
}

/* What the device has not told of anew: with control messages that is everything. */
static void forget(struct virtio_port *port, bool multiport)
{
	if (!multiport) {
		PORT_SET(port, is_console, true);
		PORT_SET(port, host_open, true);
		PORT_SET(port, there, true);
		return;
	}
	PORT_SET(port, awaited, port->there || port->awaited);
	PORT_SET(port, there, false);
	port->ready_due = false;
}

/* All buffers are ours: at first, and after a reset (what came and was not read is lost then, and so is
 * what was sent and not taken). */
static void ready(struct virtio_device *device)
{
	struct virtio_console *console = device->data;
	bool multiport = console_multiport(console);

	for (unsigned i = 0; i < console->port_count; i++) {
		struct virtio_port *port = &console->ports[i];
		PORT_SET(port, was_reset, device->resets > 0);
		forget(port, multiport);
		console_port_start(port);
	}
	read_size(console);
	if (multiport)
		console_control_start(console);
	if (!device->name[0])
		add_to_list(console);
}

static void abort_buffer(struct virtio_queue *queue, void *cookie, int error)
{
	(void)queue; /* ready starts over with all buffers */
	(void)cookie;
	(void)error;
}

/* Transmit queues stay ours: a write returns at once. */
static void gone(struct virtio_device *device)
{
	struct virtio_console *console = device->data;

	for (unsigned i = 0; i < console->port_count; i++) {
		struct virtio_port *port = &console->ports[i];
		PORT_SET(port, there, false);
		PORT_SET(port, awaited, false);
		PORT_SET(port, gone, true);
		console_port_wake(port);
		console_port_changed(port);
	}
}

const struct virtio_driver virtio_console_driver = {
	.type = VIRTIO_TYPE_CONSOLE,
	.name = "console",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.probe = probe,
	.remove = undo_probe,
	.stop = stop,
	.ready = ready,
	.drain = drain,
	.abort = abort_buffer,
	.config_changed = config_changed,
	.gone = gone,
};
