/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loops of several CPUs: marks, removals, wakes and work between them. */
#include <stdint.h>

#include "smp.h"

#define NS_PER_MS UINT64_C(1000000)
#define LIMIT_NS (60000 * NS_PER_MS) /* it may share its CPUs with many others */
#define MARKS 3000
/* Each of these is a hand-over between CPUs: where the emulator has fewer processors than that, it waits for its
 * turn each time. */
#define REMOVALS 8
#define ROUNDS 50
#define ITEMS 30

struct watched {
	struct vport_event event; /* first: what drain is given */
	unsigned wrong_cpu;       /* drains elsewhere than at home */
	unsigned drains;
	unsigned given[CPU_MAX]; /* by each CPU, before it marks */
	unsigned seen[CPU_MAX];  /* of that, in the last drain */
	bool again;              /* marks itself */
};

static struct watched watched[CPU_MAX];

static unsigned load(const unsigned *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void drain(struct vport_event *event)
{
	struct watched *it = (struct watched *)event;

	__atomic_store_n(&it->drains, it->drains + 1, __ATOMIC_RELAXED);
	it->wrong_cpu += vport_cpu() != event->home;
	event->check_at = VPORT_NEVER;
	for (unsigned i = 0; i < CPU_MAX; i++)
		__atomic_store_n(&it->seen[i], load(&it->given[i]), __ATOMIC_RELAXED);
	if (it->again)
		vport_mark(event);
}

/* One for each CPU. */
static void begin(bool again)
{
	for (unsigned i = 0; i < vport_cpu_count(); i++) {
		watched[i] = (struct watched){
			.event = { .drain = drain, .check_at = VPORT_NEVER, .home = i },
			.again = again
		};
		vport_event_add(&watched[i].event);
	}
}

static void end(void)
{
	for (unsigned i = 0; i < vport_cpu_count(); i++)
		vport_event_remove(&watched[i].event);
}

#define await(condition) \
	do { \
		uint64_t limit_ = vport_now() + LIMIT_NS; \
		while (!(condition) && vport_now() < limit_) \
			vport_relax(vport_now() + NS_PER_MS); \
	} while (0)

/* ---- Marks ------------------------------------------------------------------------ */

const char *test_marks(void)
{
	begin(false);
	for (unsigned i = 0; i < vport_cpu_count(); i++) {
		vport_mark(&watched[i].event);
		await(load(&watched[i].drains) > 0);
	}
	vport_relax(0);
	end();
	for (unsigned i = 0; i < vport_cpu_count(); i++)
		ktap_check(watched[i].drains == 1 && watched[i].wrong_cpu == 0);
	return KTAP_OK;
}

static const char *mark_all(unsigned cpu)
{
	for (unsigned n = 1; n <= MARKS; n++) {
		struct watched *it = &watched[n % vport_cpu_count()];
		__atomic_store_n(&it->given[cpu], n, __ATOMIC_RELAXED);
		vport_mark(&it->event);
		if (n % 64 == 0)
			vport_relax(0);
	}
	return KTAP_OK;
}

static bool all_seen(void)
{
	for (unsigned i = 0; i < vport_cpu_count(); i++) {
		for (unsigned j = 0; j < vport_cpu_count(); j++) {
			if (load(&watched[i].seen[j]) != load(&watched[i].given[j]))
				return false;
		}
	}
	return true;
}

const char *test_mark_storm(void)
{
	begin(false);
	const char *result = everywhere(mark_all);
	await(all_seen());
	bool seen = all_seen();
	end();
	ktap_check(seen);
	for (unsigned i = 0; i < vport_cpu_count(); i++)
		ktap_check(watched[i].drains > 0 && watched[i].wrong_cpu == 0);
	return result;
}

const char *test_time(void)
{
	uint64_t time = vport_now() + 5 * NS_PER_MS;
	for (unsigned i = 0; i < vport_cpu_count(); i++) {
		watched[i] = (struct watched){
			.event = { .drain = drain, .check_at = time, .home = i }
		};
		vport_event_add(&watched[i].event);
	}
	for (unsigned i = 0; i < vport_cpu_count(); i++)
		await(load(&watched[i].drains) > 0);
	end();
	for (unsigned i = 0; i < vport_cpu_count(); i++)
		ktap_check(watched[i].drains == 1 && watched[i].wrong_cpu == 0);
	return KTAP_OK;
}

/* ---- Removal ------------------------------------------------------------------------ */

const char *test_removal(void)
{
	for (unsigned turn = 0; turn < REMOVALS; turn++) {
		unsigned drains[CPU_MAX];
		begin(true); /* they are drained again and again */
		for (unsigned i = 0; i < vport_cpu_count(); i++) {
			vport_mark(&watched[i].event);
			await(load(&watched[i].drains) > 0);
		}
		end();
		for (unsigned i = 0; i < vport_cpu_count(); i++)
			drains[i] = load(&watched[i].drains);
		vport_relax(vport_now() + NS_PER_MS / 10);
		for (unsigned i = 0; i < vport_cpu_count(); i++) {
			ktap_check(drains[i] > 0 && drains[i] == load(&watched[i].drains));
			ktap_check(!watched[i].event.marked);
		}
	}
	return KTAP_OK;
}

static bool computing, enough;

static void compute(void *unused)
{
	(void)unused;
	__atomic_store_n(&computing, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE))
		;
}

const char *test_removal_of_busy(void)
{
	static struct cpu_call call;
	unsigned last = vport_cpu_count() - 1;
	if (last == 0)
		return ktap_skip("one CPU");
	computing = enough = false;
	cpu_run(&call, last, compute, NULL);
	await(__atomic_load_n(&computing, __ATOMIC_ACQUIRE));
	begin(false);
	vport_mark(&watched[last].event);
	end();
	bool drained = load(&watched[last].drains) != 0;
	__atomic_store_n(&enough, true, __ATOMIC_RELEASE);
	cpu_wait(&call);
	vport_relax(vport_now() + NS_PER_MS);
	ktap_check(!drained && load(&watched[last].drains) == 0);
	return KTAP_OK;
}

/* ---- Waking, and work ------------------------------------------------------------------ */

static unsigned turn_of; /* whose turn it is: from CPU to CPU, round and round */

static const char *pass_on(unsigned cpu)
{
	for (unsigned turn = 0; turn < ROUNDS; turn++) {
		while (__atomic_load_n(&turn_of, __ATOMIC_ACQUIRE) != cpu)
			vport_relax(VPORT_NEVER);
		unsigned next = (cpu + 1) % vport_cpu_count();
		__atomic_store_n(&turn_of, next, __ATOMIC_RELEASE);
		vport_wake(next);
	}
	return KTAP_OK;
}

const char *test_wake(void)
{
	turn_of = 0;
	return everywhere(pass_on);
}

static struct work_item {
	struct vport_work work; /* first: what run is given */
	unsigned ran;
} items[CPU_MAX];
static unsigned inside, together, elsewhere;

static void run_item(struct vport_work *work)
{
	struct work_item *item = (struct work_item *)work;

	together += __atomic_fetch_add(&inside, 1, __ATOMIC_ACQ_REL) != 0;
	elsewhere += vport_cpu() != 0;
	__atomic_store_n(&item->ran, item->ran + 1, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&inside, 1, __ATOMIC_ACQ_REL);
	vport_wake((unsigned)(item - items));
}

static const char *queue_work(unsigned cpu)
{
	struct work_item *item = &items[cpu];

	*item = (struct work_item){ .work = { .run = run_item } };
	for (unsigned n = 1; n <= ITEMS; n++) {
		vport_work_queue(&item->work);
		await(__atomic_load_n(&item->ran, __ATOMIC_ACQUIRE) == n);
		ktap_check(item->ran == n);
	}
	return KTAP_OK;
}

const char *test_work(void)
{
	inside = together = elsewhere = 0;
	const char *result = everywhere(queue_work);
	ktap_check(together == 0 && elsewhere == 0);
	return result;
}
