/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of disks, and the checks that every driver would make: see block.h.
 *
 * See it at work: make run, then `read vda 0` in the shell
 * Left out: partitions, and taking a disk off the list.
 */
#include "drivers/virtio/block.h"
#include "lib/error.h"

#define BUFFER_ALIGN 4096

static struct block_device *disks;

struct block_device *block_first(void)
{
	return disks;
}

struct block_device *block_find(const char *name)
{
	for (struct block_device *disk = disks; disk; disk = disk->next) {
		unsigned i = 0;
		while (disk->name[i] && disk->name[i] == name[i])
			i++;
		if (disk->name[i] == name[i])
			return disk;
	}
	return NULL;
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
	disk->next = NULL;
	*end = disk;
}

void *block_buffer_alloc(struct block_device *disk, size_t size)
{
	dma_addr_t unused; /* it is mapped with each request, like any buffer */

	return vport_dma_alloc(disk->port, size, BUFFER_ALIGN, &unused);
}

void block_buffer_free(struct block_device *disk, void *memory, size_t size)
{
	if (!disk->gone)
		vport_dma_free(disk->port, memory, size);
}

/* The length of each segment and of all together, the place on the disk. A device request takes whole sectors,
 * so no segment may end within one. (block_size is a power of two.) */
static int check_transfer(const struct block_device *disk, const struct block_request *request)
{
	uint64_t room = disk->capacity - request->sector, sectors = 0;

	if (request->sector > disk->capacity)
		return ERR_RANGE; /* 5.2.6.1-2 */
	for (unsigned i = 0; i < request->segment_count; i++) {
		size_t length = request->segments[i].length;
		if (length == 0 || length % BLOCK_SECTOR != 0)
			return ERR_INVALID;
		if (length / BLOCK_SECTOR > room - sectors)
			return ERR_RANGE;
		sectors += length / BLOCK_SECTOR;
	}
	if (sectors == 0 ||
	    ((sectors | request->sector) & (disk->block_size / BLOCK_SECTOR - 1)) != 0)
		return ERR_INVALID;
	return 0;
}

static int check_other(const struct block_request *request)
{
	if (request->op == BLOCK_GET_ID)
		return request->segment_count == 1 && request->segments[0].length == BLOCK_ID_BYTES
			       ? 0
			       : ERR_INVALID;                 /* 5.2.6.1-8 */
	return request->segment_count == 0 ? 0 : ERR_INVALID; /* 5.2.6.1-5 */
}

int block_submit(struct block_device *disk, struct block_request *request)
{
	int error = 0;

	kit_assert(request->done);
	if (disk->gone)
		return ERR_NODEV;
	if (request->op == BLOCK_WRITE && disk->read_only)
		return ERR_READ_ONLY;
	if (request->op == BLOCK_READ || request->op == BLOCK_WRITE)
		error = check_transfer(disk, request);
	else
		error = check_other(request);
	if (error)
		return error;

	request->status = 0;
	request->driver.next = NULL;
	request->driver.segment = 0;
	request->driver.offset = 0;
	request->driver.sector = request->sector;
	request->driver.parts = 0;
	request->driver.issued = false;
	disk->operations->submit(disk, request);
	return 0;
}

int block_resize_queue(struct block_device *disk, unsigned size)
{
	if (disk->gone)
		return ERR_NODEV;
	return disk->operations->resize_queue ? disk->operations->resize_queue(disk, size)
					      : ERR_UNSUPPORTED;
}
