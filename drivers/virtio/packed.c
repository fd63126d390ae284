/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packed virtqueue, VIRTIO 1.4 section 2.8. One ring of descriptors that both sides write:
 *
 *   descriptor area  the ring. The driver makes descriptors available in ring order; the device
 *                    overwrites one descriptor for each buffer that it has used, in ring order too,
 *                    whatever the order in which it uses them.
 *   driver area      when the driver wants to be interrupted               (driver writes)
 *   device area      when the device wants to be notified                  (device writes)
 *
 * There is no index. Each side has a wrap counter, a bit that starts as 1 and flips when the side
 * passes the ring's end; a descriptor's AVAIL and USED flags tell by comparison with it whose it is
 * (2.8.1):
 *
 *   AVAIL = driver's counter, USED = the opposite:     available
 *   AVAIL = USED = the counter of the side that reads: used
 *
 * What the device writes into a descriptor (id, length, flags) is loaded once, flags first. How far
 * a used buffer reaches in the ring is taken from the private slot table (2.8.22), so scribbled
 * descriptors can mislead nobody but the device.
 *
 * See it at work: make run APP=disksum RING=packed
 */
#include "drivers/virtio/virtq_format.h"
#include "lib/barrier.h"

/* 2.8.13 */
struct virtq_packed_desc {
	le64 addr;
	le32 len;
	le16 id;
	le16 flags;
};
#define VIRTQ_DESC_F_AVAIL (1u << 7)
#define VIRTQ_DESC_F_USED (1u << 15)

/* 2.8.10, 2.8.14: two 16-bit words, which are read as one so that they belong together. */
struct virtq_packed_event {
	le32 off_wrap_flags;
};
#define EVENT_OFFSET(word) ((word)&0x7fff)
#define EVENT_WRAP(word) (((word) >> 15 & 1) != 0)
#define EVENT_FLAGS(word) ((word) >> 16 & 3)
#define EVENT_WORD(offset, wrap, flags) \
	((uint32_t)(offset) | (uint32_t)(wrap) << 15 | (uint32_t)(flags) << 16)
enum {
	RING_EVENT_FLAGS_ENABLE = 0,
	RING_EVENT_FLAGS_DISABLE = 1,
	RING_EVENT_FLAGS_DESC = 2,
};

_Static_assert(sizeof(struct virtq_packed_desc) == 16, "2.8.13");
_Static_assert(__builtin_offsetof(struct virtq_packed_desc, id) == 12, "2.8.13");
_Static_assert(sizeof(struct virtq_packed_event) == 4, "2.8.14");

size_t packed_ring_bytes(uint16_t size)
{
	return (size_t)size * sizeof(struct virtq_packed_desc) +
	       2 * sizeof(struct virtq_packed_event);
}

/* 2.8.10.1: the ring aligned to 16, the event structures to 4. */
struct virtq_addresses packed_addresses(uint16_t size, dma_addr_t ring)
{
	uint64_t end = ring.bits + (uint64_t)size * sizeof(struct virtq_packed_desc);

	return (struct virtq_addresses){
		.desc = ring.bits,
		.driver = end,
		.device = end + sizeof(struct virtq_packed_event),
	};
}

/* 2.8.1: what AVAIL and USED must be for a descriptor made available in this round. */
static inline uint16_t available_flags(bool wrap)
{
	return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

/* 2.8.22: what AVAIL and USED are when the device has written them in the round with this wrap counter: both as it
 * is. */
static inline uint16_t used_flags(bool wrap)
{
	return wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
}

/* The wrap counter flips: what either of them becomes. */
#define OTHER_ROUND (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)

/* And back: the wrap counter of which either of them was made. */
static inline bool wrap_counter(uint16_t flags)
{
	return (flags & VIRTQ_DESC_F_AVAIL) != 0;
}

void packed_init(struct virtq *vq, const struct virtq_setup *setup)
{
	uint8_t *ring = setup->ring;
	size_t bytes = packed_ring_bytes(setup->size);

	for (size_t i = 0; i < bytes; i++)
		shared_store8(&ring[i], 0);
	vq->packed.ring = (struct virtq_packed_desc *)ring;
	vq->packed.driver_event =
		(struct virtq_packed_event *)(ring +
					      setup->size * sizeof(struct virtq_packed_desc));
	vq->packed.device_event = vq->packed.driver_event + 1;
	vq->packed.avail_flags = available_flags(true); /* 2.8.1 */
	vq->packed.used_flags = used_flags(true);
}

static void write_desc(struct virtq_packed_desc *desc, const struct virtq_segment *segment,
		       uint16_t id)
{
	shared_store64(&desc->addr, segment->address.bits);
	shared_store32(&desc->len, segment->length);
	shared_store16(&desc->id, id);
}

/*
 * Writes one descriptor into the next place, all but its flags, and returns those: whoever calls stores
 * them when the time has come, because with them the descriptor is the device's (2.8.16-2).
 */
static uint16_t place_desc(struct virtq *vq, const struct virtq_segment *segment, uint16_t id,
			   uint16_t flags)
{
	struct virtq_packed *packed = &vq->packed;

	write_desc(&packed->ring[packed->avail], segment, id);
	flags |= packed->avail_flags;
	if (++packed->avail == vq->size) {
		packed->avail = 0;
		packed->avail_flags ^= OTHER_ROUND;
	}
	return flags;
}

/*
 * The first descriptor of a buffer gets its flags when all others have theirs (2.8.17-6). The first one
 * since the last publish does not even get them then: as long as it is not available, the device looks at
 * nothing behind it, so packed_publish gives away the whole batch by that one store.
 */
static void finish_head(struct virtq *vq, uint16_t head, uint16_t flags, unsigned count)
{
	struct virtq_packed *packed = &vq->packed;

	if (packed->held == 0) {
		packed->held_at = head;
		packed->held_flags = flags;
	} else {
		shared_store16(&packed->ring[head].flags, flags);
	}
	packed->held = (uint16_t)(packed->held + count);
}

/* 2.8.7: a table of plain descriptors, in which only address, length and WRITE count, and no other flag
 * is set (2.8.19-2). */
void packed_write_table(struct virtq_desc *table, const struct virtq_segment *segments,
			unsigned readable, unsigned total)
{
	struct virtq_packed_desc *desc = (struct virtq_packed_desc *)table;

	for (unsigned i = 0; i < total; i++) {
		write_desc(&desc[i], &segments[i], 0);
		shared_store16(&desc[i].flags, i < readable ? 0 : VIRTQ_DESC_F_WRITE);
	}
}

/* One descriptor: a buffer of one segment, or a whole table of them, without NEXT in the ring (2.8.19-4). */
int packed_push_one(struct virtq *vq, struct virtq_segment segment, uint16_t flags, uint32_t in,
		    void *cookie)
{
	uint16_t id = vq->free_head, head = vq->packed.avail;

	finish_head(vq, head, place_desc(vq, &segment, id, flags), 1);
	virtq_take(vq, id, 1, in, cookie);
	vq->free_head = vq->slots[id].next;
	return id;
}

/* The same for a list of them, with little to load and store besides. */
struct virtq_buffer *packed_push_list(struct virtq *vq, struct virtq_buffer *buffer)
{
	struct virtq_packed *packed = &vq->packed;
	struct virtq_packed_desc *ring = packed->ring, *desc = &ring[packed->avail];
	const struct virtq_packed_desc *last = &ring[vq->size - 1];
	struct virtq_slot *slots = vq->slots;
	unsigned available = packed->avail_flags, id = vq->free_head, room = vq->free_count;
	unsigned held = packed->held, count;

	for (count = 0; buffer && count < room; buffer = buffer->next, count++) {
		struct virtq_segment segment = { buffer->address, buffer->length };
		uint16_t flags = (uint16_t)(buffer->flags | available);
		write_desc(desc, &segment, (uint16_t)id);
		if (__builtin_expect((held | count) != 0, true)) {
			shared_store16(&desc->flags, flags);
		} else {
			packed->held_at = (uint16_t)(desc - ring);
			packed->held_flags = flags;
		}
		virtq_take_one(&slots[id], buffer);
		id = slots[id].next;
		desc++;
		if (__builtin_expect(desc > last, false)) {
			desc = ring;
			available ^= OTHER_ROUND;
		}
	}
	vq->free_head = (uint16_t)id;
	packed->avail = (uint16_t)(desc - ring);
	packed->avail_flags = (uint16_t)available;
	packed->held = (uint16_t)(held + count);
	virtq_taken_many(vq, count);
	return buffer;
}

/* The same for an array of them, which are all readable or all writable. */
void packed_push_singles(struct virtq *vq, const struct virtq_single *buffers, unsigned count,
			 uint16_t flags)
{
	struct virtq_packed *packed = &vq->packed;
	struct virtq_packed_desc *ring = packed->ring, *desc = &ring[packed->avail];
	const struct virtq_packed_desc *last = &ring[vq->size - 1];
	struct virtq_slot *slots = vq->slots;
	unsigned each = packed->avail_flags | flags, id = vq->free_head, held = packed->held;

	for (unsigned i = 0; i < count; i++) {
		struct virtq_segment segment = { buffers[i].address, buffers[i].length };
		write_desc(desc, &segment, (uint16_t)id);
		if (__builtin_expect((held | i) != 0, true)) {
			shared_store16(&desc->flags, (uint16_t)each);
		} else {
			packed->held_at = (uint16_t)(desc - ring);
			packed->held_flags = (uint16_t)each;
		}
		virtq_take_single(&slots[id], &buffers[i], flags);
		id = slots[id].next;
		desc++;
		if (__builtin_expect(desc > last, false)) {
			desc = ring;
			each ^= OTHER_ROUND;
		}
	}
	vq->free_head = (uint16_t)id;
	packed->avail = (uint16_t)(desc - ring);
	packed->avail_flags = each & OTHER_ROUND;
	packed->held = (uint16_t)(held + count);
	virtq_taken_many(vq, count);
}

/* 2.8.21.1: the descriptors of a buffer, readable ones first (2.8.17-3), one behind another, each but the
 * last with NEXT, and the id in all of them though only the last one's counts. */
int packed_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
		unsigned total, uint32_t writable, void *cookie)
{
	struct virtq_packed *packed = &vq->packed;
	uint16_t id = vq->free_head, head = packed->avail, head_flags = 0;

	vq->free_head = vq->slots[id].next;
	for (unsigned i = 0; i < total; i++) {
		struct virtq_packed_desc *desc = &packed->ring[packed->avail];
		uint16_t flags = i < readable ? 0 : VIRTQ_DESC_F_WRITE;
		if (i + 1 < total)
			flags |= VIRTQ_DESC_F_NEXT;
		flags = place_desc(vq, &segments[i], id, flags);
		if (i == 0)
			head_flags = flags;
		else
			shared_store16(&desc->flags, flags);
	}
	finish_head(vq, head, head_flags, total);
	virtq_take(vq, id, total, writable, cookie);
	return id;
}

/* 2.8.21.2, 2.8.21.3: make the held-back head available, and with it everything behind it; then look
 * whether the device wants to be told. */
bool packed_publish(struct virtq *vq)
{
	struct virtq_packed *packed = &vq->packed;
	bool platform = vq->order_platform;

	if (packed->held == 0)
		return false;
	uint16_t count = packed->held;
	uint16_t new = packed->avail;
	barrier_before_publish(platform); /* 2.8.21.1.1-1 */
	shared_store16(&packed->ring[packed->held_at].flags, packed->held_flags);
	packed->held = 0;

	barrier_before_suppression(platform); /* 2.8.21.3.1-1 */
	uint32_t event = shared_load32(&packed->device_event->off_wrap_flags);
	/* Without EVENT_IDX the offset means nothing; a reserved value is taken as "enabled". */
	if (EVENT_FLAGS(event) != RING_EVENT_FLAGS_DESC || !vq->event_idx)
		return EVENT_FLAGS(event) != RING_EVENT_FLAGS_DISABLE;
	/* Is the wanted descriptor one of the `count` before `new`? An offset of the previous round is
	 * `size` further back. */
	uint16_t wanted = EVENT_OFFSET(event);
	if (EVENT_WRAP(event) != wrap_counter(packed->avail_flags))
		wanted = (uint16_t)(wanted - vq->size);
	return (uint16_t)(new - wanted - 1) < count;
}

uint16_t packed_position(const struct virtq *vq)
{
	const struct virtq_packed *packed = &vq->packed;

	return (uint16_t)(packed->avail | wrap_counter(packed->avail_flags) << 15);
}

/* The descriptor at our used position. */
static inline const struct virtq_packed_desc *next_used(const struct virtq *vq)
{
	return &vq->packed.ring[vq->packed.used];
}

/* Whether its flags, which are loaded once, say that it is used. */
static inline bool are_used(const struct virtq *vq, uint16_t flags)
{
	return (flags & OTHER_ROUND) == vq->packed.used_flags;
}

static inline bool is_next_used(const struct virtq *vq)
{
	return are_used(vq, shared_load16(&next_used(vq)->flags));
}

/*
 * Without WRITE in a used descriptor its length is reserved, and nothing was written (2.8.4): DPDK leaves
 * there what we wrote. But QEMU (7.2, virtqueue_packed_fill_desc) never sets WRITE; so a length that can be
 * one is taken as one. (In a queue with counts_read any can.)
 */
static __attribute__((noinline)) uint32_t written_bytes(const struct virtq *vq, uint16_t flags,
							uint32_t id, uint32_t length)
{
	if ((flags & VIRTQ_DESC_F_WRITE) == 0 && id < vq->size && length > vq->slots[id].writable &&
	    !vq->counts_read)
		return 0;
	return length;
}

int packed_fetch(struct virtq *vq, uint32_t *id, uint32_t *written)
{
	const struct virtq_packed_desc *desc = next_used(vq);
	uint16_t flags = shared_load16(&desc->flags);

	if (!are_used(vq, flags))
		return 0;
	barrier_after_completion(vq->order_platform);
	*id = shared_load16(&desc->id);
	*written = written_bytes(vq, flags, *id, shared_load32(&desc->len));
	return 1;
}

/* The next used descriptor comes after as many places as the buffer took in the ring. */
void packed_release(struct virtq *vq, uint16_t id)
{
	struct virtq_packed *packed = &vq->packed;
	unsigned next = packed->used + vq->slots[id].count;

	if (next >= vq->size) {
		next -= vq->size;
		packed->used_flags ^= OTHER_ROUND;
	}
	packed->used = (uint16_t)next;
	if (vq->in_order) {
		vq->oldest = vq->slots[id].next; /* the free list stays a circle */
		return;
	}
	vq->slots[id].next = vq->free_head;
	vq->free_head = id;
}

/* Goes on behind `count` that have been taken: as many as are there, and as long as they are usual. */
static __attribute__((noinline)) int packed_pop_others(struct virtq *vq, struct virtq_done *done,
						       unsigned count, unsigned max)
{
	struct virtq_packed *packed = &vq->packed;
	const struct virtq_packed_desc *ring = packed->ring, *desc = &ring[packed->used];
	struct virtq_slot *slots = vq->slots;
	unsigned used = packed->used_flags, last_id = vq->size - 1u, free_head = vq->free_head;
	const struct virtq_packed_desc *last = &ring[last_id];
	bool platform = vq->order_platform, usual = true;
	unsigned taken = count;

	for (; count < max; count++) {
		uint16_t flags = shared_load16(&desc->flags);
		if ((flags & OTHER_ROUND) != used)
			break;
		barrier_after_completion(platform);
		uint32_t id = shared_load16(&desc->id), written = shared_load32(&desc->len);
		if (__builtin_expect(!virtq_used_is_usual(slots, last_id, id, written), false)) {
			written = written_bytes(vq, flags, id, written);
			usual = virtq_used_is_usual(slots, last_id, id, written);
			if (!usual)
				break;
		}
		virtq_took_back(&slots[id], &done[count], written);
		slots[id].next = (uint16_t)free_head;
		free_head = id;
		desc++;
		if (__builtin_expect(desc > last, false)) {
			desc = ring;
			used ^= OTHER_ROUND;
		}
	}
	packed->used = (uint16_t)(desc - ring);
	packed->used_flags = (uint16_t)used;
	vq->free_head = (uint16_t)free_head;
	virtq_given_many(vq, count - taken);
	return usual ? (int)count : virtq_pop_rest(vq, done, count, max);
}

/*
 * packed_fetch and packed_release for many, with the checks in between, as long as all is usual: right, and of one
 * descriptor. (One that is not is loaded again by virtq_pop_rest, and what that finds is checked again.)
 */
int packed_pop(struct virtq *vq, struct virtq_done *done, unsigned max)
{
	struct virtq_packed *packed = &vq->packed;
	const struct virtq_packed_desc *desc = next_used(vq);

	if (!are_used(vq, shared_load16(&desc->flags))) {
		kit_assert(packed->held == 0); /* virtq_pop_many's condition */
		return 0;
	}
	barrier_after_completion(vq->order_platform);
	uint32_t id = shared_load16(&desc->id), written = shared_load32(&desc->len);
	struct virtq_slot *slots = vq->slots;

	if (__builtin_expect(!virtq_used_is_usual(slots, vq->size - 1u, id, written), false))
		return packed_pop_others(vq, done, 0, max);
	virtq_took_back(&slots[id], done, written);
	slots[id].next = vq->free_head;
	vq->free_head = (uint16_t)id;
	virtq_given_many(vq, 1);
	if (++packed->used == vq->size) {
		packed->used = 0;
		packed->used_flags ^= OTHER_ROUND;
	}
	if (max == 1 || vq->in_flight == 0 || !is_next_used(vq))
		return 1;
	return packed_pop_others(vq, done, 1, max);
}

/* 2.8.10 */
void packed_disable_interrupts(struct virtq *vq)
{
	shared_store32(&vq->packed.driver_event->off_wrap_flags,
		       EVENT_WORD(0, 0, RING_EVENT_FLAGS_DISABLE));
}

bool packed_enable_interrupts(struct virtq *vq)
{
	struct virtq_packed *packed = &vq->packed;
	uint32_t event = EVENT_WORD(0, 0, RING_EVENT_FLAGS_ENABLE);

	if (vq->event_idx)
		event = EVENT_WORD(packed->used, wrap_counter(packed->used_flags),
				   RING_EVENT_FLAGS_DESC);
	shared_store32(&packed->driver_event->off_wrap_flags, event);
	barrier_after_enable(vq->order_platform);
	return is_next_used(vq);
}
