/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control queues of a console: VIRTIO 1.4, 5.3.6.2. The device tells of ports that come and go, of their names, of
 * which are consoles and how large, and which the host has open; we tell which are ready, and which we have open.
 *
 * A drain lists what came; a work item acts on it, and sends one message at a time, the next when the device has used
 * that one: each may cause several of the device's, which are lost where they find no buffer. The work item does not wait
 * for that, since all other work would wait with it: the drain of what was used queues it again. What makes no sense (a
 * port that is not there, or that we have no queues for; an event that is none; a name that cannot be shown) is counted
 * and ignored. A device that never stops talking has the work item run again and again, and programs in between.
 *
 * See it at work: make run QEMU_ARGS='-device virtio-serial-pci -chardev null,id=c
 *                  -device virtserialport,chardev=c,name=data', then `port` in the shell
 * Left out: telling the device that a port which we have no queues for will not be ready.
 */
#include "drivers/virtio/console_device.h"
#include "lib/containing.h"
#include "lib/le.h"
#include "lib/mem.h"

/* ---- Wire structures (5.3.6.2) --------------------------------------------------------- */

struct virtio_console_control {
	le32 id;
	le16 event, value;
};

/* In this order in the specification. Linux has long read the two the other way round, and a device made for it may
 * send them so: its windows come out with rows and columns exchanged here. */
struct virtio_console_resize {
	le16 cols, rows;
};

_Static_assert(sizeof(struct virtio_console_control) == 8, "5.3.6.2");
_Static_assert(sizeof(struct virtio_console_resize) == 4, "5.3.6.2");

enum {
	VIRTIO_CONSOLE_DEVICE_READY = 0,
	VIRTIO_CONSOLE_PORT_ADD = 1,
	VIRTIO_CONSOLE_PORT_REMOVE = 2,
	VIRTIO_CONSOLE_PORT_READY = 3,
	VIRTIO_CONSOLE_CONSOLE_PORT = 4,
	VIRTIO_CONSOLE_RESIZE = 5,
	VIRTIO_CONSOLE_PORT_OPEN = 6,
	VIRTIO_CONSOLE_PORT_NAME = 7,
};

/* After a reset a device may take so long until it has told of its ports. */
#define ANNOUNCE_NS UINT64_C(5000000000)

/* ---- Buffers ------------------------------------------------------------------------------- */

#define MESSAGE_AT ((size_t)CONTROL_BUFFERS * CONTROL_BYTES) /* the one to send */
#define ALL_BYTES (MESSAGE_AT + sizeof(struct virtio_console_control))

int console_control_create(struct virtio_console *console)
{
	struct virtio_device *device = console->device;
	struct virtio_queue_options options = { .size_limit = CONTROL_BUFFERS, .driver = console };
	int error = virtio_queue_create(device, CONSOLE_CONTROL_RECEIVEQ, &options);

	options.size_limit = 4; /* of which one is used */
	options.has_deadline = true;
	if (!error)
		error = virtio_queue_create(device, CONSOLE_CONTROL_TRANSMITQ, &options);
	if (error)
		return error;
	console->control_receive = virtio_queue_at(device, CONSOLE_CONTROL_RECEIVEQ);
	console->control_transmit = virtio_queue_at(device, CONSOLE_CONTROL_TRANSMITQ);
	console->control_memory =
		vport_dma_alloc(device->port, ALL_BYTES, 64, &console->control_address);
	if (!console->control_memory)
		return ERR_NOMEM;
	for (size_t i = 0; i < CONTROL_BUFFERS; i++) {
		struct port_buffer *buffer = &console->control[i];
		buffer->memory = console->control_memory + i * CONTROL_BYTES;
		buffer->address.bits = console->control_address.bits + i * CONTROL_BYTES;
	}
	return 0;
}

void console_control_free(struct virtio_console *console)
{
	if (console->control_memory)
		vport_dma_free(console->device->port, console->control_memory, ALL_BYTES);
}

static void give(struct virtio_console *console, struct port_buffer *buffer)
{
	struct virtq_segment segment = { buffer->address, CONTROL_BYTES };

	virtio_queue_push(console->control_receive, &segment, 0, 1, buffer, VIRTIO_ONE_DEADLINE);
}

void console_control_start(struct virtio_console *console)
{
	console->messages = NULL;
	console->messages_end = &console->messages;
	console->sending = false;
	for (unsigned i = 0; i < console->control_receive->setup.size; i++) /* of CONTROL_BUFFERS */
		give(console, &console->control[i]);
	virtio_queue_publish(console->control_receive);
	PORT_SET(console, announce_until, vport_now() + ANNOUNCE_NS);
	console->device_ready_due = true; /* 5.3.6.2.2-1 */
	vport_work_queue(&console->attend);
}

/* As many as there are buffers at most: they are given back when they have been acted on. */
void console_control_drain_receive(struct virtio_console *console)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(console->control_receive, &cookie, &written)) {
		struct port_buffer *buffer = cookie;
		buffer->length = written;
		buffer->next = NULL;
		*console->messages_end = buffer;
		console->messages_end = &buffer->next;
		vport_work_queue(&console->attend);
	}
}

void console_control_drain_transmit(struct virtio_console *console)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(console->control_transmit, &cookie, &written)) {
		console->sending = false;
		vport_work_queue(&console->attend); /* the next one, or all is told */
	}
}

/* ---- What the device tells -------------------------------------------------------------------- */

static void port_add(struct virtio_port *port)
{
	vport_lock_take(&port->lock);
	port->name[0] = 0;
	if (!port->awaited)
		port->bytes_received = port->bytes_dropped = 0;
	vport_lock_give(&port->lock);
	if (!port->awaited)
		PORT_SET(port, bytes_sent, 0);
	PORT_SET(port, is_console, false);
	PORT_SET(port, host_open, false);
	if (port->id != 0 || !virtio_has(port->console->device, VIRTIO_CONSOLE_F_SIZE)) {
		PORT_SET(port, columns, 0);
		PORT_SET(port, rows, 0);
	}
	PORT_SET(port, awaited, false);
	PORT_SET(port, there, true);
	port->ready_due = true;
	/* Who has had it open since before a reset has it open still. */
	PORT_SET(port, open_value, PORT_IS(port, open));
	PORT_SET(port, open_due, PORT_IS(port, open));
}

static void port_remove(struct virtio_port *port)
{
	console_port_drain_receive(port); /* what came last can still be read */
	vport_lock_take(&port->lock);
	port->open = false; /* who has it has nothing of what may come after it */
	vport_lock_give(&port->lock);
	PORT_SET(port, there, false);
	PORT_SET(port, host_open, false);
	PORT_SET(port, gone, true); /* to who has it open now */
	port->ready_due = false;
}

/* A name is text in one line: what looks like anything else is refused. A zero behind it is not of it. */
static bool port_name(struct virtio_port *port, const uint8_t *name, size_t length)
{
	if (length > 0 && name[length - 1] == 0)
		length--;
	if (length == 0 || length > VIRTIO_PORT_NAME)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] < ' ' || name[i] == 0x7f || name[i] == '/')
			return false;
	}
	vport_lock_take(&port->lock);
	memcpy(port->name, name, length);
	port->name[length] = 0;
	vport_lock_give(&port->lock);
	return true;
}

static bool port_resize(struct virtio_port *port, const uint8_t *more, size_t length)
{
	struct virtio_console_resize size;

	if (length < sizeof(size))
		return false;
	memcpy(&size, more, sizeof(size));
	PORT_SET(port, columns, le16_get(size.cols));
	PORT_SET(port, rows, le16_get(size.rows));
	return true;
}

/* False: it makes no sense for this port. */
static bool act_on(struct virtio_port *port, unsigned event, unsigned value, const uint8_t *more,
		   size_t length)
{
	/* Nothing is told of a port before it was added, and that is told once. */
	if (port->there == (event == VIRTIO_CONSOLE_PORT_ADD))
		return false;
	switch (event) {
	case VIRTIO_CONSOLE_PORT_ADD:
		port_add(port);
		return true;
	case VIRTIO_CONSOLE_PORT_REMOVE:
		port_remove(port);
		return true;
	case VIRTIO_CONSOLE_CONSOLE_PORT: /* 5.3.6.2.2-2 */
		PORT_SET(port, is_console, true);
		PORT_SET(port, open_value, true);
		PORT_SET(port, open_due, true);
		return true;
	case VIRTIO_CONSOLE_RESIZE:
		return port_resize(port, more, length);
	case VIRTIO_CONSOLE_PORT_OPEN:
		if (value > 1)
			return false;
		console_port_host(port, value == 1);
		return true;
	case VIRTIO_CONSOLE_PORT_NAME:
		return port_name(port, more, length);
	default:
		return false;
	}
}

/* `length` bytes of a message, which the device does not change any more. */
static void handle(struct virtio_console *console, const uint8_t *message, size_t length)
{
	struct virtio_console_control control;

	if (length < sizeof(control)) {
		console->ignored++;
		return;
	}
	memcpy(&control, message, sizeof(control));
	uint32_t id = le32_get(control.id);
	struct virtio_port *port = id < console->port_count ? &console->ports[id] : NULL;
	if (!port || !act_on(port, le16_get(control.event), le16_get(control.value),
			     message + sizeof(control), length - sizeof(control))) {
		console->ignored++;
		return;
	}
	console_port_changed(port);
	console_port_wake(port);
}

/* All that came. Whether there was any. */
static bool handle_messages(struct virtio_console *console)
{
	bool any = false;

	console_control_drain_receive(console);
	while (console->messages) {
		uint8_t message[CONTROL_BYTES];
		struct port_buffer *buffer = console->messages;
		size_t length = buffer->length;
		console->messages = buffer->next;
		if (!console->messages)
			console->messages_end = &console->messages;
		memcpy(message, buffer->memory, length); /* once: what is checked is what is used */
		give(console, buffer);
		handle(console, message, length);
		any = true;
	}
	if (any)
		virtio_queue_publish(console->control_receive);
	return any;
}

/* ---- What we tell ------------------------------------------------------------------------------- */

/* On its way until the device has used it, or is reset: then all of it is told anew. */
static void send(struct virtio_console *console, uint32_t id, unsigned event, unsigned value)
{
	struct virtio_console_control control = { le32_put(id), le16_put((uint16_t)event),
						  le16_put((uint16_t)value) };
	struct virtq_segment segment = { { console->control_address.bits + MESSAGE_AT },
					 sizeof(control) };

	memcpy(console->control_memory + MESSAGE_AT, &control, sizeof(control));
	if (virtio_queue_push(console->control_transmit, &segment, 1, 0, console,
			      VIRTIO_ONE_DEADLINE) < 0)
		return;
	console->sending = true;
	virtio_queue_publish(console->control_transmit);
}

/* Whether there was one to send. */
static bool send_next(struct virtio_console *console)
{
	if (console->device_ready_due) {
		console->device_ready_due = false;
		send(console, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
		return true;
	}
	for (unsigned i = 0; i < console->port_count; i++) {
		struct virtio_port *port = &console->ports[i];
		if (!port->there)
			continue;
		if (port->ready_due) {
			port->ready_due = false;
			send(console, port->id, VIRTIO_CONSOLE_PORT_READY, 1);
			return true;
		}
		if (__atomic_exchange_n(&port->open_due, false, __ATOMIC_ACQ_REL)) {
			send(console, port->id, VIRTIO_CONSOLE_PORT_OPEN,
			     PORT_IS(port, open_value));
			return true;
		}
	}
	return false;
}

void console_attend(struct vport_work *work)
{
	struct virtio_console *console = containing(work, struct virtio_console, attend);

	if (console_multiport(console) && console_running(console)) {
		bool told = handle_messages(console);
		bool telling = console->sending || send_next(console);
		if (told)
			vport_work_queue(work);
		else if (!telling)
			PORT_SET(console, settled, true);
	}
	console_tell_listener(console);
}
