/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-scsi commands on the wire: VIRTIO 1.4, 5.6.6.1. How block requests become these, and how they go through
 * a queue, is in block_queue.h.
 *
 * See it at work: make run BUS=scsi APP=disksum
 * Left out: data in both directions, protection information, task attributes and priorities.
 */
#include "drivers/virtio/scsi_host.h"
#include "lib/be.h"
#include "lib/mem.h"

/* How often a part is given again that the device answers with "once more"; and with "not now", which it then has
 * so much time for each: 10 seconds at least. */
#define TRIES 8
#define TRIES_LATER 100
#define LATER_NS UINT64_C(100000000)
/* In a part's `tries`: it takes too long, and is not to be given again. */
enum { ABORTED = 0xfe, RESET = 0xff };

static struct scsi_lun *lun_of(const struct block_request *request)
{
	return (struct scsi_lun *)request->driver.disk;
}

/* Of a command of our own. */
static struct virtio_scsi *host_of(const struct block_part *part)
{
	return containing(part->request->driver.disk, struct virtio_scsi, self);
}

/* ---- Request ---------------------------------------------------------------------------------- */

/* Data out that belongs to the command itself: a segment of its own, because QEMU (7.2, virtio_scsi_parse_req)
 * looks for it there. */
static void add(struct block_part *part, dma_addr_t address, uint32_t bytes)
{
	part->extra = (struct virtq_segment){ address, bytes };
}

/* The program's request in the unit's blocks. */
static void fill_cdb(struct virtio_scsi_req_cmd *req, struct block_part *part)
{
	const struct block_request *request = part->request;
	const struct scsi_lun *lun = lun_of(request);
	uint64_t block = part->sector >> lun->block_shift;
	uint32_t blocks = part->sectors >> lun->block_shift;

	switch (request->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		scsi_cdb_transfer(req->cdb, request->op == BLOCK_WRITE, block, blocks);
		break;
	case BLOCK_DISCARD:
		scsi_cdb_unmap(req->cdb, req->parameters, block, blocks);
		add(part, (dma_addr_t){ part->wire_address.bits + SCSI_REQ_BYTES },
		    SCSI_PARAMETER_BYTES);
		break;
	case BLOCK_WRITE_ZEROES:
		scsi_cdb_write_same(req->cdb, block, blocks,
				    request->unmap && lun->disk.limits.zeroes_may_unmap);
		add(part, scsi_shared_at(lun->host, __builtin_offsetof(struct scsi_shared, zeros)),
		    lun->disk.block_size);
		break;
	default:
		scsi_cdb_flush(req->cdb);
	}
}

/* All of it anew each time: the device may have scribbled over what was there. */
static uint32_t fill(struct block_part *part)
{
	struct scsi_exchange *exchange = part->wire;
	struct virtio_scsi_req_cmd *req = &exchange->req;
	const struct scsi_command *command = scsi_command_of(part);
	const unsigned rest = __builtin_offsetof(struct virtio_scsi_req_cmd, task_attr);

	shared_store8(&exchange->resp.response, SCSI_POISON);
	shared_store8(&exchange->resp.status, SCSI_POISON);
	shared_store64(&req->id, part->wire_address.bits); /* one of its own */
	/* 5.6.6.1.2-1: attribute, priority and crn are 0 as well. */
	memset(&req->task_attr, 0, SCSI_REQ_BYTES - rest);
	if (command) {
		memcpy(req->lun, command->lun, SCSI_LUN_BYTES);
		memcpy(req->cdb, command->cdb, sizeof(command->cdb));
		if (command->out_bytes)
			add(part,
			    scsi_shared_at(host_of(part),
					   __builtin_offsetof(struct scsi_shared, data)),
			    command->out_bytes);
	} else {
		memcpy(req->lun, lun_of(part->request)->address, SCSI_LUN_BYTES);
		fill_cdb(req, part);
	}
	return SCSI_REQ_BYTES;
}

/* The short form, in which only the first block differs; where that does not reach, all of it. */
static void refill(struct block_part *part)
{
	struct scsi_exchange *exchange = part->wire;
	const struct scsi_lun *lun = lun_of(part->request);

	if (lun->long_form) {
		fill(part);
		return;
	}
	shared_store8(&exchange->resp.response, SCSI_POISON);
	shared_store8(&exchange->resp.status, SCSI_POISON);
	be32_store(exchange->req.cdb + 2, (uint32_t)(part->sector >> lun->block_shift));
}

/* ---- Answer ------------------------------------------------------------------------------------- */

/* ERR_BUSY as long as it may be given again; else how it ends. */
static int once_more(struct block_part *part, bool at_once)
{
	int error = part->tries >= ABORTED ? ERR_TIMEOUT : ERR_IO;

	if (part->tries < (at_once ? TRIES : TRIES_LATER)) {
		part->tries++;
		part->not_before = at_once ? 0 : vport_now() + LATER_NS;
		return ERR_BUSY;
	}
	part->tries = 0;
	return error;
}

/* Another medium may be in the drive than the one that this was meant for: that is for the program to decide. QEMU tells
 * of an exchange by a unit attention that there was none (3a) for a while. */
static bool other_medium(const struct scsi_lun *lun, const struct scsi_sense *sense)
{
	enum { MEDIUM_MAY_HAVE_CHANGED = 0x28, NO_MEDIUM = 0x3a };

	return lun->removable && sense->valid && sense->key == SCSI_UNIT_ATTENTION &&
	       (sense->asc == MEDIUM_MAY_HAVE_CHANGED || sense->asc == NO_MEDIUM);
}

/* Not all went well. */
static int troubled(struct block_part *part, uint32_t written)
{
	const struct scsi_exchange *exchange = part->wire;
	struct scsi_lun *lun = lun_of(part->request);
	struct scsi_answer answer = scsi_answer_read(&exchange->resp, written);

	if (answer.verdict == SCSI_DONE)
		return written >= part->buffer.writable && answer.residual == 0 ? 0 : ERR_IO;
	scsi_notice(lun, &answer);
	bool exchanged = other_medium(lun, &answer.sense);
	if (answer.verdict != SCSI_FAILED && !exchanged)
		return once_more(part, answer.verdict == SCSI_AGAIN);
	part->tries = 0;
	if (exchanged)
		return ERR_MEDIUM;
	/* A unit that never said that it has a cache, and knows no command to flush one, has none. */
	if (part->request->op == BLOCK_FLUSH && answer.error == ERR_UNSUPPORTED && !lun->cache_told)
		return 0;
	/* To a program ERR_NODEV means that its memory is lost, and ERR_BUSY is the queue's own. */
	return answer.error == ERR_NODEV || answer.error == ERR_BUSY ? ERR_IO : answer.error;
}

static int result(struct block_part *part, uint32_t written)
{
	const struct scsi_exchange *exchange = part->wire;
	struct scsi_command *command = scsi_command_of(part);

	if (command) {
		command->written = written;
		command->answer = scsi_answer_read(&exchange->resp, written);
		return 0;
	}
	if (written >= part->buffer.writable &&
	    shared_load8(&exchange->resp.response) == VIRTIO_SCSI_S_OK &&
	    shared_load8(&exchange->resp.status) == 0 &&
	    shared_load32(&exchange->resp.residual) == 0) {
		part->tries = 0;
		return 0;
	}
	return troubled(part, written);
}

const struct block_wire scsi_wire = {
	.bytes = sizeof(struct scsi_exchange),
	.tail_at = SCSI_RESP_OFFSET,
	.tail_bytes = SCSI_RESP_BYTES,
	.tail_first = true,
	.fill = fill,
	.refill = refill,
	.result = result,
};

/* ---- The disk's operations ------------------------------------------------------------------------ */

/* The queue for what this CPU submits, and whether it is at home here: they are dealt over the CPUs in turn, and
 * there are no more of them than CPUs. */
static struct block_queue *queue_here(struct block_device *disk, bool *at_home)
{
	struct virtio_scsi *scsi = ((struct scsi_lun *)disk)->host;

	*at_home = true;
	if (!scsi->many_cpus)
		return &scsi->queues[0];
	unsigned cpu = vport_cpu(), index = cpu % scsi->queue_count;
	*at_home = cpu == index;
	return &scsi->queues[index];
}

/* The serial number is known, and needs no command: but done() is a drain's to call. */
static void answer_id(struct virtio_scsi *scsi, struct block_request *request)
{
	request->driver.next = NULL;
	vport_lock_take(&scsi->lock);
	*scsi->answered_end = request;
	scsi->answered_end = &request->driver.next;
	vport_lock_give(&scsi->lock);
	vport_mark(&scsi->timer); /* which is drained whatever becomes of the device */
}

void scsi_data_answer(struct virtio_scsi *scsi)
{
	if (!scsi->answered)
		return;
	vport_lock_take(&scsi->lock);
	struct block_request *request = scsi->answered;
	scsi->answered = NULL;
	scsi->answered_end = &scsi->answered;
	vport_lock_give(&scsi->lock);
	while (request) {
		struct block_request *next = request->driver.next;
		const char *serial = lun_of(request)->serial;
		memcpy(request->segments[0].memory, serial, BLOCK_ID_BYTES);
		request->status = serial[0] ? 0 : ERR_UNSUPPORTED;
		request->done(request);
		request = next;
	}
}

void scsi_drain_requests(struct block_queue *bq)
{
	block_queue_drain(bq, &scsi_wire);
}

static void submit(struct block_device *disk, struct block_request *request)
{
	bool at_home;
	struct block_queue *bq = queue_here(disk, &at_home);

	if (request->op == BLOCK_GET_ID)
		answer_id(((struct scsi_lun *)disk)->host, request);
	else
		block_queue_submit(bq, request, at_home);
}

static __attribute__((noinline)) int submit_elsewhere(struct block_device *disk,
						      struct block_request *request,
						      uint64_t sector)
{
	bool at_home;
	struct block_queue *bq = queue_here(disk, &at_home);

	return block_queue_submit_prepared(bq, request, sector, &scsi_wire, at_home);
}

static int submit_prepared(struct block_device *disk, struct block_request *request,
			   uint64_t sector)
{
	struct block_queue *bq = ((struct scsi_lun *)disk)->host->pool.direct;

	if (bq && block_queue_make_ready(bq, request, sector, &scsi_wire))
		return 0;
	return submit_elsewhere(disk, request, sector);
}

static int prepare(struct block_device *disk, struct block_request *request)
{
	return block_part_prepare(&((struct scsi_lun *)disk)->host->pool, request);
}

static void unprepare(struct block_device *disk, struct block_request *request)
{
	block_part_unprepare(&((struct scsi_lun *)disk)->host->pool, request);
}

static int resize_queue(struct block_device *disk, unsigned size)
{
	return scsi_resize_queues((struct scsi_lun *)disk, size);
}

static int set_write_back(struct block_device *disk, bool on)
{
	return scsi_set_write_back((struct scsi_lun *)disk, on);
}

const struct block_operations scsi_operations = {
	.submit = submit,
	.submit_prepared = submit_prepared,
	.prepare = prepare,
	.unprepare = unprepare,
	.resize_queue = resize_queue,
	.set_write_back = set_write_back,
};

/* ---- What takes too long ---------------------------------------------------------------------------- */

/* First the command is to be aborted, then its unit to be reset; after that only a reset of the device is
 * left. So it is, too, with a command of our own: what would abort it may be what waits for it. */
bool scsi_data_overdue(struct virtio_scsi *scsi, void *cookie)
{
	struct block_part *part = cookie;

	if (scsi_command_of(part) || part->tries == RESET)
		return false;
	struct scsi_lun *lun = lun_of(part->request);
	if (part->tries == ABORTED) {
		part->tries = RESET;
		scsi_wish(lun, SCSI_WISH_RESET);
		return true;
	}
	part->tries = ABORTED;
	vport_lock_take(&scsi->lock);
	lun->abort_id = part->wire_address.bits;
	vport_lock_give(&scsi->lock);
	scsi_wish(lun, SCSI_WISH_ABORT);
	return true;
}
