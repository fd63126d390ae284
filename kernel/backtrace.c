/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backtraces by the chain of frame pointers, which both architectures' calling conventions lay out
 * alike: [fp] is the caller's frame pointer, [fp + 8] the return address.
 *
 *     make run APP=crash ARGS=null
 *
 * Runs when something is broken already, maybe the stack: every frame is checked before it is read.
 */
#include <stdbool.h>

#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/memory.h"
#include "kernel/symbols.h"

#define MAX_FRAMES 32

/* The last function that begins at or below the address: its number, -1 outside of the code. */
static long find_symbol(uintptr_t address)
{
	if (address < (uintptr_t)image_start || address >= (uintptr_t)text_end)
		return -1;
	uint32_t offset = (uint32_t)(address - (uintptr_t)image_start);

	uint32_t low = 0, high = symbol_count; /* the answer is low - 1 */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (symbol_offsets[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return (long)low - 1;
}

static const char *symbol_name(long number)
{
	const char *name = symbol_names;
	while (number-- > 0) {
		while (*name++ != '\0')
			;
	}
	return name;
}

/* `back` is 1 for a return address: it may be the first byte of the next function when the call was
 * the last instruction of its own, so the call itself is looked up. */
static void print_frame(unsigned number, uintptr_t pc, unsigned back)
{
	long symbol = find_symbol(pc - back);
	if (symbol < 0) {
		kprint(" #%u 0x%016lx\n", number, (unsigned long)pc);
		return;
	}
	uintptr_t start = (uintptr_t)image_start + symbol_offsets[symbol];
	kprint(" #%u 0x%016lx %s+0x%lx\n", number, (unsigned long)pc, symbol_name(symbol),
	       (unsigned long)(pc - start));
}

void backtrace(uintptr_t pc, uintptr_t fp)
{
	print_frame(0, pc, 0);
	for (unsigned number = 1; number < MAX_FRAMES; number++) {
		const uintptr_t *frame = (const uintptr_t *)fp;
		if (fp % sizeof(*frame) != 0 || !mapped(&frame[0]) || !mapped(&frame[1]))
			return;
		if (frame[1] == 0) /* where the stack begins */
			return;
		print_frame(number, frame[1], 1);
		if (frame[0] <= fp) /* stacks grow down, so callers' frames lie higher */
			return;
		fp = frame[0];
	}
}
