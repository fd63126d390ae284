/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of `bench` share: main.c (what is asked for), lane.c (what each CPU does), latency.c. */
#ifndef APPS_BENCH_BENCH_H
#define APPS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/block.h"
#include "latency.h"

#define MAX_DEPTH 256
#define MAX_BLOCK (1 << 20)
#define NS_PER_S UINT64_C(1000000000)

/* What is to be done. */
struct bench {
	struct block_device *disk;
	enum block_op op;
	uint64_t block, depth; /* bytes; requests in flight on each CPU */
	uint64_t cpus;
	uint64_t
		disks; /* the one and those behind it in the list: each CPU has the next, round and round */
	uint64_t fixed; /* requests are prepared once, and submitted again and again */
	uint64_t limit; /* requests in all; 0: as many as come in `seconds` */
	uint64_t seconds;
	uint64_t places;  /* blocks on the disk */
	uint64_t sectors; /* of a block */
};

struct lane;

/* The disk of that CPU; NULL: there are not so many. */
struct block_device *bench_disk(const struct bench *bench, unsigned cpu);

/* A request in flight. */
struct slot {
	struct block_request request; /* first: its address is the slot's */
	uint64_t started;             /* of one that is timed */
	struct lane *lane;
	struct block_segment segment;
};

/*
 * What one CPU keeps in flight. Its requests end on the home CPU of the queue that they went by, which is another
 * one where a disk has fewer queues than there are CPUs: from its first request on, a lane's figures belong
 * to that CPU.
 */
struct lane {
	struct block_device *disk;
	uint64_t random, multiplier; /* state, and by what it is multiplied for the next one */
	uint64_t places, sectors;
	uint64_t limit;
	int64_t left; /* to be started; below 0, how many have ended since there is none */
	uint64_t in_flight, errors, stop_at;
	unsigned depth, cpu;
	bool over; /* nothing is in flight any more, and nothing will be */
	struct slot *slots;
	uint64_t latency[LATENCY_COLUMNS]; /* of those that are timed */
};

/* Allocates and prepares what a lane needs. False: no memory. */
bool lane_make(struct lane *lane, const struct bench *bench, unsigned cpu);
void lane_free(struct lane *lane, const struct bench *bench);
/* Program context of the lane's CPU: keeps `depth` requests in flight until limit or stop_at. */
void lane_run(void *lane);

#endif
