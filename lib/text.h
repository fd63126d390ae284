/* SPDX-License-Identifier: BSD-2-Clause */
/* Zero-terminated text, without a C library. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdbool.h>

static inline bool text_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

#endif
