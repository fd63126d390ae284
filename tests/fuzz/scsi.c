/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: what a SCSI device answers (drivers/virtio/scsi_*.c but for scsi.c): INQUIRY and its pages, REPORT LUNS,
 * capacity, mode, sense, task management, and events. There are no rings: a request is answered as it is submitted, by
 * two units that keep the rules where the input does not say otherwise.
 *
 * Input: steps, one byte each (enum step). A step asks for answers, and each takes a byte of its own first: which of
 * its parts the input gives (enum says).
 */
#include <stdarg.h>

#include "drivers/virtio/scsi_host.h"

#define FUZZ_PORT_PANIC
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/log.h"
#include "tests/fuzz/queue.h"

enum step { SCAN, EVENTS, READ, WRITE, FLUSH, SWITCH, RESET, POLL, DESCRIBE, RESIZE, STEPS };

enum says {
	SAYS_STATUS = 1, /* response, status */
	SAYS_RESIDUAL = 2,
	SAYS_WRITTEN = 4,
	SAYS_SENSE = 8,
	SAYS_DATA = 16,  /* how much there is of it, in all */
	SAYS_PATCH = 32, /* bytes of it at some place */
	SAYS_LOST = 64,  /* the device is reset, and there is no answer */
};

enum { STEPS_MAX = 24, COMMANDS_MAX = 60000, LUNS_SHOWN = 8 };

static struct input input;
static unsigned commands, disks;
static uint64_t now;

static struct virtio_device device;
static struct virtio_scsi scsi;
static struct virtio_queue control, events, requests;

/* ---- The port, and the queues ---------------------------------------------------------------- */

static struct scsi_lun *allocated[SCSI_MAX_LUNS];
static unsigned allocated_count;

void *vport_alloc(size_t size)
{
	FUZZ_CHECK(size == sizeof(struct scsi_lun) && allocated_count < SCSI_MAX_LUNS);
	return allocated[allocated_count++] = fuzz_alloc(size);
}
uint64_t vport_now(void)
{
	return now += 1000;
}
void vport_relax(uint64_t deadline)
{
	(void)deadline;
	abort(); /* nobody waits */
}
void vport_lock_take(struct vport_lock *lock)
{
	FUZZ_CHECK(lock->taken_by == 0);
	lock->taken_by = 1;
}
void vport_lock_give(struct vport_lock *lock)
{
	lock->taken_by = 0;
}
unsigned vport_cpu(void)
{
	return 0;
}
void vport_mark(struct vport_event *event)
{
	(void)event;
}
void vport_event_add(struct vport_event *event)
{
	(void)event;
}
void vport_work_queue(struct vport_work *work)
{
	(void)work;
}
void scsi_log(const struct scsi_lun *lun, enum vport_log_level level, const char *fmt, ...)
{
	char line[300];
	va_list ap;

	FUZZ_CHECK(lun->host == &scsi && level <= VPORT_LOG_INFO);
	va_start(ap, fmt);
	FUZZ_CHECK(vsnprintf(line, sizeof(line), fmt, ap) < (int)sizeof(line));
	va_end(ap);
}

struct virtio_scsi *virtio_scsi_first(void)
{
	return &scsi;
}

void block_add(struct block_device *disk, const char *prefix)
{
	FUZZ_CHECK(!disk->name[0]);
	snprintf(disk->name, sizeof(disk->name), "%s%u", prefix, disks++);
}

int block_part_prepare(struct block_pool *pool, struct block_request *request)
{
	(void)pool;
	(void)request;
	return ERR_UNSUPPORTED;
}
void block_part_unprepare(struct block_pool *pool, struct block_request *request)
{
	(void)pool;
	(void)request;
}
int block_queues_resize(struct block_queue *queues, unsigned count, unsigned size, unsigned pieces)
{
	FUZZ_CHECK(queues == scsi.queues && count == 1 && size > 0 && pieces > 0);
	return (int8_t)take(&input, 1) < 0 ? ERR_UNSUPPORTED : 0;
}
/* For the short way of block_queue.h, which nobody goes here. */
unsigned virtio_queue_fail(struct virtio_queue *queue)
{
	(void)queue;
	abort();
}
void block_queue_finish(struct block_queue *bq, struct block_part *part, int error)
{
	(void)bq;
	(void)part;
	(void)error;
	abort();
}
void block_queue_wait_first(struct block_queue *bq, struct virtq_buffer *first)
{
	(void)bq;
	(void)first;
	abort();
}
void block_queue_issue_waiting(struct block_queue *bq)
{
	(void)bq;
	abort();
}
/* ---- Control and events ------------------------------------------------------------------------ */

static uint32_t control_written;
static unsigned events_left;

int virtio_queue_push(struct virtio_queue *queue, const struct virtq_segment *segments,
		      unsigned readable, unsigned writable, void *cookie, unsigned deadlines)
{
	(void)cookie;
	(void)deadlines;
	if (queue == &events)
		return 0;
	FUZZ_CHECK(queue == &control && readable == 1 && writable == 1);
	unsigned says = (unsigned)take(&input, 1);
	if (says & SAYS_LOST)
		return ERR_BROKEN;
	uint8_t *answer = (uint8_t *)(uintptr_t)segments[1].address.bits;
	memset(answer, 0, segments[1].length);
	control_written = segments[1].length;
	if (says & SAYS_DATA)
		take_bytes(&input, answer, segments[1].length);
	if (says & SAYS_WRITTEN)
		control_written = (uint32_t)take(&input, 4);
	return 0;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
	(void)queue;
	abort();
}

bool virtio_queue_pop(struct virtio_queue *queue, void **cookie, uint32_t *written)
{
	if (queue == &control) {
		*written = control_written;
		return scsi.control_busy;
	}
	if (events_left == 0)
		return false;
	events_left--;
	uint8_t *event = scsi.shared->events[take(&input, 1) % SCSI_EVENT_BUFFERS];
	take_bytes(&input, event, sizeof(struct virtio_scsi_event));
	*cookie = event;
	unsigned less = (unsigned)take(&input, 1);
	*written = less & 0x80 ? (uint32_t)take(&input, 4) : sizeof(struct virtio_scsi_event);
	return true;
}

/* ---- The two units, as they should be ------------------------------------------------------------ */

static void put(uint8_t *at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint32_t vital_page(uint8_t page, uint8_t *in)
{
	in[1] = page;
	switch (page) {
	case 0x00:
		put(in + 2, 2, 4);
		memcpy(in + 4, "\x00\x80\xb0\xb2", 4);
		return 8;
	case 0x80:
		put(in + 2, 2, 6);
		memcpy(in + 4, "serial", 6);
		return 10;
	case 0xb0:
		put(in + 2, 2, 60);
		put(in + 8, 4, 4096);
		put(in + 20, 4, 65536);
		put(in + 24, 4, 1);
		put(in + 36, 8, 65536);
		return 64;
	default:
		put(in + 2, 2, 4);
		in[5] = 0xc0;
		return 8;
	}
}

/* Data in. How much of it there is. */
static uint32_t answer_with(const uint8_t *cdb, uint8_t *in)
{
	switch (cdb[0]) {
	case SCSI_INQUIRY:
		if (cdb[1] & 1)
			return vital_page(cdb[2], in);
		in[2] = 5;
		memcpy(in + 8, "FUZZ    UNIT            1.0 ", 28);
		return 36;
	case SCSI_REPORT_LUNS:
		put(in, 4, 16);
		put(in + 16, 2, 0x4000 | 300);
		return 24;
	case SCSI_MODE_SENSE_6:
		in[3] = 8;
		in[12] = 8;
		in[13] = 18;
		in[14] = 4;
		return 32;
	case SCSI_READ_CAPACITY_10:
		put(in, 4, 2047);
		put(in + 4, 4, 512);
		return 8;
	case SCSI_SERVICE_ACTION_IN_16:
		put(in, 8, 2047);
		put(in + 8, 4, 512);
		return 32;
	default:
		return 0;
	}
}

/* ---- Requests ---------------------------------------------------------------------------------------- */

/* What the device writes behind the request. How much that is, as it says. */
static uint32_t respond(struct scsi_exchange *exchange, uint8_t *data, uint32_t room, unsigned says)
{
	static uint8_t in[SCSI_DATA_BYTES];
	struct virtio_scsi_resp_cmd *resp = &exchange->resp;

	memset(in, 0, sizeof(in));
	uint32_t length = answer_with(exchange->req.cdb, in);
	if (says & SAYS_DATA)
		length = (uint32_t)take(&input, 2);
	if (says & SAYS_PATCH) {
		size_t at = take(&input, 1) % 64, bytes = take(&input, 1) % 64;
		take_bytes(&input, in + at, bytes);
	}
	if (length > room)
		length = room;
	if (length > 0)
		memcpy(data, in, length);
	memset(resp, 0, sizeof(*resp));
	shared_store32(&resp->residual, room - length);
	if (says & SAYS_STATUS) {
		shared_store8(&resp->response, (uint8_t)take(&input, 1));
		shared_store8(&resp->status, (uint8_t)take(&input, 1));
	}
	if (says & SAYS_RESIDUAL)
		shared_store32(&resp->residual, (uint32_t)take(&input, 4));
	if (says & SAYS_SENSE) {
		uint32_t bytes = (uint32_t)take(&input, 1);
		shared_store32(&resp->sense_len, bytes & 0x80 ? (uint32_t)take(&input, 4) : bytes);
		take_bytes(&input, resp->sense, bytes % 24);
	}
	return says & SAYS_WRITTEN ? (uint32_t)take(&input, 4) : SCSI_RESP_BYTES + length;
}

/* All that a driver's queue does, at once. */
void block_queue_submit(struct block_queue *bq, struct block_request *request, bool at_home)
{
	struct scsi_exchange exchange;
	uint32_t room = 0;
	uint8_t *data = NULL;
	struct block_part part = { .request = request,
				   .wire = &exchange,
				   .sector = request->driver.sector };

	FUZZ_CHECK(bq == &scsi.queues[0] && at_home);
	if (request->segment_count > 0) {
		data = request->segments[0].memory;
		room = request->op == BLOCK_WRITE ? 0 : (uint32_t)request->segments[0].length;
	}
	part.sectors = request->segment_count > 0
			       ? (uint32_t)(request->segments[0].length / BLOCK_SECTOR)
			       : 0;
	part.buffer.writable = SCSI_RESP_BYTES + room;
	int error;
	do {
		FUZZ_CHECK(++commands < COMMANDS_MAX);
		unsigned says = (unsigned)take(&input, 1);
		FUZZ_CHECK(scsi_wire.fill(&part) == SCSI_REQ_BYTES);
		FUZZ_CHECK(part.extra.length <= SCSI_DATA_BYTES);
		uint32_t written = respond(&exchange, data, room, says);
		error = says & SAYS_LOST ? ERR_TIMEOUT : scsi_wire.result(&part, written);
		if (part.not_before > now)
			now = part.not_before;
	} while (error == ERR_BUSY);
	/* What they mean to a program, block.h says. */
	FUZZ_CHECK(error != ERR_NODEV && error <= 0);
	request->status = error;
	request->done(request);
}

/* ---- What must hold whatever was said ----------------------------------------------------------------- */

static bool is_power(uint32_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static void check_disk(const struct scsi_lun *lun)
{
	const struct block_device *disk = &lun->disk;
	const struct block_limits *limits = &disk->limits;
	uint32_t sectors = disk->block_size / BLOCK_SECTOR;

	FUZZ_CHECK(disk->block_size >= BLOCK_SECTOR && disk->block_size <= 65536);
	FUZZ_CHECK(is_power(disk->block_size) && sectors == 1u << lun->block_shift);
	FUZZ_CHECK(disk->capacity <= INT64_MAX / BLOCK_SECTOR && disk->capacity % sectors == 0);
	FUZZ_CHECK(limits->pieces_max >= 1 && limits->pieces_max <= BLOCK_MAX_PIECES);
	FUZZ_CHECK(limits->piece_bytes_max >= 1);
	FUZZ_CHECK(limits->part_bytes_max >= disk->block_size &&
		   limits->part_bytes_max <= BLOCK_MAX_PART_BYTES &&
		   limits->part_bytes_max % disk->block_size == 0);
	FUZZ_CHECK(limits->discard_sectors_max % sectors == 0);
	FUZZ_CHECK(limits->zeroes_sectors_max % sectors == 0);
	FUZZ_CHECK(!disk->read_only ||
		   (limits->discard_sectors_max == 0 && limits->zeroes_sectors_max == 0));
	FUZZ_CHECK(!disk->write_back || disk->can_flush);
	FUZZ_CHECK(!(disk->read_only && disk->write_back));
}

static void check_all(void)
{
	unsigned count = 0;

	for (const struct scsi_lun *lun = scsi.luns; lun; lun = lun->next) {
		count++;
		FUZZ_CHECK(lun->target <= scsi.max_target && lun->number <= SCSI_MAX_LUN);
		FUZZ_CHECK(memchr(lun->vendor, 0, sizeof(lun->vendor)));
		FUZZ_CHECK(memchr(lun->product, 0, sizeof(lun->product)));
		FUZZ_CHECK(memchr(lun->revision, 0, sizeof(lun->revision)));
		FUZZ_CHECK(lun->serial[BLOCK_ID_BYTES] == 0);
		FUZZ_CHECK(!lun->ready || (lun->present && lun->disk.name[0] && !lun->disk.gone));
		if (lun->ready)
			check_disk(lun);
		for (const struct scsi_lun *other = lun->next; other && lun->present;
		     other = other->next)
			FUZZ_CHECK(!other->present || other->target != lun->target ||
				   other->number != lun->number);
	}
	FUZZ_CHECK(count == scsi.lun_count && count == allocated_count);
	FUZZ_CHECK(scsi.depth == 0 && scsi.under_way == 0);
	FUZZ_CHECK(!scsi.control_busy && scsi.lock.taken_by == 0);
	FUZZ_CHECK((int)(scsi.scans_begun - scsi.scans) == 0);
}

/* ---- A round ----------------------------------------------------------------------------------------- */

/* Up to its end: what comes back, or the time that has come, has the work item go on. */
static void attend(void)
{
	scsi.work.run(&scsi.work);
	while (scsi.depth > 0) {
		if (scsi.control_busy)
			scsi_control_drain(&scsi);
		FUZZ_CHECK(scsi.under_way == 0);
		if (now < scsi.go_on_at)
			now = scsi.go_on_at;
		scsi.work.run(&scsi.work);
	}
}

/* ---- Steps ------------------------------------------------------------------------------------------------ */

static bool finished;

static void note(struct block_request *request)
{
	(void)request;
	FUZZ_CHECK(!finished);
	finished = true;
}

static void use(struct scsi_lun *lun, enum block_op op)
{
	struct block_segment segment = { fuzz_alloc(lun->disk.block_size), lun->disk.block_size };
	struct block_request request = { .op = op,
					 .segments = &segment,
					 .segment_count = op != BLOCK_FLUSH,
					 .done = note,
					 .driver.disk = &lun->disk };

	request.driver.sector = take(&input, 1) << lun->block_shift;
	finished = false;
	scsi_operations.submit(&lun->disk, &request);
	FUZZ_CHECK(finished);
	free(segment.memory);
}

static void wish(struct scsi_lun *lun, uint8_t what)
{
	lun->mode_chosen |= what == SCSI_WISH_CACHE;
	lun->write_back_chosen = take(&input, 1) & 1;
	scsi_wish(lun, what);
	attend();
	FUZZ_CHECK((lun->wishes & what) == 0);
}

static void describe(const struct scsi_lun *lun)
{
	char line[64];

	FUZZ_CHECK(scsi_sense_text(&lun->sense, line, sizeof(line)) < 300);
	FUZZ_CHECK(memchr(line, 0, sizeof(line)));
}

static struct scsi_lun *choose(unsigned number)
{
	struct scsi_lun *lun = scsi.luns;

	while (lun && lun->next && number-- > 0)
		lun = lun->next;
	return lun;
}

static void step(unsigned what, struct scsi_lun *lun)
{
	bool usable = lun && lun->ready;

	switch (what) {
	case SCAN:
		scsi_wish_scan(&scsi);
		attend();
		break;
	case EVENTS:
		events_left = 1 + (unsigned)take(&input, 1) % (2 * SCSI_EVENT_BUFFERS);
		scsi_events_drain(&scsi);
		events_left = 0;
		attend();
		break;
	case READ:
	case WRITE:
		if (usable && !(what == WRITE && lun->disk.read_only))
			use(lun, what == READ ? BLOCK_READ : BLOCK_WRITE);
		attend();
		break;
	case FLUSH:
		if (usable)
			use(lun, BLOCK_FLUSH);
		break;
	case SWITCH:
	case RESET:
		if (lun)
			wish(lun, what == SWITCH ? SCSI_WISH_CACHE : SCSI_WISH_RESET);
		break;
	case POLL:
		now += UINT64_C(3000000000);
		attend();
		break;
	case DESCRIBE:
		if (lun)
			describe(lun);
		break;
	case RESIZE:
		scsi.size_wanted = 1 + (unsigned)take(&input, 1);
		attend();
		break;
	}
}

/* As scsi.c does it. */
static void begin(void)
{
	memset(&scsi, 0, sizeof(scsi));
	scsi.device = &device;
	scsi.control = &control;
	scsi.events = &events;
	scsi.queue_count = 1;
	scsi.queues[0].queue = &requests;
	scsi.luns_end = &scsi.luns;
	scsi.answered_end = &scsi.answered;
	scsi.shared = fuzz_alloc(sizeof(*scsi.shared));
	scsi.shared_address.bits = (uintptr_t)scsi.shared;
	scsi.seg_max = 126;
	scsi.event_bytes = sizeof(struct virtio_scsi_event);
	scsi.max_target = 2;
	scsi.max_lun = SCSI_MAX_LUN;
	scsi.self.whole = &scsi.self;
	scsi.self.limits.pieces_max = BLOCK_MAX_PIECES;
	events.setup.size = SCSI_EVENT_BUFFERS;
	device.state = VIRTIO_RUNNING;
	scsi_attend_init(&scsi);
	commands = disks = allocated_count = 0;
	now = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = (struct input){ data, size };
	begin();
	step(SCAN, NULL);
	check_all();
	for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++) {
		unsigned byte = (unsigned)take(&input, 1);
		step(byte % STEPS, choose(byte / STEPS % LUNS_SHOWN));
		check_all();
	}
	for (unsigned i = 0; i < allocated_count; i++)
		free(allocated[i]);
	free(scsi.shared);
	return 0;
}
