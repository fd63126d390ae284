/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net, transmission: VIRTIO 1.4 section 5.1.9.2. A frame travels in the buffers that it is in. The header
 * stands in front of its first byte, so that both are one descriptor.
 *
 * A CPU pushes its own frames to its own pair's queue at once. One without a pair uses another one's: net_outbox.c.
 *
 *   who                            which frames                          pushed by
 *   net_send of one                plain: asks nothing, one of a pool's  push_one
 *   net_send of several            plain ones in a row, NET_BURST        push_plain, as one array
 *   either                         any other                             net_push, a descriptor for each piece
 *   the drain, from the outbox     any                                   net_push
 *
 * See it at work: make run APP=netbench ARGS='net0 tx'
 */
#include "drivers/virtio/net_nic.h"

/* What it calls is made part of it, where all is optimised together: calls, and the registers they save, were a good part of what a
 * frame takes. */
#define JOINED __attribute__((flatten))

/* ---- Done ------------------------------------------------------------------------------------- */

static uint32_t room_before(const struct net_pair *pair, const struct net_buffer *frame,
			    const struct net_buffer *piece)
{
	return piece == frame ? pair->nic->header_bytes : 0;
}

/* Not of a device that may go on reading: what a bounce area holds for it must not be used for others. */
static void unmap(struct net_pair *pair, struct net_buffer *frame)
{
	struct virtio_device *device = pair->nic->device;

	if (device->memory_lost)
		return;
	for (struct net_buffer *piece = frame; piece; piece = piece->more) {
		size_t room = room_before(pair, frame, piece);
		if (piece->mapped)
			vport_dma_unmap(device->port, net_data(piece) - room, piece->length + room,
					VPORT_TO_DEVICE, piece->address);
		piece->mapped = false;
	}
}

static uint64_t bytes_of(const struct net_buffer *frame)
{
	uint64_t bytes = 0;

	for (; frame; frame = frame->more)
		bytes += frame->length;
	return bytes;
}

/* With pieces, or memory of the caller's. */
static __attribute__((noinline)) void finish_pieces(struct net_pair *pair, struct net_buffer *frame,
						    int status)
{
	if (status == 0)
		pair->counts.sent_bytes += bytes_of(frame->more);
	unmap(pair, frame);
}

/* `in_flight`: it was, until now. */
static inline void finish(struct net_pair *pair, struct net_buffer *frame, int status,
			  bool in_flight)
{
	if (status == 0) {
		pair->counts.sent++;
		pair->counts.sent_bytes += frame->length;
	} else {
		pair->counts.failed++;
	}
	if (!frame->pool || frame->more)
		finish_pieces(pair, frame, status);
	if (frame->done) {
		pair->expected -= in_flight;
		if (__builtin_expect(frame->away, false))
			net_done_there(pair->nic, frame, status);
		else
			frame->done(frame, status);
	} else {
		net_release(&pair->nic->net, frame);
	}
}

void net_finish(struct net_pair *pair, struct net_buffer *frame, int status)
{
	finish(pair, frame, status, false);
}

/* The recovery is CPU 0's. What the pair's home has sent itself is done there all the same. */
void net_abort_transmit(struct net_pair *pair, struct net_buffer *frame, int error)
{
	if (pair->guarded && frame->done && !frame->away) {
		frame->away = true;
		frame->sender = (uint16_t)pair->pool->home;
	}
	finish(pair, frame, error, true);
}

/* At most about a ring's worth. */
void net_reap(struct net_pair *pair)
{
	struct virtio_queue *queue = pair->transmit;
	unsigned bursts = queue->setup.size / NET_BURST + 1, count = NET_BURST;
	struct virtq_done done[NET_BURST];

	/* A done function may send, which would come here again. */
	if (pair->reaping || queue->ring.in_flight == 0)
		return;
	pair->reaping = true;
	for (; count == NET_BURST && bursts > 0; bursts--) {
		count = virtio_queue_pop_many(queue, done, NET_BURST);
		for (unsigned i = 0; i < count; i++)
			finish(pair, done[i].cookie, 0, true);
	}
	pair->reaping = false;
}

/* Whether it is: somebody wants to know, or there are so many. What nobody waits for is taken back a burst at a time, for at
 * each look this processor has to fetch what the device's has written. */
static inline bool worth_reaping(const struct net_pair *pair)
{
	return pair->expected > 0 || pair->transmit->ring.in_flight >= pair->reap_at;
}

/* ---- The header (5.1.9.2) ------------------------------------------------------------------------ */

/*
 * All zeros: nothing is asked for (5.1.9.2.1-2, -3, -21). A header that is so already is left alone: after
 * a store the device's processor would have to fetch that line anew. (It is read for nothing else: a device
 * that changes it in between misleads itself.)
 */
static void clear_header(uint8_t *header, bool with_hash)
{
	struct words {
		uint64_t first;
		uint32_t last;
		uint64_t hash;
	} __attribute__((packed, may_alias));
	struct words *words = (struct words *)header;

	_Static_assert(sizeof(*words) == NET_HDR_HASH, "the whole header");
	if (words->first != 0 || words->last != 0) {
		words->first = 0;
		words->last = 0;
	}
	if (with_hash && words->hash != 0)
		words->hash = 0;
}

static bool inside_memory(const struct net_buffer *piece)
{
	return piece->start <= piece->size && piece->length <= piece->size - piece->start;
}

/* How long it is; what the caller could not get wrong by chance is asserted. Or ERR_RANGE. */
static int64_t measure(const struct virtio_net *nic, const struct net_buffer *frame)
{
	uint64_t length = 0;
	unsigned pieces = 0;

	for (const struct net_buffer *piece = frame; piece; piece = piece->more) {
		kit_assert(inside_memory(piece));
		if (++pieces > nic->net.pieces)
			return ERR_RANGE;
		length += piece->length;
	}
	return (int64_t)length;
}

int net_prepare(const struct virtio_net *nic, struct net_buffer *frame)
{
	uint8_t *header = net_data(frame) - nic->header_bytes;

	kit_assert(frame->start >= nic->header_bytes && inside_memory(frame));
	int64_t length = frame->more ? measure(nic, frame) : frame->length;
	if (length < 0)
		return (int)length;
	uint32_t most = frame->offload.segments != NET_WHOLE ? nic->net.largest
							     : NET_HEADER_BYTES + nic->net.mtu;
	if (length < NET_HEADER_BYTES || length > most)
		return ERR_RANGE; /* 5.1.4.2-8 */
	if (net_asks(&frame->offload))
		return net_offload_write(nic, frame, (uint64_t)length,
					 (struct virtio_net_hdr *)header);
	clear_header(header, nic->reports_hash);
	return 0;
}

/* ---- Push ------------------------------------------------------------------------------------------- */

/* Where the device finds the piece. Memory of a pool has its address; other memory is mapped. */
static int segment_of(struct net_pair *pair, struct net_buffer *frame, struct net_buffer *piece,
		      struct virtq_segment *segment)
{
	struct vport_device *port = pair->nic->device->port;
	uint32_t room = room_before(pair, frame, piece);
	uint32_t length = piece->length + room;

	segment->length = length;
	if (piece->pool) {
		segment->address.bits = piece->address.bits + piece->start - room;
		return 0;
	}
	long mapped = vport_dma_map(port, net_data(piece) - room, length, VPORT_TO_DEVICE,
				    &piece->address);
	if (mapped < 0)
		return (int)mapped;
	if (mapped < (long)length) {
		vport_dma_unmap(port, net_data(piece) - room, (size_t)mapped, VPORT_TO_DEVICE,
				piece->address);
		return ERR_UNSUPPORTED; /* there is one address to remember for it */
	}
	piece->mapped = true;
	segment->address = piece->address;
	return 0;
}

/* A segment for each piece, but for empty ones, which would be empty descriptors. 0 or an error: what is mapped by
 * then stays so. */
static int gather(struct net_pair *pair, struct net_buffer *frame, struct virtq_segment *segments,
		  unsigned *count)
{
	*count = 0;
	for (struct net_buffer *piece = frame; piece; piece = piece->more) {
		if (piece != frame && piece->length == 0)
			continue;
		int error = segment_of(pair, frame, piece, &segments[(*count)++]);
		if (error)
			return error;
	}
	return 0;
}

int net_push(struct net_pair *pair, struct net_buffer *frame)
{
	struct virtq_segment segments[NET_MAX_PIECES];
	unsigned count;
	int error = net_prepare(pair->nic, frame); /* before it is mapped */

	if (error)
		return error;
	error = gather(pair, frame, segments, &count);
	if (!error && count == 1)
		error = virtio_queue_push_one(pair->transmit, segments, false, frame);
	else if (!error)
		error = virtio_queue_push(pair->transmit, segments, count, 0, frame,
					  VIRTIO_ONE_DEADLINE);
	if (error < 0) {
		unmap(pair, frame);
		return error;
	}
	pair->expected += frame->done != NULL;
	return 0;
}

/* Whether it is of the most usual kind: one that asks for nothing, in one buffer of a pool. */
static inline bool is_plain(const struct net_buffer *frame)
{
	return frame->pool && !frame->more && !net_asks(&frame->offload);
}

/* Where the device finds a frame of that kind, behind a header that asks for nothing. False: it is none, or of no good
 * length (5.1.4.2-8). */
static inline bool plain_segment(struct net_buffer *frame, uint32_t room, uint32_t mtu,
				 bool with_hash, struct virtq_segment *segment)
{
	uint32_t start = frame->start, length = frame->length;

	if (!is_plain(frame))
		return false;
	kit_assert(start >= room && inside_memory(frame));
	if (length < NET_HEADER_BYTES || length - NET_HEADER_BYTES > mtu)
		return false;
	clear_header(frame->memory + start - room, with_hash);
	segment->address.bits = frame->address.bits + start - room;
	segment->length = length + room;
	return true;
}

/* One frame, in fewer steps where it is plain. */
static inline JOINED int push_one(struct net_pair *pair, struct net_buffer *frame)
{
	const struct virtio_net *nic = pair->nic;
	struct virtq_segment segment;

	if (!plain_segment(frame, nic->header_bytes, nic->net.mtu, nic->reports_hash, &segment))
		return net_push(pair, frame);
	int error = virtio_queue_push_one(pair->transmit, &segment, false, frame);
	if (error < 0)
		return error;
	pair->expected += frame->done != NULL;
	return 0;
}

/* The first of the frames, as far as they are plain and of a good length, NET_BURST at most, all at once. How many. */
static unsigned push_plain(struct net_pair *pair, struct net_buffer *const *frames, unsigned count)
{
	const struct virtio_net *nic = pair->nic;
	uint32_t room = nic->header_bytes, mtu = nic->net.mtu;
	bool with_hash = nic->reports_hash;
	struct virtq_single plain[NET_BURST];
	unsigned good = 0, expected = 0;

	if (count > NET_BURST)
		count = NET_BURST;
	for (; good < count; good++) {
		struct net_buffer *frame = frames[good];
		struct virtq_segment segment;
		if (!plain_segment(frame, room, mtu, with_hash, &segment))
			break;
		plain[good] = (struct virtq_single){ segment.address, segment.length, frame };
		expected += frame->done != NULL;
	}
	unsigned pushed = virtio_queue_push_singles(pair->transmit, plain, good, false);
	for (unsigned i = pushed; i < good; i++)
		expected -= frames[i]->done != NULL;
	pair->expected += expected;
	return pushed;
}

/* ---- Send ---------------------------------------------------------------------------------------------- */

/* Who waited for room or for a buffer may have it now; who waits for a frame does so until it is done. */
void net_drain_transmit(struct net_pair *pair)
{
	struct virtio_queue *queue = pair->transmit;
	bool awaited = queue->awaited;
	uint64_t before = pair->counts.sent;

	pair->open = pair->index < pair->nic->pairs_open;
	queue->awaited = false; /* a done function may await more */
	net_reap(pair);
	bool all = true;
	if (pair->index < pair->nic->pairs_served)
		all = net_outbox_push(pair);
	else
		net_outbox_pass_on(pair);
	virtio_queue_publish(queue);
	if (!all || pair->expected > 0 || pair->refused || net_is_short(pair->nic) ||
	    (awaited && pair->counts.sent == before))
		queue->awaited = queue->interrupts;
	/* When half of it is free: what there is to send is a batch then. */
	if (pair->refused && queue->ring.in_flight <= queue->setup.size / 2) {
		pair->refused = false;
		net_tell_room(pair->nic);
	}
}

/* How many, and why not all. */
static unsigned push_many(struct net_pair *pair, struct net_buffer *const *frames, unsigned count,
			  int *error)
{
	unsigned sent = 0;

	while (sent < count && !*error) {
		unsigned pushed = push_plain(pair, frames + sent, count - sent);
		sent += pushed;
		if (pushed == NET_BURST || sent == count)
			continue;
		*error = net_push(pair, frames[sent]);
		if (!*error)
			sent++;
	}
	return sent;
}

/* What was pushed becomes the device's: virtio_queue_publish, made part of the send. */
static inline JOINED void publish(struct net_pair *pair)
{
	virtio_queue_publish(pair->transmit);
}

static int send_here(struct net_pair *pair, struct net_buffer *const *frames, unsigned count)
{
	unsigned sent = 0;
	int error = 0;
	bool was;

	if (!net_pair_enter(pair, &was)) {
		pair->refused = true; /* until it runs again */
		return 0;
	}
	if (worth_reaping(pair))
		net_reap(pair);
	if (net_outbox_is_empty(pair) || net_outbox_push(pair)) {
		if (count == 1) {
			error = push_one(pair, frames[0]);
			sent = error == 0;
		} else {
			sent = push_many(pair, frames, count, &error);
		}
	}
	publish(pair);
	bool good = !error || error == ERR_FULL || error == ERR_BROKEN;
	if (good && sent < count)
		pair->refused = true;
	if (sent < count || pair->expected > 0)
		virtio_queue_await(pair->transmit);
	net_pair_leave(pair, was);
	return sent == 0 && !good ? error : (int)sent;
}

/* By the pair that is at home on this CPU, or else by another one's. */
static __attribute__((noinline)) int send_of_many(struct virtio_net *nic,
						  struct net_buffer *const *frames, unsigned count)
{
	unsigned cpu = vport_cpu();

	if (cpu > 0 && (cpu >= nic->pair_count || !nic->pairs[cpu].open))
		return net_outbox_put(&nic->pairs[cpu % nic->pairs_open], frames, count);
	return send_here(&nic->pairs[cpu], frames, count);
}

int net_send(struct net_device *net, struct net_buffer *const *frames, unsigned count)
{
	struct virtio_net *nic = nic_of(net);

	if (net->gone)
		return ERR_NODEV;
	if (nic->many_cpus)
		return send_of_many(nic, frames, count);
	return send_here(&nic->pairs[0], frames, count);
}

/* ---- Poll ---------------------------------------------------------------------------------------------- */

/* What came in first: a listener may answer it at once, and what is to be taken back can wait for that. Room, too, is made here:
 * who only polls has nobody else to make it. False: the device is not running. */
static inline bool look_at(struct net_pair *pair)
{
	bool was;

	if (!net_pair_enter(pair, &was))
		return false;
	net_receive(pair);
	if (worth_reaping(pair) || pair->refused || !pair->pool->free)
		net_reap(pair);
	net_pair_leave(pair, was);
	return true;
}

void net_poll(struct net_device *net)
{
	struct virtio_net *nic = nic_of(net);

	if (!nic->many_cpus && nic->pair_count == 1) {
		look_at(&nic->pairs[0]);
		return;
	}
	for (unsigned i = vport_cpu(); i < nic->pair_count; i += nic->cpus) {
		if (!look_at(&nic->pairs[i]))
			return;
	}
}
