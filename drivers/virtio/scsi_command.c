/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that the driver gives for itself, to find and to know logical units: VIRTIO 1.4, 5.6.6.1. They go
 * through the first request queue like a program's requests, as requests to a disk that no program sees: one
 * with data to read is a BLOCK_GET_ID there, one without is a BLOCK_DISCARD of nothing (whose data out, if it has
 * any, stands behind the request, as that of a discard does).
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
	((struct scsi_command *)request)->finished = true;
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
	command->finished = false;
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
		command->finished = true;
	} else {
		block_queue_submit(&scsi->queues[0], &command->request, true);
	}
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

void scsi_command_wait(struct virtio_scsi *scsi, struct scsi_command *command)
{
	while (!command->finished)
		vport_relax(VPORT_NEVER);
	command->received = command->request.status ? 0 : received(command);
	if (command->data_bytes) {
		memset(scsi->data, 0, sizeof(scsi->data));
		memcpy(scsi->data, scsi->shared->data, command->received);
	}
}

static void pause(void)
{
	uint64_t end = vport_now() + LATER_NS;

	while (vport_now() < end)
		vport_relax(end);
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
int scsi_command_run(struct virtio_scsi *scsi, struct scsi_command *command)
{
	unsigned resets = 0;

	for (unsigned try = 1;; try++) {
		scsi_command_start(scsi, command);
		scsi_command_wait(scsi, command);
		if (command->request.status) {
			if (command->request.status == ERR_NODEV || resets++ > 0)
				return command->request.status;
			continue;
		}
		heed(command);
		if (command->answer.verdict == SCSI_DONE)
			return 0;
		if (command->answer.verdict == SCSI_FAILED || try >= TRIES)
			return command->answer.error;
		if (command->answer.verdict == SCSI_LATER)
			pause();
	}
}
