/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that virtio-scsi must wait for, in one work item a device: scans, looking at units that may have changed,
 * task management. Whoever finds that there is something to do (a drain, an event, a program) wishes it; a wish
 * that is there already is the same one. Between two rounds there is a pause, so that a device that tells of
 * changes without end costs little.
 *
 * See it at work: make run BUS=scsi, then `scsi scan` in the shell
 * Left out: an order among wishes: what is urgent waits for a scan that runs, which gives up after a minute.
 */
#include "drivers/virtio/scsi_host.h"

#define QUIET_NS UINT64_C(100000000)
#define POLL_NS UINT64_C(2000000000)
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

static uint8_t take_wishes(struct scsi_lun *lun, uint8_t which, uint64_t *abort_id)
{
	struct virtio_scsi *scsi = lun->host;

	vport_lock_take(&scsi->lock);
	uint8_t wishes = lun->wishes & which;
	lun->wishes &= (uint8_t)~which;
	*abort_id = lun->abort_id;
	vport_lock_give(&scsi->lock);
	return wishes;
}

static bool take_scan(struct virtio_scsi *scsi)
{
	vport_lock_take(&scsi->lock);
	bool wanted = scsi->scan_wanted;
	scsi->scan_wanted = false;
	if (wanted)
		scsi->scans_begun++;
	vport_lock_give(&scsi->lock);
	return wanted;
}

static unsigned take_size(struct virtio_scsi *scsi)
{
	vport_lock_take(&scsi->lock);
	unsigned size = scsi->size_wanted;
	scsi->size_wanted = 0;
	vport_lock_give(&scsi->lock);
	return size;
}

static bool take_target(struct virtio_scsi *scsi, unsigned target)
{
	uint8_t bit = (uint8_t)(1u << target % 8);

	vport_lock_take(&scsi->lock);
	bool wanted = (scsi->look_at[target / 8] & bit) != 0;
	scsi->look_at[target / 8] &= (uint8_t)~bit;
	vport_lock_give(&scsi->lock);
	return wanted;
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
	struct virtio_scsi *scsi =
		(struct virtio_scsi *)((char *)event -
				       __builtin_offsetof(struct virtio_scsi, timer));
	uint64_t now = vport_now();
	bool urgent;

	scsi_data_answer(scsi);
	bool any = wished(scsi, &urgent);

	event->check_at = scsi->poll_at;
	if (urgent || now >= scsi->poll_at || (any && now >= scsi->quiet_until)) {
		event->check_at = VPORT_NEVER; /* scsi_attend's end looks again */
		vport_work_queue(&scsi->work);
	} else if (any && scsi->quiet_until < event->check_at) {
		event->check_at = scsi->quiet_until;
	}
}

static void run(struct vport_work *work)
{
	scsi_attend((struct virtio_scsi *)((char *)work -
					   __builtin_offsetof(struct virtio_scsi, work)));
}

void scsi_attend_init(struct virtio_scsi *scsi)
{
	scsi->work.run = run;
	scsi->timer.drain = timer_drain;
	scsi->timer.check_at = VPORT_NEVER;
	scsi->poll_at = VPORT_NEVER;
	vport_event_add(&scsi->timer);
}

/* ---- What ---------------------------------------------------------------------------------------------- */

/* Whoever waits for it, on whichever CPU, sees then what was written before. */
static void count_up(unsigned *count)
{
	__atomic_store_n(count, *count + 1, __ATOMIC_RELEASE);
}

static void scan_ends(struct virtio_scsi *scsi, int error)
{
	scsi->scan_error = error;
	__atomic_store_n(&scsi->scans, scsi->scans_begun, __ATOMIC_RELEASE);
}

/* Whatever comes of it: a command that does not end all the same, and a unit that is not reset, are the look's
 * business again (scsi_data_overdue). */
static void abort_command(struct scsi_lun *lun, uint64_t id)
{
	int error = scsi_task_management(lun->host, VIRTIO_SCSI_T_TMF_ABORT_TASK, lun->address, id);

	scsi_log(lun, VPORT_LOG_ERROR, "a command takes too long: %s%s",
		 error ? "it cannot be aborted: " : "aborted", error ? error_text(error) : "");
}

static void reset_unit(struct scsi_lun *lun)
{
	int error = scsi_task_management(lun->host, VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET,
					 lun->address, 0);

	scsi_log(lun, VPORT_LOG_INFO, "%s%s", error ? "it cannot be reset: " : "has been reset",
		 error ? error_text(error) : "");
	lun->reset_error = error;
	count_up(&lun->resets);
}

static void switch_cache(struct scsi_lun *lun)
{
	if (lun->present && lun->ready)
		lun->switch_error = scsi_switch_cache(lun, lun->write_back_chosen);
	else
		lun->switch_error = lun->present ? ERR_NO_MEDIUM : ERR_NODEV;
	if (lun->switch_error)
		lun->mode_chosen = false;
	count_up(&lun->switches);
}

/* Here, because whatever waits for a queue meanwhile is a work item, and so none can come in between. */
static void resize_queues(struct virtio_scsi *scsi, unsigned size)
{
	/* 5.6.4.1-2, as when they were made. */
	if (scsi->per_lun_max && size > scsi->per_lun_max / scsi->queue_count)
		size = scsi->per_lun_max / scsi->queue_count;
	scsi->resize_error = block_queues_resize(scsi->queues, scsi->queue_count, size,
						 scsi->self.limits.pieces_max);
	count_up(&scsi->resizes);
}

/* Before all else: somebody waits. */
static void manage_tasks(struct virtio_scsi *scsi)
{
	unsigned size = take_size(scsi);

	if (size != 0)
		resize_queues(scsi, size);
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		uint64_t id;
		uint8_t wishes = take_wishes(lun, URGENT, &id);
		if (wishes & SCSI_WISH_ABORT)
			abort_command(lun, id);
		if (wishes & SCSI_WISH_RESET)
			reset_unit(lun);
		if (wishes & SCSI_WISH_CACHE)
			switch_cache(lun);
	}
}

static void scan(struct virtio_scsi *scsi)
{
	scsi_scan_begin(scsi);
	int error = scsi_scan_host(scsi);
	/* A device that cannot even be scanned is asked again after its next resets, but not for ever. */
	scsi->failed_scans = error ? scsi->failed_scans + 1 : 0;
	if (error)
		virtio_log(scsi->device, VPORT_LOG_ERROR, "%s: not all of it could be scanned: %s",
			   scsi->device->name, error_text(error));
	scan_ends(scsi, error);
}

/* What there is no time for now is wished on, for the next round. */
static void look_at_units(struct virtio_scsi *scsi)
{
	scsi_scan_begin(scsi);
	for (unsigned target = 0; target < SCSI_MAX_TARGETS && !scsi_scan_is_late(scsi); target++) {
		if (take_target(scsi, target))
			scsi_scan_target(scsi, (uint8_t)target);
	}
	for (struct scsi_lun *lun = scsi->luns; lun && !scsi_scan_is_late(scsi); lun = lun->next) {
		uint64_t id;
		uint8_t wishes = take_wishes(lun, SCSI_WISH_LOOK | SCSI_WISH_EXAMINE, &id);
		if (wishes & SCSI_WISH_LOOK)
			scsi_scan_lun(scsi, lun->target, lun->number);
		else if (wishes && lun->present && scsi_is_disk(lun))
			scsi_disk_examine(lun);
	}
}

static bool must_be_polled(const struct scsi_lun *lun)
{
	return lun->present && scsi_is_disk(lun) && lun->removable && !lun->announces;
}

static void poll(struct virtio_scsi *scsi)
{
	bool due = vport_now() >= scsi->poll_at, any = false;

	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		any |= must_be_polled(lun);
		if (due && must_be_polled(lun))
			scsi_disk_poll(lun);
	}
	if (!any)
		scsi->poll_at = VPORT_NEVER;
	else if (due || scsi->poll_at == VPORT_NEVER)
		scsi->poll_at = vport_now() + POLL_NS;
}

void scsi_attend(struct virtio_scsi *scsi)
{
	if (scsi->attending)
		return; /* the first scan, in program context: its end looks for more */
	scsi->attending = true;
	if (scsi->device->state != VIRTIO_FAILED) {
		manage_tasks(scsi);
		if (take_scan(scsi))
			scan(scsi);
		look_at_units(scsi);
		poll(scsi);
	} else {
		take_scan(scsi);
		scan_ends(scsi, ERR_NODEV);
	}
	scsi->attending = false;
	scsi->quiet_until = vport_now() + QUIET_NS;
	vport_mark(&scsi->timer);
}

/* ---- What answers tell --------------------------------------------------------------------------------- */

void scsi_notice(struct scsi_lun *lun, const struct scsi_answer *answer)
{
	const struct scsi_sense *sense = &answer->sense;

	if (sense->valid) {
		vport_lock_take(&lun->host->lock);
		lun->sense = *sense;
		vport_lock_give(&lun->host->lock);
	}
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
