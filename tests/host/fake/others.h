/* SPDX-License-Identifier: BSD-2-Clause */
/* Others have work to be done while a driver waits for its device: it is not to wait with it. */
#ifndef TESTS_HOST_FAKE_OTHERS_H
#define TESTS_HOST_FAKE_OTHERS_H

#include "tests/host/fake/scenario.h"

static unsigned others_ran;

static inline void run_other(struct vport_work *other)
{
	(void)other;
	others_ran++;
}

/* Once more, within so much time; and that program context does not stand still either. */
static inline void others_do_not_wait(uint64_t ms)
{
	static struct vport_work other = { .run = run_other };
	uint64_t begun = fake_port.now;
	unsigned before = others_ran;

	vport_work_queue(&other);
	fake_sleep(ms);
	CHECK_EQ(others_ran, before + 1);
	CHECK(fake_port.now - begun < (ms + 900) * 1000000);
}

#endif
