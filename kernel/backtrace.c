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

/* The name of the last function that begins at or below the address, and where it begins; NULL outside of
 * the code. */
static const char *find_symbol(uintptr_t address, uintptr_t *start)
{
	if (address < (uintptr_t)image_start || address >= (uintptr_t)text_end)
		return NULL;
	const char *name = symbol_names, *found = NULL;
	uintptr_t at = (uintptr_t)image_start;
	for (uint32_t i = 0; i < symbol_count; i++) {
		at += symbol_steps[i];
		if (at > address)
			break;
		found = name;
		*start = at;
		while (*name++ != '\0')
			;
	}
	return found;
}

/* `back` is 1 for a return address: it may be the first byte of the next function when the call was
 * the last instruction of its own, so the call itself is looked up. */
static void print_frame(unsigned number, uintptr_t pc, unsigned back)
{
	uintptr_t start;
	const char *name = find_symbol(pc - back, &start);
	if (name == NULL)
		kprint(" #%u 0x%016lx\n", number, (unsigned long)pc);
	else
		kprint(" #%u 0x%016lx %s+0x%lx\n", number, (unsigned long)pc, name,
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
