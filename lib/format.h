/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small printf for the kit and the kernel, which must work without a C
 * library, in an exception handler, and before there is a heap.
 *
 * Understood: %d %i %u %x %X %p %s %c %% with the flags 0 and -, a width, a
 * precision for %s (a number or *), and the lengths l, ll, z. Anything else is
 * printed as it stands.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Writes at most size - 1 characters and a zero to buf (size >= 1). Returns the
 * number of characters written, without the zero: never more than size - 1, so
 * that the result can be used as an offset for appending.
 */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t format_va(char *buf, size_t size, const char *fmt, va_list ap);

#endif
