/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When virtio-scsi has something to do for which the device must be waited: scans, looking at units that may have changed,
 * task management. Whoever finds that there is something to do (a drain, an event, a program) wishes it; a wish
 * that is there already is the same one. scsi_round.c does what is wished.
 *
 * See it at work: make run BUS=scsi, then `scsi scan` in the shell
 * Left out: an order among wishes, but for what is urgent: it comes before what has not been begun.
 */
#include "drivers/virtio/scsi_host.h"

#define URGENT (SCSI_WISH_ABORT | SCSI_WISH_RESET | SCSI_WISH_CACHE)

/* ---- Wishes ------------------------------------------------------------------------------------- */

void scsi_wish(struct scsi_lun *lun, uint8_t wishes)
{
	struct virtio_scsi *scsi = lun->host;

	vport_lock_take(&scsi->lock);
	lun->wishes |= wishes;
	vport_lock_give(&scsi->lock);
	vport_mark(&scsi->timer);
}

void scsi_wish_target(struct virtio_scsi *scsi, uint8_t target)
{
	vport_lock_take(&scsi->lock);
	scsi->look_at[target / 8] |= (uint8_t)(1u << target % 8);
	vport_lock_give(&scsi->lock);
	vport_mark(&scsi->timer);
}

void scsi_wish_scan(struct virtio_scsi *scsi)
{
	vport_lock_take(&scsi->lock);
	scsi->scan_wanted = true;
	vport_lock_give(&scsi->lock);
	vport_mark(&scsi->timer);
}

/* 0: nothing is wished; else whether it cannot wait. */
static bool wished(const struct virtio_scsi *scsi, bool *urgent)
{
	bool any = scsi->scan_wanted;

	*urgent = scsi->size_wanted != 0;
	if (scsi->device->state == VIRTIO_FAILED)
		return any; /* somebody waits to hear that */
	for (unsigned i = 0; i < sizeof(scsi->look_at); i++)
		any |= scsi->look_at[i] != 0;
	for (const struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		any |= lun->wishes != 0;
		*urgent |= (lun->wishes & URGENT) != 0;
	}
	return any;
}

/* ---- When ------------------------------------------------------------------------------------------- */

static void timer_drain(struct vport_event *event)
{
	struct virtio_scsi *scsi = containing(event, struct virtio_scsi, timer);
	uint64_t now = vport_now();
	bool urgent;

	scsi_data_answer(scsi);
	if (scsi->depth > 0) { /* a round is on, whose end looks again */
		event->check_at = now < scsi->go_on_at ? scsi->go_on_at : VPORT_NEVER;
		if (scsi->go_on_at != 0 && now >= scsi->go_on_at)
			vport_work_queue(&scsi->work);
		return;
	}
	bool any = wished(scsi, &urgent);

	event->check_at = scsi->poll_at;
	if (urgent || now >= scsi->poll_at || (any && now >= scsi->quiet_until)) {
		event->check_at = VPORT_NEVER;
		vport_work_queue(&scsi->work);
	} else if (any && scsi->quiet_until < event->check_at) {
		event->check_at = scsi->quiet_until;
	}
}

void scsi_attend_init(struct virtio_scsi *scsi)
{
	scsi_round_init(scsi);
	scsi->timer.drain = timer_drain;
	scsi->timer.check_at = VPORT_NEVER;
	vport_event_add(&scsi->timer);
}

/* ---- What answers tell --------------------------------------------------------------------------------- */

void scsi_sense_keep(struct scsi_lun *lun, const struct scsi_sense *sense)
{
	if (!sense->valid)
		return;
	vport_lock_take(&lun->host->lock);
	lun->sense = *sense;
	vport_lock_give(&lun->host->lock);
}

struct scsi_sense scsi_sense_kept(struct scsi_lun *lun)
{
	vport_lock_take(&lun->host->lock);
	struct scsi_sense sense = lun->sense;
	vport_lock_give(&lun->host->lock);
	return sense;
}

void scsi_notice(struct scsi_lun *lun, const struct scsi_answer *answer)
{
	const struct scsi_sense *sense = &answer->sense;

	scsi_sense_keep(lun, sense);
	if (answer->verdict == SCSI_FAILED && answer->error == ERR_NODEV)
		scsi_wish(lun, SCSI_WISH_LOOK);
	else if (answer->verdict == SCSI_FAILED && answer->error == ERR_NO_MEDIUM)
		scsi_wish(lun, SCSI_WISH_EXAMINE);
	if (!sense->valid || sense->key != SCSI_UNIT_ATTENTION)
		return;
	switch (sense->asc) {
	case 0x28: /* the medium, */
	case 0x3a: /* which may be another one by now, */
	case 0x29: /* after a reset all that was set, */
	case 0x2a: /* parameters such as the capacity */
		scsi_wish(lun, SCSI_WISH_EXAMINE);
		break;
	case 0x3f: /* which units there are, or what this one is */
		if (sense->ascq == 0x0e)
			scsi_wish_target(lun->host, lun->target);
		else
			scsi_wish(lun, SCSI_WISH_LOOK);
		break;
	}
}

/* ---- For programs ----------------------------------------------------------------------------------------- */

#define WAIT_NS \
	UINT64_C(10000000) /* between looks: this may be another CPU than that of the work */

/* Scans that begin after this. One that runs already may have passed by what is new. */
static int scan_and_wait(struct virtio_scsi *scsi)
{
	vport_lock_take(&scsi->lock);
	unsigned wanted = scsi->scans_begun + 1;
	vport_lock_give(&scsi->lock);
	scsi_wish_scan(scsi);
	while ((int)(__atomic_load_n(&scsi->scans, __ATOMIC_ACQUIRE) - wanted) < 0)
		vport_relax(vport_now() + WAIT_NS);
	return scsi->scan_error;
}

int scsi_scan(void)
{
	int error = 0;

	for (struct virtio_scsi *scsi = virtio_scsi_first(); scsi; scsi = scsi->next) {
		int result = scan_and_wait(scsi);
		error = result ? result : error;
	}
	return error;
}

/* Until what has been wished is done: *count changes. Then *result; or ERR_NODEV. */
static int await(const struct scsi_lun *lun, const unsigned *count, unsigned before,
		 const int *result)
{
	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) == before) {
		if (lun->host->device->state == VIRTIO_FAILED)
			return ERR_NODEV;
		vport_relax(vport_now() + WAIT_NS);
	}
	return *result;
}

int scsi_reset(struct scsi_lun *lun)
{
	unsigned before = lun->resets;

	if (!lun->present || lun->host->device->state == VIRTIO_FAILED)
		return ERR_NODEV;
	scsi_wish(lun, SCSI_WISH_RESET);
	return await(lun, &lun->resets, before, &lun->reset_error);
}

int scsi_set_write_back(struct scsi_lun *lun, bool on)
{
	struct virtio_scsi *scsi = lun->host;
	unsigned before = lun->switches;

	vport_lock_take(&scsi->lock);
	lun->mode_chosen = true;
	lun->write_back_chosen = on;
	vport_lock_give(&scsi->lock);
	scsi_wish(lun, SCSI_WISH_CACHE);
	return await(lun, &lun->switches, before, &lun->switch_error);
}

int scsi_resize_queues(struct scsi_lun *lun, unsigned size)
{
	struct virtio_scsi *scsi = lun->host;
	unsigned before = scsi->resizes;

	if (size == 0 || size > VIRTQ_MAX_SIZE)
		return ERR_INVALID;
	vport_lock_take(&scsi->lock);
	scsi->size_wanted = size;
	vport_lock_give(&scsi->lock);
	vport_mark(&scsi->timer);
	return await(lun, &scsi->resizes, before, &scsi->resize_error);
}
