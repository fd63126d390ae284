/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net's control queue: VIRTIO 1.4 section 5.1.9.5. One command is with the device at a time: its bytes are
 * copied into a page of the queue's own, with a poisoned answer behind them. Whoever sends one waits for it, or has work
 * queued for when it is done; the queue itself is CPU 0's, and so are its drains.
 *
 * What the device has accepted is kept. After a reset it is told all of it again, before any other command.
 *
 * See it at work: make run APP=nettest NET=user
 * Left out: commands with a result besides the answer (statistics).
 */
#include "drivers/virtio/net_nic.h"
#include "lib/mem.h"

enum { VIRTIO_NET_OK = 0 };

#define PAGE_BYTES 512
#define HEADER_BYTES 2 /* class, command */
#define ANSWER_AT (PAGE_BYTES - 1)
#define ANSWER_POISON 0xff
_Static_assert(HEADER_BYTES + NET_COMMAND_BYTES <= ANSWER_AT, "the answer is behind the longest");

#define QUEUE_SIZE 16
#define SEGMENTS 2
#define WAIT_NS \
	UINT64_C(250000000) /* between two looks at whether it is done, should nobody wake us */

/* ---- The list ------------------------------------------------------------------------------------ */

static int append(struct net_control *control, struct net_command *command)
{
	vport_lock_take(&control->lock);
	bool closed = control->closed;
	if (!closed) {
		command->next = NULL;
		*control->waiting_end = command;
		control->waiting_end = &command->next;
	}
	vport_lock_give(&control->lock);
	return closed ? ERR_NODEV : 0;
}

/* The first one leaves the list; NULL: there is none. */
static struct net_command *take_first(struct net_control *control)
{
	vport_lock_take(&control->lock);
	struct net_command *command = control->waiting;
	if (command) {
		control->waiting = command->next;
		if (!control->waiting)
			control->waiting_end = &control->waiting;
	}
	vport_lock_give(&control->lock);
	return command;
}

/* From here on it is its sender's again. */
static void tell_sender(struct net_command *command, int status)
{
	struct vport_work *then = command->then;
	unsigned cpu = command->cpu;

	command->status = status;
	__atomic_store_n(&command->done, true, __ATOMIC_RELEASE);
	if (then)
		vport_work_queue(then);
	else
		vport_wake(cpu);
}

int net_control_post(struct virtio_net *nic, struct net_command *command)
{
	struct net_control *control = nic->control;

	command->done = false;
	command->cpu = vport_cpu();
	int error = append(control, command);
	if (!error)
		vport_mark(&control->queue->event);
	return error;
}

int net_control_run(struct virtio_net *nic, struct net_command *command)
{
	int error = nic->control ? net_control_post(nic, command) : ERR_UNSUPPORTED;

	if (error)
		return error;
	while (!__atomic_load_n(&command->done, __ATOMIC_ACQUIRE))
		vport_relax(vport_now() + WAIT_NS);
	return command->status;
}

/* ---- With the device ------------------------------------------------------------------------------- */

/* False: the queue is broken, and nothing has happened. */
static bool push(struct net_control *control, const struct net_command *command)
{
	struct virtq_segment segments[SEGMENTS] = {
		{ control->address, HEADER_BYTES + (uint32_t)command->bytes },
		{ { control->address.bits + ANSWER_AT }, 1 },
	};

	control->page[0] = command->class;
	control->page[1] = command->command;
	memcpy(control->page + HEADER_BYTES, command->data, command->bytes);
	shared_store8(&control->page[ANSWER_AT], ANSWER_POISON);
	return virtio_queue_push(control->queue, segments, 1, 1, control, VIRTIO_ONE_DEADLINE) >= 0;
}

static void keep(struct net_control *control, const struct net_command *command)
{
	unsigned vlan = command->data[0] | (unsigned)command->data[1] << 8;
	uint8_t bit = (uint8_t)(1u << vlan % 8);

	if (command->class == VIRTIO_NET_CTRL_VLAN && command->command == VIRTIO_NET_CTRL_VLAN_ADD)
		control->vlans[vlan / 8] |= bit;
	else if (command->class == VIRTIO_NET_CTRL_VLAN)
		control->vlans[vlan / 8] &= (uint8_t)~bit;
	else if (command->keep >= 0)
		control->kept[command->keep] = *command;
	if (command->keep == NET_KEPT_STEERING)
		control->kept[NET_KEPT_HASH].bytes = 0; /* its part now, or undone by it */
}

/* The command that was with the device is not any more. */
static void end(struct virtio_net *nic, int status)
{
	struct net_control *control = nic->control;
	struct net_command *command = control->current;

	control->current = NULL;
	if (status == 0) {
		if (command != &control->again)
			keep(control, command);
		net_command_took(nic, command);
	} else if (command == &control->again && status == ERR_IO) {
		net_command_lost(nic, command);
	}
	if (command != &control->again)
		tell_sender(command, status);
}

/* The next of what is kept, in control->again. False: all of it has been told. */
static bool next_kept(struct net_control *control)
{
	struct net_command *again = &control->again;

	while (control->restored < NET_KEPT_COUNT) {
		const struct net_command *kept = &control->kept[control->restored++];
		if (kept->bytes > 0) {
			*again = *kept;
			return true;
		}
	}
	while (control->restored < NET_KEPT_COUNT + NET_VLANS) {
		unsigned vlan = control->restored++ - NET_KEPT_COUNT;
		if (control->vlans[vlan / 8] & 1u << vlan % 8) {
			*again = (struct net_command){
				.class = VIRTIO_NET_CTRL_VLAN,
				.command = VIRTIO_NET_CTRL_VLAN_ADD,
				.bytes = 2,
				.data = { (uint8_t)vlan, (uint8_t)(vlan >> 8) },
				.keep = -1,
			};
			return true;
		}
	}
	return false;
}

/* A queue that is broken takes nothing: what waits, waits for the recovery. */
static void start_next(struct net_control *control)
{
	if (control->queue->ring.broken)
		return;
	control->current = next_kept(control) ? &control->again : take_first(control);
	if (control->current && !push(control, control->current))
		return; /* the abort ends it */
	virtio_queue_publish(control->queue);
}

void net_control_drain(struct virtio_net *nic)
{
	struct net_control *control = nic->control;
	uint32_t written;
	void *cookie;

	if (virtio_queue_pop(control->queue, &cookie, &written)) {
		uint8_t answer = shared_load8(&control->page[ANSWER_AT]);
		end(nic, written > 0 && answer == VIRTIO_NET_OK ? 0 : ERR_IO);
	}
	if (!control->current)
		start_next(control);
}

/* ---- The end of the queue, or of the device ------------------------------------------------------------ */

/* ERR_IO is an answer. */
void net_control_abort(struct virtio_net *nic, int error)
{
	end(nic, error == ERR_IO ? ERR_BROKEN : error);
}

void net_control_restore(struct virtio_net *nic)
{
	struct net_control *control = nic->control;

	if (!control)
		return;
	if (control->current) /* it never reached the ring */
		end(nic, ERR_BROKEN);
	control->restored = 0;
}

void net_control_close(struct virtio_net *nic)
{
	struct net_control *control = nic->control;
	struct net_command *command;

	if (!control)
		return;
	vport_lock_take(&control->lock);
	control->closed = true;
	vport_lock_give(&control->lock);
	if (control->current)
		end(nic, ERR_NODEV);
	while ((command = take_first(control)) != NULL)
		tell_sender(command, ERR_NODEV);
}

/* ---- Create and free ------------------------------------------------------------------------------------- */

static int create(struct virtio_net *nic)
{
	struct virtio_queue_options options = { .size_limit = QUEUE_SIZE,
						.has_deadline = true,
						.indirect_entries = SEGMENTS };
	struct net_control *control = nic->control;
	unsigned index = 2 * nic->told_pairs;

	/* With the most pairs that there may be, it would have a number that no transport can name. */
	int error =
		index > UINT16_MAX ? ERR_NODEV : virtio_queue_create(nic->device, index, &options);
	if (error)
		return error;
	control->queue = virtio_queue_at(nic->device, index);
	if (control->queue->setup.size < SEGMENTS)
		return ERR_UNSUPPORTED;
	control->page = vport_dma_alloc(nic->device->port, PAGE_BYTES, 64, &control->address);
	return control->page ? 0 : ERR_NOMEM;
}

int net_control_create(struct virtio_net *nic)
{
	if (!virtio_has(nic->device, VIRTIO_NET_F_CTRL_VQ) || nic->told_pairs == 0)
		return 0;
	nic->control = vport_alloc(sizeof(*nic->control));
	if (!nic->control)
		return ERR_NOMEM;
	nic->control->waiting_end = &nic->control->waiting;
	int error = create(nic);
	if (error == ERR_NODEV) {
		virtio_log(nic->device, VPORT_LOG_ERROR,
			   "it has no control queue %u: nothing is controlled",
			   2 * nic->told_pairs);
		net_control_free(nic);
		error = 0;
	}
	return error;
}

void net_control_free(struct virtio_net *nic)
{
	struct net_control *control = nic->control;

	if (!control)
		return;
	if (control->page)
		vport_dma_free(nic->device->port, control->page, PAGE_BYTES);
	vport_free(control, sizeof(*control));
	nic->control = NULL;
}
