/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of writecheck share: main.c (the program) and shard.c (what one CPU does with its part of a disk). */
#ifndef APPS_WRITECHECK_WRITECHECK_H
#define APPS_WRITECHECK_WRITECHECK_H

#include "drivers/virtio/block.h"

#define DEPTH 8 /* in flight for each CPU and disk, at most */
#define BLOCK_BYTES 4096

struct shard;

/* A buffer and what is done with it: one of the requests at a time. */
struct slot {
	struct shard *shard;
	struct block_request read, write, flush;
	struct block_segment segment;
	uint32_t place, version;
	bool busy;     /* with the disk */
	bool finished; /* by another CPU: this one goes on with it */
	struct block_request *current;
};

enum phase { PHASE_RANDOM, PHASE_FILL, PHASE_VERIFY, PHASE_OVER };

/*
 * The places (blocks) of a disk that one CPU writes and reads: number n of them is block first + n * step. A place
 * holds its version, from which every word in it follows (outside: tests/checks.py); 0: nobody knows what it
 * holds, because nothing was written or a write failed.
 */
struct shard {
	struct block_device *disk;
	unsigned cpu;
	uint32_t first, step, count;
	uint32_t *versions; /* by number */
	bool *taken;
	struct slot slots[DEPTH];
	unsigned depth; /* of these are used */
	enum phase phase;
	uint32_t cursor;       /* the next number, but in PHASE_RANDOM */
	uint32_t last_version; /* that was written */
	unsigned turns;        /* of the first slot, which flushes now and then */
	uint64_t random;
	uint64_t quota; /* requests in PHASE_RANDOM; UINT64_MAX: as the time allows */
	uint64_t end;   /* vport_now() */
	uint64_t written, read, flushed, errors, bad;
	uint64_t verified; /* read well in PHASE_VERIFY */
	unsigned told;
};

/* Memory for it, and half of its requests prepared. CPU 0. False: there is none. */
bool shard_make(struct shard *shard);
void shard_free(struct shard *shard);
/* All its phases, on its CPU; a struct shard_list of those that are that CPU's. */
struct shard_list {
	struct shard *shards;
	unsigned count;
};
void shards_run(void *list);

#endif
