/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event queue of virtio-scsi: VIRTIO 1.4, 5.6.6.3. What the device tells by itself is noted here, and acted on
 * in a work item (scsi_attend.c): so a flood of events costs no more than a rescan now and then.
 *
 * See it at work: make run BUS=scsi, then device_add in QEMU's monitor and `scsi luns`
 * Left out: notifications other than of another medium.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/mem.h"

/* 5.6.6.3.1-1, -2 */
static void give(struct virtio_scsi *scsi, unsigned i)
{
	size_t at = __builtin_offsetof(struct scsi_shared, events) + (size_t)i * SCSI_EVENT_BYTES;
	struct virtq_segment segment = { scsi_shared_at(scsi, at), scsi->event_bytes };

	virtio_queue_push(scsi->events, &segment, 0, 1, scsi->shared->events[i],
			  VIRTIO_ONE_DEADLINE);
}

void scsi_events_start(struct virtio_scsi *scsi)
{
	for (unsigned i = 0; i < SCSI_EVENT_BUFFERS && i < scsi->events->setup.size; i++)
		give(scsi, i);
	virtio_queue_publish(scsi->events);
}

/* A unit came, went or was reset. */
static void transport_reset(struct virtio_scsi *scsi, uint8_t target, uint16_t number,
			    uint32_t reason)
{
	struct scsi_lun *lun = scsi_lun_find(scsi, target, number);

	if (reason == VIRTIO_SCSI_EVT_RESET_HARD && lun)
		scsi_wish(lun, SCSI_WISH_EXAMINE);
	else if (reason != VIRTIO_SCSI_EVT_RESET_HARD && lun && number != 0)
		scsi_wish(lun, SCSI_WISH_LOOK);
	else /* a new one, or of all the target: 5.6.6.3.1-4 */
		scsi_wish_target(scsi, target);
}

static void handle(struct virtio_scsi *scsi, const struct virtio_scsi_event *event)
{
	uint32_t what = le32_get(event->event), reason = le32_get(event->reason);
	struct scsi_lun *lun = NULL;
	uint8_t target;
	uint16_t number;

	if (what & VIRTIO_SCSI_T_EVENTS_MISSED)
		scsi_wish_scan(scsi); /* 5.6.6.3.1-3 */
	what &= ~VIRTIO_SCSI_T_EVENTS_MISSED;
	if (what == VIRTIO_SCSI_T_NO_EVENT)
		return;
	if (!scsi_address_read(event->lun, &target, &number) || target > scsi->max_target) {
		scsi->bad_events++;
		return;
	}
	switch (what) {
	case VIRTIO_SCSI_T_TRANSPORT_RESET:
		transport_reset(scsi, target, number, reason);
		break;
	case VIRTIO_SCSI_T_ASYNC_NOTIFY:
	case VIRTIO_SCSI_T_PARAM_CHANGE:
		lun = scsi_lun_find(scsi, target, number);
		if (lun)
			scsi_wish(lun, SCSI_WISH_EXAMINE);
		break;
	default:
		scsi->bad_events++;
	}
}

void scsi_events_drain(struct virtio_scsi *scsi)
{
	void *cookie;
	uint32_t written;

	/* As many as there are buffers: a device that returns them at once does not keep us here. */
	for (unsigned n = 0; n < SCSI_EVENT_BUFFERS; n++) {
		if (!virtio_queue_pop(scsi->events, &cookie, &written))
			return;
		struct virtio_scsi_event event;
		unsigned i =
			(unsigned)((uint8_t(*)[SCSI_EVENT_BYTES])cookie - scsi->shared->events);
		memcpy(&event, cookie, sizeof(event)); /* once: what is checked is what is used */
		give(scsi, i);
		virtio_queue_publish(scsi->events);
		if (written >= sizeof(event))
			handle(scsi, &event);
		else
			scsi_wish_scan(scsi); /* something was to be told */
	}
	vport_mark(&scsi->events->event);
}
