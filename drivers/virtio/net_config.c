/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net: its features (VIRTIO 1.4, 5.1.3) and what its configuration space says (5.1.4). A value that makes no
 * sense is replaced by one that does, or what it is about is not used, with a line.
 *
 * See it at work: make run APP=lsvirtio NET=user
 * Left out: STANDBY, NOTF_COAL, VQ_NOTF_COAL, DEVICE_STATS, HASH_TUNNEL, RSS_CONTEXT, RSC_EXT, tunnels.
 */
#include "drivers/virtio/net_nic.h"

/* 5.1.4 */
enum net_config {
	CONFIG_MAC = 0,
	CONFIG_STATUS = 6,
	CONFIG_MAX_VIRTQUEUE_PAIRS = 8,
	CONFIG_MTU = 10,
	CONFIG_SPEED = 12,
	CONFIG_DUPLEX = 16,
	CONFIG_RSS_MAX_KEY_SIZE = 17,
	CONFIG_RSS_MAX_INDIRECTION_TABLE_LENGTH = 18,
	CONFIG_SUPPORTED_HASH_TYPES = 20,
};
enum { VIRTIO_NET_S_LINK_UP = 1, VIRTIO_NET_S_ANNOUNCE = 2 };

#define DEFAULT_MTU 1500
#define SMALLEST_MTU 68            /* 5.1.4.1-2 */
#define MOST_PAIRS 0x8000          /* 5.1.4.1-1 */
#define SHORTEST_KEY 40            /* 5.1.4.1-7 */
#define SPEED_MAX 0x7fffffff       /* 5.1.4.2-10 */
#define MERGED_BYTES 4032          /* of a buffer, where large frames are in many of them */
#define SMALLEST_FRAME_BUFFER 1534 /* 5.1.9.3.1-2 */

/* ---- Features ------------------------------------------------------------------------------------ */

/* All that are wanted: X is given the name of each. */
/* clang-format off */
#define FEATURES(X) \
	X(CSUM) X(GUEST_CSUM) X(CTRL_GUEST_OFFLOADS) X(MTU) X(MAC) X(GUEST_TSO4) X(GUEST_TSO6) \
	X(GUEST_ECN) X(GUEST_UFO) X(HOST_TSO4) X(HOST_TSO6) X(HOST_ECN) X(HOST_UFO) X(MRG_RXBUF) \
	X(STATUS) X(CTRL_VQ) X(CTRL_RX) X(CTRL_VLAN) X(CTRL_RX_EXTRA) X(GUEST_ANNOUNCE) X(MQ) \
	X(CTRL_MAC_ADDR) X(GUEST_USO4) X(GUEST_USO6) X(HOST_USO) X(HASH_REPORT) X(GUEST_HDRLEN) \
	X(RSS) X(SPEED_DUPLEX)
/* clang-format on */
#define NUMBER(feature) VIRTIO_NET_F_##feature,
#define NAME(feature) { VIRTIO_NET_F_##feature, #feature },

const uint8_t net_wanted[NET_WANTED_COUNT] = { FEATURES(NUMBER) };
const struct virtio_feature_name net_feature_names[NET_WANTED_COUNT] = { FEATURES(NAME) };

/* 5.1.3.1: the first one needs one of the two others. In an order in which one pass is enough. (MQ without a control
 * queue: see net_choose_features.) */
static const uint8_t requirements[][3] = {
	{ VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 },
	{ VIRTIO_NET_F_GUEST_UFO, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_USO6, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 },
	{ VIRTIO_NET_F_HOST_UFO, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_USO, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_RX },
	{ VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_RSS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	/* It is told by a bit of the status. */
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_STATUS },
};

void net_choose_features(struct virtio_device *device)
{
	for (unsigned i = 0; i < sizeof(requirements) / sizeof(requirements[0]); i++) {
		if (!virtio_has(device, requirements[i][1]) &&
		    !virtio_has(device, requirements[i][2]))
			virtio_features_remove(&device->features, requirements[i][0]);
	}
	/* Where the transport itself has a device serve every queue that is enabled, nobody has to be asked. */
	if (!virtio_has(device, VIRTIO_NET_F_CTRL_VQ) && !device->transport->serves_enabled)
		virtio_features_remove(&device->features, VIRTIO_NET_F_MQ);
	/* QEMU, when its back end takes no more for a while, asks in a packed ring to be notified of the buffer that it has
	 * come to, goes on to the end of what is there, and does not ask anew: transmission would stand still. Without
	 * the index it says yes or no. */
	if (virtio_has(device, VIRTIO_F_RING_PACKED))
		virtio_features_remove(&device->features, VIRTIO_F_EVENT_IDX);
}

/* ---- What changes -------------------------------------------------------------------------------------- */

static void read_speed(struct virtio_net *nic)
{
	uint32_t speed = UINT32_MAX;
	uint8_t duplex = UINT8_MAX;

	nic->net.speed = NET_SPEED_UNKNOWN;
	nic->net.duplex = NET_DUPLEX_UNKNOWN;
	if (!virtio_has(nic->device, VIRTIO_NET_F_SPEED_DUPLEX) ||
	    virtio_config_read(nic->device, CONFIG_SPEED, 4, 1, &speed) != 0 ||
	    virtio_config_read(nic->device, CONFIG_DUPLEX, 1, 1, &duplex) != 0)
		return;
	/* 5.1.4.2-10, -11. (5.1.4.1-11 has half and full the other way round than 5.1.4 and every device.) */
	if (speed <= SPEED_MAX)
		nic->net.speed = speed;
	if (duplex <= 1)
		nic->net.duplex = duplex == 1 ? NET_DUPLEX_FULL : NET_DUPLEX_HALF;
}

bool net_read_status(struct virtio_net *nic)
{
	uint16_t status = VIRTIO_NET_S_LINK_UP; /* 5.1.4.2-5 */

	read_speed(nic);
	if (virtio_has(nic->device, VIRTIO_NET_F_STATUS) &&
	    virtio_config_read(nic->device, CONFIG_STATUS, 2, 1, &status) != 0)
		return false;
	nic->net.link = (status & VIRTIO_NET_S_LINK_UP) != 0;
	return virtio_has(nic->device, VIRTIO_NET_F_GUEST_ANNOUNCE) &&
	       (status & VIRTIO_NET_S_ANNOUNCE) != 0;
}

/* ---- What stays ------------------------------------------------------------------------------------------- */

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
	return 0;
}

/* How many pairs of queues there may be, the control queue behind them. Where that cannot be, one, and no control
 * queue: nobody knows where it is. */
static int read_pairs(struct virtio_net *nic)
{
	struct virtio_device *device = nic->device;
	uint16_t pairs = 1;

	if (virtio_has(device, VIRTIO_NET_F_MQ) || virtio_has(device, VIRTIO_NET_F_RSS)) {
		int error = virtio_config_read(device, CONFIG_MAX_VIRTQUEUE_PAIRS, 2, 1, &pairs);
		if (error)
			return error;
	}
	if (pairs == 0 || pairs > MOST_PAIRS) {
		virtio_log(
			device, VPORT_LOG_ERROR,
			"impossible max_virtqueue_pairs %u: one pair and no control queue are used",
			pairs);
		pairs = 0;
	}
	nic->told_pairs = pairs;
	return 0;
}

/* 5.1.4: nothing of RSS is used where its limits are none. */
static int read_rss(struct virtio_net *nic)
{
	struct net_rss_limits *rss = &nic->net.rss;
	bool spreads = virtio_has(nic->device, VIRTIO_NET_F_RSS);
	uint8_t key = 0;
	uint16_t table = 0;
	uint32_t types = 0;

	if (!spreads && !nic->reports_hash)
		return 0;
	int error = virtio_config_read(nic->device, CONFIG_RSS_MAX_KEY_SIZE, 1, 1, &key);
	if (!error && spreads)
		error = virtio_config_read(nic->device, CONFIG_RSS_MAX_INDIRECTION_TABLE_LENGTH, 2,
					   1, &table);
	if (!error)
		error = virtio_config_read(nic->device, CONFIG_SUPPORTED_HASH_TYPES, 4, 1, &types);
	if (error)
		return error;
	if (table > NET_RSS_TABLE_MAX)
		table = NET_RSS_TABLE_MAX;
	while ((table & (table - 1)) != 0)
		table &= (uint16_t)(table - 1); /* 5.1.9.5.7.2-3 */
	if (key < SHORTEST_KEY || (spreads && table == 0)) {
		virtio_log(nic->device, VPORT_LOG_ERROR,
			   "impossible limits of RSS, a key of %u bytes, a table of %u: not used",
			   key, table);
		return 0;
	}
	*rss = (struct net_rss_limits){
		.types = types & NET_HASH_ALL,
		.table_length = table,
		.key_bytes = key < NET_RSS_KEY_MAX ? key : NET_RSS_KEY_MAX,
	};
	return 0;
}

/* A bit of net.h for a feature. */
struct bit {
	uint8_t feature;
	uint32_t bit;
};

static uint32_t bits_of(const struct virtio_net *nic, const struct bit *bits, unsigned count)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < count; i++) {
		if (virtio_has(nic->device, bits[i].feature))
			set |= bits[i].bit;
	}
	return set;
}

static void fill_in_abilities(struct virtio_net *nic)
{
	static const struct bit can[] = {
		{ VIRTIO_NET_F_CSUM, NET_CAN_CHECKSUM },  { VIRTIO_NET_F_HOST_TSO4, NET_CAN_TSO4 },
		{ VIRTIO_NET_F_HOST_TSO6, NET_CAN_TSO6 }, { VIRTIO_NET_F_HOST_ECN, NET_CAN_ECN },
		{ VIRTIO_NET_F_HOST_UFO, NET_CAN_UFO },   { VIRTIO_NET_F_HOST_USO, NET_CAN_USO },
	};
	static const struct bit hears[] = {
		{ VIRTIO_NET_F_GUEST_CSUM, NET_HEARS_CHECKSUM },
		{ VIRTIO_NET_F_GUEST_TSO4, NET_HEARS_TCP4 },
		{ VIRTIO_NET_F_GUEST_TSO6, NET_HEARS_TCP6 },
		{ VIRTIO_NET_F_GUEST_ECN, NET_HEARS_ECN },
		{ VIRTIO_NET_F_GUEST_UFO, NET_HEARS_UFO },
		{ VIRTIO_NET_F_GUEST_USO4, NET_HEARS_USO4 },
		{ VIRTIO_NET_F_GUEST_USO6, NET_HEARS_USO6 },
	};
	struct net_device *net = &nic->net;

	net->can = bits_of(nic, can, sizeof(can) / sizeof(can[0]));
	net->hears = net->may_hear = bits_of(nic, hears, sizeof(hears) / sizeof(hears[0]));
	net->largest = net->can & (NET_CAN_TSO4 | NET_CAN_TSO6 | NET_CAN_UFO | NET_CAN_USO)
			       ? NET_LONGEST
			       : NET_HEADER_BYTES + net->mtu;
	nic->merges = virtio_has(nic->device, VIRTIO_NET_F_MRG_RXBUF);
	nic->reports_hash = virtio_has(nic->device, VIRTIO_NET_F_HASH_REPORT);
	nic->header_bytes = nic->reports_hash ? NET_HDR_HASH : NET_HDR_PLAIN;
}

/* Frames of more than one segment may come in. */
static bool hears_large(const struct virtio_net *nic)
{
	return (nic->net.may_hear & ~(uint32_t)(NET_HEARS_CHECKSUM | NET_HEARS_ECN)) != 0;
}

/* The size of a buffer where they do: of a whole frame (5.1.9.3.1-1), or of a piece. A device waits until it has enough empty
 * buffers for all of a frame, or drops it. So half of the smallest receive queue's are enough; the others may be with programs. */
static uint32_t large_bytes(const struct virtio_net *nic)
{
	unsigned fewest = UINT16_MAX;

	if (!nic->merges)
		return NET_ROOM - nic->header_bytes + net_longest(nic);
	for (unsigned i = 0; i < nic->pair_count; i++) {
		if (nic->pairs[i].receive->setup.size < fewest)
			fewest = nic->pairs[i].receive->setup.size;
	}
	unsigned half = (fewest + 1) / 2;
	uint32_t bytes = NET_ROOM - nic->header_bytes + (net_longest(nic) + half - 1) / half;
	return bytes > MERGED_BYTES ? bytes : MERGED_BYTES;
}

uint32_t net_buffer_bytes(const struct virtio_net *nic)
{
	/* A frame of the largest size: 5.1.4.2-7. */
	uint32_t bytes = NET_ROOM + NET_HEADER_BYTES + NET_VLAN_TAG_BYTES + nic->net.mtu;

	if (bytes < SMALLEST_FRAME_BUFFER)
		bytes = SMALLEST_FRAME_BUFFER;
	uint32_t large = hears_large(nic) ? large_bytes(nic) : 0;
	return bytes > large ? bytes : large;
}

int net_read_config(struct virtio_net *nic)
{
	int error = read_mac(nic);

	if (!error)
		error = read_mtu(nic);
	if (!error)
		error = read_pairs(nic);
	fill_in_abilities(nic);
	if (!error)
		error = read_rss(nic);
	return error;
}
