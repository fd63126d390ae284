/* SPDX-License-Identifier: BSD-2-Clause */
/* Order around a device register: on this port a register is a call into another part of the process or a
 * message to another one, and neither is moved by the processor. */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#define arch_io_before_write() __asm__ volatile("" ::: "memory")
#define arch_io_after_read() __asm__ volatile("" ::: "memory")

#endif
