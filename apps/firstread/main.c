/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the first 4 KiB of the first disk and says so: how long it takes to get to this line is what
 * `make bench` measures from outside.
 *
 *     make run APP=firstread
 */
#include "drivers/virtio/block.h"
#include "kernel/console.h"
#include "lib/error.h"

int main(int argc, char **argv)
{
	static char buffer[4096];

	if (argc > 1) {
		kprint("usage: %s\n", argv[0]);
		return 2;
	}
	struct block_device *disk = block_first();
	if (disk == NULL) {
		kprint("%s: there is no disk\n", argv[0]);
		return 1;
	}
	int result = block_read(disk, 0, buffer, sizeof(buffer));
	if (result < 0) {
		kprint("%s: %s: %s\n", argv[0], disk->name, error_text(result));
		return 1;
	}
	kprint("%s: ok\n", argv[0]);
	return 0;
}
