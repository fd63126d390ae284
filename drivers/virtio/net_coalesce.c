/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net, interrupts that come too often. A frame costs a fast driver less than the interrupt that tells of it, and the
 * device still more, which raises it. So where frames come quickly no interrupt is asked for: the queue is drained a little
 * later, with all that has come by then. That is what a device does that offers VIRTIO_NET_F_NOTF_COAL (5.1.9.5.10), done here
 * by a timer; max_usecs is what that calls the time.
 *
 * A frame waits for so long at most, and only behind others. Where the next one comes only when this one was answered, waiting
 * makes everything slower, and nothing cheaper: then few come, and for a while it is not tried again.
 *
 * See it at work: make run APP=netbench ARGS='net0 rx', with and without KERNEL_ARGS=rx_usecs=0
 */
#include "drivers/virtio/net_nic.h"

#define DEFAULT_USECS 100
#define MOST_USECS 10000
#define NS_PER_US 1000
#define QUICK \
	2 /* used buffers in a period: worth a try; an interrupt for each slows the device itself */
#define WORTH_WAITING 4 /* and of a wait: worth the next one */
#define NOT_AGAIN 32    /* drains, after a wait for fewer */

void net_coalesce_init(struct net_pair *pair)
{
	const char *text = vport_setting_text("rx_usecs");
	uint64_t usecs = vport_setting("rx_usecs", text ? UINT64_MAX : DEFAULT_USECS);

	if (usecs > MOST_USECS) {
		virtio_log(pair->nic->device, VPORT_LOG_ERROR,
			   "rx_usecs=%s: 0 to %u is wanted: %u is used", text, MOST_USECS,
			   DEFAULT_USECS);
		usecs = DEFAULT_USECS;
	}
	pair->coalesce = (struct net_coalesce){ .period = usecs * NS_PER_US };
}

/* From now on frames are counted anew. */
static void begin(struct net_coalesce *coalesce, uint64_t now)
{
	coalesce->since = now;
	coalesce->used = 0;
}

/* A wait has ended. Those that bring little from the first on are not tried again soon. */
static void judge(struct net_coalesce *coalesce)
{
	bool paid = coalesce->used >= WORTH_WAITING;

	if (!paid && !coalesce->paid)
		coalesce->skip = NOT_AGAIN;
	coalesce->paid = paid;
}

/* How long, where so many buffers were used in that time: never until the device could run short of them. 0: not at all. */
static uint64_t time_to_wait(const struct net_pair *pair, uint64_t since, uint64_t used)
{
	uint64_t period = pair->coalesce.period;
	uint64_t quarter = since * (pair->receive_max / 4) / used;

	if (quarter >= period)
		return period;
	return quarter >= period / 4 ? quarter : 0;
}

bool net_coalesce(struct net_pair *pair)
{
	struct net_coalesce *coalesce = &pair->coalesce;

	if (!pair->receive->awaited || coalesce->period == 0)
		return false;
	uint64_t now = vport_now(), since = now - coalesce->since, used = coalesce->used;
	/* Others may have ended it before its time, which says nothing. */
	if (coalesce->until != 0 && now >= coalesce->until)
		judge(coalesce);
	coalesce->until = 0;
	if (coalesce->skip > 0 || since > used * coalesce->period / QUICK) {
		coalesce->skip -= coalesce->skip > 0;
		begin(coalesce, now);
		return false;
	}
	if (used < QUICK)
		return false; /* too few to tell how quickly they come */
	begin(coalesce, now);
	uint64_t wait = time_to_wait(pair, since, used);
	if (wait == 0)
		return false;
	coalesce->until = now + wait;
	pair->receive->event.check_at = coalesce->until;
	return true;
}
