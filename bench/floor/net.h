/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a frame of 64 bytes can cost, sent (WAY is TX), received (RX), or sent and answered (RR): two
 * split rings whose descriptors are written once, a buffer each, and a loop that moves only what changes.
 * VIRTIO 1.4, 2.7 and 5.1. There is no driver around it, and nothing is checked that a device could get wrong.
 */
#include "../frame.h"
#include "ring.h"

enum { SIZE = 256, HEADER = 12 };
enum { QUEUES = 2, VIRTIO_ID = 1, RECEIVEQ = 0, TRANSMITQ = 1 };
enum { TX, RX, RR };

/* All that the device sees. */
struct shared {
	RING(SIZE) ring[QUEUES];
	struct {
		uint8_t header[HEADER], frame[1526];
	} buffer[QUEUES][SIZE] __attribute__((aligned(64)));
};

/* Where the loop stands in a ring. */
struct at {
	uint16_t avail, seen;
};

static void publish(struct shared *shared, unsigned queue, const struct at *at)
{
	__atomic_store_n(&shared->ring[queue].avail.idx, at->avail, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&shared->ring[queue].used.flags, __ATOMIC_RELAXED) & NO_NOTIFY))
		NOTIFY(queue);
}

/* Waits until the device is done with some, and gives all those back; how many there were. */
static unsigned turn(struct shared *shared, unsigned queue, struct at *at, uint64_t *errors)
{
	uint16_t used, before = at->seen;

	while ((used = __atomic_load_n(&shared->ring[queue].used.idx, __ATOMIC_ACQUIRE)) == at->seen)
		WAIT();
	for (; at->seen != used; at->seen++) {
		if (queue == RECEIVEQ)
			*errors += shared->ring[queue].used.ring[at->seen % SIZE].len != HEADER + FRAME_BYTES;
		shared->ring[queue].avail.ring[at->avail++ % SIZE] =
			(uint16_t)shared->ring[queue].used.ring[at->seen % SIZE].id;
	}
	return (uint16_t)(used - before);
}

static uint64_t loop(struct shared *shared, struct at *receive, struct at *transmit)
{
	uint64_t errors = 0;

	for (uint64_t done = 0; MORE(done);) {
		if (WAY == RR) { /* the answer is there: so the device has long sent what it is one to */
			publish(shared, TRANSMITQ, transmit);
			done += turn(shared, RECEIVEQ, receive, &errors);
			publish(shared, RECEIVEQ, receive);
			turn(shared, TRANSMITQ, transmit, &errors);
		} else {
			done += turn(shared, WAY == TX ? TRANSMITQ : RECEIVEQ, WAY == TX ? transmit : receive, &errors);
			publish(shared, WAY == TX ? TRANSMITQ : RECEIVEQ, WAY == TX ? transmit : receive);
		}
	}
	return errors;
}

/* Where the machine is set up; how many frames were not as long as they should be. */
static uint64_t measure(struct shared *shared, uint64_t base, const volatile uint32_t *config)
{
	static const uint8_t frame[FRAME_BYTES] = UDP_FRAME(GUEST_MAC, 2, PEER_MAC, 1);
	struct at receive = { SIZE, 0 }, transmit = { WAY == RR ? 1 : SIZE, 0 };
	uint64_t errors;

	(void)config;
	for (unsigned i = 0; i < SIZE; i++) {
		shared->ring[RECEIVEQ].desc[i].addr = PLACE(shared, buffer[RECEIVEQ][i]);
		shared->ring[RECEIVEQ].desc[i].len = sizeof(shared->buffer[RECEIVEQ][i]);
		shared->ring[RECEIVEQ].desc[i].flags = DESC_F_WRITE;
		shared->ring[TRANSMITQ].desc[i].addr = PLACE(shared, buffer[TRANSMITQ][i]);
		shared->ring[TRANSMITQ].desc[i].len = HEADER + FRAME_BYTES;
		shared->ring[RECEIVEQ].avail.ring[i] = shared->ring[TRANSMITQ].avail.ring[i] = (uint16_t)i;
		for (unsigned byte = 0; byte < FRAME_BYTES; byte++)
			shared->buffer[TRANSMITQ][i].frame[byte] = frame[byte];
	}
	SAY('B');
	if (WAY != TX)
		publish(shared, RECEIVEQ, &receive);
	if (WAY == TX)
		publish(shared, TRANSMITQ, &transmit);
	errors = loop(shared, &receive, &transmit);
	SAY('E');
	return errors;
}
