/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that random 4 KiB reads of a virtio disk can cost: one split ring whose descriptors are written
 * once, and a loop that moves only what changes. VIRTIO 1.4, 2.7 and 5.2. There is no driver around it, and
 * nothing is checked that a device could get wrong: this is what Ringlet is measured against.
 *
 * Each floor includes it once and defines DEPTH, NOTIFY(0), WAIT() and MORE(reads). With -DINDIRECT each read is one
 * descriptor in the ring, and a table that it points to (2.7.5.3): what that costs the device.
 */
#include "ring.h"

enum { SIZE = 128, BLOCK = 4096, SECTORS = BLOCK / 512 };
enum { QUEUES = 1, VIRTIO_ID = 2 };

/* All that the device sees. */
struct shared {
	RING(SIZE) ring[QUEUES];
	struct {
		uint32_t type, reserved;
		uint64_t sector;
		uint8_t status, unused[15];
	} request[SIZE];
#ifdef INDIRECT
	struct desc table[SIZE][4];
#endif
	uint8_t data[SIZE][BLOCK] __attribute__((aligned(4096)));
};

#ifdef INDIRECT
enum { IN_RING = 1 }; /* descriptors of a read */
#else
enum { IN_RING = 3 };
#endif

static void describe(struct desc *chain, unsigned first, unsigned i, uint64_t addr, uint32_t len, uint16_t flags)
{
	chain[i] = (struct desc){ addr, len, flags, (uint16_t)(first + i + 1) };
}

static void prepare(struct shared *shared, uint64_t base, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++) { /* header, data, status: for good */
		struct desc *chain = &shared->ring->desc[IN_RING * i];
		unsigned first = IN_RING * i;
#ifdef INDIRECT
		*chain = (struct desc){ PLACE(shared, table[i]), 3 * sizeof(struct desc), DESC_F_INDIRECT, 0 };
		chain = shared->table[i];
		first = 0;
#endif
		describe(chain, first, 0, PLACE(shared, request[i]), 16, DESC_F_NEXT);
		describe(chain, first, 1, PLACE(shared, data[i]), BLOCK, DESC_F_NEXT | DESC_F_WRITE);
		describe(chain, first, 2, PLACE(shared, request[i].status), 1, DESC_F_WRITE);
		shared->ring->avail.ring[i] = (uint16_t)(IN_RING * i);
	}
}

/* Returns how many reads there were; *errors says how many of them failed. */
static uint64_t loop(struct shared *shared, uint64_t places, unsigned depth, uint64_t *errors)
{
	uint64_t random = 1, reads = 0;
	uint16_t avail = (uint16_t)depth, seen = 0, used;

	while (MORE(reads)) {
		__atomic_store_n(&shared->ring->avail.idx, avail, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!(__atomic_load_n(&shared->ring->used.flags, __ATOMIC_RELAXED) & NO_NOTIFY))
			NOTIFY(0);
		while ((used = __atomic_load_n(&shared->ring->used.idx, __ATOMIC_ACQUIRE)) == seen)
			WAIT();
		for (; seen != used; seen++, reads++) {
			unsigned head = shared->ring->used.ring[seen % SIZE].id, i = head / IN_RING;
			*errors += shared->request[i].status != 0;
			random = random * 6364136223846793005u + 1442695040888963407u;
			shared->request[i].sector = ((random >> 32) * places >> 32) * SECTORS;
			shared->request[i].status = 0xff;
			shared->ring->avail.ring[avail++ % SIZE] = (uint16_t)head;
		}
	}
	return reads;
}

#ifdef DEPTH
/* Where the machine is set up; how many reads failed. */
static uint64_t measure(struct shared *shared, uint64_t base, const volatile uint32_t *config)
{
	uint64_t errors = 0, places = (config[0] | (uint64_t)config[1] << 32) / SECTORS;

	prepare(shared, base, DEPTH);
	SAY('B');
	loop(shared, places, DEPTH, &errors);
	SAY('E');
	return errors;
}
#endif
