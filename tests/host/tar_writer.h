/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes tar archives into memory, header by header, right or wrong, for tests. */
#ifndef TESTS_HOST_TAR_WRITER_H
#define TESTS_HOST_TAR_WRITER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"

struct tar_writer {
	uint8_t *bytes;
	size_t size;
	size_t header;            /* where the last header is */
	uint64_t reads, fails_at; /* the read that fails: 1 the first, 0 none */
	int error;                /* with this */
};

static inline uint8_t *tw_grow(struct tar_writer *writer, size_t length)
{
	size_t padded = (length + 511) / 512 * 512;

	writer->bytes = realloc(writer->bytes, writer->size + padded);
	if (!writer->bytes)
		abort();
	memset(writer->bytes + writer->size, 0, padded);
	writer->size += padded;
	return writer->bytes + writer->size - padded;
}

static inline void tw_free(struct tar_writer *writer)
{
	free(writer->bytes);
	*writer = (struct tar_writer){ .bytes = NULL };
}

/* After a change in the last header. */
static inline void tw_seal(struct tar_writer *writer)
{
	uint8_t *header = writer->bytes + writer->header;
	unsigned sum = 0;

	memset(header + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		sum += header[i];
	snprintf((char *)header + 148, 8, "%06o", sum);
}

/* A field of the last header. */
static inline void tw_set(struct tar_writer *writer, size_t at, const void *bytes, size_t length)
{
	memcpy(writer->bytes + writer->header + at, bytes, length);
	tw_seal(writer);
}

/* A member with `length` bytes of data; its size field says `size`. */
static inline void tw_member_of(struct tar_writer *writer, char type, const char *name,
				const void *data, size_t length, uint64_t size)
{
	writer->header = writer->size;
	char *header = (char *)tw_grow(writer, 512);

	memcpy(header, name, strlen(name) < 100 ? strlen(name) : 100);
	memcpy(header + 100, "0000644", 8);
	memcpy(header + 108, "0001750", 8);
	memcpy(header + 116, "0001750", 8);
	snprintf(header + 124, 12, "%011llo", (unsigned long long)size);
	memcpy(header + 136, "13602760400", 12); /* 2020-01-01 */
	header[156] = type;
	memcpy(header + 257, "ustar\00000", 8);
	tw_seal(writer);
	if (length > 0)
		memcpy(tw_grow(writer, length), data, length);
}

static inline void tw_member(struct tar_writer *writer, char type, const char *name,
			     const char *data)
{
	tw_member_of(writer, type, name, data, strlen(data), strlen(data));
}

static inline void tw_link(struct tar_writer *writer, char type, const char *name,
			   const char *target)
{
	tw_member(writer, type, name, "");
	tw_set(writer, 157, target, strlen(target) < 100 ? strlen(target) : 100);
}

/* A pax record, appended to text. */
static inline void tw_record(char *text, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, length = rest + 1;

	for (char digits[24];
	     (size_t)snprintf(digits, sizeof(digits), "%zu", length) + rest != length;)
		length++;
	sprintf(text + strlen(text), "%zu ", length);
	strcat(text, key);
	strcat(text, "=");
	strcat(text, value);
	strcat(text, "\n");
}

static inline void tw_pax(struct tar_writer *writer, const char *key, const char *value)
{
	char *text = calloc(1, strlen(key) + strlen(value) + 32);

	if (!text)
		abort();
	tw_record(text, key, value);
	tw_member(writer, 'x', "PaxHeaders/x", text);
	free(text);
}

static inline void tw_end(struct tar_writer *writer)
{
	tw_grow(writer, 1024);
}

/* A tar_read_fn. */
static inline int tw_read(void *context, uint64_t offset, void *buffer, size_t length)
{
	struct tar_writer *writer = context;

	if (++writer->reads == writer->fails_at)
		return writer->error;
	if (length == 0 || length > 512 || offset > writer->size || length > writer->size - offset)
		abort(); /* tar.h: all of which are inside it, and none is of nothing */
	memcpy(buffer, writer->bytes + offset, length);
	return 0;
}

#endif
