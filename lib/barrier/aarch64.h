/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aarch64 (weakly ordered): the inner-shareable domain holds the CPUs, and a
 * device that another CPU emulates is one of them; a real device
 * (VIRTIO_F_ORDER_PLATFORM) is in the outer-shareable domain.
 */
#ifndef LIB_BARRIER_AARCH64_H
#define LIB_BARRIER_AARCH64_H

#define BARRIER_DMB(platform, inner, outer) \
	do { \
		if (__builtin_expect(platform, 0)) \
			__asm__ volatile("dmb " #outer ::: "memory"); \
		else \
			__asm__ volatile("dmb " #inner ::: "memory"); \
	} while (0)

#define barrier_before_publish(platform) BARRIER_DMB(platform, ishst, oshst)
#define barrier_before_suppression(platform) BARRIER_DMB(platform, ish, osh)
#define barrier_after_completion(platform) BARRIER_DMB(platform, ishld, oshld)
#define barrier_after_enable(platform) BARRIER_DMB(platform, ish, osh)

#endif
