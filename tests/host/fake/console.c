/* SPDX-License-Identifier: BSD-2-Clause */
/* See console.h. Nothing of the driver is used; offsets are written out. */
#include "tests/host/fake/console.h"

#include <string.h>

enum { MULTIPORT_BIT = 1, EMERG_WRITE_BIT = 2 };
enum { CONTROL_RECEIVEQ = 2, CONTROL_TRANSMITQ = 3 };

static struct fake_host *host_of(struct fake_device *device)
{
	return device->state;
}

/* 5.3.2 */
static unsigned receiveq(unsigned id)
{
	return id == 0 ? 0 : 2 * id + 2;
}

static unsigned port_of(unsigned queue)
{
	return queue < 2 ? 0 : queue / 2 - 1;
}

/* The one that was given first is the last of those taken. */
static struct ring_chain *oldest(struct fake_queue *queue)
{
	if (queue->ready)
		fake_serve(queue);
	struct ring_chain *chain = queue->ring.taken;
	while (chain && chain->next)
		chain = chain->next;
	return chain;
}

/* ---- What the device says -------------------------------------------------------------------- */

bool fake_say(struct fake_device *device, const void *bytes, size_t length, uint32_t written)
{
	struct fake_queue *queue = &device->queues[CONTROL_RECEIVEQ];
	struct ring_chain *chain = oldest(queue);

	if (!chain) {
		host_of(device)->unheard++;
		return false;
	}
	ring_chain_write(chain, 0, bytes, length);
	fake_use(queue, chain, written);
	return true;
}

bool fake_tell_more(struct fake_device *device, uint32_t id, unsigned event, unsigned value,
		    const void *more, size_t length)
{
	uint8_t message[1024] = { (uint8_t)id,         (uint8_t)(id >> 8),   (uint8_t)(id >> 16),
				  (uint8_t)(id >> 24), (uint8_t)event,       (uint8_t)(event >> 8),
				  (uint8_t)value,      (uint8_t)(value >> 8) };

	memcpy(message + 8, more, length);
	return fake_say(device, message, 8 + length, (uint32_t)(8 + length));
}

bool fake_tell(struct fake_device *device, uint32_t id, unsigned event, unsigned value)
{
	return fake_tell_more(device, id, event, value, "", 0);
}

/* ---- What the driver says ---------------------------------------------------------------------- */

static void device_is_ready(struct fake_device *device)
{
	struct fake_host *host = host_of(device);

	host->device_readies++;
	for (unsigned i = 0; i < FAKE_PORTS; i++) {
		if (host->ports[i].there)
			fake_tell(device, i, FAKE_PORT_ADD, 1);
	}
}

static void port_is_ready(struct fake_device *device, unsigned id)
{
	struct fake_console_port *port = &host_of(device)->ports[id];

	port->readies++;
	if (port->console)
		fake_tell(device, id, FAKE_CONSOLE_PORT, 1);
	if (port->name)
		fake_tell_more(device, id, FAKE_PORT_NAME, 1, port->name, strlen(port->name));
	if (port->open)
		fake_tell(device, id, FAKE_PORT_OPEN, 1);
}

static void hear(struct fake_device *device, const uint8_t message[8])
{
	struct fake_host *host = host_of(device);
	unsigned id = message[0] | (unsigned)message[1] << 8 | (unsigned)message[2] << 16 |
		      (unsigned)message[3] << 24;
	unsigned event = message[4] | (unsigned)message[5] << 8;
	unsigned value = message[6] | (unsigned)message[7] << 8;

	host->messages++;
	if (event == FAKE_DEVICE_READY) {
		device_is_ready(device);
		return;
	}
	if (host->device_readies == 0)
		fake_breach(device, "speaks of ports before it is ready (5.3.6.2.2-1)");
	if (id >= FAKE_PORTS || (!host->ports[id].there && !host->noisy)) {
		fake_breach(device, "speaks of a port that it was not told of");
		return;
	}
	struct fake_console_port *port = &host->ports[id];
	if (event == FAKE_PORT_READY && value == 1) {
		port_is_ready(device, id);
	} else if (event == FAKE_PORT_OPEN && value <= 1) {
		port->guest_open = value == 1;
		port->opens += value;
		port->closes += 1 - value;
	} else {
		fake_breach(device, "says something that a driver does not say");
	}
	if (host->noisy) {
		for (unsigned i = 0; i < 8; i++) {
			fake_tell(device, id, FAKE_PORT_REMOVE, 0);
			fake_tell(device, id, FAKE_PORT_ADD, 0);
		}
	}
}

/* ---- Queues ------------------------------------------------------------------------------------ */

static bool serve(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	struct fake_device *device = queue->device;
	struct fake_host *host = host_of(device);
	uint8_t message[8];

	*written = 0;
	if (queue->index % 2 == 0) {
		if (chain->count == 0 || !chain->segments[0].writable)
			fake_breach(device, "gives a buffer to receive into that cannot be "
					    "written (5.3.6.1-1)");
		return false; /* until there is something */
	}
	if (chain->writable != 0)
		fake_breach(device, "sends from a writable buffer (5.3.6.1-2)");
	if (queue->index == CONTROL_TRANSMITQ) {
		if (ring_chain_read(chain, 0, message, sizeof(message)) != sizeof(message))
			fake_breach(device, "sends a control message of another length");
		else if (!host->mute)
			hear(device, message);
		return !host->mute;
	}
	struct fake_console_port *port = &host->ports[port_of(queue->index)];
	if (port->slow)
		return false;
	port->length += ring_chain_read(chain, 0, port->got + port->length,
					sizeof(port->got) - port->length);
	return true;
}

size_t fake_port_send(struct fake_device *device, unsigned id, const void *bytes, size_t length)
{
	struct fake_queue *queue = &device->queues[receiveq(id)];
	size_t sent = 0;

	while (sent < length) {
		struct ring_chain *chain = oldest(queue);
		if (!chain)
			break;
		size_t step = ring_chain_write(chain, 0, (const char *)bytes + sent, length - sent);
		sent += step;
		fake_use(queue, chain, (uint32_t)step);
	}
	return sent;
}

bool fake_port_take(struct fake_device *device, unsigned id)
{
	struct fake_queue *queue = &device->queues[receiveq(id) + 1];
	struct fake_console_port *port = &host_of(device)->ports[id];
	struct ring_chain *chain = oldest(queue);

	if (!chain)
		return false;
	port->length += ring_chain_read(chain, 0, port->got + port->length,
					sizeof(port->got) - port->length);
	fake_use(queue, chain, 0);
	return true;
}

/* 5.3.4: emerg_wr at offset 8. */
static void config_written(struct fake_device *device, unsigned offset, uint8_t value)
{
	struct fake_host *host = host_of(device);

	if (offset != 8 || host->emergency_length == sizeof(host->emergency))
		fake_breach(device, "writes something else than emerg_wr");
	else
		host->emergency[host->emergency_length++] = (char)value;
}

const struct fake_model fake_ports = {
	.type = VIRTIO_TYPE_CONSOLE,
	.queues = 2 * (FAKE_PORTS + 1),
	.queue_size = 32,
	.features = 1u << MULTIPORT_BIT | 1u << EMERG_WRITE_BIT,
	.config_bytes = 12,
	.serve = serve,
	.config_written = config_written,
};

void fake_ports_init(struct fake_device *device, enum fake_bus bus, enum fake_format format,
		     struct fake_host *host, unsigned max_nr_ports)
{
	fake_device_init(device, bus, &fake_ports, format);
	memset(host, 0, sizeof(*host));
	device->state = host;
	fake_config_set(device, 4, 4, max_nr_ports);
}
