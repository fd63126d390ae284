/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When lwIP runs. It may not be entered twice, and it frees and allocates: so it takes turns as a work item, when frames
 * came in or one of its timers is due, and in between programs call it by way of sockets. Neither of them waits inside of
 * it, so they cannot meet.
 *
 * See it at work: make run APP=net
 */
#include "kernel/net/stack.h"

#include "kernel/memory.h"
#include "kernel/net/lost.h"
#include "kernel/net/memory.h"
#include "kernel/net/network.h"
#include "kernel/net/offload.h"
#include "kernel/net/random.h"
#include "lib/error.h"

#define NS_PER_MS UINT64_C(1000000)

unsigned stack_turns;
bool stack_in_timers;
static bool started;
static uint64_t due = VPORT_NEVER; /* when lwIP's next timer is */

static void turn(struct vport_work *work);
static void look_at_clock(struct vport_event *event);

static struct vport_work work = { .run = turn };
static struct vport_event clock_event = { .drain = look_at_clock, .check_at = VPORT_NEVER };

/* ---- Turns ------------------------------------------------------------------------------------------------- */

/* lwIP's clock. */
u32_t sys_now(void)
{
	return (u32_t)(vport_now() / NS_PER_MS);
}

void stack_wake(void)
{
	vport_work_queue(&work);
}

static void look_at_clock(struct vport_event *event)
{
	event->check_at = due;
	if (vport_now() >= due) {
		event->check_at = VPORT_NEVER; /* until the turn has found out the next time */
		stack_wake();
	}
}

void stack_send(void)
{
	struct netif *netif;

	offload_narrow();
	interfaces_flush();
	NETIF_FOREACH(netif)
	{
		if (netif->loop_first)
			stack_wake(); /* it sent something to itself */
	}
}

void stack_leave(void)
{
	stack_send();
	u32_t sleep = sys_timeouts_sleeptime();
	due = sleep == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? VPORT_NEVER
						       : vport_now() + sleep * NS_PER_MS;
	/* Only drain may set it. Too early a time does no harm. */
	if (due < clock_event.check_at)
		vport_mark(&clock_event);
}

/* What a machine sends to itself is as it left: where a device makes the checksums, it has none. */
static void loop_back(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		if (netif->loop_first) {
			struct net_offload good = { .flags = NET_CHECKSUM_GOOD };
			offload_received(netif, &good);
			netif_poll(netif);
		}
	}
}

static void turn(struct vport_work *ignored)
{
	(void)ignored;
	stack_turns++;
	interfaces_turn();
	if (sys_timeouts_sleeptime() == 0)
		lost_before_timers();
	stack_in_timers = true;
	sys_check_timeouts();
	stack_in_timers = false;
	loop_back();
	stack_leave();
}

/* ---- Start ------------------------------------------------------------------------------------------------- */

static int start(void)
{
	if (!network_memory_start())
		return ERR_NOMEM;
	network_random_start();
	lwip_init();
	mmu_widen_tlb(); /* the driver's buffers and the stack's memory */
	vport_event_add(&clock_event);
	started = true;
	return 0;
}

int network_start(void)
{
	kit_assert(vport_cpu() == 0);
	int error = started ? 0 : start();
	if (!error)
		error = interfaces_add();
	if (error)
		return error;
	addresses_start();
	stack_leave();
	return 0;
}
