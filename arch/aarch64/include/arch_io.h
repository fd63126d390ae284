/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order around a device register, for kernel/port.c: a register write comes after all earlier memory
 * accesses, a register read before all later ones. Registers are Device-nGnRE memory, which the
 * architecture orders only against accesses to the same device; the outer-shareable domain
 * holds devices that are no CPU.
 */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#define arch_io_before_write() __asm__ volatile("dmb osh" ::: "memory")
#define arch_io_after_read() __asm__ volatile("dmb oshld" ::: "memory")

#endif
