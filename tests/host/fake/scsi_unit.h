/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the fake SCSI host (scsi.c) and its units (scsi_unit.c). */
#ifndef TESTS_HOST_FAKE_SCSI_UNIT_H
#define TESTS_HOST_FAKE_SCSI_UNIT_H

#include <string.h>

#include "tests/host/fake/scsi.h"

/* VIRTIO 1.4, 5.6.6.1, with the default sizes. */
enum { FAKE_SCSI_REQ = 51, FAKE_SCSI_RESP = 108 };

/* Numbers of SCSI: the first byte is the most significant one. */
static inline void put(uint8_t *at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static inline uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* A command, as it came. */
struct fake_scsi_request {
	struct fake_device *device;
	struct fake_scsi *scsi;
	struct fake_unit *unit;
	struct ring_chain *chain;
	const uint8_t *cdb;
	uint64_t readable; /* bytes behind the request */
	uint64_t room;     /* and behind the response */
};

/* To a unit. */
void fake_scsi_unit_command(const struct fake_scsi_request *r, struct fake_answer *answer);
/* INQUIRY, to a unit or (NULL) where there is none. */
void fake_scsi_inquiry(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
		       struct fake_answer *answer);
/* The units of a target; of all of them, in two levels, when it is negative. */
void fake_scsi_report_luns(struct fake_scsi *scsi, int target, struct fake_answer *answer);

#endif
