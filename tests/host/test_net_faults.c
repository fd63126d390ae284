/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net (VIRTIO 1.4, 5.1) and a device that breaks the rules, or is silent, reset, or gone (FAULTS 1, 3, 6, 7, 13, 32, 35,
 * 36, 39, 40). */
#include "tests/host/fake/net_jobs.h"

static const uint8_t good_header[12] = { [10] = 1 };

static void make(void)
{
	MAKE(FAKE_MTU);
}

/* ---- 7, 39, 40: what is passed for a frame ------------------------------------------------------ */

static void row7_shorter_than_a_frame(void)
{
	static uint8_t frame[60];

	make();
	start();
	for (uint32_t written = 1; written < 12 + 14; written++) {
		CHECK(fake_receive(&fake, good_header, frame, sizeof(frame), written));
		fake_sleep(1);
		CHECK_EQ(counted().malformed, written);
	}
	for (unsigned i = 0; i < 300; i++) { /* and none of the buffers is lost */
		CHECK(fake_receive(&fake, good_header, frame, sizeof(frame), 1));
		fake_sleep(1);
	}
	CHECK_EQ(heard, 0);
	CHECK_EQ(virtio_first()->resets, 0);
	receives_by(0, 14);
	works();
}

static void row39_num_buffers(void)
{
	static const uint16_t numbers[] = { 0, 2, 3, 0x7fff, 0xffff };
	static uint8_t frame[60];

	make();
	start();
	for (unsigned i = 0; i < 5; i++) {
		uint8_t header[12] = { 0 };
		header[10] = (uint8_t)numbers[i];
		header[11] = (uint8_t)(numbers[i] >> 8);
		CHECK(fake_receive(&fake, header, frame, sizeof(frame), 0));
		fake_sleep(1);
		CHECK_EQ(counted().malformed, i + 1);
	}
	CHECK_EQ(heard, 0);
	works();
}

static void row40_offload_fields(void)
{
	static uint8_t frame[60];

	make();
	start();
	for (unsigned i = 0; i < 10; i++) {
		uint8_t header[12];
		memset(header, 0xff, 10); /* flags, gso type and sizes, csum_start, csum_offset */
		header[i] = (uint8_t)(i * 31);
		header[10] = 1;
		header[11] = 0;
		CHECK(fake_receive(&fake, header, frame, sizeof(frame), 0));
		fake_sleep(1);
		CHECK_EQ(heard, i + 1);
		CHECK_EQ(heard_length, 60);
	}
	works();
}

static void row40_mtu_0(void)
{
	make();
	fake_config_set(&fake, 10, 2, 0);
	start();
	CHECK_EQ(net->mtu, 1500);
	CHECK(fake_logged("impossible mtu 0"));
	works();
}

static void row40_mtu_67(void)
{
	make();
	fake_config_set(&fake, 10, 2, 67);
	start();
	CHECK_EQ(net->mtu, 1500);
	works();
}

static void row40_mtu_65535(void)
{
	make();
	wire.mtu = 65535;
	fake_config_set(&fake, 10, 2, 65535);
	start();
	CHECK_EQ(net->mtu, 65535);
	receives_by(0, 65549);
	sends(60);
}

/* ---- Rings --------------------------------------------------------------------------------------- */

static void row1_used_id_beyond_the_queue(void)
{
	make();
	start();
	for (unsigned i = 1; i <= 6; i++) {
		struct fake_queue *queue = &fake.queues[i % 2];
		struct net_buffer *frame = net_take(net);
		CHECK(frame != NULL);
		frame->length = 60;
		fake_sleep(300); /* what was sent before is taken back */
		fake.deaf = true;
		CHECK_EQ(net_send(net, &frame, 1), 1);
		ring_device_lie_used(&queue->ring, 999, 0, 1);
		fake_interrupt_queue(queue);
		CHECK(FAKE_WAIT(virtio_first()->resets == i, 1000));
		CHECK_EQ(net->resets, i);
		CHECK_EQ(counted().failed, i);
		fake.deaf = false;
		works();
	}
}

static void row3_received_twice(void)
{
	make();
	start();
	struct ring_chain *chain = fake.queues[0].ring.taken;
	uint16_t id = chain->id;
	fake_use(&fake.queues[0], chain, 72);
	ring_device_lie_used(&fake.queues[0].ring, id, 72, 1);
	fake_interrupt_queue(&fake.queues[0]);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	CHECK(heard <= 1);
	works();
}

static void row6_more_written_than_the_buffer_has(void)
{
	make();
	start();
	struct ring_chain *chain = fake.queues[0].ring.taken;
	fake_use(&fake.queues[0], chain, (uint32_t)chain->writable + 1);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	CHECK_EQ(heard, 0);
	works();
}

static void row13_never_sent(void)
{
	static uint8_t memory[NET_ROOM + 60];
	struct net_buffer buffer, *frame = &buffer;

	fake_setting("deadline_ms", "500");
	make();
	start();
	net_buffer_over(&buffer, memory, sizeof(memory));
	buffer.start = NET_ROOM;
	buffer.length = 60;
	buffer.done = done;
	fake.deaf = true;
	uint64_t begun = fake_port.now;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(done_count > 0, 3000));
	CHECK(fake_port.now - begun < UINT64_C(1500000000));
	CHECK_EQ(done_count, 1);
	CHECK_EQ(done_status, ERR_TIMEOUT);
	CHECK_EQ(fake_port.mappings, 0);
	CHECK_EQ(virtio_first()->resets, 1);
	fake.deaf = false;
	works();
	/* Nothing comes in for hours: that is no fault. */
	fake_sleep(100000);
	CHECK_EQ(virtio_first()->resets, 1);
}

static void row35_needs_reset(void)
{
	make();
	start();
	for (unsigned i = 1; i <= 5; i++) {
		struct net_buffer *frame = net_take(net);
		CHECK(frame != NULL);
		frame->length = 60;
		fake.deaf = true;
		CHECK_EQ(net_send(net, &frame, 1), 1);
		fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
		fake_interrupt_config(&fake);
		CHECK(FAKE_WAIT(virtio_first()->resets == i &&
					virtio_first()->state == VIRTIO_RUNNING,
				1000));
		fake.deaf = false;
		CHECK_EQ(counted().failed, i);
		works();
		fake_sleep(600);
	}
	/* And no buffer was lost. */
	struct net_buffer *frames[64];
	for (unsigned i = 0; i < 64; i++) {
		frames[i] = net_take(net);
		CHECK(frames[i] != NULL);
	}
	for (unsigned i = 0; i < 64; i++)
		net_release(net, frames[i]);
}

static void row36_gone(void)
{
	make();
	start();
	struct net_buffer *frame = net_take(net);
	frame->length = 60;
	frame->done = NULL;
	fake.gone = true;
	net_send(net, &frame, 1);
	CHECK(FAKE_WAIT(net->gone, 5000));
	CHECK(!net->link);
	frame = net_take(net);
	CHECK(frame != NULL);
	frame->length = 60;
	CHECK_EQ(net_send(net, &frame, 1), ERR_NODEV);
	net_release(net, frame);
	net_poll(net);
	fake_sleep(1000);
}

/* It may go on: what it was given to fill is given to nobody else, and what it was given to read stays mapped. */
static void row32_reset_hangs(void)
{
	static uint8_t memory[NET_ROOM + 60];
	struct net_buffer buffer, *frame = &buffer;
	unsigned left = 0;

	fake_setting("deadline_ms", "500");
	make();
	start();
	while (net_take(net)) /* what the device has not got: they are not given back */
		left++;
	CHECK_EQ(left, 64);
	net_buffer_over(&buffer, memory, sizeof(memory));
	buffer.start = NET_ROOM;
	buffer.length = 60;
	buffer.done = done;
	fake.deaf = fake.hang_reset = true;
	CHECK_EQ(net_send(net, &frame, 1), 1);
	CHECK(FAKE_WAIT(net->gone, 5000));
	CHECK_EQ(done_count, 1);
	CHECK_EQ(done_status, ERR_NODEV);
	if (bus == FAKE_PCI) { /* bus mastering is off: it cannot go on */
		CHECK(!net->keeps_memory);
		CHECK_EQ(fake_port.mappings, 0);
		CHECK(net_take(net) != NULL);
	} else {
		CHECK(net->keeps_memory);
		CHECK_EQ(fake_port.mappings, 1);
		CHECK(net_take(net) == NULL);
	}
}

static void flood(void)
{
	static uint8_t frame[60];
	unsigned before;

	make();
	start();
	for (unsigned round = 0; round < 50; round++) {
		before = heard;
		unsigned received = 0;
		while (fake_receive(&fake, good_header, frame, sizeof(frame), 0))
			received++;
		CHECK_EQ(received, 64);
		CHECK(FAKE_WAIT(heard == before + received, 100));
		fake_sleep(1);
	}
	works();
}

static void out_of_memory(void)
{
	unsigned count = 0;

	do {
		make();
	} while (probe_without_memory(&fake, ++count) && count < 50);
	CHECK(count > 5 && count < 50);
	net = net_find("net0");
	net_listen(net, hear, &heard);
	works();
}

static void queue_is_not_enabled(void)
{
	make();
	fake.refuse_queue = true;
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	CHECK_NOTHING_LEFT();
	CHECK(net_first() == NULL);
}

/* QEMU stops to ask for notifications by an index in a packed ring. */
static void no_event_index_in_packed_rings(void)
{
	make();
	start();
	CHECK_EQ(fake_accepted(&fake, VIRTIO_F_EVENT_IDX), ring != FAKE_PACKED);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(row7_shorter_than_a_frame, ON_ALL),
		SCENARIO(row39_num_buffers, ON_ALL),
		SCENARIO(row40_offload_fields, ON_ALL),
		SCENARIO(row40_mtu_0, ON_BUSES),
		SCENARIO(row40_mtu_67, ON_BUSES),
		SCENARIO(row40_mtu_65535, ON_BUSES),
		SCENARIO(row1_used_id_beyond_the_queue, ON_ALL),
		SCENARIO(row3_received_twice, ON_ALL),
		SCENARIO(row6_more_written_than_the_buffer_has, ON_ALL),
		SCENARIO(row13_never_sent, ON_ALL),
		SCENARIO(row35_needs_reset, ON_ALL),
		SCENARIO(row36_gone, ON_ALL),
		SCENARIO(row32_reset_hangs, ON_ALL),
		SCENARIO(flood, ON_ALL),
		SCENARIO(out_of_memory, ON_ALL),
		SCENARIO(queue_is_not_enabled, ON_BUSES),
		SCENARIO(no_event_index_in_packed_rings, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
