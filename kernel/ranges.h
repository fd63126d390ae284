/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorted lists of address ranges, [start, end): the arithmetic of a memory map. */
#ifndef KERNEL_RANGES_H
#define KERNEL_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/boot.h"

#define RANGES_MAX (3 * BOOT_MAX_RANGES)

/* Ascending, apart from each other, none empty. Zero-initialised is an empty list. */
struct ranges {
	struct boot_range range[RANGES_MAX];
	unsigned count;
};

/* Adds [start, end), joined with what it touches. An empty or reversed one adds nothing. False when
 * the list is full. */
bool ranges_add(struct ranges *ranges, uint64_t start, uint64_t end);
/* Cuts [start, end) out. False when the list is full (a cut may make two of one). */
bool ranges_remove(struct ranges *ranges, uint64_t start, uint64_t end);
/* Shrinks each range to whole units (a power of two), and drops those that are then empty. */
void ranges_shrink(struct ranges *ranges, uint64_t unit);
/* Whether [start, start + length) has a byte in common with a range. An overflow counts as yes. */
bool ranges_touch(const struct ranges *ranges, uint64_t start, uint64_t length);
/* The range that holds all of [start, start + length); NULL when none does. */
const struct boot_range *ranges_hold(const struct ranges *ranges, uint64_t start, uint64_t length);

#endif
