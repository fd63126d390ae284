/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network interfaces: net0, net1 … One frame is one Ethernet frame without its check sequence.
 *
 * Typical usage:
 *
 *     static void received(struct net_device *net, struct net_buffer *const *frames, unsigned count,
 *                          void *cookie)
 *     {
 *             for (unsigned i = 0; i < count; i++)
 *                     look at net_data(frames[i]), frames[i]->length, frames[i]->more;
 *                     then net_release(net, frames[i]);
 *     }
 *
 *     struct net_device *net = net_find("net0");
 *     net_listen(net, received, NULL);
 *     struct net_buffer *frame = net_take(net);
 *     frame->length = fill in at net_data(frame);
 *     if (net_send(net, &frame, 1) != 1)
 *             net_release(net, frame);
 *     while (…) vport_relax(VPORT_NEVER);
 *
 * Nothing is copied: a frame is sent from the buffer it is in, and a received one can be sent on as it is.
 * Frames are handed over in batches, and a batch costs one notification at most.
 *
 * An interface may have several pairs of a receive and a transmit queue: one a CPU, as far as the device has
 * them. Each CPU sends by its own, and listens there to what the device has chosen for it.
 */
#ifndef DRIVERS_VIRTIO_NET_H
#define DRIVERS_VIRTIO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

#define NET_MAC_BYTES 6
#define NET_HEADER_BYTES 14 /* Ethernet: two addresses and a type */
/* In front of a frame's first byte there must be so many that are the driver's: it writes there. */
#define NET_ROOM 20
#define NET_MAX_PIECES 24
#define NET_BURST 32 /* frames that are handed to a listener at once, at most */

/* ---- Frames ---------------------------------------------------------------------------------- */

/* net_offload.flags */
enum {
	/*
	 * The checksum of the transport protocol stands in the frame as far as the pseudo header goes, and is
	 * still to be summed over [checksum_start, the frame's end) and stored at checksum_start +
	 * checksum_offset. Sent: the device does that (NET_CAN_CHECKSUM). Received: nobody has, for the frame
	 * comes from the same machine; the data can be relied on as if the checksum were right, and who sends
	 * the frame on, or keeps it, must have it done.
	 */
	NET_CHECKSUM_START = 1,
	/* Received: the device has found the transport protocol's checksum right. Sent: of no meaning. */
	NET_CHECKSUM_GOOD = 2,
	/* With NET_TCP4 or NET_TCP6: the segment has the ECN congestion-window-reduced flag, which only the first
	 * one that it is cut into may have. */
	NET_SEGMENTS_ECN = 4,
};

/* net_offload.segments: a frame that is, or is to be, cut into several of segment_bytes of payload each. */
enum {
	NET_WHOLE,  /* none of that */
	NET_TCP4,   /* TCP over IPv4 */
	NET_TCP6,   /* over IPv6 */
	NET_UDP_L4, /* UDP, each with a UDP header of its own (USO) */
	NET_UFO,    /* UDP, in IP fragments */
};

/* What goes with a frame besides its bytes. All zeros: a plain frame, with its checksums in it. */
struct net_offload {
	uint8_t flags;
	uint8_t segments;
	/* All headers up to the payload that is cut, from the frame's first byte. Sent, with `segments`: exactly
	 * that, and all of them in the first piece. Received: a hint, which the driver has found to be within
	 * the frame, and no more than that; 0: none. */
	uint16_t header_bytes;
	uint16_t segment_bytes; /* with `segments`: not 0 */
	/* With NET_CHECKSUM_START; within the frame. */
	uint16_t checksum_start, checksum_offset;
	/* Received, with NET_HEARS_HASH: over what the device has hashed, NET_HASHED_… (0: nothing), and the
	 * hash. */
	uint16_t hashed;
	uint32_t hash;
};

/* net_offload.hashed, 5.1.9.4.4.6 */
enum {
	NET_HASHED_NONE,
	NET_HASHED_IP4,
	NET_HASHED_TCP4,
	NET_HASHED_UDP4,
	NET_HASHED_IP6,
	NET_HASHED_TCP6,
	NET_HASHED_UDP6,
	NET_HASHED_IP6_EX,
	NET_HASHED_TCP6_EX,
	NET_HASHED_UDP6_EX,
	NET_HASHED_LAST = NET_HASHED_UDP6_EX,
};

struct net_pool;

/*
 * Memory with a frame, or a piece of one, in it. From the interface's own pool (net_take, received
 * frames), or the caller's, over memory of the caller's (net_buffer_over).
 */
struct net_buffer {
	uint8_t *memory;
	dma_addr_t address; /* the driver's */
	uint32_t size;
	uint32_t start, length;     /* where in the memory the piece is */
	int status;                 /* the driver's */
	struct net_pool *pool;      /* the driver's; NULL: the memory is the caller's */
	bool mapped, away;          /* the driver's */
	uint16_t sender;            /* the driver's */
	struct net_buffer *more;    /* the frame's next piece; NULL: this is the last one */
	struct net_offload offload; /* of the frame: in its first piece */
	/*
	 * Sent frames: called once, for the first piece. The buffers are the caller's again. status is 0, or an error
	 * when nobody knows whether it was sent. With ERR_NODEV the interface is gone; where it also keeps_memory, the
	 * pieces must not be used for anything else, nor freed.
	 *
	 * It is called on the CPU that has sent the frame, within a vport_relax, net_send or net_poll there, whatever became
	 * of it: what the program has in common with it needs no lock. It may do what a drain function may.
	 *
	 * NULL: all pieces go back to the pool, where they must have come from, without an interrupt: when others are
	 * sent, when the pool is found empty, or within a quarter of a second.
	 */
	void (*done)(struct net_buffer *frame, int status);
	void *cookie;            /* the caller's own */
	struct net_buffer *next; /* whoever has the buffer may link it into a list by this */
};

static inline uint8_t *net_data(const struct net_buffer *buffer)
{
	return buffer->memory + buffer->start;
}

/* ---- Interfaces -------------------------------------------------------------------------------- */

struct net_device;
/*
 * Frames that came in: they are the listener's until net_release or net_send. Each is in one buffer, or, where the
 * device says so (`pieces_heard` > 1), in several, linked by `more`; the first one has at least an Ethernet header in
 * it. With NET_HEARS_TCP4 and the like a frame may be longer than 14 + mtu: up to 14 + 65535 and a VLAN tag. Drain context,
 * or within net_poll, on the home CPU of the pair of queues that it came by: with several pairs, on several CPUs at
 * once.
 */
typedef void net_listener(struct net_device *net, struct net_buffer *const *frames, unsigned count,
			  void *cookie);
/* The link went up or down, or the interface is `gone`. Drain context of CPU 0, or a work item. */
typedef void net_link_listener(struct net_device *net, void *cookie);
/* Others are to learn anew where this interface is (after a migration, say): who knows the addresses of upper
 * layers sends gratuitous ARP or neighbour advertisements now. (The driver itself has sent a frame from the MAC
 * address, by which bridges learn.) Work context. */
typedef void net_announcer(struct net_device *net, void *cookie);
/* A net_send took fewer frames than it was given, and now there may be room. Drain context of the CPU whose pair it is; or, when
 * the interface is `gone`, a work item, which is CPU 0's. */
typedef void net_room_listener(struct net_device *net, void *cookie);

/* net_device.can: what may be asked of it. */
enum {
	NET_CAN_CHECKSUM = 1 << 0, /* sent: NET_CHECKSUM_START */
	NET_CAN_TSO4 = 1 << 1,     /* NET_TCP4 */
	NET_CAN_TSO6 = 1 << 2,     /* NET_TCP6 */
	NET_CAN_ECN = 1 << 3,      /* NET_SEGMENTS_ECN */
	NET_CAN_UFO = 1 << 4,      /* NET_UFO */
	NET_CAN_USO = 1 << 5,      /* NET_UDP_L4 */

	NET_CAN_SET_PAIRS = 1 << 8,
	NET_CAN_SET_MODE = 1 << 9,   /* NET_PROMISCUOUS and NET_ALL_MULTICAST; net_set_filter */
	NET_CAN_SET_MODES = 1 << 10, /* the other modes as well */
	NET_CAN_FILTER_VLAN = 1 << 11,
	NET_CAN_SET_MAC = 1 << 12,
	NET_CAN_SPREAD = 1 << 13,      /* net_set_rss: by hash over the pairs */
	NET_CAN_REPORT_HASH = 1 << 14, /* net_set_rss: the hash comes with the frame */
	NET_CAN_SET_HEARS = 1 << 15,   /* net_set_hears */
};

/* net_device.hears: what a received frame may be besides whole and checked. */
enum {
	NET_HEARS_CHECKSUM = 1 << 0, /* NET_CHECKSUM_START, NET_CHECKSUM_GOOD */
	NET_HEARS_TCP4 = 1 << 1,     /* NET_TCP4 */
	NET_HEARS_TCP6 = 1 << 2,
	NET_HEARS_ECN = 1 << 3, /* with NET_SEGMENTS_ECN */
	NET_HEARS_UFO = 1 << 4,
	NET_HEARS_USO4 = 1 << 5, /* NET_UDP_L4 over IPv4 */
	NET_HEARS_USO6 = 1 << 6,
	NET_HEARS_HASH = 1 << 7, /* `hash` */
};

enum { NET_SPEED_UNKNOWN = 0 };
enum net_duplex { NET_DUPLEX_UNKNOWN, NET_DUPLEX_HALF, NET_DUPLEX_FULL };

/* What RSS can do here (NET_CAN_SPREAD, NET_CAN_REPORT_HASH). */
struct net_rss_limits {
	uint32_t types; /* NET_HASH_… */
	unsigned
		table_length; /* of the indirection table, at most; a power of two; 0: there is none */
	unsigned key_bytes; /* at most */
};

/* Frames and bytes of them, and why some were dropped. */
struct net_counts {
	uint64_t sent, sent_bytes;
	uint64_t failed; /* sent frames that ended with an error */
	uint64_t received, received_bytes;
	uint64_t malformed; /* what the device passed for frames, and was dropped */
	uint64_t unheard;   /* frames that were dropped because nobody listens */
};

struct net_device {
	char name[8]; /* net0 */
	uint8_t mac[NET_MAC_BYTES];
	uint32_t mtu; /* bytes of a frame behind its header, at most */
	uint32_t
		largest; /* bytes of a frame that is sent with `segments`, header included, at most; 14 + mtu where
			   * there are none */
	unsigned pieces;           /* that a sent frame may be in: NET_MAX_PIECES, or fewer */
	unsigned pieces_heard;     /* that a received one may be in */
	uint32_t can;              /* NET_CAN_…; does not change */
	uint32_t hears;            /* NET_HEARS_…, now */
	uint32_t may_hear;         /* and what of them could be turned on */
	unsigned pairs, pairs_max; /* of queues: in use, and how many may be */
	/* Of the pool that has the fewest of those from which frames are received: who keeps received frames, keeps few. */
	unsigned buffers;
	struct net_rss_limits rss;
	uint32_t speed; /* Mbit/s; NET_SPEED_UNKNOWN */
	enum net_duplex duplex;
	bool link;       /* a cable is in, so to speak; may change while in use */
	bool interrupts; /* the device interrupts; otherwise every vport_relax is a look at it */
	bool gone;       /* given up: nothing is sent or received any more */
	/* And its device may for good go on reading what it was given (one on MMIO that does not finish its reset). */
	bool keeps_memory;
	unsigned resets; /* how often it had to be reset since it was found */
	net_listener *listener;
	void *listener_cookie;
	net_link_listener *link_listener;
	void *link_cookie;
	net_announcer *announcer;
	void *announcer_cookie;
	net_room_listener *room_listener;
	void *room_cookie;
	struct net_device *next;
};

struct net_device *net_first(void);            /* in the order of their names; then ->next */
struct net_device *net_find(const char *name); /* NULL when there is none */

/* All pairs of queues together, since it was found; each number by itself is one that was right a moment ago. Any
 * context. */
void net_count(const struct net_device *net, struct net_counts *counts);
/* Of one of them, below pairs_max. */
void net_count_pair(const struct net_device *net, unsigned pair, struct net_counts *counts);

/* From now on received frames go there; NULL: they are dropped. Program or drain context of CPU 0; with several
 * pairs the cookie is to be changed only while there is no listener. */
void net_listen(struct net_device *net, net_listener *listener, void *cookie);
/* The same for changes of the link, for when to announce oneself, and for room to send. One listener each; NULL: none. */
void net_watch_link(struct net_device *net, net_link_listener *listener, void *cookie);
void net_announce(struct net_device *net, net_announcer *announcer, void *cookie);
void net_watch_room(struct net_device *net, net_room_listener *listener, void *cookie);

/* ---- Moving frames ----------------------------------------------------------------------------------- */

/* An empty buffer of this CPU's pool, with room in front, for a frame of `mtu`, and an offload of zeros; NULL when all
 * are in use now: then a vport_relax of this CPU returns when one has come back, or the interface is `gone`, of which the
 * memory may be lost. Any context but an interrupt handler's. */
struct net_buffer *net_take(struct net_device *net);
/* Gives back a frame of the pool, all pieces of it. Any CPU, any context but an interrupt handler's. */
void net_release(struct net_device *net, struct net_buffer *frame);

/* Makes a buffer over memory of the caller's, which is given to the device when it is sent. It must be
 * contiguous to the device: memory of vport_dma_alloc always is, and on a stack it is in no port's kernel. A
 * frame's first piece then needs start >= NET_ROOM. */
void net_buffer_over(struct net_buffer *buffer, void *memory, size_t size);

/*
 * Sends frames of 14 … 14 + mtu bytes (… net->largest, with offload.segments), in at most net->pieces pieces each,
 * by the pair of queues of this CPU, or, where it has none, by another one's. Returns how many of them, from
 * the first on, were taken and will be done: fewer than `count` when there is no room for more now (a vport_relax of this
 * CPU returns when there may be, and net_watch_room tells) or while the device is being reset. If it is given up instead,
 * that vport_relax returns as well, and the next net_send is ERR_NODEV.
 * ERR_RANGE when the first one is too short or too long or in too many pieces, or its offload reaches out of it;
 * ERR_INVALID when its offload contradicts itself; ERR_UNSUPPORTED when its offload asks for what the device cannot do
 * (net->can), or a piece of it is not contiguous to the device; ERR_NOMEM when the port has no room to map it; ERR_NODEV.
 * Any context but an interrupt handler's.
 */
int net_send(struct net_device *net, struct net_buffer *const *frames, unsigned count);

/* For a program that does nothing but wait for frames: one look at this CPU's pair of queues, without vport_relax, which
 * must still be called from time to time (for deadlines, and recovery). Program context. */
void net_poll(struct net_device *net);

/* ---- Control -------------------------------------------------------------------------------------------
 *
 * Each of these asks the device and waits for its answer (vport_relax). Program or work context, any CPU.
 * 0; ERR_UNSUPPORTED when net->can says that the device knows nothing of it; ERR_INVALID, ERR_RANGE for arguments;
 * ERR_IO when the device refuses, and nothing has changed; ERR_TIMEOUT and others when it had to be reset meanwhile:
 * what was set before is then set again, as it is after every reset. ERR_NODEV.
 */

/* So many pairs of queues are used from now on, 1 … pairs_max. At first all of them are. What net_set_rss has
 * set is undone. ERR_BUSY: what had been sent by a pair that is to go did not leave it. */
int net_set_pairs(struct net_device *net, unsigned pairs);

/* Which frames come in besides those for the MAC address, broadcasts and what net_set_filter lets in: all of these
 * modes, and no others. At first the device does as it likes, and many are promiscuous. */
enum {
	NET_PROMISCUOUS = 1 << 0,
	NET_ALL_MULTICAST = 1 << 1,
	NET_ALL_UNICAST = 1 << 2, /* from here on: NET_CAN_SET_MODES */
	NET_NO_MULTICAST = 1 << 3,
	NET_NO_UNICAST = 1 << 4,
	NET_NO_BROADCAST = 1 << 5,
};
int net_set_modes(struct net_device *net, uint32_t modes);

/* Other addresses whose frames come in: in all at most NET_FILTER_MAX. */
#define NET_FILTER_MAX 64
int net_set_filter(struct net_device *net, const uint8_t (*unicast)[NET_MAC_BYTES],
		   unsigned unicast_count, const uint8_t (*multicast)[NET_MAC_BYTES],
		   unsigned multicast_count);

/* One station's address (not a group's); net->mac is that from then on. */
int net_set_mac(struct net_device *net, const uint8_t mac[NET_MAC_BYTES]);

/* Frames with that VLAN tag (0 … 4095) come in, or no more. With NET_CAN_FILTER_VLAN no tagged frames come in at first;
 * without it all do. */
int net_vlan_add(struct net_device *net, uint16_t vlan);
int net_vlan_remove(struct net_device *net, uint16_t vlan);

/* Hash types, 5.1.9.4.4.3: over which fields of which packets. */
enum {
	NET_HASH_IP4 = 1 << 0,
	NET_HASH_TCP4 = 1 << 1,
	NET_HASH_UDP4 = 1 << 2,
	NET_HASH_IP6 = 1 << 3,
	NET_HASH_TCP6 = 1 << 4,
	NET_HASH_UDP6 = 1 << 5,
	NET_HASH_IP6_EX = 1 << 6,
	NET_HASH_TCP6_EX = 1 << 7,
	NET_HASH_UDP6_EX = 1 << 8,
	NET_HASH_ALL = (1 << 9) - 1,
};
#define NET_RSS_TABLE_MAX 128
#define NET_RSS_KEY_MAX 64
#define NET_RSS_KEY_USUAL 40

/*
 * Toeplitz hashing. With NET_CAN_SPREAD a received frame of one of `types` goes to pair
 * table[hash & (table_length - 1)], another one to pair `others`; with NET_CAN_REPORT_HASH the hash comes with it.
 * Without NET_CAN_SPREAD the table is of no meaning. NULL: neither, as at first.
 */
struct net_rss {
	uint32_t types; /* NET_HASH_…, of net->rss.types */
	unsigned others;
	unsigned table_length; /* a power of two, at most net->rss.table_length */
	uint8_t table[NET_RSS_TABLE_MAX];
	unsigned key_bytes; /* at most net->rss.key_bytes */
	uint8_t key[NET_RSS_KEY_MAX];
};
int net_set_rss(struct net_device *net, const struct net_rss *rss);

/* What may be heard from now on: of net->may_hear, NET_HEARS_HASH apart (net_set_rss). Frames that are on their way
 * may still be as before. What needs NET_HEARS_CHECKSUM, or with NET_HEARS_ECN a TCP one, is ERR_INVALID without. */
int net_set_hears(struct net_device *net, uint32_t hears);

#endif
