/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCSI sense data, as SPC defines it: the two formats, and what their codes say in words.
 *
 * See it at work: make run BUS=scsi, then `scsi sense` in the shell
 * Left out: descriptors other than the information; codes of tapes, changers and printers.
 */
#include "drivers/virtio/scsi.h"
#include "lib/be.h"
#include "lib/format.h"

/* ---- Decoding ------------------------------------------------------------------------------- */

enum {
	RESPONSE_FIXED = 0x70,
	RESPONSE_FIXED_DEFERRED = 0x71,
	RESPONSE_DESCRIPTOR = 0x72,
	RESPONSE_DESCRIPTOR_DEFERRED = 0x73,
};
#define VALID 0x80 /* the information is */

/* The byte, if it is there. */
static uint8_t byte_at(const uint8_t *bytes, size_t length, size_t at)
{
	return at < length ? bytes[at] : 0;
}

static void decode_fixed(const uint8_t *bytes, size_t length, struct scsi_sense *sense)
{
	sense->key = byte_at(bytes, length, 2) & 0x0f;
	sense->asc = byte_at(bytes, length, 12);
	sense->ascq = byte_at(bytes, length, 13);
	if ((bytes[0] & VALID) && length >= 7) {
		sense->has_information = true;
		sense->information = be32_load(bytes + 3);
	}
}

/* Descriptors: type, length of what follows, and that. Each step is at least 2 bytes, so it ends. */
static void decode_descriptors(const uint8_t *bytes, size_t length, struct scsi_sense *sense)
{
	enum { HEADER = 8, INFORMATION = 0, INFORMATION_BYTES = 12 };
	size_t end = HEADER + (size_t)byte_at(bytes, length, 7);

	sense->key = byte_at(bytes, length, 1) & 0x0f;
	sense->asc = byte_at(bytes, length, 2);
	sense->ascq = byte_at(bytes, length, 3);
	if (end > length)
		end = length;
	for (size_t at = HEADER; at + 2 <= end; at += 2u + bytes[at + 1]) {
		if (bytes[at] == INFORMATION && at + INFORMATION_BYTES <= end &&
		    (bytes[at + 2] & VALID)) {
			sense->has_information = true;
			sense->information = be64_load(bytes + at + 4);
			return;
		}
	}
}

struct scsi_sense scsi_sense_decode(const uint8_t *bytes, size_t length)
{
	struct scsi_sense sense = { .valid = true };

	switch (byte_at(bytes, length, 0) & 0x7f) {
	case RESPONSE_FIXED_DEFERRED:
		sense.deferred = true; /* fall through */
	case RESPONSE_FIXED:
		decode_fixed(bytes, length, &sense);
		break;
	case RESPONSE_DESCRIPTOR_DEFERRED:
		sense.deferred = true; /* fall through */
	case RESPONSE_DESCRIPTOR:
		decode_descriptors(bytes, length, &sense);
		break;
	default:
		sense.valid = false;
	}
	return sense;
}

/* ---- In words ---------------------------------------------------------------------------------- */

static const char *const keys[16] = {
	"NO SENSE",       "RECOVERED ERROR", "NOT READY",      "MEDIUM ERROR",
	"HARDWARE ERROR", "ILLEGAL REQUEST", "UNIT ATTENTION", "DATA PROTECT",
	"BLANK CHECK",    "VENDOR SPECIFIC", "COPY ABORTED",   "ABORTED COMMAND",
	"sense key 12",   "VOLUME OVERFLOW", "MISCOMPARE",     "COMPLETED",
};

#define ANY 0xff /* whatever the qualifier is, where it has no line of its own */

static const struct {
	uint8_t asc, ascq;
	const char *words;
} codes[] = {
	{ 0x00, 0x00, "nothing more is known" },
	{ 0x00, 0x06, "the transfer was ended by an abort" },
	{ 0x04, 0x00, "not ready, cause unknown" },
	{ 0x04, 0x01, "becoming ready" },
	{ 0x04, 0x02, "it must be started first" },
	{ 0x04, 0x03, "it needs somebody's hand" },
	{ 0x04, 0x04, "being formatted" },
	{ 0x04, ANY, "not ready" },
	{ 0x08, ANY, "communication with the logical unit failed" },
	{ 0x0b, ANY, "it warns of its state" },
	{ 0x0c, ANY, "write error" },
	{ 0x10, ANY, "protection information is wrong" },
	{ 0x11, 0x00, "unrecovered read error" },
	{ 0x11, ANY, "read error" },
	{ 0x1a, 0x00, "parameter list of a wrong length" },
	{ 0x20, 0x00, "unknown command" },
	{ 0x21, 0x00, "block address out of range" },
	{ 0x24, 0x00, "wrong field in the command" },
	{ 0x25, 0x00, "no such logical unit" },
	{ 0x26, ANY, "wrong field in the parameter list" },
	{ 0x27, 0x07, "space is used up: write protected" },
	{ 0x27, ANY, "write protected" },
	{ 0x28, 0x00, "the medium may have changed" },
	{ 0x29, 0x00, "power on or reset" },
	{ 0x29, 0x02, "bus reset" },
	{ 0x29, 0x03, "logical unit reset" },
	{ 0x29, ANY, "reset" },
	{ 0x2a, 0x01, "mode parameters changed" },
	{ 0x2a, 0x09, "capacity changed" },
	{ 0x2a, ANY, "parameters changed" },
	{ 0x2f, ANY, "commands were given up for another initiator" },
	{ 0x30, ANY, "a medium of the wrong kind" },
	{ 0x31, ANY, "the medium's format is damaged" },
	{ 0x39, 0x00, "parameters cannot be saved" },
	{ 0x3a, ANY, "no medium" },
	{ 0x3f, 0x03, "inquiry data changed" },
	{ 0x3f, 0x0e, "the list of logical units changed" },
	{ 0x3f, ANY, "its operating conditions changed" },
	{ 0x44, ANY, "internal failure of the target" },
	{ 0x47, ANY, "parity error on the way" },
	{ 0x4b, ANY, "error in the data phase" },
	{ 0x53, 0x02, "removal of the medium is prevented" },
	{ 0x55, ANY, "it lacks resources" },
	{ 0x5a, ANY, "somebody asks for the medium" },
	{ 0x5d, ANY, "it predicts its failure" },
};

static const char *words_of(uint8_t asc, uint8_t ascq)
{
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].asc == asc && (codes[i].ascq == ascq || codes[i].ascq == ANY))
			return codes[i].words;
	}
	return "code without a name here";
}

size_t scsi_sense_text(const struct scsi_sense *sense, char *line, size_t size)
{
	if (!sense->valid)
		return format(line, size, "no sense data");
	size_t at = format(line, size, "%s%s: %s (%02x/%02x)",
			   sense->deferred ? "earlier command: " : "", keys[sense->key & 15],
			   words_of(sense->asc, sense->ascq), sense->asc, sense->ascq);
	if (sense->has_information && sense->key == SCSI_MEDIUM_ERROR)
		at += format(line + at, size - at, ", block %llu",
			     (unsigned long long)sense->information);
	return at;
}
