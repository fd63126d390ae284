/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes the place of lib/barrier.h where the rings are compiled for Relacy: each of the four sites is a fence of
 * C++'s memory model, which litmus.cpp can weaken. */
#ifndef LIB_BARRIER_H
#define LIB_BARRIER_H

#include <stdbool.h>

enum litmus_site {
	BEFORE_PUBLISH,
	BEFORE_SUPPRESSION,
	AFTER_COMPLETION,
	AFTER_ENABLE,
	NO_SITE,
};

void litmus_fence(enum litmus_site site);

#define barrier_before_publish(platform) litmus_fence(BEFORE_PUBLISH)
#define barrier_before_suppression(platform) litmus_fence(BEFORE_SUPPRESSION)
#define barrier_after_completion(platform) litmus_fence(AFTER_COMPLETION)
#define barrier_after_enable(platform) litmus_fence(AFTER_ENABLE)

#endif
