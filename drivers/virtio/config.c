/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device configuration space, VIRTIO 1.4 section 2.5: fields that the device may change while we read them.
 * A read is only good when the generation is the same before and after it (2.5.1-1).
 *
 * See it at work: make run APP=lsvirtio
 */
#include "drivers/virtio/device.h"

#define CONFIG_TRIES 16

static bool in_config(const struct virtio_device *device, unsigned offset, uint64_t length)
{
	return offset <= device->config_size && length <= device->config_size - offset;
}

static void read_field(struct virtio_device *device, unsigned offset, unsigned width, void *values,
		       unsigned index)
{
	const struct virtio_transport *transport = device->transport;

	switch (width) {
	case 1:
		((uint8_t *)values)[index] = (uint8_t)transport->config_read(device, offset, 1);
		break;
	case 2:
		((uint16_t *)values)[index] = (uint16_t)transport->config_read(device, offset, 2);
		break;
	case 4:
		((uint32_t *)values)[index] = transport->config_read(device, offset, 4);
		break;
	default: /* two halves (4.1.3.1-2), which the generation keeps together */
		((uint64_t *)values)[index] =
			transport->config_read(device, offset, 4) |
			(uint64_t)transport->config_read(device, offset + 4, 4) << 32;
	}
}

int virtio_config_read(struct virtio_device *device, unsigned offset, unsigned width,
		       unsigned count, void *values)
{
	kit_assert(width == 1 || width == 2 || width == 4 || width == 8);
	kit_assert(offset % (width == 8 ? 4 : width) == 0);

	if (!in_config(device, offset, (uint64_t)width * count))
		return ERR_RANGE;
	for (unsigned try = 0; try < CONFIG_TRIES; try++) {
		uint32_t before = device->transport->config_generation(device);
		for (unsigned i = 0; i < count; i++)
			read_field(device, offset + i * width, width, values, i);
		if (device->transport->config_generation(device) == before)
			return 0;
	}
	return ERR_BUSY;
}

int virtio_config_write(struct virtio_device *device, unsigned offset, unsigned width,
			uint64_t value)
{
	const struct virtio_transport *transport = device->transport;

	kit_assert(width == 1 || width == 2 || width == 4 || width == 8);
	kit_assert(offset % (width == 8 ? 4 : width) == 0);

	if (!in_config(device, offset, width))
		return ERR_RANGE;
	transport->config_write(device, offset, width == 8 ? 4 : width, (uint32_t)value);
	if (width == 8)
		transport->config_write(device, offset + 4, 4, (uint32_t)(value >> 32));
	return 0;
}
