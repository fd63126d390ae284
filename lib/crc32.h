/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32 as in ISO 3309 and UEFI: reflected, polynomial 0x04c11db7, all ones before and after. */
#ifndef LIB_CRC32_H
#define LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The sum of `length` more bytes; `sum` is that of those before them, 0 where there are none. */
uint32_t crc32_add(uint32_t sum, const void *data, size_t length);

#endif
