/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device (VIRTIO 1.4, 5.1): see net.h. Nothing of the driver is used; offsets are written out. */
#include "tests/host/fake/net.h"

#include <string.h>

enum { NEEDS_CSUM = 1, GSO_ECN = 0x80 };
enum {
	CTRL_RX = 0,
	CTRL_MAC = 1,
	CTRL_VLAN = 2,
	CTRL_ANNOUNCE = 3,
	CTRL_MQ = 4,
	CTRL_OFFLOADS = 5
};
enum { RING_LONGEST = 65549 };

static unsigned get16(const uint8_t *at)
{
	return at[0] | (unsigned)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static size_t header_bytes(const struct fake_device *device)
{
	return fake_accepted(device, FAKE_HASH_REPORT) ? 20 : 12;
}

/* Where the control queue is: 5.1.2. */
static unsigned control_index(const struct fake_device *device)
{
	bool many = fake_accepted(device, FAKE_MQ) || fake_accepted(device, FAKE_RSS);

	unsigned pairs = many ? (unsigned)fake_config_get(device, 8, 2) : 1;

	return pairs > 0 ? 2 * pairs : UINT32_MAX; /* nobody could say where */
}

/* ---- Transmit ------------------------------------------------------------------------------ */

/* The ones' complement sum over the frame from `start` on, stored where the header says. */
static void fill_in_checksum(struct fake_wire *wire, unsigned start, unsigned offset)
{
	uint32_t sum = 0;

	for (size_t i = start; i < wire->length; i++)
		sum += (i - start) % 2 ? wire->frame[i] : (uint32_t)wire->frame[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	wire->frame[start + offset] = (uint8_t)(~sum >> 8);
	wire->frame[start + offset + 1] = (uint8_t)~sum;
}

static bool may_segment(const struct fake_device *device, unsigned type)
{
	switch (type) {
	case 1:
		return fake_accepted(device, FAKE_HOST_TSO4);
	case 3:
		return fake_accepted(device, FAKE_HOST_UFO);
	case 4:
		return fake_accepted(device, FAKE_HOST_TSO6);
	case 5:
		return fake_accepted(device, FAKE_HOST_USO);
	default:
		return false;
	}
}

/* 5.1.9.2.1 */
static void check_segments(struct fake_device *device, const struct fake_wire *wire)
{
	const uint8_t *header = wire->header;
	unsigned type = header[1] & ~GSO_ECN;

	if (!may_segment(device, type))
		fake_breach(device, "asks for segments that were not negotiated (5.1.9.2.1-5 …)");
	if ((header[1] & GSO_ECN) && !fake_accepted(device, FAKE_HOST_ECN))
		fake_breach(device, "sends ECN without the feature (5.1.9.2.1-9)");
	if (!(header[0] & NEEDS_CSUM) || get16(header + 4) == 0)
		fake_breach(device, "asks for segments without checksum or size (5.1.9.2.1-22)");
	if (get16(header + 2) > wire->length ||
	    get16(header + 2) < get16(header + 6) + get16(header + 8) + 2)
		fake_breach(device, "tells no length of the headers (5.1.9.2.1-23)");
}

static bool transmit(struct fake_device *device, unsigned pair, struct ring_chain *chain)
{
	struct fake_wire *wire = device->state;
	size_t before = header_bytes(device);

	if (chain->writable != 0)
		fake_breach(device, "sends from a writable buffer");
	if (pair >= (wire->pairs ? wire->pairs : 1))
		fake_breach(device, "sends by a pair that is not in use (5.1.9.5.6.1-3, -4)");
	if (ring_chain_read(chain, 0, wire->header, before) != before)
		fake_breach(device, "sends less than a header");
	wire->sent++;
	wire->sent_by[pair]++;
	wire->length = ring_chain_read(chain, before, wire->frame, sizeof(wire->frame));
	for (size_t i = 10; i < before; i++) {
		if (wire->header[i] != 0)
			fake_breach(device, "sets what is for received frames (5.1.9.2.1-2)");
	}
	if (wire->header[0] & ~NEEDS_CSUM || (wire->header[0] && !fake_accepted(device, FAKE_CSUM)))
		fake_breach(device, "sets a flag that it must not (5.1.9.2.1-3, -33)");
	if (wire->header[1])
		check_segments(device, wire);
	size_t most = wire->header[1] ? RING_LONGEST : 14 + wire->mtu;
	if (wire->length < 14 || wire->length > most)
		fake_breach(device, "sends a frame that is too short or too long (5.1.4.2-8)");
	if (wire->header[0] & NEEDS_CSUM) {
		unsigned start = get16(wire->header + 6), offset = get16(wire->header + 8);
		if (start + offset + 2 > wire->length)
			fake_breach(device, "has a checksum put outside of the frame");
		else
			fill_in_checksum(wire, start, offset);
	}
	return true;
}

/* ---- Control ---------------------------------------------------------------------------------- */

static bool is_mac_table(const uint8_t *data, size_t length)
{
	for (unsigned groups = 0; groups < 2; groups++) {
		if (length < 4)
			return false;
		uint32_t count = get32(data);
		if ((length - 4) / 6 < count)
			return false;
		for (uint32_t i = 0; i < count; i++) {
			if ((data[4 + i * 6] & 1) != groups)
				return false;
		}
		data += 4 + count * 6;
		length -= 4 + count * 6;
	}
	return length == 0;
}

static unsigned max_pairs(const struct fake_device *device)
{
	return (unsigned)fake_config_get(device, 8, 2);
}

/* struct virtio_net_rss_config; the number of pairs; 0: it is none. */
static unsigned rss_pairs(const struct fake_device *device, const uint8_t *data, size_t length)
{
	if (length < 8)
		return 0;
	size_t entries = (size_t)get16(data + 4) + 1, at = 8 + 2 * entries;
	if ((entries & (entries - 1)) != 0 || entries > fake_config_get(device, 18, 2) ||
	    length < at + 3 || length != at + 3 + data[at + 2] ||
	    data[at + 2] > fake_config_get(device, 17, 1))
		return 0;
	if (get32(data) & ~(uint32_t)fake_config_get(device, 20, 4))
		return 0;
	unsigned pairs = get16(data + at);
	for (size_t i = 0; i <= entries; i++) {
		if (get16(data + 6 + 2 * i) >= pairs) /* `others`, and the table behind it */
			return 0;
	}
	return pairs;
}

static void keep_rss(struct fake_wire *wire)
{
	memcpy(wire->rss, wire->data, wire->data_length);
	wire->rss_length = wire->data_length;
}

static bool set_steering(struct fake_device *device)
{
	struct fake_wire *wire = device->state;
	unsigned pairs = 0;

	switch (wire->command) {
	case 0:
		pairs = wire->data_length == 2 ? get16(wire->data) : 0;
		wire->rss_length = 0;
		if (!fake_accepted(device, FAKE_MQ))
			fake_breach(device, "sets pairs without the feature");
		break;
	case 1:
		pairs = rss_pairs(device, wire->data, wire->data_length);
		keep_rss(wire);
		if (!fake_accepted(device, FAKE_RSS))
			fake_breach(device, "configures RSS without the feature (5.1.9.5.7.2-1)");
		break;
	case 2:
		keep_rss(wire);
		if (!fake_accepted(device, FAKE_HASH_REPORT))
			fake_breach(device, "configures hashing without the feature");
		return wire->data_length == 13u + wire->data[12];
	}
	if (pairs == 0 || pairs > max_pairs(device)) {
		fake_breach(device, "steers in a way that cannot be (5.1.9.5.6.1-2, 5.1.9.5.7.2)");
		return false;
	}
	wire->pairs = pairs;
	return true;
}

/* Does as it is told; false: refused. */
static bool obey(struct fake_device *device)
{
	struct fake_wire *wire = device->state;
	const uint8_t *data = wire->data;
	size_t length = wire->data_length;

	switch (wire->class) {
	case CTRL_RX:
		if (!fake_accepted(device, wire->command < 2 ? FAKE_CTRL_RX : FAKE_CTRL_RX_EXTRA))
			fake_breach(device, "sets a mode without the feature (5.1.9.5.1.2)");
		if (wire->command >= 6 || length != 1 || data[0] > 1)
			return false;
		wire->modes[wire->command] = data[0];
		return true;
	case CTRL_MAC:
		if (!fake_accepted(device, FAKE_CTRL_RX))
			fake_breach(device, "sets addresses without the feature (5.1.9.5.2.2-1)");
		if (wire->command == 1) {
			memcpy(wire->mac, data, 6);
			memcpy(device->config, data, 6);
			return length == 6;
		}
		memcpy(wire->filter, data, length);
		wire->filter_length = length;
		return is_mac_table(data, length);
	case CTRL_VLAN:
		if (length != 2 || get16(data) > 4095 || wire->command > 1)
			return false;
		wire->vlans[get16(data)] = wire->command == 0;
		return true;
	case CTRL_ANNOUNCE:
		wire->announced++;
		device->config[6] &= 0xfd; /* 5.1.9.5.4.2-1 */
		return length == 0;
	case CTRL_MQ:
		return set_steering(device);
	case CTRL_OFFLOADS:
		wire->offloads = get32(data) | (uint64_t)get32(data + 4) << 32;
		for (unsigned bit = 0; bit < 64; bit++) {
			if ((wire->offloads & UINT64_C(1) << bit) && !fake_accepted(device, bit))
				fake_breach(device, "turns on what was not negotiated "
						    "(5.1.9.5.9.2-1)");
		}
		return length == 8;
	}
	return false;
}

static bool control(struct fake_device *device, struct ring_chain *chain, uint32_t *written)
{
	struct fake_wire *wire = device->state;
	uint8_t head[2], answer;

	if (chain->writable != 1 || ring_chain_read(chain, 0, head, 2) != 2)
		fake_breach(device, "sends a command of another form (5.1.9.5)");
	wire->commands++;
	wire->class = head[0];
	wire->command = head[1];
	wire->data_length = ring_chain_read(chain, 2, wire->data, sizeof(wire->data));
	if (wire->silent)
		return false;
	answer = wire->refuse_class == wire->class + 1 || !obey(device);
	if (wire->answers)
		answer = wire->answer;
	if (wire->writes_nothing)
		return true;
	ring_chain_write(chain, 0, &answer, 1);
	*written = 1;
	return true;
}

/* ---- The device ----------------------------------------------------------------------------------- */

/* 5.1.9.3.1 */
static void check_buffer(struct fake_device *device, const struct ring_chain *chain)
{
	const struct fake_wire *wire = device->state;
	size_t least = header_bytes(device) + 14 + wire->mtu;
	bool large =
		fake_accepted(device, FAKE_GUEST_TSO4) || fake_accepted(device, FAKE_GUEST_TSO6) ||
		fake_accepted(device, FAKE_GUEST_UFO) || fake_accepted(device, FAKE_GUEST_USO4) ||
		fake_accepted(device, FAKE_GUEST_USO6);

	if (fake_accepted(device, FAKE_MRG_RXBUF))
		least = header_bytes(device); /* -3 */
	else if (large && least < header_bytes(device) + RING_LONGEST)
		least = header_bytes(device) + RING_LONGEST; /* -1 */
	if (chain->writable != 0 && chain->writable < least)
		fake_breach(device, "receives into too small a buffer (5.1.9.3.1)");
}

static bool serve_net(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	struct fake_device *device = queue->device;

	*written = 0;
	if (fake_accepted(device, FAKE_CTRL_VQ) && queue->index == control_index(device))
		return control(device, chain, written);
	if (queue->index % 2 == 1)
		return transmit(device, queue->index / 2, chain);
	check_buffer(device, chain);
	return false; /* until a frame comes */
}

/* 5.1.9.5.2.1-1, 5.1.9.5.6.2-1 */
static void reset_net(struct fake_device *device)
{
	struct fake_wire *wire = device->state;

	if (!wire)
		return;
	memset(wire->modes, 0, sizeof(wire->modes));
	memset(wire->vlans, 0, sizeof(wire->vlans));
	memset(wire->mac, 0, sizeof(wire->mac));
	wire->filter_length = wire->rss_length = 0;
	wire->pairs = 0;
	wire->offloads = 0;
}

static struct ring_chain *oldest(struct fake_queue *queue)
{
	struct ring_chain *chain = queue->ring.taken;

	while (chain && chain->next)
		chain = chain->next;
	return chain;
}

bool fake_receive(struct fake_device *device, const uint8_t header[12], const void *frame,
		  size_t length, uint32_t written)
{
	struct fake_queue *queue = &device->queues[0];
	struct ring_chain *chain = oldest(queue);

	if (!chain)
		return false;
	size_t done = ring_chain_write(chain, 0, header, 12);
	done += ring_chain_write(chain, 12, frame, length);
	fake_use(queue, chain, written ? written : (uint32_t)done);
	return true;
}

bool fake_receive_by(struct fake_device *device, unsigned pair, const uint8_t *header,
		     const void *frame, size_t length, uint16_t number)
{
	struct fake_queue *queue = &device->queues[2 * pair];
	size_t before = header_bytes(device), at = 0;
	struct ring_chain *chains[64];
	unsigned count = 0;
	uint8_t own[20];

	/* A device that has none left looks for more, told of them or not. */
	if (queue->ready && !queue->ring.taken)
		fake_serve(queue);
	const struct ring_chain *chain = queue->ring.taken;

	memcpy(own, header, before);
	/* As many as it takes, from the oldest on. */
	unsigned taken = 0;
	for (; chain; chain = chain->next)
		taken++;
	do {
		struct ring_chain *next = queue->ring.taken;
		if (count == 64 || count == taken)
			return false;
		for (unsigned i = 0; i + count + 1 < taken; i++)
			next = next->next;
		chains[count] = next;
		at += next->writable - (count == 0 ? before : 0);
		count++;
	} while (at < length);
	own[10] = (uint8_t)(number ? number : count);
	own[11] = (uint8_t)(number >> 8);
	at = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t room = chains[i]->writable - (i == 0 ? before : 0);
		size_t now = length - at < room ? length - at : room;
		if (i == 0)
			ring_chain_write(chains[i], 0, own, before);
		ring_chain_write(chains[i], i == 0 ? before : 0, (const uint8_t *)frame + at, now);
		at += now;
		fake_use(queue, chains[i], (uint32_t)(now + (i == 0 ? before : 0)));
	}
	return true;
}

const struct fake_model fake_net = {
	.type = VIRTIO_TYPE_NET,
	.queues = 2 * FAKE_NET_PAIRS + 1,
	.queue_size = 64,
	.features = 1u << FAKE_MTU | 1u << FAKE_MAC | 1u << FAKE_STATUS,
	.serve = serve_net,
	.reset = reset_net,
};
