/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads whole disks and prints their SHA-256, to be compared with sha256sum of the image:
 *
 *     make run APP=disksum DISK=disk.img       disksum: vda 67108864 sha256 5f70bf18…
 *
 * Reads DEPTH pieces ahead, so that the disk works while the sum is computed. Without stdio: this is
 * the program by which the size of a kernel with one driver is measured.
 */
#include "drivers/virtio/block.h"
#include "kernel/console.h"
#include "lib/error.h"
#include "lib/sha256.h"

#define DEPTH 8
#define PIECE_MAX (256 * 1024)
#define PIECE_MIN (16 * 1024)

struct piece {
	struct block_request request;
	struct block_segment segment;
	uint8_t *memory;
	bool in_flight;
};

static struct piece pieces[DEPTH];
static size_t piece_size;

static void done(struct block_request *request)
{
	struct piece *piece = request->cookie;
	piece->in_flight = false;
}

static int start(struct block_device *disk, struct piece *piece, uint64_t sector, size_t length)
{
	piece->segment.memory = piece->memory;
	piece->segment.length = length;
	piece->request = (struct block_request){
		.op = BLOCK_READ,
		.sector = sector,
		.segments = &piece->segment,
		.segment_count = 1,
		.done = done,
		.cookie = piece,
	};
	piece->in_flight = true;
	int result = block_submit(disk, &piece->request);
	if (result < 0)
		piece->in_flight = false;
	return result;
}

/* Submits the next piece, if there is one. *sector is where it begins, and then where the next one does. */
static int submit(struct block_device *disk, struct piece *piece, uint64_t *sector)
{
	uint64_t left = disk->capacity > *sector ? (disk->capacity - *sector) * BLOCK_SECTOR : 0;
	size_t length = left < piece_size ? (size_t)left : piece_size;
	piece->segment.length = 0; /* the end, unless there is more */
	if (length == 0)
		return 0;
	int result = start(disk, piece, *sector, length);
	if (result == 0)
		*sector += length / BLOCK_SECTOR;
	return result;
}

static void wait_for(const struct piece *piece)
{
	while (*(const volatile bool *)&piece->in_flight)
		vport_relax(VPORT_NEVER);
}

/* A piece could not be read: read block by block from there to the end of all that was asked for, this is
 * the first block that cannot. (An emulator joins requests, and fails them together.) Where every block can
 * now, the piece is named. */
static uint64_t first_bad(struct block_device *disk, uint64_t sector, uint64_t end)
{
	for (uint64_t at = sector; at < end; at += disk->block_size / BLOCK_SECTOR) {
		if (start(disk, &pieces[0], at, disk->block_size) < 0)
			break;
		wait_for(&pieces[0]);
		if (pieces[0].request.status < 0)
			return at;
	}
	return sector;
}

/* 0, or the error that the disk could not be read for; *where is the sector then. */
static int read_disk(struct block_device *disk, struct sha256 *sum, uint64_t *where)
{
	uint64_t ahead = 0;
	int result = 0;
	for (unsigned i = 0; i < DEPTH && result == 0; i++)
		result = submit(disk, &pieces[i], &ahead);
	*where = ahead;
	for (unsigned i = 0; result == 0; i = (i + 1) % DEPTH) {
		struct piece *piece = &pieces[i];
		if (piece->segment.length == 0)
			break;
		wait_for(piece);
		result = piece->request.status;
		if (result < 0) {
			*where = piece->request.sector;
			break;
		}
		sha256_add(sum, piece->memory, piece->segment.length);
		result = submit(disk, piece, &ahead);
		*where = ahead;
	}
	/* The memory is the driver's until each request has ended. */
	for (unsigned i = 0; i < DEPTH; i++)
		wait_for(&pieces[i]);
	if (result == ERR_IO)
		*where = first_bad(disk, *where, ahead);
	return result;
}

static bool allocate(struct block_device *disk)
{
	for (piece_size = PIECE_MAX; piece_size >= PIECE_MIN; piece_size /= 2) {
		uint8_t *memory = block_buffer_alloc(disk, DEPTH * piece_size);
		for (unsigned i = 0; i < DEPTH && memory != NULL; i++)
			pieces[i].memory = memory + i * piece_size;
		if (memory != NULL)
			return true;
	}
	return false;
}

/* Whether the whole disk could be read. */
static bool sum_disk(const char *program, struct block_device *disk)
{
	struct sha256 sum;
	uint8_t digest[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];
	uint64_t where = 0;

	if (!allocate(disk)) {
		kprint("%s: out of memory\n", program);
		return false;
	}
	sha256_begin(&sum);
	int result = read_disk(disk, &sum, &where);
	block_buffer_free(disk, pieces[0].memory, DEPTH * piece_size);
	if (result < 0) {
		kprint("%s: %s could not be read at sector %lu: %s\n", program, disk->name,
		       (unsigned long)where, error_text(result));
		return false;
	}
	uint64_t bytes = sum.length; /* sha256_end adds padding to it */
	sha256_end(&sum, digest);
	sha256_text(digest, text);
	kprint("%s: %s %lu sha256 %s\n", program, disk->name, (unsigned long)bytes, text);
	if (disk->tail_sectors == 0)
		return true;
	kprint("%s: %s was not read to its end: its last %u sectors are no whole block of %u "
	       "bytes\n",
	       program, disk->name, disk->tail_sectors, disk->block_size);
	return false;
}

/* Sums the disks that are named, all of them where none is; whether each could be read. */
static bool sum_disks(int argc, char **argv)
{
	bool good = true;
	for (struct block_device *disk = block_first(); argc == 1 && disk != NULL;
	     disk = disk->next)
		good &= sum_disk(argv[0], disk);
	for (int i = 1; i < argc; i++) {
		struct block_device *disk = block_find(argv[i]);
		if (disk == NULL)
			kprint("%s: there is no disk %s\n", argv[0], argv[i]);
		good &= disk != NULL && sum_disk(argv[0], disk);
	}
	return good;
}

int main(int argc, char **argv)
{
	if (argc > 1 && argv[1][0] == '-') {
		kprint("usage: %s [DISK…]\n", argv[0]);
		return 2;
	}
	if (block_first() == NULL) {
		kprint("%s: there is no disk\n", argv[0]);
		return 1;
	}
	return sum_disks(argc, argv) ? 0 : 1;
}
