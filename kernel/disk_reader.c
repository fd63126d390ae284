/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of a disk, whatever its blocks: see disk_reader.h.
 *
 * See it at work: make run DISK=files.tar, then `ls`
 * Left out: reading ahead while the program works.
 */
#include "kernel/disk_reader.h"

#include "lib/error.h"
#include "lib/mem.h"

#define WINDOW 32768

int disk_reader_open(struct disk_reader *reader, struct block_device *disk)
{
	size_t size = disk->block_size > WINDOW ? disk->block_size : WINDOW;

	*reader = (struct disk_reader){ .disk = disk, .window_size = size };
	reader->window = vport_alloc(size);
	return reader->window ? 0 : ERR_NOMEM;
}

void disk_reader_close(struct disk_reader *reader)
{
	vport_free(reader->window, reader->window_size);
	reader->window = NULL;
}

/* Moves the window to where `offset` is. */
static int fill(struct disk_reader *reader, uint64_t offset)
{
	struct block_device *disk = reader->disk;
	uint64_t end = disk->capacity * BLOCK_SECTOR;
	uint64_t start = offset & -(uint64_t)disk->block_size;

	reader->length = 0; /* of no use, should the read fail */
	if (offset >= end)
		return ERR_RANGE;
	size_t length =
		end - start < reader->window_size ? (size_t)(end - start) : reader->window_size;
	int error = block_read(disk, start / BLOCK_SECTOR, reader->window, length);
	if (error == ERR_IO) { /* maybe only in what nobody has asked for yet */
		length = disk->block_size;
		error = block_read(disk, start / BLOCK_SECTOR, reader->window, length);
	}
	if (error)
		return error;
	reader->start = start;
	reader->length = length;
	return 0;
}

/* What is in the window of it, or, when whole blocks of much more are wanted, straight from the disk. Returns
 * how much, or an error. */
static long read_some(struct disk_reader *reader, uint64_t offset, void *buffer, size_t length)
{
	struct block_device *disk = reader->disk;
	int error;

	if (offset % disk->block_size == 0 && length >= reader->window_size) {
		size_t whole = length & -(size_t)disk->block_size;
		error = block_read(disk, offset / BLOCK_SECTOR, buffer, whole);
		return error ? error : (long)whole;
	}
	if (offset < reader->start || offset - reader->start >= reader->length) {
		error = fill(reader, offset);
		if (error)
			return error;
	}
	size_t at = (size_t)(offset - reader->start), here = reader->length - at;
	if (here > length)
		here = length;
	memcpy(buffer, reader->window + at, here);
	return (long)here;
}

int disk_reader_read(struct disk_reader *reader, uint64_t offset, void *buffer, size_t length)
{
	uint8_t *to = buffer;

	while (length > 0) {
		long result = read_some(reader, offset, to, length);
		if (result < 0)
			return (int)result;
		to += result;
		offset += (uint64_t)result;
		length -= (size_t)result;
	}
	return 0;
}
