/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of everything: `EXIT: STATUS=n` and off. */
#ifndef KERNEL_EXIT_H
#define KERNEL_EXIT_H

#include <stdint.h>

/* The status of a run that ended by an exception, or by an assertion. */
#define EXIT_EXCEPTION 70
#define EXIT_PANIC 71

/* Prints the last line and shuts down. Any context. */
_Noreturn void kernel_exit(int status);

/* For trap code: prints function names from pc, the link register (0 where an architecture has none) and
 * the chain of frame pointers at fp, on both architectures [fp] = the caller's fp, [fp + 8] = the
 * return address. Bounded, and reads only what is mapped. */
void backtrace(uintptr_t pc, uintptr_t link, uintptr_t fp);

/* The same for a function that reports what its caller did: from that caller on. */
#define backtrace_caller() \
	backtrace((uintptr_t)__builtin_return_address(0), 0, \
		  *(const uintptr_t *)__builtin_frame_address(0))

#endif
