/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net, reception: VIRTIO 1.4 sections 5.1.9.3 and 5.1.9.4. Buffers of the pool are given to the device; a frame
 * comes back in one of them, or, with MRG_RXBUF, in several (5.1.9.4.1-2), which are linked and not copied together.
 *
 * One look at a queue takes NET_BUDGET used buffers, or what a burst and its last frame have more. As long as that is not
 * enough, the queue is looked at again and again, beside everything else that is marked, and its interrupts stay off.
 *
 * See it at work: make run APP=netbench ARGS='net0 rr'
 */
#include "drivers/virtio/net_nic.h"

#define NET_BUDGET 64 /* used buffers in one look */
#define NET_REFILL 32 /* as many empty buffers are worth a publish */

/* ---- Empty buffers (5.1.9.3) --------------------------------------------------------------- */

/* The header ends where frames begin in buffers that are to be sent, too: at a cache line, so that a device which leaves the
 * header as it is leaves its line alone (net_pool.c). */
static inline uint32_t header_at(const struct virtio_net *nic)
{
	return NET_ROOM - nic->header_bytes;
}

static inline struct virtio_net_hdr *header_of(const struct virtio_net *nic,
					       const struct net_buffer *buffer)
{
	return (struct virtio_net_hdr *)(buffer->memory + header_at(nic));
}

/* An empty buffer of the pool, for the device. Header and frame are one
 * descriptor: the header comes first all the same (5.1.9). */
static inline struct virtq_single to_fill(const struct virtio_net *nic, struct net_buffer *buffer)
{
	struct virtio_net_hdr *header = header_of(nic, buffer);

	/* What 5.1.9.4.1-1 has the device write. Some leave it out (DPDK's vhost library 22.11): so only one that
	 * writes another number is caught. Mostly it is there from the last time, and a store would cost the device
	 * a cache miss. */
	if (shared_load16(&header->num_buffers) != 1)
		shared_store16(&header->num_buffers, 1);
	return (struct virtq_single){ .address = { buffer->address.bits + header_at(nic) },
				      .length = buffer->size - header_at(nic),
				      .cookie = buffer };
}

/* Up to so many. False: there was no room, or there are no more. */
static bool refill_some(struct net_pair *pair, unsigned count)
{
	struct virtq_single empty[NET_BURST];
	unsigned taken = 0;

	for (; taken < count; taken++) {
		struct net_buffer *buffer = net_pool_take(pair->pool);
		if (!buffer)
			break;
		empty[taken] = to_fill(pair->nic, buffer);
	}
	unsigned pushed = virtio_queue_push_singles(pair->receive, empty, taken, true);
	for (unsigned i = pushed; i < taken; i++)
		net_pool_put(empty[i].cookie);
	if (taken < count)
		pair->pool->hungry |= pair->receive->ring.in_flight < pair->receive_max / 2 + 1;
	return pushed == count;
}

/* Many at a time: each publish is a store that the device has to fetch, and mostly asks whether to notify it. It has enough
 * of them meanwhile, also for the frame of the most pieces, for which it waits: that takes half of them at most (net_config.c).
 * Of fewer than four each is worth it. */
static inline unsigned worth_it(const struct net_pair *pair)
{
	unsigned quarter = pair->receive_max / 4;

	return quarter < NET_REFILL ? quarter : NET_REFILL;
}

void net_refill(struct net_pair *pair)
{
	unsigned before = pair->receive->ring.in_flight, left = pair->receive_max - before;

	if (left < worth_it(pair))
		return;
	while (left > 0) {
		unsigned count = left < NET_BURST ? left : NET_BURST;
		if (!refill_some(pair, count))
			break;
		left -= count;
	}
	if (pair->receive->ring.in_flight == before)
		return; /* the pool is empty, or the queue refuses: there is nothing to publish */
	virtio_queue_publish(pair->receive);
	/* It may have been polled empty, and the interrupt for what was popped taken for nobody's: its drain asks anew. Not
	 * where there is still nothing to ask for: this may be its drain, which would mark itself for ever. */
	if (before == 0)
		vport_mark(&pair->receive->event);
}

/* ---- Used buffers ------------------------------------------------------------------------------ */

/* Used buffers, as they were popped. */
struct arrivals {
	struct virtq_done used[NET_BURST];
	unsigned count, at;
};

/* The next ones, up to so many, when all of those were taken. How many. */
static inline unsigned pop_arrivals(struct net_pair *pair, struct arrivals *arrivals, unsigned max)
{
	unsigned count = virtio_queue_pop_many(pair->receive, arrivals->used, max);

	arrivals->at = 0;
	arrivals->count = count;
	pair->coalesce.used += count;
	return count;
}

/* The next one; NULL: none now. `missing` are popped now if need be, and no more: a burst ends with a frame's end. */
static struct virtq_done *next_used(struct net_pair *pair, struct arrivals *arrivals,
				    unsigned missing)
{
	if (missing > NET_BURST)
		missing = NET_BURST;
	if (arrivals->at == arrivals->count && pop_arrivals(pair, arrivals, missing) == 0)
		return NULL;
	return &arrivals->used[arrivals->at++];
}

/* A piece of a frame, which begins there in its buffer. */
static inline void become_piece(struct net_buffer *buffer, uint32_t start, uint32_t length)
{
	buffer->start = start;
	buffer->length = length;
	buffer->more = NULL;
	buffer->done = NULL;
}

/*
 * The other pieces of a frame that is in `number` buffers (5.1.9.4.1-2, -4: all of them are used together). False when
 * they are not there, or are empty, or there cannot be so many of a frame; what belongs to the frame is linked to it all
 * the same.
 */
static bool link_pieces(struct net_pair *pair, struct arrivals *arrivals, struct net_buffer *frame,
			unsigned number, uint64_t *length)
{
	struct net_buffer *last = frame;
	bool good = number >= 1 && number <= pair->nic->net.pieces_heard;

	/* What there is of them goes back with it even so: it is no frame's beginning. */
	for (unsigned i = 1; i < number; i++) {
		struct virtq_done *used = next_used(pair, arrivals, number - i);
		if (!used)
			return false;
		struct net_buffer *piece = used->cookie;
		become_piece(piece, header_at(pair->nic), used->written);
		last->more = piece;
		last = piece;
		*length += piece->length;
		if (piece->length == 0)
			good = false;
	}
	return good;
}

/* The header, loaded once. */
static struct virtio_net_hdr copy_header(const struct virtio_net *nic,
					 const struct net_buffer *buffer)
{
	const struct virtio_net_hdr *shared = header_of(nic, buffer);
	struct virtio_net_hdr header = {
		.flags = shared_load8(&shared->flags),
		.gso_type = shared_load8(&shared->gso_type),
		.hdr_len = le16_put(shared_load16(&shared->hdr_len)),
		.gso_size = le16_put(shared_load16(&shared->gso_size)),
		.csum_start = le16_put(shared_load16(&shared->csum_start)),
		.csum_offset = le16_put(shared_load16(&shared->csum_offset)),
		.num_buffers = le16_put(shared_load16(&shared->num_buffers)),
	};

	if (nic->reports_hash) {
		header.hash_value = le32_put(shared_load32(&shared->hash_value));
		header.hash_report = le16_put(shared_load16(&shared->hash_report));
	}
	return header;
}

/* A frame whose header says something, or which is in several buffers. */
static __attribute__((noinline)) bool read_frame(struct net_pair *pair, struct arrivals *arrivals,
						 struct net_buffer *frame)
{
	const struct virtio_net *nic = pair->nic;
	struct virtio_net_hdr header = copy_header(nic, frame);
	uint64_t length = frame->length;

	if (!link_pieces(pair, arrivals, frame, le16_get(header.num_buffers), &length))
		return false;
	if (length > NET_LONGEST + NET_VLAN_TAG_BYTES ||
	    !net_offload_read(nic, &header, length, &frame->offload))
		return false;
	if (frame->more)
		pair->counts.received_bytes += length - frame->length;
	return true;
}

/* Whether the header is all zeros but for one buffer: one that says nothing. Only a copy of it is looked at. */
static inline bool says_nothing(const struct virtio_net_hdr *header)
{
	const le32 *words = (const le32 *)header;

	_Static_assert(NET_HDR_PLAIN == 3 * sizeof(le32), "all of it");
	return (shared_load32(&words[0]) | shared_load32(&words[1])) == 0 &&
	       shared_load32(&words[2]) == UINT32_C(1) << 16;
}

/*
 * Whether that is a frame. The length cannot reach past the buffer: virtq_pop_many has checked that. All of its buffers
 * are linked to it in any case.
 */
static inline bool become_frame(struct net_pair *pair, struct arrivals *arrivals,
				struct net_buffer *frame, uint32_t written)
{
	const struct virtio_net *nic = pair->nic;
	const struct virtio_net_hdr *header = header_of(nic, frame);
	uint32_t header_bytes = nic->header_bytes;

	if (__builtin_expect(written < header_bytes + NET_HEADER_BYTES, false)) {
		frame->more = NULL;
		return false;
	}
	become_piece(frame, NET_ROOM, written - header_bytes);
	if (__builtin_expect(nic->reports_hash || !says_nothing(header), false))
		return read_frame(pair, arrivals, frame);
	frame->offload = (struct net_offload){ 0 };
	return true;
}

/* ---- Receive -------------------------------------------------------------------------------------- */

/* Hands over a burst of so many bytes; nobody listening, it goes back. */
static inline void deliver(struct net_pair *pair, struct net_buffer **frames, unsigned count,
			   uint64_t bytes)
{
	struct net_device *net = &pair->nic->net;
	net_listener *listener = __atomic_load_n(&net->listener, __ATOMIC_ACQUIRE);

	if (listener) {
		pair->counts.received += count;
		pair->counts.received_bytes += bytes;
		listener(net, frames, count, net->listener_cookie);
		return;
	}
	pair->counts.unheard += count;
	pair->counts.received_bytes += bytes;
	for (unsigned i = 0; i < count; i++)
		net_release(net, frames[i]);
}

/* Of the arrivals, up to NET_BURST frames. */
static inline void receive_burst(struct net_pair *pair, struct arrivals *arrivals)
{
	struct net_buffer *frames[NET_BURST];
	unsigned count = 0, taken = 0;
	uint64_t bytes = 0;

	for (; taken < NET_BURST && arrivals->at < arrivals->count; taken++) {
		const struct virtq_done *used = &arrivals->used[arrivals->at++];
		struct net_buffer *frame = used->cookie;
		if (become_frame(pair, arrivals, frame, used->written)) {
			bytes += frame->length;
			frames[count++] = frame;
		} else {
			pair->counts.malformed++;
			net_release(&pair->nic->net, frame);
		}
	}
	if (count > 0)
		deliver(pair, frames, count, bytes);
}

/* Where fewer were there than could have been popped, it is not looked again: there is nothing more. */
bool net_receive(struct net_pair *pair)
{
	uint32_t before = pair->coalesce.used;
	struct arrivals arrivals;
	bool more = false;

	if (pair->receiving)
		return false; /* a listener that polls */
	do {
		if (pop_arrivals(pair, &arrivals, NET_BURST) == 0) {
			/* Buffers may have come back meanwhile. */
			if (pair->receive->ring.in_flight < pair->receive_max / 2 + 1)
				net_refill(pair);
			return false;
		}
		more = arrivals.count == NET_BURST;
		pair->receiving = true;
		do {
			receive_burst(pair, &arrivals);
			net_refill(pair);
		} while (arrivals.at < arrivals.count);
		pair->receiving = false;
	} while (more && pair->coalesce.used - before < NET_BUDGET);
	return more;
}

void net_drain_receive(struct net_pair *pair)
{
	pair->receive->event.check_at = VPORT_NEVER;
	pair->receive->unfinished = net_receive(pair) || net_coalesce(pair);
}
