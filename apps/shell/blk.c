/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's commands for disks and partitions: blk, read, hexdump. All of them are synchronous calls of
 * block.h, which check first: what is refused has changed nothing.
 *
 *     make run ARGS='"blk list" "blk read vda 0" "hexdump 0 64"'
 *
 * Left out: several requests at once (see apps/bench).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "drivers/virtio/block.h"
#include "kernel/console.h"
#include "lib/error.h"

/* What was read last: for hexdump, and to be written elsewhere. */
static uint8_t *buffer;
static size_t buffer_size;

/* ---- What went wrong ----------------------------------------------------------------------- */

static struct block_device *find_disk(const char *command, const char *name)
{
	struct block_device *disk = block_find(name);

	if (disk == NULL)
		kprint("%s: there is no disk %s\n", command, name);
	return disk;
}

/* One line that says why; the command's status. */
static int result_of(const char *command, const struct block_device *disk, int error)
{
	if (error >= 0)
		return 0;
	kprint("%s: %s: %s", command, disk->name, error_text(error));
	if (error == ERR_RANGE)
		kprint(": it has %llu sectors", (unsigned long long)disk->capacity);
	else if (error == ERR_INVALID)
		kprint(": its blocks of %u bytes are read and written as a whole",
		       disk->block_size);
	kprint("\n");
	return 1;
}

/* ---- Commands of `blk` ---------------------------------------------------------------------- */

static int blk_list(void)
{
	if (block_first() == NULL)
		kprint("blk: there is no disk\n");
	for (struct block_device *disk = block_first(); disk != NULL; disk = disk->next)
		kprint("%s %llu bytes, blocks of %u%s%s\n", disk->name,
		       (unsigned long long)disk->capacity * BLOCK_SECTOR, disk->block_size,
		       disk->read_only ? ", read-only" : "", disk->gone ? ", gone" : "");
	return 0;
}

static const char *cache_of(const struct block_device *disk)
{
	const struct block_device *whole = disk->whole;

	return !whole->can_flush ? "none" : whole->write_back ? "write-back" : "write-through";
}

static int blk_info(struct block_device *disk)
{
	const struct block_limits *limits = &disk->limits;
	const struct block_topology *topology = &disk->topology;

	kprint("%s: %llu sectors of 512 bytes, blocks of %u bytes\n", disk->name,
	       (unsigned long long)disk->capacity, disk->block_size);
	if (disk->whole != disk)
		kprint("on %s from sector %llu on\n", disk->whole->name,
		       (unsigned long long)disk->first_sector);
	if (disk->tail_sectors > 0)
		kprint("%u sectors at its end are no whole block\n", disk->tail_sectors);
	kprint("%s; cache: %s%s\n", disk->read_only ? "read-only" : "can be written",
	       cache_of(disk), disk->gone ? "; gone" : "");
	kprint("one request: %u segments of %u bytes\n", limits->pieces_max,
	       limits->piece_bytes_max);
	kprint("discards up to %u sectors, zeroes up to %u%s\n", limits->discard_sectors_max,
	       limits->zeroes_sectors_max, limits->zeroes_may_unmap ? ", may unmap them" : "");
	if (topology->physical_block_size > 0)
		kprint("physical blocks of %u bytes, best read and written %u bytes at a time\n",
		       topology->physical_block_size, topology->io_size_best);
	kprint("was reset %u times\n", disk->resets);
	return 0;
}

/* Shows the disk's cache mode, after switching it where the command names one: argv is [writeback|writethrough]. A disk without a
 * cache counts as write-through, for what is written to it is lasting. */
static int blk_cache(struct block_device *disk, int argc, char **argv)
{
	bool back = argc == 2 && strcmp(argv[1], "writeback") == 0;

	if (argc > 2 || (argc == 2 && !back && strcmp(argv[1], "writethrough") != 0))
		return USAGE;
	int error = argc == 2 ? block_set_write_back(disk, back) : 0;
	if (error)
		return result_of("blk", disk, error);
	kprint("%s: cache: %s\n", disk->name,
	       disk->whole->write_back ? "write-back" : "write-through");
	return 0;
}

static int blk_id(struct block_device *disk)
{
	char id[BLOCK_ID_BYTES + 1];

	int error = block_id(disk, id);
	if (error)
		return result_of("blk", disk, error);
	/* It is the device's: a terminal gets nothing of it but characters. */
	for (char *c = id; *c != '\0'; c++)
		*c = isprint((unsigned char)*c) ? *c : '?';
	kprint("%s: %s\n", disk->name, id[0] == '\0' ? "its id is empty" : id);
	return 0;
}

static int blk_read(const char *command, struct block_device *disk, uint64_t sector, uint64_t count)
{
	size_t size = count * BLOCK_SECTOR;
	uint8_t *data = malloc(size);

	int error = data == NULL ? (int)ERR_NOMEM : block_read(disk, sector, data, size);
	if (error) { /* what was read before stays */
		free(data);
		return result_of(command, disk, error);
	}
	free(buffer);
	buffer = data;
	buffer_size = size;
	kprint("%s: %zu bytes; hexdump shows them\n", command, buffer_size);
	return 0;
}

static int blk_write(struct block_device *disk, uint64_t sector, uint64_t count)
{
	if (buffer_size < count * BLOCK_SECTOR) {
		kprint("blk: only %zu sectors have been read, which could be written\n",
		       buffer_size / BLOCK_SECTOR);
		return 1;
	}
	return result_of("blk", disk, block_write(disk, sector, buffer, count * BLOCK_SECTOR));
}

static int blk_fill(struct block_device *disk, uint64_t sector, uint64_t count, uint8_t byte)
{
	uint8_t *data = malloc(count * BLOCK_SECTOR);

	if (data == NULL)
		return result_of("blk", disk, ERR_NOMEM);
	memset(data, byte, count * BLOCK_SECTOR);
	int status = result_of("blk", disk, block_write(disk, sector, data, count * BLOCK_SECTOR));
	free(data);
	return status;
}

/* Those that name a place: argv is DISK SECTOR COUNT [BYTE]. */
static int blk_place(const char *what, struct block_device *disk, int argc, char **argv)
{
	uint64_t sector, count = 1, byte;
	bool reads = strcmp(what, "read") == 0, writes = strcmp(what, "write") == 0;

	if (argc < (reads ? 2 : 3) || argc > (writes ? 4 : 3) || !number(argv[1], &sector) ||
	    (argc > 2 && !number(argv[2], &count)) || count == 0)
		return USAGE;
	if ((reads || writes) && count > MAX_SECTORS)
		return USAGE;
	if (reads)
		return blk_read("blk", disk, sector, count);
	if (writes && argc == 3)
		return blk_write(disk, sector, count);
	if (writes)
		return number(argv[3], &byte) && byte <= UINT8_MAX
			       ? blk_fill(disk, sector, count, (uint8_t)byte)
			       : USAGE;
	if (strcmp(what, "discard") == 0)
		return result_of("blk", disk, block_discard(disk, sector, count));
	return result_of("blk", disk, block_write_zeroes(disk, sector, count, true));
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words != NULL && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

int do_blk(int argc, char **argv)
{
	static const char *const of_disk[] = { "info", "flush", "id", NULL };
	static const char *const of_place[] = { "read", "write", "discard", "zero", NULL };

	if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0))
		return blk_list();
	bool cache = strcmp(argv[1], "cache") == 0, whole = is_one_of(argv[1], of_disk);
	if (argc < 3 || (whole && argc > 3) || !(cache || whole || is_one_of(argv[1], of_place)))
		return USAGE;
	struct block_device *disk = find_disk("blk", argv[2]);
	if (disk == NULL)
		return 1;
	if (strcmp(argv[1], "info") == 0)
		return blk_info(disk);
	if (strcmp(argv[1], "flush") == 0)
		return result_of("blk", disk, block_flush(disk));
	if (strcmp(argv[1], "id") == 0)
		return blk_id(disk);
	if (cache)
		return blk_cache(disk, argc - 2, argv + 2);
	return blk_place(argv[1], disk, argc - 2, argv + 2);
}

/* ---- read and hexdump ------------------------------------------------------------------------- */

int do_read(int argc, char **argv)
{
	uint64_t sector, count = 1;
	if (argc < 3 || argc > 4 || !number(argv[2], &sector) ||
	    (argc == 4 && !number(argv[3], &count)) || count == 0 || count > MAX_SECTORS)
		return USAGE;
	struct block_device *disk = find_disk("read", argv[1]);
	return disk == NULL ? 1 : blk_read("read", disk, sector, count);
}

static void dump(const uint8_t *from, size_t length, uint64_t offset)
{
	for (size_t row = 0; row < length; row += 16) {
		kprint("%08lx ", (unsigned long)(offset + row));
		for (size_t i = row; i < row + 16; i++) {
			if (i < length)
				kprint(" %02x", from[i]);
			else
				kprint("   ");
		}
		kprint("  ");
		for (size_t i = row; i < row + 16 && i < length; i++)
			kprint("%c", isprint(from[i]) ? from[i] : '.');
		kprint("\n");
	}
}

int do_hexdump(int argc, char **argv)
{
	uint64_t offset = 0, length = BLOCK_SECTOR;
	if (argc > 3 || (argc > 1 && !number(argv[1], &offset)) ||
	    (argc > 2 && !number(argv[2], &length)))
		return USAGE;
	if (buffer_size == 0) {
		kprint("hexdump: nothing has been read yet\n");
		return 1;
	}
	if (offset >= buffer_size) {
		kprint("hexdump: only %zu bytes have been read\n", buffer_size);
		return 1;
	}
	if (length > buffer_size - offset)
		length = buffer_size - offset;
	dump(buffer + offset, length, offset);
	return 0;
}
