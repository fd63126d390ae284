/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recovery: what happens when a device breaks a rule, hangs, or asks for a reset (DEVICE_NEEDS_RESET, 2.1).
 * One piece of code for every driver:
 *
 *   virtio_device_fail   at once: says why, stops the queues (a push returns ERR_BROKEN)
 *   recover              as a work item: resets the device and waits for it; only then do the buffers
 *                        in flight go back to their owners, each once, because until then the device
 *                        may still write into them; then starts the device again
 *
 * A device that does not finish its reset is disowned. Where that does not make certain that it cannot
 * reach memory any more (MMIO has no bus-master bit), whatever it was given is never used again: the
 * owners are told ERR_NODEV, which means just that to them (3.3.1-2 knows no better way), rings and headers
 * are not freed, and no mapping is undone. One that breaks a rule again and again right after its reset is
 * given up as well.
 *
 * See it at work: make run ARCH=host APP=iocheck ARGS='-t 6' DISK=vhost-user:/tmp/disk.sock
 *                  and the daemon behind the socket killed and started again: README.md
 */
#include "drivers/virtio/device.h"
#include "lib/containing.h"

/* Without a quarter of a second (config_drain) in between in which it worked. */
#define MAX_RESETS_IN_A_ROW 20

static void stop_queues(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		device->queues[i]->ring.broken = true;
}

void virtio_device_fail(struct virtio_device *device, int error, const char *why, uint64_t value)
{
	/* One fault at a time, of those that several CPUs may find: the reset mends them all. */
	vport_lock_take(&device->failing);
	bool first = device->state == VIRTIO_RUNNING;
	if (first)
		device->state = VIRTIO_RECOVERING;
	vport_lock_give(&device->failing);
	if (!first)
		return;
	device->error = error;
	stop_queues(device);
	virtio_log(device, VPORT_LOG_ERROR, "%s%s%s 0x%llx; resetting it",
		   device->name[0] ? device->name : "", device->name[0] ? ": " : "", why,
		   (unsigned long long)value);
	vport_work_queue(&device->recovery);
}

static void abort_in_flight(struct virtio_device *device, int error)
{
	for (unsigned i = 0; i < device->queue_count; i++) {
		struct virtio_queue *queue = device->queues[i];
		void *cookie;
		while ((cookie = virtq_drain(&queue->ring)) != NULL)
			device->driver->abort(queue, cookie, error);
	}
}

static void recover(struct vport_work *work)
{
	struct virtio_device *device = containing(work, struct virtio_device, recovery);

	virtio_queues_unwatch(device);
	if (device->driver->stop)
		device->driver->stop(device);
	device->resets++;
	int error = virtio_device_reset(device);
	if (!error) {
		device->transport->interrupts_release(device);
		abort_in_flight(device, device->error);
		error = ++device->resets_in_a_row > MAX_RESETS_IN_A_ROW
				? ERR_BROKEN
				: virtio_device_start(device, false);
	}
	if (!error) {
		device->recovered_at = vport_now();
		virtio_log(device, VPORT_LOG_INFO, "%s%srunning again after reset %u", device->name,
			   device->name[0] ? ": " : "", device->resets);
		/* What it says of itself may have changed meanwhile, without a word. */
		virtio_config_interrupt(device);
		return;
	}
	virtio_log(device, VPORT_LOG_ERROR, "%s%sgiven up: %s", device->name,
		   device->name[0] ? ": " : "", error_text(error));
	device->memory_lost = virtio_device_give_up(device) != 0;
	stop_queues(device); /* the attempt may have made them new before it failed */
	abort_in_flight(device, ERR_NODEV);
	device->driver->gone(device);
}

void virtio_recovery_init(struct virtio_device *device)
{
	device->recovery.run = recover;
	device->recovery.recovers = true;
}
