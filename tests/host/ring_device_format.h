/* SPDX-License-Identifier: BSD-2-Clause */
/* What the three files of the device's side of the rings share: see ring_device.h. */
#ifndef TESTS_HOST_RING_DEVICE_FORMAT_H
#define TESTS_HOST_RING_DEVICE_FORMAT_H

#include "drivers/virtio/virtq_format.h"
#include "tests/host/ring_device.h"

/* Little-endian words in ring memory, by bytes. */
static inline uint16_t ring_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}
static inline uint32_t ring_get32(const uint8_t *at)
{
	return ring_get16(at) | (uint32_t)ring_get16(at + 2) << 16;
}
static inline uint64_t ring_get64(const uint8_t *at)
{
	return ring_get32(at) | (uint64_t)ring_get32(at + 4) << 32;
}
static inline void ring_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}
static inline void ring_put32(uint8_t *at, uint32_t value)
{
	ring_put16(at, (uint16_t)value);
	ring_put16(at + 2, (uint16_t)(value >> 16));
}

/* Keeps the first complaint. */
void ring_complain(struct ring_device *device, const char *complaint);
struct ring_chain *ring_chain_new(void);
void ring_chain_free(struct ring_chain *chain);
/* Another descriptor of the split ring belongs to it. */
void ring_chain_place(struct ring_chain *chain, uint16_t index);
void ring_chain_add(struct ring_device *device, struct ring_chain *chain, uint64_t address,
		    uint32_t length, bool writable);

struct ring_chain *ring_split_take(struct ring_device *device);
unsigned ring_split_available(struct ring_device *device);
void ring_split_release(struct ring_device *device, const struct ring_chain *chain);
void ring_split_write_used(struct ring_device *device, uint32_t id, uint32_t length);

struct ring_chain *ring_packed_take(struct ring_device *device);
unsigned ring_packed_available(struct ring_device *device);
void ring_packed_release(struct ring_device *device, const struct ring_chain *chain);
void ring_packed_write_used(struct ring_device *device, uint16_t id, uint32_t length,
			    uint16_t descriptors);
uint16_t ring_packed_position(const struct ring_device *device);
bool ring_packed_wants_interrupt(struct ring_device *device);

#endif
