/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a vhost-user back end that answers anything (drivers/virtio/vhost_user.c,
 * vhost_message.c). The input is what is received, and when the connection breaks; the device's life is
 * played by virtio_device_add here, in the order of device.c.
 */
#include "drivers/virtio/vhost_user.h"

#include "drivers/virtio/device.h"
#include "drivers/virtio/vhost_message.h"
#include "drivers/virtio/vhost_port.h"
#define FUZZ_PORT_PANIC
#include "tests/fuzz/fuzz.h"

#define HEADER_BYTES 12

static struct input answers;
static uint32_t asked, asked_size; /* the last message sent */
static unsigned sockets, events;
static void *allocated; /* the device, of which there is one */

/* ---- The port ----------------------------------------------------------------------------- */

void *vport_alloc(size_t size)
{
	FUZZ_CHECK(!allocated);
	allocated = fuzz_alloc(size);
	return allocated;
}
void vport_free(void *memory, size_t size)
{
	(void)size;
	FUZZ_CHECK(memory == allocated);
	allocated = NULL;
	free(memory);
}
void vport_log(enum vport_log_level level, const char *line)
{
	(void)level;
	FUZZ_CHECK(line[0]);
}
uint64_t vport_setting(const char *key, uint64_t fallback)
{
	(void)key;
	return fallback;
}

bool vport_setting_is(const char *key, const char *value)
{
	return strcmp(key, "irq") == 0 && strcmp(value, "poll") == 0 && take(&answers, 1) & 1;
}
void virtio_log(const struct virtio_device *device, enum vport_log_level level, const char *fmt,
		...)
{
	(void)device;
	(void)level;
	FUZZ_CHECK(fmt[0]);
}
void virtio_queue_interrupt(void *queue)
{
	(void)queue;
}

int vhost_port_connect(const char *path, const char **cause)
{
	FUZZ_CHECK(path[0]);
	*cause = "nobody listens";
	if (answers.left == 0)
		return ERR_NODEV;
	sockets++;
	return 5;
}
void vhost_port_close(int socket)
{
	FUZZ_CHECK(socket == 5 && sockets == 1);
	sockets--;
}
bool vhost_port_alive(int socket)
{
	FUZZ_CHECK(socket == 5 || socket == -1);
	return socket >= 0 && answers.left > 0;
}
bool vhost_port_hang_up(int socket)
{
	FUZZ_CHECK(socket == 5 && sockets == 1);
	return answers.left == 0 || take(&answers, 1) & 1;
}
int vhost_port_send(int socket, const void *data, size_t length, int fd)
{
	FUZZ_CHECK(socket == 5 && sockets == 1 && length >= HEADER_BYTES && fd >= -1);
	memcpy(&asked, data, 4);
	memcpy(&asked_size, (const uint8_t *)data + 8, 4);
	FUZZ_CHECK(asked_size == length - HEADER_BYTES);
	return answers.left > 0 ? 0 : ERR_CLOSED;
}
/* The header that the last message wants: most of them are, or nothing behind them would be tried. */
static void good_header(uint32_t header[3])
{
	header[0] = asked;
	header[1] = 5; /* version 1, a reply */
	header[2] = asked == VHOST_USER_GET_CONFIG ? asked_size : 8;
}
int vhost_port_receive(int socket, void *data, size_t length)
{
	FUZZ_CHECK(socket == 5 && sockets == 1);
	if (answers.left < length)
		return answers.left > 0 ? ERR_TIMEOUT : ERR_CLOSED;
	if (length == HEADER_BYTES && take(&answers, 1) < 0xf0)
		good_header(data);
	else
		take_bytes(&answers, data, length);
	return 0;
}
int vhost_port_event(void)
{
	if (answers.left > 0 && answers.at[0] == 0xee)
		return ERR_NOMEM;
	return (int)(10 + events++);
}
void vhost_port_signal(int event)
{
	FUZZ_CHECK(event >= 10);
}
void vhost_port_watch(int event, vport_irq_fn *handler, void *argument)
{
	FUZZ_CHECK(event >= 10 && handler && argument);
}
void vhost_port_unwatch(int event)
{
	FUZZ_CHECK(event >= 10);
}
struct vhost_port_memory vhost_port_memory(void)
{
	return (struct vhost_port_memory){ .fd = 3, .size = 0x100000, .device_address = 0x10000 };
}

/* ---- The device's life ------------------------------------------------------------------------ */

static void reset(struct virtio_device *device)
{
	device->transport->status_write(device, 0);
	for (unsigned i = 0; i < 3 && device->transport->status_read(device) != 0; i++)
		continue;
}

static void live(struct virtio_device *device)
{
	const struct virtio_transport *transport = device->transport;
	struct virtio_features features;
	struct virtio_queue queues[2];

	reset(device);
	transport->status_write(device, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	transport->features_read(device, &features);
	transport->features_write(device, &features);
	transport->status_read(device);
	for (unsigned at = 0; at + 4 <= device->config_size; at += 12)
		transport->config_read(device, at, 4);
	if (device->config_size > 0) {
		transport->config_read(device, device->config_size - 1, 1);
		transport->config_write(device, 32, 1, 1);
	}
	memset(queues, 0, sizeof(queues));
	for (unsigned i = 0; i < 2; i++) {
		struct virtq_addresses at = { 0x10000, 0x20000, 0x30000 };
		queues[i].device = device;
		queues[i].index = (uint16_t)i;
		queues[i].setup.size = 64;
		queues[i].setup.format = i ? VIRTQ_PACKED : VIRTQ_SPLIT;
		FUZZ_CHECK(transport->queue_max_size(device, i) <= VIRTQ_MAX_SIZE);
		device->queues[i] = &queues[i];
		queues[i].place = (uint16_t)i;
		device->queue_count = i + 1;
		if (transport->queue_enable(&queues[i], &at) == 0)
			transport->notify(&queues[i], i);
	}
	FUZZ_CHECK(transport->queue_max_size(device, VIRTIO_MAX_QUEUES) == 0);
	transport->interrupts_route(device);
	transport->config_generation(device);
	transport->isr(device);
	transport->status_write(device, VIRTIO_STATUS_DRIVER_OK);
	transport->status_read(device);
	transport->interrupts_release(device);
	reset(device);
	device->queue_count = 0;
}

int virtio_device_add(struct virtio_device *device)
{
	live(device);
	if (answers.left == 0)
		return ERR_IO;
	live(device);
	device->transport->disown(device);
	return ERR_TIMEOUT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	answers = (struct input){ data, size };
	sockets = events = 0;
	virtio_vhost_user_probe(NULL, "socket", VIRTIO_TYPE_BLOCK);
	FUZZ_CHECK(sockets == 0);
	/* Of a device that the back end may still know, the memory is kept. */
	free(allocated);
	allocated = NULL;
	return 0;
}
