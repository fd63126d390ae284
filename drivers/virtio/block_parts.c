/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting block requests into device requests, as the disk's limits demand: see block_queue.h.
 *
 * See it at work: make run APP=iocheck
 * Left out: merging requests that follow each other.
 */
#include "drivers/virtio/block_queue.h"

/* ---- The pool ---------------------------------------------------------------------------- */

#define CHUNK_PARTS 32
#define WIRE_ALIGN 16

/* Parts come by the chunk: their private structs, and a shared area with a table and a wire area for each. The tables
 * of prepared requests do not change, so they have cache lines of their own, and the wire areas, which do, stand close. */
struct block_chunk {
	struct block_chunk *next;
	uint8_t *shared;
	struct block_part parts[CHUNK_PARTS];
};

static size_t wire_stride(const struct block_pool *pool)
{
	return (pool->wire->bytes + WIRE_ALIGN - 1u) & ~(size_t)(WIRE_ALIGN - 1);
}

#define TABLE_BYTES (BLOCK_MAX_ENTRIES * sizeof(struct virtq_desc))

static size_t chunk_bytes(const struct block_pool *pool)
{
	return CHUNK_PARTS * (TABLE_BYTES + wire_stride(pool));
}

static int add_chunk(struct block_pool *pool)
{
	struct block_chunk *chunk = vport_alloc(sizeof(*chunk));
	dma_addr_t address;

	if (!chunk)
		return ERR_NOMEM;
	chunk->shared = vport_dma_alloc(pool->device->port, chunk_bytes(pool), 64, &address);
	if (!chunk->shared) {
		vport_free(chunk, sizeof(*chunk));
		return ERR_NOMEM;
	}
	struct block_part *parts = NULL;
	for (unsigned i = 0; i < CHUNK_PARTS; i++) {
		struct block_part *part = &chunk->parts[i];
		size_t table_at = i * TABLE_BYTES;
		size_t wire_at = CHUNK_PARTS * TABLE_BYTES + i * wire_stride(pool);
		part->table = (struct virtq_desc *)(chunk->shared + table_at);
		part->buffer.address.bits = address.bits + table_at;
		part->buffer.flags = VIRTQ_DESC_F_INDIRECT;
		part->wire = chunk->shared + wire_at;
		part->wire_address.bits = address.bits + wire_at;
		part->next = parts;
		parts = part;
	}
	vport_lock_take(&pool->lock);
	chunk->parts[0].next = pool->free;
	pool->free = parts;
	pool->free_count += CHUNK_PARTS;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	vport_lock_give(&pool->lock);
	return 0;
}

int block_pool_init(struct block_pool *pool, struct virtio_device *device,
		    const struct block_wire *wire, unsigned count)
{
	*pool = (struct block_pool){
		.device = device,
		.wire = wire,
		.indirect = virtio_has(device, VIRTIO_F_INDIRECT_DESC),
	};
	while (pool->free_count < count) {
		int error = add_chunk(pool);
		if (error) {
			block_pool_free(pool);
			return error;
		}
	}
	pool->common = count;
	return 0;
}

void block_pool_free(struct block_pool *pool)
{
	while (pool->chunks) {
		struct block_chunk *chunk = pool->chunks;
		pool->chunks = chunk->next;
		vport_dma_free(pool->device->port, chunk->shared, chunk_bytes(pool));
		vport_free(chunk, sizeof(*chunk));
	}
	pool->free = NULL;
	pool->free_count = 0;
}

/* Leaves `keep` of them. */
static struct block_part *take_part(struct block_pool *pool, unsigned keep)
{
	struct block_part *part = NULL;

	vport_lock_take(&pool->lock);
	if (pool->free_count > keep) {
		part = pool->free;
		pool->free = part->next;
		pool->free_count--;
	}
	vport_lock_give(&pool->lock);
	return part;
}

struct block_part *block_part_take(struct block_pool *pool)
{
	return take_part(pool, 0);
}

/* ---- Mapping ------------------------------------------------------------------------------- */

static enum vport_direction direction(const struct block_request *request)
{
	return request->op == BLOCK_WRITE ? VPORT_TO_DEVICE : VPORT_FROM_DEVICE;
}

static struct virtq_segment *piece_of(struct block_part *part, unsigned i)
{
	return &part->segments[part->first + i];
}

static void unmap_piece(struct block_pool *pool, struct block_part *part, unsigned i)
{
	const struct virtq_segment *piece = piece_of(part, i);

	vport_dma_unmap(pool->device->port, part->memory[i], piece->length,
			direction(part->request), piece->address);
}

/* Not of a device that may go on writing: what a bounce area holds for it must not be used for others. */
static void unmap_pieces(struct block_pool *pool, struct block_part *part)
{
	if (!pool->device->memory_lost)
		for (unsigned i = 0; i < part->pieces; i++)
			unmap_piece(pool, part, i);
	part->pieces = 0;
}

void block_part_free(struct block_pool *pool, struct block_part *part)
{
	unmap_pieces(pool, part);
	vport_lock_take(&pool->lock);
	part->next = pool->free;
	pool->free = part;
	pool->free_count++;
	vport_lock_give(&pool->lock);
}

/* Maps memory as the part's piece i; how much of it that is, or an error. */
static long map_piece(struct block_pool *pool, struct block_part *part, unsigned i, void *memory,
		      size_t length)
{
	struct virtq_segment *piece = piece_of(part, i);
	long mapped = vport_dma_map(pool->device->port, memory, length, direction(part->request),
				    &piece->address);

	part->memory[i] = memory;
	piece->length = (uint32_t)mapped;
	return mapped;
}

/* Drops bytes from the end of a part's data. */
static void trim(struct block_pool *pool, struct block_part *part, uint32_t excess)
{
	while (excess > 0) {
		unsigned last = part->pieces - 1u;
		uint32_t length = piece_of(part, last)->length;
		uint32_t cut = length < excess ? length : excess;
		unmap_piece(pool, part, last);
		excess -= cut;
		part->bytes -= cut;
		length -= cut;
		/* What is left of it is as contiguous as it was. */
		long mapped =
			length == 0 ? 0 : map_piece(pool, part, last, part->memory[last], length);
		if (mapped > 0 && mapped < (long)length)
			unmap_piece(pool, part, last);
		if (mapped != (long)length || length == 0) {
			part->bytes -= length;
			part->pieces--;
		}
	}
}

/* ---- Cutting ------------------------------------------------------------------------------- */

/* Maps what follows the request's position, up to the limits: 0 or an error. */
static int map_pieces(struct block_pool *pool, struct block_part *part)
{
	const struct block_request *request = part->request;
	const struct block_limits *limits = &request->driver.disk->limits;
	unsigned segment = request->driver.segment;
	size_t offset = request->driver.offset;

	while (segment < request->segment_count && part->pieces < limits->pieces_max &&
	       part->bytes < limits->part_bytes_max) {
		size_t length = request->segments[segment].length - offset;
		if (length > limits->piece_bytes_max)
			length = limits->piece_bytes_max;
		if (length > limits->part_bytes_max - part->bytes)
			length = limits->part_bytes_max - part->bytes;
		long mapped =
			map_piece(pool, part, part->pieces,
				  (uint8_t *)request->segments[segment].memory + offset, length);
		if (mapped < 0)
			return (int)mapped;
		part->pieces++;
		part->bytes += (uint32_t)mapped;
		offset += (size_t)mapped;
		if (offset == request->segments[segment].length) {
			segment++;
			offset = 0;
		}
	}
	return 0;
}

static int cut_transfer(struct block_pool *pool, struct block_part *part)
{
	uint32_t block_size = part->request->driver.disk->block_size;
	int error = map_pieces(pool, part);

	if (error)
		return error;
	/* Once more where the rest of a piece could not be mapped again. */
	while ((part->bytes & (block_size - 1)) != 0)
		trim(pool, part, part->bytes & (block_size - 1));
	if (part->bytes == 0)
		return ERR_UNSUPPORTED; /* one block does not fit into one device request */
	part->sectors = part->bytes / BLOCK_SECTOR;
	return 0;
}

/* No data of the request's: a range of sectors, or (BLOCK_FLUSH) not even that. 0, or ERR_UNSUPPORTED: the device has
 * come back from a reset with no room for one sector. */
static int cut_range(struct block_part *part)
{
	const struct block_request *request = part->request;
	const struct block_limits *limits = &request->driver.disk->limits;
	uint64_t left = request->driver.sectors;
	uint32_t most = request->op == BLOCK_DISCARD ? limits->discard_sectors_max
						     : limits->zeroes_sectors_max;

	if (request->op == BLOCK_FLUSH)
		return 0;
	part->sectors = left < most ? (uint32_t)left : most;
	return most > 0 ? 0 : ERR_UNSUPPORTED;
}

int block_part_cut(struct block_pool *pool, struct block_part *part)
{
	struct block_request *request = part->request;
	int error = 0;

	part->sector = request->driver.sector;
	part->sectors = 0;
	part->pieces = 0;
	part->bytes = 0;
	part->tries = 0;
	part->encoded = false;
	part->extra.length = 0;
	part->first = 1u + (request->op != BLOCK_WRITE && pool->wire->tail_first);
	switch (request->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		error = cut_transfer(pool, part);
		break;
	case BLOCK_GET_ID: /* all of it at once: 5.2.6.1-8 */
		error = map_pieces(pool, part);
		if (!error && part->bytes < request->segments[0].length)
			error = ERR_UNSUPPORTED;
		break;
	default:
		error = cut_range(part);
	}
	if (!error)
		error = block_part_inside(part);
	if (error)
		unmap_pieces(pool, part);
	return error;
}

bool block_part_taken(struct block_request *request, const struct block_part *part)
{
	uint32_t bytes = part->bytes;

	request->driver.sector += part->sectors;
	if (part->request->segment_count == 0) {
		request->driver.sectors -= part->sectors;
		return request->driver.sectors == 0;
	}
	while (bytes > 0) {
		size_t left =
			request->segments[request->driver.segment].length - request->driver.offset;
		size_t step = bytes < left ? bytes : left;
		request->driver.offset += step;
		bytes -= (uint32_t)step;
		if (step == left) {
			request->driver.segment++;
			request->driver.offset = 0;
		}
	}
	return request->driver.segment == request->segment_count;
}

int block_part_inside(const struct block_part *part)
{
	const struct block_device *disk = part->request->driver.disk;

	if (part->sector > disk->capacity || part->sectors > disk->capacity - part->sector)
		return ERR_RANGE;
	return ((part->sector | part->sectors) & (disk->block_size / BLOCK_SECTOR - 1)) == 0
		       ? 0
		       : ERR_INVALID;
}

/* ---- Prepared requests ------------------------------------------------------------------- */

/* A part for a request for good, from those beyond what the others are to have. */
static struct block_part *own_part(struct block_pool *pool)
{
	struct block_part *part;

	while ((part = take_part(pool, pool->common)) == NULL) {
		if (add_chunk(pool) != 0)
			return NULL;
	}
	part->prepared = true;
	return part;
}

static void give_up_part(struct block_pool *pool, struct block_part *part)
{
	part->prepared = false;
	block_part_free(pool, part);
}

int block_part_prepare(struct block_pool *pool, struct block_request *request)
{
	struct block_part *part = request->driver.part;

	if (!pool->indirect)
		return ERR_UNSUPPORTED;
	if (part)
		unmap_pieces(pool, part); /* as it was cut before the limits changed */
	else
		part = own_part(pool);
	if (!part)
		return ERR_NOMEM;
	request->driver.segment = 0;
	request->driver.offset = 0;
	request->driver.sector = 0;
	request->driver.parts = 0;
	part->request = request;
	int error = block_part_cut(pool, part);
	if (!error && part->sectors != request->driver.sectors) {
		unmap_pieces(pool, part);
		error = ERR_UNSUPPORTED;
	}
	if (!error)
		request->driver.part = part;
	else if (!request->driver.part)
		give_up_part(pool, part);
	return error;
}

void block_part_unprepare(struct block_pool *pool, struct block_request *request)
{
	give_up_part(pool, request->driver.part);
	request->driver.part = NULL;
}

/* ---- Encoding ------------------------------------------------------------------------------- */

void block_part_encode(struct block_pool *pool, const struct virtq *vq, struct block_part *part,
		       uint32_t header_bytes)
{
	const struct block_wire *wire = pool->wire;
	bool writes = part->request->op == BLOCK_WRITE;
	bool extra = part->extra.length > 0;
	unsigned tail =
		extra || (wire->tail_first && !writes) ? 1u + extra : part->first + part->pieces;

	part->segments[0] = (struct virtq_segment){ part->wire_address, header_bytes };
	if (extra) {
		kit_assert(part->pieces == 0);
		part->segments[1] = part->extra;
	}
	part->segments[tail] = (struct virtq_segment){
		{ part->wire_address.bits + wire->tail_at },
		wire->tail_bytes,
	};
	part->entries = (uint8_t)(part->pieces + 2 + extra);
	part->readable = (uint8_t)(writes ? part->pieces + 1 : 1 + extra);
	part->buffer.length = part->entries * (uint32_t)sizeof(struct virtq_desc);
	part->buffer.writable = wire->tail_bytes + (writes ? 0 : part->bytes);
	if (pool->indirect)
		virtq_write_table(vq, part->table, part->segments, part->readable,
				  part->entries - part->readable);
	part->encoded = true;
}
