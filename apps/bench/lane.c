/* SPDX-License-Identifier: BSD-2-Clause */
/* One CPU's part of a measurement: so many requests in flight at random places, each begun anew when it ends. */
#include <stdlib.h>

#include "bench.h"
#include "lib/error.h"

/* ---- Before and after ------------------------------------------------------------------- */

void lane_free(struct lane *lane, const struct bench *bench)
{
	for (unsigned i = 0; lane->slots && i < lane->depth; i++) {
		struct slot *slot = &lane->slots[i];
		block_unprepare(lane->disk, &slot->request);
		if (slot->segment.memory)
			block_buffer_free(lane->disk, slot->segment.memory, bench->block);
	}
	free(lane->slots);
	lane->slots = NULL;
}

static void bench_request_done(struct block_request *request);

static bool make_slot(struct slot *slot, struct lane *lane, const struct bench *bench)
{
	slot->lane = lane;
	slot->segment.memory = block_buffer_alloc(lane->disk, bench->block);
	slot->segment.length = bench->block;
	slot->request = (struct block_request){
		.op = bench->op,
		.segments = &slot->segment,
		.segment_count = 1,
		.done = bench_request_done,
	};
	if (!slot->segment.memory)
		return false;
	/* What is more than one device request is cut anew each time. */
	int error = bench->fixed ? block_prepare(lane->disk, &slot->request) : 0;
	return error >= 0 || error == ERR_UNSUPPORTED;
}

bool lane_make(struct lane *lane, const struct bench *bench, unsigned cpu)
{
	*lane = (struct lane){
		.disk = bench_disk(bench, cpu),
		.cpu = cpu,
		.random = 88172645463325253u + 2 * cpu, /* odd */
		.multiplier = 6364136223846793005u,     /* Knuth's */
		.places = bench->places,
		.sectors = bench->sectors,
		.limit = bench->limit
				 ? bench->limit / bench->cpus + (cpu < bench->limit % bench->cpus)
				 : INT64_MAX,
		.depth = (unsigned)bench->depth,
	};
	lane->slots = calloc(lane->depth, sizeof(struct slot));
	for (unsigned i = 0; lane->slots && i < lane->depth; i++) {
		if (!make_slot(&lane->slots[i], lane, bench)) {
			lane_free(lane, bench);
			return false;
		}
	}
	return lane->slots != NULL;
}

/* ---- What is measured ---------------------------------------------------------------------- */

/* A multiplicative congruential generator: the place is in its upper bits, and who is timed in lower ones. */
static inline uint64_t random_place(struct lane *lane)
{
	lane->random *= lane->multiplier;
	return (uint64_t)((unsigned __int128)lane->random * lane->places >> 64);
}

/* One in 64, by chance, for looking at the clock costs as much as a good part of a request. */
static inline bool is_timed(const struct lane *lane)
{
	return (lane->random & 63 << 20) == 0;
}

static __attribute__((noinline)) void ended(struct lane *lane)
{
	if (--lane->in_flight > 0)
		return;
	__atomic_store_n(&lane->over, true, __ATOMIC_RELEASE);
	vport_wake(lane->cpu);
}

/* The end of one that is timed. It looks whether the time is up, too. */
static void timed_request_done(struct block_request *request)
{
	struct slot *slot = (struct slot *)request;
	struct lane *lane = slot->lane;
	uint64_t now = vport_now();

	++*latency_column(lane->latency, now - slot->started);
	if (now >= lane->stop_at && lane->left > 0) {
		lane->limit -= (uint64_t)lane->left;
		lane->left = 0;
	}
	request->done = bench_request_done;
	bench_request_done(request);
}

static inline void submit(struct slot *slot, struct lane *lane)
{
	if (__builtin_expect(block_submit_prepared(lane->disk, &slot->request) < 0, false)) {
		lane->errors++;
		ended(lane);
	}
}

static __attribute__((noinline)) void start_timed(struct slot *slot, struct lane *lane)
{
	slot->request.done = timed_request_done;
	slot->started = vport_now();
	submit(slot, lane);
}

static inline void choose_place(struct slot *slot, struct lane *lane)
{
	slot->request.sector = random_place(lane) * lane->sectors;
}

/* It begins anew if there is to be another one. That one less is left is also how it is counted. The name is unique among
 * all functions: tools that count from outside look for it. */
static __attribute__((noinline)) void bench_request_done(struct block_request *request)
{
	struct slot *slot = (struct slot *)request;
	struct lane *lane = slot->lane;

	if (__builtin_expect(request->status != 0, false))
		lane->errors++;
	if (__builtin_expect(--lane->left < 0, false)) {
		ended(lane);
		return;
	}
	choose_place(slot, lane);
	if (__builtin_expect(is_timed(lane), false))
		start_timed(slot, lane);
	else
		submit(slot, lane);
}

void lane_run(void *argument)
{
	struct lane *lane = argument;
	unsigned at_first = lane->depth;

	if (lane->limit < at_first)
		at_first = (unsigned)lane->limit;
	lane->left = (int64_t)(lane->limit - at_first);
	lane->in_flight = at_first;
	for (unsigned i = 0; i < at_first; i++) {
		choose_place(&lane->slots[i], lane);
		start_timed(&lane->slots[i], lane); /* all of these: there may be few others */
	}
	while (!__atomic_load_n(&lane->over, __ATOMIC_ACQUIRE))
		vport_relax(VPORT_NEVER);
}
