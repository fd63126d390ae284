/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net (VIRTIO 1.4, section 5.1): frames that one CPU hands to another, at which a pair of queues is at home. To be
 * sent: a CPU without a pair, for a device may have fewer than there are CPUs (5.1.4, max_virtqueue_pairs), puts them into
 * the outbox of another one's, which pushes them at its next drain. And to be done: those that end where they were not
 * sent, by the pair of another CPU, or in a recovery, which is CPU 0's.
 *
 * See it at work: make run APP=netbench ARGS='net0 tx' SMP=4 KERNEL_ARGS=pairs=1
 */
#include "drivers/virtio/net_nic.h"
#include "lib/containing.h"

/* ---- Lists ------------------------------------------------------------------------------------------- */

static void append(struct net_buffer ***end, struct net_buffer *frame)
{
	frame->next = NULL;
	**end = frame;
	*end = &frame->next;
}

/* The next of those that wait leaves the list. */
static struct net_buffer *leave_waiting(struct net_pair *pair)
{
	struct net_buffer *frame = pair->waiting;

	pair->waiting = frame->next;
	return frame;
}

/* ---- Room -------------------------------------------------------------------------------------------- */

void net_tell_room(struct virtio_net *nic)
{
	net_room_listener *listener = __atomic_load_n(&nic->net.room_listener, __ATOMIC_ACQUIRE);

	if (listener)
		listener(&nic->net, nic->net.room_cookie);
}

/* It was too full for somebody: all that may have been it are told. */
static void tell_others(struct virtio_net *nic)
{
	for (unsigned cpu = 0; cpu < nic->cpus; cpu++)
		vport_wake(cpu);
	net_tell_room(nic);
}

/* All of it waits now, of which there was nothing. */
static void take_outbox(struct net_pair *pair)
{
	vport_lock_take(&pair->lock);
	bool crowded = pair->crowded;
	pair->waiting = pair->outbox;
	pair->outbox = NULL;
	pair->outbox_end = &pair->outbox;
	pair->outbox_count = 0;
	pair->crowded = false;
	vport_lock_give(&pair->lock);
	if (crowded)
		tell_others(pair->nic);
}

/* ---- To be sent ---------------------------------------------------------------------------------------- */

int net_outbox_put(struct net_pair *pair, struct net_buffer *const *frames, unsigned count)
{
	unsigned taken = 0, good = 0, cpu = vport_cpu();

	for (; good < count; good++) {
		int error = net_prepare(pair->nic, frames[good]);
		if (error && good == 0)
			return error;
		if (error)
			break;
	}
	vport_lock_take(&pair->lock);
	bool closed = pair->closed;
	for (; !closed && taken < good && pair->outbox_count < pair->transmit->setup.size;
	     taken++) {
		frames[taken]->away = frames[taken]->done != NULL;
		frames[taken]->sender = (uint16_t)cpu;
		append(&pair->outbox_end, frames[taken]);
		pair->outbox_count++;
	}
	pair->crowded |= !closed && taken < good;
	vport_lock_give(&pair->lock);
	if (closed)
		return ERR_NODEV;
	vport_mark(&pair->transmit->event);
	return (int)taken;
}

void net_outbox_pass_on(struct net_pair *pair)
{
	struct net_pair *first = &pair->nic->pairs[0];

	while (!net_outbox_is_empty(pair)) {
		if (!pair->waiting)
			take_outbox(pair);
		vport_lock_take(&first->lock);
		for (; pair->waiting; first->outbox_count++)
			append(&first->outbox_end, leave_waiting(pair));
		vport_lock_give(&first->lock);
		vport_mark(&first->transmit->event);
	}
}

bool net_outbox_push(struct net_pair *pair)
{
	int error = 0;

	if (!pair->waiting && !net_outbox_is_empty(pair))
		take_outbox(pair);
	while (pair->waiting && error != ERR_FULL && error != ERR_BROKEN) {
		error = net_push(pair, pair->waiting);
		if (!error)
			leave_waiting(pair);
		else if (error != ERR_FULL && error != ERR_BROKEN)
			/* It was checked when it was handed over, but for its mapping. */
			net_finish(pair, leave_waiting(pair), error);
	}
	return !pair->waiting;
}

void net_outbox_close(struct net_pair *pair)
{
	vport_lock_take(&pair->lock);
	pair->closed = true;
	vport_lock_give(&pair->lock);
	for (unsigned i = 0; i < 2; i++) {
		while (pair->waiting)
			net_finish(pair, leave_waiting(pair), ERR_NODEV);
		take_outbox(pair);
	}
}

/* ---- Done ------------------------------------------------------------------------------------------------ */

void net_done_there(struct virtio_net *nic, struct net_buffer *frame, int status)
{
	struct net_pool *pool = &nic->pools[frame->sender];

	frame->away = false;
	frame->status = status;
	vport_lock_take(&pool->lock);
	append(&pool->ended_end, frame);
	vport_lock_give(&pool->lock);
	vport_mark(&pool->ending);
}

/* On the CPU that has sent them. (The event is the pool's, not a queue's: those of a device that is given up are drained no
 * more, and its frames end here all the same.) */
static void call_done(struct vport_event *event)
{
	struct net_pool *pool = containing(event, struct net_pool, ending);

	vport_lock_take(&pool->lock);
	struct net_buffer *frame = pool->ended;
	pool->ended = NULL;
	pool->ended_end = &pool->ended;
	vport_lock_give(&pool->lock);
	while (frame) {
		struct net_buffer *next = frame->next;
		frame->done(frame, frame->status);
		frame = next;
	}
}

void net_done_init(struct net_pool *pool)
{
	pool->ended_end = &pool->ended;
	pool->ending = (struct vport_event){ .drain = call_done,
					     .check_at = VPORT_NEVER,
					     .home = pool->home };
}
