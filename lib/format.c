/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A printf of a hundred lines (lib/format.h says what it understands). It needs no libc, no heap
 * and no state, so that an exception handler can use it. Left out: floating point, octal, the
 * flags + # and space, and a precision for numbers.
 *
 * See it at work: make test-host (tests/host/test_format.c)
 */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the text goes; what does not fit is dropped. */
struct output {
	char *buf;
	size_t used, limit; /* limit leaves room for the zero */
};

/* One conversion: what stands between the % and its letter. */
struct spec {
	bool zero, left, has_precision;
	size_t width, precision;
	enum { INT, LONG, LONG_LONG, SIZE } length;
};

static void put(struct output *out, char c)
{
	if (out->used < out->limit)
		out->buf[out->used++] = c;
}

static void pad(struct output *out, char c, size_t count)
{
	/* A width may be absurd, the room is not: so this loop ends with the room. */
	while (count-- > 0 && out->used < out->limit)
		put(out, c);
}

/* `prefix` ("-", "0x") stands before the zeros, but behind the spaces, that fill up the width. */
static void put_field(struct output *out, const struct spec *spec, const char *prefix,
		      const char *text, size_t length)
{
	size_t prefix_length = 0;
	while (prefix[prefix_length])
		prefix_length++;

	size_t all = prefix_length + length;
	size_t fill = spec->width > all ? spec->width - all : 0;

	if (!spec->left && !spec->zero)
		pad(out, ' ', fill);
	for (size_t i = 0; i < prefix_length; i++)
		put(out, prefix[i]);
	if (!spec->left && spec->zero)
		pad(out, '0', fill);
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
	if (spec->left)
		pad(out, ' ', fill);
}

static void put_number(struct output *out, const struct spec *spec, const char *prefix,
		       uint64_t value, unsigned base, const char *digits)
{
	char text[20]; /* 2^64 - 1 has 20 decimal digits */
	size_t at = sizeof text;

	do {
		text[--at] = digits[value % base];
		value /= base;
	} while (value);
	put_field(out, spec, prefix, text + at, sizeof text - at);
}

static void put_string(struct output *out, const struct spec *spec, const char *text)
{
	size_t length = 0;

	if (!text)
		text = "(null)";
	/* With a precision the string need not be zero-terminated. */
	while ((!spec->has_precision || length < spec->precision) && text[length])
		length++;
	put_field(out, &(struct spec){ .left = spec->left, .width = spec->width }, "", text,
		  length);
}

static size_t parse_number(const char **fmt)
{
	size_t value = 0;
	for (; **fmt >= '0' && **fmt <= '9'; ++*fmt)
		value = value * 10 + (size_t)(**fmt - '0');
	return value;
}

/* A va_list is an array on some targets and a struct on others; in a struct it can be passed on by
 * pointer everywhere. */
struct arguments {
	va_list ap;
};

/* Reads flags, width, precision and length; returns where the conversion's letter is. */
static const char *parse_spec(const char *fmt, struct spec *spec, struct arguments *arguments)
{
	*spec = (struct spec){ .length = INT };

	for (;; fmt++) {
		if (*fmt == '0')
			spec->zero = true;
		else if (*fmt == '-')
			spec->left = true;
		else
			break;
	}
	if (*fmt == '*') {
		int width = va_arg(arguments->ap, int);
		spec->left |= width < 0;
		spec->width = width < 0 ? 0 - (size_t)width : (size_t)width;
		fmt++;
	} else {
		spec->width = parse_number(&fmt);
	}
	if (*fmt == '.') {
		fmt++;
		if (*fmt == '*') {
			int precision = va_arg(arguments->ap, int);
			spec->has_precision = precision >= 0;
			spec->precision = precision >= 0 ? (size_t)precision : 0;
			fmt++;
		} else {
			spec->has_precision = true;
			spec->precision = parse_number(&fmt);
		}
	}
	if (*fmt == 'z') {
		spec->length = SIZE;
		fmt++;
	} else if (*fmt == 'l') {
		spec->length = LONG;
		fmt++;
		if (*fmt == 'l') {
			spec->length = LONG_LONG;
			fmt++;
		}
	}
	return fmt;
}

static uint64_t next_unsigned(const struct spec *spec, struct arguments *arguments)
{
	switch (spec->length) {
	case LONG:
		return va_arg(arguments->ap, unsigned long);
	case LONG_LONG:
		return va_arg(arguments->ap, unsigned long long);
	case SIZE:
		return va_arg(arguments->ap, size_t);
	case INT:
		break;
	}
	return va_arg(arguments->ap, unsigned int);
}

static int64_t next_signed(const struct spec *spec, struct arguments *arguments)
{
	switch (spec->length) {
	case LONG:
		return va_arg(arguments->ap, long);
	case LONG_LONG:
		return va_arg(arguments->ap, long long);
	case SIZE:
		return va_arg(arguments->ap, ptrdiff_t);
	case INT:
		break;
	}
	return va_arg(arguments->ap, int);
}

static const char lower[] = "0123456789abcdef";
static const char upper[] = "0123456789ABCDEF";

/* The conversion with this letter; false when it is none of ours, and no argument was taken. */
static bool convert(struct output *out, const struct spec *spec, char letter,
		    struct arguments *arguments)
{
	switch (letter) {
	case 'd':
	case 'i': {
		int64_t value = next_signed(spec, arguments);
		/* Negated as unsigned: -INT64_MIN does not fit. */
		put_number(out, spec, value < 0 ? "-" : "",
			   value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, lower);
		return true;
	}
	case 'u':
		put_number(out, spec, "", next_unsigned(spec, arguments), 10, lower);
		return true;
	case 'x':
		put_number(out, spec, "", next_unsigned(spec, arguments), 16, lower);
		return true;
	case 'X':
		put_number(out, spec, "", next_unsigned(spec, arguments), 16, upper);
		return true;
	case 'p':
		put_number(out, spec, "0x", (uintptr_t)va_arg(arguments->ap, void *), 16, lower);
		return true;
	case 's':
		put_string(out, spec, va_arg(arguments->ap, const char *));
		return true;
	case 'c': {
		char c = (char)va_arg(arguments->ap, int);
		put_field(out, &(struct spec){ .left = spec->left, .width = spec->width }, "", &c,
			  1);
		return true;
	}
	case '%':
		put(out, '%');
		return true;
	}
	return false;
}

size_t format_va(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct output out = { .buf = buf, .limit = size - 1 };
	struct arguments arguments;

	va_copy(arguments.ap, ap);
	while (*fmt) {
		const char *start = fmt;
		struct spec spec;

		if (*fmt != '%') {
			put(&out, *fmt++);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec, &arguments);
		if (*fmt && convert(&out, &spec, *fmt, &arguments)) {
			fmt++;
			continue;
		}
		/* Not understood: as it stands. What follows is text again. */
		while (start < fmt)
			put(&out, *start++);
	}
	va_end(arguments.ap);
	buf[out.used] = '\0';
	return out.used;
}

size_t format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	size_t length = format_va(buf, size, fmt, ap);
	va_end(ap);
	return length;
}
