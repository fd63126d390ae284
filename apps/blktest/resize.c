/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk whose size changes while it is read:
 *
 *     blktest: vda has 32768 sectors                 again after each change
 *     # pattern at sector 32767 for 1                which it then writes into the last block
 */
#include "blktest.h"

#include <inttypes.h>

#include "kernel/console.h"
#include "lib/error.h"

#define PATIENCE_NS UINT64_C(60000000000)
#define TELLING_NS UINT64_C(2000000000)

/* The last block can be written and read, and what begins or ends behind it is refused. */
static const char *test_end(void)
{
	uint64_t end = disk->capacity;
	size_t length = unit * BLOCK_SECTOR;

	pattern_fill(end - unit, length);
	if (block_write(disk, end - unit, memory, length) != 0 || block_flush(disk) != 0)
		return "the last block cannot be written";
	if (block_read(disk, end - unit, memory, length) != 0 ||
	    !pattern_filled(end - unit, memory, length))
		return "the last block does not read back";
	kprint("# pattern at sector %" PRIu64 " for %" PRIu64 "\n", end - unit, unit);
	if (block_read(disk, end, memory, length) != ERR_RANGE ||
	    block_write(disk, end, memory, length) != ERR_RANGE ||
	    block_read(disk, end - unit, memory, 2 * length) != ERR_RANGE ||
	    block_write(disk, end - unit, memory, 2 * length) != ERR_RANGE)
		return "what lies behind the end is not refused";
	return NULL;
}

/* Reads all over the disk until its size is another one. False: it was too long, or a read failed for no such reason:
 * the disk may be smaller already when we are told so. */
static bool wait_for_change(uint64_t *capacity)
{
	uint64_t deadline = vport_now() + PATIENCE_NS, sector = 0;
	int error = 0;

	while (disk->capacity == *capacity && vport_now() < deadline) {
		if (error)
			vport_relax(deadline);
		else
			error = block_read(disk, sector % (disk->capacity / unit) * unit, memory,
					   unit * BLOCK_SECTOR);
		if (error && deadline > vport_now() + TELLING_NS)
			deadline = vport_now() + TELLING_NS;
		sector += 7919;
	}
	bool changed = disk->capacity != *capacity;
	*capacity = disk->capacity;
	return changed;
}

int watch_size(const char *program, unsigned changes)
{
	uint64_t capacity = disk->capacity;

	for (unsigned i = 0;; i++) {
		kprint("%s: %s has %" PRIu64 " sectors\n", program, disk->name, capacity);
		const char *wrong = test_end();
		if (wrong == NULL && i == changes)
			return 0;
		if (wrong == NULL && !wait_for_change(&capacity))
			wrong = "it did not change, or could not be read";
		if (wrong != NULL) {
			kprint("%s: %s: %s\n", program, disk->name, wrong);
			return 1;
		}
	}
}
