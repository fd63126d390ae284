/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Litmus tests of the four barrier sites (lib/barrier.h) under Relacy, which tries every interleaving and, for each
 * relaxed load, every older value that C++'s memory model allows: all executions that there are. One thread is the driver: virtq.c with split.c
 * or packed.c, compiled as C++ with the headers in proofs/relacy/lib. The other is as much of a device as the test
 * needs, with a device's own barriers in place.
 *
 *   litmus     every site, format and way of suppression: nothing may go wrong; then each with its
 *              barrier weakened, which must go wrong
 *
 * before_publish and after_completion are weakened to nothing, and what is behind them must then be seen stale;
 * the two full barriers to acquire and release, and then both sides must be able to fall asleep.
 *
 * See it at work: make prove
 */
#include <relacy/relacy.hpp>
#undef new

#include "drivers/virtio/virtq_format.h"
#include "lib/barrier.h"

enum { SIZE = 4, RING_BYTES = 160, TRIES = 3, FIRST_LENGTH = 32, SECOND_LENGTH = 48, WRITTEN = 7 };

static struct {
	enum litmus_site site, weakened;
	enum virtq_format format;
	bool event_idx;
} test;

/* ---- Memory that both share ---------------------------------------------------------- */

/* The driver's structures lie here, but what counts is in `cells`: one for each place where a field
 * begins, for a field is always accessed as a whole. */
alignas(16) static uint8_t ring[RING_BYTES];
struct cells {
	rl::atomic<uint64_t> at[RING_BYTES];
};
static struct cells *memory;

uint64_t litmus_load(const void *place)
{
	return memory->at[(const uint8_t *)place - ring].load(rl::mo_relaxed, $);
}

void litmus_store(void *place, uint64_t value)
{
	memory->at[(const uint8_t *)place - ring].store(value, rl::mo_relaxed, $);
}

static uint64_t load(unsigned offset)
{
	return litmus_load(&ring[offset]);
}

static void store(unsigned offset, uint64_t value)
{
	litmus_store(&ring[offset], value);
}

static void fence(rl::memory_order order)
{
	rl::atomic_thread_fence(order, $);
}

void litmus_fence(enum litmus_site site)
{
	bool full = site == BEFORE_SUPPRESSION || site == AFTER_ENABLE;

	if (site != test.weakened)
		fence(full                     ? rl::mo_seq_cst
		      : site == BEFORE_PUBLISH ? rl::mo_release
					       : rl::mo_acquire);
	else if (full)
		fence(rl::mo_acq_rel);
}

void vport_panic(const char *, const char *, int)
{
	RL_ASSERT(!"a caller's bug");
	abort();
}

/* ---- The device's view: 2.7 for a queue of SIZE, and 2.8 ------------------------------- */

enum {
	DESC_ADDR = 0,
	DESC_LEN = 8,
	SPLIT_DESC_NEXT = 14,
	PACKED_DESC_ID = 12,
	PACKED_DESC_FLAGS = 14,
	AVAIL = 16 * SIZE,
	AVAIL_FLAGS = AVAIL,
	AVAIL_IDX = AVAIL + 2,
	AVAIL_RING = AVAIL + 4,
	USED_EVENT = AVAIL_RING + 2 * SIZE,
	USED = (USED_EVENT + 2 + 3) / 4 * 4,
	USED_FLAGS = USED,
	USED_IDX = USED + 2,
	USED_RING = USED + 4,
	AVAIL_EVENT = USED_RING + 8 * SIZE,
	DRIVER_EVENT = 16 * SIZE,
	DEVICE_EVENT = DRIVER_EVENT + 4,
	PACKED_AVAILABLE = 1 << 7,
	PACKED_USED = 1 << 7 | 1 << 15,
	EVENT_DISABLE = 1 << 16,
	EVENT_DESC = 2 << 16,
	EVENT_WRAP = 1 << 15,
};

static bool is_packed()
{
	return test.format == VIRTQ_PACKED;
}

/* Whether the first buffer has been made available. */
static bool device_sees_buffer()
{
	if (!is_packed())
		return load(AVAIL_IDX) != 0;
	return (load(PACKED_DESC_FLAGS) & PACKED_USED) == PACKED_AVAILABLE;
}

/* The buffer of two descriptors as driver_pushes writes it: nothing of it may be old. */
static void device_reads_buffer()
{
	unsigned first = is_packed() ? 0 : (unsigned)load(AVAIL_RING);

	RL_ASSERT(load(16 * first + DESC_ADDR) == 0x1000);
	RL_ASSERT(load(16 * first + DESC_LEN) == FIRST_LENGTH);
	unsigned second = is_packed() ? 1 : (unsigned)load(16 * first + SPLIT_DESC_NEXT);
	RL_ASSERT(second == 1);
	RL_ASSERT(load(16 * second + DESC_ADDR) == 0x2000);
	RL_ASSERT(load(16 * second + DESC_LEN) == SECOND_LENGTH);
	if (is_packed())
		RL_ASSERT((load(16 * second + PACKED_DESC_FLAGS) & PACKED_USED) ==
			  PACKED_AVAILABLE);
}

static void device_wants_no_notification()
{
	if (is_packed())
		store(DEVICE_EVENT, EVENT_DISABLE);
	else if (test.event_idx)
		store(AVAIL_EVENT, 0xffff);
	else
		store(USED_FLAGS, 1);
}

static void device_wants_notification()
{
	if (is_packed())
		store(DEVICE_EVENT, test.event_idx ? EVENT_DESC | EVENT_WRAP | 0 : 0);
	else if (test.event_idx)
		store(AVAIL_EVENT, 0);
	else
		store(USED_FLAGS, 0);
}

/* Gives back the buffer with that id, which need not be the oldest. */
static void device_uses(unsigned id)
{
	if (is_packed()) {
		store(PACKED_DESC_ID, id);
		store(DESC_LEN, WRITTEN);
		fence(rl::mo_release);
		store(PACKED_DESC_FLAGS, PACKED_USED);
	} else {
		store(USED_RING, id);
		store(USED_RING + 4, WRITTEN);
		fence(rl::mo_release);
		store(USED_IDX, 1);
	}
}

static bool driver_wants_interrupt()
{
	if (is_packed()) {
		uint64_t event = load(DRIVER_EVENT);
		return event != EVENT_DISABLE;
	}
	if (test.event_idx)
		return load(USED_EVENT) == 0;
	return load(AVAIL_FLAGS) == 0;
}

/* ---- The driver ------------------------------------------------------------------------ */

static struct virtq vq;
static struct virtq_slot slots[SIZE];
static int owners[SIZE];

static bool driver_pushes(unsigned readable, unsigned writable, unsigned number)
{
	struct virtq_segment segments[2] = { { { 0x1000 }, FIRST_LENGTH },
					     { { 0x2000 }, SECOND_LENGTH } };

	RL_ASSERT(virtq_push(&vq, segments, readable, writable, &owners[number]) >= 0);
	return virtq_publish(&vq);
}

/* ---- The tests --------------------------------------------------------------------------- */

struct litmus : rl::test_suite<litmus, 2> {
	struct cells cells;
	bool told, asleep;

	void before()
	{
		struct virtq_setup setup = {};

		memory = &cells;
		setup.format = test.format;
		setup.size = SIZE;
		setup.event_idx = test.event_idx;
		setup.ring = ring;
		setup.table = slots;
		virtq_init(&vq, &setup);
		told = asleep = false;
		if (test.site == AFTER_COMPLETION || test.site == AFTER_ENABLE) {
			driver_pushes(0, 1, 0);
			driver_pushes(0, 1, 1);
			virtq_disable_interrupts(&vq);
		} else {
			device_wants_no_notification();
		}
	}

	void thread(unsigned index)
	{
		if (index == 0)
			driver();
		else
			device();
	}

	void driver()
	{
		void *cookie;
		uint32_t written;

		switch (test.site) {
		case BEFORE_PUBLISH:
			driver_pushes(1, 1, 0);
			break;
		case BEFORE_SUPPRESSION:
			told = driver_pushes(1, 1, 0);
			break;
		case AFTER_COMPLETION:
			for (int tries = 0; tries < TRIES; tries++) {
				int got = virtq_pop(&vq, &cookie, &written);
				RL_ASSERT(got >= 0);
				if (got == 0)
					continue;
				RL_ASSERT(cookie == &owners[1]);
				RL_ASSERT(written == WRITTEN);
				break;
			}
			break;
		case AFTER_ENABLE:
			asleep = !virtq_enable_interrupts(&vq);
			break;
		default:
			break;
		}
	}

	void device()
	{
		switch (test.site) {
		case BEFORE_PUBLISH:
			for (int tries = 0; tries < TRIES; tries++) {
				if (!device_sees_buffer())
					continue;
				fence(rl::mo_acquire);
				device_reads_buffer();
				break;
			}
			break;
		case BEFORE_SUPPRESSION:
			device_wants_notification();
			fence(rl::mo_seq_cst);
			asleep = !device_sees_buffer();
			break;
		case AFTER_COMPLETION:
			device_uses(1);
			break;
		case AFTER_ENABLE:
			device_uses(0);
			fence(rl::mo_seq_cst);
			told = driver_wants_interrupt();
			break;
		default:
			break;
		}
	}

	/* Nobody sleeps over something that is there, unless the other one tells. */
	void after()
	{
		RL_ASSERT(!asleep || told);
	}
};

static const char *const site_names[] = { "before_publish", "before_suppression",
					  "after_completion", "after_enable" };

/* Whether every execution goes well; in *tried how many there were, up to the first that did not. */
static bool simulate(rl::iteration_t *tried)
{
	rl::test_params params;
	std::ostream nowhere(NULL);

	params.iteration_count = 100000000; /* never reached: the search ends by itself */
	params.output_stream = params.progress_stream = &nowhere;
	params.search_type = rl::fair_full_search_scheduler_type;
	bool good = rl::simulate<litmus>(params);
	*tried = params.stop_iteration;
	return good;
}

int main()
{
	int bad = 0;

	for (int site = BEFORE_PUBLISH; site <= AFTER_ENABLE; site++) {
		for (int variant = 0; variant < 4; variant++) {
			rl::iteration_t all, until;

			test = { (litmus_site)site, NO_SITE,
				 variant & 2 ? VIRTQ_PACKED : VIRTQ_SPLIT, (variant & 1) != 0 };
			bool good = simulate(&all);
			test.weakened = test.site;
			bool control = !simulate(&until);
			bad += !good + !control;
			printf("| %s | %s | %s | %s, %lu | %s, %lu |\n", site_names[site],
			       is_packed() ? "packed" : "split",
			       test.event_idx ? "event index" : "flags",
			       good ? "all go well" : "FAILS", (unsigned long)all,
			       control ? "goes wrong" : "GOES UNNOTICED", (unsigned long)until);
			fflush(stdout);
		}
	}
	return bad != 0;
}
