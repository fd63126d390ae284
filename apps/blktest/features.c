/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what only some disks can: discards and zeroes, a cache that is switched. */
#include "blktest.h"

#include <inttypes.h>
#include <string.h>

#include "kernel/console.h"
#include "kernel/ktap.h"
#include "lib/error.h"

#define RANGE_SECTORS 256 /* 128 KiB: no file system's blocks are larger */

static bool all_zero(const uint8_t *from, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (from[i] != 0)
			return false;
	}
	return true;
}

static int write_pattern(uint64_t sector, uint64_t sectors)
{
	pattern_fill(sector, sectors * BLOCK_SECTOR);
	return block_write(disk, sector, memory, sectors * BLOCK_SECTOR);
}

/* Three ranges side by side, between two blocks that stay as they are: in the last quarter of the disk. */
const char *test_ranges(void)
{
	uint64_t at = disk->capacity / 4 * 3 / RANGE_SECTORS * RANGE_SECTORS;
	uint64_t end = at + UINT64_C(3) * RANGE_SECTORS;
	size_t length = RANGE_SECTORS * BLOCK_SECTOR;

	if (disk->read_only)
		return ktap_skip("the disk is read-only");
	if (disk->limits.discard_sectors_max == 0 || disk->limits.zeroes_sectors_max == 0)
		return ktap_skip("the device does not offer both");
	if (disk->capacity < 32 * RANGE_SECTORS || unit > RANGE_SECTORS)
		return ktap_skip("the disk is too small, or its blocks too big");

	ktap_check(write_pattern(at - unit, end - at + 2 * unit) == 0);
	kprint("# pattern at sector %" PRIu64 " for %" PRIu64 "\n", at - unit, unit);
	kprint("# pattern at sector %" PRIu64 " for %" PRIu64 "\n", end, unit);
	ktap_check(block_flush(disk) == 0);

	ktap_check(block_discard(disk, at, RANGE_SECTORS) == 0);
	kprint("# discarded at sector %" PRIu64 " for %u\n", at, RANGE_SECTORS);
	ktap_check(block_write_zeroes(disk, at + RANGE_SECTORS, RANGE_SECTORS, false) == 0);
	kprint("# zeroes at sector %" PRIu64 " for %u\n", at + RANGE_SECTORS, RANGE_SECTORS);
	ktap_check(block_write_zeroes(disk, at + 2 * RANGE_SECTORS, RANGE_SECTORS, true) == 0);
	kprint("# unmapped at sector %" PRIu64 " for %u\n", at + 2 * RANGE_SECTORS, RANGE_SECTORS);
	ktap_check(block_flush(disk) == 0);

	memset(memory, 0xa5, BIG);
	ktap_check(block_read(disk, at - unit, memory, (end - at + 2 * unit) * BLOCK_SECTOR) == 0);
	size_t guard = unit * BLOCK_SECTOR;
	ktap_check(pattern_filled(at - unit, memory, guard));
	ktap_check(all_zero(memory + guard + length, 2 * length));
	ktap_check(pattern_filled(end, memory + guard + 3 * length, guard));

	ktap_check(block_discard(disk, disk->capacity, unit) == ERR_RANGE);
	ktap_check(block_write_zeroes(disk, at, 0, true) == ERR_INVALID);
	return KTAP_OK;
}

/* There and back, with a write and a flush in each mode. */
const char *test_cache(void)
{
	bool before = disk->write_back;
	const char *mode = before ? "write-back" : "write-through";

	if (disk->read_only)
		return ktap_skip("the disk is read-only");
	if (block_set_write_back(disk, before) == ERR_UNSUPPORTED) {
		kprint("# cache: %s, fixed\n", mode);
		return ktap_skip("the device does not offer it");
	}
	kprint("# cache: %s, can be switched\n", mode);
	for (unsigned i = 0; i < 4; i++) {
		bool on = before == (i % 2 != 0);
		ktap_check(block_set_write_back(disk, on) == 0);
		ktap_check(disk->write_back == on);
		ktap_check(write_pattern(0, unit) == 0);
		ktap_check(block_flush(disk) == 0);
	}
	return KTAP_OK;
}

const char *test_topology(void)
{
	const struct block_topology *topology = &disk->topology;

	ktap_check(topology->physical_block_size == 0 ||
		   topology->physical_block_size >= disk->block_size);
	kprint("# blocks of %u, physical %u, first at sector %u; io of at least %u, best %u\n",
	       disk->block_size, topology->physical_block_size, topology->alignment_sectors,
	       topology->io_size_min, topology->io_size_best);
	return KTAP_OK;
}
