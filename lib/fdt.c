/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flattened device trees: the blob, its nodes and their properties (Devicetree Specification
 * 0.4, chapter 5). Finding nodes is in fdt_find.c, what addresses and interrupts mean in
 * fdt_address.c and fdt_interrupt.c.
 *
 * The structure block is a sequence of tokens; everything here is a walk along them, by
 * read_token, which lets nothing past that does not lie inside the block. fdt_open walks it all
 * once, so that nesting and names are known to be good from then on. Left out: writing, and
 * versions before 16, in which the alignment of values was different.
 *
 * See it at work: make test-host (tests/host/test_fdt.c), make run ARCH=aarch64
 */
#include "lib/fdt.h"

#include "lib/error.h"
#include "lib/text.h"

enum {
	FDT_BEGIN_NODE = 1,
	FDT_END_NODE = 2,
	FDT_PROP = 3,
	FDT_NOP = 4,
	FDT_END = 9,
};

#define FDT_MAGIC 0xd00dfeed

/* Offsets of the header's fields (5.2), all of them big-endian words. */
enum {
	HEADER_MAGIC = 0,
	HEADER_TOTALSIZE = 4,
	HEADER_OFF_STRUCT = 8,
	HEADER_OFF_STRINGS = 12,
	HEADER_OFF_RESERVATIONS = 16,
	HEADER_VERSION = 20,
	HEADER_LAST_COMP_VERSION = 24,
	HEADER_SIZE_STRINGS = 32,
	HEADER_SIZE_STRUCT = 36, /* from version 17 on */
	HEADER_BYTES = 40,
};

/* ---- Tokens ------------------------------------------------------------------ */

struct token {
	uint32_t kind;
	uint32_t at, next;    /* where it begins, and where the one behind it does */
	const char *name;     /* of a node or a property */
	const uint8_t *value; /* of a property */
	uint32_t length;
};

/* Whether one of the four bytes is zero: only a zero byte borrows without its top bit set. */
static bool has_zero_byte(uint32_t word)
{
	return ((word - 0x01010101) & ~word & 0x80808080) != 0;
}

/* The token at offset `at` of the structure block, behind any FDT_NOP. False when it does not lie
 * wholly inside the block, or is none. */
static bool read_token(const struct fdt *fdt, uint32_t at, struct token *token)
{
	const uint8_t *block = fdt->blob + fdt->structs;
	uint32_t size = fdt->structs_size, padded;

	do {
		if (at > size || size - at < 4)
			return false;
		token->at = at;
		token->kind = fdt_read_cell(block + at, 0);
		at += 4;
	} while (token->kind == FDT_NOP);

	switch (token->kind) {
	case FDT_BEGIN_NODE:
		token->name = (const char *)block + at;
		/* The name is padded to whole words, so the word with its end is the last one. */
		do {
			if (size - at < 4)
				return false;
			at += 4;
		} while (!has_zero_byte(fdt_read_cell(block + at - 4, 0)));
		break;
	case FDT_PROP:
		if (size - at < 8)
			return false;
		token->length = fdt_read_cell(block + at, 0);
		uint32_t name = fdt_read_cell(block + at, 1);
		at += 8;
		if (name >= fdt->strings_size || token->length > size - at)
			return false;
		padded = (token->length + 3) & ~3u;
		if (padded > size - at)
			return false;
		token->name = (const char *)fdt->blob + fdt->strings + name;
		token->value = block + at;
		at += padded;
		break;
	case FDT_END_NODE:
	case FDT_END:
		break;
	default:
		return false;
	}
	token->next = at;
	return true;
}

/* The token of a node that a caller names: 0, the error that it is instead of a node, or
 * ERR_FORMAT. */
static int read_node(const struct fdt *fdt, int node, struct token *token)
{
	if (node < 0)
		return node;
	if (node % 4 || !read_token(fdt, (uint32_t)node, token) || token->kind != FDT_BEGIN_NODE)
		return ERR_FORMAT;
	return 0;
}

/* ---- Strings ----------------------------------------------------------------- */

/* Whether a value is one zero-terminated string. */
static bool is_string(const char *value, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!value[i])
			return i + 1 == length;
	}
	return false;
}

/* Whether a property's name ends inside the strings block. */
static bool name_ends(const struct fdt *fdt, const char *name)
{
	const char *end = (const char *)fdt->blob + fdt->strings + fdt->strings_size;
	while (name < end && *name)
		name++;
	return name < end;
}

/* ---- Opening ----------------------------------------------------------------- */

/* Nodes are nested and closed, a node's properties precede its children (5.4.2), there is one
 * root, and FDT_END follows it. */
static bool tree_is_good(const struct fdt *fdt)
{
	struct token token = { .next = 0 };
	unsigned depth = 0;
	bool properties_over = true;

	do {
		if (!read_token(fdt, token.next, &token))
			return false;
		switch (token.kind) {
		case FDT_BEGIN_NODE:
			if (depth == FDT_MAX_DEPTH)
				return false;
			depth++;
			properties_over = false;
			break;
		case FDT_PROP:
			if (properties_over || !name_ends(fdt, token.name))
				return false;
			break;
		case FDT_END_NODE:
			if (depth == 0)
				return false;
			depth--;
			properties_over = true;
			break;
		case FDT_END:
			return false;
		}
	} while (depth > 0);

	return read_token(fdt, token.next, &token) && token.kind == FDT_END;
}

static bool reservations_end(const struct fdt *fdt)
{
	uint64_t address, size;
	unsigned n = 0;
	int error;

	do {
		error = fdt_reservation(fdt, n++, &address, &size);
	} while (!error);
	return error == ERR_NODEV;
}

int fdt_open(struct fdt *fdt, const void *blob, size_t readable)
{
	if (!blob || readable < HEADER_BYTES)
		return ERR_FORMAT;

	const uint8_t *header = blob;
	if (fdt_read_cell(header + HEADER_MAGIC, 0) != FDT_MAGIC)
		return ERR_FORMAT;

	uint32_t version = fdt_read_cell(header + HEADER_VERSION, 0);
	*fdt = (struct fdt){
		.blob = header,
		.size = fdt_read_cell(header + HEADER_TOTALSIZE, 0),
		.structs = fdt_read_cell(header + HEADER_OFF_STRUCT, 0),
		.strings = fdt_read_cell(header + HEADER_OFF_STRINGS, 0),
		.strings_size = fdt_read_cell(header + HEADER_SIZE_STRINGS, 0),
		.reservations = fdt_read_cell(header + HEADER_OFF_RESERVATIONS, 0),
	};
	if (version < 16 || fdt_read_cell(header + HEADER_LAST_COMP_VERSION, 0) > 17)
		return ERR_FORMAT;
	/* A node is an int. */
	if (fdt->size < HEADER_BYTES || fdt->size > readable || fdt->size > INT32_MAX)
		return ERR_FORMAT;
	if (fdt->structs % 4 || fdt->structs > fdt->size || fdt->strings > fdt->size ||
	    fdt->reservations % 8 || fdt->reservations > fdt->size)
		return ERR_FORMAT;

	uint32_t room = fdt->size - fdt->structs;
	fdt->structs_size = version >= 17 ? fdt_read_cell(header + HEADER_SIZE_STRUCT, 0) : room;
	if (fdt->structs_size > room || fdt->strings_size > fdt->size - fdt->strings)
		return ERR_FORMAT;

	return reservations_end(fdt) && tree_is_good(fdt) ? 0 : ERR_FORMAT;
}

int fdt_reservation(const struct fdt *fdt, unsigned n, uint64_t *address, uint64_t *size)
{
	uint32_t room = fdt->size - fdt->reservations;

	if (n >= room / 16)
		return ERR_FORMAT; /* the block does not end inside the blob */

	const uint8_t *entry = fdt->blob + fdt->reservations + 16 * (size_t)n;
	*address = fdt_read_cells(entry, 0, 2);
	*size = fdt_read_cells(entry, 2, 2);
	return *address || *size ? 0 : ERR_NODEV;
}

/* ---- Nodes ------------------------------------------------------------------- */

int fdt_root(const struct fdt *fdt)
{
	struct token token;

	if (!read_token(fdt, 0, &token) || token.kind != FDT_BEGIN_NODE)
		return ERR_FORMAT;
	return (int)token.at;
}

int fdt_next(const struct fdt *fdt, int node)
{
	struct token token;
	int error = read_node(fdt, node, &token);

	if (error)
		return error;
	do {
		if (!read_token(fdt, token.next, &token))
			return ERR_FORMAT;
		if (token.kind == FDT_BEGIN_NODE)
			return (int)token.at;
	} while (token.kind != FDT_END);
	return ERR_NODEV;
}

int fdt_first_child(const struct fdt *fdt, int node)
{
	struct token token;
	int error = read_node(fdt, node, &token);

	if (error)
		return error;
	do {
		if (!read_token(fdt, token.next, &token))
			return ERR_FORMAT;
	} while (token.kind == FDT_PROP);
	return token.kind == FDT_BEGIN_NODE ? (int)token.at : ERR_NODEV;
}

int fdt_next_sibling(const struct fdt *fdt, int node)
{
	struct token token;
	unsigned depth = 1;
	int error = read_node(fdt, node, &token);

	if (error)
		return error;
	while (depth > 0) {
		if (!read_token(fdt, token.next, &token) || token.kind == FDT_END)
			return ERR_FORMAT;
		if (token.kind == FDT_BEGIN_NODE)
			depth++;
		else if (token.kind == FDT_END_NODE)
			depth--;
	}
	if (!read_token(fdt, token.next, &token))
		return ERR_FORMAT;
	return token.kind == FDT_BEGIN_NODE ? (int)token.at : ERR_NODEV;
}

/* The tree does not say who a node's parent is: go there from the root and remember the way. */
int fdt_parent(const struct fdt *fdt, int node)
{
	struct token token = { .next = 0 };
	int way[FDT_MAX_DEPTH];
	unsigned depth = 0;

	if (node < 0)
		return node;
	do {
		if (!read_token(fdt, token.next, &token))
			return ERR_FORMAT;
		if (token.kind == FDT_BEGIN_NODE) {
			if (token.at == (uint32_t)node)
				return depth > 0 ? way[depth - 1] : ERR_NODEV;
			if (depth == FDT_MAX_DEPTH)
				return ERR_FORMAT;
			way[depth++] = (int)token.at;
		} else if (token.kind == FDT_END_NODE) {
			if (depth == 0)
				return ERR_FORMAT;
			depth--;
		}
	} while (token.kind != FDT_END);
	return ERR_FORMAT;
}

/* ---- Properties -------------------------------------------------------------- */

const char *fdt_name(const struct fdt *fdt, int node)
{
	struct token token;

	return read_node(fdt, node, &token) ? NULL : token.name;
}

const void *fdt_property(const struct fdt *fdt, int node, const char *name, size_t *length)
{
	struct token token;

	if (read_node(fdt, node, &token))
		return NULL;
	while (read_token(fdt, token.next, &token) && token.kind == FDT_PROP) {
		if (text_equal(token.name, name)) {
			if (length)
				*length = token.length;
			return token.value;
		}
	}
	return NULL;
}

const char *fdt_string(const struct fdt *fdt, int node, const char *name)
{
	size_t length;
	const char *value = fdt_property(fdt, node, name, &length);

	return value && is_string(value, length) ? value : NULL;
}

uint32_t fdt_cell(const struct fdt *fdt, int node, const char *name, unsigned index,
		  uint32_t fallback)
{
	size_t length;
	const void *value = fdt_property(fdt, node, name, &length);

	return value && index < length / 4 ? fdt_read_cell(value, index) : fallback;
}
