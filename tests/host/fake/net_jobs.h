/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of network features have in common: an interface on a device that offers what the test says, and a
 * listener that keeps what it heard last. */
#ifndef TESTS_HOST_FAKE_NET_JOBS_H
#define TESTS_HOST_FAKE_NET_JOBS_H

#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "drivers/virtio/net.h"
#include "tests/host/fake/net.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;
static struct fake_wire wire;
static struct net_device *net;

/* Features in a list that ends with one below 0. */
static inline void make_offering(const int *features)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

	fake_device_init(&fake, bus, &fake_net, ring);
	fake.state = &wire;
	wire = (struct fake_wire){ .mtu = 1500 };
	memcpy(fake.config, mac, 6);
	fake_config_set(&fake, 6, 2, 1);              /* link up */
	fake_config_set(&fake, 8, 2, FAKE_NET_PAIRS); /* max_virtqueue_pairs */
	fake_config_set(&fake, 10, 2, 1500);          /* mtu */
	fake_config_set(&fake, 17, 1, 40);            /* rss_max_key_size */
	fake_config_set(&fake, 18, 2, 128);           /* rss_max_indirection_table_length */
	fake_config_set(&fake, 20, 4, 0x1ff);         /* supported_hash_types */
	for (; *features >= 0; features++)
		fake_offer(&fake, (unsigned)*features);
}

#define MAKE(...) make_offering((const int[]){ __VA_ARGS__, -1 })

/* The frame that came in last: its bytes, all pieces of it, and what it said of itself. */
static unsigned heard, heard_pieces, heard_on;
static size_t heard_length;
static uint8_t heard_frame[FAKE_FRAME_BYTES];
static struct net_offload heard_offload;

static inline void hear(struct net_device *interface, struct net_buffer *const *frames,
			unsigned count, void *cookie)
{
	CHECK(cookie == &heard);
	CHECK(count > 0 && count <= NET_BURST);
	for (unsigned i = 0; i < count; i++) {
		heard++;
		heard_length = heard_pieces = 0;
		heard_offload = frames[i]->offload;
		heard_on = vport_cpu();
		for (const struct net_buffer *piece = frames[i]; piece; piece = piece->more) {
			CHECK(heard_length + piece->length <= sizeof(heard_frame));
			memcpy(heard_frame + heard_length, net_data(piece), piece->length);
			heard_length += piece->length;
			heard_pieces++;
		}
		net_release(interface, frames[i]);
	}
}

/* A done function: how often it was called, and what it was told the last time, on which CPU. */
static unsigned done_count, done_on;
static int done_status;

static inline void done(struct net_buffer *frame, int status)
{
	(void)frame;
	done_count++;
	done_status = status;
	done_on = vport_cpu();
}

/* Who is told that there is room again: how often. */
static unsigned told_of_room;

static inline void note_room(struct net_device *interface, void *cookie)
{
	CHECK(interface == net && cookie == &told_of_room);
	told_of_room++;
}

/* The device has us announce ourselves (5.1.4.2). */
static inline void ask_for_announcement(void)
{
	fake_config_set(&fake, 6, 2, 3);
	fake.generation++;
	fake_interrupt_config(&fake);
}

/* Another listener, which keeps all that it gets. */
static struct net_buffer *kept;
static unsigned kept_count;

static inline void keep(struct net_device *interface, struct net_buffer *const *frames,
			unsigned count, void *cookie)
{
	(void)interface;
	(void)cookie;
	for (unsigned i = 0; i < count; i++) {
		frames[i]->next = kept;
		kept = frames[i];
		kept_count++;
	}
}

static inline void give_back_kept(void)
{
	while (kept) {
		struct net_buffer *next = kept->next;
		net_release(net, kept);
		kept = next;
	}
	kept_count = 0;
}

static inline void start(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
	net = net_find("net0");
	if (!net)
		exit(1);
	net_listen(net, hear, &heard);
	fake_sleep(5);
}

static inline struct net_counts counted(void)
{
	struct net_counts counts;

	net_count(net, &counts);
	return counts;
}

static inline void fill(uint8_t *frame, size_t length, unsigned seed)
{
	for (size_t i = 0; i < length; i++)
		frame[i] = (uint8_t)(seed + i * 7 + i / 251);
}

static inline void sends(size_t length)
{
	struct net_buffer *frame = net_take(net);
	uint8_t expected[2000];
	unsigned before = wire.sent;

	CHECK(frame != NULL);
	if (!frame)
		return;
	fill(expected, length, (unsigned)length);
	memcpy(net_data(frame), expected, length);
	frame->length = (uint32_t)length;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(wire.sent > before, 100));
	CHECK_EQ(wire.length, length);
	CHECK(memcmp(wire.frame, expected, length) == 0);
}

/* By that pair, with a header of zeros. */
static inline void receives_by(unsigned pair, size_t length)
{
	static const uint8_t header[20];
	static uint8_t frame[FAKE_FRAME_BYTES];
	unsigned before = heard;

	fill(frame, length, (unsigned)length + 1);
	CHECK(fake_receive_by(&fake, pair, header, frame, length, 0));
	CHECK(FAKE_WAIT(heard > before, 300));
	CHECK_EQ(heard_length, length);
	CHECK(memcmp(heard_frame, frame, length) == 0);
	fake_sleep(1); /* the buffers go back */
}

static inline void works(void)
{
	fake_sleep(1);
	sends(60);
	sends(1514);
	receives_by(0, 60);
	receives_by(0, 1514);
}

/* The device asks for a reset, has one, and runs again. */
static inline void recovers(void)
{
	unsigned resets = net->resets;

	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(net->resets == resets + 1 && virtio_first()->state == VIRTIO_RUNNING,
			3000));
	fake_sleep(600);
}

#endif
