/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All for which virtio-scsi waits for its device, in one work item a device: what was wished (scsi_attend.c) is done in
 * rounds, with a pause between two of them, so that a device that tells of changes without end costs little.
 *
 * The work item itself does not wait, or a device that does not answer would keep all others from theirs, and the program
 * too: it goes on, step by step (scsi_step.h), when what it gave to the device is back, or when the device is reset
 * because nothing came.
 *
 * See it at work: make run BUS=scsi, then `scsi scan` in the shell
 * Left out: what is urgent waits for the unit, target or scan in hand, each of which gives up after a minute.
 */
#include "drivers/virtio/scsi_host.h"

#define QUIET_NS UINT64_C(100000000)
#define POLL_NS UINT64_C(2000000000)

/* ---- What is wished -------------------------------------------------------------------------------------- */

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
static void aborted(struct virtio_scsi *scsi)
{
	int error = scsi->result;

	scsi_log(scsi->round.managed, VPORT_LOG_ERROR, "a command takes too long: %s%s",
		 error ? "it cannot be aborted: " : "aborted", error ? error_text(error) : "");
	scsi_end(scsi, 0);
}

static void was_reset(struct virtio_scsi *scsi)
{
	struct scsi_lun *lun = scsi->round.managed;
	int error = scsi->result;

	scsi_log(lun, VPORT_LOG_INFO, "%s%s", error ? "it cannot be reset: " : "has been reset",
		 error ? error_text(error) : "");
	lun->reset_error = error;
	count_up(&lun->resets);
	scsi_end(scsi, 0);
}

static void cache_switched(struct virtio_scsi *scsi)
{
	struct scsi_lun *lun = scsi->round.managed;

	lun->switch_error = scsi->result;
	if (lun->switch_error)
		lun->mode_chosen = false;
	count_up(&lun->switches);
	scsi_end(scsi, 0);
}

static void switch_cache(struct scsi_lun *lun)
{
	struct virtio_scsi *scsi = lun->host;

	scsi_begin(scsi, cache_switched);
	scsi->result = lun->present ? ERR_NO_MEDIUM : ERR_NODEV;
	if (lun->present && lun->ready)
		scsi_switch_cache(lun, lun->write_back_chosen);
}

/* The one that waits: for the queues to run dry, for a moment. Here, because whatever else waits for a queue meanwhile is
 * a work item, and so none can come in between. */
static void resize_queues(struct virtio_scsi *scsi, unsigned size)
{
	/* 5.6.4.1-2, as when they were made. */
	if (scsi->per_lun_max && size > scsi->per_lun_max / scsi->queue_count)
		size = scsi->per_lun_max / scsi->queue_count;
	scsi->resize_error = block_queues_resize(scsi->queues, scsi->queue_count, size,
						 scsi->self.limits.pieces_max);
	count_up(&scsi->resizes);
}

static void manage(struct scsi_lun *lun, uint8_t wish, uint64_t abort_id)
{
	struct virtio_scsi *scsi = lun->host;

	scsi->round.managed = lun;
	switch (wish) {
	case SCSI_WISH_ABORT:
		scsi_begin(scsi, aborted);
		scsi_task_management(scsi, VIRTIO_SCSI_T_TMF_ABORT_TASK, lun->address, abort_id);
		break;
	case SCSI_WISH_RESET:
		scsi_begin(scsi, was_reset);
		scsi_task_management(scsi, VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, lun->address, 0);
		break;
	default:
		switch_cache(lun);
	}
}

/* Before all else: somebody waits. Whether there was something. */
static bool manage_tasks(struct virtio_scsi *scsi)
{
	static const uint8_t urgent[] = { SCSI_WISH_ABORT, SCSI_WISH_RESET, SCSI_WISH_CACHE };
	unsigned size = take_size(scsi);

	if (size != 0)
		resize_queues(scsi, size);
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next) {
		for (unsigned i = 0; i < sizeof(urgent); i++) {
			uint64_t id;
			if (take_wishes(lun, urgent[i], &id)) {
				manage(lun, urgent[i], id);
				return true;
			}
		}
	}
	return false;
}

static void scanned(struct virtio_scsi *scsi)
{
	int error = scsi->result;

	/* A device that cannot even be scanned is asked again after its next resets, but not for ever. */
	scsi->failed_scans = error ? scsi->failed_scans + 1 : 0;
	if (error)
		virtio_log(scsi->device, VPORT_LOG_ERROR, "%s: not all of it could be scanned: %s",
			   scsi->device->name, error_text(error));
	scan_ends(scsi, error);
	scsi_end(scsi, 0);
}

/* Once a round. */
static bool scan(struct virtio_scsi *scsi)
{
	if (scsi->round.scanned || !take_scan(scsi))
		return false;
	scsi->round.scanned = true;
	scsi_begin(scsi, scanned);
	scsi_scan_begin(scsi);
	scsi_scan_host(scsi);
	return true;
}

/* What there is no time for now is wished on, for the next round. */
static bool look_at_target(struct virtio_scsi *scsi)
{
	struct scsi_round *round = &scsi->round;

	while (round->target < SCSI_MAX_TARGETS && !scsi_scan_is_late(scsi)) {
		unsigned target = round->target++;
		if (take_target(scsi, target)) {
			scsi_scan_target(scsi, (uint8_t)target);
			return true;
		}
	}
	return false;
}

static bool look_at_unit(struct virtio_scsi *scsi)
{
	struct scsi_round *round = &scsi->round;

	while (round->lun && !scsi_scan_is_late(scsi)) {
		struct scsi_lun *lun = round->lun;
		uint64_t id;
		uint8_t wishes = take_wishes(lun, SCSI_WISH_LOOK | SCSI_WISH_EXAMINE, &id);
		round->lun = lun->next;
		if (wishes & SCSI_WISH_LOOK)
			scsi_unit_look(scsi, lun->target, lun->number);
		else if (wishes && lun->present && scsi_is_disk(lun))
			scsi_disk_examine(lun);
		else
			continue;
		return true;
	}
	return false;
}

static bool must_be_polled(const struct scsi_lun *lun)
{
	return lun->present && scsi_is_disk(lun) && lun->removable && !lun->announces;
}

static bool poll_unit(struct virtio_scsi *scsi)
{
	struct scsi_round *round = &scsi->round;

	while (round->lun) {
		struct scsi_lun *lun = round->lun;
		round->lun = lun->next;
		round->polls |= must_be_polled(lun);
		if (round->poll_due && must_be_polled(lun)) {
			scsi_disk_poll(lun);
			return true;
		}
	}
	if (!round->polls)
		scsi->poll_at = VPORT_NEVER;
	else if (round->poll_due || scsi->poll_at == VPORT_NEVER)
		scsi->poll_at = vport_now() + POLL_NS;
	return false;
}

/* ---- Step by step ---------------------------------------------------------------------------------------- */

void scsi_begin(struct virtio_scsi *scsi, scsi_step *step)
{
	kit_assert(scsi->depth < SCSI_STEPS);
	scsi->steps[scsi->depth++] = step;
}

void scsi_end(struct virtio_scsi *scsi, int result)
{
	scsi->depth--;
	scsi->result = result;
}

void scsi_came_back(struct virtio_scsi *scsi)
{
	if (--scsi->under_way == 0)
		vport_work_queue(&scsi->work);
}

/* What the round has to do in this stage, if there is something left. */
static bool begin_next(struct virtio_scsi *scsi)
{
	switch (scsi->round.stage) {
	case SCSI_ROUND_SCAN:
		return scan(scsi);
	case SCSI_ROUND_TARGETS:
		return look_at_target(scsi);
	case SCSI_ROUND_UNITS:
		return look_at_unit(scsi);
	default:
		return poll_unit(scsi);
	}
}

static void next_stage(struct virtio_scsi *scsi)
{
	struct scsi_round *round = &scsi->round;

	round->stage++;
	round->lun = scsi->luns;
	round->poll_due = vport_now() >= scsi->poll_at;
	if (round->stage == SCSI_ROUND_TARGETS)
		scsi_scan_begin(scsi);
}

static void go_on(struct virtio_scsi *scsi)
{
	bool failed = scsi->device->state == VIRTIO_FAILED;

	if (failed) {
		take_scan(scsi);
		scan_ends(scsi, ERR_NODEV);
	} else if (manage_tasks(scsi) || begin_next(scsi)) {
		return;
	} else if (scsi->round.stage < SCSI_ROUND_POLL) {
		next_stage(scsi);
		return;
	}
	scsi_end(scsi, 0);
	scsi->quiet_until = vport_now() + QUIET_NS;
	vport_mark(&scsi->timer);
}

/* Does what was wished, or goes on with it, up to where the device has to answer. */
static void run(struct vport_work *work)
{
	struct virtio_scsi *scsi = containing(work, struct virtio_scsi, work);

	if (scsi->depth == 0) {
		scsi->round = (struct scsi_round){ .target = 0 };
		scsi_begin(scsi, go_on);
	}
	while (scsi->depth > 0 && scsi->under_way == 0 && vport_now() >= scsi->go_on_at)
		scsi->steps[scsi->depth - 1](scsi);
}

void scsi_round_init(struct virtio_scsi *scsi)
{
	scsi->work.run = run;
	scsi->poll_at = VPORT_NEVER;
}
