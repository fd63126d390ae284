/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the bare loops share: a split ring (VIRTIO 1.4, 2.7) that a loop moves by hand.
 *
 * Each machine's file includes one loop: LOOP is its name. The file defines NOTIFY(queue) and WAIT(), which is
 * what a loop does between two looks at a ring; with -DPAUSE_TO_WAIT, PAUSE() is the processor's hint that it waits. With
 * -DIRQ it sleeps, and is woken when the device finds that its index has passed what stands behind the available ring.
 */
#ifndef BENCH_FLOOR_RING_H
#define BENCH_FLOOR_RING_H

#include <stdint.h>

enum { DESC_F_NEXT = 1, DESC_F_WRITE = 2, DESC_F_INDIRECT = 4, NO_INTERRUPT = 1, NO_NOTIFY = 1 };
#ifdef EVENTS
enum { FEATURES = 1 << 29 }; /* EVENT_IDX */
#else
enum { FEATURES = 0 };
#endif

#if defined(__x86_64__)
#define PAUSE() __asm__ volatile("pause" ::: "memory")
#else
#define PAUSE() __asm__ volatile("yield" ::: "memory")
#endif

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

#define RING(size)                                                                                               \
	struct {                                                                                                 \
		struct desc desc[size];                                                                          \
		struct {                                                                                         \
			uint16_t flags, idx, ring[(size) + 1];                                                   \
		} avail __attribute__((aligned(4096)));                                                          \
		struct {                                                                                         \
			uint16_t flags, idx;                                                                     \
			struct {                                                                                 \
				uint32_t id, len;                                                                \
			} ring[size];                                                                            \
			uint16_t avail_event;                                                                    \
		} used __attribute__((aligned(4096)));                                                           \
	}
/* Where the device sees a part of it, when it sees all of it at `base`. */
#define PLACE(shared, part) (base + (uint64_t)((uint8_t *)&(shared)->part - (uint8_t *)(shared)))

#endif
