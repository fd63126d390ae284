/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net's features and configuration (VIRTIO 1.4, 5.1.3, 5.1.4), and its queues as far as a device has them: what is
 * missing, too small, contradicts something else or changes all the time (FAULTS 22, 33, 40). */
#include "tests/host/fake/net_jobs.h"

#include "kernel/arch.h"

/* ---- Features (5.1.3.1) ------------------------------------------------------------------- */

/* What is offered, and what of it may not be accepted because something else is not offered. */
static void with_a_lonely_feature(unsigned row)
{
	static const struct {
		int offered[4];
		int without;
	} rows[] = {
		{ { FAKE_GUEST_TSO4, -1 }, FAKE_GUEST_TSO4 },
		{ { FAKE_GUEST_TSO6, -1 }, FAKE_GUEST_TSO6 },
		{ { FAKE_GUEST_CSUM, FAKE_GUEST_ECN, -1 }, FAKE_GUEST_ECN },
		{ { FAKE_GUEST_TSO4, FAKE_GUEST_ECN, -1 }, FAKE_GUEST_ECN },
		{ { FAKE_GUEST_UFO, -1 }, FAKE_GUEST_UFO },
		{ { FAKE_GUEST_USO4, -1 }, FAKE_GUEST_USO4 },
		{ { FAKE_GUEST_USO6, -1 }, FAKE_GUEST_USO6 },
		{ { FAKE_HOST_TSO4, -1 }, FAKE_HOST_TSO4 },
		{ { FAKE_HOST_TSO6, -1 }, FAKE_HOST_TSO6 },
		{ { FAKE_CSUM, FAKE_HOST_ECN, -1 }, FAKE_HOST_ECN },
		{ { FAKE_HOST_UFO, -1 }, FAKE_HOST_UFO },
		{ { FAKE_HOST_USO, -1 }, FAKE_HOST_USO },
		{ { FAKE_CTRL_RX, -1 }, FAKE_CTRL_RX },
		{ { FAKE_CTRL_VLAN, -1 }, FAKE_CTRL_VLAN },
		{ { FAKE_CTRL_RX_EXTRA, -1 }, FAKE_CTRL_RX_EXTRA },
		{ { FAKE_GUEST_ANNOUNCE, -1 }, FAKE_GUEST_ANNOUNCE },
		{ { FAKE_MQ, -1 }, FAKE_MQ },
		{ { FAKE_CTRL_MAC_ADDR, -1 }, FAKE_CTRL_MAC_ADDR },
		{ { FAKE_CTRL_GUEST_OFFLOADS, -1 }, FAKE_CTRL_GUEST_OFFLOADS },
		{ { FAKE_RSS, -1 }, FAKE_RSS },
		{ { FAKE_HASH_REPORT, -1 }, FAKE_HASH_REPORT },
	};

	make_offering(rows[row].offered);
	start();
	CHECK(!fake_accepted(&fake, (unsigned)rows[row].without));
	CHECK_EQ(net->can & ~(unsigned)NET_CAN_CHECKSUM, 0);
	CHECK_EQ(net->may_hear & ~(unsigned)NET_HEARS_CHECKSUM, 0);
	works();
}

static void features_that_need_others(void)
{
	for (unsigned row = 0; row < 21; row++)
		scenario_row(with_a_lonely_feature, row);
}

/* Where one of two others is enough. */
static void with_the_other_one(unsigned row)
{
	static const struct {
		int offered[4];
		int with;
	} rows[] = {
		{ { FAKE_GUEST_CSUM, FAKE_GUEST_TSO6, FAKE_GUEST_ECN, -1 }, FAKE_GUEST_ECN },
		{ { FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, FAKE_GUEST_ECN, -1 }, FAKE_GUEST_ECN },
		{ { FAKE_CSUM, FAKE_HOST_TSO6, FAKE_HOST_ECN, -1 }, FAKE_HOST_ECN },
		{ { FAKE_CSUM, FAKE_HOST_TSO4, FAKE_HOST_ECN, -1 }, FAKE_HOST_ECN },
	};

	make_offering(rows[row].offered);
	start();
	CHECK(fake_accepted(&fake, (unsigned)rows[row].with));
	works();
}

static void features_that_need_one_of_two(void)
{
	for (unsigned row = 0; row < 4; row++)
		scenario_row(with_the_other_one, row);
}

/* An announcement is asked for in the status: where there is none, nobody asks. */
static void announcement_without_a_status(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_GUEST_ANNOUNCE);
	fake_withdraw(&fake, FAKE_STATUS);
	fake_config_set(&fake, 6, 2, 2);
	start();
	CHECK(!fake_accepted(&fake, FAKE_GUEST_ANNOUNCE));
	CHECK(net->link); /* 5.1.4.2-5 */
	works();
}

/* 5.1.9.5.2.2-1: then the device is not told either of an address that we have made up. */
static void address_that_cannot_be_told(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_CTRL_MAC_ADDR);
	fake_withdraw(&fake, FAKE_MAC);
	start();
	CHECK(!(net->can & NET_CAN_SET_MAC));
	CHECK_EQ(net_set_mac(net, (const uint8_t[6]){ 2, 1, 2, 3, 4, 5 }), ERR_UNSUPPORTED);
	CHECK_EQ(wire.commands, 0);
	works();
}

/* ---- Configuration (5.1.4) --------------------------------------------------------------- */

static void speed_and_duplex(void)
{
	MAKE(FAKE_SPEED_DUPLEX);
	fake_config_set(&fake, 12, 4, 0x7fffffff);
	fake_config_set(&fake, 16, 1, 0);
	start();
	CHECK_EQ(net->speed, 0x7fffffff);
	CHECK_EQ(net->duplex, NET_DUPLEX_HALF);
	works();
}

static void speed_that_was_not_negotiated(void)
{
	MAKE(FAKE_MTU);
	fake_config_set(&fake, 12, 4, 1000);
	fake_config_set(&fake, 16, 1, 1);
	start();
	CHECK_EQ(net->speed, NET_SPEED_UNKNOWN);
	CHECK_EQ(net->duplex, NET_DUPLEX_UNKNOWN);
}

/* A fixed part of the features that it takes to get as far as the field that is missing. */
static void with_a_short_configuration(unsigned row)
{
	static const struct {
		unsigned bytes; /* that it has */
		int offered[4];
		int error; /* of the probe */
	} rows[] = {
		{ 5, { -1 }, ERR_RANGE },
		{ 10, { -1 }, 0 }, /* the mtu may be missing: see net_config.c */
		{ 9, { FAKE_CTRL_VQ, FAKE_MQ, -1 }, ERR_RANGE },
		{ 10, { FAKE_CTRL_VQ, FAKE_MQ, -1 }, 0 },
		{ 17, { FAKE_CTRL_VQ, FAKE_RSS, -1 }, ERR_RANGE },
		{ 18, { FAKE_CTRL_VQ, FAKE_RSS, -1 }, ERR_RANGE },
		{ 20, { FAKE_CTRL_VQ, FAKE_RSS, -1 }, ERR_RANGE },
		{ 20, { FAKE_CTRL_VQ, FAKE_HASH_REPORT, -1 }, ERR_RANGE },
		{ 24, { FAKE_CTRL_VQ, FAKE_RSS, FAKE_HASH_REPORT, -1 }, 0 },
		{ 12, { FAKE_SPEED_DUPLEX, -1 }, 0 },
		{ 16, { FAKE_SPEED_DUPLEX, -1 }, 0 },
	};

	make_offering(rows[row].offered);
	fake_config_set(&fake, 10, 2, rows[row].bytes >= 12 ? 1400 : 0);
	fake_config_set(&fake, 12, 4, 1000);
	fake_config_set(&fake, 16, 1, 1);
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 12, 4, rows[row].bytes);
	if (rows[row].error) {
		CHECK_EQ(fake_probe(&fake), rows[row].error);
		CHECK_NOTHING_LEFT();
		CHECK(net_first() == NULL);
		return;
	}
	start();
	CHECK_EQ(net->mtu, rows[row].bytes >= 12 ? 1400 : 1500);
	CHECK(!fake_logged("impossible mtu"));
	CHECK_EQ(net->speed, NET_SPEED_UNKNOWN); /* both, or nothing of them */
	CHECK_EQ(net->duplex, NET_DUPLEX_UNKNOWN);
}

static void configuration_that_ends_early(void)
{
	for (unsigned row = 0; row < 11; row++)
		scenario_row(with_a_short_configuration, row);
}

/* 33: it is another one whenever we look, from the first field on that is read. */
static void while_it_changes(unsigned row)
{
	static const struct {
		int offered[4];
		int withdrawn[3];
	} rows[] = {
		{ { -1 }, { -1 } },
		{ { -1 }, { FAKE_MAC, -1 } },
		{ { FAKE_CTRL_VQ, FAKE_MQ, -1 }, { FAKE_MAC, FAKE_MTU, -1 } },
		{ { FAKE_CTRL_VQ, FAKE_HASH_REPORT, -1 }, { FAKE_MAC, FAKE_MTU, -1 } },
	};

	make_offering(rows[row].offered);
	for (const int *feature = rows[row].withdrawn; *feature >= 0; feature++)
		fake_withdraw(&fake, (unsigned)*feature);
	fake.generation_runs = true;
	CHECK_EQ(fake_probe(&fake), ERR_BUSY);
	CHECK_NOTHING_LEFT();
	CHECK(net_first() == NULL);
}

static void row33_configuration_never_rests(void)
{
	for (unsigned row = 0; row < 4; row++)
		scenario_row(while_it_changes, row);
}

/* And one that begins with it later: the link is what it was, until it can be read again. */
static void row33_status_never_rests(void)
{
	MAKE(FAKE_SPEED_DUPLEX);
	fake_config_set(&fake, 12, 4, 1000);
	fake_config_set(&fake, 16, 1, 1);
	start();
	fake.generation_runs = true;
	fake_config_set(&fake, 6, 2, 0);
	fake_interrupt_config(&fake);
	fake_sleep(50);
	CHECK(net->link);
	CHECK_EQ(net->speed, NET_SPEED_UNKNOWN);
	works();
	fake.generation_runs = false;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(!net->link, 100));
	CHECK_EQ(net->speed, 1000);
	CHECK_EQ(net->duplex, NET_DUPLEX_FULL);
}

/* 5.1.4.2-7, 5.1.9.3.1: what a buffer must hold, such that each has an odd number of cache lines, of which the first ends with
 * the header. */
#define BEFORE (64 - 12)
static void with_that_mtu(unsigned row)
{
	static const struct {
		uint16_t mtu;
		int offered[5];
		uint32_t bytes;
	} rows[] = {
		{ 68, { -1 }, 1600 - BEFORE },
		{ 1500, { -1 }, 1600 - BEFORE },
		{ 9000, { FAKE_MRG_RXBUF, -1 }, 9152 - BEFORE },
		{ 1500, { FAKE_GUEST_CSUM, -1 }, 1600 - BEFORE },
		{ 1500, { FAKE_GUEST_CSUM, FAKE_MRG_RXBUF, -1 }, 1600 - BEFORE },
		{ 1500, { FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, -1 }, 65728 - BEFORE },
		{ 65535, { FAKE_GUEST_CSUM, FAKE_GUEST_TSO6, -1 }, 65728 - BEFORE },
		{ 1500, { FAKE_GUEST_CSUM, FAKE_GUEST_UFO, FAKE_MRG_RXBUF, -1 }, 4160 - BEFORE },
		{ 9000, { FAKE_GUEST_CSUM, FAKE_GUEST_USO4, FAKE_MRG_RXBUF, -1 }, 9152 - BEFORE },
	};

	make_offering(rows[row].offered);
	wire.mtu = rows[row].mtu;
	fake_config_set(&fake, 10, 2, rows[row].mtu);
	start();
	CHECK_EQ(net->mtu, rows[row].mtu);
	CHECK(fake.queues[0].ring.taken != NULL);
	CHECK_EQ(fake.queues[0].ring.taken->writable, rows[row].bytes);
	receives_by(0, 14u + rows[row].mtu);
}

static void buffers_as_large_as_they_must_be(void)
{
	for (unsigned row = 0; row < 9; row++)
		scenario_row(with_that_mtu, row);
}

/* 40: there are no limits within which hashes could be reported. */
static void row40_hashes_without_a_key(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_HASH_REPORT);
	fake_config_set(&fake, 17, 1, 39);
	start();
	CHECK(fake_logged("impossible limits of RSS, a key of 39 bytes"));
	CHECK_EQ(net->can, 0);
	CHECK_EQ(net->rss.table_length, 0);
	works();
}

/* RSS alone says how many pairs there are. */
static void rss_without_mq(void)
{
	fake_setting("pairs", "4");
	MAKE(FAKE_CTRL_VQ, FAKE_RSS);
	start();
	CHECK(net->can & NET_CAN_SPREAD);
	CHECK(!(net->can & NET_CAN_REPORT_HASH));
	CHECK_EQ(net->pairs_max, 4);
	struct net_rss rss = { .types = NET_HASH_TCP4,
			       .table_length = 1,
			       .key_bytes = NET_RSS_KEY_USUAL };
	CHECK_EQ(net_set_rss(net, &rss), 0);
	CHECK_EQ(net->hears, 0); /* frames are spread by a hash that nobody is told */
}

/* Without RSS there is no table, whatever the configuration says. */
static void hashes_without_rss(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_HASH_REPORT);
	start();
	CHECK_EQ(net->can, NET_CAN_REPORT_HASH);
	CHECK_EQ(net->rss.table_length, 0);
	CHECK_EQ(net->rss.key_bytes, 40);
}

/* A table shorter than ours may be. */
static void row40_short_table(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_RSS);
	fake_config_set(&fake, 18, 2, 64);
	start();
	struct net_rss rss = { .types = NET_HASH_TCP4,
			       .table_length = 128,
			       .key_bytes = NET_RSS_KEY_USUAL };
	CHECK_EQ(net_set_rss(net, &rss), ERR_RANGE);
	rss.table_length = 64;
	CHECK_EQ(net_set_rss(net, &rss), 0);
	rss.types = rss.key_bytes = 0; /* nothing is hashed: no key is needed */
	CHECK_EQ(net_set_rss(net, &rss), 0);
}

/* 5.1.9.5.4: the bit means nothing where that was not negotiated. */
static void announcement_that_was_not_negotiated(void)
{
	MAKE(FAKE_CTRL_VQ);
	start();
	ask_for_announcement();
	fake_sleep(50);
	CHECK_EQ(wire.commands, 0);
	CHECK_EQ(wire.sent, 0);
	works();
}

static void with_a_control_queue_of(unsigned row)
{
	static const struct {
		uint32_t size;
		int error;
	} rows[] = { { 1, ERR_UNSUPPORTED }, { 2, 0 } };
	struct fake_queue *queue = &fake.queues[2];

	MAKE(FAKE_CTRL_VQ, FAKE_CTRL_VLAN);
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	queue->size = queue->size_max = rows[row].size;
	CHECK_EQ(fake_probe(&fake), rows[row].error);
	if (rows[row].error) {
		CHECK_NOTHING_LEFT();
		return;
	}
	CHECK_EQ(net_vlan_add(net_find("net0"), 5), 0);
	CHECK(wire.vlans[5]);
}

static void control_queue_that_is_small(void)
{
	for (unsigned row = 0; row < 2; row++)
		scenario_row(with_a_control_queue_of, row);
}

/* 22: nobody knows where the control queue is, and the device asks for what is told by it. */
static void row22_announcement_without_a_control_queue(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_MQ, FAKE_GUEST_ANNOUNCE);
	fake_config_set(&fake, 8, 2, 0);
	start();
	for (unsigned i = 0; i < 3; i++) {
		ask_for_announcement();
		fake_sleep(50);
	}
	CHECK_EQ(wire.commands, 0);
	CHECK_EQ(wire.sent, 0);
	works();
}

/* ---- Queues (5.1.2) ------------------------------------------------------------------------- */

static void with_pairs(unsigned row)
{
	static const struct {
		const char *wanted;
		unsigned told, used;
		bool nonsense;
	} rows[] = { { "3", 4, 3, false },  { "4", 2, 2, false }, { "1000", 32, 16, false },
		     { NULL, 4, 2, false }, { "0", 4, 2, true },  { "two", 4, 2, true },
		     { "3x", 4, 2, true },  { "", 4, 2, true } };

	if (rows[row].wanted)
		fake_setting("pairs", rows[row].wanted);
	fake_cpus(2);
	MAKE(FAKE_CTRL_VQ, FAKE_MQ);
	fake_config_set(&fake, 8, 2, rows[row].told);
	fake.queue_count = FAKE_QUEUES; /* 31 pairs, if need be */
	for (unsigned i = 0; i < FAKE_QUEUES; i++)
		fake.queues[i].size = fake.queues[i].size_max = 64;
	start();
	CHECK_EQ(net->pairs_max, rows[row].used);
	CHECK_EQ(fake_logged_times(": a number of at least 1 is wanted: one a CPU is used\n"),
		 rows[row].nonsense);
	receives_by(0, 100);
	sends(100);
}

static void pairs_that_are_wanted(void)
{
	for (unsigned row = 0; row < 8; row++)
		scenario_row(with_pairs, row);
}

static void with_a_queue_less(unsigned row)
{
	static const struct {
		unsigned queue;
		int error;
	} rows[] = { { 0, ERR_FORMAT }, { 1, ERR_NODEV }, { 2, ERR_FORMAT }, { 3, 0 } };

	fake_setting("pairs", "2");
	MAKE(FAKE_CTRL_VQ, FAKE_MQ);
	fake.queues[rows[row].queue].size_max = 0;
	if (rows[row].error) {
		CHECK_EQ(fake_probe(&fake), rows[row].error);
		CHECK_NOTHING_LEFT();
		return;
	}
	start(); /* that pair is not there: it goes without */
	CHECK_EQ(net->pairs_max, 1);
	works();
}

static void queue_that_is_not_there(void)
{
	for (unsigned row = 0; row < 4; row++)
		scenario_row(with_a_queue_less, row);
}

/* By whichever pair a frame goes: it may be in as many pieces as the smallest queue holds. */
static void with_small_queues(unsigned row)
{
	static const struct {
		unsigned first, second, pieces;
	} rows[] = { { 64, 8, 8 }, { 4, 64, 4 }, { 16, 16, 16 }, { 64, 64, NET_MAX_PIECES },
		     { 64, 2, 2 }, { 2, 64, 2 }, { 64, 1, 0 },   { 1, 64, 0 } };

	fake_setting("pairs", "2");
	MAKE(FAKE_CTRL_VQ, FAKE_MQ);
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	fake.queues[1].size = fake.queues[1].size_max = rows[row].first;
	fake.queues[3].size = fake.queues[3].size_max = rows[row].second;
	if (rows[row].pieces == 0) {
		CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
		CHECK(fake_logged("its queue is too small: 1"));
		CHECK_NOTHING_LEFT();
		return;
	}
	start();
	CHECK_EQ(net->pieces, rows[row].pieces);
	works();
}

static void queues_that_are_small(void)
{
	for (unsigned row = 0; row < 8; row++)
		scenario_row(with_small_queues, row);
}

/* However large the queue, what nobody waits for is taken back a burst at a time at most, and of a small one, half of it. */
static void with_a_queue_of(unsigned row)
{
	static const struct {
		unsigned size, sent, taken_back;
	} rows[] = {
		{ 256, 32, 0 }, { 256, 33, 32 }, { 256, 100, 96 }, { 16, 8, 0 }, { 16, 17, 16 }
	};

	MAKE(FAKE_MTU);
	for (unsigned i = 0; i < 2; i++)
		fake.queues[i].size = fake.queues[i].size_max = rows[row].size;
	start();
	for (unsigned i = 0; i < rows[row].sent; i++) {
		struct net_buffer *frame = net_take(net);
		CHECK(frame != NULL);
		frame->length = 60;
		CHECK_EQ(net_send(net, &frame, 1), 1);
		arch_pause(); /* the device's turn; it is long until the regular look */
		CHECK_EQ(wire.sent, i + 1);
	}
	CHECK_EQ(counted().sent, rows[row].taken_back);
}

static void taken_back_a_burst_at_a_time(void)
{
	for (unsigned row = 0; row < 5; row++)
		scenario_row(with_a_queue_of, row);
}

/* ---- Interfaces -------------------------------------------------------------------------- */

static void two_interfaces(void)
{
	static struct fake_device second;
	static struct fake_wire other;

	MAKE(FAKE_MTU);
	start();
	fake_device_init(&second, bus, &fake_net, ring);
	second.state = &other;
	other.mtu = 1500;
	second.config[5] = 0x77;
	fake_config_set(&second, 10, 2, 1500);
	CHECK_EQ(fake_probe(&second), 0);
	CHECK(net_find("net0") == net && net_first() == net);
	CHECK(net_find("net1") == net->next && net->next != NULL);
	CHECK(net_find("net2") == NULL && net_find("net") == NULL);
	CHECK_EQ(net_find("net1")->mac[5], 0x77);
	CHECK(!net_find("net1")->link);
	works();
	CHECK_EQ(other.sent, 0);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(features_that_need_others, ON_BUSES),
		SCENARIO(features_that_need_one_of_two, ON_BUSES),
		SCENARIO(announcement_without_a_status, ON_BUSES),
		SCENARIO(address_that_cannot_be_told, ON_BUSES),
		SCENARIO(speed_and_duplex, ON_BUSES),
		SCENARIO(speed_that_was_not_negotiated, ON_BUSES),
		SCENARIO(configuration_that_ends_early, ON_RINGS),
		SCENARIO(row33_configuration_never_rests, ON_BUSES),
		SCENARIO(row33_status_never_rests, ON_BUSES),
		SCENARIO(buffers_as_large_as_they_must_be, ON_RINGS),
		SCENARIO(row40_hashes_without_a_key, ON_BUSES),
		SCENARIO(rss_without_mq, ON_BUSES),
		SCENARIO(hashes_without_rss, ON_BUSES),
		SCENARIO(row40_short_table, ON_BUSES),
		SCENARIO(announcement_that_was_not_negotiated, ON_BUSES),
		SCENARIO(control_queue_that_is_small, ON_ALL),
		SCENARIO(row22_announcement_without_a_control_queue, ON_BUSES),
		SCENARIO(pairs_that_are_wanted, ON_RINGS),
		SCENARIO(queue_that_is_not_there, ON_BUSES),
		SCENARIO(queues_that_are_small, ON_ALL),
		SCENARIO(taken_back_a_burst_at_a_time, ON_RINGS),
		SCENARIO(two_interfaces, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
