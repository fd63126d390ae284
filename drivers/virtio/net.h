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
 *                     look at net_data(frames[i]), frames[i]->length; then net_release(net, frames[i]);
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
#define NET_ROOM 12
#define NET_MAX_PIECES 8
#define NET_BURST 32 /* frames that are handed to a listener at once, at most */

/*
 * Memory with a frame, or a piece of one, in it. From the interface's own pool (net_take, received
 * frames), or the caller's, over memory of the caller's (net_buffer_over).
 */
struct net_buffer {
	uint8_t *memory;
	dma_addr_t address; /* the driver's */
	uint32_t size;
	uint32_t start, length;  /* where in the memory the piece is */
	bool pooled, mapped;     /* the driver's */
	struct net_buffer *more; /* the frame's next piece; NULL: this is the last one */
	/* Sent frames: called once, for the first piece, in drain context: status is 0, or an error when
	 * nobody knows whether it was sent. The buffers are the caller's again. NULL: all pieces go back to
	 * the pool, where they must have come from, without an interrupt: when others are sent, when the pool
	 * is found empty, or within a quarter of a second. */
	void (*done)(struct net_buffer *frame, int status);
	void *cookie;            /* the caller's own */
	struct net_buffer *next; /* whoever has the buffer may link it into a list by this */
};

static inline uint8_t *net_data(const struct net_buffer *buffer)
{
	return buffer->memory + buffer->start;
}

struct net_device;
/* Frames that came in, each in one buffer: they are the listener's until net_release or net_send. Drain
 * context, or within net_poll. */
typedef void net_listener(struct net_device *net, struct net_buffer *const *frames, unsigned count,
			  void *cookie);

struct net_device {
	char name[8]; /* net0 */
	uint8_t mac[NET_MAC_BYTES];
	uint32_t mtu;    /* bytes of a frame behind its header, at most */
	bool link;       /* a cable is in, so to speak; may change while in use */
	bool interrupts; /* the device interrupts; otherwise every vport_relax is a look at it */
	bool gone;       /* given up: nothing is sent or received any more */
	unsigned resets; /* how often it had to be reset since it was found */
	uint64_t sent, received;
	uint64_t failed;    /* sent frames that ended with an error */
	uint64_t malformed; /* what the device passed for frames, and was dropped */
	uint64_t unheard;   /* frames that were dropped because nobody listens */
	net_listener *listener;
	void *listener_cookie;
	struct net_device *next;
};

struct net_device *net_first(void);            /* in the order of their names; then ->next */
struct net_device *net_find(const char *name); /* NULL when there is none */

/* From now on received frames go there; NULL: they are dropped. Program or drain context. */
void net_listen(struct net_device *net, net_listener *listener, void *cookie);

/* An empty buffer of the pool, with room in front, for a frame of `mtu`; NULL when all are in use now. */
struct net_buffer *net_take(struct net_device *net);
/* Gives back a frame of the pool, all pieces of it. */
void net_release(struct net_device *net, struct net_buffer *frame);

/* Makes a buffer over memory of the caller's, which is given to the device when it is sent. It must be
 * contiguous to the device: memory of vport_dma_alloc always is, and on a stack it is in no port's kernel. A
 * frame's first piece then needs start >= NET_ROOM. */
void net_buffer_over(struct net_buffer *buffer, void *memory, size_t size);

/*
 * Sends frames of 14 … 14 + mtu bytes, in at most NET_MAX_PIECES pieces each. Returns how many of them, from
 * the first on, were taken and will be done: fewer than `count` when there is no room for more now (wait for
 * one to be done) or while the device is being reset. ERR_RANGE when the first one is too short or too
 * long, ERR_UNSUPPORTED when a piece of it is not contiguous to the device, ERR_NOMEM when the port has no
 * room to map it, ERR_NODEV. Any context but an interrupthandler's, on CPU 0, where its queues are at home.
 */
int net_send(struct net_device *net, struct net_buffer *const *frames, unsigned count);

/* For a program that does nothing but wait for frames: one look at the device, without vport_relax, which
 * must still be called from time to time (for deadlines, and recovery). Program context. */
void net_poll(struct net_device *net);

#endif
