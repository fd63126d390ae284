/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device status machine and feature negotiation: VIRTIO 1.4 sections 2.1, 2.2, 2.4, 3.1 and chapter 6.
 *
 * See it at work: make run TRACE=1
 * Left out: VIRTIO_F_SR_IOV, VIRTIO_F_ADMIN_VQ, VIRTIO_F_SUSPEND.
 */
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "lib/containing.h"
#include "lib/format.h"

#define CONFIG_LOOK_NS UINT64_C(250000000)

#define CHANGE_LINES 10 /* about changes, at most, in so much time */
#define CHANGE_LINES_NS UINT64_C(10000000000)

static struct virtio_device *devices;
static struct virtio_device **devices_end = &devices;

void virtio_log(const struct virtio_device *device, enum vport_log_level level, const char *fmt,
		...)
{
	if (!vport_logs(level))
		return;
	char line[200];
	size_t at = format(line, sizeof(line), "virtio %s: ", device->location);
	va_list ap;
	va_start(ap, fmt);
	format_va(line + at, sizeof(line) - at, fmt, ap);
	va_end(ap);
	vport_log(level, line);
}

bool virtio_tells_change(struct virtio_device *device)
{
	uint64_t now = vport_now();

	if (now - device->change_lines_since >= CHANGE_LINES_NS) {
		device->change_lines_since = now;
		device->change_lines = 0;
	}
	if (device->change_lines > CHANGE_LINES)
		return false;
	if (++device->change_lines <= CHANGE_LINES)
		return true;
	virtio_log(device, VPORT_LOG_INFO, "and so on: no more of that for a while");
	return false;
}

struct virtio_device *virtio_first(void)
{
	return devices;
}

struct virtio_device *virtio_next(struct virtio_device *device)
{
	return device->next;
}

/* ---- Status (2.1) ------------------------------------------------------------- */

/* Bits are only ever added (2.1.1-2); a reset alone takes them away. */
static void status_add(struct virtio_device *device, uint8_t bits, const char *name)
{
	uint8_t status = device->transport->status_read(device);

	virtio_log(device, VPORT_LOG_TRACE, "status 0x%x + %s (3.1.1-1)", status, name);
	device->transport->status_write(device, status | bits);
}

int virtio_device_reset(struct virtio_device *device)
{
	uint64_t limit = vport_setting("reset_ms", VIRTIO_RESET_MS) * 1000000;
	uint64_t start = vport_now();

	virtio_log(device, VPORT_LOG_TRACE, "status 0: reset (2.4.2-1)");
	device->transport->status_write(device, 0);
	while (device->transport->status_read(device) != 0) {
		/* One that hung once is not waited for again. */
		if (device->reset_hangs || vport_now() - start > limit) {
			device->reset_hangs = true;
			return ERR_TIMEOUT;
		}
		vport_relax(vport_now() + 100000);
	}
	return 0;
}

/* ---- Features (2.2) ------------------------------------------------------------- */

static const uint8_t core_wanted[] = {
	VIRTIO_F_VERSION_1,         VIRTIO_F_INDIRECT_DESC,     VIRTIO_F_IN_ORDER,
	VIRTIO_F_ORDER_PLATFORM,    VIRTIO_F_ACCESS_PLATFORM,   VIRTIO_F_RING_RESET,
	VIRTIO_F_NOTIFICATION_DATA, VIRTIO_F_NOTIF_CONFIG_DATA,
};
/* It tells exactly when an interrupt is wanted. Who polls wants none at all, and spares both sides the two words that they
 * would write and read for it all the time. */
static const uint8_t wanted_by_interrupts[] = { VIRTIO_F_EVENT_IDX };

static void take_offered(struct virtio_device *device, const uint8_t *wanted, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (virtio_features_has(&device->offered, wanted[i]))
			virtio_features_add(&device->features, wanted[i]);
	}
}

/* Decides once, from one snapshot of what is offered (a second read may lie): what is written is a
 * subset of it (2.2.1-1), and only what somebody here understands (2.2.1-3). */
static int choose_features(struct virtio_device *device)
{
	if (!virtio_features_has(&device->offered, VIRTIO_F_VERSION_1)) {
		virtio_log(device, VPORT_LOG_ERROR,
			   "VERSION_1 is not offered: a legacy device "
			   "(QEMU: disable-legacy=on,disable-modern=off)");
		return ERR_UNSUPPORTED;
	}
	take_offered(device, core_wanted, sizeof(core_wanted));
	if (!vport_setting_is("irq", "poll"))
		take_offered(device, wanted_by_interrupts, sizeof(wanted_by_interrupts));
	take_offered(device, device->driver->wanted, device->driver->wanted_count);
	if (vport_setting_is("ring", "packed")) {
		static const uint8_t packed[] = { VIRTIO_F_RING_PACKED };
		take_offered(device, packed, 1);
		if (!virtio_has(device, VIRTIO_F_RING_PACKED))
			virtio_log(device, VPORT_LOG_INFO,
				   "RING_PACKED is not offered: using the split ring");
	}
	if (device->driver->choose)
		device->driver->choose(device);
	return 0;
}

/* After a reset the device must still offer what is in use: the driver has built on it. */
static int still_offered(const struct virtio_device *device, const struct virtio_features *offered)
{
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++) {
		if ((device->features.word[i] & ~offered->word[i]) != 0) {
			virtio_log(device, VPORT_LOG_ERROR,
				   "after the reset it no longer offers features 0x%x of word %u",
				   device->features.word[i] & ~offered->word[i], i);
			return ERR_UNSUPPORTED;
		}
	}
	return 0;
}

static int negotiate(struct virtio_device *device, bool first)
{
	struct virtio_features offered;
	int error;

	device->transport->features_read(device, &offered);
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++)
		virtio_log(device, VPORT_LOG_TRACE, "features %u…%u offered: 0x%08x (2.2)", i * 32,
			   i * 32 + 31, offered.word[i]);
	if (first) {
		device->offered = offered;
		error = choose_features(device);
	} else {
		error = still_offered(device, &offered);
	}
	if (error)
		return error;

	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++)
		virtio_log(device, VPORT_LOG_TRACE, "features %u…%u accepted: 0x%08x (2.2.1-1)",
			   i * 32, i * 32 + 31, device->features.word[i]);
	device->transport->features_write(device, &device->features);
	status_add(device, VIRTIO_STATUS_FEATURES_OK, "FEATURES_OK");
	if ((device->transport->status_read(device) & VIRTIO_STATUS_FEATURES_OK) == 0) {
		virtio_log(device, VPORT_LOG_ERROR, "it refused the features that it offered");
		return ERR_UNSUPPORTED;
	}
	return 0;
}

/* ---- Bringing it up (3.1.1) -------------------------------------------------------- */

/* A handler may run as soon as interrupts are routed, and is to find whole rings then. */
static void empty_queues(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		virtq_init(&device->queues[i]->ring, &device->queues[i]->setup);
}

static int enable_queues(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++) {
		struct virtio_queue *queue = device->queues[i];
		struct virtq_addresses at = virtq_addresses(queue->setup.format, queue->setup.size,
							    queue->setup.ring_address);
		virtio_log(device, VPORT_LOG_TRACE, "queue %u: size %u, desc 0x%llx (2.6, 3.1.1-1)",
			   queue->index, queue->setup.size, (unsigned long long)at.desc);
		int error = device->transport->queue_enable(queue, &at);
		if (error) {
			virtio_log(device, VPORT_LOG_ERROR, "queue %u could not be enabled: %s",
				   queue->index, error_text(error));
			return error;
		}
	}
	return 0;
}

int virtio_device_start(struct virtio_device *device, bool first)
{
	int error = virtio_device_reset(device);

	if (error) {
		virtio_log(device, VPORT_LOG_ERROR, "it does not finish its reset");
		return error;
	}
	status_add(device, VIRTIO_STATUS_ACKNOWLEDGE, "ACKNOWLEDGE");
	status_add(device, VIRTIO_STATUS_DRIVER, "DRIVER");
	error = negotiate(device, first);
	if (!error && first) {
		error = device->driver->probe(device);
		device->probed = error == 0;
	}
	if (!error && !first && device->driver->restart)
		error = device->driver->restart(device);
	if (!error) {
		empty_queues(device);
		device->transport->interrupts_route(device);
		error = enable_queues(device);
	}
	if (error)
		return error;
	virtio_queues_watch(device);
	status_add(device, VIRTIO_STATUS_DRIVER_OK, "DRIVER_OK");
	device->state = VIRTIO_RUNNING;
	device->driver->ready(device);
	/* A home CPU may have looked already, before it was running. And queues without interrupts mark
	 * themselves from now on. */
	virtio_queues_mark(device);
	return 0;
}

int virtio_device_give_up(struct virtio_device *device)
{
	int error = virtio_device_reset(device);

	device->state = VIRTIO_FAILED;
	device->transport->interrupts_release(device);
	/* What interrupts have marked until now is not looked at any more: it may be freed next. */
	virtio_queues_unwatch(device);
	vport_event_remove(&device->config_event);
	if (error)
		error = device->transport->disown(device);
	status_add(device, VIRTIO_STATUS_FAILED, "FAILED"); /* 2.2.1-4, 3.1.1-4 */
	return error;
}

/* Configuration interrupts, and a look from time to time for those that get lost: did the
 * configuration change, is the device still there, does it ask for a reset (2.1)? */
static void config_drain(struct vport_event *event)
{
	struct virtio_device *device = containing(event, struct virtio_device, config_event);

	uint64_t now = vport_now();
	event->check_at = now + CONFIG_LOOK_NS;
	if (device->state != VIRTIO_RUNNING)
		return;
	uint8_t status = device->transport->status_read(device);
	if (status == 0xff) {
		virtio_device_fail(device, ERR_NODEV, "it is gone: its status reads", status);
		return;
	}
	if ((status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) || !(status & VIRTIO_STATUS_DRIVER_OK)) {
		virtio_device_fail(device, ERR_IO, "it needs a reset: its status is", status);
		return;
	}
	if (now - device->recovered_at > CONFIG_LOOK_NS)
		device->resets_in_a_row = 0;
	uint32_t generation = device->transport->config_generation(device);
	if (device->config_interrupted || generation != device->config_generation) {
		device->config_interrupted = false;
		device->config_generation = generation;
		if (device->driver->config_changed)
			device->driver->config_changed(device);
	}
}

int virtio_device_add(struct virtio_device *device)
{
	device->driver = virtio_driver_for(device->type);
	if (!device->driver) {
		virtio_log(device, VPORT_LOG_INFO, "no driver for device type %u", device->type);
		return ERR_UNSUPPORTED;
	}
	virtio_recovery_init(device);
	device->config_event.drain = config_drain; /* interrupts may mark it from now on */
	int error = virtio_device_start(device, true);
	if (error) {
		virtio_log(device, VPORT_LOG_ERROR, "the %s device could not be brought up: %s",
			   device->driver->name, error_text(error));
		if (virtio_device_give_up(device) == 0) {
			if (device->probed)
				device->driver->remove(device);
			virtio_queues_free(device);
		}
		return error;
	}
	device->config_generation = device->transport->config_generation(device);
	device->config_event.check_at = vport_now() + CONFIG_LOOK_NS;
	vport_event_add(&device->config_event);
	*devices_end = device;
	devices_end = &device->next;
	return 0;
}
