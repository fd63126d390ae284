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
	vq->packed.avail_wrap = true; /* 2.8.1 */
	vq->packed.used_wrap = true;
}

/* 2.8.1: what AVAIL and USED must be for a descriptor made available in this round. */
static uint16_t available_flags(bool wrap)
{
	return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

/* 2.8.22: what AVAIL and USED are when the device has written them in the round with this wrap counter: both as it
 * is. */
static uint16_t used_flags(bool wrap)
{
	return wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
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
	flags |= available_flags(packed->avail_wrap);
	if (++packed->avail == vq->size) {
		packed->avail = 0;
		packed->avail_wrap = !packed->avail_wrap;
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

	vq->free_head = vq->slots[id].next;
	finish_head(vq, head, place_desc(vq, &segment, id, flags), 1);
	virtq_take(vq, id, 1, in, cookie);
	return id;
}

/* The same for a list of them, with little to load and store besides. */
struct virtq_buffer *packed_push_list(struct virtq *vq, struct virtq_buffer *buffer)
{
	struct virtq_packed *packed = &vq->packed;
	struct virtq_packed_desc *ring = packed->ring, *desc = &ring[packed->avail];
	const struct virtq_packed_desc *last = &ring[vq->size - 1];
	struct virtq_slot *slots = vq->slots;
	unsigned available = available_flags(packed->avail_wrap), id = vq->free_head;
	unsigned room = vq->free_count, count;
	bool holds = packed->held > 0;

	for (count = 0; buffer; buffer = buffer->next, count++) {
		if (__builtin_expect(count == room, false))
			break;
		struct virtq_segment segment = { buffer->address, buffer->length };
		uint16_t flags = (uint16_t)(buffer->flags | available);
		write_desc(desc, &segment, (uint16_t)id);
		if (__builtin_expect(holds, true)) {
			shared_store16(&desc->flags, flags);
		} else {
			holds = true;
			packed->held_at = (uint16_t)(desc - ring);
			packed->held_flags = flags;
		}
		virtq_take_one(&slots[id], buffer);
		id = slots[id].next;
		desc++;
		if (__builtin_expect(desc > last, false)) {
			desc = ring;
			available ^= used_flags(true);
		}
	}
	vq->free_head = (uint16_t)id;
	packed->avail = (uint16_t)(desc - ring);
	packed->avail_wrap = available == available_flags(true);
	packed->held = (uint16_t)(packed->held + count);
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
	unsigned each = available_flags(packed->avail_wrap) | flags, id = vq->free_head;
	unsigned held = packed->held;

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
			each ^= used_flags(true);
		}
	}
	vq->free_head = (uint16_t)id;
	packed->avail = (uint16_t)(desc - ring);
	packed->avail_wrap = (each & VIRTQ_DESC_F_AVAIL) != 0;
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
bool packed_publish(struct virtq *vq, uint32_t *data)
{
	struct virtq_packed *packed = &vq->packed;
	uint16_t count = packed->held;
	uint16_t new = packed->avail;

	*data = (uint32_t) new | (uint32_t)packed->avail_wrap << 15;
	barrier_before_publish(vq->order_platform); /* 2.8.21.1.1-1 */
	shared_store16(&packed->ring[packed->held_at].flags, packed->held_flags);
	packed->held = 0;

	barrier_before_suppression(vq->order_platform); /* 2.8.21.3.1-1 */
	uint32_t event = shared_load32(&packed->device_event->off_wrap_flags);
	if (EVENT_FLAGS(event) == RING_EVENT_FLAGS_DISABLE)
		return false;
	/* Without EVENT_IDX the offset means nothing; a reserved value is taken as "enabled". */
	if (EVENT_FLAGS(event) != RING_EVENT_FLAGS_DESC || !vq->event_idx)
		return true;
	/* Is the wanted descriptor one of the `count` before `new`? An offset of the previous round is
	 * `size` further back. */
	uint16_t wanted = EVENT_OFFSET(event);
	if (EVENT_WRAP(event) != packed->avail_wrap)
		wanted = (uint16_t)(wanted - vq->size);
	return (uint16_t)(new - wanted - 1) < count;
}

/* Of the descriptor at our used position: the flags, loaded once, and whether they say that it is used. */
static bool is_used(const struct virtq *vq, uint16_t *flags)
{
	*flags = shared_load16(&vq->packed.ring[vq->packed.used].flags);
	return (*flags & used_flags(true)) == used_flags(vq->packed.used_wrap);
}

/*
 * Without WRITE in a used descriptor its length is reserved, and nothing was written (2.8.4): DPDK leaves
 * there what we wrote. But QEMU (7.2, virtqueue_packed_fill_desc) never sets WRITE; so a length that can be
 * one is taken as one. (In a queue with counts_read any can.)
 */
static uint32_t written_bytes(const struct virtq *vq, uint16_t flags, uint32_t id, uint32_t length)
{
	if ((flags & VIRTQ_DESC_F_WRITE) == 0 && id < vq->size && length > vq->slots[id].writable &&
	    !vq->counts_read)
		return 0;
	return length;
}

int packed_fetch(struct virtq *vq, uint32_t *id, uint32_t *written)
{
	uint16_t flags;

	if (!is_used(vq, &flags))
		return 0;
	barrier_after_completion(vq->order_platform);
	const struct virtq_packed_desc *desc = &vq->packed.ring[vq->packed.used];

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
		packed->used_wrap = !packed->used_wrap;
	}
	packed->used = (uint16_t)next;
	if (vq->in_order) {
		vq->oldest = vq->slots[id].next; /* the free list stays a circle */
		return;
	}
	vq->slots[id].next = vq->free_head;
	vq->free_head = id;
}

/* packed_fetch and packed_release for many, with little to load and store besides. (A descriptor that is not usual is
 * loaded again by virtq_pop_rest, and what that finds is checked again.) */
int packed_pop(struct virtq *vq, struct virtq_done *done, unsigned max)
{
	const struct virtq_packed_desc *ring = vq->packed.ring, *desc = &ring[vq->packed.used];
	unsigned last_id = vq->size - 1u, free_head = vq->free_head, count;
	const struct virtq_packed_desc *last = &ring[last_id];
	struct virtq_slot *slots = vq->slots;
	uint16_t used = used_flags(vq->packed.used_wrap);
	bool platform = vq->order_platform, usual = true;

	for (count = 0; count < max; count++) {
		uint16_t flags = shared_load16(&desc->flags);
		if ((flags & used_flags(true)) != used)
			break;
		barrier_after_completion(platform);
		uint32_t id = shared_load16(&desc->id), written = shared_load32(&desc->len);
		if (__builtin_expect(!virtq_used_is_usual(slots, last_id, id, written), false)) {
			written = written_bytes(vq, flags, id, written);
			usual = virtq_used_is_usual(slots, last_id, id, written);
			if (!usual)
				break;
		}
		virtq_set_free(&slots[id]);
		slots[id].next = (uint16_t)free_head;
		free_head = id;
		done[count].cookie = slots[id].cookie;
		done[count].written = written;
		desc++;
		if (__builtin_expect(desc > last, false)) {
			desc = ring;
			used ^= used_flags(true);
		}
	}
	vq->packed.used = (uint16_t)(desc - ring);
	vq->packed.used_wrap = used != 0;
	vq->free_head = (uint16_t)free_head;
	vq->free_count += count;
	vq->in_flight -= count;
	return usual ? (int)count : virtq_pop_rest(vq, done, count, max);
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
	uint16_t flags;

	if (vq->event_idx)
		event = EVENT_WORD(packed->used, packed->used_wrap, RING_EVENT_FLAGS_DESC);
	shared_store32(&packed->driver_event->off_wrap_flags, event);
	barrier_after_enable(vq->order_platform);
	return is_used(vq, &flags);
}
