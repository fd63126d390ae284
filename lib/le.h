/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Little-endian integers as types of their own, so that using one without
 * converting it does not compile (VIRTIO 1.4, section 1.4: le16, le32, le64),
 * and the only ways in which the driver touches memory that a device shares.
 *
 * Both architectures that we build for are little-endian; the conversions cost
 * nothing there, and stay right elsewhere.
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

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LE_SWAP16(v) (v)
#define LE_SWAP32(v) (v)
#define LE_SWAP64(v) (v)
#else
#define LE_SWAP16(v) __builtin_bswap16(v)
#define LE_SWAP32(v) __builtin_bswap32(v)
#define LE_SWAP64(v) __builtin_bswap64(v)
#endif

static inline uint16_t le16_get(le16 v)
{
	return LE_SWAP16(v.bits);
}
static inline uint32_t le32_get(le32 v)
{
	return LE_SWAP32(v.bits);
}
static inline uint64_t le64_get(le64 v)
{
	return LE_SWAP64(v.bits);
}
static inline le16 le16_put(uint16_t v)
{
	return (le16){ LE_SWAP16(v) };
}
static inline le32 le32_put(uint32_t v)
{
	return (le32){ LE_SWAP32(v) };
}
static inline le64 le64_put(uint64_t v)
{
	return (le64){ LE_SWAP64(v) };
}

/*
 * Memory that the device may change at any time. A load happens exactly once
 * and a store exactly once, each as one access of its full width; what a load
 * returned is a private copy that can be checked and then used. Ordering is
 * the business of lib/barrier.h alone.
 */
static inline uint16_t shared_load16(const le16 *p)
{
	return LE_SWAP16(*(const volatile uint16_t *)&p->bits);
}
static inline uint32_t shared_load32(const le32 *p)
{
	return LE_SWAP32(*(const volatile uint32_t *)&p->bits);
}
static inline uint64_t shared_load64(const le64 *p)
{
	return LE_SWAP64(*(const volatile uint64_t *)&p->bits);
}
static inline void shared_store16(le16 *p, uint16_t v)
{
	*(volatile uint16_t *)&p->bits = LE_SWAP16(v);
}
static inline void shared_store32(le32 *p, uint32_t v)
{
	*(volatile uint32_t *)&p->bits = LE_SWAP32(v);
}
static inline void shared_store64(le64 *p, uint64_t v)
{
	*(volatile uint64_t *)&p->bits = LE_SWAP64(v);
}
static inline uint8_t shared_load8(const uint8_t *p)
{
	return *(const volatile uint8_t *)p;
}
static inline void shared_store8(uint8_t *p, uint8_t v)
{
	*(volatile uint8_t *)p = v;
}

#endif
