/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line about a device, for people: see inspect.h. Feature names are those of VIRTIO 1.4.
 *
 * See it at work: make run APP=lsvirtio
 */
#include "drivers/virtio/inspect.h"
#include "drivers/virtio/device.h"
#include "lib/format.h"

struct feature_name {
	uint32_t type; /* 0: any device */
	uint8_t bit;
	const char *name;
};

static const struct feature_name names[] = {
	{ VIRTIO_TYPE_BLOCK, 1, "SIZE_MAX" },
	{ VIRTIO_TYPE_BLOCK, 2, "SEG_MAX" },
	{ VIRTIO_TYPE_BLOCK, 5, "RO" },
	{ VIRTIO_TYPE_BLOCK, 6, "BLK_SIZE" },
	{ VIRTIO_TYPE_BLOCK, 9, "FLUSH" },
	{ VIRTIO_TYPE_BLOCK, 10, "TOPOLOGY" },
	{ VIRTIO_TYPE_BLOCK, 11, "CONFIG_WCE" },
	{ VIRTIO_TYPE_BLOCK, 12, "MQ" },
	{ VIRTIO_TYPE_BLOCK, 13, "DISCARD" },
	{ VIRTIO_TYPE_BLOCK, 14, "WRITE_ZEROES" },
	{ VIRTIO_TYPE_SCSI, 1, "HOTPLUG" },
	{ VIRTIO_TYPE_SCSI, 2, "CHANGE" },
	{ VIRTIO_TYPE_CONSOLE, 0, "SIZE" },
	{ VIRTIO_TYPE_CONSOLE, 1, "MULTIPORT" },
	{ VIRTIO_TYPE_CONSOLE, 2, "EMERG_WRITE" },
	{ 0, VIRTIO_F_INDIRECT_DESC, "INDIRECT_DESC" },
	{ 0, VIRTIO_F_EVENT_IDX, "EVENT_IDX" },
	{ 0, VIRTIO_F_VERSION_1, "VERSION_1" },
	{ 0, VIRTIO_F_ACCESS_PLATFORM, "ACCESS_PLATFORM" },
	{ 0, VIRTIO_F_RING_PACKED, "RING_PACKED" },
	{ 0, VIRTIO_F_IN_ORDER, "IN_ORDER" },
	{ 0, VIRTIO_F_ORDER_PLATFORM, "ORDER_PLATFORM" },
	{ 0, VIRTIO_F_NOTIFICATION_DATA, "NOTIFICATION_DATA" },
	{ 0, VIRTIO_F_NOTIF_CONFIG_DATA, "NOTIF_CONFIG_DATA" },
	{ 0, VIRTIO_F_RING_RESET, "RING_RESET" },
};

static const char *feature_name(const struct virtio_device *device, unsigned bit)
{
	const struct virtio_driver *driver = device->driver;

	for (unsigned i = 0; i < driver->name_count; i++) {
		if (driver->names[i].bit == bit)
			return driver->names[i].name;
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].bit == bit && (names[i].type == 0 || names[i].type == device->type))
			return names[i].name;
	}
	return NULL;
}

static size_t describe_queues(const struct virtio_device *device, char *line, size_t size)
{
	unsigned largest = 0;
	bool packed = virtio_has(device, VIRTIO_F_RING_PACKED);

	for (unsigned i = 0; i < device->queue_count; i++) {
		if (device->queues[i]->setup.size > largest)
			largest = device->queues[i]->setup.size;
	}
	return format(line, size, " %s %ux%u", packed ? "packed" : "split", device->queue_count,
		      largest);
}

size_t virtio_describe(const struct virtio_device *device, char *line, size_t size)
{
	size_t at = format(line, size, "%-5s %s %s", device->name[0] ? device->name : "-",
			   device->location, device->driver->name);

	at += describe_queues(device, line + at, size - at);
	if (device->interrupts == VIRTIO_MSIX)
		at += format(line + at, size - at, " msix:%u", device->vectors);
	else if (device->interrupts == VIRTIO_LINE)
		at += format(line + at, size - at, " intx");
	else
		at += format(line + at, size - at, " poll");
	for (unsigned bit = 0; bit < VIRTIO_FEATURE_WORDS * 32; bit++) {
		if (!virtio_has(device, bit))
			continue;
		const char *name = feature_name(device, bit);
		if (name)
			at += format(line + at, size - at, " %s", name);
		else
			at += format(line + at, size - at, " bit%u", bit);
	}
	if (device->state == VIRTIO_FAILED)
		at += format(line + at, size - at, " (failed)");
	return at;
}

bool virtio_queue_state(const struct virtio_device *device, unsigned n,
			struct virtio_queue_state *state)
{
	if (n >= device->queue_count)
		return false;
	const struct virtio_queue *queue = device->queues[n];
	*state = (struct virtio_queue_state){ queue->index, queue->setup.size,
					      queue->ring.in_flight, queue->interrupts };
	return true;
}
