/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio device of the hosted tests, whatever its bus and type: status (VIRTIO 1.4, 2.1), features (2.2),
 * configuration (2.5), queues (2.6). Each thing that a driver must not do is a breach.
 */
#include "tests/host/fake/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void run(struct vport_device *port);

void fake_device_init(struct fake_device *device, enum fake_bus bus, const struct fake_model *model,
		      enum fake_format format)
{
	fake_port_detach(&device->port); /* it may be made anew */
	*device = (struct fake_device){
		.port = { .run = run, .msi_limit = FAKE_MSI_MAX },
		.bus = bus,
		.model = model,
		.queue_count = model->queues,
		.vectors_held = FAKE_VECTORS,
		.config_vector = FAKE_NO_VECTOR,
	};
	device->offered[0] = model->features;
	fake_offer(device, VIRTIO_F_VERSION_1);
	fake_offer(device, VIRTIO_F_INDIRECT_DESC);
	fake_offer(device, VIRTIO_F_EVENT_IDX);
	if (format == FAKE_PACKED) {
		fake_offer(device, VIRTIO_F_RING_PACKED);
		fake_setting("ring", "packed");
	}
	for (unsigned i = 0; i < FAKE_QUEUES; i++) {
		struct fake_queue *queue = &device->queues[i];
		queue->device = device;
		queue->index = i;
		queue->size_max = i < model->queues ? model->queue_size : 0;
		queue->size = queue->size_max;
		queue->vector = FAKE_NO_VECTOR;
		queue->notify_off = (uint16_t)(i + 1); /* not the index: that must be read */
		queue->notify_data = (uint16_t)(0x5a00 + i);
	}
	if (bus == FAKE_PCI)
		fake_pci_init(device);
	else
		fake_mmio_init(device);
	fake_port_attach(&device->port);
}

int fake_probe(struct fake_device *device)
{
	return device->bus == FAKE_PCI ? fake_pci_probe(device) : fake_mmio_probe(device);
}

void fake_offer(struct fake_device *device, unsigned feature)
{
	device->offered[feature / 32] |= VIRTIO_FEATURE(feature);
}

void fake_withdraw(struct fake_device *device, unsigned feature)
{
	device->offered[feature / 32] &= ~VIRTIO_FEATURE(feature);
}

bool fake_accepted(const struct fake_device *device, unsigned feature)
{
	return (device->accepted[feature / 32] & VIRTIO_FEATURE(feature)) != 0;
}

/* ---- What the driver did --------------------------------------------------------------- */

void fake_step(struct fake_device *device, const char *fmt, ...)
{
	char step[64];
	size_t used = strlen(device->steps);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(step, sizeof(step), fmt, ap);
	va_end(ap);
	snprintf(device->steps + used, sizeof(device->steps) - used, "%s%s", used ? " " : "", step);
	if (device->after_step)
		device->after_step(device, step);
}

void fake_breach(struct fake_device *device, const char *what)
{
	if (!device->lawless)
		fake_complain("%s device: the driver %s", device->bus == FAKE_PCI ? "pci" : "mmio",
			      what);
}

/* ---- Status ------------------------------------------------------------------------------- */

static void stop_queue(struct fake_queue *queue)
{
	if (queue->ring.complaint)
		fake_breach(queue->device, queue->ring.complaint);
	ring_device_stop(&queue->ring);
	queue->ready = queue->ready && queue->device->queues_stay_ready;
	queue->kicked = false;
	queue->size = queue->size_max;
	queue->vector = FAKE_NO_VECTOR;
}

/* 2.4 */
static void reset(struct fake_device *device)
{
	for (unsigned i = 0; i < FAKE_QUEUES; i++)
		stop_queue(&device->queues[i]);
	device->status = 0;
	device->isr = 0;
	device->config_vector = FAKE_NO_VECTOR;
	device->device_select = device->driver_select = 0;
	device->queue_select = 0;
	memset(device->accepted, 0, sizeof(device->accepted));
	device->resets++;
	if (device->model->reset)
		device->model->reset(device);
}

uint8_t fake_read_status(struct fake_device *device)
{
	if (device->status == 0 && device->reset_reads > 0) {
		device->reset_reads--;
		return VIRTIO_STATUS_ACKNOWLEDGE;
	}
	return device->status;
}

static bool features_are_offered(const struct fake_device *device)
{
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++) {
		if (device->accepted[i] & ~device->offered[i])
			return false;
	}
	return true;
}

void fake_write_status(struct fake_device *device, uint32_t status)
{
	uint8_t old = device->status;

	fake_step(device, "status=%u", status);
	if (status == 0) {
		if (!device->hang_reset)
			reset(device);
		return;
	}
	if (old & ~status & ~VIRTIO_STATUS_DEVICE_NEEDS_RESET)
		fake_breach(device, "clears a status bit without a reset (2.1.1-2)");
	if ((status & VIRTIO_STATUS_DRIVER) && !(status & VIRTIO_STATUS_ACKNOWLEDGE))
		fake_breach(device, "sets DRIVER before ACKNOWLEDGE (3.1.1-1)");
	if ((status & VIRTIO_STATUS_FEATURES_OK) && !(status & VIRTIO_STATUS_DRIVER))
		fake_breach(device, "sets FEATURES_OK before DRIVER (3.1.1-1)");
	if ((status & VIRTIO_STATUS_DRIVER_OK) && !(status & VIRTIO_STATUS_FEATURES_OK))
		fake_breach(device, "sets DRIVER_OK without FEATURES_OK (3.1.1-1)");
	device->status = (uint8_t)status;
	if ((status & ~old & VIRTIO_STATUS_FEATURES_OK) &&
	    (device->refuse_features || !features_are_offered(device) ||
	     !fake_accepted(device, VIRTIO_F_VERSION_1)))
		device->status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
}

/* ---- Features ------------------------------------------------------------------------------- */

static uint32_t word_of(const struct fake_device *device, uint32_t select)
{
	if (device->words_alias && select >= 2)
		return 1;
	return select;
}

uint32_t fake_read_features(struct fake_device *device)
{
	uint32_t word = word_of(device, device->device_select);

	if (word >= VIRTIO_FEATURE_WORDS)
		return 0;
	uint32_t offered = device->offered[word];
	if (device->offers_differ)
		device->offered[word] |= UINT32_MAX; /* from now on it tempts */
	return offered;
}

void fake_write_features(struct fake_device *device, uint32_t value)
{
	uint32_t word = word_of(device, device->driver_select);

	if (device->status & VIRTIO_STATUS_FEATURES_OK)
		fake_breach(device, "accepts features after FEATURES_OK (3.1.1-1)");
	if (word >= VIRTIO_FEATURE_WORDS)
		fake_breach(device, "accepts features that nobody knows (2.2.1-1)");
	else {
		if (value & ~device->offered[word])
			fake_breach(device, "accepts what is not offered (2.2.1-1)");
		device->accepted[word] = value;
	}
}

/* ---- Configuration ---------------------------------------------------------------------------- */

void fake_config_set(struct fake_device *device, unsigned offset, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		device->config[offset + i] = (uint8_t)(value >> 8 * i);
}

uint64_t fake_config_get(const struct fake_device *device, unsigned offset, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)device->config[offset + i] << 8 * i;
	return value;
}

uint32_t fake_read_generation(struct fake_device *device)
{
	if (device->generation_runs)
		device->generation++;
	return device->generation;
}

uint32_t fake_read_config(struct fake_device *device, uint64_t offset, unsigned width)
{
	if (offset + width > FAKE_CONFIG_BYTES) {
		fake_breach(device, "reads behind the configuration space");
		return 0;
	}
	if (device->before_config_read)
		device->before_config_read(device);
	return (uint32_t)fake_config_get(device, (unsigned)offset, width);
}

void fake_write_config(struct fake_device *device, uint64_t offset, unsigned width, uint32_t value)
{
	if (offset + width > FAKE_CONFIG_BYTES) {
		fake_breach(device, "writes behind the configuration space");
		return;
	}
	fake_config_set(device, (unsigned)offset, width, value);
	if (device->model->config_written)
		device->model->config_written(device, (unsigned)offset, (uint8_t)value);
}

/* ---- Queues ------------------------------------------------------------------------------------- */

struct fake_queue *fake_selected(struct fake_device *device)
{
	return device->queue_select < FAKE_QUEUES ? &device->queues[device->queue_select] : NULL;
}

void fake_set_size(struct fake_queue *queue, uint32_t size)
{
	if (size == 0 || size > queue->size_max)
		fake_breach(queue->device, "sets a queue size that is not allowed");
	if (!fake_accepted(queue->device, VIRTIO_F_RING_PACKED) && (size & (size - 1)) != 0)
		fake_breach(queue->device, "sets a split queue's size to no power of two");
	if (queue->ready)
		fake_breach(queue->device, "changes the size of an enabled queue");
	queue->size = size;
}

void fake_set_ready(struct fake_queue *queue, uint32_t ready)
{
	struct fake_device *device = queue->device;

	fake_step(device, "queue%u=%u", queue->index, queue->size);
	if (ready != 1)
		fake_breach(device, "writes something else than 1 to enable a queue");
	if (queue->ready)
		fake_breach(device, "enables a queue twice");
	if (!(device->status & VIRTIO_STATUS_FEATURES_OK))
		fake_breach(device, "sets up a queue before FEATURES_OK (3.1.1-1)");
	if (device->status & VIRTIO_STATUS_DRIVER_OK && device->queue_resets == 0)
		fake_breach(device, "sets up a queue after DRIVER_OK (3.1.1-1)");
	if (device->refuse_queue)
		return;
	queue->ready = true;
	struct ring_device_setup setup = {
		.packed = fake_accepted(device, VIRTIO_F_RING_PACKED),
		.event_idx = fake_accepted(device, VIRTIO_F_EVENT_IDX),
		.indirect = fake_accepted(device, VIRTIO_F_INDIRECT_DESC),
		.size = (uint16_t)queue->size,
		.desc = queue->desc,
		.driver = queue->driver,
		.device = queue->area,
	};
	ring_device_start(&queue->ring, &fake_port.arena, &setup);
}

void fake_reset_queue(struct fake_queue *queue)
{
	struct fake_device *device = queue->device;

	fake_step(device, "reset%u", queue->index);
	device->queue_resets++;
	if (!fake_accepted(device, VIRTIO_F_RING_RESET))
		fake_breach(device, "resets a queue without the feature");
	if (!queue->ready)
		fake_breach(device, "resets a queue that is not enabled");
	if (device->queue_reset_pretends || device->queue_reset_hangs)
		return;
	stop_queue(queue);
}

uint32_t fake_queue_reset_state(struct fake_queue *queue)
{
	struct fake_device *device = queue->device;

	if (device->queue_resets > 0 && device->queue_reset_reads > 0) {
		device->queue_reset_reads--;
		return 1;
	}
	return device->queue_reset_hangs && device->queue_resets > 0;
}

struct fake_queue *fake_notified(struct fake_device *device, uint32_t value)
{
	uint16_t name = (uint16_t)value;

	for (unsigned i = 0; i < FAKE_QUEUES; i++) {
		struct fake_queue *queue = &device->queues[i];
		bool data = device->bus == FAKE_PCI &&
			    fake_accepted(device, VIRTIO_F_NOTIF_CONFIG_DATA);
		if (name == (data ? queue->notify_data : queue->index))
			return queue;
	}
	fake_breach(device, "notifies a queue that is not there");
	return NULL;
}

void fake_notify(struct fake_queue *queue, uint32_t value)
{
	struct fake_device *device = queue->device;

	if (!(device->status & VIRTIO_STATUS_DRIVER_OK)) {
		fake_breach(device, "notifies before DRIVER_OK (3.1.1-2)");
		return;
	}
	if (!queue->ready) {
		fake_breach(device, "notifies a queue that is not enabled");
		return;
	}
	if (fake_accepted(device, VIRTIO_F_NOTIFICATION_DATA)) {
		if (value >> 16 != ring_device_position(&queue->ring))
			fake_breach(device, "notifies with another position than the ring's (2.9)");
	} else if (value >> 16 != 0) {
		fake_breach(device, "notifies with data without the feature");
	}
	queue->kicked = true;
	queue->notifications++;
}

void fake_interrupt_queue(struct fake_queue *queue)
{
	struct fake_device *device = queue->device;

	if (device->bus == FAKE_PCI && device->function.msix_offset &&
	    fake_pci_get(device, FAKE_CAP_MSIX + 2, 2) & 0x8000) {
		fake_pci_interrupt(device, queue->vector);
		return;
	}
	device->isr |= 1;
	if (device->bus == FAKE_MMIO ||
	    !(fake_pci_get(device, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE))
		fake_raise_line(&device->port);
}

void fake_interrupt_config(struct fake_device *device)
{
	if (device->bus == FAKE_PCI && device->function.msix_offset &&
	    fake_pci_get(device, FAKE_CAP_MSIX + 2, 2) & 0x8000) {
		fake_pci_interrupt(device, device->config_vector);
		return;
	}
	device->isr |= 2;
	if (device->bus == FAKE_MMIO ||
	    !(fake_pci_get(device, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE))
		fake_raise_line(&device->port);
}

void fake_use(struct fake_queue *queue, struct ring_chain *chain, uint32_t written)
{
	ring_device_use(&queue->ring, chain, written);
	if (ring_device_wants_interrupt(&queue->ring) && !queue->device->silent)
		fake_interrupt_queue(queue);
}

void fake_serve(struct fake_queue *queue)
{
	struct fake_device *device = queue->device;
	struct ring_chain *chain;

	do {
		ring_device_suppress(&queue->ring); /* it looks by itself as long as it is at it */
		while (queue->ready && !device->deaf &&
		       (chain = ring_device_take(&queue->ring)) != NULL) {
			uint32_t written = 0;
			if (!device->model->serve(queue, chain, &written))
				continue;
			if (!device->before_use || device->before_use(queue, chain, &written))
				fake_use(queue, chain, written);
		}
		if (!queue->ready || device->deaf || device->wants_no_notifications)
			return;
		ring_device_ask(&queue->ring);
	} while (ring_device_available(&queue->ring));
	if (queue->ring.complaint) {
		fake_breach(device, queue->ring.complaint);
		queue->ring.complaint = NULL;
	}
}

/* Notified queues are served, in the device's own time. */
static void run(struct vport_device *port)
{
	struct fake_device *device = (struct fake_device *)port;

	if (device->gone || device->deaf || !(device->status & VIRTIO_STATUS_DRIVER_OK))
		return;
	for (unsigned i = 0; i < FAKE_QUEUES; i++) {
		struct fake_queue *queue = &device->queues[i];
		if (queue->ready && queue->kicked) {
			queue->kicked = false;
			fake_serve(queue);
		}
	}
}

const char *fake_ring_complaint(const struct fake_device *device)
{
	for (unsigned i = 0; i < FAKE_QUEUES; i++) {
		if (device->queues[i].ring.complaint)
			return device->queues[i].ring.complaint;
	}
	return NULL;
}
