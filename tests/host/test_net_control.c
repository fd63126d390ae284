/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net's control queue (VIRTIO 1.4, 5.1.9.5): each command, a device that refuses, lies or is silent (FAULTS 7, 8,
 * 9, 13, 22, 29, 32, 34, 35, 36, 40), and everything that was set being set again after a reset. */
#include "tests/host/fake/net_jobs.h"
#include "tests/host/fake/others.h"

static const uint8_t one[6] = { 0x02, 1, 2, 3, 4, 5 }, two[6] = { 0x02, 1, 2, 3, 4, 6 },
		     group[6] = { 0x33, 0x33, 0, 0, 0, 1 };

static void make_all(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_CTRL_RX, FAKE_CTRL_RX_EXTRA, FAKE_CTRL_VLAN, FAKE_CTRL_MAC_ADDR,
	     FAKE_GUEST_ANNOUNCE, FAKE_MQ, FAKE_RSS, FAKE_HASH_REPORT, FAKE_CTRL_GUEST_OFFLOADS,
	     FAKE_GUEST_CSUM, FAKE_GUEST_TSO4, FAKE_GUEST_ECN, FAKE_GUEST_USO6, FAKE_MRG_RXBUF);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static void modes(void)
{
	make_all();
	start();
	for (uint32_t mask = 0; mask < 64; mask += 7) {
		CHECK_EQ(net_set_modes(net, mask), 0);
		for (unsigned i = 0; i < 6; i++)
			CHECK_EQ(wire.modes[i], mask >> i & 1);
	}
	CHECK_EQ(net_set_modes(net, 64), ERR_INVALID);
	works();
}

static void modes_without_the_other_ones(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_CTRL_RX);
	start();
	CHECK_EQ(net->can, NET_CAN_SET_MODE);
	CHECK_EQ(net_set_modes(net, NET_PROMISCUOUS | NET_ALL_MULTICAST), 0);
	CHECK_EQ(wire.modes[0] + wire.modes[1], 2);
	CHECK_EQ(net_set_modes(net, NET_NO_BROADCAST), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_mac(net, one), ERR_UNSUPPORTED);
	CHECK_EQ(net_vlan_add(net, 1), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_hears(net, 0), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_rss(net, NULL), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_pairs(net, 1), 0);
	CHECK_EQ(net_set_pairs(net, 2), ERR_RANGE);
	works();
}

static void no_control_queue(void)
{
	MAKE(FAKE_MTU);
	start();
	CHECK_EQ(net_set_modes(net, 0), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_filter(net, NULL, 0, NULL, 0), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_mac(net, one), ERR_UNSUPPORTED);
	CHECK_EQ(net_vlan_remove(net, 1), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_hears(net, 0), ERR_UNSUPPORTED);
	CHECK_EQ(wire.commands, 0);
	CHECK(!fake.queues[2].ready); /* where it would be */
	works();
}

/* It has the queue, and knows no command. */
static void nothing_to_control(void)
{
	MAKE(FAKE_CTRL_VQ);
	start();
	CHECK_EQ(net_set_modes(net, 0), ERR_UNSUPPORTED);
	CHECK_EQ(net_set_filter(net, NULL, 0, NULL, 0), ERR_UNSUPPORTED);
	CHECK_EQ(wire.commands, 0);
	works();
}

static void filter(void)
{
	static uint8_t many[NET_FILTER_MAX + 1][6], unicast[2][6];

	make_all();
	start();
	memcpy(unicast[0], one, 6);
	memcpy(unicast[1], two, 6);
	CHECK_EQ(net_set_filter(net, unicast, 2, &group, 1), 0);
	static const uint8_t expected[] = { 2, 0, 0, 0, 0x02, 1, 2, 3,    4,    5, 0x02, 1, 2,
					    3, 4, 6, 1, 0,    0, 0, 0x33, 0x33, 0, 0,    0, 1 };
	CHECK_EQ(wire.filter_length, sizeof(expected));
	CHECK(memcmp(wire.filter, expected, sizeof(expected)) == 0);
	CHECK_EQ(net_set_filter(net, NULL, 0, NULL, 0), 0);
	CHECK_EQ(wire.filter_length, 8);
	CHECK_EQ(net_set_filter(net, many, NET_FILTER_MAX, NULL, 0), 0);
	CHECK_EQ(wire.filter_length, 8 + 6 * NET_FILTER_MAX);
	CHECK_EQ(net_set_filter(net, many, NET_FILTER_MAX + 1, NULL, 0), ERR_RANGE);
	CHECK_EQ(net_set_filter(net, many, NET_FILTER_MAX, &group, 1), ERR_RANGE);
	CHECK_EQ(net_set_filter(net, &group, 1, NULL, 0), ERR_INVALID);
	CHECK_EQ(net_set_filter(net, NULL, 0, &one, 1), ERR_INVALID);
	works();
}

static void address(void)
{
	make_all();
	start();
	CHECK_EQ(net_set_mac(net, group), ERR_INVALID);
	CHECK_EQ(net->mac[5], 0x56);
	CHECK_EQ(net_set_mac(net, one), 0);
	CHECK(memcmp(wire.mac, one, 6) == 0);
	CHECK(memcmp(net->mac, one, 6) == 0);
	works();
}

/* 5.1.9.5.2.2-2: the device is told of an address that it did not give. */
static void address_of_our_own(void)
{
	make_all();
	fake_withdraw(&fake, FAKE_MAC);
	start();
	CHECK_EQ(net->mac[0] & 3, 2);
	CHECK(memcmp(wire.mac, net->mac, 6) == 0);
	works();
}

static void vlans(void)
{
	make_all();
	start();
	for (unsigned vlan = 0; vlan < 4096; vlan += 819)
		CHECK_EQ(net_vlan_add(net, (uint16_t)vlan), 0);
	CHECK_EQ(net_vlan_add(net, 4096), ERR_RANGE);
	CHECK(wire.vlans[0] && wire.vlans[819] && wire.vlans[4095] && !wire.vlans[1]);
	CHECK_EQ(net_vlan_remove(net, 819), 0);
	CHECK(!wire.vlans[819]);
	works();
}

static void what_is_heard(void)
{
	make_all();
	start();
	uint32_t all = NET_HEARS_CHECKSUM | NET_HEARS_TCP4 | NET_HEARS_ECN | NET_HEARS_USO6;
	CHECK_EQ(net->may_hear, all);
	CHECK_EQ(net_set_hears(net, 0), 0);
	CHECK_EQ(net->hears, 0);
	CHECK_EQ(wire.offloads, 0);
	CHECK_EQ(net_set_hears(net, all), 0);
	CHECK_EQ(net->hears, all);
	CHECK_EQ(wire.offloads, 1u << FAKE_GUEST_CSUM | 1u << FAKE_GUEST_TSO4 |
					1u << FAKE_GUEST_ECN | UINT64_C(1) << FAKE_GUEST_USO6);
	CHECK_EQ(net_set_hears(net, NET_HEARS_TCP4), ERR_INVALID);
	CHECK_EQ(net_set_hears(net, NET_HEARS_CHECKSUM | NET_HEARS_ECN), ERR_INVALID);
	CHECK_EQ(net_set_hears(net, NET_HEARS_CHECKSUM | NET_HEARS_TCP6), ERR_UNSUPPORTED);
	CHECK_EQ(net->hears, all);
	works();
}

/* ---- RSS ------------------------------------------------------------------------------------ */

static struct net_rss spread_over(unsigned pairs)
{
	struct net_rss rss = { .types = NET_HASH_TCP4 | NET_HASH_UDP6,
			       .table_length = 128,
			       .key_bytes = NET_RSS_KEY_USUAL };

	for (unsigned i = 0; i < rss.table_length; i++)
		rss.table[i] = (uint8_t)(i % pairs);
	for (unsigned i = 0; i < rss.key_bytes; i++)
		rss.key[i] = (uint8_t)(i * 3);
	return rss;
}

static void spreading(void)
{
	fake_setting("pairs", "4");
	make_all();
	start();
	CHECK_EQ(net->pairs, 4);
	CHECK(net->can & NET_CAN_SPREAD && net->can & NET_CAN_REPORT_HASH);
	CHECK_EQ(net->rss.table_length, 128);
	struct net_rss rss = spread_over(4);
	rss.others = 3;
	CHECK_EQ(net_set_rss(net, &rss), 0);
	CHECK_EQ(wire.rss_length, 8 + 256 + 3 + 40);
	CHECK_EQ(wire.rss[0], NET_HASH_TCP4 | NET_HASH_UDP6);
	CHECK_EQ(wire.rss[4], 127);
	CHECK_EQ(wire.rss[6], 3);
	CHECK_EQ(wire.rss[8 + 2 * 7], 3);
	CHECK_EQ(wire.rss[8 + 256], 4);
	CHECK_EQ(wire.rss[8 + 256 + 2], 40);
	CHECK_EQ(wire.rss[8 + 256 + 3 + 39], 39 * 3);
	CHECK(net->hears & NET_HEARS_HASH);
	works();

	struct net_rss bad = rss;
	bad.table_length = 127;
	CHECK_EQ(net_set_rss(net, &bad), ERR_INVALID);
	bad.table_length = 0;
	CHECK_EQ(net_set_rss(net, &bad), ERR_INVALID);
	bad = rss, bad.table_length = 256;
	CHECK_EQ(net_set_rss(net, &bad), ERR_RANGE);
	bad = rss, bad.table[77] = 4;
	CHECK_EQ(net_set_rss(net, &bad), ERR_RANGE);
	bad = rss, bad.others = 4;
	CHECK_EQ(net_set_rss(net, &bad), ERR_RANGE);
	bad = rss, bad.key_bytes = 41;
	CHECK_EQ(net_set_rss(net, &bad), ERR_RANGE);
	bad = rss, bad.key_bytes = 0;
	CHECK_EQ(net_set_rss(net, &bad), ERR_INVALID);
	bad = rss, bad.types = 1u << 9;
	CHECK_EQ(net_set_rss(net, &bad), ERR_UNSUPPORTED);
	CHECK(net->hears & NET_HEARS_HASH);

	CHECK_EQ(net_set_rss(net, NULL), 0);
	CHECK_EQ(wire.rss_length, 0);
	CHECK_EQ(wire.pairs, 4);
	CHECK(!(net->hears & NET_HEARS_HASH));
	works();
}

/* Without RSS, hashes are reported all the same. */
static void hashes_alone(void)
{
	MAKE(FAKE_CTRL_VQ, FAKE_HASH_REPORT);
	start();
	CHECK_EQ(net->can, NET_CAN_REPORT_HASH);
	struct net_rss rss = spread_over(1);
	rss.table_length = 0;
	CHECK_EQ(net_set_rss(net, &rss), 0);
	CHECK_EQ(wire.rss_length, 4 + 8 + 1 + 40);
	CHECK(net->hears & NET_HEARS_HASH);
	recovers();
	CHECK_EQ(wire.rss_length, 4 + 8 + 1 + 40);
	CHECK_EQ(net_set_rss(net, NULL), 0);
	CHECK_EQ(wire.rss_length, 13);
	CHECK(!(net->hears & NET_HEARS_HASH));
	works();
}

/* ---- Announcement ------------------------------------------------------------------------------- */

static unsigned announced;

static void announce(struct net_device *interface, void *cookie)
{
	CHECK(interface == net && cookie == &announced);
	CHECK_EQ(wire.announced, announced); /* we first */
	announced++;
}

static void announcement(void)
{
	make_all();
	start();
	net_announce(net, announce, &announced);
	for (unsigned i = 1; i <= 3; i++) {
		unsigned before = wire.sent;
		ask_for_announcement();
		CHECK(FAKE_WAIT(wire.announced == i, 1000));
		CHECK_EQ(announced, i);
		CHECK_EQ(wire.sent, before + 1);
		CHECK(memcmp(wire.frame, "\xff\xff\xff\xff\xff\xff", 6) == 0);
		CHECK(memcmp(wire.frame + 6, net->mac, 6) == 0);
		CHECK(memcmp(wire.frame + 12, "\x80\x35", 2) == 0);
		CHECK_EQ(fake.config[6], 1);
		fake_sleep(300);
	}
	CHECK_EQ(wire.announced, 3);
	works();
}

/* Nobody else waits with us for a device that has us announce ourselves, and then does not hear that it was done. */
static void row13_announcement_never_acknowledged(void)
{
	fake_setting("deadline_ms", "2000");
	make_all();
	start();
	net_announce(net, announce, &announced);
	wire.silent = true;
	ask_for_announcement();
	CHECK(FAKE_WAIT(announced == 1, 1000));
	for (unsigned i = 0; i < 3; i++) {
		others_do_not_wait(300);
		ask_for_announcement(); /* and again meanwhile */
	}
	CHECK_EQ(net->resets, 0);
	CHECK_EQ(announced, 1);
	CHECK(FAKE_WAIT(net->resets == 1, 5000));
	wire.silent = false;
	announced = wire.announced = 0;
	ask_for_announcement();
	CHECK(FAKE_WAIT(wire.announced > 0 && !(fake.config[6] & 2), 5000));
	works();
}

/* The device asks again before it has answered that it was done: it is done again, when it has. */
static void announcement_meanwhile(void)
{
	struct fake_queue *queue = &fake.queues[2 * FAKE_NET_PAIRS];
	static const uint8_t good;

	make_all();
	start();
	net_announce(net, announce, &announced);
	wire.silent = true;
	ask_for_announcement();
	CHECK(FAKE_WAIT(announced == 1, 1000));
	fake_sleep(10);
	ask_for_announcement();
	fake_sleep(10);
	CHECK_EQ(announced, 1);
	wire.silent = false;
	struct ring_chain *chain = queue->ring.taken;
	CHECK(chain != NULL);
	if (!chain)
		return;
	wire.announced++;
	ring_chain_write(chain, 0, &good, 1);
	fake_use(queue, chain, 1);
	CHECK(FAKE_WAIT(wire.announced == 2, 100));
	CHECK_EQ(announced, 2);
	fake_sleep(300);
	CHECK_EQ(announced, 2);
	works();
}

/* A command is with the device at once, not when it is looked at the next time. */
static void asked_at_once(void)
{
	make_all();
	start();
	for (unsigned i = 0; i < 10; i++) {
		uint64_t begun = fake_port.now;
		CHECK_EQ(net_set_modes(net, i % 2 ? NET_PROMISCUOUS : 0), 0);
		CHECK(fake_port.now < begun + UINT64_C(5000000)); /* of the test's own clock */
		CHECK_EQ(wire.modes[0], i % 2);
	}
}

/* ---- Recovery ------------------------------------------------------------------------------------ */

/* 35 */
static void row35_everything_is_set_again(void)
{
	fake_setting("pairs", "4");
	make_all();
	start();
	struct net_rss rss = spread_over(3);
	CHECK_EQ(net_set_pairs(net, 3), 0);
	CHECK_EQ(net_set_rss(net, &rss), 0);
	CHECK_EQ(net_set_modes(net, NET_PROMISCUOUS | NET_NO_BROADCAST), 0);
	CHECK_EQ(net_set_filter(net, &one, 1, &group, 1), 0);
	CHECK_EQ(net_set_mac(net, two), 0);
	CHECK_EQ(net_vlan_add(net, 5), 0);
	CHECK_EQ(net_vlan_add(net, 4095), 0);
	CHECK_EQ(net_vlan_add(net, 6), 0);
	CHECK_EQ(net_vlan_remove(net, 6), 0);
	CHECK_EQ(net_set_hears(net, NET_HEARS_CHECKSUM), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct fake_wire before = wire;
		recovers();
		CHECK_EQ(wire.pairs, 3);
		CHECK(memcmp(wire.modes, before.modes, sizeof(wire.modes)) == 0);
		CHECK_EQ(wire.filter_length, before.filter_length);
		CHECK(memcmp(wire.filter, before.filter, wire.filter_length) == 0);
		CHECK(memcmp(wire.mac, two, 6) == 0);
		CHECK(memcmp(wire.vlans, before.vlans, sizeof(wire.vlans)) == 0);
		CHECK_EQ(wire.rss_length, before.rss_length);
		CHECK(memcmp(wire.rss, before.rss, wire.rss_length) == 0);
		CHECK_EQ(wire.offloads, 1u << FAKE_GUEST_CSUM);
		CHECK_EQ(net->pairs, 3);
		CHECK_EQ(net->hears, NET_HEARS_CHECKSUM | NET_HEARS_HASH);
		works();
	}
}

/* It refuses after its reset what it took before. */
static void refuses_after_its_reset(void)
{
	fake_setting("pairs", "4");
	make_all();
	start();
	CHECK_EQ(net_vlan_add(net, 5), 0);
	CHECK_EQ(net->pairs, 4);
	wire.refuse_class = 4 + 1;
	recovers();
	CHECK_EQ(net->pairs, 1);
	CHECK(wire.vlans[5]);
	CHECK(fake_logged("it refuses command 0 of class 4"));
	works();
	wire.refuse_class = 0;
	CHECK_EQ(net_set_pairs(net, 4), 0);
	CHECK_EQ(net->pairs, 4);
	works();
	/* And something else, of which the pairs know nothing. */
	wire.refuse_class = 2 + 1;
	recovers();
	CHECK(fake_logged("it refuses command 0 of class 2"));
	CHECK_EQ(net->pairs, 4);
	CHECK(!wire.vlans[5]);
	works();
}

/* How many pairs are used, or by which hash frames are spread: what was set last is what is set again. */
static void set_last_is_set_again(void)
{
	fake_setting("pairs", "4");
	MAKE(FAKE_CTRL_VQ, FAKE_MQ, FAKE_HASH_REPORT);
	start();
	struct net_rss rss = spread_over(1);
	CHECK_EQ(net_set_rss(net, &rss), 0);
	CHECK(net->hears & NET_HEARS_HASH);
	recovers();
	CHECK(wire.rss_length > 0);
	CHECK_EQ(net_set_pairs(net, 2), 0);
	CHECK(!(net->hears & NET_HEARS_HASH));
	recovers();
	CHECK_EQ(wire.rss_length, 0);
	CHECK_EQ(wire.pairs, 2);
	CHECK(!(net->hears & NET_HEARS_HASH));
}

/* Two at once: the second one is told so, and nothing is mixed up. */
static int second_status;

static void set_pairs_too(struct vport_work *work)
{
	(void)work;
	second_status = net_set_pairs(net, 3);
}

static void two_set_pairs_at_once(void)
{
	static struct vport_work work = { .run = set_pairs_too };

	fake_setting("pairs", "4");
	MAKE(FAKE_CTRL_VQ, FAKE_MQ);
	start();
	vport_work_queue(&work); /* runs while the first one waits */
	CHECK_EQ(net_set_pairs(net, 2), 0);
	fake_sleep(1);
	CHECK_EQ(second_status, ERR_BUSY);
	CHECK_EQ(net->pairs, 2);
	CHECK_EQ(wire.pairs, 2);
	works();
}

/* It breaks the rules of a ring while it is told everything again: that is no answer, and all of it is told once more. */
static void breaks_down_while_it_is_told(void)
{
	make_all();
	start();
	CHECK_EQ(net_vlan_add(net, 5), 0);
	wire.silent = true;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(net->resets == 1 && virtio_first()->state == VIRTIO_RUNNING, 3000));
	fake_sleep(5);
	CHECK(!wire.vlans[5]);
	struct fake_queue *queue = &fake.queues[2 * FAKE_NET_PAIRS];
	CHECK(queue->ring.taken != NULL);
	wire.silent = false;
	ring_device_lie_used(&queue->ring, 999, 0, 1);
	fake_interrupt_queue(queue);
	CHECK(FAKE_WAIT(net->resets == 2, 3000));
	fake_sleep(600);
	CHECK(!fake_logged("refuses"));
	CHECK(wire.vlans[5]);
	works();
}

static struct fake_queue *breaking;

/* Instead of the answer. */
static bool break_rules(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index != 2 * FAKE_NET_PAIRS)
		return true;
	breaking = queue;
	fake.before_use = NULL;
	ring_device_lie_used(&queue->ring, 999, 0, 1);
	fake_interrupt_queue(queue);
	return false;
}

/* Nobody knows whether it was done: that is not what a refusal is. */
static void breaks_down_when_it_is_asked(void)
{
	make_all();
	start();
	fake.before_use = break_rules;
	CHECK_EQ(net_vlan_add(net, 5), ERR_BROKEN);
	CHECK(breaking != NULL);
	CHECK_EQ(net->resets, 1);
	CHECK_EQ(net_vlan_add(net, 5), 0);
	CHECK(wire.vlans[5]);
	works();
}

/* ---- What is not so ------------------------------------------------------------------------------- */

static void refused(void)
{
	make_all();
	start();
	for (int class = 0; class < 6; class ++) {
		wire.refuse_class = class + 1;
		CHECK_EQ(net_set_modes(net, NET_PROMISCUOUS), class == 0 ? ERR_IO : 0);
		CHECK_EQ(net_set_mac(net, one), class == 1 ? ERR_IO : 0);
		CHECK_EQ(net_vlan_add(net, 7), class == 2 ? ERR_IO : 0);
		CHECK_EQ(net_set_hears(net, 0), class == 5 ? ERR_IO : 0);
	}
	CHECK_EQ(net->resets, 0);
	CHECK(!fake_logged("refuses")); /* who has asked knows */
	works();
}

/* 8, 9: an answer that is none. */
static void row9_answers_that_are_none(void)
{
	make_all();
	start();
	wire.answers = true;
	for (unsigned answer = 1; answer < 256; answer += 17) {
		wire.answer = (uint8_t)answer;
		CHECK_EQ(net_vlan_add(net, 7), ERR_IO);
	}
	wire.answers = false;
	wire.writes_nothing = true;
	CHECK_EQ(net_vlan_add(net, 7), ERR_IO);
	wire.writes_nothing = false;
	CHECK_EQ(net->resets, 0);
	recovers();
	CHECK(!wire.vlans[7]); /* what was not taken is not told again */
	works();
}

/* 13 */
static void row13_never_answered(void)
{
	fake_setting("deadline_ms", "500");
	make_all();
	start();
	wire.silent = true;
	uint64_t begun = fake_port.now;
	CHECK_EQ(net_vlan_add(net, 7), ERR_TIMEOUT);
	CHECK(fake_port.now - begun < UINT64_C(1500000000));
	CHECK_EQ(net->resets, 1);
	wire.silent = false;
	recovers();
	CHECK_EQ(net_vlan_add(net, 7), 0);
	CHECK(wire.vlans[7]);
	works();
}

/* Several wait, of which the first is with the device when it needs a reset: that one has failed, the others are done
 * by the device that is back. */
static unsigned worked;
static int work_status;
static void add_vlan(struct vport_work *work)
{
	(void)work;
	work_status = net_vlan_add(net, 9);
	worked++;
}

static void commands_wait_for_the_recovery(void)
{
	static struct vport_work work = { .run = add_vlan };

	fake_setting("deadline_ms", "500");
	make_all();
	start();
	wire.silent = true;
	vport_work_queue(&work); /* runs while the next one waits */
	CHECK_EQ(net_vlan_add(net, 8), ERR_TIMEOUT);
	wire.silent = false;
	CHECK(FAKE_WAIT(worked == 1, 3000));
	CHECK(work_status == 0 || work_status == ERR_TIMEOUT);
	CHECK_EQ(net_vlan_add(net, 8), 0);
	works();
}

static void row36_gone(void)
{
	make_all();
	start();
	fake.gone = true;
	CHECK_EQ(net_vlan_add(net, 7), ERR_NODEV);
	CHECK(FAKE_WAIT(net->gone, 5000));
	CHECK_EQ(net_vlan_add(net, 7), ERR_NODEV);
	CHECK_EQ(net_set_modes(net, 0), ERR_NODEV);
}

static void row32_reset_hangs(void)
{
	fake_setting("deadline_ms", "500");
	make_all();
	start();
	wire.silent = true;
	fake.hang_reset = true;
	fake.master_stays = true;
	CHECK_EQ(net_vlan_add(net, 7), ERR_NODEV);
	CHECK(net->gone);
}

/* 22 */
static void row22_no_pairs(void)
{
	make_all();
	fake_config_set(&fake, 8, 2, 0);
	start();
	CHECK(fake_logged("impossible max_virtqueue_pairs 0"));
	CHECK_EQ(net->pairs_max, 1);
	CHECK_EQ(net_set_modes(net, 0), ERR_UNSUPPORTED);
	works();
}

static void row22_too_many_pairs(void)
{
	fake_setting("pairs", "9");
	make_all();
	fake_config_set(&fake, 8, 2, 65535);
	start();
	CHECK(fake_logged("impossible max_virtqueue_pairs 65535"));
	CHECK_EQ(net->pairs_max, 1);
	works();
}

/* It has fewer queues than it says: those that there are are used, and nothing is controlled. */
static void row22_fewer_queues_than_pairs(void)
{
	fake_setting("pairs", "16");
	make_all();
	fake_config_set(&fake, 8, 2, 0x8000);
	start();
	CHECK(fake_logged("it has no control queue 65536"));
	CHECK_EQ(net->pairs_max, FAKE_NET_PAIRS);
	CHECK_EQ(net->pairs, 1);
	CHECK_EQ(net_set_modes(net, 0), ERR_UNSUPPORTED);
	works();
}

static void with_rss_limits(unsigned row)
{
	static const struct {
		uint8_t key;
		uint16_t table;
		unsigned key_usable, usable; /* of the table */
	} rows[] = { { 0, 128, 0, 0 },      { 39, 128, 0, 0 },     { 40, 0, 0, 0 },
		     { 40, 1, 40, 1 },      { 40, 127, 40, 64 },   { 64, 128, 64, 128 },
		     { 255, 200, 64, 128 }, { 40, 65535, 40, 128 } };

	make_all();
	fake_config_set(&fake, 17, 1, rows[row].key);
	fake_config_set(&fake, 18, 2, rows[row].table);
	fake_config_set(&fake, 20, 4, UINT32_MAX);
	start();
	CHECK_EQ(net->rss.table_length, rows[row].usable);
	CHECK_EQ(net->rss.key_bytes, rows[row].key_usable);
	CHECK_EQ(!!(net->can & NET_CAN_SPREAD), rows[row].usable > 0);
	CHECK_EQ(!!(net->can & NET_CAN_REPORT_HASH), rows[row].usable > 0);
	CHECK_EQ(net->rss.types, rows[row].usable > 0 ? NET_HASH_ALL : 0);
	CHECK_EQ(fake_logged("impossible limits of RSS"), rows[row].usable == 0);
	works();
}

static void row40_rss_limits(void)
{
	for (unsigned row = 0; row < 8; row++)
		scenario_row(with_rss_limits, row);
}

/* 34: each look at the status says something else, and all of its bits are set. */
static void change_status(struct fake_device *device)
{
	static uint16_t status;

	status = (uint16_t)(status * 5 + 0xfff1);
	fake_config_set(device, 6, 2, status);
}

static void row34_status_bits(void)
{
	make_all();
	start();
	fake.before_config_read = change_status;
	for (unsigned i = 0; i < 50; i++) {
		fake.generation++;
		fake_interrupt_config(&fake);
		fake_sleep(20);
	}
	fake.before_config_read = NULL;
	fake_config_set(&fake, 6, 2, 1);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(net->link, 300));
	CHECK_EQ(net->resets, 0);
	works();
}

static void out_of_memory(void)
{
	unsigned count = 0;

	fake_setting("pairs", "3");
	do {
		make_all();
	} while (probe_without_memory(&fake, ++count) && count < 80);
	CHECK(count > 20 && count < 80);
	net = net_find("net0");
	net_listen(net, hear, &heard);
	fake_sleep(5);
	works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(modes, ON_ALL),
		SCENARIO(modes_without_the_other_ones, ON_BUSES),
		SCENARIO(no_control_queue, ON_BUSES),
		SCENARIO(nothing_to_control, ON_BUSES),
		SCENARIO(filter, ON_ALL),
		SCENARIO(address, ON_ALL),
		SCENARIO(address_of_our_own, ON_BUSES),
		SCENARIO(vlans, ON_ALL),
		SCENARIO(what_is_heard, ON_ALL),
		SCENARIO(spreading, ON_ALL),
		SCENARIO(hashes_alone, ON_ALL),
		SCENARIO(announcement, ON_ALL),
		SCENARIO(announcement_meanwhile, ON_ALL),
		SCENARIO(asked_at_once, ON_ALL),
		SCENARIO(row13_announcement_never_acknowledged, ON_ALL),
		SCENARIO(row35_everything_is_set_again, ON_ALL),
		SCENARIO(refuses_after_its_reset, ON_ALL),
		SCENARIO(set_last_is_set_again, ON_ALL),
		SCENARIO(two_set_pairs_at_once, ON_BUSES),
		SCENARIO(breaks_down_while_it_is_told, ON_ALL),
		SCENARIO(breaks_down_when_it_is_asked, ON_ALL),
		SCENARIO(refused, ON_ALL),
		SCENARIO(row9_answers_that_are_none, ON_ALL),
		SCENARIO(row13_never_answered, ON_ALL),
		SCENARIO(commands_wait_for_the_recovery, ON_ALL),
		SCENARIO(row36_gone, ON_ALL),
		SCENARIO(row32_reset_hangs, ON_ALL),
		SCENARIO(row22_no_pairs, ON_BUSES),
		SCENARIO(row22_too_many_pairs, ON_BUSES),
		SCENARIO(row22_fewer_queues_than_pairs, ON_BUSES),
		SCENARIO(row40_rss_limits, ON_BUSES),
		SCENARIO(row34_status_bits, ON_ALL),
		SCENARIO(out_of_memory, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
