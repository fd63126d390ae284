/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-scsi device's answer to a command means: VIRTIO 1.4, 5.6.6.1, with the status and sense of SAM
 * and SPC. Response, status and sense key come from the device, and each has its say: good is only what is good
 * in all of them, and what has no meaning is an error.
 *
 * See it at work: make run BUS=scsi APP=disksum
 * Left out: auto contingent allegiance, which nobody asks for here.
 */
#include "drivers/virtio/scsi_host.h"

/* SAM's status codes. */
enum {
	STATUS_GOOD = 0x00,
	STATUS_CHECK_CONDITION = 0x02,
	STATUS_BUSY = 0x08,
	STATUS_RESERVATION_CONFLICT = 0x18,
	STATUS_TASK_SET_FULL = 0x28,
	STATUS_TASK_ABORTED = 0x40,
};

struct outcome {
	enum scsi_verdict verdict;
	int error;
};

static const struct outcome done = { SCSI_DONE, 0 };
static const struct outcome again = { SCSI_AGAIN, ERR_IO };
static const struct outcome later = { SCSI_LATER, ERR_BUSY };

static struct outcome failed(int error)
{
	return (struct outcome){ SCSI_FAILED, error };
}

/* The command is fine; the unit says that it cannot, now or ever. */
static struct outcome not_ready(const struct scsi_sense *sense)
{
	enum { NOT_READY_CAUSE = 0x04, BECOMING_READY = 0x01, NO_MEDIUM = 0x3a };

	if (sense->asc == NOT_READY_CAUSE && sense->ascq == BECOMING_READY)
		return later;
	return failed(sense->asc == NO_MEDIUM ? ERR_NO_MEDIUM : ERR_IO);
}

static struct outcome illegal_request(const struct scsi_sense *sense)
{
	switch (sense->asc) {
	case 0x20: /* the operation, */
	case 0x24: /* a field in it, */
	case 0x26: /* or in its parameter list is unknown */
		return failed(ERR_UNSUPPORTED);
	case 0x21:
		return failed(ERR_RANGE);
	case 0x25: /* 5.6.6.3: what an unplugged unit says */
		return failed(ERR_NODEV);
	default:
		return failed(ERR_IO);
	}
}

/* A thin-provisioned unit found no place for what was to be written. QEMU says so when its host's file system is full. */
static bool is_full(const struct scsi_sense *sense)
{
	enum { WRITE_PROTECTED = 0x27, SPACE_ALLOCATION_FAILED = 0x07 };

	return sense->asc == WRITE_PROTECTED && sense->ascq == SPACE_ALLOCATION_FAILED;
}

static struct outcome check_condition(const struct scsi_sense *sense)
{
	/* About a command of which somebody was told that it was good. */
	if (!sense->valid || sense->deferred)
		return failed(ERR_IO);
	switch (sense->key) {
	case SCSI_RECOVERED_ERROR:
		return done;
	case SCSI_NOT_READY:
		return not_ready(sense);
	case SCSI_ILLEGAL_REQUEST:
		return illegal_request(sense);
	case SCSI_UNIT_ATTENTION: /* told once, and the command not begun */
	case SCSI_ABORTED_COMMAND:
		return again;
	case SCSI_DATA_PROTECT:
		return failed(is_full(sense) ? ERR_NO_SPACE : ERR_READ_ONLY);
	default:
		return failed(ERR_IO);
	}
}

static struct outcome by_status(const struct scsi_answer *answer)
{
	switch (answer->status) {
	case STATUS_GOOD:
		return done;
	case STATUS_CHECK_CONDITION:
		return check_condition(&answer->sense);
	case STATUS_BUSY:
	case STATUS_TASK_SET_FULL:
		return later;
	case STATUS_RESERVATION_CONFLICT:
		return failed(ERR_BUSY);
	case STATUS_TASK_ABORTED:
		return again;
	default:
		return failed(ERR_IO);
	}
}

/* 5.6.6.1.1-2 */
static struct outcome by_response(const struct scsi_answer *answer)
{
	switch (answer->response) {
	case VIRTIO_SCSI_S_OK:
		return by_status(answer);
	case VIRTIO_SCSI_S_ABORTED:
	case VIRTIO_SCSI_S_RESET:
		return again;
	case VIRTIO_SCSI_S_BUSY:
		return later;
	case VIRTIO_SCSI_S_BAD_TARGET:
	case VIRTIO_SCSI_S_INCORRECT_LUN:
		return failed(ERR_NODEV);
	default: /* 5.6.6.1.2-2: nor is there another path to try; and the poison, and nonsense */
		return failed(ERR_IO);
	}
}

struct scsi_answer scsi_answer_read(const struct virtio_scsi_resp_cmd *resp, uint32_t written)
{
	struct scsi_answer answer = { .verdict = SCSI_FAILED, .error = ERR_IO };
	uint8_t sense[SCSI_SENSE_SIZE];
	const uint32_t header = SCSI_RESP_BYTES - SCSI_SENSE_SIZE;

	answer.response = answer.status = SCSI_POISON;
	if (written < header)
		return answer; /* whatever stands there, the device did not write it (2.7.8.2-1) */
	answer.response = shared_load8(&resp->response);
	answer.status = shared_load8(&resp->status);
	answer.residual = shared_load32(&resp->residual);

	/* No more than there is room for, and none that was not written. */
	uint32_t length = shared_load32(&resp->sense_len);
	if (length > SCSI_SENSE_SIZE)
		length = SCSI_SENSE_SIZE;
	if (length > written - header)
		length = written - header;
	if (answer.response == VIRTIO_SCSI_S_OK && answer.status == STATUS_CHECK_CONDITION) {
		for (uint32_t i = 0; i < length; i++)
			sense[i] = shared_load8(&resp->sense[i]);
		answer.sense = scsi_sense_decode(sense, length);
	}
	struct outcome outcome = by_response(&answer);
	answer.verdict = outcome.verdict;
	answer.error = outcome.error;
	return answer;
}
