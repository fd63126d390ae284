/* SPDX-License-Identifier: BSD-2-Clause */
/* The internet checksum: kernel/net/checksum.c. */
#ifndef KERNEL_NET_CHECKSUM_H
#define KERNEL_NET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The sum, not its complement, of the bytes as words of the machine's byte order; with an odd number of them as if a zero
 * followed. */
uint16_t network_checksum(const void *data, int length);
/* The same of what is copied to another place: each byte is loaded once. */
uint16_t network_checksum_copy(void *to, const void *data, size_t length);
/* Several such sums together as one again. */
static inline uint16_t network_checksum_fold(uint32_t sums)
{
	sums = (sums & 0xffff) + (sums >> 16);
	return (uint16_t)(sums + (sums >> 16));
}
/* Writes the checksum of a header of IPv4, of so many bytes, into it. */
void network_checksum_ip4(uint8_t *header, size_t bytes);

#endif
