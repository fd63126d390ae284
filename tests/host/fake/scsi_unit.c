/* SPDX-License-Identifier: BSD-2-Clause */
/* What a unit of the fake SCSI host answers, as SPC and SBC say, unless a test says otherwise: see scsi.h. */
#include "tests/host/fake/scsi_unit.h"

#include <string.h>

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

void fake_scsi_report_luns(struct fake_scsi *scsi, int target, struct fake_answer *answer)
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

void fake_scsi_inquiry(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
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

static void transfer(const struct fake_scsi_request *r, uint64_t block, uint64_t blocks, bool write,
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
		ring_chain_write(r->chain, FAKE_SCSI_RESP, at, bytes);
	} else if (unit->write_protected) {
		fake_breach(r->device, "writes to a unit that is protected");
		fake_scsi_check(r->scsi, answer, 7, 0x27, 0);
	} else {
		unit->writes++;
		ring_chain_read(r->chain, FAKE_SCSI_REQ, at, bytes);
	}
}

static void zero(const struct fake_scsi_request *r, uint64_t block, uint64_t blocks,
		 struct fake_answer *answer)
{
	if (block + blocks > r->unit->blocks || blocks == 0)
		fake_scsi_check(r->scsi, answer, 5, 0x21, 0);
	else
		memset(r->unit->bytes + block * r->unit->block_size, 0,
		       blocks * r->unit->block_size);
}

static void unmap(const struct fake_scsi_request *r, struct fake_answer *answer)
{
	uint8_t list[24];

	if (r->readable != 24 || get(r->cdb + 7, 2) != 24)
		fake_breach(r->device, "unmaps with a parameter list of another length");
	ring_chain_read(r->chain, FAKE_SCSI_REQ, list, sizeof(list));
	if (get(list, 2) != 22 || get(list + 2, 2) != 16)
		fake_breach(r->device, "unmaps with a wrong parameter list");
	if (get(list + 16, 4) > r->unit->unmap_max)
		fake_breach(r->device, "unmaps more than it may");
	r->unit->unmaps++;
	zero(r, get(list + 8, 8), get(list + 16, 4), answer);
	answer->moved = 24;
}

static void write_same(const struct fake_scsi_request *r, struct fake_answer *answer)
{
	uint8_t block[4096];

	/* QEMU 7.2 takes one without data out, and does nothing. */
	if ((r->cdb[1] & 1) != 0 || r->readable != r->unit->block_size)
		fake_breach(r->device, "writes the same without a block of data out");
	if ((r->cdb[1] & 8) != 0 && !r->unit->write_same_unmaps) {
		bad_field(r->scsi, answer);
		return;
	}
	size_t got = ring_chain_read(r->chain, FAKE_SCSI_REQ, block, sizeof(block));
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
static void mode_select(const struct fake_scsi_request *r, struct fake_answer *answer)
{
	static const uint8_t zeros[17];
	uint8_t list[24] = { 0 };
	struct fake_unit *unit = r->unit;

	size_t got = ring_chain_read(r->chain, FAKE_SCSI_REQ, list, sizeof(list));
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
static void medium_command(const struct fake_scsi_request *r, struct fake_answer *answer)
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

void fake_scsi_unit_command(const struct fake_scsi_request *r, struct fake_answer *answer)
{
	struct fake_unit *unit = r->unit;

	if (r->cdb[0] == 0x12) {
		fake_scsi_inquiry(r->scsi, unit, r->cdb, answer);
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
