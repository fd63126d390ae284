/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four places where a virtqueue needs ordering, by name. Each takes
 * `platform`: whether VIRTIO_F_ORDER_PLATFORM (6.1-7) was negotiated, in which
 * case the device is real hardware that may see memory in the order of the
 * platform's weakest observer and not in that of another CPU.
 *
 *   barrier_before_publish     what the device will read is written before the
 *                              index or flag that gives it to the device
 *                              (2.7.13.3.1-1)
 *   barrier_before_suppression the published index is visible before we read
 *                              whether the device wants to be told; a full
 *                              barrier, store before load (2.7.13.4.1-1)
 *   barrier_after_completion   having seen a used index or flag, what it
 *                              guards is read afterwards
 *   barrier_after_enable       interrupts are asked for again before we look
 *                              whether something came in meanwhile; full
 *
 * Each architecture has one header; it defines the four as macros.
 */
#ifndef LIB_BARRIER_H
#define LIB_BARRIER_H

#include <stdbool.h>

#if defined(__x86_64__)
#include "lib/barrier/x86_64.h"
#elif defined(__aarch64__)
#include "lib/barrier/aarch64.h"
#else
#error "no barriers for this architecture: add lib/barrier/<arch>.h"
#endif

#endif
