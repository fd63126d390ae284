/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of disks, and the checks that every driver would make: see block.h.
 *
 * See it at work: make run, then `read vda 0` in the shell
 * Left out: taking a disk off the list. Partitions are in partition.c.
 */
#include "drivers/virtio/block.h"
#include "lib/error.h"
#include "lib/text.h"

#define BUFFER_ALIGN 4096

/* A variable, which is never changed: code for AArch64 cannot itself refer to what may not be there. */
extern const struct block_partitions partition_operations;
#pragma weak partition_operations
const struct block_partitions *block_partitions = &partition_operations;

static struct block_device *disks;

struct block_device *block_first(void)
{
	return disks;
}

struct block_device *block_find(const char *name)
{
	for (struct block_device *disk = disks; disk; disk = disk->next) {
		if (text_equal(disk->name, name))
			return disk;
	}
	return block_partitions ? block_partitions->find(name) : NULL;
}

static bool same_prefix(const struct block_device *disk, const char *prefix)
{
	unsigned i = 0;

	while (prefix[i] && disk->name[i] == prefix[i])
		i++;
	return prefix[i] == 0;
}

void block_add(struct block_device *disk, const char *prefix)
{
	struct block_device **end = &disks;
	unsigned count = 0;

	for (; *end; end = &(*end)->next)
		count += same_prefix(*end, prefix);
	/* vda … vdz, vdaa … */
	unsigned i = 0;
	while (prefix[i] && i + 3 < sizeof(disk->name)) {
		disk->name[i] = prefix[i];
		i++;
	}
	if (count >= 26)
		disk->name[i++] = (char)('a' + (count / 26 - 1) % 26);
	disk->name[i++] = (char)('a' + count % 26);
	disk->name[i] = 0;
	disk->whole = disk;
	disk->next = NULL;
	/* A CPU that goes through the list finds a disk only when all of it is there. */
	__atomic_store_n(end, disk, __ATOMIC_RELEASE);
}

void *block_buffer_alloc(struct block_device *disk, size_t size)
{
	dma_addr_t unused; /* it is mapped with each request, like any buffer */

	return vport_dma_alloc(disk->whole->port, size, BUFFER_ALIGN, &unused);
}

void block_buffer_free(struct block_device *disk, void *memory, size_t size)
{
	if (!disk->whole->gone)
		vport_dma_free(disk->whole->port, memory, size);
}

/* ---- Checks ------------------------------------------------------------------------------ */

/* A partition ends where its disk does, should that have shrunk. */
static uint64_t capacity_of(const struct block_device *disk)
{
	uint64_t whole = disk->whole->capacity;
	uint64_t left = whole > disk->first_sector ? whole - disk->first_sector : 0;

	return disk->capacity < left ? disk->capacity : left;
}

/* (block_size is a power of two.) */
int block_check_place(const struct block_device *disk, uint64_t sector, uint64_t sectors)
{
	uint64_t capacity = capacity_of(disk);

	if (((sector | sectors) & (disk->block_size / BLOCK_SECTOR - 1)) != 0)
		return ERR_INVALID;
	return sector <= capacity && sectors <= capacity - sector ? 0 : ERR_RANGE;
}

/* How much it is about; or ERR_INVALID. A device request takes whole sectors, so no segment may end within one. */
static int64_t transfer_sectors(const struct block_request *request)
{
	uint64_t sectors = 0;

	for (unsigned i = 0; i < request->segment_count; i++) {
		size_t length = request->segments[i].length;
		if (length == 0 || length % BLOCK_SECTOR != 0 || length > INT64_MAX / 2)
			return ERR_INVALID;
		sectors += length / BLOCK_SECTOR;
		if (sectors > INT64_MAX / BLOCK_SECTOR)
			return ERR_RANGE;
	}
	return sectors > 0 ? (int64_t)sectors : ERR_INVALID;
}

static int check_range(const struct block_device *disk, const struct block_request *request,
		       uint32_t sectors_max)
{
	if (sectors_max == 0)
		return ERR_UNSUPPORTED;
	if (request->sectors == 0 || request->segment_count > 0)
		return ERR_INVALID;
	return block_check_place(disk, request->sector, request->sectors);
}

static int check(const struct block_device *disk, const struct block_request *request)
{
	const struct block_limits *limits = &disk->whole->limits;
	int64_t sectors;

	switch (request->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		sectors = transfer_sectors(request);
		return sectors < 0 ? (int)sectors
				   : block_check_place(disk, request->sector, (uint64_t)sectors);
	case BLOCK_DISCARD:
		return check_range(disk, request, limits->discard_sectors_max);
	case BLOCK_WRITE_ZEROES:
		return check_range(disk, request, limits->zeroes_sectors_max);
	case BLOCK_GET_ID: /* 5.2.6.1-8 */
		return request->segment_count == 1 && request->segments[0].length == BLOCK_ID_BYTES
			       ? 0
			       : ERR_INVALID;
	default: /* BLOCK_FLUSH: 5.2.6.1-5 */
		return request->segment_count == 0 ? 0 : ERR_INVALID;
	}
}

static bool changes(enum block_op op)
{
	return op == BLOCK_WRITE || op == BLOCK_DISCARD || op == BLOCK_WRITE_ZEROES;
}

/* ---- Submit ------------------------------------------------------------------------------ */

/* Checks what a prepared request has to say each time, in the two values that block_submit_prepared looks at. */
static int prepare(struct block_device *disk, struct block_request *request)
{
	struct block_device *whole = disk->whole;

	uint64_t capacity = capacity_of(disk);

	if (request->driver.sectors > capacity)
		return ERR_RANGE;
	int error = whole->operations->prepare(whole, request);
	if (error)
		return error; /* and what it was prepared for is tried again the next time */
	request->driver.generation = whole->generation;
	request->driver.sector_max = capacity - request->driver.sectors;
	request->driver.sector_mask = disk->block_size / BLOCK_SECTOR - 1;
	return 0;
}

int block_submit(struct block_device *disk, struct block_request *request)
{
	struct block_device *whole = disk->whole;
	int error;

	kit_assert(request->done);
	if (whole->gone)
		return ERR_NODEV;
	if (whole->empty && request->op != BLOCK_GET_ID)
		return ERR_NO_MEDIUM;
	if (whole->read_only && changes(request->op))
		return ERR_READ_ONLY;
	if (request->driver.part) {
		kit_assert(request->driver.prepared_for == disk);
		error = block_check_place(disk, request->sector, request->driver.sectors);
		if (!error)
			error = prepare(disk, request);
	} else {
		error = check(disk, request);
		request->driver.disk = whole;
		request->driver.segment = 0;
		request->driver.offset = 0;
		request->driver.sectors = request->sectors;
		request->driver.parts = 0;
		request->driver.issued = false;
	}
	if (error)
		return error;
	request->status = 0;
	request->driver.sector = request->sector + disk->first_sector;
	if (request->driver.part)
		return whole->operations->submit_prepared(whole, request, request->driver.sector);
	whole->operations->submit(whole, request);
	return 0;
}

int block_prepare(struct block_device *disk, struct block_request *request)
{
	struct block_device *whole = disk->whole;
	int64_t sectors = transfer_sectors(request);

	kit_assert(!request->driver.part && request->done);
	if (request->op != BLOCK_READ && request->op != BLOCK_WRITE)
		return ERR_INVALID;
	if (sectors < 0)
		return (int)sectors;
	if (sectors % (disk->block_size / BLOCK_SECTOR) != 0)
		return ERR_INVALID;
	if (whole->gone || !whole->operations->prepare)
		return whole->gone ? ERR_NODEV : ERR_UNSUPPORTED;
	if (whole->read_only && changes(request->op))
		return ERR_READ_ONLY;
	request->driver.disk = whole;
	request->driver.sectors = (uint64_t)sectors;
	int error = prepare(disk, request);
	if (!error)
		request->driver.prepared_for = disk;
	return error;
}

void block_unprepare(struct block_device *disk, struct block_request *request)
{
	if (request->driver.part)
		disk->whole->operations->unprepare(disk->whole, request);
	kit_assert(!request->driver.part);
	request->driver.prepared_for = NULL;
}

int block_resize_queue(struct block_device *disk, unsigned size)
{
	struct block_device *whole = disk->whole;

	if (whole->gone)
		return ERR_NODEV;
	return whole->operations->resize_queue ? whole->operations->resize_queue(whole, size)
					       : ERR_UNSUPPORTED;
}

int block_set_write_back(struct block_device *disk, bool on)
{
	struct block_device *whole = disk->whole;

	if (whole->gone)
		return ERR_NODEV;
	return whole->operations->set_write_back ? whole->operations->set_write_back(whole, on)
						 : ERR_UNSUPPORTED;
}
