/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the virtio-net driver share:
 *
 *   net.c           brings the device up, recovers it, knows who listens
 *   net_config.c    its features and what it says of itself
 *   net_pool.c      empty buffers
 *   net_send.c      frames that go out
 *   net_outbox.c    those that one CPU hands to another
 *   net_receive.c   frames that come in
 *   net_coalesce.c  and fewer interrupts than frames
 *   net_offload.c   the header before a frame, and what it means
 *   net_control.c   the control queue
 *   net_command.c   what is asked for by it
 */
#ifndef DRIVERS_VIRTIO_NET_NIC_H
#define DRIVERS_VIRTIO_NET_NIC_H

#include "drivers/virtio/device.h"
#include "drivers/virtio/net.h"
#include "lib/containing.h"

/* Feature bits, 5.1.3. (Those of coalescing (52, 53), statistics (50), standby (62) and of what is in tunnels have
 * their place here.) */
enum {
	VIRTIO_NET_F_CSUM = 0,
	VIRTIO_NET_F_GUEST_CSUM = 1,
	VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2,
	VIRTIO_NET_F_MTU = 3,
	VIRTIO_NET_F_MAC = 5,
	VIRTIO_NET_F_GUEST_TSO4 = 7,
	VIRTIO_NET_F_GUEST_TSO6 = 8,
	VIRTIO_NET_F_GUEST_ECN = 9,
	VIRTIO_NET_F_GUEST_UFO = 10,
	VIRTIO_NET_F_HOST_TSO4 = 11,
	VIRTIO_NET_F_HOST_TSO6 = 12,
	VIRTIO_NET_F_HOST_ECN = 13,
	VIRTIO_NET_F_HOST_UFO = 14,
	VIRTIO_NET_F_MRG_RXBUF = 15,
	VIRTIO_NET_F_STATUS = 16,
	VIRTIO_NET_F_CTRL_VQ = 17,
	VIRTIO_NET_F_CTRL_RX = 18,
	VIRTIO_NET_F_CTRL_VLAN = 19,
	VIRTIO_NET_F_CTRL_RX_EXTRA = 20,
	VIRTIO_NET_F_GUEST_ANNOUNCE = 21,
	VIRTIO_NET_F_MQ = 22,
	VIRTIO_NET_F_CTRL_MAC_ADDR = 23,
	VIRTIO_NET_F_GUEST_USO4 = 54,
	VIRTIO_NET_F_GUEST_USO6 = 55,
	VIRTIO_NET_F_HOST_USO = 56,
	VIRTIO_NET_F_HASH_REPORT = 57,
	VIRTIO_NET_F_GUEST_HDRLEN = 59,
	VIRTIO_NET_F_RSS = 60,
	VIRTIO_NET_F_SPEED_DUPLEX = 63,
};

/* 5.1.9. `hash` and what follows it are there with HASH_REPORT alone. */
struct virtio_net_hdr {
	uint8_t flags, gso_type;
	le16 hdr_len, gso_size, csum_start, csum_offset;
	le16 num_buffers;
	le32 hash_value;
	le16 hash_report, padding_reserved;
};
#define NET_HDR_PLAIN 12
#define NET_HDR_HASH 20
_Static_assert(sizeof(struct virtio_net_hdr) == NET_HDR_HASH, "5.1.9");
_Static_assert(__builtin_offsetof(struct virtio_net_hdr, num_buffers) == 10, "5.1.9");
_Static_assert(__builtin_offsetof(struct virtio_net_hdr, hash_value) == NET_HDR_PLAIN, "5.1.9");
_Static_assert(NET_ROOM >= NET_HDR_HASH, "net.h");

#define NET_QUEUE_SIZE 256
#define NET_MAX_PAIRS 16
#define NET_VLAN_TAG_BYTES 4
#define NET_LONGEST (NET_HEADER_BYTES + 65535u) /* an IP packet behind its header */

/*
 * Empty buffers. Each CPU has a pool, for the pairs of queues that are at home there and for what is sent from there:
 * only it takes from `free`, without a lock. What is released elsewhere goes through the inbox.
 */
struct net_pool {
	struct net_buffer *free;
	struct virtio_queue *transmit; /* where buffers come back from */
	unsigned home;
	bool shared; /* several CPUs give back to it */
	bool hungry; /* a receive queue lacks buffers: who releases some says so */
	bool wanted; /* its home found none: who puts one into the inbox wakes it */
	struct virtio_net *nic;
	struct vport_lock lock; /* around the inbox, `wanted` and `ended` */
	struct net_buffer *inbox;
	/* Frames that were sent here, and have ended on another CPU: their done functions are called here. */
	struct net_buffer *ended, **ended_end;
	struct vport_event ending;
	struct net_buffer *buffers;
	uint8_t *memory;
	unsigned count;
};

/* How quickly a receive queue's buffers are used, and until when it is left alone. */
struct net_coalesce {
	uint64_t period;       /* ns; 0: never */
	uint64_t since, until; /* ns of vport_now; `until` 0: it is not */
	uint64_t not_before;   /* a wait was in vain */
	uint64_t expected;     /* buffers, of a wait */
	uint32_t used;         /* buffers, from `since` on */
	bool paid;             /* the last wait was worth it */
};

/* A pair of a receive and a transmit queue. All but the outbox belongs to its home CPU, and to the recovery. */
struct net_pair {
	struct virtio_net *nic;
	struct net_pool *pool;
	struct virtio_queue *receive, *transmit;
	unsigned index;
	unsigned receive_max; /* buffers that the device may have to fill; the others are to send */
	bool receiving, reaping;
	bool open;         /* the device serves its transmit queue */
	bool guarded;      /* a recovery may begin on another CPU meanwhile: see net_pair_enter */
	bool inside;       /* its home is at its queues, outside of a drain */
	unsigned expected; /* frames in flight whose sender wants to know when they are done */
	unsigned reap_at;  /* with so many in flight who sends looks which of them are done */
	bool refused;      /* not all was taken of what its home had to send: it is told of room */
	struct net_counts counts;
	struct net_coalesce coalesce;
	/* Frames that other CPUs want sent by it: taken over into `waiting`, which is pushed as there is room. */
	struct vport_lock lock; /* around the outbox */
	struct net_buffer *outbox, **outbox_end;
	unsigned outbox_count;
	bool crowded; /* it was too full for some, which are told of room */
	bool closed;  /* nothing is taken any more: the device is given up */
	struct net_buffer *waiting;
};

/* ---- net_control.c ----------------------------------------------------------------------- */

#define NET_COMMAND_BYTES 408 /* the largest: a MAC table */

/* A command, 5.1.9.5: who sends it waits for `done`, or has `then` queued when it is. */
struct net_command {
	uint8_t class, command;
	uint16_t bytes;
	uint8_t data[NET_COMMAND_BYTES];
	int8_t keep; /* enum net_kept: in place of which one it is remembered; or -1 */
	bool done;
	int status;
	unsigned cpu; /* to be woken */
	struct vport_work *then;
	struct net_command *next;
};

/* What the device is told again after a reset, in this order. */
enum net_kept {
	NET_KEPT_MODE, /* six of them, by command */
	NET_KEPT_FILTER = NET_KEPT_MODE + 6,
	NET_KEPT_MAC,
	NET_KEPT_STEERING, /* pairs, or RSS */
	NET_KEPT_HASH,     /* without RSS */
	NET_KEPT_HEARS,
	NET_KEPT_COUNT,
};
#define NET_VLANS 4096

struct net_control {
	struct virtio_queue *queue; /* NULL: there is none */
	uint8_t *page;              /* shared: the command, and behind it its answer */
	dma_addr_t address;
	struct vport_lock lock; /* around the list and `closed` */
	struct net_command *waiting, **waiting_end;
	bool closed;
	/* From here on CPU 0's, where the queue is at home. */
	struct net_command *current; /* with the device */
	unsigned restored; /* so many of `kept`, and then VLANs, have been told since the reset */
	struct net_command again;                /* one of those */
	struct net_command acknowledgement;      /* of an announcement */
	bool acknowledging;                      /* and that is under way */
	struct net_command kept[NET_KEPT_COUNT]; /* class, command, data; bytes is 0: none */
	uint8_t vlans[NET_VLANS / 8];
};

struct virtio_net {
	struct net_device net; /* first: an interface's driver part is found by a cast */
	struct virtio_device *device;
	bool many_cpus;
	bool merges;       /* MRG_RXBUF */
	bool reports_hash; /* HASH_REPORT */
	uint8_t header_bytes;
	unsigned cpus;
	unsigned pair_count; /* how many there are; net.pairs are in use */
	unsigned
		pairs_open; /* frames are sent by so many of them, as soon as their homes have seen it */
	unsigned
		pairs_served; /* and the device serves so many: more, while some are being closed */
	unsigned told_pairs;  /* max_virtqueue_pairs: the control queue is behind them */
	bool setting_pairs;   /* net_set_pairs is at work */
	uint32_t buffer_bytes, slot_bytes; /* of a pool's buffer, and of its place */
	struct net_pool *pools;            /* by CPU */
	struct net_control *control;
	bool announcement_due; /* the device asks for it; CPU 0's */
	struct vport_work announcing;
	struct net_pair pairs[NET_MAX_PAIRS];
};

static inline struct virtio_net *nic_of(const struct net_device *net)
{
	return (struct virtio_net *)net;
}

/* What the longest frame that comes in takes of buffers, with its header. */
static inline uint32_t net_longest(const struct virtio_net *nic)
{
	return NET_LONGEST + NET_VLAN_TAG_BYTES + nic->header_bytes;
}

/* ---- net.c ------------------------------------------------------------------------------------ */

/* So many pairs of queues are used from now on: their homes are told. */
void net_open_pairs(struct virtio_net *nic, unsigned pairs);

/* ---- net_config.c ---------------------------------------------------------------------------- */

#define NET_WANTED_COUNT 29
extern const uint8_t net_wanted[NET_WANTED_COUNT];
extern const struct virtio_feature_name net_feature_names[NET_WANTED_COUNT];

/* 5.1.3.1: takes away what lacks what it needs. The driver's choose. */
void net_choose_features(struct virtio_device *device);
/* Reads all that stays as it is, and fills in what net.h tells of it. 0 or an error. */
int net_read_config(struct virtio_net *nic);
/* What may change: link, speed, duplex. Whether others are to learn where we are (5.1.9.5.4). */
bool net_read_status(struct virtio_net *nic);
/* The size of a buffer of the pool, when the queues are known. */
uint32_t net_buffer_bytes(const struct virtio_net *nic);

/* ---- net_pool.c -------------------------------------------------------------------------------- */

/* Makes the pools, when queues and buffer size are known. 0 or ERR_NOMEM, and net_pools_free frees what there is. */
int net_pools_create(struct virtio_net *nic);
void net_pools_free(struct virtio_net *nic);
/* Whether a CPU that sends by the pair of another one waits for buffers. */
static inline bool net_is_short(const struct virtio_net *nic)
{
	for (unsigned cpu = nic->pairs_open; cpu < nic->cpus; cpu++) {
		if (__atomic_load_n(&nic->pools[cpu].wanted, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* What other CPUs have given back is free now. False: nothing. */
bool net_pool_empty_inbox(struct net_pool *pool);
/* net_pool_put, where it is not as simple as that. */
void net_pool_put_apart(struct net_pool *pool, struct net_buffer *buffer);

/* On the pool's home CPU: an empty buffer; NULL. */
static inline struct net_buffer *net_pool_take(struct net_pool *pool)
{
	if (__builtin_expect(!pool->free, false) &&
	    (!*(struct net_buffer *const volatile *)&pool->inbox || !net_pool_empty_inbox(pool)))
		return NULL;
	struct net_buffer *buffer = pool->free;
	pool->free = buffer->next;
	return buffer;
}

/* Any CPU: a buffer that is nobody's now. */
static inline void net_pool_put(struct net_buffer *buffer)
{
	struct net_pool *pool = buffer->pool;

	kit_assert(pool);
	if (__builtin_expect(pool->shared || pool->hungry, false)) {
		net_pool_put_apart(pool, buffer);
		return;
	}
	buffer->next = pool->free;
	pool->free = buffer;
}

/* ---- net_offload.c ------------------------------------------------------------------------------ */

/* Writes the header for a frame that asks for something, of `length` bytes in all. 0, ERR_RANGE, ERR_INVALID or
 * ERR_UNSUPPORTED. */
int net_offload_write(const struct virtio_net *nic, const struct net_buffer *frame, uint64_t length,
		      struct virtio_net_hdr *header);
/* What a received header, a private copy, says of a frame of `length` bytes. False: nothing that makes sense. */
bool net_offload_read(const struct virtio_net *nic, const struct virtio_net_hdr *header,
		      uint64_t length, struct net_offload *offload);

/* Whether the device is asked to do anything with it. */
static inline bool net_asks(const struct net_offload *offload)
{
	return (offload->flags & NET_CHECKSUM_START) || offload->segments != NET_WHOLE;
}

/* ---- net_send.c ----------------------------------------------------------------------------------- */

/* Frames that are done; and room for those that wait. Home CPU. */
void net_reap(struct net_pair *pair);
/* The same as a drain. */
void net_drain_transmit(struct net_pair *pair);
/* One that was in flight at a reset. CPU 0. */
void net_abort_transmit(struct net_pair *pair, struct net_buffer *frame, int error);
/* Checks a frame and writes its header. 0 or an error. */
int net_prepare(const struct virtio_net *nic, struct net_buffer *frame);
/* Gives a frame of any kind to the device. 0 or an error, and nothing has happened. Home CPU. (No part of who sends plain frames, in
 * whose way its many cases would be.) */
__attribute__((noinline)) int net_push(struct net_pair *pair, struct net_buffer *frame);
/* One that waited is its sender's again. Home CPU, or CPU 0 when nobody is at the pair's queues. */
void net_finish(struct net_pair *pair, struct net_buffer *frame, int status);

/* ---- net_outbox.c --------------------------------------------------------------------------------- */

/* Another CPU's frames: how many were taken, or an error. */
int net_outbox_put(struct net_pair *pair, struct net_buffer *const *frames, unsigned count);
/* Whether nothing waits that other CPUs have handed over. Home CPU. */
static inline bool net_outbox_is_empty(const struct net_pair *pair)
{
	return !pair->waiting && !*(struct net_buffer *const volatile *)&pair->outbox;
}
/* Pushes what they have, as far as there is room. True: all of it. Home CPU. */
bool net_outbox_push(struct net_pair *pair);
/* The device does not serve this pair (any more): the first one, which it always does, takes over what waits. Home CPU. */
void net_outbox_pass_on(struct net_pair *pair);
/* Fails all that waits: the device is given up. CPU 0, when nobody is at the pair's queues. */
void net_outbox_close(struct net_pair *pair);
/* That frame's done function is called on the CPU that has sent it. */
void net_done_there(struct virtio_net *nic, struct net_buffer *frame, int status);
/* For net_pools_create. */
void net_done_init(struct net_pool *pool);
/* Whoever could not send is told that there may be room. Drain context. */
void net_tell_room(struct virtio_net *nic);

/*
 * Where a pair's home CPU is at its queues outside of a drain, it must not meet a recovery, which is CPU 0's. False:
 * the device is not running, and nothing has been entered. net_pair_leave is given what `was` inside before: a done
 * function may send.
 */
static inline bool net_pair_enter(struct net_pair *pair, bool *was)
{
	*was = pair->inside;
	if (pair->guarded)
		(void)__atomic_exchange_n(&pair->inside, true, __ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(&pair->nic->device->state, __ATOMIC_RELAXED) ==
				     VIRTIO_RUNNING,
			     true))
		return true;
	if (pair->guarded)
		__atomic_store_n(&pair->inside, *was, __ATOMIC_RELEASE);
	return false;
}

static inline void net_pair_leave(struct net_pair *pair, bool was)
{
	if (pair->guarded)
		__atomic_store_n(&pair->inside, was, __ATOMIC_RELEASE);
}

/* ---- net_receive.c --------------------------------------------------------------------------------- */

/* Gives the device all the empty buffers that it has room for, where so many are missing that it is worth a publish. Home
 * CPU. */
void net_refill(struct net_pair *pair);
/* Frames that came in; no more than one look may take. True: there may be more. */
bool net_receive(struct net_pair *pair);
/* The same as a drain. */
void net_drain_receive(struct net_pair *pair);

/* ---- net_coalesce.c --------------------------------------------------------------------------------- */

/* How long frames may wait, in ns, as the user wants it. Work context. */
uint64_t net_coalesce_period(const struct virtio_device *device);
/* After a drain of the receive queue that has left nothing. True: its interrupts may stay off, for it is drained again before
 * long. Drain context. */
bool net_coalesce(struct net_pair *pair);

/* ---- net_control.c ------------------------------------------------------------------------------------- */

/* Makes the queue. 0 or an error; net_control_free. */
int net_control_create(struct virtio_net *nic);
void net_control_free(struct virtio_net *nic);
/* Sends a command and waits for its answer. Program or work context. 0; ERR_IO: the device refuses it; another
 * error: nobody knows. */
int net_control_run(struct virtio_net *nic, struct net_command *command);
/* Sends it and does not wait: 0, and it is the queue's until command->then has been queued; or ERR_NODEV. */
int net_control_post(struct virtio_net *nic, struct net_command *command);
/* From the next drain on everything that is kept is told again, before anything else. Not while there are drains. */
void net_control_restore(struct virtio_net *nic);
void net_control_drain(struct virtio_net *nic);
void net_control_abort(struct virtio_net *nic, int error);
/* Fails all that waits: the device is given up. */
void net_control_close(struct virtio_net *nic);

/* ---- net_command.c ----------------------------------------------------------------------------------- */

/* 5.1.9.5 */
enum net_class {
	VIRTIO_NET_CTRL_RX = 0,
	VIRTIO_NET_CTRL_MAC = 1,
	VIRTIO_NET_CTRL_VLAN = 2,
	VIRTIO_NET_CTRL_ANNOUNCE = 3,
	VIRTIO_NET_CTRL_MQ = 4,
	VIRTIO_NET_CTRL_GUEST_OFFLOADS = 5,
};
enum { VIRTIO_NET_CTRL_RX_PROMISC = 0, VIRTIO_NET_CTRL_RX_ALLMULTI = 1 };
enum { VIRTIO_NET_CTRL_MAC_TABLE_SET = 0, VIRTIO_NET_CTRL_MAC_ADDR_SET = 1 };
enum { VIRTIO_NET_CTRL_VLAN_ADD = 0, VIRTIO_NET_CTRL_VLAN_DEL = 1 };
enum { VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0 };
enum {
	VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0,
	VIRTIO_NET_CTRL_MQ_RSS_CONFIG = 1,
	VIRTIO_NET_CTRL_MQ_HASH_CONFIG = 2,
};
enum { VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET = 0 };

/* The command that has so many pairs used. */
struct net_command net_command_pairs(const struct virtio_net *nic, unsigned pairs);
/* The device has done as it was told. CPU 0, drain context. */
void net_command_took(struct virtio_net *nic, const struct net_command *command);
/* The device refuses what it was told before its reset. */
void net_command_lost(struct virtio_net *nic, const struct net_command *command);
/* Tells bridges where we are, has the upper layers do the same, tells the device that it is done, where that is due. It
 * waits for nothing. */
void net_announce_work(struct vport_work *work);

#endif
