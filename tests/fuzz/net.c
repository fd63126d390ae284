/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a network device (drivers/virtio/net*.c) that says in its configuration what it likes, passes anything for
 * frames, and answers commands as it pleases, under a program that sends, receives and asks for things. The rings are
 * real ones, and the device's side of them is here: it uses buffers that are in flight, but for where the input has it
 * name any; then, and when a command gets no answer, it is reset.
 *
 * Input: features (8 bytes), configuration (24), then steps, one byte each (enum step), with what each takes.
 */
#include "drivers/virtio/net.c"

#include "tests/fuzz/port.h"
#include "tests/fuzz/queue.h"

enum step { RECEIVE, SEND, SENT, ASK, CHANGE, RECOVER, STEPS };
enum { STEPS_MAX = 60, RING = 8, CONFIG = 24, QUEUES = 2 * NET_MAX_PAIRS + 1, KEPT = 4 };

static struct input input;
static struct virtio_device device;
static uint8_t config[CONFIG];
static bool failed; /* the device broke a rule, and is to be reset */
static uint64_t now;

/* ---- The port ------------------------------------------------------------------------------- */

long vport_dma_map(struct vport_device *port, void *buffer, size_t length,
		   enum vport_direction direction, dma_addr_t *address)
{
	(void)port;
	FUZZ_CHECK(direction == VPORT_TO_DEVICE && length > 0);
	address->bits = (uintptr_t)buffer;
	return (long)length;
}
void vport_dma_unmap(struct vport_device *port, void *buffer, size_t length,
		     enum vport_direction direction, dma_addr_t address)
{
	(void)port;
	(void)length;
	(void)direction;
	FUZZ_CHECK(address.bits == (uintptr_t)buffer);
}
void vport_mark(struct vport_event *event)
{
	(void)event;
}
void vport_work_queue(struct vport_work *work)
{
	(void)work;
}
uint64_t vport_now(void)
{
	return now += 1000;
}
uint64_t vport_setting(const char *key, uint64_t fallback)
{
	return strcmp(key, "pairs") == 0 ? 3 : fallback;
}
const char *vport_setting_text(const char *key)
{
	return strcmp(key, "pairs") == 0 ? "3" : NULL;
}

/* ---- The core --------------------------------------------------------------------------------- */

int virtio_config_read(struct virtio_device *of, unsigned offset, unsigned width, unsigned count,
		       void *values)
{
	(void)of;
	FUZZ_CHECK(offset + width * count <= CONFIG);
	memcpy(values, config + offset, width * count);
	return 0;
}

/* It has an odd number of queues less than it may say. */
int virtio_queue_create(struct virtio_device *of, unsigned index,
			const struct virtio_queue_options *options)
{
	FUZZ_CHECK(of->queue_count < QUEUES && !virtio_queue_at(of, index));
	if (index >= QUEUES)
		return ERR_NODEV;
	struct virtio_queue *queue = fuzz_alloc(sizeof(*queue));
	struct virtq_setup *setup = &queue->setup;
	*setup = (struct virtq_setup){ .format = VIRTQ_SPLIT,
				       .size = RING,
				       .indirect_entries = RING };
	setup->ring = vport_dma_alloc(NULL, virtq_ring_bytes(VIRTQ_SPLIT, RING), 64,
				      &setup->ring_address);
	setup->table = fuzz_alloc(virtq_table_bytes(RING));
	setup->indirect = vport_dma_alloc(NULL, virtq_indirect_bytes(RING, RING), 64,
					  &setup->indirect_address);
	queue->device = of;
	queue->index = (uint16_t)index;
	queue->driver = options->driver;
	virtq_init(&queue->ring, setup);
	of->queues[of->queue_count++] = queue;
	return 0;
}

struct virtio_queue *virtio_queue_at(const struct virtio_device *of, unsigned index)
{
	for (unsigned i = 0; i < of->queue_count; i++) {
		if (of->queues[i]->index == index)
			return of->queues[i];
	}
	return NULL;
}

static void free_queues(void)
{
	for (unsigned i = 0; i < device.queue_count; i++) {
		free(device.queues[i]->setup.ring);
		free(device.queues[i]->setup.table);
		free(device.queues[i]->setup.indirect);
		free(device.queues[i]);
	}
}

int virtio_queue_push(struct virtio_queue *queue, const struct virtq_segment *segments,
		      unsigned readable, unsigned writable, void *cookie, unsigned deadlines)
{
	(void)deadlines;
	return virtq_push(&queue->ring, segments, readable, writable, cookie);
}
void virtio_queue_notify(struct virtio_queue *queue)
{
	(void)queue;
}
unsigned virtio_queue_fail(struct virtio_queue *queue)
{
	(void)queue;
	failed = true;
	return 0;
}
bool virtio_queue_pop(struct virtio_queue *queue, void **cookie, uint32_t *written)
{
	struct virtq_done done = { 0 };
	bool got = virtio_queue_pop_many(queue, &done, 1) == 1;

	*cookie = done.cookie;
	*written = done.written;
	return got;
}
bool virtio_tells_change(struct virtio_device *of)
{
	(void)of;
	return true;
}
void virtio_queue_await(struct virtio_queue *queue)
{
	queue->awaited = true;
}

/* ---- The device's side ---------------------------------------------------------------------------- */

static void recover(void)
{
	void *cookie;

	failed = false;
	device.state = VIRTIO_RECOVERING;
	for (unsigned i = 0; i < device.queue_count; i++)
		device.queues[i]->ring.broken = true;
	stop(&device);
	device.resets++;
	for (unsigned i = 0; i < device.queue_count; i++) {
		while ((cookie = virtq_drain(&device.queues[i]->ring)) != NULL)
			abort_buffer(device.queues[i], cookie, ERR_IO);
	}
	for (unsigned i = 0; i < device.queue_count; i++)
		virtq_init(&device.queues[i]->ring, &device.queues[i]->setup);
	device.state = VIRTIO_RUNNING;
	ready(&device);
	for (unsigned i = 0; i < device.queue_count; i++)
		drain(device.queues[i]);
}

/* Uses a buffer: one in flight, or whatever the input names. */
static void use(struct virtio_queue *queue, unsigned id, uint32_t written)
{
	uint8_t *used = (uint8_t *)queue->setup.ring +
			(virtq_addresses(VIRTQ_SPLIT, RING, queue->setup.ring_address).device -
			 queue->setup.ring_address.bits);
	uint16_t index = (uint16_t)(used[2] | used[3] << 8);
	uint32_t element[2] = { id, written };

	memcpy(used + 4 + index % RING * sizeof(element), element, sizeof(element));
	index++;
	memcpy(used + 2, &index, sizeof(index));
}

/* The next one in flight from `from` on; -1: there is none. */
static int in_flight(const struct virtio_queue *queue, unsigned from)
{
	for (unsigned i = 0; i < RING; i++) {
		if (virtq_busy(&queue->ring, (from + i) % RING))
			return (int)((from + i) % RING);
	}
	return -1;
}

static void receive(void)
{
	struct virtio_net *nic = device.data;
	struct virtio_queue *queue = nic->pairs[take(&input, 1) % nic->pair_count].receive;
	unsigned count = (unsigned)take(&input, 1) % 8, lies = (unsigned)take(&input, 1);
	bool taken[RING] = { false };

	for (unsigned i = 0; i < count; i++) {
		int id = in_flight(queue, (unsigned)take(&input, 1));
		if (id < 0 || (taken[id] && !(lies & 1)))
			continue;
		taken[id] = true;
		struct net_buffer *buffer = queue->ring.slots[id].cookie;
		uint32_t written = (uint32_t)take(&input, 2);
		if (written > buffer->size && !(lies & 2))
			written %= buffer->size + 1;
		take_bytes(&input, buffer->memory, NET_HDR_HASH);
		use(queue, lies & 4 ? (unsigned)take(&input, 1) : (unsigned)id, written);
	}
	drain(queue);
}

/* Everything that was sent is done. */
static void finish_sent(void)
{
	struct virtio_net *nic = device.data;

	for (unsigned i = 0; i < nic->pair_count; i++) {
		struct virtio_queue *queue = nic->pairs[i].transmit;
		for (unsigned id = 0; id < RING; id++) {
			if (virtq_busy(&queue->ring, id))
				use(queue, id, 0);
		}
		drain(queue);
	}
}

/* Somebody waits for a command: it is answered, or the device is reset. */
void vport_relax(uint64_t deadline)
{
	struct virtio_net *nic = device.data;
	struct net_control *control = nic->control;

	(void)deadline;
	now += 1000000;
	finish_sent();
	drain(control->queue);
	int id = in_flight(control->queue, 0);
	if (id < 0)
		return;
	uint8_t answer = (uint8_t)take(&input, 1);
	if (answer == 0xfe) {
		recover();
		return;
	}
	control->page[511] = answer;
	use(control->queue, (unsigned)id, answer != 0xfd);
	drain(control->queue);
}

/* ---- The program ------------------------------------------------------------------------------------- */

static struct net_buffer *kept[KEPT];
static unsigned kept_count, done_expected;

static void done(struct net_buffer *frame, int status)
{
	struct virtio_net *nic = device.data;

	FUZZ_CHECK(status <= 0 && done_expected > 0);
	done_expected--;
	net_release(&nic->net, frame);
}

static void check_offload(const struct virtio_net *nic, const struct net_offload *offload,
			  uint64_t length)
{
	uint32_t flags = NET_CHECKSUM_START | NET_CHECKSUM_GOOD | NET_SEGMENTS_ECN;

	FUZZ_CHECK((offload->flags & ~flags) == 0 && offload->segments <= NET_UFO);
	FUZZ_CHECK(offload->header_bytes <= length);
	FUZZ_CHECK(offload->segments == NET_WHOLE || offload->segment_bytes > 0);
	FUZZ_CHECK(offload->segments == NET_WHOLE || (offload->flags & NET_CHECKSUM_START));
	FUZZ_CHECK(!(offload->flags & NET_CHECKSUM_START) ||
		   (offload->checksum_start >= NET_HEADER_BYTES &&
		    (uint64_t)offload->checksum_start + offload->checksum_offset + 2 <= length));
	FUZZ_CHECK(offload->flags == 0 || (nic->net.may_hear & NET_HEARS_CHECKSUM));
	FUZZ_CHECK(offload->hashed <= NET_HASHED_LAST && (!offload->hashed || nic->reports_hash));
}

static void listen(struct net_device *net, struct net_buffer *const *frames, unsigned count,
		   void *cookie)
{
	const struct virtio_net *nic = cookie;
	unsigned what = (unsigned)take(&input, 1);

	FUZZ_CHECK(count > 0 && count <= NET_BURST);
	for (unsigned i = 0; i < count; i++) {
		uint64_t length = 0;
		unsigned pieces = 0;
		for (const struct net_buffer *piece = frames[i]; piece; piece = piece->more) {
			FUZZ_CHECK(piece->start <= piece->size &&
				   piece->length <= piece->size - piece->start);
			length += piece->length;
			pieces++;
		}
		FUZZ_CHECK(frames[i]->length >= NET_HEADER_BYTES && pieces <= net->pieces_heard);
		FUZZ_CHECK(length <= NET_LONGEST + NET_VLAN_TAG_BYTES);
		check_offload(nic, &frames[i]->offload, length);
		struct net_buffer *frame = frames[i];
		if ((what & 3) == 1 && kept_count < KEPT)
			kept[kept_count++] = frame;
		else if ((what & 3) != 2 || net_send(net, &frame, 1) != 1)
			net_release(net, frame);
	}
}

static void send(void)
{
	struct virtio_net *nic = device.data;
	unsigned pieces = 1 + (unsigned)take(&input, 1) % 3;
	struct net_buffer *frame = NULL, **end = &frame;

	for (unsigned i = 0; i < pieces; i++) {
		struct net_buffer *piece = net_take(&nic->net);
		if (!piece)
			break;
		piece->length = (uint32_t)take(&input, 2) % (piece->size - piece->start + 1);
		*end = piece;
		end = &piece->more;
	}
	if (!frame)
		return;
	take_bytes(&input, &frame->offload, sizeof(frame->offload));
	bool waits = take(&input, 1) & 1;
	if (waits && pieces == 1) {
		frame->done = done;
		done_expected++;
	}
	if (net_send(&nic->net, &frame, 1) == 1)
		return;
	done_expected -= frame->done != NULL;
	net_release(&nic->net, frame);
}

static void ask(void)
{
	struct virtio_net *nic = device.data;
	struct net_device *net = &nic->net;
	uint8_t addresses[4][NET_MAC_BYTES] = { { 0 } };
	struct net_rss rss = { 0 };
	uint8_t what = (uint8_t)take(&input, 1);

	take_bytes(&input, addresses, sizeof(addresses));
	switch (what % 8) {
	case 0:
		net_set_pairs(net, (unsigned)take(&input, 1) % 5);
		break;
	case 1:
		net_set_modes(net, (uint32_t)take(&input, 1));
		break;
	case 2:
		net_set_filter(net, addresses, (unsigned)take(&input, 1) % 3, addresses + 2,
			       (unsigned)take(&input, 1) % 3);
		break;
	case 3:
		net_set_mac(net, addresses[0]);
		break;
	case 4:
		net_vlan_add(net, (uint16_t)take(&input, 2));
		break;
	case 5:
		net_set_hears(net, (uint32_t)take(&input, 1));
		break;
	case 6:
		rss.types = (uint32_t)take(&input, 2);
		rss.others = (unsigned)take(&input, 1);
		rss.table_length = (unsigned)take(&input, 1);
		rss.key_bytes = (unsigned)take(&input, 1);
		take_bytes(&input, rss.table, 4);
		net_set_rss(net, what & 8 ? NULL : &rss);
		break;
	default:
		net_vlan_remove(net, (uint16_t)take(&input, 2));
	}
}

/* The configuration says something else now; it may ask for an announcement. */
static void change(void)
{
	struct virtio_net *nic = device.data;

	take_bytes(&input, config + 6, 2);
	config_changed(&device);
	if ((config[6] & 2) && nic->control)
		nic->announcing.run(&nic->announcing);
}

/* Each buffer is in one place: a pool, a queue, or kept by the program. */
static void check_buffers(void)
{
	struct virtio_net *nic = device.data;
	unsigned there = 0;

	while (kept_count > 0)
		net_release(&nic->net, kept[--kept_count]);
	for (const struct net_buffer *at = nic->pools[0].free; at; at = at->next)
		there++;
	for (unsigned i = 0; i < nic->pair_count; i++)
		there += nic->pairs[i].receive->ring.in_flight;
	FUZZ_CHECK(there == nic->pools[0].count && done_expected == 0);
}

static const struct virtio_transport transport;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = (struct input){ data, size };
	device = (struct virtio_device){ .driver = &virtio_net_driver, .transport = &transport };
	interfaces = NULL;
	failed = false;
	for (unsigned i = 0; i < NET_WANTED_COUNT; i++) {
		static uint64_t offered;
		if (i == 0)
			offered = take(&input, 8);
		if (offered >> net_wanted[i] & 1)
			virtio_features_add(&device.features, net_wanted[i]);
	}
	memset(config, 0, sizeof(config));
	take_bytes(&input, config, sizeof(config));
	config[11] &= 0x0f; /* an MTU of 64 KiB only costs time */
	net_choose_features(&device);
	if (probe(&device) != 0) {
		free_queues();
		return 0;
	}
	struct virtio_net *nic = device.data;
	device.state = VIRTIO_RUNNING;
	net_listen(&nic->net, listen, nic);
	ready(&device);
	for (unsigned i = 0; i < device.queue_count; i++)
		drain(device.queues[i]);
	for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++) {
		switch (take(&input, 1) % STEPS) {
		case RECEIVE:
			receive();
			break;
		case SEND:
			send();
			break;
		case SENT:
			finish_sent();
			break;
		case ASK:
			ask();
			break;
		case CHANGE:
			change();
			break;
		case RECOVER:
			failed = true;
		}
		if (failed)
			recover();
	}
	input.left = 0;
	recover(); /* nothing is in flight any more, but for what is to be filled */
	check_buffers();
	remove_nic(&device);
	free_queues();
	return 0;
}
