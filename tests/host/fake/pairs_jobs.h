/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of several pairs of queues have in common: CPUs that take turns, and frames that one of them sends. */
#ifndef TESTS_HOST_FAKE_PAIRS_JOBS_H
#define TESTS_HOST_FAKE_PAIRS_JOBS_H

#include "tests/host/fake/net_jobs.h"

/* The test goes on on that CPU; which it was on. */
static inline unsigned fake_on(unsigned cpu)
{
	unsigned before = vport_cpu();

	fake_on_cpu(cpu);
	return before;
}

static inline void make_pairs(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_MQ, FAKE_CTRL_RX);
}

static inline void start_on(unsigned cpus)
{
	fake_cpus(cpus);
	make_pairs();
	start();
	fake_sleep(5);
}

static inline void done_release(struct net_buffer *frame, int status)
{
	done(frame, status);
	net_release(net, frame);
}

/* From that CPU: on it, and waited for. */
static inline void sends_from(unsigned cpu, unsigned expected_pair)
{
	unsigned before = wire.sent_by[expected_pair], dones = done_count, was = fake_on(cpu);
	struct net_buffer *frame = net_take(net);

	CHECK(frame != NULL);
	fill(net_data(frame), 100, cpu);
	frame->length = 100;
	frame->done = done_release;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	fake_on(was);
	CHECK(FAKE_WAIT(done_count > dones, 500));
	CHECK_EQ(wire.sent_by[expected_pair], before + 1);
	CHECK_EQ(done_on, cpu);
	CHECK_EQ(done_status, 0);
}

static inline void all_work(unsigned pairs)
{
	for (unsigned i = 0; i < pairs; i++) {
		receives_by(i, 60 + i);
		CHECK_EQ(heard_on, i);
		sends_from(i, i);
	}
}

#endif
