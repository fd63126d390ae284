/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a virtqueue notifies and when it is interrupted, in both formats: VIRTIO 1.4 sections 2.7.7, 2.7.10,
 * 2.8.10, 2.9. What is expected is counted place by place, never by the comparisons that the driver uses.
 */
#include "drivers/virtio/virtq.h"

#include "tests/host/ring_rig.h"

static const uint16_t *sizes(void)
{
	static const uint16_t split[] = { 1, 2, 4, 8, 0 };
	static const uint16_t packed[] = { 1, 2, 3, 5, 7, 0 };

	return format == VIRTQ_SPLIT ? split : packed;
}

/* ---- Does the driver notify? -------------------------------------------------------- */

static bool push_and_publish(struct rig *rig, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		CHECK(rig_push(rig, 1, 0, i) >= 0);
	return rig_publish(rig);
}

static void take_and_give_back(struct rig *rig, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct ring_chain *chain = ring_device_take(&rig->device);
		CHECK(chain != NULL);
		if (!chain)
			return;
		ring_device_use(&rig->device, chain, 0);
		rig_pop(rig, i, 0);
	}
}

static void notification_flags(void)
{
	struct rig rig;
	rig_make(&rig, 4, 0, false);
	for (unsigned i = 0; i < 20; i++) {
		if (i % 3)
			ring_device_suppress(&rig.device);
		else
			ring_device_ask(&rig.device);
		CHECK_EQ(push_and_publish(&rig, 1 + i % 4), i % 3 == 0);
		take_and_give_back(&rig, 1 + i % 4);
	}
	if (format == VIRTQ_SPLIT) {
		/* Only bit 0 means something. */
		ring_device_lie_event(&rig.device, 0xfffe);
		CHECK(push_and_publish(&rig, 1));
		ring_device_lie_event(&rig.device, 0xffff);
		CHECK(!push_and_publish(&rig, 1));
	}
	rig_free(&rig);
}

/* FAULTS 19: event flags that mean nothing, or not without EVENT_IDX, are taken as "enabled". */
static void row19_reserved_event_flags(void)
{
	for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
		struct rig rig;
		rig_make(&rig, 4, 0, event_idx);
		ring_device_lie_event(&rig.device, UINT32_C(3) << 16);
		CHECK(push_and_publish(&rig, 1));
		ring_device_lie_event(&rig.device, UINT32_C(0xfffc) << 16); /* flags 0 */
		CHECK(push_and_publish(&rig, 1));
		ring_device_lie_event(&rig.device, UINT32_C(0xfffd) << 16); /* flags 1 */
		CHECK(!push_and_publish(&rig, 1));
		/* A place that is not in the ring: not one of those published. */
		ring_device_lie_event(&rig.device, 0x7fff | UINT32_C(2) << 16);
		CHECK_EQ(push_and_publish(&rig, 1), !event_idx);
		rig_free(&rig);
	}
}

/* With EVENT_IDX the flags word of the used ring means nothing (2.7.10.1-5). */
static void notification_flags_are_ignored_with_event_idx(void)
{
	struct rig rig;
	rig_make(&rig, 4, 0, true);
	rig.device.device[0] = 1;
	CHECK(push_and_publish(&rig, 1));
	rig_free(&rig);
}

/* Split: every avail_event around a batch of every length, at every place, across 65535 too. */
static void avail_event(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, true);
		for (unsigned start = 0; start < 65528; start++)
			rig_round(&rig, 1, 0, 0);
		for (unsigned turn = 0; turn < 40; turn++) {
			unsigned count = 1 + turn % *size;
			for (int offset = -3; offset < (int)count + 3; offset++) {
				uint16_t event = (uint16_t)(rig.device.avail + offset);
				ring_device_ask_at(&rig.device, event, false);
				CHECK_EQ(push_and_publish(&rig, count),
					 offset >= 0 && offset < (int)count);
				take_and_give_back(&rig, count);
			}
			/* As far away as it gets. */
			ring_device_ask_at(&rig.device, (uint16_t)(rig.device.avail + 0x8000),
					   false);
			CHECK(!push_and_publish(&rig, count));
			take_and_give_back(&rig, count);
		}
		rig_free(&rig);
	}
}

/* Packed: every offset with either wrap counter, against a batch of every length at every place. */
static void event_offset_and_wrap(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, true);
		for (unsigned turn = 0; turn < 4u * *size; turn++) {
			for (unsigned count = 1; count <= *size; count++) {
				for (unsigned event = 0; event < 2u * *size; event++) {
					uint16_t place = rig.device.avail;
					bool wrap = rig.device.avail_wrap, expected = false;
					ring_device_ask_at(&rig.device, event / 2, event % 2);
					for (unsigned i = 0; i < count; i++) {
						expected |= place == event / 2 &&
							    wrap == (event % 2 != 0);
						if (++place == *size) {
							place = 0;
							wrap = !wrap;
						}
					}
					CHECK_EQ(push_and_publish(&rig, count), expected);
					take_and_give_back(&rig, count);
				}
			}
			rig_round(&rig, 1, 0, 0);
		}
		rig_free(&rig);
	}
}

/* A place within a chain is passed as well: the device may ask for any descriptor. */
static void event_within_a_chain(void)
{
	struct rig rig;
	rig_make(&rig, 7, 0, true);
	for (unsigned turn = 0; turn < 14; turn++) {
		for (unsigned offset = 0; offset < 5; offset++) {
			unsigned place = rig.device.avail + offset;
			bool wrap = rig.device.avail_wrap ^ (place >= 7);
			ring_device_ask_at(&rig.device, (uint16_t)(place % 7), wrap);
			rig_push(&rig, 2, 2, 9);
			CHECK_EQ(rig_publish(&rig), offset < 4);
			ring_device_use(&rig.device, ring_device_take(&rig.device), 0);
			rig_pop(&rig, 9, 0);
		}
		rig_round(&rig, 1, 0, 0);
	}
	rig_free(&rig);
}

/* The largest ring, where offsets need all of their 15 bits. */
static void event_in_the_largest_ring(void)
{
	struct rig rig;
	rig_make(&rig, 32768, 0, true);
	for (unsigned i = 0; i < 32767; i++)
		rig_round(&rig, 1, 0, 0);
	ring_device_ask_at(&rig.device, 32767, true);
	CHECK(push_and_publish(&rig, 2));
	take_and_give_back(&rig, 2);
	/* All of it at once: now every place is passed, in this round or the next. */
	ring_device_ask_at(&rig.device, 1, false);
	CHECK(push_and_publish(&rig, 32768));
	take_and_give_back(&rig, 32768);
	ring_device_ask_at(&rig.device, 0, true);
	CHECK(!push_and_publish(&rig, 1)); /* that was in the last round */
	rig_free(&rig);
}

/* ---- What the notification says (2.9) ---------------------------------------------------- */

static void notification_data(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		rig_make(&rig, *size, 0, false);
		uint16_t expected = 0;
		bool wrap = true;
		for (unsigned turn = 0; turn < 70000; turn += *size < 4 ? 7 : 1) {
			unsigned count = 1 + turn % *size;
			for (unsigned i = 0; i < count; i++) {
				rig_push(&rig, 1, 0, i);
				expected++;
				if (format == VIRTQ_PACKED && expected == *size) {
					expected = 0;
					wrap = !wrap;
				}
			}
			virtq_publish(&rig.vq);
			uint32_t data = virtq_position(&rig.vq);
			if (format == VIRTQ_SPLIT)
				CHECK_EQ(data, expected);
			else
				CHECK_EQ(data, expected | (uint32_t)wrap << 15);
			take_and_give_back(&rig, count);
			if (check_failures)
				break;
		}
		rig_free(&rig);
	}
}

/* ---- Is the driver interrupted? ------------------------------------------------------------ */

/* The device uses `count` of what it has; whether it would interrupt. */
static bool use(struct rig *rig, unsigned count)
{
	ring_device_wants_interrupt(&rig->device); /* what was used before is forgotten */
	for (unsigned i = 0; i < count; i++)
		ring_device_use(&rig->device, ring_device_take(&rig->device), 0);
	return ring_device_wants_interrupt(&rig->device);
}

static void pop_all(struct rig *rig)
{
	void *cookie;
	uint32_t written;
	int got;

	while ((got = virtq_pop(&rig->vq, &cookie, &written)) > 0)
		;
	CHECK_EQ(got, 0);
}

static void interrupts(void)
{
	for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
		for (const uint16_t *size = sizes(); *size; size++) {
			struct rig rig;
			rig_make(&rig, *size, 0, event_idx);
			/* A new queue has them on. */
			push_and_publish(&rig, 1);
			CHECK(use(&rig, 1));
			pop_all(&rig);
			for (unsigned turn = 0; turn < 5u * *size; turn++) {
				unsigned count = 1 + turn % *size;
				virtq_disable_interrupts(&rig.vq);
				push_and_publish(&rig, count);
				CHECK(!use(&rig, count));
				/* What has come in meanwhile is not announced: the driver is told. */
				CHECK(virtq_enable_interrupts(&rig.vq));
				virtq_disable_interrupts(&rig.vq);
				pop_all(&rig);
				CHECK(!virtq_enable_interrupts(&rig.vq));
				push_and_publish(&rig, count);
				CHECK(use(&rig, count));
				pop_all(&rig);
				/* Enabled twice is as good as once. */
				CHECK(!virtq_enable_interrupts(&rig.vq));
				CHECK(!virtq_enable_interrupts(&rig.vq));
				rig_round(&rig, 1, 0, 0);
			}
			rig_free(&rig);
		}
	}
}

/* With EVENT_IDX: one interrupt with the first buffer after the driver has looked, and no more. */
static void one_interrupt_for_many(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		struct rig rig;
		if (*size < 2)
			continue;
		rig_make(&rig, *size, 0, true);
		for (unsigned turn = 0; turn < 5u * *size; turn++) {
			CHECK(!virtq_enable_interrupts(&rig.vq));
			push_and_publish(&rig, *size);
			CHECK(use(&rig, 1));
			for (unsigned i = 1; i < *size; i++)
				CHECK(!use(&rig, 1));
			pop_all(&rig);
			CHECK(!virtq_enable_interrupts(&rig.vq));
			push_and_publish(&rig, 1);
			CHECK(use(&rig, 1));
			pop_all(&rig);
		}
		rig_free(&rig);
	}
}

/* Some are popped, some not: the rest must be seen when interrupts are asked for. */
static void enabled_with_some_left(void)
{
	struct rig rig;
	rig_make(&rig, 4, 0, true);
	for (unsigned turn = 0; turn < 10; turn++) {
		void *cookie;
		uint32_t written;
		push_and_publish(&rig, 4);
		use(&rig, 4);
		for (unsigned i = 0; i < 4; i++) {
			CHECK(virtq_enable_interrupts(&rig.vq));
			CHECK_EQ(virtq_pop(&rig.vq, &cookie, &written), 1);
		}
		CHECK(!virtq_enable_interrupts(&rig.vq));
		rig_round(&rig, 1, 0, 0);
	}
	rig_free(&rig);
}

/* Interrupts are asked for while the device has buffers: the next one that it uses is the one. */
static void enabled_with_some_in_flight(void)
{
	for (const uint16_t *size = sizes(); *size; size++) {
		for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
			struct rig rig;
			rig_make(&rig, *size, 0, event_idx);
			for (unsigned turn = 0; turn < 3u * *size; turn++) {
				unsigned count = 1 + turn % *size;
				push_and_publish(&rig, count);
				for (unsigned i = 0; i < count; i++) {
					virtq_disable_interrupts(&rig.vq);
					CHECK(!virtq_enable_interrupts(&rig.vq));
					CHECK(use(&rig, 1));
					rig_pop(&rig, i, 0);
				}
				rig_round(&rig, 1, 0, 0);
			}
			rig_free(&rig);
		}
	}
}

/* Off stays off over the 16-bit index's whole way but its last step: a batch at each place. */
static void disabled_across_the_wrap(void)
{
	for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
		struct rig rig;
		rig_make(&rig, 4, 0, event_idx);
		unsigned interrupts_seen = 0;
		for (unsigned turn = 0; turn < 70000; turn += 4) {
			virtq_disable_interrupts(&rig.vq);
			push_and_publish(&rig, 4);
			interrupts_seen += use(&rig, 4);
			pop_all(&rig);
		}
		CHECK_EQ(interrupts_seen, 0);
		rig_free(&rig);
	}
}

/* With chains, packed: the next used descriptor is as far away as the chain is long. */
static void interrupts_with_chains(void)
{
	struct rig rig;
	rig_make(&rig, 8, 0, true);
	for (unsigned turn = 0; turn < 64; turn++) {
		unsigned length = 1 + turn % 8;
		CHECK(!virtq_enable_interrupts(&rig.vq));
		rig_push(&rig, length, 0, 5);
		rig_publish(&rig);
		CHECK(use(&rig, 1));
		rig_pop(&rig, 5, 0);
	}
	rig_free(&rig);
}

int main(void)
{
	static const struct rig_test tests[] = {
		RIG_TEST(notification_flags, ON_BOTH),
		RIG_TEST(row19_reserved_event_flags, ON_PACKED),
		RIG_TEST(notification_flags_are_ignored_with_event_idx, ON_SPLIT),
		RIG_TEST(avail_event, ON_SPLIT),
		RIG_TEST(event_offset_and_wrap, ON_PACKED),
		RIG_TEST(event_within_a_chain, ON_PACKED),
		RIG_TEST(event_in_the_largest_ring, ON_PACKED),
		RIG_TEST(notification_data, ON_BOTH),
		RIG_TEST(interrupts, ON_BOTH),
		RIG_TEST(one_interrupt_for_many, ON_BOTH),
		RIG_TEST(enabled_with_some_left, ON_BOTH),
		RIG_TEST(enabled_with_some_in_flight, ON_BOTH),
		RIG_TEST(disabled_across_the_wrap, ON_BOTH),
		RIG_TEST(interrupts_with_chains, ON_BOTH),
	};
	return rig_run(tests, sizeof(tests) / sizeof(tests[0]));
}
