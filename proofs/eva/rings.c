/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both virtqueue formats under Frama-C Eva: every operation, in any order and without end, on queues of
 * every size in a list, against a device that may write anything at any time.
 *
 * The sources are analysed as they are. The device needs no model: lib/le.h loads from shared memory through
 * pointers to volatile, and for Eva each such load returns any value of its type, every time. What is
 * proved when there is no alarm: no access leaves the memory that it belongs to (each object here is
 * exactly as long as the queue says it needs), nothing uninitialised is used, no kit_assert can fail,
 * no more buffers come out than were asked for, and no more bytes are ever reported than the largest buffer
 * had, unless the caller has said that any number will do (counts_read).
 *
 * See it at work: make prove
 * Left out: queues of more than 128 descriptors, and long chains in large ones. Eva relates no two variables, so
 * it takes each length of a chain by itself, to bound the sum of what its segments hold.
 */
#include "__fc_builtin.h"
#include "drivers/virtio/virtq_format.h"

#define CHAIN_MAX 8
#ifndef POP_MAX
#define POP_MAX 3
#endif
#define LENGTH_MAX (UINT32_MAX / CHAIN_MAX)
/* Where Eva tries whether what grows in the endless loop ends: the last of the bounds, and with chains of more than
 * four segments that of a count, and of the sum of what they hold. */
#ifdef LONG_CHAINS
#define BOUNDS 128, 5, 4294967288
_Static_assert(CHAIN_MAX * LENGTH_MAX == 4294967288, "the largest sum");
#else
#define BOUNDS 128
#endif

/* 2.7 and 2.8.10.1, reckoned once more. */
#define SPLIT_BYTES(n) (((16 * (n) + 6 + 2 * (n) + 3) & ~3) + 6 + 8 * (n))
#define PACKED_BYTES(n) (16 * (n) + 8)

static struct virtq vq; /* one for all: each begins with what the one before left in it */
static struct virtq_segment segments[CHAIN_MAX];
static int owner;
static struct virtq_buffer listed[2];

void vport_panic(const char *what, const char *file, int line)
{
	/*@ assert no_assertion_fails: \false; */
	for (;;)
		;
}

static bool any(void)
{
	return Frama_C_interval(0, 1);
}

static void push(unsigned most)
{
	unsigned readable = Frama_C_unsigned_int_interval(0, most);
	/*@ split readable; */
	unsigned writable = Frama_C_unsigned_int_interval(readable == 0, most - readable);
	/*@ split writable; */
	if (readable + writable > 0)
		virtq_push(&vq, segments, readable, writable, &owner);
	/*@ merge writable; */
	/*@ merge readable; */
}

/* A buffer with an indirect table of the caller's own, of exactly as many entries. */
static void push_table(struct virtq_desc *table, unsigned entries)
{
	unsigned readable = Frama_C_unsigned_int_interval(0, entries);
	/*@ split readable; */

	virtq_write_table(&vq, table, segments, readable, entries - readable);
	virtq_push_table(&vq, segments[0].address, entries, (entries - readable) * LENGTH_MAX,
			 &owner);
	/*@ merge readable; */
}

/* One or two buffers of a list, as many as there is room for. */
static void push_list(void)
{
	for (unsigned i = 0; i < 2; i++)
		listed[i] = (struct virtq_buffer){
			.next = i == 0 && any() ? &listed[1] : NULL,
			.address = segments[i].address,
			.length = segments[i].length,
			.writable = segments[i].length,
			.flags = VIRTQ_DESC_F_WRITE,
		};
	virtq_push_list(&vq, &listed[0]);
}

#ifdef SINGLES
/* None to two of an array. */
static void push_singles(void)
{
	const struct virtq_single singles[2] = {
		{ segments[0].address, segments[0].length, &owner },
		{ segments[1].address, segments[1].length, &owner },
	};

	virtq_push_singles(&vq, singles, Frama_C_unsigned_int_interval(0, 2), any());
}
#endif

static void pop(void)
{
	struct virtq_done done[POP_MAX];
	unsigned most = Frama_C_unsigned_int_interval(1, POP_MAX);
	/*@ split most; */
	int count = virtq_pop_many(&vq, done, most);

	/*@ assert no_more_than_there_is_room: count <= (int)most; */
	/*@ split count; */
	for (int i = 0; i < count; i++) {
		/*@ assert no_more_than_the_buffer_has:
		      vq.counts_read || done[i].written <= CHAIN_MAX * LENGTH_MAX; */
		/*@ assert a_cookie_that_was_given:
		      done[i].cookie == &owner || done[i].cookie == &listed[0] ||
		      done[i].cookie == &listed[1] || done[i].cookie == \null; */
	}
	/*@ merge count; */
	/*@ merge most; */
}

/* Until the reset, whatever the device says and in whatever order the caller calls. */
static void use(const struct virtq_setup *setup, unsigned most, struct virtq_desc *prepared)
{
	virtq_init(&vq, setup);
	/*@ split vq.in_order; */
	/*@ split vq.counts_read; */
	/*@ dynamic_split vq.broken; */
	/*@ widen_hints global:"all", 0, 1, 2, 3, 4, 6, 7, 8, 12, 13, 15, 16, 126, 127, BOUNDS; */
	while (any()) {
		switch (Frama_C_interval(0, 8)) {
		case 0:
			push(most);
			break;
		case 1:
			virtq_publish(&vq);
			virtq_position(&vq);
			break;
		case 2:
			virtq_publish(&vq); /* virtq_pop's condition */
			pop();
			break;
		case 3:
			virtq_disable_interrupts(&vq);
			break;
		case 4:
			virtq_enable_interrupts(&vq);
			break;
		case 5:
			virtq_has_room(&vq, Frama_C_unsigned_int_interval(1, most));
			break;
		case 6:
			while (any() && virtq_drain(&vq))
				;
			break;
		case 7:
			push_table(prepared, most);
			break;
		case 8:
#ifdef SINGLES
			push_singles();
#else
			push_list();
#endif
			break;
		}
	}
	while (virtq_drain(&vq))
		;
	/*@ merge vq.broken; */
	/*@ merge vq.counts_read; */
	/*@ merge vq.in_order; */
}

/* A queue of n with memory of its own; `entries` in each indirect table, and at most `chain` segments in a
 * buffer. */
#define QUEUE(kind, bytes, n, entries, chain) \
	static void kind##_##n(void) \
	{ \
		static uint8_t ring[bytes(n)]; \
		static struct virtq_slot slots[n]; \
		static struct virtq_desc tables[(n) * (entries)], prepared[chain]; \
		struct virtq_setup setup = { \
			.format = kind, \
			.size = (n), \
			.indirect_entries = any() ? (entries) : 0, \
			.event_idx = any(), \
			.in_order = any(), \
			.order_platform = any(), \
			.counts_read = any(), \
			.ring = ring, \
			.ring_address = { Frama_C_unsigned_long_long_interval(0, UINT64_MAX) }, \
			.table = slots, \
			.indirect = tables, \
			.indirect_address = { Frama_C_unsigned_long_long_interval(0, \
										  UINT64_MAX) }, \
		}; \
		if (virtq_ring_bytes(kind, (n)) != sizeof(ring) || \
		    virtq_table_bytes(n) != sizeof(slots) || \
		    virtq_indirect_bytes((n), (entries)) != sizeof(tables)) \
			vport_panic("the memory is as long as the queue says", __FILE__, \
				    __LINE__); \
		virtq_addresses(kind, (n), setup.ring_address); \
		use(&setup, (chain), prepared); \
	}

#define SPLIT(n, entries, chain) QUEUE(VIRTQ_SPLIT, SPLIT_BYTES, n, entries, chain)
#define PACKED(n, entries, chain) QUEUE(VIRTQ_PACKED, PACKED_BYTES, n, entries, chain)

SPLIT(1, 1, 1)
SPLIT(2, 2, 2)
SPLIT(4, 3, 4)
SPLIT(8, 8, 8)
SPLIT(16, 4, 5)
SPLIT(128, 2, 3)
PACKED(1, 1, 1)
PACKED(2, 2, 2)
PACKED(3, 2, 3)
PACKED(5, 5, 5)
PACKED(7, 4, 7)
PACKED(8, 8, 8)
PACKED(13, 4, 5)
PACKED(127, 2, 3)

/* QUEUE_IS is one of them; in a run for all, where each finds what the one before left, there are some
 * small ones of both formats. */
int main(void)
{
	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		segments[i].address.bits = Frama_C_unsigned_long_long_interval(0, UINT64_MAX);
		segments[i].length = Frama_C_unsigned_int_interval(1, LENGTH_MAX);
	}
	for (;;) {
#ifdef QUEUE_IS
		QUEUE_IS();
#else
		switch (Frama_C_interval(0, 3)) {
		case 0:
			VIRTQ_SPLIT_2();
			break;
		case 1:
			VIRTQ_SPLIT_4();
			break;
		case 2:
			VIRTQ_PACKED_2();
			break;
		case 3:
			VIRTQ_PACKED_3();
			break;
		}
#endif
	}
}
