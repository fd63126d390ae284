/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MMIO transport, version 2: VIRTIO 1.4 section 4.2. One block of 32-bit registers (4.2.2.2-2), a
 * configuration space behind it, one interrupt line.
 *
 * See it at work: make run ARCH=aarch64 TRANSPORT=mmio
 * Left out: version 1 (legacy), which is told from an empty slot and named.
 */
#include "drivers/virtio/device.h"
#include "drivers/virtio/probe.h"
#include "lib/format.h"

/* 4.2.2 */
enum mmio_register {
	MagicValue = 0x000,
	Version = 0x004,
	DeviceID = 0x008,
	DeviceFeatures = 0x010,
	DeviceFeaturesSel = 0x014,
	DriverFeatures = 0x020,
	DriverFeaturesSel = 0x024,
	QueueSel = 0x030,
	QueueSizeMax = 0x034,
	QueueSize = 0x038,
	QueueReady = 0x044,
	QueueNotify = 0x050,
	InterruptStatus = 0x060,
	InterruptACK = 0x064,
	Status = 0x070,
	QueueDescLow = 0x080,
	QueueDescHigh = 0x084,
	QueueDriverLow = 0x090,
	QueueDriverHigh = 0x094,
	QueueDeviceLow = 0x0a0,
	QueueDeviceHigh = 0x0a4,
	SHMSel = 0x0ac,
	SHMLenLow = 0x0b0,
	SHMLenHigh = 0x0b4,
	SHMBaseLow = 0x0b8,
	SHMBaseHigh = 0x0bc,
	QueueReset = 0x0c0,
	ConfigGeneration = 0x0fc,
	Config = 0x100,
};

#define MMIO_MAGIC 0x74726976 /* "virt" */
#define MMIO_VERSION 2
#define MMIO_VERSION_LEGACY 1

struct virtio_mmio {
	struct virtio_device device; /* first: a device's transport part is found by a cast */
	vport_reg_t registers;
};

static inline vport_reg_t registers(struct virtio_device *device)
{
	return ((struct virtio_mmio *)device)->registers;
}

static uint32_t read_register(struct virtio_device *device, enum mmio_register offset)
{
	return vport_reg_read(registers(device) + offset, 4);
}

static void write_register(struct virtio_device *device, enum mmio_register offset, uint32_t value)
{
	vport_reg_write(registers(device) + offset, 4, value);
}

static uint8_t status_read(struct virtio_device *device)
{
	return (uint8_t)read_register(device, Status);
}

static void status_write(struct virtio_device *device, uint8_t status)
{
	write_register(device, Status, status);
}

static void features_read(struct virtio_device *device, struct virtio_features *offered)
{
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++) {
		write_register(device, DeviceFeaturesSel, i); /* 4.2.2.2-7 */
		offered->word[i] = read_register(device, DeviceFeatures);
	}
	/* A device of 64 feature bits may not look at the selector's upper bits: its words 2 and 3 are
	 * word 1 again, which offers VERSION_1. They mean nothing then. */
	if (offered->word[2] == offered->word[1]) {
		offered->word[2] = 0;
		offered->word[3] = 0;
	}
	/* This transport has no register for that. */
	virtio_features_remove(offered, VIRTIO_F_NOTIF_CONFIG_DATA);
}

/* From the last word to the first, for the same reason: word 1 is written after its aliases. */
static void features_write(struct virtio_device *device, const struct virtio_features *accepted)
{
	for (unsigned i = VIRTIO_FEATURE_WORDS; i-- > 0;) {
		write_register(device, DriverFeaturesSel, i); /* 4.2.2.2-8 */
		write_register(device, DriverFeatures, accepted->word[i]);
	}
}

static uint32_t config_read(struct virtio_device *device, unsigned offset, unsigned width)
{
	return vport_reg_read(((struct virtio_mmio *)device)->registers + Config + offset, width);
}

static void config_write(struct virtio_device *device, unsigned offset, unsigned width,
			 uint32_t value)
{
	vport_reg_write(((struct virtio_mmio *)device)->registers + Config + offset, width, value);
}

static uint32_t config_generation(struct virtio_device *device)
{
	return read_register(device, ConfigGeneration);
}

static uint32_t queue_max_size(struct virtio_device *device, unsigned index)
{
	write_register(device, QueueSel, index);
	return read_register(device, QueueSizeMax);
}

/* 4.2.3.2 */
static int queue_enable(struct virtio_queue *queue, const struct virtq_addresses *at)
{
	struct virtio_device *device = queue->device;

	write_register(device, QueueSel, queue->index);
	if (read_register(device, QueueReady) != 0)
		return ERR_BUSY;
	if (read_register(device, QueueSizeMax) < queue->setup.size)
		return ERR_FORMAT; /* it shrank since it was created: 4.2.2.2-9 */
	write_register(device, QueueSize, queue->setup.size);
	write_register(device, QueueDescLow, (uint32_t)at->desc);
	write_register(device, QueueDescHigh, (uint32_t)(at->desc >> 32));
	write_register(device, QueueDriverLow, (uint32_t)at->driver);
	write_register(device, QueueDriverHigh, (uint32_t)(at->driver >> 32));
	write_register(device, QueueDeviceLow, (uint32_t)at->device);
	write_register(device, QueueDeviceHigh, (uint32_t)(at->device >> 32));
	write_register(device, QueueReady, 1);
	if (read_register(device, QueueReady) != 1)
		return ERR_IO;
	queue->doorbell_value = queue->index;
	queue->doorbell_width = 4;
	virtio_queue_set_doorbell(queue, registers(device) + QueueNotify);
	return 0;
}

/* 4.2.2.2-14. One that only pretends still has QueueReady set: nothing was reset then. */
static int queue_reset(struct virtio_queue *queue)
{
	struct virtio_device *device = queue->device;
	uint64_t start = vport_now();

	write_register(device, QueueSel, queue->index);
	write_register(device, QueueReset, 1);
	while (read_register(device, QueueReset) != 0) {
		if (vport_now() - start > VIRTIO_QUEUE_RESET_NS)
			return ERR_TIMEOUT;
	}
	return read_register(device, QueueReady) == 0 ? 0 : ERR_IO;
}

/* Why the line is up is acknowledged before the queues are looked at, so that what comes meanwhile raises it again. */
static __attribute__((noinline)) void raised(struct virtio_device *device, uint32_t status)
{
	/* 4.2.2.2-12: undefined bits are ignored, and (-13) not acknowledged either. */
	status &= VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG;
	if (!status)
		return;
	write_register(device, InterruptACK, status);
	virtio_line_raised(device, status);
}

static void interrupt(void *argument)
{
	struct virtio_device *device = argument;
	uint32_t status = vport_reg_read(registers(device) + InterruptStatus, 4);

	/* Most of them: then there is nothing to remember. */
	if (__builtin_expect(status != VIRTIO_ISR_QUEUE, false)) {
		raised(device, status);
		return;
	}
	vport_reg_write(registers(device) + InterruptACK, 4, VIRTIO_ISR_QUEUE);
	virtio_queues_interrupt(device);
}

static void interrupts_route(struct virtio_device *device)
{
	device->interrupts = VIRTIO_POLLED;
	if (!vport_setting_is("irq", "poll") &&
	    vport_line_request(device->port, interrupt, device) == 0)
		device->interrupts = VIRTIO_LINE;
	for (unsigned i = 0; i < device->queue_count; i++)
		device->queues[i]->interrupts = device->interrupts == VIRTIO_LINE;
}

static void interrupts_release(struct virtio_device *device)
{
	if (device->interrupts == VIRTIO_LINE)
		vport_line_release(device->port);
	device->interrupts = VIRTIO_POLLED;
}

static int shared_memory(struct virtio_device *device, unsigned id, uint64_t *bus, uint64_t *length)
{
	write_register(device, SHMSel, id);
	*length = read_register(device, SHMLenLow) | (uint64_t)read_register(device, SHMLenHigh)
							     << 32;
	*bus = read_register(device, SHMBaseLow) | (uint64_t)read_register(device, SHMBaseHigh)
							   << 32;
	/* A length of all ones says that there is none. */
	if (*length == 0 || *length == UINT64_MAX || *bus + *length < *bus)
		return ERR_NODEV;
	return 0;
}

/* Nothing on this bus stops a device from writing to memory. */
static int disown(struct virtio_device *device)
{
	(void)device;
	return ERR_UNSUPPORTED;
}

static const struct virtio_transport mmio_transport = {
	.name = "mmio",
	.status_read = status_read,
	.status_write = status_write,
	.features_read = features_read,
	.features_write = features_write,
	.config_read = config_read,
	.config_write = config_write,
	.config_generation = config_generation,
	.queue_max_size = queue_max_size,
	.queue_enable = queue_enable,
	.queue_reset = queue_reset,
	.interrupts_route = interrupts_route,
	.interrupts_release = interrupts_release,
	.shared_memory = shared_memory,
	.disown = disown,
};

/* 4.2.3.1.1: magic and version first, then the device id, and nothing else of what is no device. The id is
 * read under a wrong version too: empty slots of a legacy machine are not worth a word either. */
static int identify(struct virtio_device *device)
{
	if (read_register(device, MagicValue) != MMIO_MAGIC) {
		virtio_log(device, VPORT_LOG_ERROR, "no virtio-mmio device: wrong magic value");
		return ERR_NODEV;
	}
	uint32_t version = read_register(device, Version);
	device->type = read_register(device, DeviceID);
	if (device->type == 0)
		return ERR_NODEV; /* an empty slot: not worth a word (4.2.2.2-6) */
	if (version == MMIO_VERSION_LEGACY) {
		virtio_log(device, VPORT_LOG_ERROR,
			   "a legacy device (Version 1): start QEMU with "
			   "-global virtio-mmio.force-legacy=false");
		return ERR_UNSUPPORTED;
	}
	if (version != MMIO_VERSION) {
		virtio_log(device, VPORT_LOG_ERROR, "unknown virtio-mmio version %u", version);
		return ERR_UNSUPPORTED;
	}
	return 0;
}

int virtio_mmio_probe(struct vport_device *port, uint64_t base, uint64_t size)
{
	struct virtio_mmio *mmio = vport_alloc(sizeof(*mmio));
	int error = ERR_NOMEM;

	if (!mmio) {
		vport_log(VPORT_LOG_ERROR, "virtio mmio: out of memory for a device");
		return error;
	}
	struct virtio_device *device = &mmio->device;
	device->transport = &mmio_transport;
	device->port = port;
	format(device->location, sizeof(device->location), "mmio 0x%llx", (unsigned long long)base);
	if (base % 4 != 0 || size < Config) {
		virtio_log(device, VPORT_LOG_ERROR, "its register block is malformed");
		error = ERR_FORMAT;
		goto free;
	}
	mmio->registers = vport_map(port, base, size);
	if (!mmio->registers) {
		virtio_log(device, VPORT_LOG_ERROR, "its registers cannot be mapped");
		error = ERR_RANGE;
		goto free;
	}
	device->config_size = size - Config < 0x1000 ? (unsigned)(size - Config) : 0x1000;
	error = identify(device);
	if (!error)
		error = virtio_device_add(device);
	if (!error)
		return 0;
free:
	vport_free(mmio, sizeof(*mmio));
	return error;
}
