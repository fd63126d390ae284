/* SPDX-License-Identifier: BSD-2-Clause */
/* The network's own memory: kernel/net/memory.c. */
#ifndef KERNEL_NET_MEMORY_H
#define KERNEL_NET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the memory from the kernel, once; false: there is not enough. Program context. */
bool network_memory_start(void);

/* As in libc, but in any context on CPU 0. NULL when there is none now, or when too much of it is in use for things of
 * that size. */
void *network_malloc(size_t size);
void *network_calloc(size_t count, size_t size);
void network_free(void *memory);

/* Bytes that network_malloc(size) takes. */
size_t network_block_bytes(size_t size);

/* Bytes in use, and of all. */
size_t network_memory_used(size_t *total);

#endif
