/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Empty buffers for frames, which the device's queues and programs take from and give back to.
 *
 * Each CPU has a pool of its own. Whoever runs there takes from it and gives back to it without a lock; a buffer that
 * another CPU is done with waits in the pool's inbox until its own CPU has none left. Buffers have known device
 * addresses, so that receiving into them and sending from them maps nothing.
 *
 * See it at work: make run APP=nettest NET=user SMP=4
 */
#include "drivers/virtio/net_nic.h"

#define LINE_BYTES 64
#define FIRST_BYTE (LINE_BYTES - NET_ROOM) /* of a buffer, in its place in the pool */
/* A pool: enough for its queues, and no more memory than this where buffers are large. */
#define POOL_BYTES_MAX (4u << 20)
#define POOL_BYTES_LARGE (8u << 20) /* where each holds a frame of 64 KiB */
#define LARGE_BYTES 65536

/* ---- Take and give back --------------------------------------------------------------------- */

bool net_pool_empty_inbox(struct net_pool *pool)
{
	vport_lock_take(&pool->lock);
	pool->free = pool->inbox;
	pool->inbox = NULL;
	vport_lock_give(&pool->lock);
	return pool->free != NULL;
}

static void put_into_inbox(struct net_pool *pool, struct net_buffer *buffer)
{
	vport_lock_take(&pool->lock);
	buffer->next = pool->inbox;
	pool->inbox = buffer;
	bool wanted = pool->wanted;
	__atomic_store_n(&pool->wanted, false, __ATOMIC_RELAXED);
	vport_lock_give(&pool->lock);
	if (wanted)
		vport_wake(pool->home);
}

/* The device may have no buffers left to fill: receive queues that lacked some are looked at. */
static void feed(struct net_pool *pool)
{
	struct virtio_net *nic = pool->nic;

	pool->hungry = false;
	for (unsigned i = pool->home; i < nic->pair_count; i += nic->cpus)
		vport_mark(&nic->pairs[i].receive->event);
}

void net_pool_put_apart(struct net_pool *pool, struct net_buffer *buffer)
{
	if (!pool->shared || vport_cpu() == pool->home) {
		buffer->next = pool->free;
		pool->free = buffer;
	} else {
		put_into_inbox(pool, buffer);
	}
	if (pool->hungry)
		feed(pool);
}

/* There was none. It may wait for one: what was sent by a pair of its own comes back to `free` in that one's drain, everything
 * else through the inbox. NULL; or one that has just come there. */
static __attribute__((noinline)) struct net_buffer *want(struct net_pool *pool)
{
	struct virtio_net *nic = pool->nic;

	if (pool->shared) {
		vport_lock_take(&pool->lock);
		bool none = pool->inbox == NULL;
		__atomic_store_n(&pool->wanted, none, __ATOMIC_RELAXED);
		vport_lock_give(&pool->lock);
		if (!none)
			return net_pool_take(pool);
	}
	if (pool->home < nic->pair_count && nic->pairs[pool->home].open) {
		virtio_queue_await(pool->transmit);
		return NULL;
	}
	/* Whose drains find that it is wanted; not that of its own pair, if it has one that is closed: it would never sleep. */
	for (unsigned i = 0; i < nic->pairs_served; i++)
		vport_mark(&nic->pairs[i].transmit->event);
	return NULL;
}

struct net_buffer *net_take(struct net_device *net)
{
	struct virtio_net *nic = nic_of(net);
	struct net_pool *pool = &nic->pools[nic->many_cpus ? vport_cpu() : 0];
	struct net_buffer *buffer = net_pool_take(pool);

	if (__builtin_expect(!buffer, false)) {
		buffer = want(pool);
		if (!buffer)
			return NULL;
	}
	buffer->start = NET_ROOM;
	buffer->length = 0;
	buffer->more = NULL;
	buffer->done = NULL;
	buffer->offload = (struct net_offload){ 0 };
	return buffer;
}

void net_release(struct net_device *net, struct net_buffer *frame)
{
	(void)net;
	/* Nearly all are in one piece. */
	while (__builtin_expect(frame->more != NULL, false)) {
		struct net_buffer *more = frame->more;
		net_pool_put(frame);
		frame = more;
	}
	net_pool_put(frame);
}

void net_buffer_over(struct net_buffer *buffer, void *memory, size_t size)
{
	kit_assert(size <= UINT32_MAX);
	*buffer = (struct net_buffer){ .memory = memory, .size = (uint32_t)size };
}

/* ---- Create and free -------------------------------------------------------------------------- */

/* How many buffers the pool is to have, and so many of them for each of its receive queues. A receive queue gets no
 * more than leaves as many to send, for all of them together. */
static unsigned deal(struct virtio_net *nic, struct net_pool *pool)
{
	uint32_t bytes_max = nic->slot_bytes >= LARGE_BYTES ? POOL_BYTES_LARGE : POOL_BYTES_MAX;
	unsigned to_receive = 0, to_send = pool->transmit->setup.size,
		 most = bytes_max / nic->slot_bytes, pairs = 0;

	for (unsigned i = pool->home; i < nic->pair_count; i += nic->cpus, pairs++)
		to_receive += nic->pairs[i].receive->setup.size;
	unsigned count = to_receive + to_send < most ? to_receive + to_send : most;
	if (to_send > count / 2)
		to_send = count / 2;
	for (unsigned i = pool->home; i < nic->pair_count; i += nic->cpus) {
		/* Not 0: as many as there are pairs are left, at least. */
		unsigned share = (count - to_send) / pairs,
			 size = nic->pairs[i].receive->setup.size;
		if (share > size)
			share = size;
		nic->pairs[i].receive_max = share;
	}
	return pairs > 0 ? count : to_send;
}

static int fill_pool(struct virtio_net *nic, struct net_pool *pool)
{
	dma_addr_t address;

	pool->count = deal(nic, pool);
	if (pool->home == 0 || (pool->home < nic->pair_count && pool->count < nic->net.buffers))
		nic->net.buffers = pool->count;
	pool->buffers = vport_alloc(pool->count * sizeof(*pool->buffers));
	pool->memory = vport_dma_alloc(nic->device->port, (size_t)pool->count * nic->slot_bytes,
				       LINE_BYTES, &address);
	if (!pool->buffers || !pool->memory)
		return ERR_NOMEM;
	/* The first one is taken first. */
	for (unsigned i = pool->count; i-- > 0;) {
		struct net_buffer *buffer = &pool->buffers[i];
		size_t offset = (size_t)i * nic->slot_bytes + FIRST_BYTE;
		net_buffer_over(buffer, pool->memory + offset, nic->buffer_bytes);
		buffer->address.bits = address.bits + offset;
		buffer->pool = pool;
		buffer->next = pool->free;
		pool->free = buffer;
	}
	return 0;
}

int net_pools_create(struct virtio_net *nic)
{
	/* Each frame begins on a cache line; their number of lines is odd, so that all sets of a cache are used alike. */
	nic->slot_bytes =
		((FIRST_BYTE + net_buffer_bytes(nic) + LINE_BYTES - 1) & ~(LINE_BYTES - 1u)) |
		LINE_BYTES;
	nic->buffer_bytes = nic->slot_bytes - FIRST_BYTE;
	nic->pools = vport_alloc(nic->cpus * sizeof(*nic->pools));
	if (!nic->pools)
		return ERR_NOMEM;
	for (unsigned i = 0; i < nic->pair_count; i++)
		nic->pairs[i].pool = &nic->pools[i % nic->cpus];
	for (unsigned cpu = 0; cpu < nic->cpus; cpu++) {
		struct net_pool *pool = &nic->pools[cpu];
		pool->nic = nic;
		pool->home = cpu;
		pool->shared = nic->many_cpus;
		pool->transmit = nic->pairs[cpu % nic->pair_count].transmit;
		net_done_init(pool);
		int error = fill_pool(nic, pool);
		if (error)
			return error;
	}
	return 0;
}

void net_pools_free(struct virtio_net *nic)
{
	for (unsigned cpu = 0; nic->pools && cpu < nic->cpus; cpu++) {
		struct net_pool *pool = &nic->pools[cpu];
		if (pool->buffers)
			vport_free(pool->buffers, pool->count * sizeof(*pool->buffers));
		if (pool->memory)
			vport_dma_free(nic->device->port, pool->memory,
				       (size_t)pool->count * nic->slot_bytes);
	}
	if (nic->pools)
		vport_free(nic->pools, nic->cpus * sizeof(*nic->pools));
}
