/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of fake/scsi.h's units that are changed in one thing. */
#ifndef TESTS_HOST_FAKE_SCSI_ODD_H
#define TESTS_HOST_FAKE_SCSI_ODD_H

#include "tests/host/fake/scsi.h"

struct odd {
	uint8_t response, status, key, asc, ascq;
	int length;       /* of the data; -1: as it is, */
	int at;           /* but for this byte, */
	uint8_t value;    /* which is this one; -1: none */
	int64_t residual; /* -1: as it is */
	bool no_sense;    /* CHECK CONDITION, but the sense data has no such format */
};
#define SENSE(k, a, q) \
	{ \
		.key = (k), .asc = (a), .ascq = (q), .length = -1, .at = -1, .residual = -1 \
	}
#define RESPONSE(r) \
	{ \
		.response = (r), .length = -1, .at = -1, .residual = -1 \
	}
#define STATUS(s) \
	{ \
		.status = (s), .length = -1, .at = -1, .residual = -1 \
	}
#define LENGTH(n) \
	{ \
		.length = (n), .at = -1, .residual = -1 \
	}
#define BYTE(n, v) \
	{ \
		.length = -1, .at = (n), .value = (v), .residual = -1 \
	}
#define RESIDUAL(n) \
	{ \
		.length = -1, .at = -1, .residual = (n) \
	}

static inline void odd_answer(struct fake_scsi *scsi, struct fake_answer *answer,
			      const struct odd *odd)
{
	answer->response = odd->response ? odd->response : answer->response;
	answer->status = odd->status ? odd->status : answer->status;
	if (odd->key)
		fake_scsi_check(scsi, answer, odd->key, odd->asc, odd->ascq);
	if (odd->no_sense)
		answer->sense[0] = 0x7e;
	if (odd->length >= 0 && (uint32_t)odd->length < answer->in_length)
		answer->in_length = (uint32_t)odd->length;
	if (odd->at >= 0)
		answer->in[odd->at] = odd->value;
	if (odd->residual >= 0)
		answer->residual = odd->residual;
}

#endif
