/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that begin where one is hardly over. */
#ifndef KERNEL_NET_TIME_WAIT_H
#define KERNEL_NET_TIME_WAIT_H

#include <stdint.h>

/* A segment with SYN alone has come, whose TCP header that is, from and to the addresses of so many bytes each that stand
 * one behind the other: where an old connection of these ends only waits for its time to pass, and the segment is none of
 * its, that is over now. Before lwIP gets the segment. */
void time_wait_begin_anew(const uint8_t *addresses, unsigned address_bytes, const uint8_t *tcp);

#endif
