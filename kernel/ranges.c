/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorted lists of address ranges. A loader's memory map may be unsorted, overlap itself, and have
 * odd edges; what the kernel works with is made from it here.
 *
 * See it at work: make test-host (tests/host/test_pages.c)
 */
#include "kernel/ranges.h"

#include <stddef.h>

/* Puts `with` (0, 1 or 2 ranges) in the place of ranges first … last - 1. */
static bool replace(struct ranges *ranges, unsigned first, unsigned last,
		    const struct boot_range *with, unsigned with_count)
{
	unsigned tail = ranges->count - last, gap = first + with_count;
	if (gap + tail > RANGES_MAX)
		return false;
	struct boot_range *range = ranges->range;
	if (gap <= last) {
		for (unsigned i = 0; i < tail; i++)
			range[gap + i] = range[last + i];
	} else {
		for (unsigned i = tail; i-- > 0;)
			range[gap + i] = range[last + i];
	}
	for (unsigned i = 0; i < with_count; i++)
		range[first + i] = with[i];
	ranges->count = gap + tail;
	return true;
}

bool ranges_add(struct ranges *ranges, uint64_t start, uint64_t end)
{
	if (start >= end)
		return true;
	unsigned first = 0, last;
	while (first < ranges->count && ranges->range[first].end < start)
		first++;
	struct boot_range joined = { start, end };
	for (last = first; last < ranges->count && ranges->range[last].start <= end; last++) {
		if (ranges->range[last].start < joined.start)
			joined.start = ranges->range[last].start;
		if (ranges->range[last].end > joined.end)
			joined.end = ranges->range[last].end;
	}
	return replace(ranges, first, last, &joined, 1);
}

bool ranges_remove(struct ranges *ranges, uint64_t start, uint64_t end)
{
	if (start >= end)
		return true;
	unsigned first = 0, last;
	while (first < ranges->count && ranges->range[first].end <= start)
		first++;
	for (last = first; last < ranges->count && ranges->range[last].start < end; last++)
		;
	if (first == last)
		return true;
	/* What stands out on either side stays. */
	struct boot_range rest[2];
	unsigned count = 0;
	if (ranges->range[first].start < start)
		rest[count++] = (struct boot_range){ ranges->range[first].start, start };
	if (ranges->range[last - 1].end > end)
		rest[count++] = (struct boot_range){ end, ranges->range[last - 1].end };
	return replace(ranges, first, last, rest, count);
}

void ranges_shrink(struct ranges *ranges, uint64_t unit)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < ranges->count; i++) {
		struct boot_range range = ranges->range[i];
		if (range.start > UINT64_MAX - (unit - 1))
			continue;
		range.start = (range.start + unit - 1) & ~(unit - 1);
		range.end &= ~(unit - 1);
		if (range.start < range.end)
			ranges->range[kept++] = range;
	}
	ranges->count = kept;
}

bool ranges_touch(const struct ranges *ranges, uint64_t start, uint64_t length)
{
	if (length > UINT64_MAX - start)
		return true;
	for (unsigned i = 0; i < ranges->count; i++) {
		if (ranges->range[i].start < start + length && start < ranges->range[i].end)
			return true;
	}
	return false;
}

const struct boot_range *ranges_hold(const struct ranges *ranges, uint64_t start, uint64_t length)
{
	for (unsigned i = 0; i < ranges->count; i++) {
		const struct boot_range *range = &ranges->range[i];
		if (start >= range->start && start < range->end && length <= range->end - start)
			return range;
	}
	return NULL;
}
