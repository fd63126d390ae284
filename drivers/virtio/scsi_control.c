/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control queue of virtio-scsi: VIRTIO 1.4, 5.6.6.2. Task management and subscriptions to notifications; one
 * request at a time, each a step of the device's work item.
 *
 * See it at work: make run BUS=scsi, then `scsi reset sda` in the shell
 * Left out: what Linux does not use either: clearing and querying of task sets, I_T nexus reset.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/mem.h"

/* Gives the request in `shared->control` to the device; `answered` is called when it is back, or at once with an error. */
static void request(struct virtio_scsi *scsi, uint32_t readable, uint32_t writable,
		    scsi_step *answered)
{
	size_t at = __builtin_offsetof(struct scsi_shared, control);
	struct virtq_segment segments[2] = {
		{ scsi_shared_at(scsi, at), readable },
		{ scsi_shared_at(scsi, at + readable), writable },
	};

	kit_assert(!scsi->control_busy);
	scsi_begin(scsi, answered);
	int id = virtio_queue_push(scsi->control, segments, 1, 1, scsi, VIRTIO_ONE_DEADLINE);
	scsi->control_error = id < 0 ? id : 0;
	if (id < 0)
		return;
	scsi->control_busy = true;
	scsi->under_way++;
	virtio_queue_publish(scsi->control);
}

/* `response`: poisoned before, so that one that was not written is none. */
static int result(uint8_t response)
{
	switch (response) {
	case VIRTIO_SCSI_S_OK: /* and FUNCTION_COMPLETE */
	case VIRTIO_SCSI_S_FUNCTION_SUCCEEDED:
		return 0;
	case VIRTIO_SCSI_S_FUNCTION_REJECTED:
		return ERR_UNSUPPORTED;
	case VIRTIO_SCSI_S_BAD_TARGET:
	case VIRTIO_SCSI_S_INCORRECT_LUN:
		return ERR_NODEV;
	case VIRTIO_SCSI_S_BUSY:
		return ERR_BUSY;
	default:
		return ERR_IO;
	}
}

static void managed(struct virtio_scsi *scsi)
{
	const struct virtio_scsi_ctrl_tmf *tmf = &scsi->shared->control.tmf;
	int error = scsi->control_error;

	scsi_end(scsi, error ? error : result(shared_load8(&tmf->response)));
}

void scsi_task_management(struct virtio_scsi *scsi, uint32_t subtype, const uint8_t *lun,
			  uint64_t id)
{
	struct virtio_scsi_ctrl_tmf *tmf = &scsi->shared->control.tmf;

	shared_store32(&tmf->type, VIRTIO_SCSI_T_TMF);
	shared_store32(&tmf->subtype, subtype);
	memcpy(tmf->lun, lun, SCSI_LUN_BYTES);
	shared_store64(&tmf->id, id);
	shared_store8(&tmf->response, SCSI_POISON);
	request(scsi, SCSI_TMF_BYTES, sizeof(tmf->response), managed);
}

static void subscribed(struct virtio_scsi *scsi)
{
	const struct virtio_scsi_ctrl_an *an = &scsi->shared->control.an;
	int error = scsi->control_error;

	if (!error)
		error = result(shared_load8(&an->response));
	scsi_end(scsi,
		 error ? error : (int)(shared_load32(&an->event_actual) & scsi->control_events));
}

void scsi_subscribe(struct virtio_scsi *scsi, const uint8_t *lun, uint32_t events)
{
	struct virtio_scsi_ctrl_an *an = &scsi->shared->control.an;

	scsi->control_events = events;
	shared_store32(&an->type, VIRTIO_SCSI_T_AN_SUBSCRIBE);
	memcpy(an->lun, lun, SCSI_LUN_BYTES);
	shared_store32(&an->event_requested, events);
	shared_store32(&an->event_actual, 0);
	shared_store8(&an->response, SCSI_POISON);
	request(scsi, SCSI_AN_BYTES, SCSI_AN_ANSWER_BYTES, subscribed);
}

static void control_ended(struct virtio_scsi *scsi, int error)
{
	scsi->control_busy = false;
	scsi->control_error = error;
	scsi_came_back(scsi);
}

void scsi_control_drain(struct virtio_scsi *scsi)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(scsi->control, &cookie, &written))
		control_ended(scsi, written == 0 ? ERR_IO : 0);
}

void scsi_control_abort(struct virtio_scsi *scsi, int error)
{
	control_ended(scsi, error);
}
