/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control queue of virtio-scsi: VIRTIO 1.4, 5.6.6.2. Task management and subscriptions to notifications; one
 * request at a time: by the device's work item, and by the first scan, which runs instead of it.
 *
 * See it at work: make run BUS=scsi, then `scsi reset sda` in the shell
 * Left out: what Linux does not use either: clearing and querying of task sets, I_T nexus reset.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/mem.h"

/* Gives the request in `shared->control` to the device, and waits. 0, or an error: then there is no answer. */
static int request(struct virtio_scsi *scsi, uint32_t readable, uint32_t writable)
{
	size_t at = __builtin_offsetof(struct scsi_shared, control);
	struct virtq_segment segments[2] = {
		{ scsi_shared_at(scsi, at), readable },
		{ scsi_shared_at(scsi, at + readable), writable },
	};

	kit_assert(!scsi->control_busy);
	int id = virtio_queue_push(scsi->control, segments, 1, 1, scsi, VIRTIO_ONE_DEADLINE);
	if (id < 0)
		return id;
	scsi->control_busy = true;
	scsi->control_error = 0;
	virtio_queue_publish(scsi->control);
	while (scsi->control_busy)
		vport_relax(VPORT_NEVER);
	return scsi->control_error;
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

int scsi_task_management(struct virtio_scsi *scsi, uint32_t subtype, const uint8_t *lun,
			 uint64_t id)
{
	struct virtio_scsi_ctrl_tmf *tmf = &scsi->shared->control.tmf;

	shared_store32(&tmf->type, VIRTIO_SCSI_T_TMF);
	shared_store32(&tmf->subtype, subtype);
	memcpy(tmf->lun, lun, SCSI_LUN_BYTES);
	shared_store64(&tmf->id, id);
	shared_store8(&tmf->response, SCSI_POISON);
	int error = request(scsi, SCSI_TMF_BYTES, sizeof(tmf->response));
	return error ? error : result(shared_load8(&tmf->response));
}

int scsi_subscribe(struct virtio_scsi *scsi, const uint8_t *lun, uint32_t events)
{
	struct virtio_scsi_ctrl_an *an = &scsi->shared->control.an;

	shared_store32(&an->type, VIRTIO_SCSI_T_AN_SUBSCRIBE);
	memcpy(an->lun, lun, SCSI_LUN_BYTES);
	shared_store32(&an->event_requested, events);
	shared_store32(&an->event_actual, 0);
	shared_store8(&an->response, SCSI_POISON);
	int error = request(scsi, SCSI_AN_BYTES, SCSI_AN_ANSWER_BYTES);
	if (!error)
		error = result(shared_load8(&an->response));
	return error ? error : (int)(shared_load32(&an->event_actual) & events);
}

void scsi_control_drain(struct virtio_scsi *scsi)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(scsi->control, &cookie, &written)) {
		scsi->control_busy = false;
		if (written == 0)
			scsi->control_error = ERR_IO;
	}
}

void scsi_control_abort(struct virtio_scsi *scsi, int error)
{
	scsi->control_busy = false;
	scsi->control_error = error;
}
