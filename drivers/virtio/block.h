/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks, whatever drives them: one interface over virtio-blk (vda …) and virtio-scsi (sda …).
 *
 * Typical usage, asynchronous:
 *
 *     static void done(struct block_request *request) { if (request->status < 0) …; }
 *
 *     struct block_device *disk = block_find("vda");
 *     request->op = BLOCK_READ; request->sector = 0; request->done = done;
 *     request->segments = &segment; request->segment_count = 1;    // { buffer, 1 << 20 }
 *     block_submit(disk, request);
 *     while (!finished) vport_relax(VPORT_NEVER);
 *
 * and synchronous: block_read(disk, sector, buffer, length).
 */
#ifndef DRIVERS_VIRTIO_BLOCK_H
#define DRIVERS_VIRTIO_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

#define BLOCK_SECTOR \
	512 /* the unit of every sector number and of capacity, whatever block_size is */
#define BLOCK_ID_BYTES 20

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,
	BLOCK_GET_ID,
	BLOCK_DISCARD,      /* the sectors' contents are of no interest any more */
	BLOCK_WRITE_ZEROES, /* they read as zeroes from now on */
	BLOCK_OPS
};

struct block_segment {
	void *memory;
	size_t length;
};

/*
 * One request. The caller fills in the first part, and the request, its segments and the memory
 * belong to the driver from block_submit until done is called, which happens exactly once for
 * every request that block_submit accepted, in drain context (or, when the device was reset or
 * given up, in a work item; when that happens in the moment of submitting, by block_submit itself: done
 * cannot tell, and waits in neither). It may be of any length that
 * is a multiple of the disk's block size: the driver splits it as the device demands.
 *
 * What it does not set must be 0: the driver's part as well, the first time.
 *
 * With a status of ERR_NODEV the device may not have let go of the memory (one on MMIO that does
 * not finish its reset cannot be kept from writing): it must not be used again, for anything.
 */
struct block_request {
	enum block_op op;
	uint64_t sector; /* first sector; must be a multiple of block_size / BLOCK_SECTOR */
	const struct block_segment
		*segments; /* only to read and write; 20 bytes in all for BLOCK_GET_ID */
	unsigned segment_count;
	uint64_t sectors; /* to discard or to zero */
	bool unmap; /* BLOCK_WRITE_ZEROES: the device may also give up the space behind them */
	void (*done)(struct block_request *request);
	void *cookie; /* the caller's own */

	int status; /* out, when done is called: 0 or an error */

	/* For the driver. */
	struct {
		struct block_request *next;
		struct block_device *disk;         /* the whole one */
		struct block_part *part;           /* block_prepare: its own device request, */
		struct block_device *prepared_for; /* and the disk or partition it is for */
		unsigned segment; /* the first byte that is not in a device request yet: */
		size_t offset;    /* segment, and offset in it, */
		uint64_t sector;  /* place on the whole disk, */
		uint64_t sectors; /* and how many from there on, of discards and zeroes */
		/* Of one that is prepared: the disk's generation then, and where it may begin. */
		unsigned generation;
		uint64_t sector_max, sector_mask;
		unsigned parts; /* device requests in flight */
		bool issued;    /* everything has been handed out */
	} driver;
};

struct block_operations {
	/* Takes the request, which block_submit has checked. Never fails: errors come by done. */
	void (*submit)(struct block_device *disk, struct block_request *request);
	/* The same for a prepared one, at that sector of the whole disk. Returns 0. */
	int (*submit_prepared)(struct block_device *disk, struct block_request *request,
			       uint64_t sector);
	/* See block_prepare; again for a request that was prepared before the disk changed. It has been
	 * checked. NULL where nothing can be prepared. */
	int (*prepare)(struct block_device *disk, struct block_request *request);
	void (*unprepare)(struct block_device *disk, struct block_request *request);
	/* See block_resize_queue, block_set_write_back. NULL where that cannot be changed. */
	int (*resize_queue)(struct block_device *disk, unsigned size);
	int (*set_write_back)(struct block_device *disk, bool on);
};

/* What one device request may be; a driver cuts what a program asks for accordingly. */
struct block_limits {
	uint32_t piece_bytes_max; /* bytes in a segment */
	uint32_t pieces_max;      /* segments in a part */
	uint32_t part_bytes_max;
	uint32_t discard_sectors_max; /* 0: the disk cannot discard */
	uint32_t zeroes_sectors_max;  /* 0: it cannot write zeroes */
	bool zeroes_may_unmap;
};

/* How the disk is built, for those who want to place their data well. 0: not known. */
struct block_topology {
	uint32_t physical_block_size;       /* bytes */
	uint32_t alignment_sectors;         /* where the first physical block begins */
	uint32_t io_size_min, io_size_best; /* bytes */
	uint32_t discard_alignment;         /* sectors */
};

/* A buffer of the synchronous calls' own, while none uses it. */
struct block_bounce {
	void *memory;
	struct block_bounce *next;
};

struct block_device {
	char name[8];          /* vda */
	uint64_t capacity;     /* in sectors of 512 bytes; may change while in use */
	uint32_t tail_sectors; /* behind capacity, in an incomplete block that cannot be reached */
	uint32_t block_size;   /* bytes; a power of two, 512 … 65536 */
	bool read_only;
	bool can_flush;  /* there is a cache between it and what lasts */
	bool write_back; /* and writes may stay in it until BLOCK_FLUSH */
	bool gone;       /* removed, or given up: every request fails */
	bool empty;      /* a drive without a medium: so does every request that is about one */
	unsigned resets; /* how often it had to be reset since it was found */
	/* Counted up with every change of what a request is checked against: capacity, block size, limits,
	 * read_only, gone, empty. */
	unsigned generation;
	struct block_limits limits;
	struct block_topology topology;
	/* A partition: what it is a part of, and where it begins there; else the disk itself, and 0. Limits,
	 * operations and what stands above are those of the whole. */
	struct block_device *whole;
	uint64_t first_sector;
	const struct block_operations *operations;
	struct vport_device *port;
	struct vport_lock bounce_lock;
	struct block_bounce *bounces;
	struct block_device *next;
};

/* ---- For programs ----------------------------------------------------------- */

struct block_device *block_first(void); /* in the order of their names; then ->next */
/* The disk of that name, or the partition (vda1), for which its disk's table may have to be read (partition.h).
 * Program context. NULL when there is none. */
struct block_device *block_find(const char *name);

/* Drain context or program. 0: accepted, done will be called. Otherwise an error, and done will not be:
 * ERR_RANGE past the end, ERR_INVALID unaligned or empty, ERR_READ_ONLY, ERR_NODEV, ERR_NO_MEDIUM;
 * ERR_UNSUPPORTED: the disk cannot discard, or write zeroes. */
int block_submit(struct block_device *disk, struct block_request *request);

/*
 * For a read or write that will be submitted again and again, with the same memory and another sector each time
 * (a database's fixed buffers): checks it, makes its memory visible to the device and its descriptors once,
 * so that block_submit_prepared has little left to do. Until block_unprepare the request's op, segments and memory
 * stay as they are, and belong to the driver. Program context; `sector` need not be set. 0; ERR_INVALID; ERR_READ_ONLY;
 * ERR_UNSUPPORTED: it is more than one device request, or the disk has no such thing: it can be submitted all the same;
 * ERR_NOMEM.
 */
int block_prepare(struct block_device *disk, struct block_request *request);
/* block_submit for such a request, in fewer steps; for any other it is the same. */
static inline int block_submit_prepared(struct block_device *disk, struct block_request *request)
{
	struct block_device *whole = disk->whole;
	uint64_t sector = request->sector;

	if (__builtin_expect(request->driver.prepared_for != disk, false) ||
	    __builtin_expect(request->driver.generation != whole->generation, false) ||
	    __builtin_expect(sector > request->driver.sector_max, false) ||
	    __builtin_expect((sector & request->driver.sector_mask) != 0, false))
		return block_submit(disk, request);
	request->status = 0;
	return whole->operations->submit_prepared(whole, request, sector + disk->first_sector);
}
/* When it is not in flight. Program context. */
void block_unprepare(struct block_device *disk, struct block_request *request);

/* Memory that this disk can be given as it is: with any other, a port may have to copy through memory of its
 * own. Zeroed, aligned to a page; NULL when there is none. Freed with the same size
 * when no request uses it any more; of a disk that is gone it is kept for good. Program context. */
void *block_buffer_alloc(struct block_device *disk, size_t size);
void block_buffer_free(struct block_device *disk, void *memory, size_t size);

/* Synchronous (L5, drivers/virtio/block_sync.c); program or work context. They copy through a buffer of
 * the driver's own, so that a device that is given up keeps nothing of the caller's. 0 or an error. */
int block_read(struct block_device *disk, uint64_t sector, void *buffer, size_t length);
int block_write(struct block_device *disk, uint64_t sector, const void *buffer, size_t length);
int block_flush(struct block_device *disk);
int block_discard(struct block_device *disk, uint64_t sector, uint64_t sectors);
int block_write_zeroes(struct block_device *disk, uint64_t sector, uint64_t sectors, bool unmap);
/* The device's serial number, zero-terminated. */
int block_id(struct block_device *disk, char id[BLOCK_ID_BYTES + 1]);

/*
 * Gives the disk's queue another size, while it is in use: requests in flight are taken back from the
 * device and handed to it again, and complete as if nothing had happened. (Of a SCSI unit it is its device's
 * queues, which all of its units share.) Program context, of virtio-blk on CPU 0. 0;
 * ERR_UNSUPPORTED where the device cannot do that (it needs VIRTIO_F_RING_RESET); ERR_INVALID: too small for
 * the requests that are cut for it; another error: nothing has changed, or the device is being reset.
 */
int block_resize_queue(struct block_device *disk, unsigned size);

/* Whether writes may stay in the disk's cache until the next flush, or are lasting when they are done.
 * Program context. 0, with disk->write_back as it now is; ERR_UNSUPPORTED; another error: it is not known which. */
int block_set_write_back(struct block_device *disk, bool on);

/* What is known of partitions (partition.h), where that is linked: DRIVERS has it. Otherwise NULL. */
struct partition_table;
struct block_partitions {
	struct block_device *(*find)(const char *name);
	int (*table)(struct block_device *disk, const struct partition_table **table);
};
extern const struct block_partitions *block_partitions;

/* ---- For drivers ------------------------------------------------------------ */

/* Whole blocks of the disk or partition, and inside of it as its disk is now (5.2.6.1-2): 0, ERR_RANGE,
 * ERR_INVALID. */
int block_check_place(const struct block_device *disk, uint64_t sector, uint64_t sectors);

/* Names the disk (prefix and the next letter) and lists it. The fields up to operations are set. */
void block_add(struct block_device *disk, const char *prefix);

#endif
