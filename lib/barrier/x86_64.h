/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_64 (total store order): stores are seen in program order, and so are
 * loads; only a store followed by a load may be seen the other way round. So
 * two of the four barriers merely stop the compiler, towards another CPU and
 * towards a device alike as long as the memory is write-back.
 */
#ifndef LIB_BARRIER_X86_64_H
#define LIB_BARRIER_X86_64_H

#define BARRIER_COMPILER() __asm__ volatile("" ::: "memory")
#define BARRIER_FULL() __asm__ volatile("mfence" ::: "memory")

#define barrier_before_publish(platform) ((void)(platform), BARRIER_COMPILER())
#define barrier_before_suppression(platform) ((void)(platform), BARRIER_FULL())
#define barrier_after_completion(platform) ((void)(platform), BARRIER_COMPILER())
#define barrier_after_enable(platform) ((void)(platform), BARRIER_FULL())

#endif
