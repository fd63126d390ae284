/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame in a line, for people. */
#ifndef APPS_CAPTURE_FRAME_H
#define APPS_CAPTURE_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* Of the frame's `frame_length` bytes the first `length` are there. */
void frame_describe(const uint8_t *data, size_t length, size_t frame_length, char *line,
		    size_t size);

#endif
