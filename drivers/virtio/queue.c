/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's queues: memory, doorbell, interrupts and deadlines around the bare virtqueue of virtq.c.
 *
 * An interrupt handler does two things: it silences the queue and marks it. Draining happens later, in
 * vport_relax, so that interrupts, polling and lost interrupts all take one path.
 */
#include "drivers/virtio/device.h"

/* A queue is looked at four times a second whatever it says: that finds lost interrupts, and counts time
 * for the deadlines. */
#define LOOK_NS UINT64_C(250000000)
#define LOOK_MS 250
#define DEFAULT_DEADLINE_MS 30000

/* ---- Set-up -------------------------------------------------------------------- */

static void free_memory(struct virtio_queue *queue)
{
	struct vport_device *port = queue->device->port;
	struct virtq_setup *setup = &queue->setup;
	uint16_t size = setup->size;

	if (setup->indirect)
		vport_dma_free(port, setup->indirect,
			       virtq_indirect_bytes(size, setup->indirect_entries));
	if (queue->expires)
		vport_free(queue->expires, size * sizeof(uint16_t));
	if (setup->table)
		vport_free(setup->table, virtq_table_bytes(size));
	if (setup->ring)
		vport_dma_free(port, setup->ring, virtq_ring_bytes(setup->format, size));
	vport_free(queue, sizeof(*queue));
}

static int allocate(struct virtio_queue *queue)
{
	struct vport_device *port = queue->device->port;
	struct virtq_setup *setup = &queue->setup;
	uint16_t size = setup->size;

	setup->ring = vport_dma_alloc(port, virtq_ring_bytes(setup->format, size), 64,
				      &setup->ring_address);
	setup->table = vport_alloc(virtq_table_bytes(size));
	queue->expires = vport_alloc(size * sizeof(uint16_t));
	if (setup->indirect_entries)
		setup->indirect =
			vport_dma_alloc(port, virtq_indirect_bytes(size, setup->indirect_entries),
					64, &setup->indirect_address);
	if (!setup->ring || !setup->table || !queue->expires ||
	    (setup->indirect_entries && !setup->indirect))
		return ERR_NOMEM;
	return 0;
}

/* The deadline in looks at the queue: at least one, and such that twice as many still compare well in 16
 * bits. */
static uint16_t deadline_ticks(void)
{
	uint64_t ticks = vport_setting("deadline_ms", DEFAULT_DEADLINE_MS) / LOOK_MS;

	return ticks < 1 ? 1 : ticks > 0x3000 ? 0x3000 : (uint16_t)ticks;
}

static uint16_t round_down_to_power_of_two(uint16_t value)
{
	uint16_t power = 1;

	while (power <= value / 2)
		power *= 2;
	return power;
}

static void queue_drain(struct vport_event *event);

int virtio_queue_create(struct virtio_device *device, unsigned index,
			const struct virtio_queue_options *options)
{
	kit_assert(index < VIRTIO_MAX_QUEUES && !device->queues[index]);

	uint32_t max = device->transport->queue_max_size(device, index);
	enum virtq_format format =
		virtio_has(device, VIRTIO_F_RING_PACKED) ? VIRTQ_PACKED : VIRTQ_SPLIT;
	if (max == 0)
		return ERR_NODEV;
	if (max > VIRTQ_MAX_SIZE || (format == VIRTQ_SPLIT && (max & (max - 1)) != 0)) {
		virtio_log(device, VPORT_LOG_ERROR, "queue %u has an impossible size: %u", index,
			   max);
		return ERR_FORMAT;
	}
	struct virtio_queue *queue = vport_alloc(sizeof(*queue));
	if (!queue)
		return ERR_NOMEM;
	uint16_t size = max < options->size_limit ? (uint16_t)max : options->size_limit;
	if (format == VIRTQ_SPLIT)
		size = round_down_to_power_of_two(size); /* 4.1.4.3.2-3 */
	uint16_t indirect =
		virtio_has(device, VIRTIO_F_INDIRECT_DESC) ? options->indirect_entries : 0;
	queue->device = device;
	queue->index = (uint16_t)index;
	queue->driver = options->driver;
	queue->has_deadline = options->has_deadline;
	queue->deadline_ticks = deadline_ticks();
	queue->setup = (struct virtq_setup){
		.format = format,
		.size = size,
		.indirect_entries = indirect < size ? indirect : size,
		.event_idx = virtio_has(device, VIRTIO_F_EVENT_IDX),
		.order_platform = virtio_has(device, VIRTIO_F_ORDER_PLATFORM),
	};
	if (allocate(queue) != 0) {
		free_memory(queue);
		return ERR_NOMEM;
	}
	virtq_init(&queue->ring, &queue->setup);
	queue->event.drain = queue_drain;
	device->queues[index] = queue;
	if (device->queue_limit <= index)
		device->queue_limit = index + 1;
	return 0;
}

void virtio_queues_free(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_limit; i++) {
		if (device->queues[i])
			free_memory(device->queues[i]);
		device->queues[i] = NULL;
	}
	device->queue_limit = 0;
}

void virtio_queues_watch(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_limit; i++) {
		struct virtio_queue *queue = device->queues[i];
		if (!queue)
			continue;
		queue->rekicked = false;
		queue->event.check_at = vport_now() + LOOK_NS;
		vport_event_add(&queue->event);
		if (!queue->interrupts) {
			virtq_disable_interrupts(&queue->ring); /* spares the device the work */
			vport_mark(&queue->event); /* and it marks itself from then on */
		}
	}
}

void virtio_queues_unwatch(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_limit; i++) {
		if (device->queues[i])
			vport_event_remove(&device->queues[i]->event);
	}
}

/* ---- Use ------------------------------------------------------------------------- */

int virtio_queue_push(struct virtio_queue *queue, const struct virtq_segment *segments,
		      unsigned readable, unsigned writable, void *cookie, unsigned deadlines)
{
	int id = virtq_push(&queue->ring, segments, readable, writable, cookie);

	if (id >= 0)
		queue->expires[id] =
			(uint16_t)(queue->tick + queue->deadline_ticks * deadlines + 1);
	return id;
}

static void notify(struct virtio_queue *queue)
{
	if (queue->doorbell)
		vport_reg_write(queue->doorbell, queue->doorbell_width, queue->doorbell_value);
	else
		queue->device->transport->notify(queue, queue->doorbell_value);
}

void virtio_queue_publish(struct virtio_queue *queue)
{
	uint32_t where;

	if (virtq_publish(&queue->ring, &where))
		notify(queue);
}

bool virtio_queue_pop(struct virtio_queue *queue, void **cookie, uint32_t *written)
{
	int got = virtq_pop(&queue->ring, cookie, written);

	if (got == ERR_BROKEN)
		virtio_device_fail(queue->device, ERR_IO, queue->ring.fault,
				   queue->ring.fault_value);
	return got == 1;
}

/* ---- Time ------------------------------------------------------------------------- */

/*
 * The regular look. Buffers are stamped with the tick at which they are overdue, so that pushing reads
 * no clock. One that is overdue gets one more chance: the device may have told us not to notify it when
 * it should not have, so it is notified once more, and has until the next look.
 */
static void look(struct virtio_queue *queue)
{
	uint16_t tick = ++queue->tick;

	if (!queue->has_deadline || queue->ring.in_flight == 0)
		return;
	for (unsigned id = 0; id < queue->setup.size; id++) {
		if (!virtq_busy(&queue->ring, id) || (int16_t)(tick - queue->expires[id]) < 0)
			continue;
		if (!queue->rekicked) {
			queue->rekicked = true;
			notify(queue);
		} else {
			virtio_device_fail(queue->device, ERR_TIMEOUT,
					   "no answer within the deadline, queue", queue->index);
		}
		return;
	}
	queue->rekicked = false;
}

static void queue_drain(struct vport_event *event)
{
	struct virtio_queue *queue =
		(struct virtio_queue *)((char *)event -
					__builtin_offsetof(struct virtio_queue, event));
	struct virtio_device *device = queue->device;

	if (device->state != VIRTIO_RUNNING)
		return;
	device->driver->drain(queue);
	/* Marked again: drained again in the next pass, with interrupts left off meanwhile. */
	if (!queue->interrupts)
		vport_mark(event);
	else if (virtq_enable_interrupts(&queue->ring)) {
		virtq_disable_interrupts(&queue->ring);
		vport_mark(event);
	}
	uint64_t now = vport_now();
	if (now >= event->check_at) {
		event->check_at = now + LOOK_NS;
		look(queue);
	}
}

/* ---- Interrupts -------------------------------------------------------------------- */

void virtio_queue_interrupt(void *argument)
{
	struct virtio_queue *queue = argument;

	virtq_disable_interrupts(&queue->ring);
	vport_mark(&queue->event);
}

static void all_queues_interrupt(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_limit; i++) {
		if (device->queues[i])
			virtio_queue_interrupt(device->queues[i]);
	}
}

void virtio_config_interrupt(void *argument)
{
	struct virtio_device *device = argument;

	device->config_interrupted = true;
	vport_mark(&device->config_event);
}

void virtio_shared_interrupt(void *argument)
{
	struct virtio_device *device = argument;

	all_queues_interrupt(device);
	virtio_config_interrupt(device); /* 4.1.5.4.2-1 */
}

void virtio_line_interrupt(void *argument)
{
	struct virtio_device *device = argument;
	uint32_t isr = device->transport->isr(device);

	if (isr & VIRTIO_ISR_QUEUE)
		all_queues_interrupt(device); /* 4.2.3.4.1-2 */
	if (isr & VIRTIO_ISR_CONFIG)
		virtio_config_interrupt(device);
}
