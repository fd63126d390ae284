/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI transport, modern: VIRTIO 1.4 section 4.1. Where the structures are is pci_layout.c's business,
 * interrupts are pci_interrupt.c's; this is what is done with them.
 *
 * A device is modern when it has the capabilities, whatever its PCI device id (4.1.2.2): a transitional one
 * (0x1000 … 0x103f) is driven in modern mode.
 *
 * See it at work: make run MACHINE=q35
 * Left out: the legacy interface, SR-IOV, the administration virtqueue.
 */
#include "drivers/virtio/pci_transport.h"
#include "drivers/virtio/probe.h"
#include "lib/format.h"

static uint32_t common_read(struct virtio_device *device, enum virtio_pci_common_cfg field,
			    unsigned width)
{
	return virtio_pci_read(virtio_pci(device), &virtio_pci(device)->common, field, width);
}

static void common_write(struct virtio_device *device, enum virtio_pci_common_cfg field,
			 unsigned width, uint32_t value)
{
	virtio_pci_write(virtio_pci(device), &virtio_pci(device)->common, field, width, value);
}

/* 64-bit fields are written as two halves (4.1.3.1-2). */
static void common_write64(struct virtio_device *device, unsigned field, uint64_t value)
{
	common_write(device, field, 4, (uint32_t)value);
	common_write(device, field + 4, 4, (uint32_t)(value >> 32));
}

static uint8_t status_read(struct virtio_device *device)
{
	return (uint8_t)common_read(device, device_status, 1);
}

static void status_write(struct virtio_device *device, uint8_t status)
{
	common_write(device, device_status, 1, status);
}

static void features_read(struct virtio_device *device, struct virtio_features *offered)
{
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++) {
		common_write(device, device_feature_select, 4, i);
		offered->word[i] = common_read(device, device_feature, 4);
	}
	/* Without room for their fields these mean nothing. */
	if (virtio_pci(device)->common.length < queue_notif_config_data + 2)
		virtio_features_remove(offered, VIRTIO_F_NOTIF_CONFIG_DATA);
	if (virtio_pci(device)->common.length < queue_reset + 2)
		virtio_features_remove(offered, VIRTIO_F_RING_RESET);
}

static void features_write(struct virtio_device *device, const struct virtio_features *accepted)
{
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++) {
		common_write(device, driver_feature_select, 4, i);
		common_write(device, driver_feature, 4, accepted->word[i]);
	}
}

static uint32_t config_read(struct virtio_device *device, unsigned offset, unsigned width)
{
	return virtio_pci_read(virtio_pci(device), &virtio_pci(device)->config, offset, width);
}

static void config_write(struct virtio_device *device, unsigned offset, unsigned width,
			 uint32_t value)
{
	virtio_pci_write(virtio_pci(device), &virtio_pci(device)->config, offset, width, value);
}

static uint32_t read_config_generation(struct virtio_device *device)
{
	return common_read(device, config_generation, 1);
}

static uint32_t queue_max_size(struct virtio_device *device, unsigned index)
{
	if (index >= common_read(device, num_queues, 2))
		return 0;
	common_write(device, queue_select, 2, index);
	return common_read(device, queue_size, 2);
}

/*
 * 4.1.4.4: the doorbell is at queue_notify_off × notify_off_multiplier in the notification structure. It is
 * read after queue_select, checked, and kept as an address: a notification is one store.
 */
static int find_doorbell(struct virtio_queue *queue)
{
	struct virtio_pci *pci = virtio_pci(queue->device);
	uint64_t offset = (uint64_t)common_read(queue->device, queue_notify_off, 2) *
			  pci->notify_off_multiplier;

	queue->doorbell_value = queue->index;                      /* 4.1.5.2.1-3, -4 */
	if (virtio_has(queue->device, VIRTIO_F_NOTIF_CONFIG_DATA)) /* 4.1.5.2.1-5, -6 */
		queue->doorbell_value = common_read(queue->device, queue_notif_config_data, 2);
	queue->doorbell_width = queue->tells_position ? 4 : 2; /* -1, -2 */
	if ((pci->notify.offset + offset) % queue->doorbell_width != 0 ||
	    offset + queue->doorbell_width > pci->notify.length)
		return ERR_RANGE;
	queue->doorbell_offset = (uint32_t)offset;
	vport_reg_t doorbell = vport_map(queue->device->port,
					 pci->function->bars[pci->notify.bar].address +
						 pci->notify.offset + offset,
					 queue->doorbell_width);
	virtio_queue_set_doorbell(queue, doorbell);
	return doorbell || pci->window ? 0 : ERR_RANGE;
}

/* 4.1.5.1.3 */
static int enable_queue(struct virtio_queue *queue, const struct virtq_addresses *at)
{
	struct virtio_device *device = queue->device;

	common_write(device, queue_select, 2, queue->index);
	if (common_read(device, queue_enable, 2) != 0)
		return ERR_BUSY;
	if (common_read(device, queue_size, 2) < queue->setup.size)
		return ERR_FORMAT; /* it shrank since it was created */
	common_write(device, queue_size, 2, queue->setup.size);
	common_write64(device, queue_desc, at->desc);
	common_write64(device, queue_driver, at->driver);
	common_write64(device, queue_device, at->device);
	int error = find_doorbell(queue);
	if (error)
		return error;
	if (!virtio_pci_restore_vector(queue))
		return ERR_IO;
	common_write(device, queue_enable, 2, 1); /* last: 4.1.4.3.2-4 */
	return common_read(device, queue_enable, 2) == 1 ? 0 : ERR_IO;
}

/* 4.1.4.3.2-7. A queue that was reset is not enabled. */
static int reset_queue(struct virtio_queue *queue)
{
	struct virtio_device *device = queue->device;
	uint64_t start = vport_now();

	common_write(device, queue_select, 2, queue->index);
	common_write(device, queue_reset, 2, 1);
	while (common_read(device, queue_reset, 2) != 0) {
		if (vport_now() - start > VIRTIO_QUEUE_RESET_NS)
			return ERR_TIMEOUT;
	}
	return common_read(device, queue_enable, 2) == 0 ? 0 : ERR_IO;
}

/* Only for a doorbell that could not be mapped. */
static void notify(struct virtio_queue *queue, uint32_t value)
{
	struct virtio_pci *pci = virtio_pci(queue->device);

	virtio_pci_write(pci, &pci->notify, queue->doorbell_offset, queue->doorbell_width, value);
}

static uint32_t isr(struct virtio_device *device)
{
	return virtio_pci_read(virtio_pci(device), &virtio_pci(device)->isr, 0, 1);
}

static int disown(struct virtio_device *device)
{
	return pci_disable_master(virtio_pci(device)->function);
}

static const struct virtio_transport pci_transport = {
	.name = "pci",
	.status_read = status_read,
	.status_write = status_write,
	.features_read = features_read,
	.features_write = features_write,
	.config_read = config_read,
	.config_write = config_write,
	.config_generation = read_config_generation,
	.queue_max_size = queue_max_size,
	.queue_enable = enable_queue,
	.queue_reset = reset_queue,
	.notify = notify,
	.interrupts_route = virtio_pci_interrupts_route,
	.interrupts_release = virtio_pci_interrupts_release,
	.isr = isr,
	.shared_memory = virtio_pci_shared_memory,
	.disown = disown,
};

/* 4.1.2: modern ids are 0x1040 + type; a transitional device tells its type as its subsystem id. */
static uint32_t device_type(const struct pci_function *function)
{
	if (function->device_id >= 0x1040)
		return function->device_id - 0x1040u;
	return function->subsystem_id;
}

int virtio_pci_probe(struct pci_function *function, struct vport_device *port)
{
	struct virtio_pci *pci = vport_alloc(sizeof(*pci));

	if (!pci) {
		vport_log(VPORT_LOG_ERROR, "virtio pci: out of memory for a device");
		return ERR_NOMEM;
	}
	struct virtio_device *device = &pci->device;
	device->transport = &pci_transport;
	device->port = port;
	device->type = device_type(function);
	pci->function = function;
	format(device->location, sizeof(device->location), "pci %02x:%02x.%u", function->bus,
	       function->device, function->function);

	int error = pci_enable(function, false);
	if (error)
		virtio_log(device, VPORT_LOG_ERROR, "it cannot be enabled: %s",
			   error == ERR_RANGE
				   ? "a BAR has no address"
				   : "its command register does not take what is written");
	else
		error = virtio_pci_layout(pci);
	if (!error) {
		device->config_size = pci->config.present ? pci->config.length : 0;
		error = virtio_device_add(device);
	}
	if (error) {
		/* Nobody looks after it now: it is not to write to memory, for us or for firmware. */
		pci_disable_master(function);
		vport_free(pci, sizeof(*pci));
	}
	return error;
}
