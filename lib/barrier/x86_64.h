/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_64 (total store order): stores are seen in program order, and so are
 * loads; only a store followed by a load may be seen the other way round. So
 * two of the four barriers merely stop the compiler, towards another CPU and
 * towards a device alike as long as the memory is write-back.
 */
#ifndef LIB_BARRIER_X86_64_H
#define LIB_BARRIER_X86_64_H

#define BARRIER_COMPILER(platform) \
	do { \
		(void)(platform); \
		__asm__ volatile("" ::: "memory"); \
	} while (0)
#define BARRIER_FULL(platform) \
	do { \
		(void)(platform); \
		__asm__ volatile("mfence" ::: "memory"); \
	} while (0)

#define barrier_before_publish(platform) BARRIER_COMPILER(platform)
#define barrier_before_suppression(platform) BARRIER_FULL(platform)
#define barrier_after_completion(platform) BARRIER_COMPILER(platform)
#define barrier_after_enable(platform) BARRIER_FULL(platform)

#endif
