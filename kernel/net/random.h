/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that nobody else can guess: kernel/net/random.c. */
#ifndef KERNEL_NET_RANDOM_H
#define KERNEL_NET_RANDOM_H

#include <stdint.h>

/* Before the first of them. Program context: it may wait for the entropy device. */
void network_random_start(void);
uint32_t network_random(void);

#endif
