/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake device as a PCI function: configuration space with the capabilities of VIRTIO 1.4, 4.1.4, the
 * structures in BAR 4, an MSI-X table in BAR 1, and the configuration window (4.1.4.9).
 */
#include <string.h>

#include "drivers/virtio/probe.h"
#include "tests/host/fake/device.h"

/* 4.1.4.3, with the width that each field must be accessed with (4.1.3.1-1, -2). */
static const struct field {
	uint8_t offset, width;
} fields[] = {
	{ 0x00, 4 }, { 0x04, 4 }, { 0x08, 4 }, { 0x0c, 4 }, { 0x10, 2 }, { 0x12, 2 }, { 0x14, 1 },
	{ 0x15, 1 }, { 0x16, 2 }, { 0x18, 2 }, { 0x1a, 2 }, { 0x1c, 2 }, { 0x1e, 2 }, { 0x20, 4 },
	{ 0x24, 4 }, { 0x28, 4 }, { 0x2c, 4 }, { 0x30, 4 }, { 0x34, 4 }, { 0x38, 2 }, { 0x3a, 2 },
};

void fake_pci_set(struct fake_device *device, unsigned offset, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		device->pci_config[offset + i] = (uint8_t)(value >> 8 * i);
}

uint32_t fake_pci_get(const struct fake_device *device, unsigned offset, unsigned width)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)device->pci_config[offset + i] << 8 * i;
	return value;
}

static void writable(struct fake_device *device, unsigned offset, unsigned width, uint32_t mask)
{
	for (unsigned i = 0; i < width; i++)
		device->pci_writable[offset + i] = (uint8_t)(mask >> 8 * i);
}

/* ---- The structures in BAR 4 ------------------------------------------------------------- */

static bool is_field(uint64_t offset, unsigned width)
{
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].offset == offset)
			return fields[i].width == width;
	}
	return false;
}

static uint64_t *address_of(struct fake_queue *queue, uint64_t offset)
{
	return offset < 0x28 ? &queue->desc : offset < 0x30 ? &queue->driver : &queue->area;
}

static uint32_t read_common(struct fake_device *device, uint64_t offset)
{
	struct fake_queue *queue = fake_selected(device);

	switch (offset) {
	case 0x00:
		return device->device_select;
	case 0x04:
		return fake_read_features(device);
	case 0x08:
		return device->driver_select;
	case 0x10:
		return device->config_vector;
	case 0x12:
		return device->queue_count;
	case 0x14:
		return fake_read_status(device);
	case 0x15:
		return fake_read_generation(device) & 0xff;
	case 0x16:
		return device->queue_select;
	}
	if (!queue)
		return 0;
	switch (offset) {
	case 0x18:
		return queue->size;
	case 0x1a:
		return queue->vector;
	case 0x1c:
		return queue->ready;
	case 0x1e:
		return queue->notify_off;
	case 0x38:
		return queue->notify_data;
	case 0x3a:
		return fake_queue_reset_state(queue);
	}
	return 0;
}

/* 4.1.4.3.1: a vector that it cannot have reads back as none. */
static uint16_t accept_vector(const struct fake_device *device, uint32_t vector)
{
	return vector < device->vectors_held ? (uint16_t)vector : FAKE_NO_VECTOR;
}

static void write_common(struct fake_device *device, uint64_t offset, uint32_t value)
{
	struct fake_queue *queue = fake_selected(device);
	bool msix = fake_pci_get(device, FAKE_CAP_MSIX + 2, 2) & 0x8000;

	if ((offset == 0x10 || offset == 0x1a) && !msix)
		fake_breach(device, "chooses a vector while MSI-X is off (4.1.4.3)");
	switch (offset) {
	case 0x00:
		device->device_select = value;
		return;
	case 0x08:
		device->driver_select = value;
		return;
	case 0x0c:
		fake_write_features(device, value);
		return;
	case 0x10:
		device->config_vector = accept_vector(device, value);
		return;
	case 0x14:
		fake_write_status(device, value);
		return;
	case 0x16:
		device->queue_select = (uint16_t)value;
		return;
	}
	if (!queue)
		return;
	switch (offset) {
	case 0x18:
		fake_set_size(queue, value);
		return;
	case 0x1a:
		queue->vector =
			device->no_queue_vectors ? FAKE_NO_VECTOR : accept_vector(device, value);
		return;
	case 0x1c:
		fake_set_ready(queue, value);
		return;
	case 0x3a:
		fake_reset_queue(queue);
		return;
	}
	if (offset >= 0x20 && offset < 0x38) {
		uint64_t *address = address_of(queue, offset);
		if (offset % 8 == 0)
			*address = (*address & ~UINT64_C(0xffffffff)) | value;
		else
			*address = (*address & 0xffffffff) | (uint64_t)value << 32;
		return;
	}
	fake_breach(device, "writes a read-only field of the common configuration");
}

static void write_notify(struct fake_device *device, uint64_t offset, unsigned width,
			 uint32_t value)
{
	struct fake_queue *queue = fake_notified(device, value);
	bool data = fake_accepted(device, VIRTIO_F_NOTIFICATION_DATA);

	if (width != (data ? 4 : 2))
		fake_breach(device, "notifies with another width (4.1.5.2.1-1, -2)");
	if (!queue)
		return;
	if (offset != queue->notify_off * device->multiplier)
		fake_breach(device, "notifies at another place than the queue's own (4.1.4.4)");
	fake_notify(queue, value);
}

static uint32_t all_ones(unsigned width)
{
	return UINT32_MAX >> (32 - 8 * width);
}

static uint32_t read_structure(struct fake_device *device, uint64_t offset, unsigned width)
{
	if (offset < FAKE_ISR) {
		if (!is_field(offset, width)) {
			fake_breach(device, "reads a field with another width than its own");
			return 0;
		}
		return read_common(device, offset);
	}
	if (offset < FAKE_CONFIG) {
		uint8_t isr = device->isr;
		device->isr = 0; /* reading it acknowledges: 4.1.4.5 */
		return isr;
	}
	if (offset < FAKE_NOTIFY)
		return fake_read_config(device, offset - FAKE_CONFIG, width);
	fake_breach(device, "reads the notification structure");
	return 0;
}

static void write_structure(struct fake_device *device, uint64_t offset, unsigned width,
			    uint32_t value)
{
	if (offset < FAKE_ISR) {
		if (!is_field(offset, width))
			fake_breach(device, "writes a field with another width than its own");
		else
			write_common(device, offset, value);
	} else if (offset < FAKE_CONFIG) {
		fake_breach(device, "writes the ISR");
	} else if (offset < FAKE_NOTIFY) {
		fake_write_config(device, offset - FAKE_CONFIG, width, value);
	} else {
		write_notify(device, offset - FAKE_NOTIFY, width, value);
	}
}

/* ---- Bus addresses ---------------------------------------------------------------------------- */

static bool decodes(const struct fake_device *device)
{
	return !device->gone && fake_pci_get(device, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
}

static uint32_t bus_read(struct vport_device *port, uint64_t bus, unsigned width)
{
	struct fake_device *device = (struct fake_device *)port;

	if (!decodes(device))
		return all_ones(width);
	if (bus >= FAKE_BAR4 && bus + width <= FAKE_BAR4 + FAKE_BAR4_BYTES)
		return read_structure(device, bus - FAKE_BAR4, width);
	if (bus >= FAKE_BAR1 && bus + 4 <= FAKE_BAR1 + sizeof(device->msix_table) && width == 4)
		return device->msix_table[(bus - FAKE_BAR1) / 4];
	fake_breach(device, "reads where the function has nothing");
	return all_ones(width);
}

static void bus_write(struct vport_device *port, uint64_t bus, unsigned width, uint32_t value)
{
	struct fake_device *device = (struct fake_device *)port;

	if (!decodes(device))
		return;
	if (bus >= FAKE_BAR4 && bus + width <= FAKE_BAR4 + FAKE_BAR4_BYTES)
		write_structure(device, bus - FAKE_BAR4, width, value);
	else if (bus >= FAKE_BAR1 && bus + 4 <= FAKE_BAR1 + sizeof(device->msix_table) &&
		 width == 4)
		device->msix_table[(bus - FAKE_BAR1) / 4] = value;
	else
		fake_breach(device, "writes where the function has nothing");
}

void fake_pci_interrupt(struct fake_device *device, uint16_t vector)
{
	if (vector == FAKE_NO_VECTOR)
		return;
	const uint32_t *entry = &device->msix_table[4 * vector];
	if (entry[3] & 1 || fake_pci_get(device, FAKE_CAP_MSIX + 2, 2) & 0x4000)
		return; /* masked */
	if (!(fake_pci_get(device, PCI_COMMAND, 2) & PCI_COMMAND_MASTER))
		return;
	fake_send_message(&device->port, entry[0] | (uint64_t)entry[1] << 32, entry[2]);
}

/* ---- Configuration space ------------------------------------------------------------------------ */

/* 4.1.4.9: whether the access is one to pci_cfg_data, and where it goes. */
static bool through_window(struct fake_device *device, unsigned offset, unsigned width,
			   uint64_t *to)
{
	if (offset != FAKE_CAP_WINDOW + 16)
		return false;
	uint32_t length = fake_pci_get(device, FAKE_CAP_WINDOW + 12, 4);
	uint32_t at = fake_pci_get(device, FAKE_CAP_WINDOW + 8, 4);
	if (length != width || at % length != 0)
		fake_breach(device, "uses the window with another width or alignment "
				    "(4.1.4.9.2-1)");
	if (fake_pci_get(device, FAKE_CAP_WINDOW + 4, 1) != 4)
		fake_breach(device, "aims the window at a BAR without structures (4.1.4.9.2-2)");
	*to = at;
	return true;
}

static uint32_t config_read(struct vport_device *port, unsigned offset, unsigned width)
{
	struct fake_device *device = (struct fake_device *)port;
	uint64_t to;

	if (device->gone)
		return all_ones(width);
	if (through_window(device, offset, width, &to))
		return read_structure(device, to, width);
	return fake_pci_get(device, offset, width);
}

static void config_write(struct vport_device *port, unsigned offset, unsigned width, uint32_t value)
{
	struct fake_device *device = (struct fake_device *)port;
	uint64_t to;

	if (device->gone)
		return;
	if (through_window(device, offset, width, &to)) {
		write_structure(device, to, width, value);
		return;
	}
	if (offset == PCI_COMMAND && device->master_stays)
		value |= PCI_COMMAND_MASTER;
	for (unsigned i = 0; i < width; i++) {
		uint8_t mask = device->pci_writable[offset + i];
		uint8_t old = device->pci_config[offset + i];
		device->pci_config[offset + i] =
			(uint8_t)((old & ~mask) | ((value >> 8 * i) & mask));
	}
}

/* A capability of a structure in BAR 4. */
static void add_capability(struct fake_device *device, unsigned at, unsigned next, unsigned type,
			   uint32_t offset, uint32_t length, unsigned bytes)
{
	fake_pci_set(device, at, 1, PCI_CAP_VENDOR);
	fake_pci_set(device, at + 1, 1, next);
	fake_pci_set(device, at + 2, 1, bytes);
	fake_pci_set(device, at + 3, 1, type);
	fake_pci_set(device, at + 4, 1, 4);
	fake_pci_set(device, at + 8, 4, offset);
	fake_pci_set(device, at + 12, 4, length);
}

void fake_pci_init(struct fake_device *device)
{
	device->port.read = bus_read;
	device->port.write = bus_write;
	device->port.config_read = config_read;
	device->port.config_write = config_write;

	fake_pci_set(device, PCI_VENDOR_ID, 2, 0x1af4);
	fake_pci_set(device, PCI_DEVICE_ID, 2, 0x1040 + device->model->type);
	fake_pci_set(device, PCI_REVISION_ID, 4, 0x00ff0001);
	fake_pci_set(device, PCI_STATUS, 2, PCI_STATUS_CAPABILITIES);
	fake_pci_set(device, PCI_CAPABILITIES, 1, FAKE_CAP_COMMON);
	fake_pci_set(device, PCI_INTERRUPT_PIN, 1, 1);
	writable(device, PCI_COMMAND, 2, 0x0407);
	fake_pci_set(device, PCI_BAR0 + 4, 4, (uint32_t)FAKE_BAR1);
	writable(device, PCI_BAR0 + 4, 4, 0xfffff000);
	fake_pci_set(device, PCI_BAR0 + 16, 4, (uint32_t)FAKE_BAR4 | 0xc);
	fake_pci_set(device, PCI_BAR0 + 20, 4, (uint32_t)(FAKE_BAR4 >> 32));
	writable(device, PCI_BAR0 + 16, 4, (uint32_t)-FAKE_BAR4_BYTES);
	writable(device, PCI_BAR0 + 20, 4, UINT32_MAX);

	add_capability(device, FAKE_CAP_COMMON, FAKE_CAP_ISR, 1, FAKE_COMMON, 0x40, 16);
	add_capability(device, FAKE_CAP_ISR, FAKE_CAP_CONFIG, 3, FAKE_ISR, 4, 16);
	add_capability(device, FAKE_CAP_CONFIG, FAKE_CAP_NOTIFY, 4, FAKE_CONFIG, FAKE_CONFIG_BYTES,
		       16);
	add_capability(device, FAKE_CAP_NOTIFY, FAKE_CAP_WINDOW, 2, FAKE_NOTIFY, FAKE_NOTIFY_BYTES,
		       20);
	fake_pci_set(device, FAKE_CAP_NOTIFY + 16, 4, FAKE_MULTIPLIER);
	device->multiplier = FAKE_MULTIPLIER;
	add_capability(device, FAKE_CAP_WINDOW, FAKE_CAP_MSIX, 5, 0, 0, 20);
	writable(device, FAKE_CAP_WINDOW + 4, 1, 0xff);
	writable(device, FAKE_CAP_WINDOW + 8, 4, UINT32_MAX);
	writable(device, FAKE_CAP_WINDOW + 12, 4, UINT32_MAX);
	fake_pci_set(device, FAKE_CAP_MSIX, 1, PCI_CAP_MSIX);
	fake_pci_set(device, FAKE_CAP_MSIX + 1, 1, FAKE_CAP_SHM);
	fake_pci_set(device, FAKE_CAP_MSIX + 2, 2, FAKE_VECTORS - 1);
	writable(device, FAKE_CAP_MSIX + 2, 2, 0xc000);
	fake_pci_set(device, FAKE_CAP_MSIX + 4, 4, 1); /* the table, in BAR 1 */
	fake_pci_set(device, FAKE_CAP_MSIX + 8, 4, 1 | 0x800);
	add_capability(device, FAKE_CAP_SHM, 0, 8, 0x4000, 0x3000, 24);
	fake_pci_set(device, FAKE_CAP_SHM + 5, 1, 1); /* its id */
}

int fake_pci_probe(struct fake_device *device)
{
	device->function = (struct pci_function){ .bus_access = &device->port, .device = 3 };
	int error = pci_function_init(&device->function);
	if (error)
		return error;
	pci_bars_read(&device->function);
	return virtio_pci_probe(&device->function, &device->port);
}
