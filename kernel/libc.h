/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the kernel and newlib, where the kernel must call it. */
#ifndef KERNEL_LIBC_H
#define KERNEL_LIBC_H

struct cpu;

/* Gives the CPU its newlib state (errno, streams), before anything of newlib runs on it. */
void libc_init(struct cpu *cpu);
/* The program's end: exit(), which runs atexit functions, flushes streams, and ends in kernel_exit. */
_Noreturn void libc_exit(int status);

#endif
