/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net, interrupts that come too often. A fast driver deals with a frame in less time than with the interrupt that tells of
 * it, and raising that costs the device even more. So where buffers are used quickly no interrupt is asked for: the queue is
 * drained a little later, with all that has come by then. That is what a device does that offers VIRTIO_NET_F_NOTF_COAL
 * (5.1.9.5.10), done here by a timer; max_usecs is what that calls the time.
 *
 * A frame waits for so long at most (or until the event loop next looks at the clock), and only behind others. Where the
 * next one comes only when this one was answered, waiting makes everything slower, and nothing cheaper. So a wait has to bring
 * half of what could be expected from before it, when interrupts were on; if the first one does not, or two in a row, none is
 * tried for a while.
 *
 * See it at work: make run APP=netbench ARGS='net0 rx', with and without KERNEL_ARGS=rx_usecs=0
 */
#include "drivers/virtio/net_nic.h"

#define DEFAULT_USECS 100
#define MOST_USECS 10000
#define NS_PER_US 1000
/* Used buffers in a period: worth a try. (An interrupt for each slows the device itself.) */
#define QUICK 2
/* With interrupts on so many are counted, before it is said how quickly they come: an answer may be several frames. */
#define TELLING 16
#define WORTH_WAITING 4 /* used buffers of a wait: worth the next one */
#define NOT_AGAIN 32    /* periods, after a wait in vain */

uint64_t net_coalesce_period(const struct virtio_device *device)
{
	const char *text = vport_setting_text("rx_usecs");
	uint64_t usecs = vport_setting("rx_usecs", text ? UINT64_MAX : DEFAULT_USECS);

	if (usecs > MOST_USECS) {
		virtio_log(device, VPORT_LOG_ERROR, "rx_usecs=%s: 0 to %u is wanted: %u is used",
			   text, MOST_USECS, DEFAULT_USECS);
		usecs = DEFAULT_USECS;
	}
	return usecs * NS_PER_US;
}

/* From now on buffers are counted anew. */
static void begin(struct net_coalesce *coalesce, uint64_t now)
{
	coalesce->since = now;
	coalesce->used = 0;
}

/* A wait has ended: whether it has brought at least half of what was expected. One may just have met the end of what came: it is
 * forgiven. */
static void judge(struct net_coalesce *coalesce, uint64_t now)
{
	bool paid = coalesce->used >= WORTH_WAITING && coalesce->used >= coalesce->expected / 2;

	if (!paid && !coalesce->paid)
		coalesce->not_before = now + NOT_AGAIN * coalesce->period;
	coalesce->paid = paid;
}

/* How long, where so many buffers were used in that time: never until the device could run short of them. 0: not at all. */
static uint64_t time_to_wait(const struct net_pair *pair, uint64_t elapsed, uint64_t used)
{
	uint64_t period = pair->coalesce.period;
	uint64_t quarter = elapsed * (pair->receive_max / 4) / used;

	if (quarter >= period)
		return period;
	return quarter >= period / 4 ? quarter : 0;
}

bool net_coalesce(struct net_pair *pair)
{
	struct net_coalesce *coalesce = &pair->coalesce;

	if (!pair->receive->awaited || coalesce->period == 0)
		return false;
	uint64_t now = vport_now(), elapsed = now - coalesce->since, used = coalesce->used;
	bool waited = coalesce->until != 0;
	/* Others may have ended it before its time, which says nothing. */
	if (waited && now >= coalesce->until)
		judge(coalesce, now);
	coalesce->until = 0;
	if (now < coalesce->not_before || elapsed > used * coalesce->period / QUICK) {
		begin(coalesce, now);
		return false;
	}
	if (!waited && used < TELLING)
		return false;
	begin(coalesce, now);
	uint64_t wait = time_to_wait(pair, elapsed, used);
	if (wait == 0)
		return false;
	if (!waited)
		coalesce->expected = used * wait / elapsed;
	coalesce->until = now + wait;
	pair->receive->event.check_at = coalesce->until;
	return true;
}
