/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Big-endian integers in bytes, at any place: what SCSI commands and their answers are made of. The bytes are
 * private; memory that a device shares is copied first (lib/le.h).
 */
#ifndef LIB_BE_H
#define LIB_BE_H

#include <stdint.h>

static inline uint16_t be16_load(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t be32_load(const uint8_t *at)
{
	return (uint32_t)be16_load(at) << 16 | be16_load(at + 2);
}

static inline uint64_t be64_load(const uint8_t *at)
{
	return (uint64_t)be32_load(at) << 32 | be32_load(at + 4);
}

static inline void be16_store(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void be32_store(uint8_t *at, uint32_t value)
{
	be16_store(at, (uint16_t)(value >> 16));
	be16_store(at + 2, (uint16_t)value);
}

static inline void be64_store(uint8_t *at, uint64_t value)
{
	be32_store(at, (uint32_t)(value >> 32));
	be32_store(at + 4, (uint32_t)value);
}

#endif
