/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net: VIRTIO 1.4 section 5.1, in its plain form: one pair of queues, no offloads, so that what
 * precedes each frame is a header of zeros. This file brings the device up and knows its configuration;
 * net_frame.c moves the frames; programs see net.h.
 *
 * See it at work: make run APP=nettest NET=user
 * Left out: checksum and segmentation offload, merged receive buffers, the control queue, several queue
 * pairs.
 */
#include "drivers/virtio/drivers.h"
#include "drivers/virtio/net_frame.h"
#include "lib/mem.h"
#include "lib/text.h"

/* ---- Wire structures ----------------------------------------------------------------- */

/* 5.1.4 */
enum net_config { CONFIG_MAC = 0, CONFIG_STATUS = 6, CONFIG_MTU = 10 };
enum { VIRTIO_NET_S_LINK_UP = 1 };

/* 5.1.2 */
enum { RECEIVEQ = 0, TRANSMITQ = 1 };

/* ---- Features (5.1.3) ------------------------------------------------------------------ */

enum { VIRTIO_NET_F_MTU = 3, VIRTIO_NET_F_MAC = 5, VIRTIO_NET_F_STATUS = 16 };

static const uint8_t wanted[] = { VIRTIO_NET_F_MTU, VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS };

/* ---- State --------------------------------------------------------------------------------- */

#define QUEUE_SIZE 256
#define DEFAULT_MTU 1500
#define SMALLEST_MTU 68 /* 5.1.4.1-2 */
#define VLAN_TAG_BYTES 4
#define LINE_BYTES 64
/* The pool: enough for both queues, and no more memory than this where frames are large. */
#define POOL_BYTES_MAX (4u << 20)

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
	net->listener = listener;
	net->listener_cookie = cookie;
}

void net_watch_link(struct net_device *net, net_link_listener *listener, void *cookie)
{
	net->link_listener = listener;
	net->link_cookie = cookie;
}

void net_announce(struct net_device *net, net_announcer *announcer, void *cookie)
{
	net->announcer = announcer;
	net->announcer_cookie = cookie;
}

void net_count(const struct net_device *net, struct net_counts *counts)
{
	*counts = ((const struct virtio_net *)net)->counts;
}

/* ---- Configuration (5.1.4) -------------------------------------------------------------------------- */

static void read_link(struct virtio_net *nic)
{
	uint16_t status = VIRTIO_NET_S_LINK_UP; /* 5.1.4.2-5 */

	if (virtio_has(nic->device, VIRTIO_NET_F_STATUS) &&
	    virtio_config_read(nic->device, CONFIG_STATUS, 2, 1, &status) != 0)
		return;
	nic->net.link = (status & VIRTIO_NET_S_LINK_UP) != 0;
}

/* 5.1.4.2-3; where the device has no address for us, a locally administered one that is hardly another
 * machine's (5.1.4.2-4). */
static int read_mac(struct virtio_net *nic)
{
	uint64_t now = vport_now() * UINT64_C(0x9e3779b97f4a7c15);

	if (virtio_has(nic->device, VIRTIO_NET_F_MAC))
		return virtio_config_read(nic->device, CONFIG_MAC, 1, NET_MAC_BYTES, nic->net.mac);
	nic->net.mac[0] = 0x02;
	for (unsigned i = 1; i < NET_MAC_BYTES; i++)
		nic->net.mac[i] = (uint8_t)(now >> (8 * i + 16));
	return 0;
}

static int read_mtu(struct virtio_net *nic)
{
	uint16_t mtu = DEFAULT_MTU;

	if (virtio_has(nic->device, VIRTIO_NET_F_MTU)) {
		int error = virtio_config_read(nic->device, CONFIG_MTU, 2, 1, &mtu);
		/* A vhost-user back end may offer the feature and leave the field to a front end. */
		if (error == ERR_RANGE)
			mtu = DEFAULT_MTU;
		else if (error)
			return error;
	}
	if (mtu < SMALLEST_MTU) {
		virtio_log(nic->device, VPORT_LOG_ERROR, "impossible mtu %u: taken as %u", mtu,
			   DEFAULT_MTU);
		mtu = DEFAULT_MTU;
	}
	nic->net.mtu = mtu;
	nic->net.largest = NET_HEADER_BYTES + nic->net.mtu;
	nic->net.pieces_heard = 1;
	nic->net.pairs = nic->net.pairs_max = 1;
	return 0;
}

static void config_changed(struct virtio_device *device)
{
	struct virtio_net *nic = device->data;
	bool before = nic->net.link;

	read_link(nic);
	if (nic->net.link == before)
		return;
	virtio_log(device, VPORT_LOG_INFO, "%s: link %s", nic->net.name,
		   nic->net.link ? "up" : "down");
	if (nic->net.link_listener)
		nic->net.link_listener(&nic->net, nic->net.link_cookie);
}

/* ---- Probe, remove, ready, abort, gone -------------------------------------------------------------------- */

static void free_nic(struct virtio_net *nic)
{
	if (nic->buffers)
		vport_free(nic->buffers, nic->buffer_count * sizeof(*nic->buffers));
	if (nic->memory)
		vport_dma_free(nic->device->port, nic->memory,
			       (size_t)nic->buffer_count * nic->buffer_bytes);
	vport_free(nic, sizeof(*nic));
}

static int create_queues(struct virtio_net *nic)
{
	struct virtio_device *device = nic->device;
	struct virtio_queue_options options = { .size_limit = QUEUE_SIZE, .driver = nic };
	int error = virtio_queue_create(device, RECEIVEQ, &options);

	options.has_deadline = true;
	options.quiet = true; /* most frames that are sent are of no interest any more */
	options.indirect_entries = NET_MAX_PIECES;
	if (!error)
		error = virtio_queue_create(device, TRANSMITQ, &options);
	if (!error) {
		nic->receive = device->queues[RECEIVEQ];
		nic->transmit = device->queues[TRANSMITQ];
		nic->net.pieces = nic->transmit->setup.size < NET_MAX_PIECES
					  ? nic->transmit->setup.size
					  : NET_MAX_PIECES;
		if (nic->net.pieces < 2) {
			virtio_log(device, VPORT_LOG_ERROR, "its queue is too small: %u",
				   nic->transmit->setup.size);
			error = ERR_UNSUPPORTED;
		}
	}
	return error;
}

/* Each holds a frame of the largest size (5.1.4.2-7, 5.1.9.3.1-2), and begins on a cache line; their
 * number of lines is odd, so that all sets of a cache are used alike. */
static int allocate_buffers(struct virtio_net *nic)
{
	uint32_t bytes = NET_ROOM + NET_HEADER_BYTES + VLAN_TAG_BYTES + nic->net.mtu;
	unsigned count = nic->receive->setup.size + nic->transmit->setup.size;
	dma_addr_t address;

	nic->buffer_bytes = ((bytes + LINE_BYTES - 1) & ~(LINE_BYTES - 1u)) | LINE_BYTES;
	nic->buffer_count = count < POOL_BYTES_MAX / nic->buffer_bytes
				    ? count
				    : POOL_BYTES_MAX / nic->buffer_bytes;
	unsigned to_send = nic->transmit->setup.size;
	if (to_send > nic->buffer_count / 2)
		to_send = nic->buffer_count / 2;
	nic->receive_max = nic->buffer_count - to_send;
	nic->buffers = vport_alloc(nic->buffer_count * sizeof(*nic->buffers));
	nic->memory =
		vport_dma_alloc(nic->device->port, (size_t)nic->buffer_count * nic->buffer_bytes,
				LINE_BYTES, &address);
	if (!nic->buffers || !nic->memory)
		return ERR_NOMEM;
	for (unsigned i = 0; i < nic->buffer_count; i++) {
		struct net_buffer *buffer = &nic->buffers[i];
		size_t offset = (size_t)i * nic->buffer_bytes;
		net_buffer_over(buffer, nic->memory + offset, nic->buffer_bytes);
		buffer->address.bits = address.bits + offset;
		buffer->pool = &nic->pool;
		net_put_free(nic, buffer);
	}
	return 0;
}

static int probe(struct virtio_device *device)
{
	struct virtio_net *nic = vport_alloc(sizeof(*nic));
	if (!nic)
		return ERR_NOMEM;
	nic->device = device;
	device->data = nic;
	int error = read_mac(nic);
	if (!error)
		error = read_mtu(nic);
	if (!error)
		error = create_queues(nic);
	if (!error)
		error = allocate_buffers(nic);
	if (error)
		free_nic(nic);
	return error;
}

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

static void remove(struct virtio_device *device)
{
	free_nic(device->data);
}

static void ready(struct virtio_device *device)
{
	struct virtio_net *nic = device->data;

	if (!nic->net.name[0])
		add_interface(nic);
	read_link(nic);
	nic->net.resets = device->resets;
	nic->net.interrupts = device->interrupts != VIRTIO_POLLED;
	net_refill(nic);
}

static void gone(struct virtio_device *device)
{
	struct virtio_net *nic = device->data;

	nic->net.gone = true;
	nic->net.link = false;
	if (nic->net.link_listener)
		nic->net.link_listener(&nic->net, nic->net.link_cookie);
}

const struct virtio_driver virtio_net_driver = {
	.type = VIRTIO_TYPE_NET,
	.name = "net",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.probe = probe,
	.remove = remove,
	.ready = ready,
	.drain = net_drain,
	.abort = net_abort,
	.config_changed = config_changed,
	.gone = gone,
};
