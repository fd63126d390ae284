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
	*reader = (struct disk_reader){ .disk = disk, .block_size = disk->block_size };
	reader->window_size = reader->block_size > WINDOW ? reader->block_size : WINDOW;
	reader->window = vport_alloc(reader->window_size);
	return reader->window ? 0 : ERR_NOMEM;
}

void disk_reader_close(struct disk_reader *reader)
{
	vport_free(reader->window, reader->window_size);
	reader->window = NULL;
}

/* Whole blocks, of the size that the disk had. It may have another one whenever a read is over: its device has been
 * reset meanwhile. */
static int read_blocks(struct disk_reader *reader, uint64_t start, void *to, size_t length)
{
	int error = block_read(reader->disk, start / BLOCK_SECTOR, to, length);

	return reader->disk->whole->block_size == reader->block_size ? error : (int)ERR_BUSY;
}

/* Moves the window to where `offset` is. */
static int fill(struct disk_reader *reader, uint64_t offset)
{
	uint64_t end = reader->disk->capacity * BLOCK_SECTOR;
	uint64_t start = offset & -(uint64_t)reader->block_size;

	reader->length = 0; /* of no use, should the read fail */
	if (offset >= end)
		return ERR_RANGE;
	size_t length =
		end - start < reader->window_size ? (size_t)(end - start) : reader->window_size;
	int error = read_blocks(reader, start, reader->window, length);
	if (error == ERR_IO) { /* maybe only in what nobody has asked for yet */
		length = reader->block_size;
		error = read_blocks(reader, start, reader->window, length);
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
	int error;

	if (offset % reader->block_size == 0 && length >= reader->window_size) {
		size_t whole = length & -(size_t)reader->block_size;
		error = read_blocks(reader, offset, buffer, whole);
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
