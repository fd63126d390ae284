/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vector ladder of the PCI transport, VIRTIO 1.4 section 4.1.5.1.2. From the top:
 *
 *   a vector for each queue and one for the configuration
 *   one vector for everything
 *   the INTx line
 *   polling
 *
 * Each rung is tried whole, and every vector that a device was given is read back (4.1.5.1.2.2-5); where one
 * does not hold, the next rung is taken. `irq=intx` or `irq=poll` on the command line starts further down.
 *
 * See it at work: make run APP=lsvirtio IRQ=msix, IRQ=intx, IRQ=poll
 * Left out: MSI without X, which no virtio device has.
 */
#include "drivers/virtio/pci_transport.h"

static bool set_vector(struct virtio_pci *pci, enum virtio_pci_common_cfg field, uint16_t vector)
{
	virtio_pci_write(pci, &pci->common, field, 2, vector);
	return virtio_pci_read(pci, &pci->common, field, 2) == vector;
}

static bool set_queue_vector(struct virtio_queue *queue, uint16_t vector)
{
	struct virtio_pci *pci = virtio_pci(queue->device);

	virtio_pci_write(pci, &pci->common, queue_select, 2, queue->index);
	queue->vector = vector;
	return set_vector(pci, queue_msix_vector, vector);
}

bool virtio_pci_restore_vector(struct virtio_queue *queue)
{
	return queue->device->interrupts != VIRTIO_MSIX || set_queue_vector(queue, queue->vector);
}

/* Puts one message into the device's table. */
static bool open_vector(struct virtio_pci *pci, unsigned index, unsigned cpu, vport_irq_fn *handler,
			void *argument)
{
	struct vport_msi msi;

	if (vport_msi_request(pci->device.port, index, cpu, handler, argument, &msi) != 0)
		return false;
	pci->device.vectors = index + 1;
	return pci_msix_set(pci->function, index, &msi) == 0;
}

static bool vector_per_queue(struct virtio_pci *pci)
{
	struct virtio_device *device = &pci->device;
	unsigned vector = 0;

	if (!open_vector(pci, vector, 0, virtio_config_interrupt, device) ||
	    !set_vector(pci, config_msix_vector, 0))
		return false;
	for (unsigned i = 0; i < device->queue_count; i++) {
		struct virtio_queue *queue = device->queues[i];
		/* 4.1.5.1.2.2-4: no vector outside the table. */
		if (++vector >= pci->function->msix_count ||
		    !open_vector(pci, vector, queue->event.home, virtio_queue_interrupt, queue) ||
		    !set_queue_vector(queue, (uint16_t)vector))
			return false;
	}
	return true;
}

static bool one_shared_vector(struct virtio_pci *pci)
{
	struct virtio_device *device = &pci->device;

	if (!open_vector(pci, 0, 0, virtio_shared_interrupt, device) ||
	    !set_vector(pci, config_msix_vector, 0))
		return false;
	for (unsigned i = 0; i < device->queue_count; i++) {
		if (!set_queue_vector(device->queues[i], 0))
			return false;
	}
	return true;
}

static void release_vectors(struct virtio_pci *pci)
{
	for (unsigned i = 0; i < pci->device.vectors; i++) {
		pci_msix_mask(pci->function, i);
		vport_msi_release(pci->device.port, i);
	}
	pci->device.vectors = 0;
}

static bool try_msix(struct virtio_pci *pci, bool (*rung)(struct virtio_pci *))
{
	if (pci->function->msix_count == 0 || pci_msix_enable(pci->function, true) != 0)
		return false;
	if (rung(pci)) {
		pci->device.interrupts = VIRTIO_MSIX;
		return true;
	}
	set_vector(pci, config_msix_vector, VIRTIO_MSI_NO_VECTOR);
	for (unsigned i = 0; i < pci->device.queue_count; i++)
		set_queue_vector(pci->device.queues[i], VIRTIO_MSI_NO_VECTOR);
	release_vectors(pci);
	pci_msix_enable(pci->function, false);
	return false;
}

static bool try_intx(struct virtio_pci *pci)
{
	/* The handler reads the ISR. By the configuration window it could not: it would turn that away from
	 * what it has interrupted. */
	if (pci->function->interrupt_pin == 0 || !pci->isr.registers ||
	    vport_line_request(pci->device.port, virtio_line_interrupt, &pci->device) != 0)
		return false;
	pci->device.interrupts = VIRTIO_LINE;
	pci_enable(pci->function, true);
	return true;
}

void virtio_pci_interrupts_route(struct virtio_device *device)
{
	struct virtio_pci *pci = virtio_pci(device);
	bool poll = vport_setting_is("irq", "poll");
	bool intx = vport_setting_is("irq", "intx");

	device->interrupts = VIRTIO_POLLED;
	if (!poll && !intx && pci->function->msix_count == 0) {
		int error = pci_msix_init(pci->function, device->port);
		if (error == ERR_FORMAT)
			virtio_log(device, VPORT_LOG_ERROR,
				   "its MSI-X table is not inside its BAR");
	}
	bool routed =
		!poll &&
		((!intx && (try_msix(pci, vector_per_queue) || try_msix(pci, one_shared_vector))) ||
		 try_intx(pci));
	for (unsigned i = 0; i < device->queue_count; i++)
		device->queues[i]->interrupts = routed;
}

void virtio_pci_interrupts_release(struct virtio_device *device)
{
	struct virtio_pci *pci = virtio_pci(device);

	if (device->interrupts == VIRTIO_MSIX) {
		release_vectors(pci);
		pci_msix_enable(pci->function, false);
	} else if (device->interrupts == VIRTIO_LINE) {
		vport_line_release(device->port);
		pci_enable(pci->function, false);
	}
	device->interrupts = VIRTIO_POLLED;
}
