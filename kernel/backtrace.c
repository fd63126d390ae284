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
#define NAME_MAX 80

/* The name of the last function that begins at or below the address, and where it begins; NULL outside of
 * the code. */
static const uint8_t *find_symbol(uintptr_t address, uintptr_t *start)
{
	if (address < (uintptr_t)image_start || address >= (uintptr_t)text_end)
		return NULL;
	const uint8_t *name = symbol_names, *found = NULL;
	uintptr_t at = (uintptr_t)image_start;
	for (uint32_t i = 0; i < symbol_count; i++) {
		at += symbol_steps[i] * symbol_unit;
		if (at > address)
			break;
		if (*name != '\0') {
			found = name;
			*start = at;
		}
		while (*name++ != '\0')
			;
	}
	return found;
}

/* Writes what the byte stands for to `to`, which goes on; stops at `end`. */
static void unpack(uint8_t byte, char **to, const char *end)
{
	if (byte >= SYMBOL_PAIR) {
		unpack(symbol_pairs[byte - SYMBOL_PAIR][0], to, end);
		unpack(symbol_pairs[byte - SYMBOL_PAIR][1], to, end);
	} else if (*to < end) {
		*(*to)++ = (char)byte;
	}
}

/* `back` is 1 for a return address: it may be the first byte of the next function when the call was
 * the last instruction of its own, so the call itself is looked up. */
static void print_frame(unsigned number, uintptr_t pc, unsigned back)
{
	uintptr_t start;
	char name[NAME_MAX + 1], *end = name;
	const uint8_t *packed = find_symbol(pc - back, &start);
	if (packed == NULL) {
		kprint(" #%u 0x%016lx\n", number, (unsigned long)pc);
		return;
	}
	while (*packed != 0)
		unpack(*packed++, &end, name + NAME_MAX);
	*end = '\0';
	kprint(" #%u 0x%016lx %s+0x%lx\n", number, (unsigned long)pc, name,
	       (unsigned long)(pc - start));
}

static bool same_function(uintptr_t pc, uintptr_t link)
{
	uintptr_t a = 0, b = 0;

	return find_symbol(pc, &a) != NULL && find_symbol(link - 1, &b) != NULL && a == b;
}

static bool readable_frame(uintptr_t fp)
{
	const uintptr_t *frame = (const uintptr_t *)fp;

	return fp % sizeof(*frame) == 0 && mapped(&frame[0]) && mapped(&frame[1]);
}

void backtrace(uintptr_t pc, uintptr_t link, uintptr_t fp)
{
	unsigned number = 0;

	print_frame(number++, pc, 0);
	/* A function that calls nothing has no frame: its caller is in the link register alone. One that has a
	 * frame has it there too until it calls, and afterwards a place of its own. */
	if (link != 0 && !same_function(pc, link) &&
	    !(readable_frame(fp) && ((const uintptr_t *)fp)[1] == link))
		print_frame(number++, link, 1);
	for (; number < MAX_FRAMES && readable_frame(fp); number++) {
		const uintptr_t *frame = (const uintptr_t *)fp;
		if (frame[1] == 0) /* where the stack begins */
			return;
		print_frame(number, frame[1], 1);
		if (frame[0] <= fp) /* stacks grow down, so callers' frames lie higher */
			return;
		fp = frame[0];
	}
}
