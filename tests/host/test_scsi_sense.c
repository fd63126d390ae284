/* SPDX-License-Identifier: BSD-2-Clause */
/* Sense data in both formats, whole and cut off, and in words. */
#include "drivers/virtio/scsi.h"
#include "tests/host/check.h"

static const uint8_t fixed[18] = { 0xf0, 0, 3, 0, 0, 0x12, 0x34, 10, 0, 0, 0, 0, 0x11, 0 };
static const uint8_t descriptor[32] = {
	0x72, 3,  0x11, 0, 0, 0, 0, 24,   0x02, 6, 0,    0,    0, 0, 0, 0, /* of another kind */
	0x00, 10, 0x80, 0, 0, 0, 0, 0x01, 0,    0, 0x12, 0x34,             /* the information */
};

static const char *words(const uint8_t *bytes, size_t length)
{
	static char line[120];
	struct scsi_sense sense = scsi_sense_decode(bytes, length);

	scsi_sense_text(&sense, line, sizeof(line));
	return line;
}

static void fixed_format(void)
{
	struct scsi_sense sense = scsi_sense_decode(fixed, sizeof(fixed));

	CHECK(sense.valid && !sense.deferred && sense.has_information);
	CHECK_EQ(sense.key, SCSI_MEDIUM_ERROR);
	CHECK_EQ(sense.asc, 0x11);
	CHECK_EQ(sense.information, 0x1234);
	CHECK_TEXT(words(fixed, sizeof(fixed)),
		   "MEDIUM ERROR: unrecovered read error (11/00), block 4660");
}

static void descriptor_format(void)
{
	struct scsi_sense sense = scsi_sense_decode(descriptor, sizeof(descriptor));

	CHECK(sense.valid && !sense.deferred && sense.has_information);
	CHECK_EQ(sense.information, UINT64_C(0x100001234));
	CHECK_TEXT(words(descriptor, sizeof(descriptor)),
		   "MEDIUM ERROR: unrecovered read error (11/00), block 4294971956");
}

static void deferred(void)
{
	uint8_t bytes[18];

	memcpy(bytes, fixed, sizeof(bytes));
	bytes[0] = 0x71;
	CHECK_TEXT(words(bytes, sizeof(bytes)),
		   "earlier command: MEDIUM ERROR: unrecovered read error (11/00)");
	memcpy(bytes, descriptor, sizeof(bytes));
	bytes[0] = 0x73;
	CHECK(scsi_sense_decode(bytes, sizeof(bytes)).deferred);
}

/* Copies that end where the memory does, so that the sanitizer sees a byte too much. */
static void cut_off_anywhere(void)
{
	for (size_t length = 0; length <= sizeof(descriptor); length++) {
		uint8_t some[sizeof(descriptor)], *end = some + sizeof(some) - length;
		memcpy(end, descriptor, length);
		struct scsi_sense sense = scsi_sense_decode(end, length);
		CHECK_EQ(sense.valid, length > 0);
		CHECK_EQ(sense.key, length > 1 ? 3 : 0);
		CHECK_EQ(sense.has_information, length >= 28);
		if (length > sizeof(fixed))
			continue;
		memcpy(end, fixed, length);
		sense = scsi_sense_decode(end, length);
		CHECK_EQ(sense.key, length > 2 ? 3 : 0);
		CHECK_EQ(sense.asc, length > 12 ? 0x11 : 0);
		CHECK_EQ(sense.has_information, length >= 7);
	}
}

/* Descriptors whose lengths lie: the information is found where it is, or not at all. */
static void descriptors_that_lie(void)
{
	uint8_t bytes[32];

	for (unsigned length = 0; length < 256; length++) {
		memcpy(bytes, descriptor, sizeof(bytes));
		bytes[7] = (uint8_t)length;
		CHECK_EQ(scsi_sense_decode(bytes, sizeof(bytes)).has_information, length >= 20);
		memcpy(bytes, descriptor, sizeof(bytes));
		bytes[9] = (uint8_t)length;
		/* Shorter ones of even length are followed by empty ones. */
		CHECK_EQ(scsi_sense_decode(bytes, sizeof(bytes)).has_information,
			 length <= 6 && length % 2 == 0);
	}
	memcpy(bytes, descriptor, sizeof(bytes));
	bytes[18] = 0; /* there, but not valid */
	CHECK(!scsi_sense_decode(bytes, sizeof(bytes)).has_information);
}

static void no_sense_data(void)
{
	static const uint8_t nonsense[] = { 0, 0x0f, 0x12, 0x7f, 0xff, 0x74 };

	for (unsigned i = 0; i < sizeof(nonsense); i++) {
		uint8_t bytes[18] = { nonsense[i], 3, 3 };
		CHECK(!scsi_sense_decode(bytes, sizeof(bytes)).valid);
		CHECK_TEXT(words(bytes, sizeof(bytes)), "no sense data");
	}
}

static void in_words(void)
{
	static const struct {
		uint8_t key, asc, ascq;
		const char *text;
	} cases[] = {
		{ 0, 0, 0, "NO SENSE: nothing more is known (00/00)" },
		{ 2, 0x3a, 0, "NOT READY: no medium (3a/00)" },
		{ 2, 0x3a, 2, "NOT READY: no medium (3a/02)" },
		{ 2, 0x04, 0x01, "NOT READY: becoming ready (04/01)" },
		{ 5, 0x25, 0, "ILLEGAL REQUEST: no such logical unit (25/00)" },
		{ 6, 0x29, 0x03, "UNIT ATTENTION: logical unit reset (29/03)" },
		{ 6, 0x29, 0x07, "UNIT ATTENTION: reset (29/07)" },
		{ 6, 0x2a, 0x09, "UNIT ATTENTION: capacity changed (2a/09)" },
		{ 6, 0x3f, 0x0e, "UNIT ATTENTION: the list of logical units changed (3f/0e)" },
		{ 11, 0x80, 0xfe, "ABORTED COMMAND: code without a name here (80/fe)" },
		{ 15, 0, 0, "COMPLETED: nothing more is known (00/00)" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[18] = { 0x70, 0, cases[i].key };
		bytes[12] = cases[i].asc;
		bytes[13] = cases[i].ascq;
		CHECK_TEXT(words(bytes, sizeof(bytes)), cases[i].text);
	}
}

/* A line that is too short for it ends there. */
static void short_lines(void)
{
	struct scsi_sense sense = scsi_sense_decode(fixed, sizeof(fixed));
	char whole[120];
	size_t length = scsi_sense_text(&sense, whole, sizeof(whole));

	for (size_t size = 1; size <= length + 1; size++) {
		char line[120];
		memset(line, '#', sizeof(line));
		CHECK_EQ(scsi_sense_text(&sense, line, size), size - 1);
		CHECK(memcmp(line, whole, size - 1) == 0 && line[size - 1] == 0 &&
		      line[size] == '#');
	}
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(fixed_format),
		CHECK_CASE(descriptor_format),
		CHECK_CASE(deferred),
		CHECK_CASE(cut_off_anywhere),
		CHECK_CASE(descriptors_that_lie),
		CHECK_CASE(no_sense_data),
		CHECK_CASE(in_words),
		CHECK_CASE(short_lines),
		CHECK_END,
	});
}
