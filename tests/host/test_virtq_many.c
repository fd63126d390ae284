/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many buffers of one descriptor pushed at a time, by both formats: lists whose elements their owner links, and
 * arrays; of every length at every place of the ring, beside buffers that are pushed one by one, and to a queue
 * that is broken.
 */
#include "drivers/virtio/virtq.h"

#include "tests/host/ring_rig.h"

#define MOST 12

/* Segment i of any buffer is one of the rig's; every second one is writable. */
static struct virtq_buffer buffers[MOST];

static struct virtq_buffer *list_of(const struct rig *rig, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		struct virtq_segment segment = rig_segment(rig, i);
		bool writable = i % 2 == 1;
		buffers[i] = (struct virtq_buffer){
			.next = i + 1 < first + count ? &buffers[i + 1] : NULL,
			.address = segment.address,
			.length = segment.length,
			.writable = writable ? segment.length : 0,
			.flags = writable ? VIRTQ_DESC_F_WRITE : 0,
		};
	}
	return &buffers[first];
}

/* The device takes one, which is that segment, and gives it back. */
static void serve(struct rig *rig, unsigned i, bool writable)
{
	struct virtq_segment segment = rig_segment(rig, i);
	struct ring_chain *chain = ring_device_take(&rig->device);

	CHECK(chain != NULL);
	if (!chain)
		return;
	CHECK_EQ(chain->count, 1);
	CHECK_EQ(chain->segments[0].address, segment.address.bits);
	CHECK_EQ(chain->segments[0].length, segment.length);
	CHECK_EQ(chain->segments[0].writable, writable);
	ring_device_use(&rig->device, chain, writable ? segment.length : 0);
}

static void pop(struct rig *rig, const void *cookie, uint32_t written)
{
	struct virtq_done done;

	CHECK_EQ(virtq_pop_many(&rig->vq, &done, 1), 1);
	CHECK(done.cookie == cookie);
	CHECK_EQ(done.written, written);
}

static void lists(void)
{
	static const uint16_t sizes[] = { 1, 4, 8, 5, 7 };

	for (unsigned s = 0; s < (format == VIRTQ_SPLIT ? 3 : 5); s++) {
		struct rig rig;

		rig_make(&rig, sizes[s], 0, true);
		for (unsigned round = 0; round < 60; round++) {
			unsigned count = 1 + round % MOST;
			unsigned fits = count < sizes[s] ? count : sizes[s];
			struct virtq_buffer *rest =
				virtq_push_list(&rig.vq, list_of(&rig, 0, count));
			CHECK(rest == (fits < count ? &buffers[fits] : NULL));
			CHECK_EQ(rig.vq.free_count, sizes[s] - fits);
			CHECK_EQ(rig.vq.in_flight, fits);
			CHECK(ring_device_take(&rig.device) == NULL); /* not shown yet */
			rig_publish(&rig);
			for (unsigned i = 0; i < fits; i++)
				serve(&rig, i, i % 2 == 1);
			CHECK(ring_device_take(&rig.device) == NULL);
			for (unsigned i = 0; i < fits; i++)
				pop(&rig, &buffers[i], buffers[i].writable);
			rig_pop_nothing(&rig);
		}
		rig_free(&rig);
	}
}

/* What they have just been taken for, is given back in that order. */
static void there_and_back(struct rig *rig, struct virtq_buffer *first)
{
	struct virtq_done done[MOST];
	unsigned count = 0;

	CHECK(virtq_push_list(&rig->vq, first) == NULL);
	rig_publish(rig);
	for (struct virtq_buffer *buffer = first; buffer; buffer = buffer->next, count++)
		serve(rig, (unsigned)(buffer - buffers), buffer->writable != 0);
	CHECK_EQ(virtq_pop_many(&rig->vq, done, MOST), (int)count);
	for (unsigned i = 0; i < count; i++, first = first->next)
		CHECK(done[i].cookie == first);
}

static void one_there_and_back(struct rig *rig)
{
	rig_publish(rig);
	struct ring_chain *chain = ring_device_take(&rig->device);
	CHECK(chain != NULL);
	ring_device_use(&rig->device, chain, 0);
	rig_pop(rig, 0, 0);
}

/* Split: buffers that come back in the order in which they were sent find their descriptors again: nobody writes them, and
 * the device may have them in a cache. */
static void written_once(void)
{
	for (unsigned count = 1; count <= 4; count++) {
		struct rig rig;
		uint8_t before[4 * 16];

		rig_make(&rig, 4, 0, true);
		for (unsigned turn = 0; turn < 3; turn++) {
			there_and_back(&rig, list_of(&rig, 0, count));
			if (turn > 0)
				CHECK(memcmp(before, rig.device.desc, sizeof(before)) == 0);
			memcpy(before, rig.device.desc, sizeof(before));
		}
		rig_free(&rig);
	}
}

/* One that differs in a single field, and what was written by the other ways meanwhile. */
static void written_anew(void)
{
	for (unsigned what = 0; what < 5; what++) {
		struct rig rig;

		rig_make(&rig, 4, 0, true);
		there_and_back(&rig, list_of(&rig, 0, 4));
		struct virtq_buffer *list = list_of(&rig, 0, 4);
		struct virtq_segment expected = rig_segment(&rig, 0);
		bool writable = false;
		if (what == 0) {
			expected.address = list->address = rig_segment(&rig, 2).address;
		} else if (what == 1) {
			expected.length = list->length += 5;
		} else if (what == 2) {
			list->flags = VIRTQ_DESC_F_WRITE;
			list->writable = list->length;
			writable = true;
		} else if (what == 3) {
			rig_push(&rig, 1, 3, 0); /* a chain of all four */
			one_there_and_back(&rig);
		} else {
			struct virtq_single single = { rig_segment(&rig, 3).address, 7,
						       cookie_of(0) };
			CHECK_EQ(virtq_push_singles(&rig.vq, &single, 1, true), 1);
			one_there_and_back(&rig);
		}
		CHECK(virtq_push_list(&rig.vq, list) == NULL);
		rig_publish(&rig);
		struct ring_chain *chain = ring_device_take(&rig.device);
		CHECK(chain != NULL);
		CHECK_EQ(chain->segments[0].address, expected.address.bits);
		CHECK_EQ(chain->segments[0].length, expected.length);
		CHECK_EQ(chain->segments[0].writable, writable);
		ring_device_use(&rig.device, chain, 0);
		for (unsigned i = 1; i < 4; i++)
			serve(&rig, i, i % 2 == 1);
		for (unsigned i = 0; i < 4; i++)
			pop(&rig, &buffers[i], i % 2 == 1 ? buffers[i].length : 0);
		rig_free(&rig);
	}
}

static void singles(void)
{
	static const uint16_t sizes[] = { 1, 4, 8, 5, 7 };

	for (unsigned s = 0; s < (format == VIRTQ_SPLIT ? 3 : 5); s++) {
		struct rig rig;

		rig_make(&rig, sizes[s], 0, true);
		for (unsigned round = 0; round < 60; round++) {
			unsigned count = 1 + round % MOST;
			unsigned fits = count < sizes[s] ? count : sizes[s];
			bool writable = round % 3 == 0;
			struct virtq_single all[MOST];
			for (unsigned i = 0; i < count; i++) {
				struct virtq_segment segment = rig_segment(&rig, i);
				all[i] = (struct virtq_single){ segment.address, segment.length,
								cookie_of(i) };
			}
			CHECK_EQ(virtq_push_singles(&rig.vq, all, count, writable), fits);
			CHECK_EQ(virtq_push_singles(&rig.vq, all, 0, writable), 0);
			CHECK_EQ(rig.vq.in_flight, fits);
			CHECK(ring_device_take(&rig.device) == NULL);
			rig_publish(&rig);
			for (unsigned i = 0; i < fits; i++)
				serve(&rig, i, writable);
			CHECK(ring_device_take(&rig.device) == NULL);
			for (unsigned i = 0; i < fits; i++)
				pop(&rig, cookie_of(i), writable ? rig_segment(&rig, i).length : 0);
			rig_pop_nothing(&rig);
		}
		rig_free(&rig);
	}
}

/* All ways to push within one batch: the device sees none of it before it is published. */
static void mixed(void)
{
	struct rig rig;

	rig_make(&rig, 8, 0, false);
	for (unsigned round = 0; round < 24; round++) {
		struct virtq_segment segment = rig_segment(&rig, 0);
		struct virtq_single single = { segment.address, segment.length, cookie_of(7) };
		unsigned turn = round % 3;

		for (unsigned i = 0; i < 3; i++) {
			if ((turn + i) % 3 == 0)
				CHECK(rig_push(&rig, 1, 0, 6) >= 0);
			else if ((turn + i) % 3 == 1)
				CHECK_EQ(virtq_push_singles(&rig.vq, &single, 1, false), 1);
			else
				CHECK(virtq_push_list(&rig.vq, list_of(&rig, 0, 1)) == NULL);
		}
		CHECK(ring_device_take(&rig.device) == NULL);
		rig_publish(&rig);
		for (unsigned i = 0; i < 3; i++)
			serve(&rig, 0, false);
		for (unsigned i = 0; i < 3; i++)
			pop(&rig,
			    (turn + i) % 3 == 0   ? cookie_of(6)
			    : (turn + i) % 3 == 1 ? cookie_of(7)
						  : &buffers[0],
			    0);
	}
	rig_free(&rig);
}

/* Chains, one by one and with an order of their own, come out together; those before a lie too, and then the fault. */
static void popped_together(void)
{
	for (unsigned lie = 0; lie < 2; lie++) {
		struct rig rig;
		struct virtq_done done[8];
		struct ring_chain *chains[3];

		rig_make(&rig, 8, 0, false);
		for (unsigned round = 0; round < 5; round++) {
			for (unsigned i = 0; i < 3; i++)
				CHECK(rig_push(&rig, 1, i > 0, i) >= 0);
			rig_publish(&rig);
			for (unsigned i = 0; i < 3; i++)
				chains[i] = ring_device_take(&rig.device);
			bool lies = lie && round == 4;
			for (unsigned i = 0; i < (lies ? 2 : 3); i++)
				ring_device_use(&rig.device, chains[2 - i], 0);
			if (lies)
				ring_device_lie_used(&rig.device, 77, 0, 1);
			unsigned most = round == 1 ? 2 : 8, first = round == 1 || lies ? 2 : 3;
			CHECK_EQ(virtq_pop_many(&rig.vq, done, most), first);
			for (unsigned i = 0; i < first; i++)
				CHECK_EQ(number_of(done[i].cookie), 2 - i);
			if (round == 1)
				CHECK_EQ(virtq_pop_many(&rig.vq, done, most), 1);
			CHECK_EQ(virtq_pop_many(&rig.vq, done, most), lies ? ERR_BROKEN : 0);
		}
		rig_free(&rig);
	}
}

static void nothing_for_a_broken_queue(void)
{
	struct rig rig;
	struct virtq_done done;

	rig_make(&rig, 8, 0, false);
	struct virtq_segment segment = rig_segment(&rig, 0);
	struct virtq_single single = { segment.address, segment.length, cookie_of(7) };
	CHECK(rig_push(&rig, 0, 1, 0) >= 0);
	rig_publish(&rig);
	CHECK(ring_device_take(&rig.device) != NULL);
	ring_device_lie_used(&rig.device, 0, 100, 0);
	CHECK_EQ(virtq_pop_many(&rig.vq, &done, 1), ERR_BROKEN);
	CHECK(virtq_push_list(&rig.vq, list_of(&rig, 0, 3)) == &buffers[0]);
	CHECK_EQ(virtq_push_singles(&rig.vq, &single, 1, false), 0);
	CHECK_EQ(rig_push(&rig, 1, 0, 1), ERR_BROKEN);
	CHECK_EQ(rig_push(&rig, 1, 1, 1), ERR_BROKEN);
	CHECK(!rig_publish(&rig));
	CHECK_EQ(rig.vq.in_flight, 1);
	CHECK(virtq_drain(&rig.vq) == cookie_of(0));
	CHECK(virtq_drain(&rig.vq) == NULL);
	rig_free(&rig);
}

/* Broken from outside, as all queues of a device are when one of them is: what lies ready stays there. */
static void nothing_from_a_broken_queue(void)
{
	struct rig rig;
	struct virtq_done done;

	rig_make(&rig, 8, 0, false);
	CHECK(rig_push(&rig, 0, 1, 0) >= 0);
	rig_publish(&rig);
	ring_device_use(&rig.device, ring_device_take(&rig.device), 1);
	rig.vq.broken = true;
	CHECK_EQ(virtq_pop_many(&rig.vq, &done, 1), ERR_BROKEN);
	CHECK_EQ(rig.vq.in_flight, 1);
	rig.vq.broken = false;
	pop(&rig, cookie_of(0), 1);
	rig_free(&rig);
}

int main(void)
{
	static const struct rig_test tests[] = {
		RIG_TEST(lists, ON_BOTH),
		RIG_TEST(written_once, ON_SPLIT),
		RIG_TEST(written_anew, ON_BOTH),
		RIG_TEST(singles, ON_BOTH),
		RIG_TEST(mixed, ON_BOTH),
		RIG_TEST(popped_together, ON_BOTH),
		RIG_TEST(nothing_for_a_broken_queue, ON_BOTH),
		RIG_TEST(nothing_from_a_broken_queue, ON_BOTH),
	};

	return rig_run(tests, sizeof(tests) / sizeof(tests[0]));
}
