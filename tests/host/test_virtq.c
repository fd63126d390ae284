/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtqueues in both formats with a device that keeps the rules: VIRTIO 1.4 sections 2.7 and 2.8. What a
 * device does that breaks them is test_virtq_faults.c's.
 */
#include "drivers/virtio/virtq.h"

#include "tests/host/ring_rig.h"

/* Sizes that a queue may have; an array that ends with 0. */
static const uint16_t *sizes(void)
{
	static const uint16_t split[] = { 1, 2, 4, 8, 256, 32768, 0 };
	static const uint16_t packed[] = { 1, 2, 3, 5, 7, 8, 256, 32768, 0 };

	return format == VIRTQ_SPLIT ? split : packed;
}

/* Small ones, for what takes a while with each. */
static const uint16_t *small_sizes(void)
{
	static const uint16_t split[] = { 1, 2, 4, 8, 16, 0 };
	static const uint16_t packed[] = { 1, 2, 3, 4, 5, 7, 11, 16, 0 };

	return format == VIRTQ_SPLIT ? split : packed;
}

/* ---- Where things are --------------------------------------------------------------- */

static void layout(void)
{
	dma_addr_t base = { 0x10000 };
	struct virtq_addresses at = virtq_addresses(format, 4, base);

	if (format == VIRTQ_SPLIT) {
		/* 4 × 16; 6 + 4 × 2 = 14, up to a multiple of 4; 6 + 4 × 8 */
		CHECK_EQ(virtq_ring_bytes(format, 4), 64 + 16 + 38);
		CHECK_EQ(at.desc, 0x10000);
		CHECK_EQ(at.driver, 0x10040);
		CHECK_EQ(at.device, 0x10050);
	} else {
		CHECK_EQ(virtq_ring_bytes(format, 4), 64 + 4 + 4);
		CHECK_EQ(at.desc, 0x10000);
		CHECK_EQ(at.driver, 0x10040);
		CHECK_EQ(at.device, 0x10044);
	}
	for (const uint16_t *size = sizes(); *size; size++) {
		at = virtq_addresses(format, *size, base);
		CHECK_EQ(at.desc % 16, 0);
		CHECK_EQ(at.driver % (format == VIRTQ_SPLIT ? 2 : 4), 0);
		CHECK_EQ(at.device % 4, 0);
		CHECK(at.driver >= at.desc + 16 * *size);
		CHECK(at.device < base.bits + virtq_ring_bytes(format, *size));
	}
}

/* ---- Empty and full ------------------------------------------------------------------- */

static void empty(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, false);
		rig_pop_nothing(&rig);
		CHECK(!rig_publish(&rig));
		CHECK(virtq_drain(&rig.vq) == NULL);
		CHECK(!virtq_enable_interrupts(&rig.vq));
		CHECK_EQ(ring_device_available(&rig.device), 0);
		CHECK_EQ(virtq_max_segments(&rig.vq), *size);
		CHECK(virtq_has_room(&rig.vq, *size));
		CHECK(!virtq_has_room(&rig.vq, *size + 1u));
		rig_free(&rig);
	}
}

/* As many as there is room for, three times over, so that full comes at different places. */
static void full(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, false);
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned i = 0; i < *size; i++)
				CHECK(rig_push(&rig, 0, 1, i) >= 0);
			CHECK_EQ(rig_push(&rig, 0, 1, 0), ERR_FULL);
			CHECK(!virtq_has_room(&rig.vq, 1));
			rig_publish(&rig);
			for (unsigned i = 0; i < *size; i++) {
				struct ring_chain *chain = ring_device_take(&rig.device);
				rig_check_chain(&rig, chain, 0, 1);
				ring_device_use(&rig.device, chain, 1);
			}
			CHECK(ring_device_take(&rig.device) == NULL);
			CHECK_EQ(rig_push(&rig, 0, 1, 0), ERR_FULL); /* used, not popped yet */
			for (unsigned i = 0; i < *size; i++)
				rig_pop(&rig, i, 1);
			rig_pop_nothing(&rig);
			/* Not a multiple of the size, so that the next round begins elsewhere. */
			rig_round(&rig, 0, 1, 7);
		}
		rig_free(&rig);
	}
}

static void ids_are_below_the_size_and_unique(void)
{
	struct rig rig;
	bool seen[8] = { false };

	rig_make(&rig, 8, 0, false);
	for (unsigned i = 0; i < 8; i++) {
		int id = rig_push(&rig, 1, 0, i);
		CHECK(id >= 0 && id < 8);
		if (id >= 0 && id < 8) {
			CHECK(!seen[id]);
			seen[id] = true;
			CHECK(virtq_busy(&rig.vq, (unsigned)id));
		}
	}
	rig_free(&rig);
}

/* ---- Chains ------------------------------------------------------------------------------ */

/* Every mix of readable and writable segments that fits, at every place in the ring, so that chains go
 * across its end. */
static void chains_at_every_place(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, false);
		for (unsigned readable = 0; readable <= *size; readable++) {
			for (unsigned writable = 0; readable + writable <= *size; writable++) {
				if (readable + writable == 0)
					continue;
				/* Other places each time: the ring moves by this chain's length and one. */
				for (unsigned place = 0; place < *size; place++) {
					rig_round(&rig, readable, writable, place);
					rig_round(&rig, 1, 0, 99);
				}
			}
		}
		rig_free(&rig);
	}
}

static void chains_of_different_lengths_in_flight(void)
{
	struct rig rig;
	rig_make(&rig, 16, 0, false);

	for (unsigned round = 0; round < 50; round++) {
		/* 1 + 2 + 3 + 4 + 5 = 15 descriptors; the sixth does not fit. */
		for (unsigned i = 1; i <= 5; i++)
			CHECK(rig_push(&rig, i / 2, i - i / 2, i) >= 0);
		CHECK_EQ(rig_push(&rig, 1, 1, 6), ERR_FULL);
		CHECK(virtq_has_room(&rig.vq, 1));
		CHECK(!virtq_has_room(&rig.vq, 2));
		rig_publish(&rig);
		struct ring_chain *chains[6] = { NULL };
		for (unsigned i = 1; i <= 5; i++) {
			chains[i] = ring_device_take(&rig.device);
			rig_check_chain(&rig, chains[i], i / 2, i - i / 2);
			CHECK_EQ(chains[i]->descriptors, i);
		}
		static const unsigned order[] = { 3, 5, 1, 4, 2 };
		for (unsigned i = 0; i < 5; i++)
			ring_device_use(&rig.device, chains[order[i]], 0);
		for (unsigned i = 0; i < 5; i++)
			rig_pop(&rig, order[i], 0);
		rig_round(&rig, 1, 0, 0);
	}
	rig_free(&rig);
}

static void longest_chain(void)
{
	struct rig rig;
	rig_make(&rig, 32768, 0, false);
	rig_round(&rig, 1, 0, 1); /* so that it goes across the end */
	for (unsigned i = 0; i < 2; i++)
		rig_round(&rig, 16384, 16384, 2);
	rig_free(&rig);
}

/* ---- Indirect ----------------------------------------------------------------------------- */

static void indirect(void)
{
	struct rig rig;
	rig_make(&rig, 8, 5, false);

	/* One segment needs no table; two to five have one; six do not fit into it and go directly. */
	for (unsigned total = 1; total <= 8; total++) {
		for (unsigned readable = 0; readable <= total; readable++) {
			CHECK(rig_push(&rig, readable, total - readable, total) >= 0);
			CHECK_EQ(rig.vq.free_count, total >= 2 && total <= 5 ? 7 : 8 - total);
			rig_publish(&rig);
			struct ring_chain *chain = ring_device_take(&rig.device);
			rig_check_chain(&rig, chain, readable, total - readable);
			CHECK_EQ(chain->indirect, total >= 2 && total <= 5);
			ring_device_use(&rig.device, chain, 0);
			rig_pop(&rig, total, 0);
			CHECK_EQ(rig.vq.free_count, 8);
		}
	}
	rig_free(&rig);
}

/* A queue full of tables: each has its own, and none reaches into the next. */
static void indirect_tables_are_apart(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		uint16_t entries = *size;
		struct rig rig;
		rig_make(&rig, *size, entries, true);
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned i = 0; i < *size; i++)
				CHECK(rig_push(&rig, 1, entries - 1u, i) >= 0);
			CHECK_EQ(rig_push(&rig, 1, 0, 0), ERR_FULL);
			rig_publish(&rig);
			for (unsigned i = 0; i < *size; i++) {
				struct ring_chain *chain = ring_device_take(&rig.device);
				rig_check_chain(&rig, chain, 1, entries - 1u);
				CHECK_EQ(chain->indirect, entries > 1);
			}
			/* The last one first. */
			for (unsigned i = *size; i-- > 0;) {
				ring_device_use(&rig.device, rig.device.taken, 0);
				rig_pop(&rig, i, 0);
			}
		}
		rig_free(&rig);
	}
}

static void direct_and_indirect_mixed(void)
{
	struct rig rig;
	rig_make(&rig, 16, 4, false);

	for (unsigned round = 0; round < 40; round++) {
		unsigned lengths[] = { 4, 5, 1, 2, 6 }; /* 1 + 5 + 1 + 1 + 6 = 14 */
		for (unsigned i = 0; i < 5; i++)
			CHECK(rig_push(&rig, 1, lengths[i] - 1, i) >= 0);
		CHECK_EQ(rig.vq.free_count, 2);
		rig_publish(&rig);
		for (unsigned i = 0; i < 5; i++)
			rig_check_chain(&rig, ring_device_take(&rig.device), 1, lengths[i] - 1);
		for (unsigned i = 5; i-- > 0;)
			ring_device_use(&rig.device, rig.device.taken, 0);
		for (unsigned i = 5; i-- > 0;)
			rig_pop(&rig, i, 0);
		CHECK_EQ(rig.vq.free_count, 16);
	}
	rig_free(&rig);
}

/* ---- Order and batches ----------------------------------------------------------------------- */

/* FAULTS 10: whatever the order, the id decides. */
static void row10_out_of_order(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, false);
		for (unsigned stride = 1; stride <= *size; stride++) {
			struct ring_chain *chains[16];
			for (unsigned i = 0; i < *size; i++)
				rig_push(&rig, 0, 1, i);
			rig_publish(&rig);
			for (unsigned i = 0; i < *size; i++)
				chains[i] = ring_device_take(&rig.device);
			for (unsigned i = 0, at = 0; i < *size; i++) {
				while (!chains[at % *size])
					at++;
				ring_device_use(&rig.device, chains[at % *size], i % 2);
				rig_pop(&rig, at % *size, i % 2);
				chains[at % *size] = NULL;
				at += stride;
			}
		}
		rig_free(&rig);
	}
}

static void nothing_is_visible_before_publish(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, false);
		for (unsigned round = 0; round < 3; round++) {
			unsigned batch = *size > 300 ? 300 : *size;
			for (unsigned i = 0; i < batch; i++) {
				rig_push(&rig, 1, 0, i);
				CHECK_EQ(ring_device_available(&rig.device), 0);
			}
			CHECK(rig_publish(&rig));
			CHECK(!rig_publish(&rig)); /* nothing new */
			for (unsigned i = 0; i < batch; i++)
				rig_check_chain(&rig, ring_device_take(&rig.device), 1, 0);
			CHECK(ring_device_take(&rig.device) == NULL);
			for (unsigned i = batch; i-- > 0;) {
				ring_device_use(&rig.device, rig.device.taken, 0);
				rig_pop(&rig, i, 0);
			}
		}
		rig_free(&rig);
	}
}

/* Chains in a batch: the first one's head is what shows all of them. */
static void batch_of_chains(void)
{
	struct rig rig;
	rig_make(&rig, 8, 0, false);

	for (unsigned round = 0; round < 20; round++) {
		CHECK(rig_push(&rig, 1, 2, 0) >= 0);
		CHECK(rig_push(&rig, 2, 0, 1) >= 0);
		CHECK(rig_push(&rig, 0, 2, 2) >= 0);
		CHECK_EQ(ring_device_available(&rig.device), 0);
		CHECK(rig_publish(&rig));
		rig_check_chain(&rig, ring_device_take(&rig.device), 1, 2);
		rig_check_chain(&rig, ring_device_take(&rig.device), 2, 0);
		rig_check_chain(&rig, ring_device_take(&rig.device), 0, 2);
		for (unsigned i = 3; i-- > 0;) {
			ring_device_use(&rig.device, rig.device.taken, 0);
			rig_pop(&rig, i, 0);
		}
	}
	rig_free(&rig);
}

/* Pushed in two batches, of which the device has taken the first only. */
static void batches_follow_each_other(void)
{
	struct rig rig;
	rig_make(&rig, 8, 0, false);

	for (unsigned round = 0; round < 20; round++) {
		rig_push(&rig, 1, 0, 0);
		rig_push(&rig, 1, 0, 1);
		rig_publish(&rig);
		struct ring_chain *first = ring_device_take(&rig.device);
		rig_push(&rig, 1, 1, 2);
		rig_check_chain(&rig, ring_device_take(&rig.device), 1, 0);
		CHECK(ring_device_take(&rig.device) == NULL);
		rig_publish(&rig);
		rig_check_chain(&rig, ring_device_take(&rig.device), 1, 1);
		ring_device_use(&rig.device, first, 0);
		rig_pop(&rig, 0, 0);
		ring_device_use(&rig.device, rig.device.taken, 0);
		ring_device_use(&rig.device, rig.device.taken, 0);
		rig_pop(&rig, 2, 0);
		rig_pop(&rig, 1, 0);
	}
	rig_free(&rig);
}

/* The device shows several used buffers by one store. */
static void used_in_a_batch(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, false);
		for (unsigned round = 0; round < 5; round++) {
			for (unsigned i = 0; i < *size; i++)
				rig_push(&rig, 0, 1, i);
			rig_publish(&rig);
			ring_device_hold(&rig.device);
			for (unsigned i = 0; i < *size; i++)
				ring_device_use(&rig.device, ring_device_take(&rig.device), 1);
			rig_pop_nothing(&rig);
			ring_device_show(&rig.device);
			for (unsigned i = 0; i < *size; i++)
				rig_pop(&rig, i, 1);
			rig_pop_nothing(&rig);
			rig_round(&rig, 1, 0, 0);
		}
		rig_free(&rig);
	}
}

/* ---- Wrapping ------------------------------------------------------------------------------------- */

/* Free-running 16-bit indices (split) and wrap counters (packed), several times around, with event
 * indices and without. */
static void wraps(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, *size % 3 == 2);
		unsigned long buffers = 65536 + 3 * *size;
		unsigned long done = 0;
		for (unsigned long i = 0; i < buffers; i++) {
			struct virtq_segment segment = rig_segment(&rig, 0);
			void *cookie = NULL;
			uint32_t written = 0;
			if (virtq_push(&rig.vq, &segment, 0, 1, cookie_of(i)) < 0)
				break;
			rig_publish(&rig);
			struct ring_chain *chain = ring_device_take(&rig.device);
			if (!chain)
				break;
			ring_device_use(&rig.device, chain, 1);
			if (virtq_pop(&rig.vq, &cookie, &written) != 1 || number_of(cookie) != i)
				break;
			done++;
		}
		CHECK_EQ(done, buffers);
		CHECK(!rig.vq.broken);
		CHECK_EQ(rig.vq.in_flight, 0);
		rig_free(&rig);
	}
}

/* A full queue across 65535: the used index passes 0 with many pending. */
static void full_across_the_wrap(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, true);
		unsigned rounds = 65536 / *size - 1;
		for (unsigned i = 0; i < rounds * *size; i++)
			rig_round(&rig, 1, 0, i);
		for (unsigned round = 0; round < 4; round++) {
			for (unsigned i = 0; i < *size; i++)
				CHECK(rig_push(&rig, 0, 1, i) >= 0);
			CHECK_EQ(rig_push(&rig, 0, 1, 0), ERR_FULL);
			rig_publish(&rig);
			for (unsigned i = 0; i < *size; i++)
				ring_device_use(&rig.device, ring_device_take(&rig.device), 1);
			for (unsigned i = 0; i < *size; i++)
				rig_pop(&rig, i, 1);
			rig_round(&rig, 1, 0, 0);
		}
		rig_free(&rig);
	}
}

/* ---- Reset -------------------------------------------------------------------------------------------- */

/* Each cookie of what is in flight comes back exactly once: pushed, published, taken, used, not popped. */
static void drain_gives_each_cookie_once(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		for (unsigned popped = 0; popped <= *size; popped++) {
			struct rig rig;
			rig_make(&rig, *size, *size > 1 ? 2 : 0, false);
			for (unsigned i = 0; i < *size; i++)
				rig_push(&rig, 1, i % 2, i);
			rig_publish(&rig);
			unsigned used = (popped + *size) / 2;
			for (unsigned i = 0; i < used; i++)
				ring_device_use(&rig.device, ring_device_take(&rig.device), 0);
			for (unsigned i = 0; i < popped; i++)
				rig_pop(&rig, i, 0);
			if (popped > 0)
				rig_push(&rig, 1, 0, 0); /* not published */

			unsigned seen[16] = { 0 };
			void *cookie;
			while ((cookie = virtq_drain(&rig.vq)) != NULL)
				seen[number_of(cookie) % 16]++;
			for (unsigned i = 0; i < *size; i++)
				CHECK_EQ(seen[i], (i == 0 && popped > 0) || i >= popped);
			CHECK_EQ(rig.vq.in_flight, 0);
			CHECK(virtq_drain(&rig.vq) == NULL);

			/* And from the start again, with the old memory. */
			rig_restart(&rig);
			rig_pop_nothing(&rig);
			for (unsigned i = 0; i < 3u * *size; i++)
				rig_round(&rig, 1, 0, i);
			rig_free(&rig);
		}
	}
}

/* Reset wherever the ring happens to stand. */
static void reset_at_every_place(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, true);
		for (unsigned place = 0; place <= 2u * *size; place++) {
			for (unsigned i = 0; i < place; i++)
				rig_round(&rig, 0, 1, i);
			rig_push(&rig, 0, 1, 77);
			if (place % 2)
				rig_publish(&rig);
			CHECK_EQ(number_of(virtq_drain(&rig.vq)), 77);
			CHECK(virtq_drain(&rig.vq) == NULL);
			rig_restart(&rig);
		}
		rig_free(&rig);
	}
}

/* ---- Callers' bugs -------------------------------------------------------------------------------------- */

static void callers_bugs(void)
{
	struct rig rig;
	rig_make(&rig, 4, 0, false);
	struct virtq_segment five[5], huge[2];
	for (unsigned i = 0; i < 5; i++)
		five[i] = rig_segment(&rig, i);
	CHECK_ASSERTS(virtq_push(&rig.vq, five, 0, 0, cookie_of(0)));
	CHECK_ASSERTS(virtq_push(&rig.vq, five, 3, 2, cookie_of(0)));
	huge[0] = (struct virtq_segment){ { rig.data_address }, UINT32_MAX };
	huge[1] = (struct virtq_segment){ { rig.data_address }, 1 };
	CHECK_ASSERTS(virtq_push(&rig.vq, huge, 0, 2, cookie_of(0)));
	CHECK(virtq_push(&rig.vq, huge, 0, 1, cookie_of(0)) >= 0); /* as much as 2.7.5.2-1 allows */

	/* A buffer that is not published is not the device's to give back (FAULTS 2). */
	void *cookie;
	uint32_t written;
	CHECK_ASSERTS(virtq_pop(&rig.vq, &cookie, &written));
	rig_publish(&rig);
	rig_pop_nothing(&rig);

	struct virtq other;
	struct virtq_setup setup = rig.setup;
	setup.size = 0;
	CHECK_ASSERTS(virtq_init(&other, &setup));
	setup.size = 32769;
	CHECK_ASSERTS(virtq_init(&other, &setup));
	setup.size = 4;
	setup.indirect_entries = 5; /* 2.7.5.3.1-3 */
	CHECK_ASSERTS(virtq_init(&other, &setup));
	if (format == VIRTQ_SPLIT) {
		setup.indirect_entries = 0;
		setup.size = 3;
		CHECK_ASSERTS(virtq_init(&other, &setup));
	}
	rig_free(&rig);
}

/* ---- Soak -------------------------------------------------------------------------------------------------- */

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
	/* xorshift64: the same on every run */
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 16) % limit;
}

/* Random pushes, publishes, uses in any order, pops and resets, against what a list of the buffers in
 * flight says must come out. */
static void soak_one(uint16_t size, uint16_t entries, bool event_idx, uint64_t seed)
{
	struct rig rig;
	enum { MOST = 256 };
	struct ring_chain *taken[MOST];
	struct {
		bool in_flight;
		unsigned readable, writable;
	} buffers[MOST] = { 0 };
	unsigned long used_order[MOST];
	uint32_t used_length[MOST];
	unsigned taken_count = 0, used_count = 0, in_flight = 0, unpublished = 0, ring_places = 0;
	unsigned places[MOST];

	random_state = seed;
	rig_make(&rig, size, entries, event_idx);
	for (unsigned turn = 0; turn < 6000; turn++) {
		unsigned what = random_below(100);
		if (what < 40) {
			unsigned total = 1 + random_below(size < 6 ? size : 6);
			unsigned readable = random_below(total + 1), number = 0;
			while (number < MOST && buffers[number].in_flight)
				number++;
			if (number == MOST)
				continue;
			unsigned needs = total > 1 && total <= entries ? 1 : total;
			int id = rig_push(&rig, readable, total - readable, number);
			if (needs > size - ring_places) {
				CHECK_EQ(id, ERR_FULL);
				continue;
			}
			CHECK(id >= 0);
			buffers[number].in_flight = true;
			buffers[number].readable = readable;
			buffers[number].writable = total - readable;
			places[number] = needs;
			ring_places += needs;
			in_flight++;
			unpublished++;
		} else if (what < 60) {
			bool notify = rig_publish(&rig);
			CHECK(unpublished > 0 || !notify);
			unpublished = 0;
			struct ring_chain *chain;
			while (random_below(8) && taken_count < MOST &&
			       (chain = ring_device_take(&rig.device)) != NULL)
				taken[taken_count++] = chain;
		} else if (what < 80 && taken_count > 0 && used_count < MOST && unpublished == 0) {
			unsigned which = random_below(taken_count);
			struct ring_chain *chain = taken[which];
			uint32_t length = (uint32_t)(chain->writable * random_below(3) / 2);
			unsigned long number = number_of(rig.vq.slots[chain->id].cookie);
			rig_check_chain(&rig, chain, buffers[number].readable,
					buffers[number].writable);
			used_order[used_count] = number;
			used_length[used_count++] = length;
			taken[which] = taken[--taken_count];
			ring_device_use(&rig.device, chain, length);
		} else if (what < 99 && unpublished == 0) {
			for (unsigned i = 0; i < used_count; i++) {
				unsigned long number = used_order[i];
				rig_pop(&rig, number, used_length[i]);
				buffers[number].in_flight = false;
				ring_places -= places[number];
				in_flight--;
			}
			rig_pop_nothing(&rig);
			used_count = 0;
		} else if (what == 99 && random_below(10) == 0) {
			void *cookie;
			while ((cookie = virtq_drain(&rig.vq)) != NULL) {
				unsigned long number = number_of(cookie);
				CHECK(buffers[number].in_flight);
				buffers[number].in_flight = false;
				in_flight--;
			}
			CHECK_EQ(in_flight, 0);
			rig_restart(&rig);
			taken_count = used_count = unpublished = ring_places = in_flight = 0;
		}
		CHECK_EQ(rig.vq.in_flight, in_flight);
		CHECK_EQ(rig.vq.free_count, size - ring_places);
		if (check_failures) {
			printf("# size %u, entries %u, seed %llu, turn %u\n", size, entries,
			       (unsigned long long)seed, turn);
			break;
		}
	}
	rig_free(&rig);
}

static void soak(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		for (unsigned variant = 0; variant < 4; variant++)
			soak_one(*size, variant & 1 ? (*size < 4 ? *size : 4) : 0, variant & 2,
				 0x9e3779b97f4a7c15u + variant + *size);
	}
	soak_one(256, 16, true, 99);
	soak_one(256, 0, false, 100);
	if (format == VIRTQ_PACKED) {
		soak_one(255, 3, true, 101);
		soak_one(13, 2, true, 102);
	}
}

/* 2.8.4: a used descriptor without WRITE tells no length. DPDK leaves the driver's there; QEMU forgets WRITE
 * where it did write, and there the length counts. */
static void length_without_write(void)
{
	enum { AVAIL_AND_USED = 1 << 7 | 1 << 15 };
	struct rig rig;

	rig_make(&rig, 4, 0, false);
	rig_push(&rig, 1, 0, 0);
	rig_publish(&rig);
	ring_device_use(&rig.device, ring_device_take(&rig.device), 76);
	ring_device_lie_flags(&rig.device, 0, AVAIL_AND_USED);
	rig_pop(&rig, 0, 0);

	rig_push(&rig, 0, 1, 1);
	rig_publish(&rig);
	ring_device_use(&rig.device, ring_device_take(&rig.device), 1);
	ring_device_lie_flags(&rig.device, 1, AVAIL_AND_USED);
	rig_pop(&rig, 1, 1);
	rig_free(&rig);
}

/* An array is what as many single pushes are: at every place in the ring, behind a buffer that is not published yet or
 * first of a batch, and as far as there is room. */
static void singles(void)
{
	for (const uint16_t *size = small_sizes(); *size; size++) {
		for (unsigned count = 0; count <= *size + 1u; count++) {
			for (unsigned before = 0; before < 2; before++) {
				struct rig rig;
				struct virtq_single buffers[17];
				unsigned next = 0, room = *size - before;
				unsigned expected = count < room ? count : room;

				rig_make(&rig, *size, 0, false);
				for (unsigned i = 0; i < count; i++)
					buffers[i] = (struct virtq_single){
						.address = rig_segment(&rig, 0).address,
						.length = rig_segment(&rig, 0).length,
						.cookie = cookie_of(1 + i),
					};
				for (unsigned round = 0; round < 3u * *size; round++) {
					bool writable = round % 2 != 0;
					uint32_t bytes = writable ? rig_writable(&rig, 0, 1) : 0;
					if (before)
						rig_push(&rig, 1, 0, 0);
					CHECK_EQ(virtq_push_singles(&rig.vq, buffers, count,
								    writable),
						 expected);
					CHECK_EQ(rig.vq.in_flight, before + expected);
					rig_publish(&rig);
					for (next = 0; next < before + expected; next++) {
						struct ring_chain *chain =
							ring_device_take(&rig.device);
						bool single = next >= before;
						rig_check_chain(&rig, chain, !(single && writable),
								single && writable);
						ring_device_use(&rig.device, chain,
								single ? bytes : 0);
					}
					CHECK(ring_device_take(&rig.device) == NULL);
					for (next = 0; next < before + expected; next++)
						rig_pop(&rig, next + 1 - before,
							next >= before ? bytes : 0);
				}
				rig_free(&rig);
			}
		}
	}
}

/* Nothing is added to a queue that the device has broken. */
static void singles_in_a_broken_queue(void)
{
	struct rig rig;
	rig_make(&rig, 4, 0, false);
	struct virtq_single buffer = { .address = rig_segment(&rig, 0).address,
				       .length = 1,
				       .cookie = cookie_of(1) };

	rig_push(&rig, 0, 1, 0);
	rig_publish(&rig);
	ring_device_use(&rig.device, ring_device_take(&rig.device),
			rig_writable(&rig, 0, 1) + 1); /* more than there is */
	struct virtq_done done;
	CHECK_EQ(virtq_pop_many(&rig.vq, &done, 1), ERR_BROKEN);
	CHECK_EQ(virtq_push_singles(&rig.vq, &buffer, 1, true), 0);
	rig_free(&rig);
}

int main(void)
{
	static const struct rig_test tests[] = {
		RIG_TEST(layout, ON_BOTH),
		RIG_TEST(empty, ON_BOTH),
		RIG_TEST(full, ON_BOTH),
		RIG_TEST(ids_are_below_the_size_and_unique, ON_BOTH),
		RIG_TEST(chains_at_every_place, ON_BOTH),
		RIG_TEST(chains_of_different_lengths_in_flight, ON_BOTH),
		RIG_TEST(longest_chain, ON_BOTH),
		RIG_TEST(indirect, ON_BOTH),
		RIG_TEST(indirect_tables_are_apart, ON_BOTH),
		RIG_TEST(direct_and_indirect_mixed, ON_BOTH),
		RIG_TEST(row10_out_of_order, ON_BOTH),
		RIG_TEST(nothing_is_visible_before_publish, ON_BOTH),
		RIG_TEST(batch_of_chains, ON_BOTH),
		RIG_TEST(batches_follow_each_other, ON_BOTH),
		RIG_TEST(used_in_a_batch, ON_BOTH),
		RIG_TEST(wraps, ON_BOTH),
		RIG_TEST(full_across_the_wrap, ON_BOTH),
		RIG_TEST(drain_gives_each_cookie_once, ON_BOTH),
		RIG_TEST(reset_at_every_place, ON_BOTH),
		RIG_TEST(callers_bugs, ON_BOTH),
		RIG_TEST(length_without_write, ON_PACKED),
		RIG_TEST(singles, ON_BOTH),
		RIG_TEST(singles_in_a_broken_queue, ON_BOTH),
		RIG_TEST(soak, ON_BOTH),
	};
	return rig_run(tests, sizeof(tests) / sizeof(tests[0]));
}
