/* SPDX-License-Identifier: BSD-2-Clause */
/* The only four functions that the kit takes from a C library: whoever links it brings them. */
#ifndef LIB_MEM_H
#define LIB_MEM_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *memory, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);

#endif
