/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a TCP stream can cost from one guest to another: full segments one way (SENDS is 1), and a frame as small as
 * an acknowledgement for each 44 of them the other way, which is what Ringlet's receiver answers when it is kept busy (a packet
 * of 64 KiB). As many are on their way as the window and the ring have room for. Nobody makes or looks at a header, a sum or
 * data. VIRTIO 1.4, 2.7 and 5.1. The one that receives does not end: the last acknowledgement might not leave it.
 *
 * QEMU uses the buffers of such a queue in the order in which they were given: so what was written once into the rings is
 * right for good, and only indices move. A frame that is acknowledged has been sent.
 */
#include "ring.h"

enum { SIZE = 256, HEADER = 12, SEGMENT = 1514, ACKNOWLEDGEMENT = 54, TOGETHER = 44 };
enum { QUEUES = 2, VIRTIO_ID = 1, RECEIVEQ = 0, TRANSMITQ = 1 };
/* Frames: less than Ringlet's window, 510 KiB, has room for. What is left over of the greetings is on its way besides. */
enum { WINDOW = SIZE - TOGETHER, PATIENCE = 10000 };
_Static_assert(SIZE <= 510 * 1024 / 1460, "the ring is the narrower one");

/* All that the device sees. */
struct shared {
	RING(SIZE) ring[QUEUES];
	uint8_t buffer[QUEUES][SIZE][HEADER + SEGMENT + 2] __attribute__((aligned(64)));
};

/* VIRTIO 1.4, 2.7.10: notified when the index has passed what the device asks for. */
static void publish(struct shared *shared, unsigned queue, uint16_t count)
{
	uint16_t before = shared->ring[queue].avail.idx, after = (uint16_t)(before + count);

	__atomic_store_n(&shared->ring[queue].avail.idx, after, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint16_t asked = __atomic_load_n(&shared->ring[queue].used.avail_event, __ATOMIC_RELAXED);
	if ((uint16_t)(after - asked - 1) < (uint16_t)(after - before))
		NOTIFY(queue);
}

/* Sleeps until so many have been received since the last time. */
static void receive(struct shared *shared, uint16_t *seen, uint16_t count)
{
	uint16_t wanted = (uint16_t)(*seen + count);

	__atomic_store_n(&shared->ring[RECEIVEQ].avail.ring[SIZE], (uint16_t)(wanted - 1), __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while ((uint16_t)(__atomic_load_n(&shared->ring[RECEIVEQ].used.idx, __ATOMIC_ACQUIRE) - *seen) < count)
		WAIT();
	*seen = wanted;
}

/* What is sent before the emulators have found each other is lost. So frames are sent one by one until the first answer to so
 * many has come. Others may follow: they count for the next answer. */
static void greet(struct shared *shared, uint16_t *seen)
{
	while (__atomic_load_n(&shared->ring[RECEIVEQ].used.idx, __ATOMIC_ACQUIRE) == 0) {
		publish(shared, TRANSMITQ, 1);
		for (unsigned i = 0;
		     i < PATIENCE && __atomic_load_n(&shared->ring[RECEIVEQ].used.idx, __ATOMIC_ACQUIRE) == 0; i++)
			PAUSE();
	}
	while (__atomic_load_n(&shared->ring[TRANSMITQ].used.idx, __ATOMIC_ACQUIRE) !=
	       shared->ring[TRANSMITQ].avail.idx)
		PAUSE();
	receive(shared, seen, 1);
	publish(shared, RECEIVEQ, 1);
}

/* Where the machine is set up. */
static uint64_t measure(struct shared *shared, uint64_t base, const volatile uint32_t *config)
{
	uint16_t seen = 0;

	(void)config;
	for (unsigned i = 0; i < SIZE; i++) {
		for (unsigned queue = 0; queue < QUEUES; queue++) {
			shared->ring[queue].desc[i].addr = PLACE(shared, buffer[queue][i]);
			shared->ring[queue].desc[i].len = sizeof(shared->buffer[queue][i]);
			shared->ring[queue].avail.ring[i] = (uint16_t)i;
		}
		shared->ring[RECEIVEQ].desc[i].flags = DESC_F_WRITE;
		shared->ring[TRANSMITQ].desc[i].len = HEADER + (SENDS ? SEGMENT : ACKNOWLEDGEMENT);
	}
	publish(shared, RECEIVEQ, SIZE);
	if (SENDS)
		greet(shared, &seen);
	SAY('B');
	if (SENDS)
		publish(shared, TRANSMITQ, WINDOW);
	for (uint64_t done = 0; MORE(done); done += TOGETHER) {
		receive(shared, &seen, SENDS ? 1 : TOGETHER);
		publish(shared, RECEIVEQ, SENDS ? 1 : TOGETHER);
		publish(shared, TRANSMITQ, SENDS ? TOGETHER : 1);
	}
	SAY('E');
	return 0;
}
