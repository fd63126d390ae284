/* SPDX-License-Identifier: BSD-2-Clause */
/* The SCSI host device of the hosted tests: see scsi.h. Commands are answered as SPC and SBC say, unless a test
 * says otherwise. */
#include "tests/host/fake/scsi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTROLQ = 0, EVENTQ = 1 };
enum { REQ_BYTES = 51, RESP_BYTES = 108 };
enum { S_OK = 0, S_ABORTED = 2, S_BAD_TARGET = 3, S_RESET = 4, S_FAILURE = 9, S_REJECTED = 11 };

static void put(uint8_t *at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

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

/* ---- Answers ------------------------------------------------------------------------------ */

void fake_scsi_check(struct fake_scsi *scsi, struct fake_answer *answer, uint8_t key, uint8_t asc,
		     uint8_t ascq)
{
	memset(answer->sense, 0, sizeof(answer->sense));
	answer->status = 2;
	answer->moved = answer->in_length = 0;
	if (scsi->descriptors) {
		answer->sense[0] = 0x72;
		answer->sense[1] = key;
		answer->sense[2] = asc;
		answer->sense[3] = ascq;
		answer->sense_len = 8;
	} else {
		answer->sense[0] = 0x70;
		answer->sense[2] = key;
		answer->sense[7] = 10;
		answer->sense[12] = asc;
		answer->sense[13] = ascq;
		answer->sense_len = 18;
	}
}

static void unknown(struct fake_scsi *scsi, struct fake_answer *answer)
{
	fake_scsi_check(scsi, answer, 5, 0x20, 0);
}

static void bad_field(struct fake_scsi *scsi, struct fake_answer *answer)
{
	fake_scsi_check(scsi, answer, 5, 0x24, 0);
}

/* The units of a target; of all of them, in two levels, when it is negative. */
static void report_luns(struct fake_scsi *scsi, int target, struct fake_answer *answer)
{
	uint32_t length = 8;

	for (unsigned i = 0; i < scsi->unit_count; i++) {
		const struct fake_unit *unit = &scsi->units[i];
		uint8_t *at = answer->in + length;
		if (!unit->present || (target >= 0 && unit->target != target))
			continue;
		memset(at, 0, 8);
		if (target < 0) {
			*at = 1;
			at[1] = unit->target;
			at += 2;
		}
		put(at, 2, unit->number < 256 ? unit->number : 0x4000u | unit->number);
		length += 8;
	}
	put(answer->in, 4, length - 8);
	put(answer->in + 4, 4, 0);
	answer->in_length = length;
}

static void vital_page(struct fake_scsi *scsi, struct fake_unit *unit, uint8_t page,
		       struct fake_answer *answer)
{
	uint8_t *in = answer->in;

	memset(in, 0, 64);
	in[0] = unit->type;
	in[1] = page;
	answer->in_length = 64;
	if (unit->no_pages) {
		bad_field(scsi, answer);
	} else if (page == 0x00) {
		put(in + 2, 2, 4);
		memcpy(in + 4, "\x00\x80\xb0\xb2", 4);
		answer->in_length = 8;
	} else if (page == 0x80) {
		put(in + 2, 2, strlen(unit->serial));
		memcpy(in + 4, unit->serial, strlen(unit->serial));
		answer->in_length = 4 + (uint32_t)strlen(unit->serial);
	} else if (page == 0xb0) {
		put(in + 2, 2, 60);
		put(in + 8, 4, unit->transfer_max);
		put(in + 20, 4, unit->unmap_max);
		put(in + 24, 4, unit->unmap_max ? 1 : 0);
		put(in + 36, 8, unit->write_same_max);
	} else if (page == 0xb2) {
		put(in + 2, 2, 4);
		in[5] = (unit->unmap_max ? 0x80 : 0) | (unit->write_same_unmaps ? 0x40 : 0);
		answer->in_length = 8;
	} else {
		bad_field(scsi, answer);
	}
}

static void inquiry(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
		    struct fake_answer *answer)
{
	if (unit)
		unit->inquiries++;
	if (unit && cdb[1] & 1) {
		vital_page(scsi, unit, cdb[2], answer);
	} else {
		memset(answer->in, 0, 36);
		answer->in[0] = unit ? (uint8_t)(unit->qualifier << 5 | unit->type) : 0x7f;
		answer->in[1] = unit && unit->removable ? 0x80 : 0;
		answer->in[2] = unit ? unit->version : 5;
		answer->in[4] = 31;
		memcpy(answer->in + 8, "FAKE    UNIT\x07           1.0 ", 28);
		answer->in_length = 36;
	}
	if (answer->in_length > get(cdb + 3, 2))
		answer->in_length = (uint32_t)get(cdb + 3, 2);
}

static void mode_sense(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
		       struct fake_answer *answer)
{
	uint8_t *in = answer->in;
	bool caching = (cdb[2] & 0x3f) == 8;

	if (unit->no_mode || (caching && unit->type == 5)) {
		bad_field(scsi, answer);
		return;
	}
	memset(in, 0, 64);
	in[2] = unit->write_protected ? 0x80 : 0;
	in[3] = 8; /* a block descriptor */
	answer->in_length = 12;
	if (caching) {
		in[12] = 8;
		in[13] = 18;
		in[14] = unit->caching;
		if ((cdb[2] & 0xc0) == 0x40) /* what can be changed */
			in[14] = unit->cache_fixed ? 0 : 4;
		answer->in_length = 32;
	}
	in[0] = (uint8_t)(answer->in_length - 1);
}

static void read_capacity(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			  struct fake_answer *answer)
{
	uint64_t last = unit->blocks - 1;

	memset(answer->in, 0, 32);
	if (cdb[0] == 0x25) {
		put(answer->in, 4, last > UINT32_MAX ? UINT32_MAX : last);
		put(answer->in + 4, 4, unit->block_size);
		answer->in_length = 8;
	} else if (unit->short_only || (cdb[1] & 31) != 0x10) {
		unknown(scsi, answer);
	} else {
		put(answer->in, 8, last);
		put(answer->in + 8, 4, unit->block_size);
		answer->in_length = 32;
	}
}

/* ---- Data ------------------------------------------------------------------------------------ */

struct request {
	struct fake_device *device;
	struct fake_scsi *scsi;
	struct fake_unit *unit;
	struct ring_chain *chain;
	const uint8_t *cdb;
	uint64_t readable; /* bytes behind the request */
	uint64_t room;     /* and behind the response */
};

static void transfer(const struct request *r, uint64_t block, uint64_t blocks, bool write,
		     struct fake_answer *answer)
{
	struct fake_unit *unit = r->unit;
	uint64_t bytes = blocks * unit->block_size;

	if (bytes != (write ? r->readable : r->room) || (write ? r->room : r->readable) != 0)
		fake_breach(r->device, "moves other data than its command says");
	if ((unit->blocks && block + blocks > unit->blocks) || block + blocks > FAKE_SCSI_BLOCKS) {
		fake_scsi_check(r->scsi, answer, 5, 0x21, 0);
		return;
	}
	if (bytes > unit->longest)
		unit->longest = (uint32_t)bytes;
	if (unit->has_bad_block && block <= unit->bad_block && unit->bad_block < block + blocks) {
		fake_scsi_check(r->scsi, answer, 3, 0x11, 0);
		if (!r->scsi->descriptors) {
			answer->sense[0] |= 0x80;
			put(answer->sense + 3, 4, unit->bad_block);
		}
		return;
	}
	answer->moved = (uint32_t)bytes;
	uint8_t *at = unit->bytes + block * unit->block_size;
	if (!write) {
		unit->reads++;
		ring_chain_write(r->chain, RESP_BYTES, at, bytes);
	} else if (unit->write_protected) {
		fake_breach(r->device, "writes to a unit that is protected");
		fake_scsi_check(r->scsi, answer, 7, 0x27, 0);
	} else {
		unit->writes++;
		ring_chain_read(r->chain, REQ_BYTES, at, bytes);
	}
}

static void zero(const struct request *r, uint64_t block, uint64_t blocks,
		 struct fake_answer *answer)
{
	if (block + blocks > r->unit->blocks || blocks == 0)
		fake_scsi_check(r->scsi, answer, 5, 0x21, 0);
	else
		memset(r->unit->bytes + block * r->unit->block_size, 0,
		       blocks * r->unit->block_size);
}

static void unmap(const struct request *r, struct fake_answer *answer)
{
	uint8_t list[24];

	if (r->readable != 24 || get(r->cdb + 7, 2) != 24)
		fake_breach(r->device, "unmaps with a parameter list of another length");
	ring_chain_read(r->chain, REQ_BYTES, list, sizeof(list));
	if (get(list, 2) != 22 || get(list + 2, 2) != 16)
		fake_breach(r->device, "unmaps with a wrong parameter list");
	if (get(list + 16, 4) > r->unit->unmap_max)
		fake_breach(r->device, "unmaps more than it may");
	r->unit->unmaps++;
	zero(r, get(list + 8, 8), get(list + 16, 4), answer);
	answer->moved = 24;
}

static void write_same(const struct request *r, struct fake_answer *answer)
{
	uint8_t block[4096];

	/* QEMU 7.2 takes one without data out, and does nothing. */
	if ((r->cdb[1] & 1) != 0 || r->readable != r->unit->block_size)
		fake_breach(r->device, "writes the same without a block of data out");
	if ((r->cdb[1] & 8) != 0 && !r->unit->write_same_unmaps) {
		bad_field(r->scsi, answer);
		return;
	}
	size_t got = ring_chain_read(r->chain, REQ_BYTES, block, sizeof(block));
	for (size_t i = 0; i < got; i++) {
		if (block[i] != 0)
			fake_breach(r->device, "writes other than zeroes");
	}
	answer->moved = (uint32_t)got;
	if (get(r->cdb + 10, 4) > r->unit->write_same_max)
		fake_breach(r->device, "writes the same to more than it may");
	r->unit->zeroes++;
	zero(r, get(r->cdb + 2, 8), get(r->cdb + 10, 4), answer);
}

/* SPC: all of the page as it is, but for what can be changed. */
static void mode_select(const struct request *r, struct fake_answer *answer)
{
	static const uint8_t zeros[17];
	uint8_t list[24] = { 0 };
	struct fake_unit *unit = r->unit;

	size_t got = ring_chain_read(r->chain, REQ_BYTES, list, sizeof(list));
	if (got != 24 || r->readable != 24 || r->cdb[4] != 24 || r->cdb[1] != 0x10 ||
	    get(list, 4) != 0 || list[4] != 8 || list[5] != 18 || memcmp(list + 7, zeros, 17) != 0)
		fake_breach(r->device, "gives another page than it was told, or a part of it");
	if (unit->no_mode || unit->cache_fixed || ((list[6] ^ unit->caching) & ~4) != 0) {
		fake_breach(r->device, "changes what cannot be changed");
		fake_scsi_check(r->scsi, answer, 5, 0x26, 0);
		return;
	}
	unit->selects++;
	if (!unit->cache_ignores)
		unit->caching = list[6];
	answer->moved = 24;
}

/* With a medium, and ready. */
static void medium_command(const struct request *r, struct fake_answer *answer)
{
	const uint8_t *cdb = r->cdb;
	struct fake_unit *unit = r->unit;

	if (unit->stopped) {
		fake_scsi_check(r->scsi, answer, 2, 0x04, 0x02);
		return;
	}
	if (unit->empty) {
		fake_scsi_check(r->scsi, answer, 2, 0x3a, 0);
		return;
	}
	switch (cdb[0]) {
	case 0x00:
		break;
	case 0x25:
	case 0x9e:
		read_capacity(r->scsi, unit, cdb, answer);
		break;
	case 0x28:
	case 0x2a:
		unit->shorts++;
		transfer(r, get(cdb + 2, 4), get(cdb + 7, 2), cdb[0] == 0x2a, answer);
		break;
	case 0x88:
	case 0x8a:
		unit->longs++;
		transfer(r, get(cdb + 2, 8), get(cdb + 10, 4), cdb[0] == 0x8a, answer);
		break;
	case 0x35:
		unit->flushes++;
		break;
	case 0x42:
		unmap(r, answer);
		break;
	case 0x93:
		write_same(r, answer);
		break;
	default:
		unknown(r->scsi, answer);
	}
}

static void unit_command(const struct request *r, struct fake_answer *answer)
{
	struct fake_unit *unit = r->unit;

	if (r->cdb[0] == 0x12) {
		inquiry(r->scsi, unit, r->cdb, answer);
	} else if (unit->attention_count > 0) {
		uint16_t attention = unit->attentions[--unit->attention_count];
		fake_scsi_check(r->scsi, answer, 6, (uint8_t)(attention >> 8), (uint8_t)attention);
	} else if (r->cdb[0] == 0x1a) {
		mode_sense(r->scsi, unit, r->cdb, answer);
	} else if (r->cdb[0] == 0x15) {
		mode_select(r, answer);
	} else if (r->cdb[0] == 0x1b) {
		unit->starts++;
		unit->stopped = false;
	} else {
		medium_command(r, answer);
	}
}

/* Whoever is addressed: a unit, a target, or a well-known unit. */
static void command(struct request *r, const uint8_t *lun, struct fake_answer *answer)
{
	struct fake_scsi *scsi = r->scsi;
	uint8_t target;
	uint16_t number;

	if (lun[0] == 0xc1 && lun[1] == 1) {
		if (scsi->host_list && r->cdb[0] == 0xa0)
			report_luns(scsi, -1, answer);
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
		report_luns(scsi, target, answer);
	else if (r->unit)
		unit_command(r, answer);
	else if (r->cdb[0] == 0x12)
		inquiry(scsi, NULL, r->cdb, answer);
	else
		fake_scsi_check(scsi, answer, 5, 0x25, 0);
}

/* 5.6.6.1: what is told, before the data in, and how long it is. */
static uint32_t give_answer(const struct request *r, struct fake_answer *answer)
{
	uint8_t resp[RESP_BYTES] = { 0 };
	uint64_t data = r->readable ? r->readable : r->room;

	if (answer->in_length) {
		answer->moved = answer->in_length < r->room ? answer->in_length : (uint32_t)r->room;
		ring_chain_write(r->chain, RESP_BYTES, answer->in, answer->moved);
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
	ring_chain_write(r->chain, 0, resp, RESP_BYTES);
	return RESP_BYTES + (r->readable ? (r->scsi->counts_dataout ? (uint32_t)r->readable : 0)
					 : answer->moved);
}

static bool serve_request(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	struct fake_device *device = queue->device;
	struct fake_scsi *scsi = device->state;
	uint8_t req[REQ_BYTES];
	struct fake_answer answer = { .residual = -1 };
	struct request r = { .device = device, .scsi = scsi, .chain = chain, .cdb = req + 19 };

	if (ring_chain_read(chain, 0, req, REQ_BYTES) != REQ_BYTES ||
	    chain->writable < RESP_BYTES) {
		fake_breach(device, "sends a command without request or response (5.6.6.1)");
		return true;
	}
	for (unsigned i = 0; i < chain->count; i++)
		r.readable += chain->segments[i].writable ? 0 : chain->segments[i].length;
	r.readable -= REQ_BYTES;
	r.room = chain->writable - RESP_BYTES;
	if (r.readable && r.room)
		fake_breach(device, "moves data both ways without the feature");
	if (chain->count > 2 + fake_config_get(device, 4, 4))
		fake_breach(device, "uses more segments than seg_max");
	if (chain->segments[0].length != REQ_BYTES)
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
			fake_use(queue, chain, RESP_BYTES);
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
