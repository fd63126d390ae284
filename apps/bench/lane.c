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
		.cookie = slot,
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
		.disk = bench->disk,
		.cpu = cpu,
		.random = 88172645463325252u + cpu,
		.places = bench->places,
		.sectors = bench->sectors,
		.limit = bench->limit / bench->cpus + (cpu < bench->limit % bench->cpus),
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

/* A linear congruential generator (Knuth, MMIX), of which the upper half is used. */
static inline uint64_t random_place(struct lane *lane)
{
	lane->random = lane->random * 6364136223846793005u + 1442695040888963407u;
	return (lane->random >> 32) * lane->places >> 32;
}

static void finished(struct lane *lane)
{
	if (++lane->finished < lane->started)
		return;
	__atomic_store_n(&lane->over, true, __ATOMIC_RELEASE);
	vport_wake(lane->cpu);
}

/* `started` counts it already. */
static inline void start(struct slot *slot, uint64_t time)
{
	struct lane *lane = slot->lane;

	slot->request.sector = random_place(lane) * lane->sectors;
	slot->started = time;
	if (block_submit(lane->disk, &slot->request) < 0) {
		lane->errors++;
		finished(lane);
	}
}

static inline bool more(const struct lane *lane, uint64_t time)
{
	return lane->limit ? lane->started < lane->limit : time < lane->stop_at;
}

/* The name is unique among all functions: tools that count from outside look for it. The clock is read once
 * for all that completes together: reading it costs as much as a good part of a request. */
static void bench_request_done(struct block_request *request)
{
	struct slot *slot = request->cookie;
	struct lane *lane = slot->lane;
	uint64_t time = lane->now;

	if (time == 0)
		time = lane->now = vport_now();
	if (request->status < 0)
		lane->errors++;
	latency_add(lane->latency, time - slot->started);
	if (more(lane, time)) {
		lane->started++;
		lane->finished++;
		start(slot, time);
	} else {
		finished(lane);
	}
}

void lane_run(void *argument)
{
	struct lane *lane = argument;
	uint64_t begin = vport_now();
	unsigned count = lane->depth;

	if (lane->limit && lane->limit < count)
		count = (unsigned)lane->limit;
	lane->started = count;
	for (unsigned i = 0; i < count; i++)
		start(&lane->slots[i], begin);
	while (!__atomic_load_n(&lane->over, __ATOMIC_ACQUIRE)) {
		lane->now = 0;
		vport_relax(VPORT_NEVER);
	}
}
