/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program may ask of a virtio-net device besides moving frames: the commands of VIRTIO 1.4 section 5.1.9.5, and
 * the announcement that a device may ask of us (5.1.9.5.4).
 *
 * See it at work: make run APP=nettest NET=user
 * Left out: notification coalescing, device statistics, RSS contexts, hashing of what is in tunnels.
 */
#include "drivers/virtio/net_nic.h"
#include "lib/mem.h"

#define CLOSING_NS \
	UINT64_C(1000000000) /* how long frames of a pair that is to go may take to leave */

/* ---- Writing commands --------------------------------------------------------------------------------- */

static struct net_command make(uint8_t class, uint8_t command, int keep)
{
	return (struct net_command){ .class = class, .command = command, .keep = (int8_t)keep };
}

static void put_bytes(struct net_command *command, const void *bytes, size_t count)
{
	kit_assert(count <= sizeof(command->data) - command->bytes);
	if (count > 0)
		memcpy(command->data + command->bytes, bytes, count);
	command->bytes = (uint16_t)(command->bytes + count);
}

static void put8(struct net_command *command, uint8_t value)
{
	put_bytes(command, &value, sizeof(value));
}

static void put16(struct net_command *command, unsigned value)
{
	le16 wire = le16_put((uint16_t)value);

	put_bytes(command, &wire, sizeof(wire));
}

static void put32(struct net_command *command, uint32_t value)
{
	le32 wire = le32_put(value);

	put_bytes(command, &wire, sizeof(wire));
}

static unsigned get16(const struct net_command *command, unsigned at)
{
	return command->data[at] | (unsigned)command->data[at + 1] << 8;
}

/* ---- Modes and filters (5.1.9.5.1, 5.1.9.5.2, 5.1.9.5.3) ----------------------------------------------- */

#define MODES 6 /* the bits of net_set_modes are the commands, in their order */
#define MODES_PLAIN (NET_PROMISCUOUS | NET_ALL_MULTICAST)

int net_set_modes(struct net_device *net, uint32_t modes)
{
	struct virtio_net *nic = nic_of(net);
	unsigned known = net->can & NET_CAN_SET_MODES ? MODES : 2;

	if (!(net->can & NET_CAN_SET_MODE))
		return ERR_UNSUPPORTED; /* 5.1.9.5.1.2-1 */
	if (modes >> MODES)
		return ERR_INVALID;
	if (modes >> known)
		return ERR_UNSUPPORTED; /* 5.1.9.5.1.2-2 */
	for (unsigned i = 0; i < known; i++) {
		struct net_command command =
			make(VIRTIO_NET_CTRL_RX, (uint8_t)i, NET_KEPT_MODE + (int)i);
		put8(&command, modes >> i & 1);
		int error = net_control_run(nic, &command);
		if (error)
			return error;
	}
	return 0;
}

static bool is_group(const uint8_t mac[NET_MAC_BYTES])
{
	return (mac[0] & 1) != 0;
}

static int put_addresses(struct net_command *command, const uint8_t (*addresses)[NET_MAC_BYTES],
			 unsigned count, bool groups)
{
	put32(command, count);
	for (unsigned i = 0; i < count; i++) {
		if (is_group(addresses[i]) != groups)
			return ERR_INVALID;
		put_bytes(command, addresses[i], NET_MAC_BYTES);
	}
	return 0;
}

int net_set_filter(struct net_device *net, const uint8_t (*unicast)[NET_MAC_BYTES],
		   unsigned unicast_count, const uint8_t (*multicast)[NET_MAC_BYTES],
		   unsigned multicast_count)
{
	struct net_command command =
		make(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, NET_KEPT_FILTER);

	if (!(net->can & NET_CAN_SET_MODE))
		return ERR_UNSUPPORTED; /* 5.1.9.5.2.2-1 */
	if (unicast_count > NET_FILTER_MAX || multicast_count > NET_FILTER_MAX - unicast_count)
		return ERR_RANGE;
	int error = put_addresses(&command, unicast, unicast_count, false); /* 5.1.9.5.2.2-3 */
	if (!error)
		error = put_addresses(&command, multicast, multicast_count, true);
	return error ? error : net_control_run(nic_of(net), &command);
}

int net_set_mac(struct net_device *net, const uint8_t mac[NET_MAC_BYTES])
{
	struct net_command command =
		make(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, NET_KEPT_MAC);

	if (!(net->can & NET_CAN_SET_MAC))
		return ERR_UNSUPPORTED;
	if (is_group(mac))
		return ERR_INVALID;
	put_bytes(&command, mac, NET_MAC_BYTES);
	return net_control_run(nic_of(net), &command);
}

static int change_vlan(struct net_device *net, uint8_t how, uint16_t vlan)
{
	struct net_command command = make(VIRTIO_NET_CTRL_VLAN, how, -1);

	if (!(net->can & NET_CAN_FILTER_VLAN))
		return ERR_UNSUPPORTED;
	if (vlan >= NET_VLANS)
		return ERR_RANGE;
	put16(&command, vlan);
	return net_control_run(nic_of(net), &command);
}

int net_vlan_add(struct net_device *net, uint16_t vlan)
{
	return change_vlan(net, VIRTIO_NET_CTRL_VLAN_ADD, vlan);
}

int net_vlan_remove(struct net_device *net, uint16_t vlan)
{
	return change_vlan(net, VIRTIO_NET_CTRL_VLAN_DEL, vlan);
}

/* ---- Steering (5.1.9.5.6, 5.1.9.5.7) ----------------------------------------------------------------------- */

enum { RSS_CONFIG_FIXED = 8 }; /* bytes before the table */

/* struct virtio_net_rss_config. A receive queue's id is half its index: the number of its pair. */
static struct net_command make_rss(const struct net_rss *rss, unsigned pairs)
{
	struct net_command command =
		make(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, NET_KEPT_STEERING);

	put32(&command, rss->types);
	put16(&command, rss->table_length - 1);
	put16(&command, rss->others);
	for (unsigned i = 0; i < rss->table_length; i++)
		put16(&command, rss->table[i]);
	put16(&command, pairs); /* max_tx_vq */
	put8(&command, (uint8_t)rss->key_bytes);
	put_bytes(&command, rss->key, rss->key_bytes);
	return command;
}

/* struct virtio_net_hash_config. */
static struct net_command make_hash(uint32_t types, const uint8_t *key, unsigned key_bytes)
{
	struct net_command command =
		make(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, NET_KEPT_HASH);

	put32(&command, types);
	for (unsigned i = 0; i < 4; i++)
		put16(&command, 0);
	put8(&command, (uint8_t)key_bytes);
	put_bytes(&command, key, key_bytes);
	return command;
}

/* Without MQ the device is told so by RSS, of nothing. */
struct net_command net_command_pairs(const struct virtio_net *nic, unsigned pairs)
{
	static const struct net_rss nothing = { .table_length = 1 };

	if (!virtio_has(nic->device, VIRTIO_NET_F_MQ))
		return make_rss(&nothing, pairs);
	struct net_command command =
		make(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, NET_KEPT_STEERING);
	put16(&command, pairs);
	return command;
}

static bool has_left(struct net_pair *pair)
{
	return !*(volatile bool *)&pair->open && !*(struct net_buffer *volatile *)&pair->outbox &&
	       !*(struct net_buffer *volatile *)&pair->waiting &&
	       *(volatile uint16_t *)&pair->transmit->ring.in_flight == 0;
}

/* Nothing more is sent by the pairs from `pairs` on, and what was has left them: 5.1.9.5.6.1-4. */
static int close_pairs(struct virtio_net *nic, unsigned pairs)
{
	uint64_t limit = vport_now() + CLOSING_NS;

	nic->pairs_open = pairs;
	for (unsigned i = pairs; i < nic->pairs_served; i++) {
		struct net_pair *pair = &nic->pairs[i];
		while (!has_left(pair)) {
			if (vport_now() >= limit)
				return ERR_BUSY;
			virtio_queue_await(pair->transmit);
			vport_mark(&pair->transmit->event);
			vport_relax(vport_now() + CLOSING_NS / 1000);
		}
	}
	return 0;
}

static int set_pairs(struct virtio_net *nic, unsigned pairs)
{
	unsigned before = nic->pairs_open;
	struct net_command command = net_command_pairs(nic, pairs);
	int error = pairs < before ? close_pairs(nic, pairs) : 0;

	if (!error)
		error = net_control_run(nic, &command);
	if (error == ERR_BUSY || error == ERR_IO)
		net_open_pairs(nic, before);
	return error;
}

int net_set_pairs(struct net_device *net, unsigned pairs)
{
	struct virtio_net *nic = nic_of(net);

	if (pairs == 0 || pairs > net->pairs_max)
		return ERR_RANGE; /* 5.1.9.5.6.1-2 */
	if (!(net->can & NET_CAN_SET_PAIRS))
		return pairs == net->pairs ? 0 : ERR_UNSUPPORTED;
	if (__atomic_exchange_n(&nic->setting_pairs, true, __ATOMIC_ACQUIRE))
		return ERR_BUSY;
	int error = set_pairs(nic, pairs);
	__atomic_store_n(&nic->setting_pairs, false, __ATOMIC_RELEASE);
	return error;
}

static int check_table(const struct net_device *net, const struct net_rss *rss)
{
	unsigned length = rss->table_length;

	if (length == 0 || (length & (length - 1)) != 0)
		return ERR_INVALID; /* 5.1.9.5.7.2-3 */
	if (length > net->rss.table_length || rss->others >= net->pairs)
		return ERR_RANGE; /* 5.1.9.5.7.2-4 */
	for (unsigned i = 0; i < length; i++) {
		if (rss->table[i] >= net->pairs)
			return ERR_RANGE; /* 5.1.9.5.7.2-2 */
	}
	return 0;
}

static int check_rss(const struct net_device *net, const struct net_rss *rss)
{
	if (rss->types & ~net->rss.types)
		return ERR_UNSUPPORTED; /* 5.1.9.5.7.2-5 */
	if (rss->key_bytes > net->rss.key_bytes)
		return ERR_RANGE;
	if (rss->types != 0 && rss->key_bytes == 0)
		return ERR_INVALID;
	return net->can & NET_CAN_SPREAD ? check_table(net, rss) : 0;
}

int net_set_rss(struct net_device *net, const struct net_rss *rss)
{
	struct virtio_net *nic = nic_of(net);
	struct net_command command;

	if (!(net->can & (NET_CAN_SPREAD | NET_CAN_REPORT_HASH)))
		return ERR_UNSUPPORTED; /* 5.1.9.5.7.2-1 */
	int error = rss ? check_rss(net, rss) : 0;
	if (error)
		return error;
	if (!(net->can & NET_CAN_SPREAD))
		command = make_hash(rss ? rss->types : 0, rss ? rss->key : NULL,
				    rss ? rss->key_bytes : 0);
	else if (rss)
		command = make_rss(rss, net->pairs);
	else
		command = net_command_pairs(nic, net->pairs);
	return net_control_run(nic, &command);
}

/* ---- What is heard (5.1.9.5.9) ---------------------------------------------------------------------------------- */

/* By NET_HEARS_…: the offload's bit, which is its feature's. */
static const uint8_t offload_bits[] = {
	VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6,
	VIRTIO_NET_F_GUEST_ECN,  VIRTIO_NET_F_GUEST_UFO,  VIRTIO_NET_F_GUEST_USO4,
	VIRTIO_NET_F_GUEST_USO6,
};

int net_set_hears(struct net_device *net, uint32_t hears)
{
	struct net_command command = make(VIRTIO_NET_CTRL_GUEST_OFFLOADS,
					  VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, NET_KEPT_HEARS);
	uint64_t offloads = 0;

	if (!(net->can & NET_CAN_SET_HEARS))
		return ERR_UNSUPPORTED;
	if (hears & ~net->may_hear)
		return ERR_UNSUPPORTED; /* 5.1.9.5.9.2-1 */
	if (hears != 0 && !(hears & NET_HEARS_CHECKSUM))
		return ERR_INVALID;
	if ((hears & NET_HEARS_ECN) && !(hears & (NET_HEARS_TCP4 | NET_HEARS_TCP6)))
		return ERR_INVALID;
	for (unsigned i = 0; i < sizeof(offload_bits); i++) {
		if (hears & 1u << i)
			offloads |= UINT64_C(1) << offload_bits[i];
	}
	put32(&command, (uint32_t)offloads);
	put32(&command, (uint32_t)(offloads >> 32));
	return net_control_run(nic_of(net), &command);
}

/* ---- What has come of it ------------------------------------------------------------------------------------------ */

static uint32_t heard(const struct net_command *command)
{
	uint32_t hears = 0;

	for (unsigned i = 0; i < sizeof(offload_bits); i++) {
		if (command->data[offload_bits[i] / 8] & 1u << offload_bits[i] % 8)
			hears |= 1u << i;
	}
	return hears;
}

/* Whether hashes come with the frames, of which types. */
static void hashes(struct virtio_net *nic, const struct net_command *command, bool any)
{
	bool types = any && (get16(command, 0) | get16(command, 2)) != 0;

	nic->net.hears &= ~(uint32_t)NET_HEARS_HASH;
	if (types && nic->reports_hash)
		nic->net.hears |= NET_HEARS_HASH;
}

static void took_steering(struct virtio_net *nic, const struct net_command *command)
{
	switch (command->command) {
	case VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET:
		hashes(nic, command, false);
		net_open_pairs(nic, get16(command, 0));
		break;
	case VIRTIO_NET_CTRL_MQ_RSS_CONFIG:
		hashes(nic, command, true);
		net_open_pairs(nic, get16(command, RSS_CONFIG_FIXED + 2 * (get16(command, 4) + 1)));
		break;
	default:
		hashes(nic, command, true);
	}
}

void net_command_took(struct virtio_net *nic, const struct net_command *command)
{
	switch (command->class) {
	case VIRTIO_NET_CTRL_MAC:
		if (command->command == VIRTIO_NET_CTRL_MAC_ADDR_SET)
			memcpy(nic->net.mac, command->data, NET_MAC_BYTES);
		break;
	case VIRTIO_NET_CTRL_MQ:
		took_steering(nic, command);
		break;
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		nic->net.hears = (nic->net.hears & NET_HEARS_HASH) | heard(command);
		break;
	default:
		break;
	}
}

void net_command_lost(struct virtio_net *nic, const struct net_command *command)
{
	virtio_log(nic->device, VPORT_LOG_ERROR,
		   "%s: it refuses command %u of class %u: going on without", nic->net.name,
		   command->command, command->class);
	if (command->class != VIRTIO_NET_CTRL_MQ)
		return;
	nic->net.hears &= ~(uint32_t)NET_HEARS_HASH;
	if (command->command != VIRTIO_NET_CTRL_MQ_HASH_CONFIG)
		net_open_pairs(nic, 1);
}

/* ---- Announcement (5.1.9.5.4) ----------------------------------------------------------------------------------------- */

#define ANNOUNCEMENT_BYTES 60

/* A reverse ARP request (RFC 903) of our own address to everybody: nobody answers, and bridges learn by it. */
static uint32_t write_announcement(uint8_t *to, const uint8_t mac[NET_MAC_BYTES])
{
	static const uint8_t fixed[] = { 0x80, 0x35, 0, 1, 8, 0, NET_MAC_BYTES, 4, 0, 3 };
	uint8_t *addresses = to + 2 * NET_MAC_BYTES + sizeof(fixed);

	memset(to, 0, ANNOUNCEMENT_BYTES);
	memset(to, 0xff, NET_MAC_BYTES);
	memcpy(to + NET_MAC_BYTES, mac, NET_MAC_BYTES);
	memcpy(to + 2 * NET_MAC_BYTES, fixed, sizeof(fixed));
	memcpy(addresses, mac, NET_MAC_BYTES);
	memcpy(addresses + NET_MAC_BYTES + 4, mac, NET_MAC_BYTES);
	return ANNOUNCEMENT_BYTES;
}

static void announce(struct virtio_net *nic)
{
	struct net_device *net = &nic->net;
	struct net_buffer *frame = net_take(net);

	if (frame) { /* without one, upper layers do what can be done */
		frame->length = write_announcement(net_data(frame), net->mac);
		if (net_send(net, &frame, 1) != 1)
			net_release(net, frame);
	}
	if (net->announcer)
		net->announcer(net, net->announcer_cookie);
}

/* Runs again when the acknowledgement is done. With an error the device asks again; what it asks for before, is done
 * then. */
void net_announce_work(struct vport_work *work)
{
	struct virtio_net *nic = containing(work, struct virtio_net, announcing);
	struct net_control *control = nic->control;
	struct net_command *command = &control->acknowledgement;

	if (control->acknowledging && __atomic_load_n(&command->done, __ATOMIC_ACQUIRE))
		control->acknowledging = false;
	if (control->acknowledging || !nic->announcement_due)
		return;
	nic->announcement_due = false;
	announce(nic);
	*command = make(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, -1);
	command->then = work;
	control->acknowledging = net_control_post(nic, command) == 0; /* 5.1.9.5.4.1-2 */
}
