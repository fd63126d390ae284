/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtqueues: one interface over the split (VIRTIO 1.4, 2.7) and the packed format (2.8).
 *
 * Typical usage:
 *
 *     virtq_push(vq, segments, readable, writable, cookie);   // as often as there is room
 *     if (virtq_publish(vq))                                  // once for the whole batch
 *             notify the device;
 *     …
 *     while ((n = virtq_pop(vq, &cookie, &written)) > 0)     // or virtq_pop_many
 *             complete(cookie, written);
 *     if (n < 0)
 *             the device broke a rule: reset it, then virtq_drain gives back what was in flight.
 *
 * The queue allocates nothing and calls nothing of the port: its memory is given at set-up, buffers
 * are named by device address only. It does no locking: one caller at a time.
 *
 * The device is not trusted. What it may write is the used ring (split) or the descriptors' id, length
 * and flags (packed), and the event words; each is loaded once and checked. Everything that we need to
 * know again (which ids are in flight, how long a chain is, what may be written) stands in a private
 * table that the device cannot reach.
 */
#ifndef DRIVERS_VIRTIO_VIRTQ_H
#define DRIVERS_VIRTIO_VIRTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/virtio/port.h"
#include "lib/error.h"
#include "lib/le.h"

#define VIRTQ_MAX_SIZE 32768

enum virtq_format { VIRTQ_SPLIT, VIRTQ_PACKED };

/* A piece of a buffer, as the device sees it. length > 0. */
struct virtq_segment {
	dma_addr_t address;
	uint32_t length;
};

/* What is known of the buffer with a given id. Private. */
struct virtq_slot {
	void *cookie;
	uint32_t writable; /* bytes that the device may write */
	uint16_t count; /* descriptors in the ring; 0: not in flight (or not the head of a chain) */
	int16_t looks;  /* 0 when the buffer is pushed; the user's (queue.c) to count */
	uint16_t next;  /* the next free id; split: the next descriptor of the chain */
};

/* One descriptor of an indirect table or of the split ring; 2.7.5. */
struct virtq_desc {
	le64 addr;
	le32 len;
	le16 flags;
	le16 next;
};
/* Its flags, 2.7.5 and 2.8.21. */
enum {
	VIRTQ_DESC_F_NEXT = 1,
	VIRTQ_DESC_F_WRITE = 2,
	VIRTQ_DESC_F_INDIRECT = 4,
};

struct virtq_split {
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint16_t avail_idx; /* where the next buffer goes; free-running */
	uint16_t held;      /* buffers that the device has not been shown */
	uint16_t used_idx;  /* the next entry to take; free-running */
	uint16_t used_seen; /* the device's index when we last looked, checked */
};

struct virtq_packed {
	struct virtq_packed_desc *ring;
	struct virtq_packed_event *driver_event, *device_event;
	uint16_t avail; /* where the next buffer goes */
	uint16_t used;  /* where the next used descriptor will be */
	/* The wrap counters, as what AVAIL and USED are in a descriptor of that round. */
	uint16_t avail_flags, used_flags;
	uint16_t held, held_at,
		held_flags; /* descriptors not published yet, and the first of them */
};

struct virtq {
	enum virtq_format format;
	uint16_t size;
	/* Either of them, and buffers are popped one at a time: most queues have neither, and are seen by one look. */
	union {
		struct {
			bool broken;
			bool in_order; /* VIRTIO_F_IN_ORDER */
		};
		uint16_t one_at_a_time;
	};
	bool event_idx;            /* VIRTIO_F_EVENT_IDX */
	bool order_platform;       /* VIRTIO_F_ORDER_PLATFORM */
	bool counts_read;          /* a written length may be any number */
	uint16_t free_head;        /* first free id */
	uint16_t free_count;       /* free descriptors */
	uint16_t in_flight;        /* buffers */
	uint16_t indirect_entries; /* descriptors in each indirect table; 0: not used */
	uint16_t oldest;           /* with in_order: the id of the buffer that must be used next */
	bool in_batch; /* and the device has used it and others, up to batch_id, by one entry */
	uint32_t batch_id, batch_written; /* what the last used entry said */
	struct virtq_slot *slots;
	struct virtq_desc *indirect; /* one table a slot */
	dma_addr_t indirect_address;
	const char *fault; /* once broken: which rule, and the value that broke it */
	uint32_t fault_value;
	union {
		struct virtq_split split;
		struct virtq_packed packed;
	};
};

/* ---- Set-up ----------------------------------------------------------------- */

struct virtq_setup {
	enum virtq_format format;
	uint16_t size;             /* split: a power of two; 1 … 32768 */
	uint16_t indirect_entries; /* 0 unless VIRTIO_F_INDIRECT_DESC was negotiated */
	bool event_idx, in_order, order_platform;
	bool counts_read; /* a written length that is too long is no breach: see virtio_queue_options */
	/* Shared with the device: virtq_ring_bytes(), aligned to 16. */
	void *ring;
	dma_addr_t ring_address;
	/* Private: virtq_table_bytes(), aligned to 8. */
	void *table;
	/* Shared: virtq_indirect_bytes(), aligned to 16; NULL when indirect_entries is 0. */
	void *indirect;
	dma_addr_t indirect_address;
};

size_t virtq_ring_bytes(enum virtq_format format, uint16_t size);
size_t virtq_table_bytes(uint16_t size);
size_t virtq_indirect_bytes(uint16_t size, uint16_t indirect_entries);

/* Makes the queue empty, whatever was in the memory: at first, and again after each reset of the device
 * (which must have been seen to finish). The memory stays the queue's as long as it is used. */
void virtq_init(struct virtq *vq, const struct virtq_setup *setup);

/* Where the three parts are, to tell the device: descriptor area, driver area, device area (2.6). */
struct virtq_addresses {
	uint64_t desc, driver, device;
};
struct virtq_addresses virtq_addresses(enum virtq_format format, uint16_t size, dma_addr_t ring);

/* ---- Use -------------------------------------------------------------------- */

/*
 * Adds a buffer: `readable` segments that the device reads, followed by `writable` ones that it writes
 * (2.7.4.2-1); at least one in all, at most 2^32 - 1 bytes (2.7.5.2-1). The device does not see it
 * before virtq_publish. Returns the buffer's id (0 … size - 1), by which the caller may keep things of
 * its own until it is popped; ERR_FULL when there is no room now, ERR_BROKEN.
 */
int virtq_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
	       unsigned writable, void *cookie);

/* The same for a buffer of one segment, in fewer steps. (Of the format's functions: `in` is what of the
 * buffer may be written.) */
int split_push_one(struct virtq *vq, struct virtq_segment segment, uint16_t flags, uint32_t in,
		   void *cookie);
int packed_push_one(struct virtq *vq, struct virtq_segment segment, uint16_t flags, uint32_t in,
		    void *cookie);
static inline int virtq_push_flagged(struct virtq *vq, struct virtq_segment segment, uint16_t flags,
				     uint32_t in, void *cookie)
{
	if (vq->broken)
		return ERR_BROKEN;
	if (vq->free_count == 0)
		return ERR_FULL;
	return vq->format == VIRTQ_SPLIT ? split_push_one(vq, segment, flags, in, cookie)
					 : packed_push_one(vq, segment, flags, in, cookie);
}
static inline int virtq_push_one(struct virtq *vq, struct virtq_segment segment, bool writable,
				 void *cookie)
{
	return virtq_push_flagged(vq, segment, writable ? VIRTQ_DESC_F_WRITE : 0,
				  writable ? segment.length : 0, cookie);
}

/*
 * For a caller who sends the same buffer again and again, and keeps an indirect table for it
 * (VIRTIO_F_INDIRECT_DESC; 2.7.5.3, 2.8.7): virtq_write_table writes the table, `readable` segments and
 * then `writable` ones, at most virtq_max_segments; virtq_push_table adds the buffer that it describes, of
 * `entries` segments, in which the device may write `writable` bytes. The table is shared memory, aligned
 * to 16, and the queue's from virtq_push_table until the buffer is popped; it is not read back.
 */
void virtq_write_table(const struct virtq *vq, struct virtq_desc *table,
		       const struct virtq_segment *segments, unsigned readable, unsigned writable);
static inline int virtq_push_table(struct virtq *vq, dma_addr_t table, unsigned entries,
				   uint32_t writable, void *cookie)
{
	struct virtq_segment whole = { table, entries * (uint32_t)sizeof(struct virtq_desc) };

	return virtq_push_flagged(vq, whole, VIRTQ_DESC_F_INDIRECT, writable, cookie);
}

/*
 * The same for many at a time, in fewer steps: buffers of one descriptor each, which their owner links into a list, and
 * whose cookies are their own addresses.
 */
struct virtq_buffer {
	struct virtq_buffer *next;
	dma_addr_t address; /* a segment, or a table */
	uint32_t length;
	uint32_t writable; /* how much of it, or of what the table describes */
	uint16_t flags;    /* VIRTQ_DESC_F_WRITE, VIRTQ_DESC_F_INDIRECT, or 0 */
};
struct virtq_buffer *split_push_list(struct virtq *vq, struct virtq_buffer *first);
struct virtq_buffer *packed_push_list(struct virtq *vq, struct virtq_buffer *first);
/* Adds them, at least one, as long as there is room. Returns the first one that was not added, and those behind it: NULL
 * when all were. */
static inline struct virtq_buffer *virtq_push_list(struct virtq *vq, struct virtq_buffer *first)
{
	struct virtq_segment segment = { first->address, first->length };

	if (!first->next)
		return virtq_push_flagged(vq, segment, first->flags, first->writable, first) < 0
			       ? first
			       : NULL;
	if (vq->broken)
		return first;
	return vq->format == VIRTQ_SPLIT ? split_push_list(vq, first) : packed_push_list(vq, first);
}

/* And where the owner keeps no such thing: each a segment, with the cookie that it likes. */
struct virtq_single {
	dma_addr_t address;
	uint32_t length; /* > 0 */
	void *cookie;
};
/* Adds them, all readable or all writable: how many there was room for; none when the device broke a rule. */
unsigned virtq_push_singles(struct virtq *vq, const struct virtq_single *buffers, unsigned count,
			    bool writable);

/* How many segments a buffer may have at most (more never fit), and how many fit now. */
unsigned virtq_max_segments(const struct virtq *vq);
bool virtq_has_room(const struct virtq *vq, unsigned segments);

/* Gives all that was pushed to the device, by one store. Returns whether it must be notified: never for nothing. */
bool split_publish(struct virtq *vq);
bool packed_publish(struct virtq *vq);
static inline bool virtq_publish(struct virtq *vq)
{
	if (vq->broken)
		return false;
	return vq->format == VIRTQ_SPLIT ? split_publish(vq) : packed_publish(vq);
}

/* Where the ring stands, as the notification that follows virtq_publish has it in its bits 16 to 31 where
 * VIRTIO_F_NOTIFICATION_DATA was negotiated (2.9). */
uint16_t virtq_position(const struct virtq *vq);

/* A used buffer: its cookie, and how many bytes the device says it wrote, at most what it was allowed to. */
struct virtq_done {
	void *cookie;
	uint32_t written;
};

/*
 * Takes used buffers, at most `max` (> 0): how many; 0: none now. (With VIRTIO_F_IN_ORDER the device may report
 * many by their last one: the others then count as written completely, 2.7.9 and 2.8.8.) ERR_BROKEN: the
 * device broke a rule (vq->fault says which), now or before; nothing more comes out until the reset. What was
 * found before the breach has been returned first. All that was pushed has been published: so every buffer
 * in flight is one that the device knows of, and may give back.
 *
 * (split_pop and packed_pop are the format's, without VIRTIO_F_IN_ORDER, and as long as all is usual: right, and of one
 * descriptor; virtq_pop_rest goes on behind the `count` that they have taken, or takes all, one at a time.)
 */
int virtq_pop_rest(struct virtq *vq, struct virtq_done *done, unsigned count, unsigned max);
int split_pop(struct virtq *vq, struct virtq_done *done, unsigned max);
int packed_pop(struct virtq *vq, struct virtq_done *done, unsigned max);
static inline int virtq_pop_many(struct virtq *vq, struct virtq_done *done, unsigned max)
{
	kit_assert(max > 0);
	if (vq->one_at_a_time)
		return virtq_pop_rest(vq, done, 0, max);
	return vq->format == VIRTQ_SPLIT ? split_pop(vq, done, max) : packed_pop(vq, done, max);
}

/* The same for one. */
static inline int virtq_pop(struct virtq *vq, void **cookie, uint32_t *written)
{
	struct virtq_done done;
	int got = virtq_pop_many(vq, &done, 1);

	if (got > 0) {
		*cookie = done.cookie;
		*written = done.written;
	}
	return got;
}

/* Asks the device not to interrupt; it may all the same (2.7.7.1-5). Callable in interrupt context. */
void split_disable_interrupts(struct virtq *vq);
void packed_disable_interrupts(struct virtq *vq);
static inline void virtq_disable_interrupts(struct virtq *vq)
{
	if (vq->format == VIRTQ_SPLIT)
		split_disable_interrupts(vq);
	else
		packed_disable_interrupts(vq);
}

/* Asks for an interrupt with the next used buffer. Returns true when there already is one, which then
 * may not cause an interrupt: the caller must look again. */
bool split_enable_interrupts(struct virtq *vq);
bool packed_enable_interrupts(struct virtq *vq);
static inline bool virtq_enable_interrupts(struct virtq *vq)
{
	/* The rest of a batch is used already, and will not be announced again. */
	if (vq->in_batch)
		return true;
	return vq->format == VIRTQ_SPLIT ? split_enable_interrupts(vq)
					 : packed_enable_interrupts(vq);
}

/* After the device's reset: the cookie of one buffer that was in flight, in no order, each once; NULL
 * when there are no more. Then virtq_init. */
void *virtq_drain(struct virtq *vq);

/* Whether the buffer with this id is in flight. */
static inline bool virtq_busy(const struct virtq *vq, unsigned id)
{
	return vq->slots[id].count != 0;
}

#endif
