/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The split virtqueue, VIRTIO 1.4 section 2.7. Three parts:
 *
 *   descriptor area  a table of descriptors; a buffer is a chain of them      (driver writes)
 *   driver area      the available ring: heads of chains given to the device  (driver writes)
 *   device area      the used ring: heads given back, and the length written  (device writes)
 *
 * We write the first two and never rely on what stands there (rule 1): the chains' links are kept in the private
 * slot table too. Of the device area, an index or an entry is loaded once and then checked.
 *
 * See it at work: make run APP=disksum RING=split
 */
#include "drivers/virtio/virtq_format.h"
#include "lib/barrier.h"

/* 2.7.6 */
struct virtq_avail {
	le16 flags;
	le16 idx;
	le16 ring[]; /* [size], then le16 used_event */
};
enum { VIRTQ_AVAIL_F_NO_INTERRUPT = 1 };

/* 2.7.8 */
struct virtq_used_elem {
	le32 id;
	le32 len;
};
struct virtq_used {
	le16 flags;
	le16 idx;
	struct virtq_used_elem ring[]; /* [size], then le16 avail_event */
};
enum { VIRTQ_USED_F_NO_NOTIFY = 1 };

_Static_assert(sizeof(struct virtq_desc) == 16, "2.7.5");
_Static_assert(sizeof(struct virtq_used_elem) == 8, "2.7.8");
_Static_assert(__builtin_offsetof(struct virtq_used, ring) == 4, "2.7.8");

/* 2.7: 16 bytes a descriptor; 6 bytes and 2 an entry; 6 bytes and 8 an entry, aligned to 4 (2.7.1-1). */
static size_t avail_offset(uint16_t size)
{
	return (size_t)size * sizeof(struct virtq_desc);
}

static size_t used_offset(uint16_t size)
{
	size_t end = avail_offset(size) + 6 + 2 * (size_t)size;
	return (end + 3) & ~(size_t)3;
}

size_t split_ring_bytes(uint16_t size)
{
	return used_offset(size) + 6 + sizeof(struct virtq_used_elem) * (size_t)size;
}

struct virtq_addresses split_addresses(uint16_t size, dma_addr_t ring)
{
	return (struct virtq_addresses){
		.desc = ring.bits,
		.driver = ring.bits + avail_offset(size),
		.device = ring.bits + used_offset(size),
	};
}

/* The two event words stand behind the rings (2.7.7, 2.7.10). */
static le16 *used_event(struct virtq *vq)
{
	return &vq->split.avail->ring[vq->size];
}

static const le16 *avail_event(const struct virtq *vq)
{
	return (const le16 *)&vq->split.used->ring[vq->size];
}

void split_init(struct virtq *vq, const struct virtq_setup *setup)
{
	uint8_t *ring = setup->ring;
	size_t bytes = split_ring_bytes(setup->size);

	/* The used ring's flags must start as 0 (2.7.10.1); the rest is what a new queue looks like. */
	for (size_t i = 0; i < bytes; i++)
		shared_store8(&ring[i], 0);
	vq->split.desc = (struct virtq_desc *)ring;
	vq->split.avail = (struct virtq_avail *)(ring + avail_offset(setup->size));
	vq->split.used = (struct virtq_used *)(ring + used_offset(setup->size));
}

/* `next` is written where flags have NEXT, without which it means nothing. */
static void write_desc(struct virtq_desc *desc, const struct virtq_segment *segment, uint16_t flags)
{
	shared_store64(&desc->addr, segment->address.bits);
	shared_store32(&desc->len, segment->length);
	shared_store16(&desc->flags, flags);
}

/* 2.7.5.3: chained like descriptors in the ring, and never INDIRECT inside the table (2.7.5.3.1-2). */
void split_write_table(struct virtq_desc *table, const struct virtq_segment *segments,
		       unsigned readable, unsigned total)
{
	for (unsigned i = 0; i < total; i++) {
		uint16_t flags = i < readable ? 0 : VIRTQ_DESC_F_WRITE;
		if (i + 1 < total) {
			flags |= VIRTQ_DESC_F_NEXT;
			shared_store16(&table[i].next, (uint16_t)(i + 1));
		}
		write_desc(&table[i], &segments[i], flags);
	}
}

/* 2.7.13.2: the head goes into the next entry of the available ring. */
static void offer(struct virtq *vq, uint16_t head)
{
	struct virtq_split *split = &vq->split;

	shared_store16(&split->avail->ring[split->avail_idx & (vq->size - 1)], head);
	split->avail_idx++;
	split->held++;
}

/*
 * Writes a descriptor only where it says something else. Whoever sends the same buffers again and again, in the order in
 * which they came back, finds the same ids for them (split_pop), and so the descriptors as they have to be: then a device on
 * another processor need not fetch them again. (What is read back here is compared, and nothing else: who scribbles over a
 * descriptor has it written anew.)
 */
static inline void describe(struct virtq_desc *desc, const struct virtq_segment *segment,
			    uint16_t flags)
{
	if (shared_load64(&desc->addr) != segment->address.bits ||
	    shared_load32(&desc->len) != segment->length || shared_load16(&desc->flags) != flags)
		write_desc(desc, segment, flags);
}

/* One descriptor: a buffer of one segment, or a whole table of them, never with NEXT in the ring (2.7.5.3.1-4). */
int split_push_one(struct virtq *vq, struct virtq_segment segment, uint16_t flags, uint32_t in,
		   void *cookie)
{
	uint16_t id = vq->free_head;
	struct virtq_slot *slot = &vq->slots[id];

	describe(&vq->split.desc[id], &segment, flags);
	offer(vq, id);
	virtq_take(vq, id, 1, in, cookie);
	vq->free_head = slot->next;
	return id;
}

/* The same for a list of them, with little to load and store besides. */
struct virtq_buffer *split_push_list(struct virtq *vq, struct virtq_buffer *buffer)
{
	struct virtq_slot *slots = vq->slots;
	le16 *ring = vq->split.avail->ring;
	unsigned at = vq->split.avail_idx, mask = vq->size - 1u, id = vq->free_head;
	unsigned room = vq->free_count, count;

	for (count = 0; buffer && count < room; buffer = buffer->next, count++) {
		struct virtq_segment segment = { buffer->address, buffer->length };
		struct virtq_slot *slot = &slots[id];
		describe(&vq->split.desc[id], &segment, buffer->flags);
		shared_store16(&ring[(at + count) & mask], (uint16_t)id);
		virtq_take_one(slot, buffer);
		id = slot->next;
	}
	vq->free_head = (uint16_t)id;
	vq->split.avail_idx = (uint16_t)(at + count);
	vq->split.held = (uint16_t)(vq->split.held + count);
	virtq_taken_many(vq, count);
	return buffer;
}

/* The same for an array of them, which are all readable or all writable. */
void split_push_singles(struct virtq *vq, const struct virtq_single *buffers, unsigned count,
			uint16_t flags)
{
	struct virtq_slot *slots = vq->slots;
	le16 *ring = vq->split.avail->ring;
	unsigned at = vq->split.avail_idx, mask = vq->size - 1u, id = vq->free_head;

	for (unsigned i = 0; i < count; i++) {
		struct virtq_segment segment = { buffers[i].address, buffers[i].length };
		struct virtq_slot *slot = &slots[id];
		describe(&vq->split.desc[id], &segment, flags);
		shared_store16(&ring[(at + i) & mask], (uint16_t)id);
		virtq_take_single(slot, &buffers[i], flags);
		id = slot->next;
	}
	vq->free_head = (uint16_t)id;
	vq->split.avail_idx = (uint16_t)(at + count);
	vq->split.held = (uint16_t)(vq->split.held + count);
	virtq_taken_many(vq, count);
}

/* 2.7.13.1: fill in descriptors from the free list. virtq_push has seen to it that there are enough. */
int split_push(struct virtq *vq, const struct virtq_segment *segments, unsigned readable,
	       unsigned total, uint32_t writable, void *cookie)
{
	uint16_t head = vq->free_head;
	uint16_t last = head;

	for (unsigned i = 0; i < total; i++) {
		uint16_t flags = i < readable ? 0 : VIRTQ_DESC_F_WRITE;
		if (i > 0)
			last = vq->slots[last].next;
		if (i + 1 < total) {
			flags |= VIRTQ_DESC_F_NEXT;
			shared_store16(&vq->split.desc[last].next, vq->slots[last].next);
		}
		write_desc(&vq->split.desc[last], &segments[i], flags);
	}
	vq->free_head = vq->slots[last].next;
	offer(vq, head);
	virtq_take(vq, head, total, writable, cookie);
	return head;
}

/* 2.7.13.3 and 2.7.13.4: show the new index to the device, then look whether it wants to be told. */
bool split_publish(struct virtq *vq)
{
	struct virtq_split *split = &vq->split;
	if (split->held == 0)
		return false;
	uint16_t count = split->held;
	uint16_t new = split->avail_idx;

	barrier_before_publish(vq->order_platform); /* 2.7.13.3.1-1 */
	shared_store16(&split->avail->idx, new);    /* never decremented: 2.7.6.1-1 */
	split->held = 0;

	barrier_before_suppression(vq->order_platform); /* 2.7.13.4.1-1 */
	if (vq->event_idx) {
		/* Tell it if avail_event is one of the entries just published (2.7.10.1-6), in the
		 * arithmetic of free-running 16-bit indices. */
		uint16_t event = shared_load16(avail_event(vq));
		return (uint16_t)(new - event - 1) < count;
	}
	return (shared_load16(&split->used->flags) & VIRTQ_USED_F_NO_NOTIFY) ==
	       0; /* 2.7.10.1-3, -4 */
}

uint16_t split_position(const struct virtq *vq)
{
	return (uint16_t)(vq->split.avail_idx - vq->split.held);
}

/* Loads the device's index, and checks it against what is in flight: it can neither jump nor go back. How
 * many entries it announces, or ERR_BROKEN. */
static inline int look(struct virtq *vq)
{
	struct virtq_split *split = &vq->split;
	uint16_t seen = shared_load16(&split->used->idx);
	uint16_t pending = (uint16_t)(seen - split->used_idx);

	if (pending == 0) {
		kit_assert(split->held == 0); /* virtq_pop_many's condition */
		return 0;
	}
	if (pending > vq->in_flight) {
		virtq_break(vq, "used index ran ahead of what is in flight", seen);
		return ERR_BROKEN;
	}
	barrier_after_completion(vq->order_platform);
	split->used_seen = seen;
	return pending;
}

/* 2.7.14: the next entry of the used ring, raw. The index is loaded only when what it announced the
 * last time is used up. */
int split_fetch(struct virtq *vq, uint32_t *id, uint32_t *written)
{
	struct virtq_split *split = &vq->split;

	if (split->used_idx == split->used_seen) {
		int found = look(vq);
		if (found <= 0)
			return found;
	}
	const struct virtq_used_elem *elem = &split->used->ring[split->used_idx & (vq->size - 1)];
	*id = shared_load32(&elem->id);
	*written = shared_load32(&elem->len);
	return 1;
}

/* Goes on to the next used entry, and puts the chain back at the front of the free list, by the private
 * links. In order, the list is the circle that it was at the start, and the chain already in its place. */
void split_release(struct virtq *vq, uint16_t id)
{
	uint16_t last = id;

	vq->split.used_idx++;
	for (unsigned i = 1; i < vq->slots[id].count; i++)
		last = vq->slots[last].next;
	if (vq->in_order) {
		vq->oldest = vq->slots[last].next;
		return;
	}
	vq->slots[last].next = vq->free_head;
	vq->free_head = id;
}

/* Several that the device has announced, behind one that has just been taken. */
static __attribute__((noinline)) int split_pop_others(struct virtq *vq, struct virtq_done *done,
						      unsigned pending)
{
	const struct virtq_used_elem *ring = vq->split.used->ring;
	struct virtq_slot *slots = vq->slots;
	unsigned at = vq->split.used_idx - 1u, mask = vq->size - 1u, count;
	uint16_t *link = &slots[vq->free_head].next, behind = *link;

	for (count = 1; count < pending; count++) {
		const struct virtq_used_elem *elem = &ring[(at + count) & mask];
		uint32_t id = shared_load32(&elem->id), written = shared_load32(&elem->len);
		if (__builtin_expect(!virtq_used_is_usual(slots, mask, id, written), false))
			break;
		*link = (uint16_t)id;
		link = &slots[id].next;
		virtq_took_back(&slots[id], &done[count], written);
	}
	*link = behind;
	vq->split.used_idx = (uint16_t)(at + count);
	virtq_given_many(vq, count - 1);
	return count == pending ? (int)count : virtq_pop_rest(vq, done, count, pending);
}

/*
 * split_fetch and split_release for many, with the checks in between, as long as all is usual: right, and of one
 * descriptor. (An entry that is not is loaded again by virtq_pop_rest, and what that finds is checked again.) They go to
 * the front of the free list in the order in which they were used.
 */
int split_pop(struct virtq *vq, struct virtq_done *done, unsigned max)
{
	struct virtq_split *split = &vq->split;
	int pending = (uint16_t)(split->used_seen - split->used_idx);

	if (pending == 0) {
		pending = look(vq);
		if (pending <= 0)
			return pending;
	}
	unsigned last = vq->size - 1u;
	const struct virtq_used_elem *elem = &split->used->ring[split->used_idx & last];
	uint32_t id = shared_load32(&elem->id), written = shared_load32(&elem->len);
	struct virtq_slot *slots = vq->slots;

	if (__builtin_expect(!virtq_used_is_usual(slots, last, id, written), false))
		return virtq_pop_rest(vq, done, 0, max);
	virtq_took_back(&slots[id], done, written);
	slots[id].next = vq->free_head;
	vq->free_head = (uint16_t)id;
	split->used_idx++;
	virtq_given_many(vq, 1);
	if (pending == 1 || max == 1)
		return 1;
	return split_pop_others(vq, done, (unsigned)pending < max ? (unsigned)pending : max);
}

/* 2.7.7: with EVENT_IDX flags must stay 0 (2.7.7.1-3), and "not now" is an event index that the device
 * reaches only after 2^16 - 1 more buffers. */
void split_disable_interrupts(struct virtq *vq)
{
	struct virtq_split *split = &vq->split;

	if (vq->event_idx)
		shared_store16(used_event(vq), (uint16_t)(split->used_idx - 1));
	else
		shared_store16(&split->avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

bool split_enable_interrupts(struct virtq *vq)
{
	struct virtq_split *split = &vq->split;

	if (vq->event_idx)
		shared_store16(used_event(vq), split->used_idx);
	else
		shared_store16(&split->avail->flags, 0);
	barrier_after_enable(vq->order_platform);
	return shared_load16(&split->used->idx) != split->used_idx;
}
