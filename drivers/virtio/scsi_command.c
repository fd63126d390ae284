/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that the driver gives for itself, to find and to know logical units: VIRTIO 1.4, 5.6.6.1. They go
 * through the first request queue like a program's requests, as requests to a disk that no program sees: one
 * with data to read is a BLOCK_GET_ID there, one without is a BLOCK_DISCARD of nothing (whose data out, if it has
 * any, stands behind the request, as that of a discard does). Nobody waits for one: what comes back has the work item
 * go on.
 *
 * See it at work: make run BUS=scsi, then `scsi scan` in the shell
 * Left out: commands with data both to read and to write.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/mem.h"

#define TRIES 8
#define LATER_NS UINT64_C(100000000)

static void done(struct block_request *request)
{
	scsi_came_back(((struct scsi_command *)request)->host);
}

struct scsi_command *scsi_command_make(struct virtio_scsi *scsi, const uint8_t *address,
				       struct scsi_lun *unit)
{
	scsi->command = (struct scsi_command){ .lun = address, .unit = unit };
	return &scsi->command;
}

void scsi_command_start(struct virtio_scsi *scsi, struct scsi_command *command)
{
	uint32_t bytes = command->data_bytes;

	kit_assert(bytes <= SCSI_DATA_BYTES && command->out_bytes <= SCSI_DATA_BYTES);
	kit_assert(bytes == 0 || command->out_bytes == 0);
	/* What is not written reads as zeros, and as nobody's answer. */
	memset(scsi->shared->data, 0, bytes);
	/* Anew each time: it lies where a device may write for other commands. */
	if (command->out_bytes)
		memcpy(scsi->shared->data, command->out, command->out_bytes);
	command->host = scsi;
	command->segment = (struct block_segment){ scsi->shared->data, bytes };
	command->request = (struct block_request){
		.op = bytes ? BLOCK_GET_ID : BLOCK_DISCARD,
		.segments = bytes ? &command->segment : NULL,
		.segment_count = bytes ? 1 : 0,
		.done = done,
		.driver.disk = &scsi->self,
	};
	if (scsi->device->state == VIRTIO_FAILED) {
		command->request.status = ERR_NODEV;
		return;
	}
	scsi->under_way++;
	block_queue_submit(&scsi->queues[0], &command->request, true);
}

struct scsi_command *scsi_command_of(const struct block_part *part)
{
	struct block_request *request = part->request;

	return request->driver.disk->operations ? NULL : (struct scsi_command *)request;
}

/* The least that each of them tells: what was not moved, by the residual, and what was not written at all. */
static uint32_t received(const struct scsi_command *command)
{
	uint32_t written = command->written, residual = command->answer.residual;
	uint32_t data = written > SCSI_RESP_BYTES ? written - SCSI_RESP_BYTES : 0;

	if (data > command->data_bytes)
		data = command->data_bytes;
	if (residual > command->data_bytes)
		return 0;
	return data < command->data_bytes - residual ? data : command->data_bytes - residual;
}

void scsi_command_take(struct virtio_scsi *scsi, struct scsi_command *command)
{
	command->received = command->request.status ? 0 : received(command);
	if (command->data_bytes) {
		memset(scsi->data, 0, sizeof(scsi->data));
		memcpy(scsi->data, scsi->shared->data, command->received);
	}
}

/* The list of units has changed: whoever is told that must act on it, for it is told once. */
static void heed(const struct scsi_command *command)
{
	const struct scsi_sense *sense = &command->answer.sense;

	if (command->unit && sense->valid && sense->key == SCSI_UNIT_ATTENTION &&
	    sense->asc == 0x3f && sense->ascq == 0x0e)
		scsi_wish_target(command->unit->host, command->unit->target);
}

/* A reset of the device takes with it what was in flight: that is given again once. */
static void answered(struct virtio_scsi *scsi)
{
	struct scsi_command *command = &scsi->command;
	const struct scsi_answer *answer = &command->answer;

	if (scsi->go_on_at != 0) { /* not yet, it said, and now it is later */
		scsi->go_on_at = 0;
		scsi_command_start(scsi, command);
		return;
	}
	scsi_command_take(scsi, command);
	if (command->request.status) {
		if (command->request.status == ERR_NODEV || command->resets++ > 0)
			scsi_end(scsi, command->request.status);
		else
			scsi_command_start(scsi, command);
		return;
	}
	heed(command);
	if (answer->verdict == SCSI_DONE) {
		scsi_end(scsi, 0);
	} else if (answer->verdict == SCSI_FAILED || command->once || ++command->tries >= TRIES) {
		scsi_end(scsi, answer->error);
	} else if (answer->verdict == SCSI_LATER) {
		scsi->go_on_at = vport_now() + LATER_NS;
		vport_mark(&scsi->timer);
	} else {
		scsi_command_start(scsi, command);
	}
}

void scsi_command_run(struct virtio_scsi *scsi)
{
	scsi_begin(scsi, answered);
	scsi_command_start(scsi, &scsi->command);
}

/* ---- Questions -------------------------------------------------------------------------------------- */

void scsi_questions_begin(struct scsi_questions *questions, struct scsi_lun *lun,
			  const struct scsi_question *list, unsigned count)
{
	*questions = (struct scsi_questions){ .lun = lun, .list = list, .count = count };
}

int scsi_questions_next(struct virtio_scsi *scsi, struct scsi_questions *questions)
{
	struct scsi_lun *lun = questions->lun;

	if (questions->asked) {
		questions->asked = false;
		int error = questions->list[questions->at++].take(lun, scsi->result);
		if (error)
			return error;
	}
	for (; questions->at < questions->count; questions->at++) {
		struct scsi_command *command = scsi_command_make(scsi, lun->address, lun);
		if (questions->list[questions->at].ask(lun, command)) {
			questions->asked = true;
			scsi_command_run(scsi);
			return 0;
		}
	}
	return 1;
}
