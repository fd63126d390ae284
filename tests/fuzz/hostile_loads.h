/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Given to the compiler in front of the ring sources (-include): every load from shared memory first
 * asks the fuzzer, which may change what is about to be read. So a device that writes between two loads
 * of the same call is among what is tried.
 */
#ifndef TESTS_FUZZ_HOSTILE_LOADS_H
#define TESTS_FUZZ_HOSTILE_LOADS_H

#define shared_load8 quiet_load8
#define shared_load16 quiet_load16
#define shared_load32 quiet_load32
#include "lib/le.h"
#undef shared_load8
#undef shared_load16
#undef shared_load32

void device_before_load(const void *at, unsigned width);

static inline uint8_t shared_load8(const uint8_t *p)
{
	device_before_load(p, 1);
	return quiet_load8(p);
}
static inline uint16_t shared_load16(const le16 *p)
{
	device_before_load(p, 2);
	return quiet_load16(p);
}
static inline uint32_t shared_load32(const le32 *p)
{
	device_before_load(p, 4);
	return quiet_load32(p);
}

#endif
