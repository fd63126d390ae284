/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VIRTIO_F_IN_ORDER on both formats (VIRTIO 1.4, 2.7.9, 2.8.8): used one by one and in batches of every
 * length, ids and descriptors that ascend, and what a device that lies about it gets.
 */
#include <string.h>

#include "drivers/virtio/virtq.h"

#include "tests/host/ring_rig.h"

/* ---- A device that keeps the rules --------------------------------------------------- */

/* `count` buffers of `readable` and `writable` segments, published and taken. */
static void give(struct rig *rig, struct ring_chain **chains, unsigned count, unsigned readable,
		 unsigned writable, unsigned long number)
{
	for (unsigned i = 0; i < count; i++)
		CHECK(rig_push(rig, readable, writable, number + i) >= 0);
	rig_publish(rig);
	for (unsigned i = 0; i < count; i++) {
		chains[i] = ring_device_take(&rig->device);
		rig_check_chain(rig, chains[i], readable, writable);
	}
}

static void one_by_one(void)
{
	struct rig rig;
	struct ring_chain *chains[4];

	rig_make_in_order(&rig, 4, 0);
	for (unsigned long round = 0; round < 20; round++) {
		give(&rig, chains, 3, 0, 1, round);
		for (unsigned i = 0; i < 3; i++) {
			ring_device_use(&rig.device, chains[i], 1);
			rig_pop(&rig, round + i, 1);
			rig_pop_nothing(&rig);
		}
	}
	rig_free(&rig);
}

/* Every length of batch on a queue of 8, round and round, so that each begins at each place. All but the
 * last count as written completely. */
static void batches(void)
{
	for (unsigned writable = 1; writable <= 2; writable++) {
		struct rig rig;
		struct ring_chain *chains[8];
		unsigned long number = 0;
		uint32_t all;

		rig_make_in_order(&rig, 8, 0);
		all = rig_writable(&rig, 1, writable);
		for (unsigned round = 0; round < 40; round++) {
			unsigned count = 1 + round % (8 / (1 + writable));
			give(&rig, chains, count, 1, writable, number);
			ring_device_use_batch(&rig.device, chains, count, 1);
			for (unsigned i = 0; i < count; i++)
				rig_pop(&rig, number + i, i + 1 < count ? all : 1);
			rig_pop_nothing(&rig);
			number += count;
		}
		rig_free(&rig);
	}
}

static void batches_of_indirect_buffers(void)
{
	struct rig rig;
	struct ring_chain *chains[8];
	unsigned long number = 0;

	rig_make_in_order(&rig, 8, 4);
	for (unsigned round = 0; round < 40; round++) {
		unsigned count = 1 + round % 8;
		give(&rig, chains, count, 2, 2, number);
		CHECK(chains[0]->indirect);
		ring_device_use_batch(&rig.device, chains, count, 3);
		for (unsigned i = 0; i < count; i++)
			rig_pop(&rig, number + i, i + 1 < count ? rig_writable(&rig, 2, 2) : 3);
		number += count;
	}
	rig_free(&rig);
}

/* 2.7.9: descriptors are taken from the table one behind another, and 0 follows the last. */
static void ids_ascend(void)
{
	struct rig rig;
	unsigned expected = 0;

	rig_make_in_order(&rig, 8, 0);
	for (unsigned round = 0; round < 30; round++) {
		unsigned segments = 1 + round % 3;
		int id = rig_push(&rig, 0, segments, round);
		CHECK_EQ(id, expected % 8);
		expected += format == VIRTQ_SPLIT ? segments : 1;
		rig_publish(&rig);
		ring_device_use(&rig.device, ring_device_take(&rig.device), 0);
		rig_pop(&rig, round, 0);
	}
	rig_free(&rig);
}

/* What is left of a batch is used already, and no interrupt will tell of it. */
static void interrupts_within_a_batch(void)
{
	struct rig rig;
	struct ring_chain *chains[3];

	rig_make_in_order(&rig, 4, 0);
	give(&rig, chains, 3, 0, 1, 0);
	ring_device_use_batch(&rig.device, chains, 3, 1);
	rig_pop(&rig, 0, rig_writable(&rig, 0, 1));
	CHECK(virtq_enable_interrupts(&rig.vq));
	rig_pop(&rig, 1, rig_writable(&rig, 0, 1));
	CHECK(virtq_enable_interrupts(&rig.vq));
	rig_pop(&rig, 2, 1);
	CHECK(!virtq_enable_interrupts(&rig.vq));
	rig_free(&rig);
}

/* A reset in the middle of a batch: the rest comes back by drain, once. */
static void reset_within_a_batch(void)
{
	struct rig rig;
	struct ring_chain *chains[4];
	bool seen[4] = { false };
	void *cookie;

	rig_make_in_order(&rig, 4, 0);
	give(&rig, chains, 4, 0, 1, 0);
	ring_device_use_batch(&rig.device, chains, 4, 1);
	rig_pop(&rig, 0, rig_writable(&rig, 0, 1));
	while ((cookie = virtq_drain(&rig.vq)) != NULL) {
		CHECK(number_of(cookie) < 4 && !seen[number_of(cookie)]);
		seen[number_of(cookie)] = true;
	}
	CHECK(!seen[0] && seen[1] && seen[2] && seen[3]);
	rig_restart(&rig);
	rig_round(&rig, 1, 1, 9);
	rig_free(&rig);
}

/* ---- A device that does not --------------------------------------------------------------- */

static void expect_broken(struct rig *rig, const char *fault)
{
	void *cookie;
	uint32_t written;

	CHECK_EQ(virtq_pop(&rig->vq, &cookie, &written), ERR_BROKEN);
	CHECK(rig->vq.broken);
	CHECK(rig->vq.fault && strcmp(rig->vq.fault, fault) == 0);
	CHECK_EQ(virtq_pop(&rig->vq, &cookie, &written), ERR_BROKEN);
}

/* Row 2: an id of the future, of the past, or of nothing. */
static void row2_wrong_id(void)
{
	static const uint32_t ids[] = { 3, 7, 8, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct rig rig;
		struct ring_chain *chains[2];
		if (format == VIRTQ_PACKED && ids[i] > UINT16_MAX)
			continue; /* its id has 16 bits */
		rig_make_in_order(&rig, 8, 0);
		give(&rig, chains, 2, 0, 1, 0);
		ring_device_lie_used(&rig.device, ids[i], 1, 1);
		expect_broken(&rig, ids[i] < 8 ? "used id is not in flight"
					       : "used id is not below the queue size");
		rig_free(&rig);
	}
}

/* Row 4: the element names a buffer that the index has not counted yet. */
static void row4_batch_beyond_the_index(void)
{
	struct rig rig;
	struct ring_chain *chains[3];

	rig_make_in_order(&rig, 4, 0);
	give(&rig, chains, 3, 0, 1, 0);
	ring_device_lie_used(&rig.device, chains[2]->id, 1, 1); /* the index says 1 */
	rig_pop(&rig, 0, rig_writable(&rig, 0, 1));
	expect_broken(&rig, "a batch reaches further than what was used");
	rig_free(&rig);
}

/* Row 6, of the one buffer whose length is told. */
static void row6_too_much_written(void)
{
	struct rig rig;
	struct ring_chain *chains[2];

	rig_make_in_order(&rig, 4, 0);
	give(&rig, chains, 2, 0, 1, 0);
	ring_device_use_batch(&rig.device, chains, 2, rig_writable(&rig, 0, 1) + 1);
	expect_broken(&rig, "more bytes written than the buffer has");
	rig_free(&rig);
}

/* Row 3: the same completion twice. */
static void row3_twice(void)
{
	struct rig rig;
	struct ring_chain *chains[2];

	rig_make_in_order(&rig, 4, 0);
	give(&rig, chains, 2, 0, 1, 0);
	ring_device_use(&rig.device, chains[0], 1);
	ring_device_lie_used(&rig.device, 0, 1, 1);
	rig_pop(&rig, 0, 1);
	expect_broken(&rig, "used id is not in flight");
	rig_free(&rig);
}

int main(void)
{
	static const struct rig_test tests[] = {
		RIG_TEST(one_by_one, ON_BOTH),
		RIG_TEST(batches, ON_BOTH),
		RIG_TEST(batches_of_indirect_buffers, ON_BOTH),
		RIG_TEST(ids_ascend, ON_BOTH),
		RIG_TEST(interrupts_within_a_batch, ON_BOTH),
		RIG_TEST(reset_within_a_batch, ON_BOTH),
		RIG_TEST(row2_wrong_id, ON_BOTH),
		RIG_TEST(row4_batch_beyond_the_index, ON_SPLIT),
		RIG_TEST(row6_too_much_written, ON_BOTH),
		RIG_TEST(row3_twice, ON_BOTH),
	};

	return rig_run(tests, sizeof(tests) / sizeof(tests[0]));
}
