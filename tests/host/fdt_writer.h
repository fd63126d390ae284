/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes a flattened device tree in memory, for tests: a tree is written down as calls that
 * follow its text.
 *
 *     struct fdt_writer w;
 *     write_begin(&w, 0);                          // the root
 *     write_cells(&w, "#address-cells", 1, 2);     // how many, then the cells
 *     write_node(&w, "uart@9000000");
 *     write_text(&w, "compatible", "arm,pl011");
 *     write_close(&w);
 *     write_finish(&w);                            // w.blob, w.size
 *
 * Everything has a fixed size: too large a tree is the test's own mistake, and aborts.
 */
#ifndef TESTS_HOST_FDT_WRITER_H
#define TESTS_HOST_FDT_WRITER_H

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WRITER_MAX 16384
#define WRITER_HEADER 40

struct fdt_writer {
	unsigned char structs[WRITER_MAX], strings[WRITER_MAX];
	unsigned char blob[2 * WRITER_MAX];
	uint32_t structs_size, strings_size, size;
	uint64_t reservation; /* one entry of this address, where it is not 0 */
};

static inline void write_put32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static inline void write_token(struct fdt_writer *w, uint32_t value)
{
	if (w->structs_size + 4 > WRITER_MAX)
		abort();
	write_put32(w->structs + w->structs_size, value);
	w->structs_size += 4;
}

static inline void write_bytes(struct fdt_writer *w, const void *bytes, size_t length)
{
	if (w->structs_size + length + 4 > WRITER_MAX)
		abort();
	memcpy(w->structs + w->structs_size, bytes, length);
	w->structs_size += (uint32_t)length;
	while (w->structs_size % 4)
		w->structs[w->structs_size++] = 0;
}

static inline void write_node(struct fdt_writer *w, const char *name)
{
	write_token(w, 1);
	write_bytes(w, name, strlen(name) + 1);
}

static inline void write_close(struct fdt_writer *w)
{
	write_token(w, 2);
}

static inline void write_nop(struct fdt_writer *w)
{
	write_token(w, 4);
}

static inline void write_begin(struct fdt_writer *w, uint64_t reservation)
{
	memset(w, 0, sizeof *w);
	w->reservation = reservation;
	write_node(w, "");
}

static inline void write_value(struct fdt_writer *w, const char *name, const void *value,
			       size_t length)
{
	size_t name_size = strlen(name) + 1;

	if (w->strings_size + name_size > WRITER_MAX)
		abort();
	write_token(w, 3);
	write_token(w, (uint32_t)length);
	write_token(w, w->strings_size);
	write_bytes(w, value, length);
	memcpy(w->strings + w->strings_size, name, name_size);
	w->strings_size += (uint32_t)name_size;
}

static inline void write_text(struct fdt_writer *w, const char *name, const char *text)
{
	write_value(w, name, text, strlen(text) + 1);
}

static inline void write_cells(struct fdt_writer *w, const char *name, int count, ...)
{
	unsigned char value[1024];
	va_list ap;

	if ((size_t)count * 4 > sizeof value)
		abort();
	va_start(ap, count);
	for (int i = 0; i < count; i++)
		write_put32(value + 4 * i, va_arg(ap, uint32_t));
	va_end(ap);
	write_value(w, name, value, (size_t)count * 4);
}

/* Closes the root and puts the blocks together: header, reservations, structure, strings. */
static inline void write_finish(struct fdt_writer *w)
{
	uint32_t reservations = WRITER_HEADER, structs = reservations + 32, strings;

	write_close(w);
	write_token(w, 9);
	strings = structs + w->structs_size;
	w->size = strings + w->strings_size;

	const uint32_t header[10] = {
		0xd00dfeed, w->size, structs, strings,         reservations,
		17,         16,      0,       w->strings_size, w->structs_size
	};
	for (int i = 0; i < 10; i++)
		write_put32(w->blob + 4 * i, header[i]);
	if (w->reservation) {
		write_put32(w->blob + reservations, (uint32_t)(w->reservation >> 32));
		write_put32(w->blob + reservations + 4, (uint32_t)w->reservation);
		write_put32(w->blob + reservations + 12, 0x1000);
	}
	memcpy(w->blob + header[2], w->structs, w->structs_size);
	memcpy(w->blob + strings, w->strings, w->strings_size);
}

#endif
