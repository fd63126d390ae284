/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads any bytes of a disk, with a window of it in memory, so that many small reads cost few requests. */
#ifndef KERNEL_DISK_READER_H
#define KERNEL_DISK_READER_H

#include "drivers/virtio/block.h"

struct disk_reader {
	struct block_device *disk;
	uint32_t block_size; /* when it was opened: the window has room for one of them at least */
	uint8_t *window;
	size_t window_size;
	uint64_t start; /* of what is in the window: bytes from the disk's start */
	size_t length;
};

/* 0; ERR_NOMEM. Program context, like the others. */
int disk_reader_open(struct disk_reader *reader, struct block_device *disk);
void disk_reader_close(struct disk_reader *reader);

/* All of those bytes. 0; ERR_RANGE past the disk's end; ERR_BUSY: its blocks have another size than when this was
 * opened, which must be done again; another error. */
int disk_reader_read(struct disk_reader *reader, uint64_t offset, void *buffer, size_t length);

#endif
