/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of blktest share: main.c (what every disk can), features.c (what some can), resize.c. */
#ifndef APPS_BLKTEST_BLKTEST_H
#define APPS_BLKTEST_BLKTEST_H

#include "drivers/virtio/block.h"

#define PATTERN UINT64_C(0x52494e474c455400) /* "RINGLET" */
#define WORDS (BLOCK_SECTOR / sizeof(uint64_t))
#define BIG (1024 * 1024)

extern struct block_device *disk; /* that is tested */
extern uint8_t *memory;           /* BIG bytes */
extern uint64_t unit;             /* sectors of a block: what every request is a multiple of */

/* The pattern for that sector and what follows it: into memory; whether it is there. */
void pattern_fill(uint64_t sector, size_t length);
bool pattern_filled(uint64_t sector, const void *from, size_t length);

/* Tests of KTAP's (kernel/ktap.h). */
const char *test_ranges(void);
const char *test_cache(void);
const char *test_topology(void);

/* Waits until the size of the disk has changed so often, and tests the new end of it each time. The status. */
int watch_size(const char *program, unsigned changes);

#endif
