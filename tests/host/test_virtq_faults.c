/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtqueues in both formats with a device that lies: the rows of FAULTS that concern the ring itself (1 to
 * 6, 11, 14, 18; 10 and 19 are in test_virtq.c and test_virtq_events.c). After each: an error that says what
 * the device did, nothing more out of the queue, and every buffer that was in flight exactly once from
 * virtq_drain. What reads or writes outside is found by the address sanitizer.
 */
#include "drivers/virtio/virtq.h"

#include "tests/host/ring_rig.h"

#define SIZE 8

/* ---- What must follow a fault --------------------------------------------------------- */

/* The queue finds the fault with the next pop, and is of no use any more. */
static void expect_broken(struct rig *rig, const char *fault, uint32_t value)
{
	void *cookie = NULL;
	uint32_t written;

	CHECK_EQ(virtq_pop(&rig->vq, &cookie, &written), ERR_BROKEN);
	CHECK(cookie == NULL);
	CHECK(rig->vq.broken);
	CHECK_TEXT(rig->vq.fault, fault);
	CHECK_EQ(rig->vq.fault_value, value);
	CHECK_EQ(virtq_pop(&rig->vq, &cookie, &written), ERR_BROKEN);
	CHECK_EQ(rig_push(rig, 1, 0, 0), ERR_BROKEN);
	CHECK(!virtq_publish(&rig->vq));
}

/* What comes out after the reset: the cookies of this set of numbers, a bit each. */
static void expect_drained(struct rig *rig, unsigned long numbers)
{
	void *cookie;
	unsigned long seen = 0;

	while ((cookie = virtq_drain(&rig->vq)) != NULL) {
		unsigned long number = number_of(cookie);
		CHECK(number < 8 * sizeof(seen) && !(seen >> number & 1));
		seen |= 1ul << number;
	}
	CHECK_EQ(seen, numbers);
	CHECK_EQ(rig->vq.in_flight, 0);
	/* It works again afterwards. */
	rig_restart(rig);
	CHECK(!rig->vq.broken);
	for (unsigned i = 0; i < 3 * SIZE; i++)
		rig_round(rig, 1, 1, i);
}

/* Three buffers in flight: 0 of one descriptor to read, 1 of three, 2 of one to write. */
static struct ring_chain *chains[3];

static void three_in_flight(struct rig *rig)
{
	CHECK(rig_push(rig, 1, 0, 0) >= 0);
	CHECK(rig_push(rig, 1, 2, 1) >= 0);
	CHECK(rig_push(rig, 0, 1, 2) >= 0);
	rig_publish(rig);
	for (unsigned i = 0; i < 3; i++)
		chains[i] = ring_device_take(&rig->device);
}

/* The same at many places in the ring, so that it happens across its end and in both rounds. */
static void at_every_place(void (*test)(struct rig *), bool indirect)
{
	for (unsigned place = 0; place < 2 * SIZE + 1; place++) {
		struct rig rig;
		rig_make(&rig, SIZE, indirect ? 4 : 0, place % 2);
		for (unsigned i = 0; i < place; i++)
			rig_round(&rig, 1, 0, i);
		test(&rig);
		rig_free(&rig);
		if (check_failures) {
			printf("# at place %u\n", place);
			return;
		}
	}
}

static void everywhere(void (*test)(struct rig *))
{
	at_every_place(test, false);
	at_every_place(test, true);
}

/* ---- 1: an id that is none -------------------------------------------------------------- */

static void id_beyond(struct rig *rig, uint32_t id)
{
	three_in_flight(rig);
	ring_device_lie_used(&rig->device, id, 0, 1);
	expect_broken(rig, "used id is not below the queue size", id);
	expect_drained(rig, 7);
}

static void id_of_the_size(struct rig *rig)
{
	id_beyond(rig, SIZE);
}

static void id_of_all_ones(struct rig *rig)
{
	/* The id has 16 bits there (2.8.13). */
	id_beyond(rig, format == VIRTQ_SPLIT ? UINT32_MAX : UINT16_MAX);
}

static void row1_id_not_below_the_size(void)
{
	everywhere(id_of_the_size);
	everywhere(id_of_all_ones);
}

/* The upper half of a 32-bit id counts too. */
static void id_with_upper_bits(struct rig *rig)
{
	three_in_flight(rig);
	uint32_t id = chains[0]->id | 0x10000u;
	ring_device_lie_used(&rig->device, id, 0, 1);
	expect_broken(rig, "used id is not below the queue size", id);
	expect_drained(rig, 7);
}

static void row1_upper_bits_of_the_id(void)
{
	everywhere(id_with_upper_bits);
}

/* ---- 2: an id that is not in flight --------------------------------------------------------- */

static void id_that_is_free(struct rig *rig)
{
	three_in_flight(rig);
	uint32_t id = 0;
	while (virtq_busy(&rig->vq, id))
		id++;
	ring_device_lie_used(&rig->device, id, 0, 1);
	expect_broken(rig, "used id is not in flight", id);
	expect_drained(rig, 7);
}

/* Split: every descriptor that is no head of a chain, those within chains among them. */
static void row2_id_not_in_flight(void)
{
	everywhere(id_that_is_free);
}

static void id_within_a_chain(struct rig *rig)
{
	three_in_flight(rig);
	uint32_t id = chains[1]->places[1 + chains[0]->id % 2];
	CHECK(id != chains[0]->id && id != chains[1]->id && id != chains[2]->id);
	ring_device_lie_used(&rig->device, id, 0, 1);
	expect_broken(rig, "used id is not in flight", id);
	expect_drained(rig, 7);
}

static void row2_id_within_a_chain(void)
{
	at_every_place(id_within_a_chain, false);
}

static void nothing_in_flight(struct rig *rig)
{
	ring_device_lie_used(&rig->device, 0, 0, 1);
	if (format == VIRTQ_SPLIT)
		expect_broken(rig, "used index ran ahead of what is in flight", rig->device.used);
	else
		expect_broken(rig, "used id is not in flight", 0);
	expect_drained(rig, 0);
}

static void row2_nothing_in_flight(void)
{
	everywhere(nothing_in_flight);
}

/* ---- 3: the same completion twice -------------------------------------------------------------- */

static void twice_in_a_row(struct rig *rig)
{
	three_in_flight(rig);
	uint32_t id = chains[1]->id;
	uint16_t descriptors = chains[1]->descriptors;
	ring_device_use(&rig->device, chains[1], 0);
	ring_device_lie_used(&rig->device, id, 0, descriptors);
	rig_pop(rig, 1, 0);
	expect_broken(rig, "used id is not in flight", id);
	expect_drained(rig, 5);
}

static void twice_with_a_pop_between(struct rig *rig)
{
	three_in_flight(rig);
	uint32_t id = chains[0]->id;
	ring_device_use(&rig->device, chains[0], 0);
	rig_pop(rig, 0, 0);
	rig_pop_nothing(rig);
	ring_device_lie_used(&rig->device, id, 0, 1);
	expect_broken(rig, "used id is not in flight", id);
	expect_drained(rig, 6);
}

static void row3_the_same_completion_twice(void)
{
	everywhere(twice_in_a_row);
	everywhere(twice_with_a_pop_between);
}

/* ---- 4 and 5: the used index of the split ring ---------------------------------------------------- */

static void index_moves_by(int by)
{
	static const unsigned places[] = { 0, 1, 7, 8, 20, 65533, 65535 };

	for (unsigned n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
		struct rig rig;
		rig_make(&rig, SIZE, 0, false);
		for (unsigned i = 0; i < places[n]; i++)
			rig_round(&rig, 1, 0, i);
		three_in_flight(&rig);
		uint16_t index = (uint16_t)(rig.device.used + by);
		ring_device_lie_index(&rig.device, index);
		expect_broken(&rig, "used index ran ahead of what is in flight", index);
		expect_drained(&rig, 7);
		rig_free(&rig);
		if (check_failures) {
			printf("# at index %u, moved by %d\n", places[n], by);
			return;
		}
	}
}

static void row4_index_jumps(void)
{
	index_moves_by(4); /* one more than there are in flight */
	index_moves_by(SIZE);
	index_moves_by(SIZE + 1);
	index_moves_by(32768);
}

static void row5_index_goes_back(void)
{
	index_moves_by(-1);
	index_moves_by(-SIZE);
	index_moves_by(-32767);
}

/* What was announced the last time may be fetched; then the index has gone back. */
static void row5_index_goes_back_after_a_pop(void)
{
	struct rig rig;
	rig_make(&rig, SIZE, 0, false);
	three_in_flight(&rig);
	ring_device_use(&rig.device, chains[0], 0);
	ring_device_use(&rig.device, chains[1], 0);
	rig_pop(&rig, 0, 0);
	ring_device_lie_index(&rig.device, 0);
	rig_pop(&rig, 1, 0);
	expect_broken(&rig, "used index ran ahead of what is in flight", 0);
	expect_drained(&rig, 4);
	rig_free(&rig);
}

/* The most that the size allows: the difference must not be mistaken for a small one. */
static void row4_in_the_largest_ring(void)
{
	struct rig rig;
	rig_make(&rig, 32768, 0, false);
	for (unsigned i = 0; i < 32767; i++)
		rig_push(&rig, 1, 0, 0);
	rig_publish(&rig);
	ring_device_lie_index(&rig.device, 32768);
	expect_broken(&rig, "used index ran ahead of what is in flight", 32768);
	rig_free(&rig);
}

/* ---- 6: more written than there is room ------------------------------------------------------------- */

static unsigned which;
static uint32_t too_much;

static void too_long(struct rig *rig)
{
	three_in_flight(rig);
	uint64_t writable = chains[which]->writable;
	uint32_t length = too_much ? too_much : (uint32_t)writable + 1;
	ring_device_use(&rig->device, chains[which], length);
	expect_broken(rig, "more bytes written than the buffer has", length);
	expect_drained(rig, 7);
}

static void row6_more_written_than_writable(void)
{
	for (which = 0; which < 3; which++) {
		too_much = 0;
		everywhere(too_long);
		too_much = UINT32_MAX;
		everywhere(too_long);
		too_much = 0x80000000;
		everywhere(too_long);
	}
}

/* Packed: without WRITE the length is reserved (2.8.4). One that cannot be one counts as nothing written; one
 * that can is taken, because devices leave WRITE out. */
static void row6_length_without_write(void)
{
	for (unsigned place = 0; place < 2 * SIZE; place++) {
		struct rig rig;
		rig_make(&rig, SIZE, 0, false);
		for (unsigned i = 0; i < place; i++)
			rig_round(&rig, 1, 0, i);
		three_in_flight(&rig);
		for (unsigned i = 0; i < 3; i++) {
			uint32_t writable = (uint32_t)chains[i]->writable;
			uint16_t at = rig.device.used;
			uint16_t flags = rig.device.used_wrap ? 0x8080 : 0;
			bool too_long_by_one = (place + i) % 2;
			ring_device_use(&rig.device, chains[i], writable + too_long_by_one);
			ring_device_lie_flags(&rig.device, at, flags);
			rig_pop(&rig, i, too_long_by_one ? 0 : writable);
		}
		rig_free(&rig);
	}
}

/* Where a device counts what it has read too (counts_read), any length comes through as it is; QEMU's, without WRITE
 * in a packed ring. */
static void row6_length_that_counts_what_was_read(void)
{
	struct rig rig;
	rig_make(&rig, SIZE, 0, false);
	rig.setup.counts_read = true;
	rig_restart(&rig);
	for (unsigned place = 0; place < 2 * SIZE; place++) {
		three_in_flight(&rig);
		for (unsigned i = 0; i < 3; i++) {
			uint32_t length = (uint32_t)chains[i]->writable + 4096 * i;
			uint16_t at = rig.device.used;
			uint16_t flags = rig.device.used_wrap ? 0x8080 : 0;
			ring_device_use(&rig.device, chains[i], length);
			if (format == VIRTQ_PACKED)
				ring_device_lie_flags(&rig.device, at, flags);
			rig_pop(&rig, i, length);
		}
	}
	rig_free(&rig);
}

/* And all that there is, is not too much. */
static void row6_as_much_as_writable(void)
{
	struct rig rig;
	rig_make(&rig, SIZE, 0, false);
	three_in_flight(&rig);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t length = (uint32_t)chains[i]->writable;
		ring_device_use(&rig.device, chains[i], length);
		rig_pop(&rig, i, length);
	}
	rig_free(&rig);
}

/* ---- 11: what the driver wrote is scribbled over ------------------------------------------------------- */

static void scribbled(struct rig *rig)
{
	static const uint8_t bytes[] = { 0xff, 0x00, 0xa5, 0x01 };
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		three_in_flight(rig);
		ring_device_scribble(&rig->device, bytes[i]);
		for (unsigned at = 3; at-- > 0;) {
			ring_device_use(&rig->device, chains[at], 0);
			rig_pop(rig, at, 0);
		}
		ring_device_scribble(&rig->device, bytes[i]);
		for (unsigned at = 0; at < 2 * SIZE; at++)
			rig_round(rig, 1, 1, at);
		CHECK_EQ(rig->vq.free_count, SIZE);
	}
	/* And in the middle of it all, a reset. */
	three_in_flight(rig);
	ring_device_scribble(&rig->device, 0xff);
	expect_drained(rig, 7);
}

static void row11_descriptors_scribbled_over(void)
{
	everywhere(scribbled);
}

/* Indirect tables are not read back either. */
static void row11_indirect_tables_scribbled_over(void)
{
	struct rig rig;
	rig_make(&rig, SIZE, 4, false);
	for (unsigned turn = 0; turn < 3 * SIZE; turn++) {
		three_in_flight(&rig);
		memset(rig.setup.indirect, (int)turn * 37,
		       virtq_indirect_bytes(SIZE, rig.setup.indirect_entries));
		for (unsigned i = 0; i < 3; i++) {
			ring_device_use(&rig.device, chains[i], 0);
			rig_pop(&rig, i, 0);
		}
	}
	rig_free(&rig);
}

/* ---- 14: completions after the reset --------------------------------------------------------------------- */

/* Between the fault and the new start nothing comes out; of the old start's completions nothing is left. */
static void row14_completed_after_the_reset(void)
{
	for (unsigned place = 0; place < 2 * SIZE; place++) {
		struct rig rig;
		rig_make(&rig, SIZE, 0, false);
		for (unsigned i = 0; i < place; i++)
			rig_round(&rig, 1, 0, i);
		three_in_flight(&rig);
		ring_device_lie_used(&rig.device, SIZE, 0, 1);
		expect_broken(&rig, "used id is not below the queue size", SIZE);
		ring_device_use(&rig.device, chains[0], 0); /* too late */
		void *cookie;
		uint32_t written;
		CHECK_EQ(virtq_pop(&rig.vq, &cookie, &written), ERR_BROKEN);
		expect_drained(&rig, 7);
		rig_free(&rig);
	}
}

/* A device that writes into the ring of the new start what belongs to the old one. */
static void row14_old_completions_in_the_new_ring(void)
{
	struct rig rig;
	rig_make(&rig, SIZE, 0, false);
	three_in_flight(&rig);
	uint32_t old = chains[2]->id;
	while (virtq_drain(&rig.vq))
		;
	rig_restart(&rig);
	int id = rig_push(&rig, 0, 1, 6);
	rig_publish(&rig);
	CHECK((uint32_t)id != old);
	ring_device_lie_used(&rig.device, old, 0, 1);
	expect_broken(&rig, "used id is not in flight", old);
	expect_drained(&rig, 1 << 6);
	rig_free(&rig);
}

/* The core stops a queue while something is pushed and not published: it never is. */
static void stopped_between_push_and_publish(struct rig *rig)
{
	three_in_flight(rig);
	rig_push(rig, 1, 1, 3);
	rig->vq.broken = true;
	CHECK(!rig_publish(rig));
	CHECK_EQ(ring_device_available(&rig->device), 0);
	expect_drained(rig, 15);
}

static void row14_stopped_between_push_and_publish(void)
{
	everywhere(stopped_between_push_and_publish);
}

/* ---- 18: packed flags that are torn ------------------------------------------------------------------------ */

/* Of the four states of AVAIL and USED, one means "used" in each round. */
static void row18_flags_torn(void)
{
	enum { AVAIL = 1 << 7, USED = 1 << 15 };
	static const uint16_t states[] = { 0, AVAIL, USED, AVAIL | USED };

	for (unsigned place = 0; place < 4 * SIZE; place++) {
		for (unsigned state = 0; state < 4; state++) {
			struct rig rig;
			rig_make(&rig, SIZE, 0, false);
			for (unsigned i = 0; i < place; i++)
				rig_round(&rig, 1, 0, i);
			three_in_flight(&rig);
			bool wrap = rig.device.used_wrap;
			/* All other bits set: they mean nothing in a used descriptor. */
			ring_device_lie_flags(&rig.device, rig.device.used,
					      states[state] | (uint16_t) ~(AVAIL | USED));
			if (states[state] == (wrap ? AVAIL | USED : 0)) {
				/* Used. Id and length are what stands there: the first buffer's, one
				 * byte, which nobody may write. */
				expect_broken(&rig, "more bytes written than the buffer has", 1);
				expect_drained(&rig, 7);
			} else {
				rig_pop_nothing(&rig);
				CHECK(!virtq_enable_interrupts(&rig.vq));
				ring_device_use(&rig.device, chains[0], 0);
				rig_pop(&rig, 0, 0);
				expect_drained(&rig, 6);
			}
			rig_free(&rig);
		}
	}
}

/* Flags that say "used" anywhere but where the next used descriptor is. */
static void row18_flags_elsewhere(void)
{
	struct rig rig;
	rig_make(&rig, SIZE, 0, false);
	three_in_flight(&rig);
	for (uint16_t place = 1; place < SIZE; place++)
		ring_device_lie_flags(&rig.device, place, 0x8080);
	rig_pop_nothing(&rig);
	ring_device_use(&rig.device, chains[2], 0);
	rig_pop(&rig, 2, 0);
	/* Now the lie is next in turn: its id and length are what the driver had put there, those of
	 * the chain's first descriptor. */
	rig_pop(&rig, 1, 1);
	expect_drained(&rig, 1);
	rig_free(&rig);
}

/* The wrong wrap counter: not used, whatever it says, and found once it is right. */
static void row18_wrong_wrap_counter(void)
{
	for (unsigned place = 0; place < 3 * SIZE; place++) {
		struct rig rig;
		rig_make(&rig, SIZE, 0, false);
		for (unsigned i = 0; i < place; i++)
			rig_round(&rig, 1, 0, i);
		three_in_flight(&rig);
		struct ring_device before = rig.device;
		rig.device.used_wrap = !rig.device.used_wrap;
		ring_device_lie_used(&rig.device, chains[0]->id, 0, 1);
		rig_pop_nothing(&rig);
		rig.device.used = before.used;
		rig.device.used_wrap = before.used_wrap;
		ring_device_use(&rig.device, chains[0], 0);
		rig_pop(&rig, 0, 0);
		expect_drained(&rig, 6);
		rig_free(&rig);
	}
}

int main(void)
{
	static const struct rig_test tests[] = {
		RIG_TEST(row1_id_not_below_the_size, ON_BOTH),
		RIG_TEST(row1_upper_bits_of_the_id, ON_SPLIT),
		RIG_TEST(row2_id_not_in_flight, ON_BOTH),
		RIG_TEST(row2_id_within_a_chain, ON_SPLIT),
		RIG_TEST(row2_nothing_in_flight, ON_BOTH),
		RIG_TEST(row3_the_same_completion_twice, ON_BOTH),
		RIG_TEST(row4_index_jumps, ON_SPLIT),
		RIG_TEST(row4_in_the_largest_ring, ON_SPLIT),
		RIG_TEST(row5_index_goes_back, ON_SPLIT),
		RIG_TEST(row5_index_goes_back_after_a_pop, ON_SPLIT),
		RIG_TEST(row6_more_written_than_writable, ON_BOTH),
		RIG_TEST(row6_length_without_write, ON_PACKED),
		RIG_TEST(row6_length_that_counts_what_was_read, ON_BOTH),
		RIG_TEST(row6_as_much_as_writable, ON_BOTH),
		RIG_TEST(row11_descriptors_scribbled_over, ON_BOTH),
		RIG_TEST(row11_indirect_tables_scribbled_over, ON_BOTH),
		RIG_TEST(row14_completed_after_the_reset, ON_BOTH),
		RIG_TEST(row14_old_completions_in_the_new_ring, ON_BOTH),
		RIG_TEST(row14_stopped_between_push_and_publish, ON_BOTH),
		RIG_TEST(row18_flags_torn, ON_PACKED),
		RIG_TEST(row18_flags_elsewhere, ON_PACKED),
		RIG_TEST(row18_wrong_wrap_counter, ON_PACKED),
	};
	return rig_run(tests, sizeof(tests) / sizeof(tests[0]));
}
