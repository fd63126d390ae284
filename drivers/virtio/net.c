/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net: VIRTIO 1.4 section 5.1. This file brings the device up, takes it down and recovers it; net_nic.h says
 * what is in the others; programs see net.h.
 *
 * Queues come in pairs, one pair for each CPU where the device has so many: pair i is at home on CPU i. (With
 * pairs=N on the kernel's command line there are N of them, dealt over the CPUs in turn.) At first a device serves
 * the first pair alone; the others are opened when it has answered the command.
 *
 * See it at work: make run APP=nettest NET=user
 * Left out: notification coalescing, device statistics, standby.
 */
#include "drivers/virtio/drivers.h"
#include "drivers/virtio/net_nic.h"
#include "lib/mem.h"
#include "lib/text.h"

/* ---- Interfaces, and who listens to them -------------------------------------------------------------- */

static struct net_device *interfaces;

struct net_device *net_first(void)
{
	return interfaces;
}

struct net_device *net_find(const char *name)
{
	struct net_device *net = interfaces;

	while (net && !text_equal(net->name, name))
		net = net->next;
	return net;
}

void net_listen(struct net_device *net, net_listener *listener, void *cookie)
{
	net->listener_cookie = cookie;
	__atomic_store_n(&net->listener, listener, __ATOMIC_RELEASE);
}

void net_watch_link(struct net_device *net, net_link_listener *listener, void *cookie)
{
	net->link_listener = listener;
	net->link_cookie = cookie;
}

void net_watch_room(struct net_device *net, net_room_listener *listener, void *cookie)
{
	net->room_cookie = cookie;
	__atomic_store_n(&net->room_listener, listener, __ATOMIC_RELEASE);
}

void net_announce(struct net_device *net, net_announcer *announcer, void *cookie)
{
	net->announcer = announcer;
	net->announcer_cookie = cookie;
}

void net_count(const struct net_device *net, struct net_counts *counts)
{
	const struct virtio_net *nic = (const struct virtio_net *)net;

	*counts = (struct net_counts){ 0 };
	for (unsigned i = 0; i < nic->pair_count; i++) {
		const struct net_counts *pair = &nic->pairs[i].counts;
		counts->sent += pair->sent;
		counts->sent_bytes += pair->sent_bytes;
		counts->failed += pair->failed;
		counts->received += pair->received;
		counts->received_bytes += pair->received_bytes;
		counts->malformed += pair->malformed;
		counts->unheard += pair->unheard;
	}
}

void net_count_pair(const struct net_device *net, unsigned pair, struct net_counts *counts)
{
	kit_assert(pair < net->pairs_max);
	*counts = ((const struct virtio_net *)net)->pairs[pair].counts;
}

/* ---- Pairs of queues ------------------------------------------------------------------------------------- */

void net_open_pairs(struct virtio_net *nic, unsigned pairs)
{
	if (pairs > nic->pair_count)
		pairs = nic->pair_count;
	nic->pairs_open = nic->pairs_served = nic->net.pairs = pairs;
	for (unsigned i = 0; i < nic->pair_count; i++)
		vport_mark(&nic->pairs[i].transmit->event);
}

static int create_pair(struct virtio_net *nic, unsigned index, uint64_t period)
{
	struct virtio_device *device = nic->device;
	struct net_pair *pair = &nic->pairs[index];
	struct virtio_queue_options receive = { .size_limit = NET_QUEUE_SIZE,
						.driver = pair,
						.cpu = index % nic->cpus };
	struct virtio_queue_options transmit = receive;

	transmit.has_deadline = true;
	transmit.quiet = true; /* most frames that are sent are of no interest any more */
	transmit.indirect_entries = NET_MAX_PIECES;
	/* 5.1.2: 2i is a receiveq, 2i + 1 its transmitq. That one first: where it is missing there is no pair. */
	int error = virtio_queue_create(device, 2 * index + 1, &transmit);
	if (error)
		return error;
	error = virtio_queue_create(device, 2 * index, &receive);
	if (error)
		return error == ERR_NODEV ? ERR_FORMAT : error;
	*pair = (struct net_pair){
		.nic = nic,
		.index = index,
		.receive = virtio_queue_at(device, 2 * index),
		.transmit = virtio_queue_at(device, 2 * index + 1),
		.guarded = receive.cpu != 0,
	};
	pair->reap_at = pair->transmit->setup.size / 2u;
	if (pair->reap_at > NET_BURST)
		pair->reap_at = NET_BURST;
	pair->outbox_end = &pair->outbox;
	pair->coalesce.period = period;
	return 0;
}

/* How many pairs are wanted: one a CPU, as far as there are so many. */
static unsigned wanted_pairs(const struct virtio_net *nic)
{
	const char *text = vport_setting_text("pairs");
	uint64_t wanted = vport_setting("pairs", 0);

	if (wanted == 0) {
		if (text)
			virtio_log(nic->device, VPORT_LOG_ERROR,
				   "pairs=%s: a number of at least 1 is wanted: one a CPU is used",
				   text);
		wanted = nic->cpus;
	}
	if (wanted > NET_MAX_PAIRS)
		wanted = NET_MAX_PAIRS;
	if (wanted > nic->told_pairs)
		wanted = nic->told_pairs;
	return wanted > 0 ? (unsigned)wanted : 1; /* told_pairs may be 0 */
}

/* As many as there really are. */
static int create_pairs(struct virtio_net *nic)
{
	struct virtio_device *device = nic->device;
	unsigned wanted = wanted_pairs(nic);
	uint64_t period = net_coalesce_period(device);

	for (unsigned i = 0; i < wanted; i++) {
		int error = create_pair(nic, i, period);
		if (error == ERR_NODEV && i > 0)
			break;
		if (error)
			return error;
		nic->pair_count = i + 1;
		uint16_t size = nic->pairs[i].transmit->setup.size;
		if (size < nic->net.pieces || i == 0)
			nic->net.pieces = size < NET_MAX_PIECES ? size : NET_MAX_PIECES;
		if (size < 2) {
			virtio_log(device, VPORT_LOG_ERROR, "its queue is too small: %u", size);
			return ERR_UNSUPPORTED;
		}
	}
	nic->net.pairs_max = nic->pair_count;
	return 0;
}

/* ---- Probe and remove -------------------------------------------------------------------------------------- */

static void free_nic(struct virtio_net *nic)
{
	net_control_free(nic);
	net_pools_free(nic);
	vport_free(nic, sizeof(*nic));
}

/* What needs the control queue. */
static uint32_t control_abilities(const struct virtio_net *nic)
{
	const struct virtio_device *device = nic->device;
	uint32_t can = 0;

	if (nic->pair_count > 1)
		can |= NET_CAN_SET_PAIRS;
	if (virtio_has(device, VIRTIO_NET_F_CTRL_RX))
		can |= NET_CAN_SET_MODE;
	if (virtio_has(device, VIRTIO_NET_F_CTRL_RX_EXTRA))
		can |= NET_CAN_SET_MODES;
	if (virtio_has(device, VIRTIO_NET_F_CTRL_VLAN))
		can |= NET_CAN_FILTER_VLAN;
	/* 5.1.9.5.2.2-1 */
	if (virtio_has(device, VIRTIO_NET_F_CTRL_MAC_ADDR) &&
	    virtio_has(device, VIRTIO_NET_F_CTRL_RX))
		can |= NET_CAN_SET_MAC;
	if (virtio_has(device, VIRTIO_NET_F_RSS) && nic->net.rss.table_length > 0)
		can |= NET_CAN_SPREAD;
	if (nic->reports_hash && nic->net.rss.key_bytes > 0)
		can |= NET_CAN_REPORT_HASH;
	if (virtio_has(device, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		can |= NET_CAN_SET_HEARS;
	return can;
}

/* The first things that the device is told when it runs, as it is told again after each reset. */
static void keep_first_commands(struct virtio_net *nic)
{
	struct net_control *control = nic->control;
	struct net_command *mac = &control->kept[NET_KEPT_MAC];

	if (nic->pair_count > 1)
		control->kept[NET_KEPT_STEERING] = net_command_pairs(nic, nic->pair_count);
	/* 5.1.9.5.2.2-2: one that we have made up. */
	if ((nic->net.can & NET_CAN_SET_MAC) && !virtio_has(nic->device, VIRTIO_NET_F_MAC)) {
		*mac = (struct net_command){ .class = VIRTIO_NET_CTRL_MAC,
					     .command = VIRTIO_NET_CTRL_MAC_ADDR_SET,
					     .bytes = NET_MAC_BYTES };
		memcpy(mac->data, nic->net.mac, NET_MAC_BYTES);
	}
}

static int create(struct virtio_net *nic)
{
	int error = net_read_config(nic);

	if (!error)
		error = create_pairs(nic);
	if (!error)
		error = net_control_create(nic);
	if (!error)
		error = net_pools_create(nic);
	if (error)
		return error;
	uint32_t usable = nic->buffer_bytes - (NET_ROOM - nic->header_bytes);
	nic->net.pieces_heard = nic->merges ? (net_longest(nic) + usable - 1) / usable : 1;
	nic->pairs_open = nic->pairs_served = nic->net.pairs = 1;
	if (nic->control) {
		nic->net.can |= control_abilities(nic);
		keep_first_commands(nic);
	} else if (nic->device->transport->serves_enabled) {
		nic->pairs_open = nic->pairs_served = nic->net.pairs = nic->pair_count;
	}
	return 0;
}

static int probe(struct virtio_device *device)
{
	struct virtio_net *nic = vport_alloc(sizeof(*nic));
	if (!nic)
		return ERR_NOMEM;
	nic->device = device;
	nic->cpus = vport_cpu_count();
	nic->many_cpus = nic->cpus > 1;
	nic->announcing.run = net_announce_work;
	device->data = nic;
	int error = create(nic);
	if (error)
		free_nic(nic);
	return error;
}

static void remove_nic(struct virtio_device *device)
{
	free_nic(device->data);
}

/* ---- What the core tells --------------------------------------------------------------------------------------- */

static void add_interface(struct virtio_net *nic)
{
	struct net_device **end = &interfaces;
	unsigned count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	memcpy(nic->net.name, "net0", 5);
	nic->net.name[3] = (char)('0' + count % 10);
	memcpy(nic->device->name, nic->net.name, sizeof(nic->device->name));
	*end = &nic->net;
}

/* A recovery begins: whoever is at a pair's queues, outside of a drain, leaves them, and nobody comes. The device then
 * serves the first pair alone, until it is told. */
static void stop(struct virtio_device *device)
{
	struct virtio_net *nic = device->data;

	for (unsigned i = 0; i < nic->pair_count; i++) {
		const struct net_pair *pair = &nic->pairs[i];
		while (pair->guarded && __atomic_load_n(&pair->inside, __ATOMIC_SEQ_CST))
			;
	}
	if (nic->control) {
		nic->pairs_open = nic->pairs_served = 1;
		for (unsigned i = 1; i < nic->pair_count; i++)
			nic->pairs[i].open = false;
	}
}

/* The homes of the other pairs fill their queues, because all are marked next. */
static void ready(struct virtio_device *device)
{
	struct virtio_net *nic = device->data;

	if (!nic->net.name[0])
		add_interface(nic);
	net_read_status(nic);
	nic->net.resets = device->resets;
	nic->net.interrupts = device->interrupts != VIRTIO_POLLED;
	nic->pairs[0].open = true;
	net_refill(&nic->pairs[0]);
	net_control_restore(nic);
}

static void drain(struct virtio_queue *queue)
{
	struct net_pair *pair = queue->driver;

	if (!pair)
		net_control_drain(queue->device->data);
	else if (queue == pair->receive)
		net_drain_receive(pair);
	else
		net_drain_transmit(pair);
}

static void abort_buffer(struct virtio_queue *queue, void *cookie, int error)
{
	struct virtio_net *nic = queue->device->data;
	struct net_pair *pair = queue->driver;

	nic->net.keeps_memory = queue->device->memory_lost;
	if (!pair)
		net_control_abort(nic, error);
	else if (queue == pair->transmit)
		net_abort_transmit(pair, cookie, error);
	else if (!queue->device->memory_lost)
		net_pool_put(cookie); /* else it is nobody's for good: it may yet be filled */
}

static void tell_link(struct net_device *net)
{
	if (net->link_listener)
		net->link_listener(net, net->link_cookie);
}

static void config_changed(struct virtio_device *device)
{
	struct virtio_net *nic = device->data;
	bool before = nic->net.link;

	if (net_read_status(nic) && nic->control) {
		nic->announcement_due = true; /* 5.1.9.5.4.1-1 */
		vport_work_queue(&nic->announcing);
	}
	if (nic->net.link == before)
		return;
	if (virtio_tells_change(device))
		virtio_log(device, VPORT_LOG_INFO, "%s: link %s", nic->net.name,
			   nic->net.link ? "up" : "down");
	tell_link(&nic->net);
}

static void gone(struct virtio_device *device)
{
	struct virtio_net *nic = device->data;

	nic->net.gone = true;
	nic->net.link = false;
	net_control_close(nic);
	for (unsigned i = 0; i < nic->pair_count; i++)
		net_outbox_close(&nic->pairs[i]);
	/* Whoever waits, on any of them, for room or for a buffer: none will come. */
	for (unsigned cpu = 0; cpu < nic->cpus; cpu++)
		vport_wake(cpu);
	tell_link(&nic->net);
}

const struct virtio_driver virtio_net_driver = {
	.type = VIRTIO_TYPE_NET,
	.name = "net",
	.wanted = net_wanted,
	.wanted_count = NET_WANTED_COUNT,
	.names = net_feature_names,
	.name_count = NET_WANTED_COUNT,
	.choose = net_choose_features,
	.probe = probe,
	.remove = remove_nic,
	.stop = stop,
	.ready = ready,
	.drain = drain,
	.abort = abort_buffer,
	.config_changed = config_changed,
	.gone = gone,
};
