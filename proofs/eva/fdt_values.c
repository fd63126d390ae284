/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the FDT reader makes of properties (lib/fdt_find.c, fdt_address.c, fdt_interrupt.c) under Frama-C Eva. The
 * tree itself is stood for by what fdt_tree.c proves of it: a property is nothing, or as many bytes as its
 * length says, of any value, here in an object of just that length; a node is any number, or an error. A
 * node's name ends with a zero byte: read_token takes no other.
 */
#include "__fc_builtin.h"
#include "lib/fdt_interrupt.c" /* so that map_once, too, can be asked by itself */

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

/*
 * A step through an interrupt-map, which is asked by itself with keys of every length; where a map leads from
 * one to the next, this stands for it (-eva-use-spec).
 */
/*@ requires of_some_cells: 1 <= key->count <= MAX_KEY_CELLS;
    requires that_are_known: \initialized(&key->cell[0 .. key->count - 1]);
    assigns *key \from *key, nexus;
    assigns *out \from nexus;
    assigns \result \from nexus;
    behavior leads_on:
      assumes \true;
      ensures one_of_three: \result == 0 || \result == ERR_FORMAT || \result == ERR_NODEV;
      ensures still_of_some_cells: 1 <= key->count <= MAX_KEY_CELLS;
      ensures still_known: \initialized(&key->cell[0 .. key->count - 1]);
*/
static int map_once(const struct fdt *fdt, int nexus, struct key *key, struct fdt_interrupt *out);

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

enum { ASK_FIND, ASK_REG, ASK_PCI_RANGE, ASK_MSI, ASK_MAP, ASK_INTERRUPT, ASK_PCI_INTERRUPT };

int main(void)
{
	struct fdt fdt;
	struct fdt_interrupt interrupt;
	struct fdt_pci_range range;
	uint64_t address, size;
	uint32_t id;
	int controller, node = any_node();

	switch (CASE) {
	case ASK_FIND:
		fdt_path(&fdt, "/soc/uart@9");
		fdt_path(&fdt, "serial0/a:b");
		fdt_phandle(&fdt, ANY32);
		fdt_compatible(&fdt, node, "ab,c");
		break;
	case ASK_REG:
		fdt_reg(&fdt, node, any_index(), &address, &size);
		break;
	case ASK_PCI_RANGE:
		fdt_pci_range(&fdt, node, any_index(), &range);
		break;
	case ASK_MSI:
		fdt_msi(&fdt, node, ANY32, &controller, &id);
		break;
	case ASK_MAP: {
		struct key key = { .count = Frama_C_unsigned_int_interval(1, MAX_KEY_CELLS) };
		/*@ split key.count; */
		for (unsigned i = 0; i < key.count; i++)
			key.cell[i] = ANY32;
		map_once(&fdt, node, &key, &interrupt);
		break;
	}
	case ASK_INTERRUPT:
		fdt_interrupt(&fdt, node, any_index(), &interrupt);
		break;
	case ASK_PCI_INTERRUPT:
		fdt_pci_interrupt(&fdt, node, Frama_C_unsigned_int_interval(0, 255),
				  Frama_C_unsigned_int_interval(0, 31),
				  Frama_C_unsigned_int_interval(0, 7),
				  Frama_C_unsigned_int_interval(1, 4), &interrupt);
		break;
	}
	return 0;
}
