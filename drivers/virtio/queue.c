/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's queues: memory, deadlines and the regular look around the bare virtqueue of virtq.c. What happens with each
 * batch (doorbell, interrupt, drain) is in queue_interrupt.c.
 *
 * See it at work: make run APP=iocheck
 * Left out: more than 64 queues of a device.
 */
#include "drivers/virtio/queue_ring.h"
#include "lib/containing.h"

/* A queue is looked at four times a second whatever it says: that finds lost interrupts, and counts time
 * for the deadlines. */
#define LOOK_NS UINT64_C(250000000)
#define LOOK_MS 250
#define DEFAULT_DEADLINE_MS 30000

_Static_assert(sizeof(bool) == 1 && __builtin_offsetof(struct virtq, in_order) ==
					    __builtin_offsetof(struct virtq, one_at_a_time) + 1,
	       "both are seen by one look");

/* ---- Set-up -------------------------------------------------------------------- */

void queue_free_ring(struct vport_device *port, struct virtq_setup *setup)
{
	uint16_t size = setup->size;

	if (setup->indirect)
		vport_dma_free(port, setup->indirect,
			       virtq_indirect_bytes(size, setup->indirect_entries));
	if (setup->table)
		vport_free(setup->table, virtq_table_bytes(size));
	if (setup->ring)
		vport_dma_free(port, setup->ring, virtq_ring_bytes(setup->format, size));
}

int queue_allocate_ring(struct vport_device *port, struct virtq_setup *setup)
{
	uint16_t size = setup->size;

	setup->ring = vport_dma_alloc(port, virtq_ring_bytes(setup->format, size), 64,
				      &setup->ring_address);
	setup->table = vport_alloc(virtq_table_bytes(size));
	if (setup->indirect_entries)
		setup->indirect =
			vport_dma_alloc(port, virtq_indirect_bytes(size, setup->indirect_entries),
					64, &setup->indirect_address);
	if (setup->ring && setup->table && (setup->indirect || !setup->indirect_entries))
		return 0;
	queue_free_ring(port, setup);
	return ERR_NOMEM;
}

static void free_queue(struct virtio_queue *queue)
{
	queue_free_ring(queue->device->port, &queue->setup);
	vport_free(queue, sizeof(*queue));
}

/* The deadline in looks at the queue: at least one, and such that it can be told from an endless count. */
static int16_t deadline_looks(void)
{
	uint64_t looks = vport_setting("deadline_ms", DEFAULT_DEADLINE_MS) / LOOK_MS;

	return looks < 1 ? 1 : looks > 0x3000 ? 0x3000 : (int16_t)looks;
}

/* What a ring of about that size looks like with the features of this device. */
struct virtq_setup queue_plan_ring(const struct virtio_queue *queue, uint16_t size)
{
	const struct virtio_device *device = queue->device;
	bool packed = virtio_has(device, VIRTIO_F_RING_PACKED);

	if (size > queue->max_size)
		size = queue->max_size;
	while (!packed && (size & (size - 1)) != 0)
		size &= (uint16_t)(size - 1); /* down to a power of two: 4.1.4.3.2-3 */
	return (struct virtq_setup){
		.format = packed ? VIRTQ_PACKED : VIRTQ_SPLIT,
		.size = size,
		.indirect_entries = queue->indirect_wanted < size ? queue->indirect_wanted : size,
		.event_idx = virtio_has(device, VIRTIO_F_EVENT_IDX),
		.in_order = virtio_has(device, VIRTIO_F_IN_ORDER),
		.order_platform = virtio_has(device, VIRTIO_F_ORDER_PLATFORM),
		.counts_read = queue->counts_read,
	};
}

static void queue_look(struct vport_event *event);

int virtio_queue_create(struct virtio_device *device, unsigned index,
			const struct virtio_queue_options *options)
{
	kit_assert(device->queue_count < VIRTIO_MAX_QUEUES && !virtio_queue_at(device, index));

	uint32_t max = device->transport->queue_max_size(device, index);
	bool packed = virtio_has(device, VIRTIO_F_RING_PACKED);
	if (max == 0)
		return ERR_NODEV;
	if (max > VIRTQ_MAX_SIZE || (!packed && (max & (max - 1)) != 0)) {
		virtio_log(device, VPORT_LOG_ERROR, "queue %u has an impossible size: %u", index,
			   max);
		return ERR_FORMAT;
	}
	struct virtio_queue *queue = vport_alloc(sizeof(*queue));
	if (!queue)
		return ERR_NOMEM;
	queue->device = device;
	queue->index = (uint16_t)index;
	queue->driver = options->driver;
	queue->has_deadline = options->has_deadline;
	queue->quiet = options->quiet;
	queue->shared = options->shared;
	queue->counts_read = options->counts_read;
	queue->deadline_looks = deadline_looks();
	queue->tells_position = virtio_has(device, VIRTIO_F_NOTIFICATION_DATA);
	queue->max_size = (uint16_t)max;
	if (virtio_has(device, VIRTIO_F_INDIRECT_DESC))
		queue->indirect_wanted = options->indirect_entries;
	queue->setup = queue_plan_ring(queue, options->size_limit);
	if (queue_allocate_ring(device->port, &queue->setup) != 0) {
		queue->setup = (struct virtq_setup){ 0 };
		free_queue(queue);
		return ERR_NOMEM;
	}
	virtq_init(&queue->ring, &queue->setup);
	queue->event.home = queue->look_event.home = options->cpu;
	queue->event.drain = queue_drain;
	queue->event.check_at = VPORT_NEVER;
	queue->look_event.drain = queue_look;
	queue->place = (uint16_t)device->queue_count;
	device->queues[device->queue_count++] = queue;
	return 0;
}

void virtio_queues_free(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++) {
		free_queue(device->queues[i]);
		device->queues[i] = NULL;
	}
	device->queue_count = 0;
}

struct virtio_queue *virtio_queue_at(const struct virtio_device *device, unsigned index)
{
	for (unsigned i = 0; i < device->queue_count; i++) {
		if (device->queues[i]->index == index)
			return device->queues[i];
	}
	return NULL;
}

void queue_watch(struct virtio_queue *queue)
{
	queue->rekicked = false;
	queue->awaited = queue->interrupts && !queue->quiet && !queue->shared;
	if (!queue->interrupts || queue->quiet)
		virtq_disable_interrupts(&queue->ring); /* spares the device the work */
	vport_event_add(&queue->event);
	queue->look_event.check_at = vport_now() + LOOK_NS;
	vport_event_add(&queue->look_event);
}

void queue_unwatch(struct virtio_queue *queue)
{
	vport_event_remove(&queue->event);
	vport_event_remove(&queue->look_event);
}

void virtio_queues_watch(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		queue_watch(device->queues[i]);
}

void virtio_queues_mark(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		vport_mark(&device->queues[i]->event);
}

void virtio_queues_unwatch(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		queue_unwatch(device->queues[i]);
}

/* ---- Use ------------------------------------------------------------------------- */

/* Twice the time is as many looks to the good. */
static int pushed(struct virtio_queue *queue, int id, unsigned deadlines)
{
	if (id >= 0 && deadlines == VIRTIO_TWO_DEADLINES)
		queue->ring.slots[id].looks = (int16_t)-queue->deadline_looks;
	return id;
}

int virtio_queue_push(struct virtio_queue *queue, const struct virtq_segment *segments,
		      unsigned readable, unsigned writable, void *cookie, unsigned deadlines)
{
	if (queue->paused)
		return ERR_FULL;
	return pushed(queue, virtq_push(&queue->ring, segments, readable, writable, cookie),
		      deadlines);
}

int virtio_queue_push_buffer(struct virtio_queue *queue, struct virtq_buffer *buffer,
			     unsigned deadlines)
{
	struct virtq_segment segment = { buffer->address, buffer->length };

	if (queue->paused)
		return ERR_FULL;
	return pushed(
		queue,
		virtq_push_flagged(&queue->ring, segment, buffer->flags, buffer->writable, buffer),
		deadlines);
}

unsigned virtio_queue_fail(struct virtio_queue *queue)
{
	virtio_device_fail(queue->device, ERR_IO, queue->ring.fault, queue->ring.fault_value);
	return 0;
}

bool virtio_queue_pop(struct virtio_queue *queue, void **cookie, uint32_t *written)
{
	struct virtq_done done;

	if (virtio_queue_pop_many(queue, &done, 1) == 0)
		return false;
	*cookie = done.cookie;
	*written = done.written;
	return true;
}

void virtio_queue_await(struct virtio_queue *queue)
{
	if (queue->awaited || !queue->interrupts)
		return;
	queue->awaited = true;
	vport_mark(&queue->event); /* which asks */
}

bool virtio_queue_ask(struct virtio_queue *queue)
{
	return queue->interrupts && virtq_enable_interrupts(&queue->ring);
}

/* ---- Looks ------------------------------------------------------------------------ */

/* Counts one look for each buffer in flight. The first one that has been looked at too often; NULL: none. */
static const struct virtq_slot *count_looks(struct virtio_queue *queue)
{
	const struct virtq_slot *overdue = NULL;

	for (unsigned id = 0; id < queue->setup.size; id++) {
		struct virtq_slot *slot = &queue->ring.slots[id];
		if (slot->count == 0)
			continue;
		if (slot->looks <= queue->deadline_looks)
			slot->looks++;
		if (!overdue && slot->looks > queue->deadline_looks)
			overdue = slot;
	}
	return overdue;
}

/*
 * Buffers count the looks that find them in flight, so that pushing reads no clock; nor does
 * draining, because the time has an event of its own. A buffer that is overdue gets one more chance: the
 * device may have told us not to notify it when it should not have, so it is notified once more, and has
 * until the next look.
 */
static void find_overdue(struct virtio_queue *queue)
{
	const struct virtio_driver *driver = queue->device->driver;

	if (!queue->has_deadline || queue->ring.in_flight == 0)
		return;
	const struct virtq_slot *overdue = count_looks(queue);
	if (!overdue) {
		queue->rekicked = false;
	} else if (!queue->rekicked) {
		queue->rekicked = true;
		virtio_queue_notify(queue);
	} else if (!driver->overdue || !driver->overdue(queue, overdue->cookie)) {
		virtio_device_fail(queue->device, ERR_TIMEOUT,
				   "no answer within the deadline, queue", queue->index);
	}
}

/* The regular look: drains, because an interrupt may have been lost, and counts time. A notification may have been lost too:
 * QEMU before 8.1 leaves out the barriers of a machine with one CPU (its commit c914d46d0a64), so that device and driver may
 * each miss what the other one has just written, and then a receive queue, which has no deadline, would stand for ever. */
static void queue_look(struct vport_event *event)
{
	struct virtio_queue *queue = containing(event, struct virtio_queue, look_event);

	event->check_at = vport_now() + LOOK_NS;
	queue_drain(&queue->event);
	if (queue->event.check_at != VPORT_NEVER)
		vport_mark(&queue->event); /* whose time counts only after a drain of its own */
	if (queue->device->state != VIRTIO_RUNNING)
		return;
	if (queue->untold && queue->ring.in_flight > 0 && !queue->resizing) {
		queue->untold = false;
		virtio_queue_notify(queue);
	}
	find_overdue(queue); /* last: it may find that the device is to be reset */
}
