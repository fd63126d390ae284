/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake device as a virtio-mmio register block: VIRTIO 1.4, 4.2.2. */
#include "drivers/virtio/probe.h"
#include "tests/host/fake/device.h"

static uint64_t *address_of(struct fake_queue *queue, uint64_t offset)
{
	switch (offset & ~UINT64_C(7)) {
	case 0x080:
		return &queue->desc;
	case 0x090:
		return &queue->driver;
	case 0x0a0:
		return &queue->area;
	}
	return NULL;
}

static uint32_t read_register(struct fake_device *device, uint64_t offset)
{
	struct fake_queue *queue = fake_selected(device);

	switch (offset) {
	case 0x000:
		return 0x74726976;
	case 0x004:
		return device->version;
	case 0x008:
		return device->device_id;
	case 0x00c:
		return 0x554d4551;
	case 0x010:
		return fake_read_features(device);
	case 0x034:
		return queue && device->queue_select < device->queue_count ? queue->size_max : 0;
	case 0x044:
		return queue ? queue->ready : 0;
	case 0x060:
		return device->isr;
	case 0x070:
		return fake_read_status(device);
	case 0x0b0:
		return (uint32_t)device->shm_length;
	case 0x0b4:
		return (uint32_t)(device->shm_length >> 32);
	case 0x0b8:
		return (uint32_t)device->shm_base;
	case 0x0bc:
		return (uint32_t)(device->shm_base >> 32);
	case 0x0c0:
		return queue ? fake_queue_reset_state(queue) : 0;
	case 0x0fc:
		return fake_read_generation(device);
	}
	fake_breach(device, "reads a register that cannot be read");
	return 0;
}

static void write_register(struct fake_device *device, uint64_t offset, uint32_t value)
{
	struct fake_queue *queue = fake_selected(device);
	uint64_t *address = queue ? address_of(queue, offset) : NULL;

	if (address) {
		if (offset % 8 == 0)
			*address = (*address & ~UINT64_C(0xffffffff)) | value;
		else
			*address = (*address & 0xffffffff) | (uint64_t)value << 32;
		return;
	}
	switch (offset) {
	case 0x014:
		device->device_select = value;
		return;
	case 0x020:
		fake_write_features(device, value);
		return;
	case 0x024:
		device->driver_select = value;
		return;
	case 0x030:
		device->queue_select = (uint16_t)value;
		return;
	case 0x038:
		if (queue)
			fake_set_size(queue, value);
		return;
	case 0x044:
		if (queue)
			fake_set_ready(queue, value);
		return;
	case 0x050:
		queue = fake_notified(device, value);
		if (queue)
			fake_notify(queue, value);
		return;
	case 0x064:
		if (value & ~(uint32_t)device->isr)
			fake_breach(device, "acknowledges what is not pending (4.2.2.2-13)");
		device->isr &= (uint8_t)~value;
		return;
	case 0x070:
		fake_write_status(device, value);
		return;
	case 0x0c0:
		if (queue)
			fake_reset_queue(queue);
		return;
	case 0x0ac:
		/* Regions 1 (good), 3 (empty), 4 (past the end of all addresses). */
		device->shm_length = value == 1 || value == 4 ? 0x3000
				     : value == 3             ? 0
							      : UINT64_MAX;
		device->shm_base = value == 4                 ? -UINT64_C(0x2000)
				   : value == 1 || value == 3 ? UINT64_C(0x123400000)
							      : 0;
		return;
	}
	fake_breach(device, "writes a register that cannot be written");
}

static uint32_t bus_read(struct vport_device *port, uint64_t bus, unsigned width)
{
	struct fake_device *device = (struct fake_device *)port;
	uint64_t offset = bus - FAKE_MMIO_BASE;

	if (device->gone)
		return UINT32_MAX >> (32 - 8 * width);
	if (offset >= 0x100)
		return fake_read_config(device, offset - 0x100, width);
	if (width != 4)
		fake_breach(device, "reads a register with another width than 4 (4.2.2.2-2)");
	return read_register(device, offset);
}

static void bus_write(struct vport_device *port, uint64_t bus, unsigned width, uint32_t value)
{
	struct fake_device *device = (struct fake_device *)port;
	uint64_t offset = bus - FAKE_MMIO_BASE;

	if (device->gone)
		return;
	if (offset >= 0x100) {
		fake_write_config(device, offset - 0x100, width, value);
		return;
	}
	if (width != 4)
		fake_breach(device, "writes a register with another width than 4 (4.2.2.2-2)");
	write_register(device, offset, value);
}

void fake_mmio_init(struct fake_device *device)
{
	device->port.read = bus_read;
	device->port.write = bus_write;
	device->version = 2;
	device->device_id = device->model->type;
	device->shm_length = UINT64_MAX;
}

int fake_mmio_probe(struct fake_device *device)
{
	return virtio_mmio_probe(&device->port, FAKE_MMIO_BASE, FAKE_MMIO_BYTES);
}
