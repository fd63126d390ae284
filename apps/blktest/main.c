/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests a disk, and overwrites parts of it:
 *
 *     make run APP=blktest DISK=scratch.img RW=1
 *
 * What it leaves behind can be checked in the image from outside: it prints the places, and there word
 * w (of 64 bits, little-endian) of sector s is PATTERN + s * 64 + w. On a read-only disk it tests that
 * nothing can be written. Reports in KTAP version 1.
 *
 *     make run APP=blktest ARGS='-r 2 vda' …: waits until the disk has got another size, twice (resize.c)
 */
#include "blktest.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/console.h"
#include "kernel/ktap.h"
#include "lib/error.h"

#define SEGMENTS 9
#define MANY 64 /* requests in flight at once */

struct block_device *disk;
uint8_t *memory;
uint64_t unit;

/* ---- The pattern ----------------------------------------------------------------- */

void pattern_fill(uint64_t sector, size_t length)
{
	uint64_t *word = (uint64_t *)memory;
	for (size_t i = 0; i < length / sizeof(*word); i++)
		word[i] = PATTERN + sector * WORDS + i;
}

bool pattern_filled(uint64_t sector, const void *from, size_t length)
{
	const uint64_t *word = from;
	for (size_t i = 0; i < length / sizeof(*word); i++) {
		if (word[i] != PATTERN + sector * WORDS + i)
			return false;
	}
	return true;
}

/* Where it writes: the first block, some in the middle, a big piece, the last block. */
static struct place {
	uint64_t sector, count;
} places[4];
static unsigned place_count;

static void choose_places(void)
{
	uint64_t blocks = disk->capacity / unit;
	uint64_t big = BIG / BLOCK_SECTOR;
	place_count = 0;
	places[place_count++] = (struct place){ 0, unit };
	if (blocks >= 16)
		places[place_count++] = (struct place){ blocks / 2 * unit, 3 * unit };
	if (disk->capacity >= 4 * big)
		places[place_count++] = (struct place){ big / unit * unit, big / unit * unit };
	if (blocks >= 2)
		places[place_count++] = (struct place){ (blocks - 1) * unit, unit };
}

/* ---- Writing and reading ------------------------------------------------------------ */

static const char *test_write(void)
{
	if (disk->read_only)
		return ktap_skip("the disk is read-only");
	for (unsigned i = 0; i < place_count; i++) {
		size_t length = places[i].count * BLOCK_SECTOR;
		pattern_fill(places[i].sector, length);
		ktap_check(block_write(disk, places[i].sector, memory, length) == 0);
		kprint("# pattern at sector %" PRIu64 " for %" PRIu64 "\n", places[i].sector,
		       places[i].count);
	}
	ktap_check(block_flush(disk) == 0);
	return KTAP_OK;
}

static const char *test_read_back(void)
{
	if (disk->read_only)
		return ktap_skip("the disk is read-only");
	for (unsigned i = 0; i < place_count; i++) {
		size_t length = places[i].count * BLOCK_SECTOR;
		memset(memory, 0, length);
		ktap_check(block_read(disk, places[i].sector, memory, length) == 0);
		ktap_check(pattern_filled(places[i].sector, memory, length));
	}
	return KTAP_OK;
}

static unsigned done_count;
static int done_status;

static void done(struct block_request *request)
{
	done_count++;
	if (request->status < 0)
		done_status = request->status;
}

/* Submits it and waits; the status, whichever way it came. */
static int wait_for(struct block_request *request)
{
	done_count = 0;
	done_status = 0;
	request->done = done;
	int result = block_submit(disk, request);
	while (result == 0 && *(volatile unsigned *)&done_count == 0)
		vport_relax(VPORT_NEVER);
	return result < 0 ? result : done_status;
}

/* One read into many pieces, sectors but not whole blocks, must give the same as one into one piece. */
static const char *test_segments(void)
{
	static struct block_segment segments[SEGMENTS];
	size_t length = 16 * unit * BLOCK_SECTOR;
	uint8_t *whole = memory, *pieces = memory + BIG / 2;
	if (disk->capacity < 16 * unit || length > BIG / 2)
		return ktap_skip("the disk is too small, or its blocks too big");

	struct block_request request = { .op = BLOCK_READ,
					 .segments = segments,
					 .segment_count = SEGMENTS };
	size_t placed = 0;
	for (unsigned i = 0; i < SEGMENTS; i++) {
		size_t share = i == SEGMENTS - 1 ? length - placed : (1 + i % 2) * BLOCK_SECTOR;
		segments[i] = (struct block_segment){ pieces + placed, share };
		placed += share;
	}
	memset(memory, 0, BIG);
	ktap_check(wait_for(&request) == 0);
	ktap_check(block_read(disk, 0, whole, length) == 0);
	ktap_check(memcmp(whole, pieces, length) == 0);
	return KTAP_OK;
}

/* Submits as many reads of a block as there is memory for, up to MANY; how many, 0: one was refused. */
static unsigned start_many(void)
{
	static struct block_request requests[MANY];
	static struct block_segment segments[MANY];
	size_t length = unit * BLOCK_SECTOR;
	unsigned count = MANY;
	if (count > BIG / length)
		count = (unsigned)(BIG / length);

	done_count = 0;
	done_status = 0;
	for (unsigned i = 0; i < count; i++) {
		segments[i] = (struct block_segment){ memory + i * length, length };
		requests[i] = (struct block_request){
			.op = BLOCK_READ,
			.sector = i * 7 % (disk->capacity / unit) * unit,
			.segments = &segments[i],
			.segment_count = 1,
			.done = done,
		};
		if (block_submit(disk, &requests[i]) != 0)
			return 0;
	}
	return count;
}

static void wait_many(unsigned count)
{
	while (*(volatile unsigned *)&done_count < count)
		vport_relax(VPORT_NEVER);
	vport_relax(0); /* nothing may come twice */
}

static const char *test_many(void)
{
	unsigned count = start_many();
	ktap_check(count > 0);
	wait_many(count);
	ktap_check(done_count == count);
	ktap_check(done_status == 0);
	return KTAP_OK;
}

/* The queue gets other sizes while it is full of requests, which must not notice. A device that promises
 * this and does not do it is reset as a whole: then they end with an error, and the disk goes on. */
static const char *test_resize(void)
{
	static const unsigned sizes[] = { 16, 64, 32, 128 };
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned count = start_many();
		ktap_check(count > 0);
		vport_relax(0); /* now they are with the device */
		int result = block_resize_queue(disk, sizes[i]);
		wait_many(count);
		ktap_check(done_count == count);
		if (result == ERR_UNSUPPORTED)
			return ktap_skip("the device does not offer RING_RESET");
		if (result != 0) {
			ktap_check(block_read(disk, 0, memory, unit * BLOCK_SECTOR) == 0);
			return ktap_skip("the device offers RING_RESET and does not do it");
		}
		ktap_check(done_status == 0);
	}
	ktap_check(block_resize_queue(disk, 1) == ERR_INVALID);
	return KTAP_OK;
}

static const char *test_id(void)
{
	char id[BLOCK_ID_BYTES + 1];
	int result = block_id(disk, id);
	if (result == ERR_UNSUPPORTED)
		return ktap_skip("the device does not tell its id");
	ktap_check(result == 0);
	ktap_check(strlen(id) <= BLOCK_ID_BYTES);
	kprint("# id \"%s\"\n", id);
	return KTAP_OK;
}

/* ---- What must be refused --------------------------------------------------------------- */

static const char *test_range(void)
{
	size_t length = unit * BLOCK_SECTOR;
	ktap_check(block_read(disk, disk->capacity / unit * unit, memory, length) == ERR_RANGE);
	ktap_check(block_read(disk, (disk->capacity / unit - 1) * unit, memory, 2 * length) ==
		   ERR_RANGE);
	ktap_check(block_read(disk, UINT64_MAX / unit * unit, memory, length) == ERR_RANGE);
	return KTAP_OK;
}

static const char *test_alignment(void)
{
	ktap_check(block_read(disk, 0, memory, unit * BLOCK_SECTOR - 1) == ERR_INVALID);
	ktap_check(block_read(disk, 0, memory, 100) == ERR_INVALID);
	if (unit > 1)
		ktap_check(block_read(disk, 1, memory, unit * BLOCK_SECTOR) == ERR_INVALID);
	return KTAP_OK;
}

static const char *test_empty(void)
{
	struct block_segment segment = { memory, 0 };
	struct block_request none = { .op = BLOCK_READ };
	struct block_request empty = { .op = BLOCK_READ, .segments = &segment, .segment_count = 1 };
	ktap_check(wait_for(&none) == ERR_INVALID);
	ktap_check(wait_for(&empty) == ERR_INVALID);
	return KTAP_OK;
}

static const char *test_read_only(void)
{
	if (!disk->read_only)
		return ktap_skip("the disk can be written");
	ktap_check(block_write(disk, 0, memory, unit * BLOCK_SECTOR) == ERR_READ_ONLY);
	return KTAP_OK;
}

static const struct ktap_test tests[] = {
	{ "a pattern is written and flushed", test_write },
	{ "it reads back", test_read_back },
	{ "a read into many segments is the same", test_segments },
	{ "many reads in flight end once each", test_many },
	{ "the queue changes its size under load", test_resize },
	{ "the id", test_id },
	{ "past the end is refused", test_range },
	{ "what is no multiple of a block is refused", test_alignment },
	{ "empty requests are refused", test_empty },
	{ "a read-only disk is not written", test_read_only },
	{ "a range is discarded, others read as zeroes", test_ranges },
	{ "the cache's mode is switched", test_cache },
	{ "how the disk is built", test_topology },
};

static int usage(const char *program)
{
	kprint("usage: %s [-r CHANGES] [DISK]\n", program);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long changes = 0;
	char *end = "";
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-r") == 0) {
		changes = strtoul(argv[2], &end, 10);
		first = 3;
	}
	if (argc > first + 1 || *end != '\0' || changes > 100 || (first == 3 && changes == 0) ||
	    (argc > first && argv[first][0] == '-'))
		return usage(argv[0]);
	disk = argc > first ? block_find(argv[first]) : block_first();
	if (disk == NULL) {
		kprint("%s: there is no disk%s%s\n", argv[0], argc > first ? " " : "",
		       argc > first ? argv[first] : "");
		return 1;
	}
	unit = disk->block_size / BLOCK_SECTOR;
	if (disk->capacity < unit) {
		kprint("%s: %s has no room for a single block\n", argv[0], disk->name);
		return 1;
	}
	memory = vport_alloc(BIG);
	if (memory == NULL) {
		kprint("%s: out of memory\n", argv[0]);
		return 1;
	}
	choose_places();
	int status = changes > 0 ? watch_size(argv[0], (unsigned)changes)
				 : ktap_run(tests, sizeof(tests) / sizeof(tests[0]));
	vport_free(memory, BIG);
	return status;
}
