/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the FDT reader makes of properties (lib/fdt_find.c, fdt_address.c, fdt_interrupt.c) under Frama-C Eva. The
 * tree itself is stood for by what fdt_tree.c proves of it: a property is nothing, or as many bytes as its
 * length says, of any value, here in an object of just that length; a node is any number, or an error. A
 * node's name ends with a zero byte: read_token takes no other.
 */
#include "__fc_builtin.h"
#include "lib/error.h"
#include "lib/fdt.h"

static bool any(void)
{
	return Frama_C_interval(0, 1);
}

static void fill(uint8_t *bytes, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		bytes[i] = Frama_C_unsigned_char_interval(0, 255);
}

/* Walks end: a tree has few nodes here. */
static unsigned steps = 2;

static int any_node(void)
{
	return any() ? Frama_C_interval(0, INT32_MAX) : any() ? ERR_NODEV : ERR_FORMAT;
}

static int step(void)
{
	if (steps == 0)
		return ERR_NODEV;
	steps--;
	return any_node();
}

int fdt_root(const struct fdt *fdt)
{
	return any_node();
}
int fdt_next(const struct fdt *fdt, int node)
{
	return step();
}
int fdt_first_child(const struct fdt *fdt, int node)
{
	return step();
}
int fdt_next_sibling(const struct fdt *fdt, int node)
{
	return step();
}
int fdt_parent(const struct fdt *fdt, int node)
{
	return step();
}

#define TEXT(length) \
	{ \
		static uint8_t text[(length) + 1]; \
		fill(text, (length)); \
		return (const char *)text; \
	}
const char *fdt_name(const struct fdt *fdt, int node)
{
	switch (Frama_C_interval(0, 2)) {
	case 0:
		TEXT(0)
	case 1:
		TEXT(1)
	default:
		TEXT(5)
	}
}
const char *fdt_string(const struct fdt *fdt, int node, const char *name)
{
	switch (Frama_C_interval(0, 3)) {
	case 0:
		TEXT(0)
	case 1:
		TEXT(1)
	case 2:
		TEXT(5)
	default:
		return NULL;
	}
}

#define VALUE(bytes) \
	{ \
		static uint8_t value[bytes]; \
		fill(value, (bytes)); \
		if (length) \
			*length = (bytes); \
		return value; \
	}
const void *fdt_property(const struct fdt *fdt, int node, const char *name, size_t *length)
{
	if (any())
		return NULL;
	if (any()) {
		static uint8_t nothing[1];
		if (length)
			*length = 0;
		return nothing + 1;
	}
	if (any())
		VALUE(ODD)
	VALUE(EVEN)
}

uint32_t fdt_cell(const struct fdt *fdt, int node, const char *name, unsigned index,
		  uint32_t fallback)
{
	switch (Frama_C_interval(0, 5)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return 2;
	case 3:
		return 3;
	case 4:
		return 4;
	default:
		return Frama_C_unsigned_int_interval(5, UINT32_MAX);
	}
}

#define ANY32 Frama_C_unsigned_int_interval(0, UINT32_MAX)

/* Small ones each by itself. */
static unsigned any_index(void)
{
	unsigned index = Frama_C_unsigned_int_interval(0, 7);

	if (any())
		return Frama_C_unsigned_int_interval(8, UINT32_MAX);
	/*@ split index; */
	return index;
}

int main(void)
{
	struct fdt fdt;
	struct fdt_interrupt interrupt;
	struct fdt_pci_range range;
	uint64_t address, size;
	uint32_t id;
	int controller, node = any_node();

	switch (CASE) {
	case 0:
		fdt_path(&fdt, "/soc/uart@9");
		fdt_path(&fdt, "serial0/a:b");
		fdt_phandle(&fdt, ANY32);
		fdt_compatible(&fdt, node, "ab,c");
		break;
	case 1:
		fdt_reg(&fdt, node, any_index(), &address, &size);
		break;
	case 2:
		fdt_pci_range(&fdt, node, any_index(), &range);
		break;
	case 3:
		fdt_interrupt(&fdt, node, any_index(), &interrupt);
		break;
	case 4:
		fdt_pci_interrupt(&fdt, node, Frama_C_unsigned_int_interval(0, 255),
				  Frama_C_unsigned_int_interval(0, 31),
				  Frama_C_unsigned_int_interval(0, 7),
				  Frama_C_unsigned_int_interval(1, 4), &interrupt);
		break;
	case 5:
		fdt_msi(&fdt, node, ANY32, &controller, &id);
		break;
	}
	return 0;
}
