/* SPDX-License-Identifier: BSD-2-Clause */
/* The SCSI host device of the hosted tests: see scsi.h. What its units answer is in scsi_unit.c. */
#include "tests/host/fake/scsi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/fake/scsi_unit.h"

enum { CONTROLQ = 0, EVENTQ = 1 };
enum { S_OK = 0, S_ABORTED = 2, S_BAD_TARGET = 3, S_RESET = 4, S_FAILURE = 9, S_REJECTED = 11 };

/* ---- Units -------------------------------------------------------------------------------- */

struct fake_unit *fake_scsi_add(struct fake_scsi *scsi, uint8_t target, uint16_t number,
				uint32_t block_size)
{
	struct fake_unit *unit = &scsi->units[scsi->unit_count++];
	size_t length = (size_t)FAKE_SCSI_BLOCKS * block_size;

	if (scsi->unit_count > FAKE_SCSI_UNITS)
		abort();
	*unit = (struct fake_unit){
		.target = target,
		.number = number,
		.present = true,
		.version = 5,
		.block_size = block_size,
		.blocks = FAKE_SCSI_BLOCKS,
		.bytes = malloc(length),
		.caching = 4,
	};
	if (!unit->bytes)
		abort();
	for (size_t i = 0; i < length; i++)
		unit->bytes[i] = (uint8_t)(i / 512 * 7 + i % 251 + number);
	snprintf(unit->serial, sizeof(unit->serial), "fake-%u-%u", target, number);
	fake_scsi_attention(unit, 0x29, 0);
	return unit;
}

void fake_scsi_init(struct fake_device *device, struct fake_scsi *scsi)
{
	*scsi = (struct fake_scsi){ .unit_count = 0 };
	device->state = scsi;
	fake_config_set(device, 0, 4, 1);   /* num_queues */
	fake_config_set(device, 4, 4, 126); /* seg_max */
	fake_config_set(device, 8, 4, 0xffff);
	fake_config_set(device, 12, 4, 128); /* cmd_per_lun */
	fake_config_set(device, 16, 4, 16);
	fake_config_set(device, 20, 4, 96);
	fake_config_set(device, 24, 4, 32);
	fake_config_set(device, 30, 2, 40); /* max_target */
	fake_config_set(device, 32, 4, 16383);
	fake_scsi_add(scsi, 0, 0, 512);
}

void fake_scsi_free(struct fake_scsi *scsi)
{
	for (unsigned i = 0; i < scsi->unit_count; i++)
		free(scsi->units[i].bytes);
}

void fake_scsi_attention(struct fake_unit *unit, uint8_t asc, uint8_t ascq)
{
	if (unit->attention_count < 8)
		unit->attentions[unit->attention_count++] = (uint16_t)(asc << 8 | ascq);
}

/* 5.6.6.1: the unit that is addressed; a breach where nothing can be. */
static bool parse_address(struct fake_device *device, const uint8_t *lun, uint8_t *target,
			  uint16_t *number)
{
	bool flat = (lun[2] & 0xc0) == 0x40;

	if (lun[0] != 1 || (lun[2] != 0 && !flat && lun[2] != 0xc1) || get(lun + 4, 4) != 0)
		fake_breach(device, "addresses a unit in another way than 5.6.6.1 knows");
	*target = lun[1];
	*number = flat ? (uint16_t)((lun[2] & 0x3f) << 8 | lun[3]) : lun[3];
	if (flat && *number < 256)
		fake_breach(device, "uses flat space addressing for a small number");
	return lun[2] == 0xc1;
}

static struct fake_unit *find(struct fake_scsi *scsi, uint8_t target, uint16_t number)
{
	for (unsigned i = 0; i < scsi->unit_count; i++) {
		struct fake_unit *unit = &scsi->units[i];
		if (unit->present && unit->target == target && unit->number == number)
			return unit;
	}
	return NULL;
}

static bool has_target(struct fake_scsi *scsi, uint8_t target)
{
	for (unsigned i = 0; i < scsi->unit_count; i++) {
		if (scsi->units[i].present && scsi->units[i].target == target)
			return true;
	}
	return false;
}

/* ---- Commands -------------------------------------------------------------------------------- */

/* Whoever is addressed: a unit, a target, or a well-known unit. */
static void command(struct fake_scsi_request *r, const uint8_t *lun, struct fake_answer *answer)
{
	struct fake_scsi *scsi = r->scsi;
	uint8_t target;
	uint16_t number;

	if (lun[0] == 0xc1 && lun[1] == 1) {
		if (scsi->host_list && r->cdb[0] == 0xa0)
			fake_scsi_report_luns(scsi, -1, answer);
		else
			answer->response = S_BAD_TARGET;
		return;
	}
	bool well_known = parse_address(r->device, lun, &target, &number);
	if (r->cdb[0] == 0xa0 && number != well_known)
		fake_breach(r->device, "asks for the list where SPC has none");
	r->unit = well_known ? NULL : find(scsi, target, number);
	if (!has_target(scsi, target))
		answer->response = S_BAD_TARGET;
	else if (r->cdb[0] == 0xa0 && (well_known ? scsi->well_known : !scsi->no_list))
		fake_scsi_report_luns(scsi, target, answer);
	else if (r->unit)
		fake_scsi_unit_command(r, answer);
	else if (r->cdb[0] == 0x12)
		fake_scsi_inquiry(scsi, NULL, r->cdb, answer);
	else
		fake_scsi_check(scsi, answer, 5, 0x25, 0);
}

/* 5.6.6.1: what is told, before the data in, and how long it is. */
static uint32_t give_answer(const struct fake_scsi_request *r, struct fake_answer *answer)
{
	uint8_t resp[FAKE_SCSI_RESP] = { 0 };
	uint64_t data = r->readable ? r->readable : r->room;

	if (answer->in_length) {
		answer->moved = answer->in_length < r->room ? answer->in_length : (uint32_t)r->room;
		ring_chain_write(r->chain, FAKE_SCSI_RESP, answer->in, answer->moved);
	}
	uint64_t residual =
		answer->residual < 0 ? data - answer->moved : (uint64_t)answer->residual;
	for (unsigned i = 0; i < 4; i++) {
		resp[i] = (uint8_t)(answer->sense_len >> 8 * i);
		resp[4 + i] = (uint8_t)(residual >> 8 * i);
	}
	resp[10] = answer->status;
	resp[11] = answer->response;
	memcpy(resp + 12, answer->sense, sizeof(answer->sense));
	ring_chain_write(r->chain, 0, resp, FAKE_SCSI_RESP);
	return FAKE_SCSI_RESP + (r->readable ? (r->scsi->counts_dataout ? (uint32_t)r->readable : 0)
					     : answer->moved);
}

static bool serve_request(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	struct fake_device *device = queue->device;
	struct fake_scsi *scsi = device->state;
	uint8_t req[FAKE_SCSI_REQ];
	struct fake_answer answer = { .residual = -1 };
	struct fake_scsi_request r = {
		.device = device, .scsi = scsi, .chain = chain, .cdb = req + 19
	};

	if (ring_chain_read(chain, 0, req, FAKE_SCSI_REQ) != FAKE_SCSI_REQ ||
	    chain->writable < FAKE_SCSI_RESP) {
		fake_breach(device, "sends a command without request or response (5.6.6.1)");
		return true;
	}
	for (unsigned i = 0; i < chain->count; i++)
		r.readable += chain->segments[i].writable ? 0 : chain->segments[i].length;
	r.readable -= FAKE_SCSI_REQ;
	r.room = chain->writable - FAKE_SCSI_RESP;
	if (r.readable && r.room)
		fake_breach(device, "moves data both ways without the feature");
	if (chain->count > 2 + fake_config_get(device, 4, 4))
		fake_breach(device, "uses more segments than seg_max");
	if (chain->segments[0].length != FAKE_SCSI_REQ)
		fake_breach(device,
			    "has request and data in one segment, which QEMU does not take");
	if (req[16] | req[17] | req[18])
		fake_breach(device, "sets attribute, priority or crn (5.6.6.1.2-1)");
	scsi->commands++;
	scsi->pings += req[19] == 0;
	memcpy(scsi->last_cdb, req + 19, 32);
	command(&r, req, &answer);
	if (scsi->before_answer)
		scsi->before_answer(scsi, r.unit, r.cdb, &answer);
	*written = give_answer(&r, &answer);
	return true;
}

/* ---- Control --------------------------------------------------------------------------------- */

/* Ends the commands that are not answered yet: with that id, or of that unit. */
static void end_commands(struct fake_device *device, const uint8_t *lun, const uint8_t *id,
			 uint8_t response)
{
	for (unsigned q = 2; q < FAKE_QUEUES; q++) {
		struct fake_queue *queue = &device->queues[q];
		struct ring_chain *next;
		for (struct ring_chain *chain = queue->ring.taken; chain; chain = next) {
			uint8_t req[16];
			next = chain->next;
			ring_chain_read(chain, 0, req, sizeof(req));
			if (memcmp(req, lun, 8) != 0 || (id && memcmp(req + 8, id, 8) != 0))
				continue;
			ring_chain_write(chain, 11, &response, 1);
			fake_use(queue, chain, FAKE_SCSI_RESP);
		}
	}
}

static uint8_t manage(struct fake_device *device, const uint8_t *tmf)
{
	struct fake_scsi *scsi = device->state;
	uint8_t target;
	uint16_t number;

	if (scsi->no_tmf)
		return S_REJECTED;
	parse_address(device, tmf + 8, &target, &number);
	struct fake_unit *unit = find(scsi, target, number);
	if (!unit)
		return 12;
	if (tmf[4] == 0) {
		unit->aborts++;
		end_commands(device, tmf + 8, tmf + 16, S_ABORTED);
	} else if (tmf[4] == 5) {
		unit->resets++;
		fake_scsi_attention(unit, 0x29, 3);
		end_commands(device, tmf + 8, NULL, S_RESET);
	} else {
		return S_REJECTED;
	}
	return 0;
}

static bool serve_control(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	struct fake_device *device = queue->device;
	struct fake_scsi *scsi = device->state;
	uint8_t request[24] = { 0 }, answer[5] = { 0 };
	size_t length = ring_chain_read(chain, 0, request, sizeof(request));

	if (scsi->deaf_tmf)
		return false;
	if (request[0] == 0 && length == 24 && chain->writable == 1) {
		answer[0] = manage(device, request);
		*written = 1;
	} else if (request[0] == 2 && length == 16 && chain->writable == 5) {
		answer[0] = scsi->subscribes ? request[12] : 0;
		*written = 5;
	} else {
		fake_breach(device, "sends a control request of no known form (5.6.6.2)");
	}
	ring_chain_write(chain, 0, answer, *written);
	return true;
}

/* ---- Events ------------------------------------------------------------------------------------- */

bool fake_scsi_event_raw(struct fake_device *device, const uint8_t event[16], uint32_t written)
{
	struct fake_queue *queue = &device->queues[EVENTQ];

	if (queue->ready && !queue->ring.taken)
		fake_serve(queue);
	struct ring_chain *chain = queue->ring.taken;
	if (!chain)
		return false;
	while (chain->next)
		chain = chain->next;
	ring_chain_write(chain, 0, event, 16);
	fake_use(queue, chain, written);
	return true;
}

bool fake_scsi_event(struct fake_device *device, uint32_t what, uint8_t target, uint16_t number,
		     uint32_t reason)
{
	struct fake_scsi *scsi = device->state;
	uint8_t event[16] = { 0 };

	if (scsi->events_missed)
		what |= 0x80000000u;
	for (unsigned i = 0; i < 4; i++) {
		event[i] = (uint8_t)(what >> 8 * i);
		event[12 + i] = (uint8_t)(reason >> 8 * i);
	}
	event[4] = 1;
	event[5] = target;
	put(event + 6, 2, number < 256 ? number : 0x4000u | number);
	scsi->events_missed = !fake_scsi_event_raw(device, event, 16);
	return !scsi->events_missed;
}

static bool serve(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	if (queue->index == CONTROLQ)
		return serve_control(queue, chain, written);
	if (queue->index != EVENTQ)
		return serve_request(queue, chain, written);
	if (chain->writable < 16 || chain->count == 0 || !chain->segments[0].writable)
		fake_breach(queue->device, "gives a buffer that holds no event (5.6.6.3.1-2)");
	return false; /* until something happens */
}

/* 5.6.4.1-1 */
static void config_written(struct fake_device *device, unsigned offset, uint8_t value)
{
	(void)value;
	if (offset < 20 || offset >= 28)
		fake_breach(device, "writes to a field that it must not write to");
}

const struct fake_model fake_scsi = {
	.type = VIRTIO_TYPE_SCSI,
	.queues = 3,
	.queue_size = 64,
	.features = 1u << 1 | 1u << 2,
	.serve = serve,
	.config_written = config_written,
};
