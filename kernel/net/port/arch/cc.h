/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks about its compiler and its system: newlib and the kernel. */
#ifndef ARCH_CC_H
#define ARCH_CC_H

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "drivers/virtio/port.h"

#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX /* newlib has none */
#endif
#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS 1
#define lwip_htons(value) __builtin_bswap16(value)
#define lwip_htonl(value) __builtin_bswap32(value)

/* stack.c */
uint32_t network_random(void);
#define LWIP_RAND() network_random()

/* What lwIP finds wrong is its own state, never what came in. */
#define LWIP_PLATFORM_DIAG(message)
#define LWIP_PLATFORM_ASSERT(message) vport_panic("lwIP", __FILE__, __LINE__)

#endif
