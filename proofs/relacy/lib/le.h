/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes the place of lib/le.h where the rings are compiled for Relacy: the same types and names, but every access
 * of shared memory goes to the model of memory in litmus.cpp, in which an access without a barrier is a
 * relaxed one: a load may find an older value.
 */
#ifndef LIB_LE_H
#define LIB_LE_H

#include <stdint.h>

typedef struct {
	uint16_t bits;
} le16;
typedef struct {
	uint32_t bits;
} le32;
typedef struct {
	uint64_t bits;
} le64;

uint64_t litmus_load(const void *place);
void litmus_store(void *place, uint64_t value);

static inline uint16_t shared_load16(const le16 *p)
{
	return (uint16_t)litmus_load(p);
}
static inline uint32_t shared_load32(const le32 *p)
{
	return (uint32_t)litmus_load(p);
}
static inline uint64_t shared_load64(const le64 *p)
{
	return litmus_load(p);
}
static inline void shared_store16(le16 *p, uint16_t v)
{
	litmus_store(p, v);
}
static inline void shared_store32(le32 *p, uint32_t v)
{
	litmus_store(p, v);
}
static inline void shared_store64(le64 *p, uint64_t v)
{
	litmus_store(p, v);
}
/* Only the set-up stores single bytes, all of them 0. */
static inline void shared_store8(uint8_t *p, uint8_t v)
{
	litmus_store(p, v);
}

#endif
