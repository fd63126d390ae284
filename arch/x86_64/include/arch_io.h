/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order around a device register, for kernel/port.c: a register write comes after all earlier memory
 * accesses, a register read before all later ones. Registers are mapped uncached, and the processor
 * orders those accesses with all others; only the compiler is kept from moving them.
 */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#define arch_io_before_write() __asm__ volatile("" ::: "memory")
#define arch_io_after_read() __asm__ volatile("" ::: "memory")

#endif
