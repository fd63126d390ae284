/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net frames: VIRTIO 1.4 section 5.1.9. A frame travels in the buffer that it is in. The header stands
 * in the NET_ROOM bytes in front of it, so that both are one descriptor. Buffers of the pool have known
 * device addresses: receiving and sending them maps nothing.
 *
 * See it at work: make run APP=netbench ARGS='net0 rr'
 */
#include "drivers/virtio/net_frame.h"

#define HEADER_BYTES 12

/* 5.1.9 */
struct virtio_net_hdr {
	uint8_t flags, gso_type;
	le16 hdr_len, gso_size, csum_start, csum_offset;
	le16 num_buffers;
};
_Static_assert(sizeof(struct virtio_net_hdr) == HEADER_BYTES, "5.1.9");
_Static_assert(__builtin_offsetof(struct virtio_net_hdr, num_buffers) == 10, "5.1.9");

/* ---- Buffers -------------------------------------------------------------------------------- */

static struct virtio_net_hdr *header_of(const struct net_buffer *frame)
{
	return (struct virtio_net_hdr *)(frame->memory + frame->start - HEADER_BYTES);
}

void net_put_free(struct virtio_net *nic, struct net_buffer *buffer)
{
	kit_assert(buffer->pool == &nic->pool);
	buffer->next = nic->pool.free;
	nic->pool.free = buffer;
}

struct net_buffer *net_take(struct net_device *net)
{
	struct virtio_net *nic = (struct virtio_net *)net;
	struct net_buffer *buffer = nic->pool.free;

	if (!buffer) {
		virtio_queue_await(nic->transmit);
		return NULL;
	}
	nic->pool.free = buffer->next;
	buffer->start = NET_ROOM;
	buffer->length = 0;
	buffer->more = NULL;
	buffer->done = NULL;
	buffer->offload = (struct net_offload){ 0 };
	return buffer;
}

void net_release(struct net_device *net, struct net_buffer *frame)
{
	struct virtio_net *nic = (struct virtio_net *)net;

	while (frame) {
		struct net_buffer *more = frame->more;
		net_put_free(nic, frame);
		frame = more;
	}
	/* A listener that kept many frames gives them back: the device may have none left to fill. */
	if (!nic->receiving && nic->receive->ring.in_flight < nic->receive_max / 2)
		vport_mark(&nic->receive->event);
}

void net_buffer_over(struct net_buffer *buffer, void *memory, size_t size)
{
	kit_assert(size <= UINT32_MAX);
	*buffer = (struct net_buffer){ .memory = memory, .size = (uint32_t)size };
}

/* ---- Transmit (5.1.9.2) ----------------------------------------------------------------------- */

static size_t room_before(const struct net_buffer *frame, const struct net_buffer *piece)
{
	return piece == frame ? HEADER_BYTES : 0;
}

/* Not of a device that may go on reading: what a bounce area holds for it must not be used for others. */
static void unmap(struct virtio_net *nic, struct net_buffer *frame)
{
	if (nic->device->memory_lost)
		return;
	for (struct net_buffer *piece = frame; piece; piece = piece->more) {
		size_t room = room_before(frame, piece);
		if (piece->mapped)
			vport_dma_unmap(nic->device->port, net_data(piece) - room,
					piece->length + room, VPORT_TO_DEVICE, piece->address);
		piece->mapped = false;
	}
}

static void finish(struct virtio_net *nic, struct net_buffer *frame, int status)
{
	if (status == 0)
		nic->counts.sent++;
	else
		nic->counts.failed++;
	if (!frame->pool || frame->more)
		unmap(nic, frame);
	if (frame->done) {
		nic->expected--;
		frame->done(frame, status);
	} else {
		net_release(&nic->net, frame);
	}
}

/* At most about a ring's worth. */
static void reap(struct virtio_net *nic)
{
	unsigned bursts = nic->transmit->setup.size / NET_BURST + 1, count = NET_BURST;
	struct virtq_done done[NET_BURST];

	/* A done function may send, which would come here again. */
	if (nic->reaping || nic->transmit->ring.in_flight == 0)
		return;
	nic->reaping = true;
	for (; count == NET_BURST && bursts > 0; bursts--) {
		count = virtio_queue_pop_many(nic->transmit, done, NET_BURST);
		for (unsigned i = 0; i < count; i++)
			finish(nic, done[i].cookie, 0);
	}
	nic->reaping = false;
}

/* Who waited for room or for a buffer may have it now; who waits for a frame does so until it is done. */
static void reap_awaited(struct virtio_net *nic)
{
	struct virtio_queue *queue = nic->transmit;
	bool awaited = queue->awaited;
	uint64_t before = nic->counts.sent;

	queue->awaited = false; /* a done function may await more */
	reap(nic);
	if (nic->expected > 0 || (awaited && nic->counts.sent == before))
		queue->awaited = true;
}

/* Where the device finds the piece. Memory of the pool has its address; other memory is mapped. */
static int segment_of(struct virtio_net *nic, struct net_buffer *frame, struct net_buffer *piece,
		      struct virtq_segment *segment)
{
	uint32_t room = (uint32_t)room_before(frame, piece);
	uint32_t length = piece->length + room;

	segment->length = length;
	if (piece->pool) {
		segment->address.bits = piece->address.bits + piece->start - room;
		return 0;
	}
	long mapped = vport_dma_map(nic->device->port, net_data(piece) - room, length,
				    VPORT_TO_DEVICE, &piece->address);
	if (mapped < 0)
		return (int)mapped;
	if (mapped < (long)length) {
		vport_dma_unmap(nic->device->port, net_data(piece) - room, (size_t)mapped,
				VPORT_TO_DEVICE, piece->address);
		return ERR_UNSUPPORTED; /* there is one address to remember for it */
	}
	piece->mapped = true;
	segment->address = piece->address;
	return 0;
}

/*
 * All zeros: no offload was negotiated (5.1.9.2.1-2, -3, -21). A header that is so already is left alone: after
 * a store the device's processor would have to fetch that line anew. (It is read for nothing else: a device
 * that changes it in between misleads itself.)
 */
static void clear_header(uint8_t *header)
{
	struct words {
		uint64_t first;
		uint32_t last;
	} __attribute__((packed, may_alias));
	struct words *words = (struct words *)header;

	_Static_assert(sizeof(*words) == HEADER_BYTES, "the whole header");
	if (words->first != 0 || words->last != 0)
		*words = (struct words){ 0 };
}

/* A segment for each piece, but for empty ones, which would be empty descriptors. What the caller could not get
 * wrong by chance is asserted. 0 or an error: what is mapped by then stays so. */
static int gather(struct virtio_net *nic, struct net_buffer *frame, struct virtq_segment *segments,
		  unsigned *count)
{
	unsigned pieces = 0;
	uint64_t length = 0;

	*count = 0;
	for (struct net_buffer *piece = frame; piece; piece = piece->more) {
		kit_assert(piece->start <= piece->size &&
			   piece->length <= piece->size - piece->start);
		if (++pieces > nic->net.pieces)
			return ERR_RANGE;
		length += piece->length;
		if (piece->length + room_before(frame, piece) == 0)
			continue;
		int error = segment_of(nic, frame, piece, &segments[(*count)++]);
		if (error)
			return error;
	}
	if (frame->offload.segments != NET_WHOLE || (frame->offload.flags & NET_CHECKSUM_START))
		return ERR_UNSUPPORTED;
	if (length < NET_HEADER_BYTES || length > NET_HEADER_BYTES + (uint64_t)nic->net.mtu)
		return ERR_RANGE; /* 5.1.4.2-8 */
	return 0;
}

static int push(struct virtio_net *nic, struct net_buffer *frame)
{
	struct virtq_segment segments[NET_MAX_PIECES];
	unsigned count;

	kit_assert(frame->start >= HEADER_BYTES && frame->start <= frame->size);
	clear_header(net_data(frame) - HEADER_BYTES); /* before it is mapped */
	int error = gather(nic, frame, segments, &count);
	if (!error && count == 1)
		error = virtio_queue_push_one(nic->transmit, segments, false, frame);
	else if (!error)
		error = virtio_queue_push(nic->transmit, segments, count, 0, frame,
					  VIRTIO_ONE_DEADLINE);
	if (error < 0) {
		unmap(nic, frame);
		return error;
	}
	nic->expected += frame->done != NULL;
	return 0;
}

int net_send(struct net_device *net, struct net_buffer *const *frames, unsigned count)
{
	struct virtio_net *nic = (struct virtio_net *)net;
	unsigned sent = 0;
	int error = 0;

	kit_assert(vport_cpu() == nic->transmit->event.home);
	if (net->gone)
		return ERR_NODEV;
	if (nic->device->state != VIRTIO_RUNNING)
		return 0;
	reap(nic);
	while (sent < count && (error = push(nic, frames[sent])) == 0)
		sent++;
	virtio_queue_publish(nic->transmit);
	if (sent < count || nic->expected > 0)
		virtio_queue_await(nic->transmit);
	return sent == 0 && error != ERR_FULL && error != ERR_BROKEN ? error : (int)sent;
}

/* ---- Receive (5.1.9.3, 5.1.9.4) ------------------------------------------------------------------ */

/* Header and frame are one descriptor: 12 bytes of header come first all the same (5.1.9). */
void net_refill(struct virtio_net *nic)
{
	if (nic->receive->ring.in_flight >= nic->receive_max)
		return;
	while (nic->pool.free && nic->receive->ring.in_flight < nic->receive_max &&
	       virtq_has_room(&nic->receive->ring, 1)) {
		struct net_buffer *buffer = nic->pool.free;
		struct virtq_segment segment = { buffer->address, buffer->size };

		/* What 5.1.9.4.1-1 has the device write. Some leave it out (DPDK's vhost library 22.11):
		 * so only one that writes another number is caught. Mostly it is there from the last
		 * time, and a store would cost the device a cache miss. */
		buffer->start = HEADER_BYTES;
		if (shared_load16(&header_of(buffer)->num_buffers) != 1)
			shared_store16(&header_of(buffer)->num_buffers, 1);
		if (virtio_queue_push_one(nic->receive, &segment, true, buffer) < 0)
			break;
		nic->pool.free = buffer->next;
	}
	virtio_queue_publish(nic->receive);
}

/* Whether that is a frame. The length cannot reach past the buffer: virtq_pop has checked that. Flags and
 * gso fields mean nothing without the offloads that are not negotiated, and are not looked at. */
static bool well_formed(const struct net_buffer *buffer, uint32_t written)
{
	return written >= HEADER_BYTES + NET_HEADER_BYTES &&
	       shared_load16(&header_of(buffer)->num_buffers) == 1;
}

/* Takes up to NET_BURST used buffers; how many of them there were. */
static unsigned receive_burst(struct virtio_net *nic)
{
	struct net_device *net = &nic->net;
	struct virtq_done used[NET_BURST];
	struct net_buffer *frames[NET_BURST];
	unsigned popped = virtio_queue_pop_many(nic->receive, used, NET_BURST), count = 0;

	for (unsigned i = 0; i < popped; i++) {
		struct net_buffer *buffer = used[i].cookie;
		if (!well_formed(buffer, used[i].written)) {
			nic->counts.malformed++;
			net_put_free(nic, buffer);
			continue;
		}
		buffer->length = used[i].written - HEADER_BYTES;
		buffer->more = NULL;
		buffer->done = NULL;
		buffer->offload = (struct net_offload){ 0 };
		frames[count++] = buffer;
	}
	if (count == 0)
		return popped;
	if (net->listener) {
		nic->counts.received += count;
		net->listener(net, frames, count, net->listener_cookie);
		return popped;
	}
	nic->counts.unheard += count;
	for (unsigned i = 0; i < count; i++)
		net_put_free(nic, frames[i]);
	return popped;
}

/* At most one ring's worth: a flood does not keep us here. */
static void receive_all(struct virtio_net *nic)
{
	if (nic->receiving)
		return; /* a listener that polls */
	nic->receiving = true;
	for (unsigned left = nic->receive->setup.size / NET_BURST + 1; left > 0; left--) {
		unsigned popped = receive_burst(nic);
		net_refill(nic);
		if (popped < NET_BURST)
			break;
	}
	nic->receiving = false;
}

void net_drain(struct virtio_queue *queue)
{
	struct virtio_net *nic = queue->driver;

	if (queue == nic->receive)
		receive_all(nic);
	else
		reap_awaited(nic);
}

void net_abort(struct virtio_queue *queue, void *cookie, int error)
{
	struct virtio_net *nic = queue->driver;

	if (queue == nic->transmit)
		finish(nic, cookie, error);
	else if (!nic->device->memory_lost)
		net_put_free(nic, cookie); /* else it is nobody's for good: it may yet be filled */
}

void net_poll(struct net_device *net)
{
	struct virtio_net *nic = (struct virtio_net *)net;

	if (nic->device->state != VIRTIO_RUNNING)
		return;
	receive_all(nic);
	reap(nic);
}
