/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments of a stream that follow one another, as one packet: kernel/net/merge.c. */
#ifndef KERNEL_NET_MERGE_H
#define KERNEL_NET_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/net/headers.h"

/* A packet that grows. */
struct merge {
	uint8_t *headers; /* its own; they are adapted at the end */
	size_t bytes;     /* of data */
	uint32_t next;    /* the sequence number behind it */
	uint8_t flags;
};

/* Whether a packet with these headers, and so many bytes in its frame, is one that others may follow: data of a TCP stream
 * over IPv4 without options. The headers are a copy that no device can write to. */
bool merge_begin(struct merge *merge, uint8_t headers[PLAIN_HEADERS], size_t frame_bytes);
/* Whether what the headers say of it is true, and `sum` that of its data: once, before another one follows. `checked`: the
 * device has found the transport protocol's right. */
bool merge_is_sound(const uint8_t headers[PLAIN_HEADERS], uint16_t sum, size_t bytes, bool checked);
/* How many bytes of data the next frame has for the same packet; 0: it is no continuation, or the packet would be too large. */
size_t merge_next(const struct merge *merge, const uint8_t headers[PLAIN_HEADERS],
		  size_t frame_bytes);
/* They follow. */
void merge_add(struct merge *merge, const uint8_t headers[PLAIN_HEADERS], size_t bytes);
/* Adapts the headers, if anything followed. TCP's checksum is not made: nobody is to look at it. */
void merge_end(const struct merge *merge);

#endif
