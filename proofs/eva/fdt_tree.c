/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FDT reader's walk along the tokens (lib/fdt.c) under Frama-C Eva: every function, at every node that a
 * caller may name, on blobs whose header is given and whose other bytes are anything.
 *
 * Eva relates no two variables: so cells.h lets it follow each length and each place by itself.
 */
#include "__fc_builtin.h"
#include "lib/error.h"

#define STRUCTS 56
#define STRINGS (STRUCTS + STRUCTS_SIZE)
#define STRINGS_SIZE 3
#define SIZE (STRINGS + STRINGS_SIZE)

static uint8_t blob[SIZE];

static void put(unsigned at, uint32_t cell)
{
	blob[at] = cell >> 24;
	blob[at + 1] = cell >> 16;
	blob[at + 2] = cell >> 8;
	blob[at + 3] = cell;
}

static void look(const struct fdt *fdt, int node)
{
	size_t length;

	fdt_next(fdt, node);
	fdt_first_child(fdt, node);
	fdt_next_sibling(fdt, node);
	fdt_parent(fdt, node);
	fdt_name(fdt, node);
	const uint8_t *value = fdt_property(fdt, node, "re", &length);
	if (value && length > 0) {
		/*@ assert inside: \valid_read(value + (0 .. length - 1)); */
		value[length - 1];
	}
	fdt_string(fdt, node, "re");
	fdt_cell(fdt, node, "re", Frama_C_unsigned_int_interval(0, UINT32_MAX), 0);
}

int main(void)
{
	struct fdt fdt;

	for (unsigned i = 40; i + 1 < SIZE; i++)
		blob[i] = Frama_C_unsigned_char_interval(0, 255);
	put(0, 0xd00dfeed);
	put(4, SIZE);
	put(8, STRUCTS);
	put(12, STRINGS);
	put(16, 40);
	put(20, 17);
	put(24, 16);
	put(32, STRINGS_SIZE);
	put(36, STRUCTS_SIZE);
	/* The root begins, without a name. Nothing is reserved. */
	for (unsigned at = 40; at < STRUCTS; at += 4)
		put(at, 0);
	put(STRUCTS, 1);
	put(STRUCTS + 4, 0);
	if (fdt_open(&fdt, blob, SIZE))
		return 0;
	fdt_root(&fdt);
	for (int node = -2; node <= STRUCTS_SIZE + 4; node++)
		look(&fdt, node);
	look(&fdt, Frama_C_interval(STRUCTS_SIZE + 1, INT32_MAX));
	look(&fdt, Frama_C_interval(INT32_MIN, -1));
	return 0;
}
