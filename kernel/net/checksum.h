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

#endif
