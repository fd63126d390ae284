/* SPDX-License-Identifier: BSD-2-Clause */
/* Time and the event loop: the three contexts, and that they are never deeper than three. */
#include <stdint.h>

#include "drivers/virtio/port.h"
#include "tests.h"

#define NS_PER_MS UINT64_C(1000000)
/* How late is too late: a machine that shares its CPUs with many others may not run for seconds. */
#define LATE_NS (60000 * NS_PER_MS)
#define AGAIN 100
#define MOST_PASSES 3 /* of one vport_relax */

/* ---- Time ------------------------------------------------------------------------- */

const char *test_clock(void)
{
	uint64_t last = vport_now();
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t now = vport_now();
		ktap_check(now >= last);
		last = now;
	}
	return KTAP_OK;
}

const char *test_sleep(void)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t deadline = vport_now() + 20 * NS_PER_MS;
		while (vport_now() < deadline)
			vport_relax(deadline);
		ktap_check(vport_now() < deadline + LATE_NS);
	}
	return KTAP_OK;
}

/* ---- Events ------------------------------------------------------------------------ */

struct counter {
	struct vport_event event; /* first: what drain is given */
	unsigned drained;
	unsigned again; /* how often it marks itself */
};

static void count(struct vport_event *event)
{
	struct counter *counter = (struct counter *)event;
	counter->drained++;
	event->check_at = VPORT_NEVER;
	if (counter->again > 0) {
		counter->again--;
		vport_mark(event);
	}
}

static void begin(struct counter *counter)
{
	*counter = (struct counter){ .event = { .drain = count, .check_at = VPORT_NEVER } };
	vport_event_add(&counter->event);
}

const char *test_event_marked(void)
{
	static struct counter a, b;
	begin(&a);
	begin(&b);
	vport_mark(&a.event);
	vport_mark(&a.event);
	vport_relax(0);
	unsigned drained_a = a.drained, drained_b = b.drained;
	vport_relax(0);
	vport_event_remove(&a.event);
	vport_event_remove(&b.event);
	ktap_check(drained_a == 1 && drained_b == 0);
	ktap_check(a.drained == 1);
	return KTAP_OK;
}

/* One that marks itself is behind all that were marked before, and vport_relax returns all the same: it makes a pass or
 * two, and another one when it has looked at the clock. */
const char *test_event_again(void)
{
	static struct counter a, b;
	begin(&a);
	begin(&b);
	a.again = AGAIN;
	vport_mark(&a.event);
	vport_mark(&b.event);
	vport_relax(0);
	unsigned first = a.drained, others = b.drained, calls = 1;
	for (; a.drained <= AGAIN && calls <= AGAIN; calls++)
		vport_relax(0);
	vport_relax(0);
	vport_event_remove(&a.event);
	vport_event_remove(&b.event);
	ktap_check(first >= 1 && first <= MOST_PASSES && others == 1);
	ktap_check(a.drained == AGAIN + 1 && b.drained == 1);
	return KTAP_OK;
}

const char *test_event_time(void)
{
	static struct counter a;
	uint64_t time = vport_now() + 10 * NS_PER_MS, limit = time + LATE_NS;
	a = (struct counter){ .event = { .drain = count, .check_at = time } };
	vport_event_add(&a.event);
	while (a.drained == 0 && vport_now() < limit)
		vport_relax(limit);
	uint64_t now = vport_now();
	vport_event_remove(&a.event);
	ktap_check(a.drained == 1);
	ktap_check(now >= time && now < limit);
	return KTAP_OK;
}

static struct counter victim;

static void remove_victim(struct vport_event *event)
{
	(void)event;
	vport_event_remove(&victim.event);
}

const char *test_event_removed(void)
{
	static struct vport_event killer;
	begin(&victim);
	vport_mark(&victim.event);
	vport_event_remove(&victim.event);
	vport_relax(0);
	ktap_check(victim.drained == 0);

	/* In the very pass in which its turn would have come. */
	begin(&victim);
	killer = (struct vport_event){ .drain = remove_victim, .check_at = VPORT_NEVER };
	vport_event_add(&killer);
	vport_mark(&killer);
	vport_mark(&victim.event);
	vport_relax(0);
	vport_relax(0);
	vport_event_remove(&killer);
	ktap_check(victim.drained == 0);
	return KTAP_OK;
}

/* ---- Work ----------------------------------------------------------------------------- */

static unsigned depth, deepest, other_ran, other_ran_inside, drained_inside;
static struct counter inner;

static void enter(void)
{
	if (++depth > deepest)
		deepest = depth;
}

static void drain_inside(struct vport_event *event)
{
	(void)event;
	enter();
	drained_inside++;
	depth--;
}

static void run_other(struct vport_work *work)
{
	(void)work;
	enter();
	other_ran++;
	depth--;
}

static struct vport_work other = { .run = run_other };

/* Queues more work and waits: meanwhile events are drained, and the other work is not run. */
static void run_waiting(struct vport_work *work)
{
	(void)work;
	enter();
	vport_work_queue(&other);
	vport_mark(&inner.event);
	for (unsigned i = 0; i < 3; i++)
		vport_relax(0);
	other_ran_inside = other_ran;
	depth--;
}

const char *test_work_depth(void)
{
	static struct vport_work waiting = { .run = run_waiting };
	depth = 1; /* the program */
	deepest = other_ran = other_ran_inside = drained_inside = 0;
	begin(&inner);
	inner.event.drain = drain_inside;
	vport_work_queue(&waiting);
	vport_work_queue(&waiting); /* queued already */
	for (unsigned i = 0; i < 4; i++)
		vport_relax(0);
	vport_event_remove(&inner.event);
	ktap_check(drained_inside == 1);
	ktap_check(other_ran_inside == 0 && other_ran == 1);
	ktap_check(deepest == 3); /* program, work, drain */
	ktap_check(depth == 1);
	return KTAP_OK;
}

/* What one item waits for may be lost with a device until that has recovered: so a recovery does run
 * inside, and nothing else, and no second one in it. */
static unsigned recovered, recovered_too_deep;
static struct vport_work second_recovery;

static void run_recovery(struct vport_work *work)
{
	enter();
	recovered++;
	if (work != &second_recovery) {
		unsigned before = recovered;
		vport_work_queue(&second_recovery);
		for (unsigned i = 0; i < 3; i++)
			vport_relax(0);
		recovered_too_deep = recovered - before;
	}
	depth--;
}

static unsigned seen_inside;

static void run_waiting_for_recovery(struct vport_work *work)
{
	static struct vport_work recovery = { .run = run_recovery, .recovers = true };
	(void)work;
	enter();
	vport_work_queue(&other);
	vport_work_queue(&recovery);
	for (unsigned i = 0; i < 3; i++)
		vport_relax(0);
	seen_inside = recovered;
	other_ran_inside = other_ran;
	depth--;
}

static void run_waiting_only(struct vport_work *work)
{
	(void)work;
	enter();
	for (unsigned i = 0; i < 3; i++)
		vport_relax(0);
	seen_inside = recovered;
	other_ran_inside = other_ran;
	depth--;
}

/* So it is when the recovery was queued before the item began to wait. */
const char *test_work_recovery_behind(void)
{
	static struct vport_work waiting = { .run = run_waiting_only };
	static struct vport_work recovery = { .run = run_recovery, .recovers = true };
	second_recovery = (struct vport_work){ .run = run_recovery, .recovers = true };
	depth = 1;
	deepest = other_ran = other_ran_inside = recovered = recovered_too_deep = 0;
	vport_work_queue(&waiting);
	vport_work_queue(&other);
	vport_work_queue(&recovery);
	for (unsigned i = 0; i < 4; i++)
		vport_relax(0);
	ktap_check(seen_inside == 2 && recovered == 2 && recovered_too_deep == 0);
	ktap_check(other_ran_inside == 0 && other_ran == 1);
	return KTAP_OK;
}

const char *test_work_recovery(void)
{
	static struct vport_work waiting = { .run = run_waiting_for_recovery };
	second_recovery = (struct vport_work){ .run = run_recovery, .recovers = true };
	depth = 1;
	deepest = other_ran = other_ran_inside = recovered = recovered_too_deep = 0;
	vport_work_queue(&waiting);
	for (unsigned i = 0; i < 4; i++)
		vport_relax(0);
	ktap_check(seen_inside == 2 && recovered == 2 && recovered_too_deep == 0);
	ktap_check(other_ran_inside == 0 && other_ran == 1);
	ktap_check(deepest == 3); /* program, work, recovery */
	return KTAP_OK;
}

static unsigned again_ran;

static void run_again(struct vport_work *work)
{
	if (++again_ran < 3)
		vport_work_queue(work);
}

const char *test_work_again(void)
{
	static struct vport_work again = { .run = run_again };
	again_ran = 0;
	vport_work_queue(&again);
	for (unsigned i = 0; i < 6; i++)
		vport_relax(0);
	ktap_check(again_ran == 3);
	return KTAP_OK;
}
