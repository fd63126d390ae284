/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/fdt*.c at the edges of what it accepts: each case holds checks that `make mutants` found to be missed by
 * the tests of test_fdt.c. What the checks are for is told there.
 */
#include "lib/fdt.h"

#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/fdt_writer.h"

enum { GIC = 1, SECOND = 2 };

static struct fdt_writer writer;
static struct fdt fdt;

static void begin(void)
{
	write_begin(&writer, 0);
}

static int open_it(void)
{
	write_finish(&writer);
	return fdt_open(&fdt, writer.blob, writer.size);
}

static void node(const char *name, uint32_t phandle)
{
	write_node(&writer, name);
	if (phandle)
		write_cells(&writer, "phandle", 1, phandle);
}

static void node_ends(void)
{
	write_close(&writer);
}

static void cell(const char *name, uint32_t value)
{
	write_cells(&writer, name, 1, value);
}

static void cells_are(uint32_t address, uint32_t size)
{
	cell("#address-cells", address);
	cell("#size-cells", size);
}

/* ---- Blobs ------------------------------------------------------------------------------ */

/* The tree that was written, with its blocks at these offsets: header, then reservations, strings and structure in
 * any order, in memory of exactly that size. What the caller frees. */
static unsigned char *lay_out(uint32_t reservations, uint32_t strings, uint32_t structs,
			      uint32_t size)
{
	unsigned char *blob = calloc(1, size);
	const uint32_t header[10] = { 0xd00dfeed,
				      size,
				      structs,
				      strings,
				      reservations,
				      17,
				      16,
				      0,
				      writer.strings_size,
				      writer.structs_size };

	for (int i = 0; i < 10; i++)
		write_put32(blob + 4 * i, header[i]);
	memcpy(blob + strings, writer.strings, writer.strings_size);
	memcpy(blob + structs, writer.structs, writer.structs_size);
	return blob;
}

static int open_laid_out(uint32_t reservations, uint32_t strings, uint32_t structs, uint32_t size)
{
	unsigned char *blob = lay_out(reservations, strings, structs, size);
	int error = fdt_open(&fdt, blob, size);

	free(blob);
	return error;
}

/* A root with one property and one child. */
static void write_small(void)
{
	begin();
	write_text(&writer, "a", "xyz");
	node("child", 0);
	node_ends();
	write_close(&writer);
	write_token(&writer, 9);
}

static void where_blocks_may_be(void)
{
	write_small();
	uint32_t strings = writer.strings_size, structs = writer.structs_size;

	CHECK_EQ(open_laid_out(40, 56, 64, 64 + structs), 0);
	CHECK_EQ(open_laid_out(40, 56, 66, 66 + structs), ERR_FORMAT); /* not on a word */
	CHECK_EQ(open_laid_out(48, 40, 64, 64 + structs), 0);
	CHECK_EQ(open_laid_out(44, 40, 64, 64 + structs), ERR_FORMAT); /* nor this */
	/* No entry of zeros behind the last reservation. */
	CHECK_EQ(open_laid_out(40, 48, 56, 56 + structs), ERR_FORMAT);
	CHECK(strings < 8);
}

/* The structure block is the last one, and ends anywhere: nothing behind it is read. */
static void structure_cut_off_anywhere(void)
{
	write_small();
	for (uint32_t size = 0; size <= writer.structs_size; size++) {
		unsigned char *blob = lay_out(40, 56, 64, 64 + writer.structs_size);
		unsigned char *cut = malloc(64 + size);

		memcpy(cut, blob, 64 + size);
		write_put32(cut + 4, 64 + size);
		write_put32(cut + 36, size);
		CHECK_EQ(fdt_open(&fdt, cut, 64 + size),
			 size == writer.structs_size ? 0 : ERR_FORMAT);
		free(cut);
		free(blob);
	}
}

static void header_fields(void)
{
	write_small();
	unsigned char *blob = lay_out(40, 56, 64, 64 + writer.structs_size);
	uint32_t size = 64 + writer.structs_size;

	write_put32(blob + 24, 17);
	CHECK_EQ(fdt_open(&fdt, blob, size), 0);
	write_put32(blob + 32, writer.strings_size - 1); /* the last name has no end */
	CHECK_EQ(fdt_open(&fdt, blob, size), ERR_FORMAT);
	write_put32(blob + 32, writer.strings_size);
	write_put32(blob + 4, INT32_MAX); /* as far as a node can be named */
	CHECK_EQ(fdt_open(&fdt, blob, SIZE_MAX), 0);
	free(blob);
}

static void reservations(void)
{
	uint64_t address, size;
	unsigned char *blob;

	write_small();
	blob = lay_out(40, 104, 112, 112 + writer.structs_size);
	write_put32(blob + 40 + 4, 0x1000);  /* of no length */
	write_put32(blob + 56 + 12, 0x2000); /* from 0 on */
	CHECK_EQ(fdt_open(&fdt, blob, 112 + writer.structs_size), 0);
	CHECK_EQ(fdt_reservation(&fdt, 0, &address, &size), 0);
	CHECK(address == 0x1000 && size == 0);
	CHECK_EQ(fdt_reservation(&fdt, 1, &address, &size), 0);
	CHECK(address == 0 && size == 0x2000);
	CHECK_EQ(fdt_reservation(&fdt, 2, &address, &size), ERR_NODEV);
	free(blob);
}

static void tokens_in_no_order(void)
{
	/* Closed before it was opened, and then opened, and so at depth 0 again. */
	begin();
	writer.structs_size = 0;
	write_close(&writer);
	node("", 0);
	write_token(&writer, 9);
	CHECK_EQ(open_laid_out(40, 56, 56, 56 + writer.structs_size), ERR_FORMAT);

	begin();
	write_text(&writer, "a", "x");
	write_token(&writer, 3);
	write_token(&writer, 0xfffffffd); /* rounded up to words it is 0 */
	write_token(&writer, 0);
	CHECK_EQ(open_it(), ERR_FORMAT);
}

/* A value in which, one byte late, a node seems to begin. */
static void a_node_between_words(void)
{
	begin();
	write_cells(&writer, "a", 3, 0, 0x01000000, 0);
	CHECK_EQ(open_it(), 0);
	const uint8_t *value = fdt_property(&fdt, fdt_root(&fdt), "a", NULL);
	int at = (int)(value - (fdt.blob + fdt.structs));

	CHECK_EQ(fdt_read_cell(value + 1, 0), 1);
	CHECK(fdt_name(&fdt, at + 1) == NULL);
	CHECK_EQ(fdt_next(&fdt, at + 1), ERR_FORMAT);
}

static void errors_go_through(void)
{
	begin();
	CHECK_EQ(open_it(), 0);
	CHECK_EQ(fdt_next_sibling(&fdt, ERR_NODEV), ERR_NODEV);
	CHECK_EQ(fdt_first_child(&fdt, ERR_NODEV), ERR_NODEV);
	CHECK_EQ(fdt_parent(&fdt, ERR_NODEV), ERR_NODEV);
}

/* Somebody writes into the tree after it was opened: errors, no more. */
static void changed_while_open(void)
{
	begin();
	write_nop(&writer);
	write_text(&writer, "a", "xyz");
	node("first", 0);
	write_nop(&writer);
	node_ends();
	node("second", 0);
	node_ends();
	write_close(&writer);
	write_token(&writer, 9);
	/* strings are the last block: a name behind them is outside of it all */
	uint32_t strings = 56 + writer.structs_size, size = strings + writer.strings_size;
	unsigned char *blob = lay_out(40, strings, 56, size), *structs = blob + 56;

	CHECK_EQ(fdt_open(&fdt, blob, size), 0);
	int first = fdt_path(&fdt, "/first");
	unsigned name_at = 8 + 4 + 8; /* behind the root's token and name, the nop, two words */

	CHECK_EQ(fdt_read_cell(structs + name_at, 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		write_put32(structs + name_at, i ? 0x7ffffff0 : writer.strings_size);
		CHECK(fdt_property(&fdt, fdt_root(&fdt), "a", NULL) == NULL);
	}
	write_put32(structs + name_at, 0);
	CHECK(fdt_property(&fdt, fdt_root(&fdt), "a", NULL) != NULL);

	write_put32(structs + first + 12, 9); /* the end, inside of a node */
	CHECK_EQ(fdt_next_sibling(&fdt, first), ERR_FORMAT);
	write_put32(structs + first + 12, 4);
	CHECK_TEXT(fdt_name(&fdt, fdt_next_sibling(&fdt, first)), "second");

	write_put32(structs, 4); /* the root does not begin, but ends */
	write_put32(structs + 4, 2);
	CHECK_EQ(fdt_parent(&fdt, first), ERR_FORMAT);
	free(blob);
}

/* ---- Names ------------------------------------------------------------------------------ */

static void names_and_compatible(void)
{
	begin();
	write_text(&writer, "compatible", "test,machine");
	node("aliases", 0);
	write_text(&writer, "bus", "/soc@1000");
	node_ends();
	node("soc@1000", 0);
	node("uart", 0);
	write_text(&writer, "compatible", "arm,pl011");
	node_ends();
	node_ends();
	CHECK_EQ(open_it(), 0);
	int uart = fdt_path(&fdt, "/soc/uart");

	CHECK_EQ(fdt_path(&fdt, "bus/uart"), uart); /* an alias, and on from there */
	CHECK_EQ(fdt_compatible(&fdt, -1, "arm,pl011"), uart);
	CHECK_EQ(fdt_compatible(&fdt, -1, "arm,pl012"), ERR_NODEV);
	CHECK_EQ(fdt_compatible(&fdt, -1, "arm,pl0111"), ERR_NODEV);
	CHECK_EQ(fdt_compatible(&fdt, -1, "test,machine"), 0);
	CHECK_EQ(fdt_compatible(&fdt, 0, "test,machine"), ERR_NODEV); /* behind the root */
}

/* ---- Addresses --------------------------------------------------------------------------- */

/* What becomes of a device's reg on a bus with two cells each and one range: `from`, `to`, `room`. */
static int on_a_bus(uint64_t from, uint64_t to, uint64_t room, uint64_t at, uint64_t size,
		    uint64_t *address)
{
	begin();
	cells_are(2, 2);
	node("bus", 0);
	cells_are(2, 2);
	write_cells(&writer, "ranges", 6, (uint32_t)(from >> 32), (uint32_t)from,
		    (uint32_t)(to >> 32), (uint32_t)to, (uint32_t)(room >> 32), (uint32_t)room);
	node("device", 0);
	write_cells(&writer, "reg", 4, (uint32_t)(at >> 32), (uint32_t)at, (uint32_t)(size >> 32),
		    (uint32_t)size);
	node_ends();
	node_ends();
	CHECK_EQ(open_it(), 0);
	return fdt_reg(&fdt, fdt_path(&fdt, "/bus/device"), 0, address, &size);
}

static void the_ends_of_ranges(void)
{
	uint64_t address;

	CHECK_EQ(on_a_bus(0x1000, 0x80000, 0x1000, 0x1000, 0x1000, &address), 0); /* all of it */
	CHECK_EQ(address, 0x80000);
	CHECK_EQ(on_a_bus(0x1000, 0x80000, 0x1000, 0x1fff, 1, &address), 0); /* the last byte */
	CHECK_EQ(on_a_bus(0x1000, 0x80000, 0x1000, 0x2000, 0, &address),
		 0); /* nothing, at its end */
	CHECK_EQ(on_a_bus(0x1000, 0x80000, 0x1000, 0x1001, 0x1000, &address), ERR_UNSUPPORTED);
	CHECK_EQ(on_a_bus(0x1000, 0x80000, 0x1000, 0xfff, 1, &address), ERR_UNSUPPORTED);
	/* In front of a range that is as long as can be. */
	CHECK_EQ(on_a_bus(0x1000, 0, UINT64_MAX, 0x10, 0x10, &address), ERR_UNSUPPORTED);
	/* Up to the last address but one, whose end can still be said. */
	CHECK_EQ(on_a_bus(0, 0, UINT64_MAX, UINT64_MAX - 0xfff, 0xfff, &address), 0);
}

/* Two buses, one in the other, of which one has addresses or sizes without cells. */
static int on_two_buses(uint32_t outer_address, uint32_t outer_range, uint32_t inner_size,
			uint32_t inner_range)
{
	uint64_t address, size;

	begin();
	cells_are(1, 1);
	node("outer", 0);
	cells_are(outer_address, 1);
	write_cells(&writer, "ranges", (int)outer_range, 0, 0, 0x1000, 0x1000);
	node("inner", 0);
	cells_are(1, inner_size);
	write_cells(&writer, "ranges", (int)inner_range, 0, 0, 0x1000, 0x1000);
	node("device", 0);
	write_cells(&writer, "reg", 1 + (int)inner_size, 0, 0);
	node_ends();
	node_ends();
	node_ends();
	CHECK_EQ(open_it(), 0);
	return fdt_reg(&fdt, fdt_path(&fdt, "/outer/inner/device"), 0, &address, &size);
}

static void buses_without_cells(void)
{
	CHECK_EQ(on_two_buses(1, 3, 1, 3), 0);
	CHECK_EQ(on_two_buses(0, 2, 1, 0), ERR_FORMAT); /* of a child's address */
	CHECK_EQ(on_two_buses(0, 0, 1, 2), ERR_FORMAT); /* of a parent's */
	CHECK_EQ(on_two_buses(1, 3, 0, 2), ERR_FORMAT); /* of a size */
}

/* What stands behind a list of ranges is not one of them: here it is a node, and would be the range 1 … 3. */
static void behind_the_last_range(void)
{
	uint64_t address, size;

	begin();
	cells_are(1, 1);
	node("bus", 0);
	cells_are(1, 1);
	write_cells(&writer, "ranges", 3, 0x8000, 0, 0x1000);
	node("a", 0);
	write_cells(&writer, "reg", 2, 2, 1);
	node_ends();
	node("b", 0);
	write_cells(&writer, "reg", 3, 0x8000, 1, 0x8000); /* one and a half */
	node_ends();
	node_ends();
	CHECK_EQ(open_it(), 0);
	CHECK_EQ(fdt_reg(&fdt, fdt_path(&fdt, "/bus/a"), 0, &address, &size), ERR_UNSUPPORTED);
	CHECK_EQ(fdt_reg(&fdt, fdt_path(&fdt, "/bus/b"), 0, &address, &size), ERR_FORMAT);
}

static int pci_range(uint32_t root_cells, uint32_t address, uint32_t size, int count)
{
	struct fdt_pci_range range;

	begin();
	cells_are(root_cells, 2);
	node("pci", 0);
	cells_are(address, size);
	write_cells(&writer, "ranges", count, 0x02000000, 0, 0x1000, 0x1000, 0, 0x1000, 0, 0, 0, 0);
	node_ends();
	CHECK_EQ(open_it(), 0);
	return fdt_pci_range(&fdt, fdt_path(&fdt, "/pci"), 0, &range);
}

static void cells_of_pci_ranges(void)
{
	CHECK_EQ(pci_range(1, 3, 2, 6), 0);
	CHECK_EQ(pci_range(2, 3, 2, 7), 0);
	CHECK_EQ(pci_range(0, 3, 2, 5), ERR_FORMAT);
	CHECK_EQ(pci_range(3, 3, 2, 8), ERR_FORMAT);
	CHECK_EQ(pci_range(1, 2, 2, 6), ERR_FORMAT);
	CHECK_EQ(pci_range(1, 3, 1, 6), ERR_FORMAT);
	CHECK_EQ(pci_range(1, 3, 2, 7), ERR_FORMAT); /* an entry and a cell */
}

/* ---- Interrupts --------------------------------------------------------------------------- */

static void controller_is(uint32_t interrupt_cells)
{
	cell("#interrupt-cells", interrupt_cells);
	write_value(&writer, "interrupt-controller", "", 0);
}

/* The root is the controller, and its number is 0, which is a node and no error. */
static void the_root_as_a_controller(void)
{
	struct fdt_interrupt interrupt;
	int controller = -1;
	uint32_t id = 0;

	begin();
	cell("phandle", GIC);
	cell("#address-cells", 0);
	controller_is(1);
	node("plain", 0);
	cell("interrupts", 5);
	write_cells(&writer, "interrupts-extended", 2, GIC, 6);
	node_ends();
	node("mapped", 0);
	cell("#address-cells", 0);
	cell("#interrupt-cells", 1);
	write_cells(&writer, "interrupt-map", 3, 7, GIC, 8);
	node("device", 0);
	cell("interrupts", 7);
	node_ends();
	node_ends();
	node("inherits", 0);
	cell("interrupts", 9);
	cell("msi-parent", GIC);
	node_ends();
	node("msi", 0);
	write_cells(&writer, "msi-map", 4, 0, GIC, 0, 1);
	node_ends();
	CHECK_EQ(open_it(), 0);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/plain"), 0, &interrupt), 0);
	CHECK(interrupt.controller == 0 && interrupt.cell[0] == 6);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/inherits"), 0, &interrupt), 0);
	CHECK(interrupt.controller == 0 && interrupt.cell[0] == 9);
	/* Neither mask nor reg, which without address cells nobody needs. */
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/mapped/device"), 0, &interrupt), 0);
	CHECK(interrupt.controller == 0 && interrupt.cell[0] == 8);
	CHECK_EQ(fdt_msi(&fdt, fdt_path(&fdt, "/inherits"), 3, &controller, &id), 0);
	CHECK(controller == 0 && id == 3);
	CHECK_EQ(fdt_msi(&fdt, fdt_path(&fdt, "/msi"), 0, &controller, &id), 0);
	CHECK_EQ(controller, 0);
}

/* A specifier of as many cells as there may be, and one more; a list with a rest; a controller without cells. */
static void cells_of_specifiers(void)
{
	struct fdt_interrupt interrupt = { .cells = 1 };

	begin();
	node("gic", GIC);
	controller_is(FDT_MAX_INTERRUPT_CELLS);
	node("device", 0);
	write_cells(&writer, "interrupts", 4, 1, 2, 3, 4);
	node_ends();
	node("cascaded", 0);
	cell("#interrupt-cells", 1); /* of what is below it, not of its own */
	write_cells(&writer, "interrupts", 4, 5, 6, 7, 8);
	node_ends();
	node("rest", 0);
	write_cells(&writer, "interrupts", 5, 1, 2, 3, 4, 5);
	node_ends();
	node_ends();
	node("wide", SECOND);
	controller_is(FDT_MAX_INTERRUPT_CELLS + 1);
	node("device", 0);
	write_cells(&writer, "interrupts", 5, 1, 2, 3, 4, 5);
	node_ends();
	node_ends();
	node("without", 3);
	write_value(&writer, "interrupt-controller", "", 0);
	node_ends();
	node("extended", 0);
	write_cells(&writer, "interrupts-extended", 7, 3, 7, GIC, 1, 2, 3, 4);
	node_ends();
	CHECK_EQ(open_it(), 0);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/gic/device"), 0, &interrupt), 0);
	CHECK(interrupt.cells == 4 && interrupt.cell[3] == 4);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/gic/cascaded"), 0, &interrupt), 0);
	CHECK(interrupt.cells == 4 && interrupt.cell[3] == 8);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/gic/rest"), 0, &interrupt), ERR_FORMAT);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/wide/device"), 0, &interrupt), ERR_FORMAT);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/wide/device"), 1, &interrupt), ERR_FORMAT);
	interrupt.cells = 1;
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/extended"), 0, &interrupt), ERR_FORMAT);
	interrupt.cells = 1;
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/extended"), 1, &interrupt), ERR_FORMAT);
}

/* A nexus that wants a unit address of `addresses` cells, and whose map leads to a controller that wants one of
 * `above` cells and a specifier of `specifier`; `count` cells of the map, and `more` bytes. */
static int through_a_map(uint32_t addresses, uint32_t above, uint32_t specifier, unsigned count,
			 unsigned more)
{
	struct fdt_interrupt interrupt;
	unsigned char map[128] = { 0 };

	write_put32(map + 4 * addresses, 7); /* the address is 0 */
	write_put32(map + 4 * (addresses + 1), GIC);
	begin();
	node("gic", GIC);
	cell("#address-cells", above);
	controller_is(specifier);
	node_ends();
	node("nexus", 0);
	cell("#address-cells", addresses);
	cell("#interrupt-cells", 1);
	write_value(&writer, "interrupt-map", map, 4 * count + more);
	node("device", 0);
	write_cells(&writer, "reg", 9, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	cell("interrupts", 7);
	node_ends();
	node_ends();
	CHECK_EQ(open_it(), 0);
	int error = fdt_interrupt(&fdt, fdt_path(&fdt, "/nexus/device"), 0, &interrupt);
	if (!error)
		CHECK_EQ(interrupt.cells, specifier);
	return error;
}

static void cells_of_maps(void)
{
	CHECK_EQ(through_a_map(1, 0, 1, 4, 0), 0);
	CHECK_EQ(through_a_map(1, 0, 1, 4, 1), ERR_FORMAT); /* an entry and a byte */
	CHECK_EQ(through_a_map(3, 3, 4, 12, 0), 0);         /* as many as there may be */
	CHECK_EQ(through_a_map(4, 0, 1, 7, 0), ERR_FORMAT);
	CHECK_EQ(through_a_map(9, 0, 1, 12, 0), ERR_FORMAT);
	CHECK_EQ(through_a_map(1, 4, 4, 11, 0), ERR_FORMAT);
	CHECK_EQ(through_a_map(1, 3, 1, 5, 0), ERR_FORMAT); /* cut off in the parent's address */
}

/* A map that ends before its entry does, where what follows in the tree would make that whole: the next property's
 * token, which is a controller's phandle. */
static void a_map_that_is_cut_off(void)
{
	struct fdt_interrupt interrupt;

	begin();
	node("gic", 3);
	controller_is(1);
	node_ends();
	node("nexus", 0);
	cell("#address-cells", 0);
	cell("#interrupt-cells", 1);
	write_cells(&writer, "interrupt-map", 1, 7);
	cell("next", 0);
	node("device", 0);
	cell("interrupts", 7);
	node_ends();
	node_ends();
	CHECK_EQ(open_it(), 0);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/nexus/device"), 0, &interrupt), ERR_FORMAT);
}

#define MANY 1024 /* entries of a map that are looked at */

/* A map whose last entry is the one that is wanted. */
static int through_a_long_map(unsigned entries)
{
	static unsigned char map[12 * (MANY + 1)];
	struct fdt_interrupt interrupt;

	for (unsigned i = 0; i < entries; i++) {
		write_put32(map + 12 * i, i + 1 == entries ? 7 : 8);
		write_put32(map + 12 * i + 4, GIC);
	}
	begin();
	node("gic", GIC);
	controller_is(1);
	node_ends();
	node("nexus", 0);
	cell("#address-cells", 0);
	cell("#interrupt-cells", 1);
	write_value(&writer, "interrupt-map", map, 12 * entries);
	node("device", 0);
	cell("interrupts", 7);
	node_ends();
	node_ends();
	CHECK_EQ(open_it(), 0);
	return fdt_interrupt(&fdt, fdt_path(&fdt, "/nexus/device"), 0, &interrupt);
}

static void maps_of_many_entries(void)
{
	CHECK_EQ(through_a_long_map(MANY), 0);
	CHECK_EQ(through_a_long_map(MANY + 1), ERR_NODEV);
}

/* So many maps, each of which leads to the next one, and the last to the controller. */
static int through_a_chain(unsigned length)
{
	struct fdt_interrupt interrupt;

	begin();
	for (unsigned i = 0; i < length; i++) {
		node("nexus", i + 2);
		cell("#interrupt-cells", 1);
		cell("#address-cells", 0);
		write_cells(&writer, "interrupt-map", 3, 7, i + 1 == length ? GIC : i + 3, 7);
		node_ends();
	}
	node("gic", GIC);
	controller_is(1);
	node_ends();
	node("device", 0);
	write_cells(&writer, "interrupts-extended", 2, 2, 7);
	node_ends();
	CHECK_EQ(open_it(), 0);
	return fdt_interrupt(&fdt, fdt_path(&fdt, "/device"), 0, &interrupt);
}

static void chains_of_maps(void)
{
	CHECK_EQ(through_a_chain(FDT_MAX_DEPTH - 1), 0);
	CHECK_EQ(through_a_chain(FDT_MAX_DEPTH), ERR_FORMAT);
}

static int pci_interrupt(uint32_t addresses, uint32_t specifier)
{
	struct fdt_interrupt interrupt;

	begin();
	node("gic", GIC);
	controller_is(1);
	node_ends();
	node("pci", 0);
	cell("#address-cells", addresses);
	cell("#interrupt-cells", specifier);
	write_cells(&writer, "interrupt-map", 6, 0, 0, 0, 1, GIC, 7);
	node_ends();
	CHECK_EQ(open_it(), 0);
	return fdt_pci_interrupt(&fdt, fdt_path(&fdt, "/pci"), 0, 0, 0, 1, &interrupt);
}

static void cells_of_a_pci_bridge(void)
{
	CHECK_EQ(pci_interrupt(3, 1), 0);
	CHECK_EQ(pci_interrupt(2, 1), ERR_FORMAT);
	CHECK_EQ(pci_interrupt(3, 2), ERR_FORMAT);
}

static void entries_of_an_msi_map(void)
{
	int controller = -1;
	uint32_t id = 0;

	begin();
	node("its", GIC);
	node_ends();
	node("pci", 0);
	write_cells(&writer, "msi-map", 12, 0x100, GIC, 0x500, 0x10, /* */
		    0x200, 99, 0, 1,                                 /* nobody has that phandle */
		    0x300, GIC, 0, UINT32_MAX); /* up to where it wraps around */
	node_ends();
	CHECK_EQ(open_it(), 0);
	int bridge = fdt_path(&fdt, "/pci");
	CHECK_EQ(fdt_msi(&fdt, bridge, 0x100, &controller, &id), 0); /* the first of them */
	CHECK_EQ(id, 0x500);
	CHECK_EQ(fdt_msi(&fdt, bridge, 0x200, &controller, &id), ERR_FORMAT);
	CHECK_EQ(fdt_msi(&fdt, bridge, 0x10, &controller, &id), ERR_NODEV);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(where_blocks_may_be),   CHECK_CASE(structure_cut_off_anywhere),
		CHECK_CASE(header_fields),         CHECK_CASE(reservations),
		CHECK_CASE(tokens_in_no_order),    CHECK_CASE(a_node_between_words),
		CHECK_CASE(errors_go_through),     CHECK_CASE(changed_while_open),
		CHECK_CASE(names_and_compatible),  CHECK_CASE(the_ends_of_ranges),
		CHECK_CASE(buses_without_cells),   CHECK_CASE(behind_the_last_range),
		CHECK_CASE(cells_of_pci_ranges),   CHECK_CASE(the_root_as_a_controller),
		CHECK_CASE(cells_of_specifiers),   CHECK_CASE(cells_of_maps),
		CHECK_CASE(a_map_that_is_cut_off), CHECK_CASE(maps_of_many_entries),
		CHECK_CASE(chains_of_maps),        CHECK_CASE(cells_of_a_pci_bridge),
		CHECK_CASE(entries_of_an_msi_map), CHECK_END,
	});
}
