/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/fdt*.c: what a tree says, and that no blob, cut off or changed at whatever byte, leads
 * anything astray (FAULTS 45). Trees are made by fdt_writer.h; each attacked copy is on the heap
 * with not a byte more, so that the sanitizers see the first access outside.
 */
#include "lib/fdt.h"

#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/fdt_writer.h"

enum { GIC = 1, ITS = 2, NEXUS = 3, LOOP = 4, V2M = 5 };

/* ---- A tree with everything in it -------------------------------------------- */

static void write_bus(struct fdt_writer *w)
{
	write_node(w, "soc@10000000");
	write_cells(w, "#address-cells", 1, 1);
	write_cells(w, "#size-cells", 1, 1);
	/* Two ranges: 0…0xffff at 0x1_10000000, 0x20000… at 0x20000000. */
	write_cells(w, "ranges", 8, 0, 0x1, 0x10000000, 0x10000, 0x20000, 0, 0x20000000, 0x1000);

	write_node(w, "inner");
	write_cells(w, "#address-cells", 1, 2);
	write_cells(w, "#size-cells", 1, 2);
	write_cells(w, "ranges", 5, 0, 0x40, 0x8000, 0, 0x8000);
	write_node(w, "deep@50");
	write_cells(w, "reg", 4, 0, 0x50, 0, 0x10);
	write_close(w);
	write_node(w, "outside@9000");
	write_cells(w, "reg", 4, 0, 0x9000, 0, 0x10);
	write_close(w);
	write_close(w);

	write_node(w, "same");
	write_cells(w, "#address-cells", 1, 1);
	write_cells(w, "#size-cells", 1, 1);
	write_value(w, "ranges", "", 0);
	write_node(w, "dev@20010");
	write_cells(w, "reg", 4, 0x20010, 0x10, 0xffff, 2);
	write_close(w);
	write_close(w);

	write_node(w, "apart");
	write_cells(w, "#address-cells", 1, 1);
	write_cells(w, "#size-cells", 1, 0);
	write_node(w, "cpu@1");
	write_cells(w, "reg", 1, 1);
	write_close(w);
	write_close(w);
	write_close(w);
}

static void write_controllers(struct fdt_writer *w)
{
	write_node(w, "intc@8000000");
	write_cells(w, "phandle", 1, GIC);
	write_text(w, "compatible", "arm,gic-v3");
	write_cells(w, "#interrupt-cells", 1, 3);
	write_cells(w, "#address-cells", 1, 2);
	write_cells(w, "#size-cells", 1, 2);
	write_value(w, "interrupt-controller", "", 0);
	write_value(w, "ranges", "", 0);
	write_cells(w, "reg", 8, 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000);
	write_node(w, "its@8080000");
	write_cells(w, "phandle", 1, ITS);
	write_text(w, "compatible", "arm,gic-v3-its");
	write_cells(w, "reg", 4, 0, 0x8080000, 0, 0x20000);
	write_close(w);
	write_close(w);

	/* A nexus with two cells to a specifier, whose parent wants three and no unit address. */
	write_node(w, "nexus");
	write_cells(w, "phandle", 1, NEXUS);
	write_cells(w, "#address-cells", 1, 0);
	write_cells(w, "#interrupt-cells", 1, 2);
	write_cells(w, "interrupt-map-mask", 2, 0xff, 0);
	write_cells(w, "interrupt-map", 16, 1, 0, GIC, 0, 0, 0, 71, 1, 2, 0, GIC, 0, 0, 0, 72, 4);
	write_close(w);

	write_node(w, "loop");
	write_cells(w, "phandle", 1, LOOP);
	write_cells(w, "#address-cells", 1, 0);
	write_cells(w, "#interrupt-cells", 1, 1);
	write_cells(w, "interrupt-map", 3, 1, LOOP, 1);
	write_close(w);
}

static void write_pci(struct fdt_writer *w)
{
	write_node(w, "pcie@10000000");
	write_text(w, "compatible", "pci-host-ecam-generic");
	write_text(w, "device_type", "pci");
	write_cells(w, "#address-cells", 1, 3);
	write_cells(w, "#size-cells", 1, 2);
	write_cells(w, "#interrupt-cells", 1, 1);
	write_cells(w, "bus-range", 2, 0, 255);
	write_cells(w, "reg", 4, 0x40, 0x10000000, 0, 0x10000000);
	write_cells(w, "ranges", 28, 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, /* I/O */
		    0x00000000, 0, 0, 0, 0x3f000000, 0, 0x10000,             /* configuration */
		    0x02000000, 0, 0x10000000, 0, 0x50000000, 0, 0x2eff0000, /* memory */
		    0x43000000, 0x80, 0, 0x80, 0, 0x80, 0); /* 64-bit prefetchable */
	write_cells(w, "interrupt-map-mask", 4, 0x1800, 0, 0, 7);
	write_cells(w, "interrupt-map", 37, 0, 0, 0, 1, GIC, 0, 0, 0, 3, 4, /* device 0, INTA */
		    0, 0, 0, 2, GIC, 0, 0, 0, 4, 4,                         /* device 0, INTB */
		    0x800, 0, 0, 1, GIC, 0, 0, 0, 4, 4,                     /* device 1, INTA */
		    0x800, 0, 0, 2, NEXUS, 2, 0x55); /* by way of the nexus */
	write_cells(w, "msi-map-mask", 1, 0xffff);
	write_cells(w, "msi-map", 8, 0, ITS, 0x100, 0x1000, 0x1000, GIC, 0, 0x100);
	write_close(w);
}

static void write_all(struct fdt_writer *w)
{
	write_begin(w, 0x48000000);
	write_text(w, "compatible", "test,machine");
	write_cells(w, "#address-cells", 1, 2);
	write_cells(w, "#size-cells", 1, 2);
	write_cells(w, "interrupt-parent", 1, GIC);
	write_nop(w);

	write_node(w, "aliases");
	write_text(w, "serial0", "/uart@9000000");
	write_text(w, "relative", "uart@9000000");
	write_text(w, "again", "serial0");
	write_close(w);

	write_node(w, "uart@9000000");
	write_value(w, "compatible", "arm,pl011\0arm,primecell", 24);
	write_cells(w, "reg", 4, 0, 0x9000000, 0, 0x1000);
	write_cells(w, "interrupts", 6, 0, 1, 4, 0, 2, 4);
	write_close(w);

	write_node(w, "uart@9040000");
	write_value(w, "compatible", "arm,pl011\0arm,primecell", 24);
	write_text(w, "status", "disabled");
	write_close(w);

	write_node(w, "uart@9080000");
	write_nop(w);
	write_text(w, "compatible", "arm,pl011");
	write_text(w, "status", "okay");
	write_cells(w, "reg", 8, 0xffffffff, 0xfffff000, 0, 0x1001, 0, 0, 0, 1);
	write_cells(w, "interrupts-extended", 7, GIC, 0, 5, 4, NEXUS, 2, 0x77);
	write_close(w);

	write_node(w, "looped");
	write_cells(w, "interrupts-extended", 2, LOOP, 1);
	write_close(w);

	write_bus(w);
	write_controllers(w);
	write_pci(w);
	write_finish(w);
}

static struct fdt_writer writer;

/* The tree opened; a failed check and an empty root otherwise. */
static struct fdt open_all(void)
{
	struct fdt fdt;

	write_all(&writer);
	CHECK_EQ(fdt_open(&fdt, writer.blob, sizeof writer.blob), 0);
	return fdt;
}

/* ---- What it says -------------------------------------------------------------- */

static void header_and_reservations(void)
{
	struct fdt fdt = open_all();
	uint64_t address, size;

	CHECK_EQ(fdt.size, writer.size);
	CHECK_EQ(fdt_reservation(&fdt, 0, &address, &size), 0);
	CHECK_EQ(address, 0x48000000);
	CHECK_EQ(size, 0x1000);
	CHECK_EQ(fdt_reservation(&fdt, 1, &address, &size), ERR_NODEV);
}

static void nodes(void)
{
	struct fdt fdt = open_all();
	int root = fdt_root(&fdt), aliases = fdt_first_child(&fdt, root);
	int deep = fdt_path(&fdt, "/soc@10000000/inner/deep@50");
	unsigned count = 0;

	CHECK_EQ(root, 0);
	CHECK_TEXT(fdt_name(&fdt, root), "");
	CHECK_TEXT(fdt_name(&fdt, aliases), "aliases");
	CHECK_EQ(fdt_first_child(&fdt, aliases), ERR_NODEV);
	CHECK_TEXT(fdt_name(&fdt, fdt_next_sibling(&fdt, aliases)), "uart@9000000");
	CHECK_EQ(fdt_next_sibling(&fdt, root), ERR_NODEV);

	CHECK_TEXT(fdt_name(&fdt, deep), "deep@50");
	CHECK_TEXT(fdt_name(&fdt, fdt_parent(&fdt, deep)), "inner");
	CHECK_TEXT(fdt_name(&fdt, fdt_parent(&fdt, fdt_parent(&fdt, deep))), "soc@10000000");
	CHECK_EQ(fdt_parent(&fdt, aliases), root);
	CHECK_EQ(fdt_parent(&fdt, root), ERR_NODEV);

	for (int node = root; node >= 0; node = fdt_next(&fdt, node))
		count++;
	CHECK_EQ(count, 19);
}

static void what_is_no_node(void)
{
	struct fdt fdt = open_all();

	/* An error goes through, and what does not begin a node is refused. */
	CHECK_EQ(fdt_next(&fdt, ERR_NODEV), ERR_NODEV);
	CHECK_EQ(fdt_parent(&fdt, ERR_FORMAT), ERR_FORMAT);
	CHECK_EQ(fdt_next(&fdt, 2), ERR_FORMAT);
	CHECK_EQ(fdt_next(&fdt, 8), ERR_FORMAT);
	CHECK_EQ(fdt_first_child(&fdt, 1 << 30), ERR_FORMAT);
	CHECK_EQ(fdt_parent(&fdt, 8), ERR_FORMAT);
	CHECK(fdt_name(&fdt, -1) == NULL);
	CHECK(fdt_property(&fdt, 8, "reg", NULL) == NULL);
}

static void paths(void)
{
	struct fdt fdt = open_all();
	int uart = fdt_path(&fdt, "/uart@9000000");

	CHECK(uart > 0);
	CHECK_EQ(fdt_path(&fdt, "/"), 0);
	CHECK_EQ(fdt_path(&fdt, "/uart@9000000:115200n8"), uart);
	CHECK_EQ(fdt_path(&fdt, "serial0"), uart);
	CHECK_EQ(fdt_path(&fdt, "serial0:115200"), uart);
	CHECK_EQ(fdt_path(&fdt, "/uart"), uart);
	CHECK_EQ(fdt_path(&fdt, "/uar"), ERR_NODEV);
	CHECK_EQ(fdt_path(&fdt, "/uart@90000000"), ERR_NODEV);
	CHECK_EQ(fdt_path(&fdt, "/uart@9000000/x"), ERR_NODEV);
	CHECK_EQ(fdt_path(&fdt, ""), ERR_NODEV);
	CHECK_EQ(fdt_path(&fdt, "serial1"), ERR_NODEV);
	/* What an alias stands for is a full path. */
	CHECK_EQ(fdt_path(&fdt, "relative"), ERR_FORMAT);
	CHECK_EQ(fdt_path(&fdt, "again"), ERR_FORMAT);
	CHECK_EQ(fdt_path(&fdt, "a-name-with-more-characters-than-a-name-has"), ERR_NODEV);
}

static void properties(void)
{
	struct fdt fdt = open_all();
	int root = fdt_root(&fdt), uart = fdt_path(&fdt, "/uart@9000000");
	size_t length = 77;

	CHECK(fdt_property(&fdt, uart, "compatible", &length) != NULL);
	CHECK_EQ(length, 24);
	CHECK(fdt_property(&fdt, uart, "compat", NULL) == NULL);
	CHECK(fdt_property(&fdt, root, "status", NULL) == NULL); /* a child's, not its own */
	CHECK_TEXT(fdt_string(&fdt, root, "compatible"), "test,machine");
	CHECK(fdt_string(&fdt, uart, "compatible") == NULL); /* two strings */
	CHECK(fdt_string(&fdt, uart, "reg") == NULL);        /* not terminated */
	CHECK_EQ(fdt_cell(&fdt, uart, "interrupts", 4, 99), 2);
	CHECK_EQ(fdt_cell(&fdt, uart, "interrupts", 6, 99), 99);
	CHECK_EQ(fdt_cell(&fdt, uart, "nothing", 0, 98), 98);
	CHECK_EQ(fdt_phandle(&fdt, GIC), fdt_path(&fdt, "/intc"));
	CHECK_EQ(fdt_phandle(&fdt, 0), ERR_NODEV);
	CHECK_EQ(fdt_phandle(&fdt, 1234), ERR_NODEV);
}

static void compatible(void)
{
	struct fdt fdt = open_all();
	int first = fdt_compatible(&fdt, -1, "arm,pl011");
	int second = fdt_compatible(&fdt, first, "arm,pl011");

	CHECK_TEXT(fdt_name(&fdt, first), "uart@9000000");
	CHECK_TEXT(fdt_name(&fdt, second), "uart@9080000"); /* the other one is disabled */
	CHECK_EQ(fdt_compatible(&fdt, second, "arm,pl011"), ERR_NODEV);
	CHECK_EQ(fdt_compatible(&fdt, -1, "arm,primecell"), first);
	CHECK_EQ(fdt_compatible(&fdt, -1, "arm,pl01"), ERR_NODEV);
	CHECK_EQ(fdt_compatible(&fdt, -1, ""), ERR_NODEV);
}

/* ---- Addresses ----------------------------------------------------------------- */

static int reg(const struct fdt *fdt, const char *path, unsigned index, uint64_t *address)
{
	uint64_t size;
	*address = 0;
	return fdt_reg(fdt, fdt_path(fdt, path), index, address, &size);
}

static void addresses(void)
{
	struct fdt fdt = open_all();
	uint64_t address, size;

	CHECK_EQ(fdt_reg(&fdt, fdt_path(&fdt, "/intc"), 1, &address, &size), 0);
	CHECK_EQ(address, 0x80a0000);
	CHECK_EQ(size, 0xf60000);
	CHECK_EQ(reg(&fdt, "/intc", 2, &address), ERR_NODEV);
	CHECK_EQ(reg(&fdt, "/nexus", 0, &address), ERR_NODEV);

	/* Up to 2^64 is too far: nobody could compute the end. */
	CHECK_EQ(reg(&fdt, "/uart@9080000", 0, &address), ERR_FORMAT);
	CHECK_EQ(reg(&fdt, "/uart@9080000", 1, &address), 0);
}

static void translation(void)
{
	struct fdt fdt = open_all();
	uint64_t address;

	/* 0x50 → 0x8010 on the outer bus → 0x1_10008010. */
	CHECK_EQ(reg(&fdt, "/soc/inner/deep@50", 0, &address), 0);
	CHECK_EQ(address, 0x110008010);
	CHECK_EQ(reg(&fdt, "/soc/inner/outside", 0, &address), ERR_UNSUPPORTED);
	CHECK_EQ(reg(&fdt, "/soc/same/dev", 0, &address), 0);
	CHECK_EQ(address, 0x20000010);
	/* The second entry leaves the range that it begins in. */
	CHECK_EQ(reg(&fdt, "/soc/same/dev", 1, &address), ERR_UNSUPPORTED);
	CHECK_EQ(reg(&fdt, "/soc/apart/cpu@1", 0, &address), ERR_UNSUPPORTED);
	CHECK_EQ(reg(&fdt, "/intc/its", 0, &address), 0);
	CHECK_EQ(address, 0x8080000);
}

/* A root with one bus of these cell counts and ranges, and a device on it. */
static int translate_through(unsigned address_cells, unsigned size_cells, unsigned range_cells,
			     uint64_t *address)
{
	struct fdt fdt;
	uint64_t size;

	write_begin(&writer, 0);
	write_node(&writer, "bus");
	write_cells(&writer, "#address-cells", 1, address_cells);
	write_cells(&writer, "#size-cells", 1, size_cells);
	write_cells(&writer, "ranges", (int)range_cells, 0, 0xffffffff, 0xffffff00, 0x200, 0, 0, 0);
	write_node(&writer, "device");
	write_cells(&writer, "reg", 2, 0x10, 0x10);
	write_close(&writer);
	write_close(&writer);
	write_finish(&writer);
	if (fdt_open(&fdt, writer.blob, writer.size))
		return 1;
	return fdt_reg(&fdt, fdt_path(&fdt, "/bus/device"), 0, address, &size);
}

static void bad_cells(void)
{
	uint64_t address;

	CHECK_EQ(translate_through(1, 1, 4, &address), ERR_FORMAT); /* the range wraps around */
	CHECK_EQ(translate_through(1, 1, 3, &address), ERR_FORMAT); /* half an entry */
	CHECK_EQ(translate_through(1, 3, 5, &address), ERR_FORMAT);
	CHECK_EQ(translate_through(3, 1, 6, &address), ERR_FORMAT);
	CHECK_EQ(translate_through(0, 1, 3, &address), ERR_FORMAT);
	CHECK_EQ(translate_through(0xffffffff, 2, 4, &address), ERR_FORMAT);
	CHECK_EQ(translate_through(2, 0xffffffff, 4, &address), ERR_FORMAT);
}

static void pci_ranges(void)
{
	struct fdt fdt = open_all();
	int bridge = fdt_compatible(&fdt, -1, "pci-host-ecam-generic");
	struct fdt_pci_range range;

	CHECK_EQ(fdt_pci_range(&fdt, bridge, 0, &range), 0);
	CHECK(range.io && !range.bits64 && range.cpu == 0x3eff0000 && range.size == 0x10000);
	CHECK_EQ(fdt_pci_range(&fdt, bridge, 1, &range), 0); /* configuration does not count */
	CHECK(!range.io && !range.bits64 && !range.prefetchable);
	CHECK_EQ(range.pci, 0x10000000);
	CHECK_EQ(range.cpu, 0x50000000);
	CHECK_EQ(range.size, 0x2eff0000);
	CHECK_EQ(fdt_pci_range(&fdt, bridge, 2, &range), 0);
	CHECK(!range.io && range.bits64 && range.prefetchable && range.pci == 0x8000000000);
	CHECK_EQ(fdt_pci_range(&fdt, bridge, 3, &range), ERR_NODEV);
	CHECK_EQ(fdt_pci_range(&fdt, fdt_path(&fdt, "/soc"), 0, &range), ERR_FORMAT);
	CHECK_EQ(fdt_pci_range(&fdt, fdt_path(&fdt, "/uart"), 0, &range), ERR_NODEV);
}

/* A host bridge with one range, of these upper halves of its PCI and CPU addresses. */
static int one_pci_range(uint32_t pci, uint32_t cpu)
{
	struct fdt fdt;
	struct fdt_pci_range range;

	write_begin(&writer, 0);
	write_cells(&writer, "ranges", 1, 0); /* the root has nothing above it */
	write_node(&writer, "pci");
	write_cells(&writer, "#address-cells", 1, 3);
	write_cells(&writer, "#size-cells", 1, 2);
	write_cells(&writer, "ranges", 7, 0x02000000, pci, 0xffff0000, cpu, 0xffff0000, 0, 0x10000);
	write_close(&writer);
	write_finish(&writer);
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), 0);
	CHECK_EQ(fdt_pci_range(&fdt, fdt_root(&fdt), 0, &range), ERR_NODEV);
	return fdt_pci_range(&fdt, fdt_path(&fdt, "/pci"), 0, &range);
}

static void pci_ranges_that_wrap_around(void)
{
	CHECK_EQ(one_pci_range(1, 1), 0);
	CHECK_EQ(one_pci_range(0xffffffff, 1), ERR_FORMAT);
	CHECK_EQ(one_pci_range(1, 0xffffffff), ERR_FORMAT);
}

static void names_that_are_too_much_alike(void)
{
	struct fdt fdt;

	write_begin(&writer, 0);
	write_node(&writer, "uar");
	write_close(&writer);
	write_node(&writer, "uart-extra");
	write_close(&writer);
	write_node(&writer, "uart");
	write_cells(&writer, "phandle", 1, UINT32_MAX);
	write_text(&writer, "compatible", "a");
	write_text(&writer, "status", "ok");
	write_close(&writer);
	write_finish(&writer);
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), 0);
	CHECK_TEXT(fdt_name(&fdt, fdt_path(&fdt, "/uart")), "uart");
	CHECK_EQ(fdt_path(&fdt, "/uart-extra-long"), ERR_NODEV);
	CHECK_EQ(fdt_phandle(&fdt, UINT32_MAX), ERR_NODEV); /* stands for none */
	CHECK_EQ(fdt_compatible(&fdt, -1, "a"), fdt_path(&fdt, "/uart"));
}

/* ---- Interrupts ------------------------------------------------------------------ */

static void check_gic(const struct fdt *fdt, const struct fdt_interrupt *interrupt, uint32_t number,
		      uint32_t flags)
{
	CHECK_EQ(interrupt->controller, fdt_path(fdt, "/intc"));
	CHECK_EQ(interrupt->cells, 3);
	CHECK_EQ(interrupt->cell[0], 0);
	CHECK_EQ(interrupt->cell[1], number);
	CHECK_EQ(interrupt->cell[2], flags);
}

static void interrupts(void)
{
	struct fdt fdt = open_all();
	int uart = fdt_path(&fdt, "/uart@9000000"), extended = fdt_path(&fdt, "/uart@9080000");
	struct fdt_interrupt interrupt;

	CHECK_EQ(fdt_interrupt(&fdt, uart, 1, &interrupt), 0); /* the parent is the root's */
	check_gic(&fdt, &interrupt, 2, 4);
	CHECK_EQ(fdt_interrupt(&fdt, uart, 2, &interrupt), ERR_NODEV);
	CHECK_EQ(fdt_interrupt(&fdt, uart, UINT32_MAX, &interrupt), ERR_NODEV);

	CHECK_EQ(fdt_interrupt(&fdt, extended, 0, &interrupt), 0);
	check_gic(&fdt, &interrupt, 5, 4);
	CHECK_EQ(fdt_interrupt(&fdt, extended, 1, &interrupt), 0); /* through the nexus */
	check_gic(&fdt, &interrupt, 72, 4);
	CHECK_EQ(fdt_interrupt(&fdt, extended, 2, &interrupt), ERR_NODEV);

	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/looped"), 0, &interrupt), ERR_FORMAT);
	CHECK_EQ(fdt_interrupt(&fdt, fdt_path(&fdt, "/nexus"), 0, &interrupt), ERR_NODEV);
}

static void pci_interrupts(void)
{
	struct fdt fdt = open_all();
	int bridge = fdt_compatible(&fdt, -1, "pci-host-ecam-generic");
	struct fdt_interrupt interrupt;

	CHECK_EQ(fdt_pci_interrupt(&fdt, bridge, 0, 0, 0, 2, &interrupt), 0);
	check_gic(&fdt, &interrupt, 4, 4);
	CHECK_EQ(fdt_pci_interrupt(&fdt, bridge, 0, 1, 0, 1, &interrupt), 0);
	check_gic(&fdt, &interrupt, 4, 4);
	CHECK_EQ(fdt_pci_interrupt(&fdt, bridge, 0, 1, 0, 2, &interrupt), 0);
	check_gic(&fdt, &interrupt, 72, 4);
	/* Function, bus and the device's upper bits are masked out. */
	CHECK_EQ(fdt_pci_interrupt(&fdt, bridge, 9, 4, 7, 1, &interrupt), 0);
	check_gic(&fdt, &interrupt, 3, 4);
	CHECK_EQ(fdt_pci_interrupt(&fdt, bridge, 0, 2, 0, 1, &interrupt), ERR_NODEV);
	CHECK_EQ(fdt_pci_interrupt(&fdt, fdt_path(&fdt, "/uart"), 0, 0, 0, 1, &interrupt),
		 ERR_NODEV);
}

static void msi(void)
{
	struct fdt fdt = open_all();
	int bridge = fdt_compatible(&fdt, -1, "pci-host-ecam-generic"), controller = -1;
	uint32_t id = 0;

	CHECK_EQ(fdt_msi(&fdt, bridge, 0x18, &controller, &id), 0);
	CHECK_EQ(controller, fdt_phandle(&fdt, ITS));
	CHECK_EQ(id, 0x118);
	CHECK_EQ(fdt_msi(&fdt, bridge, 0x10008, &controller, &id), 0); /* masked */
	CHECK_EQ(id, 0x108);
	CHECK_EQ(fdt_msi(&fdt, bridge, 0x10ff, &controller, &id), 0);
	CHECK_EQ(controller, fdt_phandle(&fdt, GIC));
	CHECK_EQ(id, 0xff);
	CHECK_EQ(fdt_msi(&fdt, bridge, 0x1100, &controller, &id), ERR_NODEV);
	CHECK_EQ(fdt_msi(&fdt, fdt_path(&fdt, "/uart"), 1, &controller, &id), ERR_NODEV);

	write_begin(&writer, 0);
	write_cells(&writer, "msi-parent", 1, V2M);
	write_node(&writer, "v2m");
	write_cells(&writer, "phandle", 1, V2M);
	write_close(&writer);
	write_finish(&writer);
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), 0);
	CHECK_EQ(fdt_msi(&fdt, 0, 0x1234, &controller, &id), 0);
	CHECK_EQ(controller, fdt_path(&fdt, "/v2m"));
	CHECK_EQ(id, 0x1234);
}

/* A nexus with these cells as its map, a mask of two cells, and a device below it. */
static int map_interrupt(const uint32_t *map, unsigned bytes, unsigned mask_cells,
			 unsigned reg_cells)
{
	struct fdt fdt;
	struct fdt_interrupt interrupt;
	unsigned char value[64];

	for (unsigned i = 0; i < (bytes + 3) / 4; i++)
		write_put32(value + 4 * i, map[i]);
	write_begin(&writer, 0);
	write_node(&writer, "gic");
	write_cells(&writer, "phandle", 1, GIC);
	write_cells(&writer, "#interrupt-cells", 1, 1);
	write_value(&writer, "interrupt-controller", "", 0);
	write_close(&writer);
	write_node(&writer, "nexus");
	write_cells(&writer, "#address-cells", 1, 1);
	write_cells(&writer, "#interrupt-cells", 1, 1);
	write_value(&writer, "interrupt-map", value, bytes);
	write_cells(&writer, "interrupt-map-mask", (int)mask_cells, 0xff, 0xff, 0xff);
	write_node(&writer, "device");
	write_cells(&writer, "reg", (int)reg_cells, 5);
	write_cells(&writer, "interrupts", 1, 7); /* the nexus above is what it is meant for */
	write_close(&writer);
	write_close(&writer);
	write_finish(&writer);
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), 0);
	int error = fdt_interrupt(&fdt, fdt_path(&fdt, "/nexus/device"), 0, &interrupt);
	if (!error)
		CHECK_EQ(interrupt.cell[0], 42);
	return error;
}

static void interrupt_maps(void)
{
	const uint32_t good[] = { 4, 7, GIC, 41, 5, 7, GIC, 42 };
	const uint32_t nobody[] = { 5, 7, 99, 42 };

	CHECK_EQ(map_interrupt(good, 32, 2, 1), 0);
	CHECK_EQ(map_interrupt(good, 16, 2, 1), ERR_NODEV);
	CHECK_EQ(map_interrupt(good, 31, 2, 1), ERR_FORMAT); /* no whole cells */
	CHECK_EQ(map_interrupt(good, 32, 3, 1), ERR_FORMAT); /* a mask of another length */
	CHECK_EQ(map_interrupt(good, 24, 2, 1), ERR_FORMAT); /* cut off before the parent */
	CHECK_EQ(map_interrupt(good, 28, 2, 1), ERR_FORMAT); /* and behind it */
	CHECK_EQ(map_interrupt(good, 32, 2, 0), ERR_FORMAT); /* the device has no address */
	CHECK_EQ(map_interrupt(nobody, 16, 2, 1), ERR_FORMAT);
}

static void interrupt_lists_that_end_early(void)
{
	struct fdt fdt;
	struct fdt_interrupt interrupt;
	int controller;
	uint32_t id;

	write_begin(&writer, 0);
	write_node(&writer, "gic");
	write_cells(&writer, "phandle", 1, GIC);
	write_cells(&writer, "#interrupt-cells", 1, 1);
	write_value(&writer, "interrupt-controller", "", 0);
	write_close(&writer);
	write_node(&writer, "device");
	write_value(&writer, "interrupts-extended", "\0\0\0\1\0\0\0\7\0\0", 10);
	write_cells(&writer, "msi-map", 3, 0, GIC, 0); /* three quarters of an entry */
	write_close(&writer);
	write_finish(&writer);
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), 0);
	int device = fdt_path(&fdt, "/device");
	CHECK_EQ(fdt_interrupt(&fdt, device, 0, &interrupt), 0);
	CHECK_EQ(fdt_interrupt(&fdt, device, 1, &interrupt), ERR_FORMAT);
	CHECK_EQ(fdt_msi(&fdt, device, 0, &controller, &id), ERR_FORMAT);
}

/* ---- Malformed blobs --------------------------------------------------------------- */

/* Opens the tree with one word of the header, or behind it, changed. */
static int open_with(unsigned offset, uint32_t value)
{
	struct fdt fdt;

	write_all(&writer);
	write_put32(writer.blob + offset, value);
	return fdt_open(&fdt, writer.blob, writer.size);
}

static void headers(void)
{
	struct fdt fdt;

	CHECK_EQ(open_with(0, 0xd00dfeed), 0);
	CHECK_EQ(open_with(0, 0xedfe0dd0), ERR_FORMAT);
	CHECK_EQ(open_with(4, writer.size + 1), ERR_FORMAT); /* more than is readable */
	CHECK_EQ(open_with(4, 39), ERR_FORMAT);
	CHECK_EQ(open_with(4, 0xffffffff), ERR_FORMAT);
	CHECK_EQ(open_with(8, 0xfffffffc), ERR_FORMAT);
	CHECK_EQ(open_with(8, 74), ERR_FORMAT); /* unaligned */
	CHECK_EQ(open_with(12, 0xffffffff), ERR_FORMAT);
	CHECK_EQ(open_with(16, 44), ERR_FORMAT); /* unaligned */
	CHECK_EQ(open_with(16, 0xfffffff8), ERR_FORMAT);
	CHECK_EQ(open_with(20, 15), ERR_FORMAT);
	CHECK_EQ(open_with(20, 18), 0); /* newer, and compatible with 17 or older */
	CHECK_EQ(open_with(24, 18), ERR_FORMAT);
	CHECK_EQ(open_with(20, 16), 0); /* has no size of the structure block */
	CHECK_EQ(open_with(32, 0xffffffff), ERR_FORMAT);
	CHECK_EQ(open_with(32, 8), ERR_FORMAT); /* names outside the strings block */
	CHECK_EQ(open_with(36, 0xffffffff), ERR_FORMAT);
	CHECK_EQ(open_with(36, 16), ERR_FORMAT); /* no end in sight */
	CHECK_EQ(fdt_open(&fdt, NULL, 100), ERR_FORMAT);
	CHECK_EQ(fdt_open(&fdt, writer.blob, 3), ERR_FORMAT);
}

static int open_depth(unsigned depth)
{
	struct fdt fdt;

	write_begin(&writer, 0);
	for (unsigned i = 1; i < depth; i++)
		write_node(&writer, "n");
	for (unsigned i = 1; i < depth; i++)
		write_close(&writer);
	write_finish(&writer);
	return fdt_open(&fdt, writer.blob, writer.size);
}

/* What write adds to the root, instead of a tree. */
static int open_written(void (*write)(struct fdt_writer *))
{
	struct fdt fdt;

	write_begin(&writer, 0);
	write(&writer);
	write_finish(&writer);
	return fdt_open(&fdt, writer.blob, writer.size);
}

static void property_after_child(struct fdt_writer *w)
{
	write_node(w, "a");
	write_close(w);
	write_text(w, "late", "x");
}

static void second_root(struct fdt_writer *w)
{
	write_close(w);
	write_node(w, "");
}

static void property_outside(struct fdt_writer *w)
{
	write_close(w);
	write_text(w, "outside", "x");
	write_node(w, "");
}

static void close_too_many(struct fdt_writer *w)
{
	write_close(w);
}

static void unknown_token(struct fdt_writer *w)
{
	write_token(w, 5);
}

static void end_inside(struct fdt_writer *w)
{
	write_token(w, 9);
}

static void length_too_big(struct fdt_writer *w)
{
	write_token(w, 3);
	write_token(w, 0xfffffffd); /* rounded up to words it is 0 */
	write_token(w, 0);
}

static void only_nops(struct fdt_writer *w)
{
	write_nop(w);
	write_nop(w);
}

static void structures(void)
{
	CHECK_EQ(open_depth(FDT_MAX_DEPTH), 0);
	CHECK_EQ(open_depth(FDT_MAX_DEPTH + 1), ERR_FORMAT);
	CHECK_EQ(open_written(only_nops), 0);
	CHECK_EQ(open_written(property_after_child), ERR_FORMAT);
	CHECK_EQ(open_written(second_root), ERR_FORMAT);
	CHECK_EQ(open_written(property_outside), ERR_FORMAT);
	CHECK_EQ(open_written(close_too_many), ERR_FORMAT);
	CHECK_EQ(open_written(unknown_token), ERR_FORMAT);
	CHECK_EQ(open_written(end_inside), ERR_FORMAT);
	CHECK_EQ(open_written(length_too_big), ERR_FORMAT);
}

/* A name that goes on to the block's end, and a value whose padding would lie behind it. */
static void ends_too_early(void)
{
	write_begin(&writer, 0);
	write_node(&writer, "a-name-of-some-length");
	write_finish(&writer);
	struct fdt fdt;

	write_put32(writer.blob + 36, 8 + 4 + 8); /* in the middle of the name */
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), ERR_FORMAT);

	write_begin(&writer, 0);
	write_text(&writer, "a", "x"); /* two bytes, and two of padding */
	write_finish(&writer);
	uint32_t size = fdt_read_cell(writer.blob + 36, 0);
	write_put32(writer.blob + 36, size - 8 - 1); /* without what closes the root, and one */
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), ERR_FORMAT);
	CHECK_EQ(open_with(4, 0x80000000), ERR_FORMAT); /* larger than an int can name */
	write_all(&writer);
	write_put32(writer.blob + 4, 0x80000000);
	CHECK_EQ(fdt_open(&fdt, writer.blob, SIZE_MAX), ERR_FORMAT);
}

static void closed_before_it_began(void)
{
	write_all(&writer);
	struct fdt fdt;
	uint32_t structs = fdt_read_cell(writer.blob + 8, 0);

	write_put32(writer.blob + structs, 2);
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), ERR_FORMAT);
	write_put32(writer.blob + structs, 9);
	CHECK_EQ(fdt_open(&fdt, writer.blob, writer.size), ERR_FORMAT);
}

/* Somebody writes into the tree after it was opened: errors, no more. */
static void changed_while_open(void)
{
	struct fdt fdt = open_all();
	int uart = fdt_path(&fdt, "/uart@9000000"), last = fdt_path(&fdt, "/pcie@10000000");
	int deep = fdt_path(&fdt, "/soc/inner/deep@50");
	unsigned char *structs = writer.blob + fdt.structs;
	uint64_t address, size;

	write_put32(structs + last, 7); /* no token */
	CHECK_EQ(fdt_next_sibling(&fdt, uart) >= 0, 1);
	CHECK_EQ(fdt_next_sibling(&fdt, fdt_path(&fdt, "/loop")), ERR_FORMAT);
	CHECK_EQ(fdt_parent(&fdt, last), ERR_FORMAT);
	CHECK_EQ(fdt_next_sibling(&fdt, fdt_root(&fdt)), ERR_FORMAT);
	write_put32(structs + last, 2); /* closes the root before its time */
	CHECK_EQ(fdt_parent(&fdt, (int)fdt.structs_size - 4), ERR_FORMAT);
	write_put32(structs + last, 9); /* the end, too early */
	CHECK_EQ(fdt_next_sibling(&fdt, fdt_root(&fdt)), ERR_FORMAT);

	/* The root is gone; so nobody is below it. */
	write_put32(structs, 2);
	CHECK_EQ(fdt_root(&fdt), ERR_FORMAT);
	CHECK_EQ(fdt_parent(&fdt, deep), ERR_FORMAT);
	CHECK_EQ(fdt_reg(&fdt, deep, 0, &address, &size), ERR_NODEV);

	/* Nodes without an end. */
	fdt = open_all();
	structs = writer.blob + fdt.structs;
	for (uint32_t at = 0; at + 8 <= fdt.structs_size; at += 8) {
		write_put32(structs + at, 1);
		write_put32(structs + at + 4, 0);
	}
	CHECK_EQ(fdt_parent(&fdt, 8 * (FDT_MAX_DEPTH + 1)), ERR_FORMAT);
}

/* Asks everything of every node. What comes out does not matter here, but that it comes to an
 * end and reads nothing outside: the sanitizers watch. Returns whether the blob could be opened. */
static bool walk_everything(const void *blob, size_t size)
{
	struct fdt fdt;
	unsigned steps = 0;

	if (fdt_open(&fdt, blob, size))
		return false;
	for (int node = fdt_root(&fdt); node >= 0; node = fdt_next(&fdt, node)) {
		uint64_t address, length;
		struct fdt_interrupt interrupt;
		struct fdt_pci_range range;
		uint32_t id;
		int controller;

		if (++steps > size)
			abort();
		(void)strlen(fdt_name(&fdt, node));
		fdt_first_child(&fdt, node);
		fdt_next_sibling(&fdt, node);
		for (unsigned i = 0; fdt_reg(&fdt, node, i, &address, &length) == 0; i++)
			;
		for (unsigned i = 0; fdt_interrupt(&fdt, node, i, &interrupt) == 0; i++)
			;
		for (unsigned i = 0; fdt_pci_range(&fdt, node, i, &range) == 0; i++)
			;
		for (unsigned device = 0; device < 2; device++)
			fdt_pci_interrupt(&fdt, node, 0, device, 0, 2, &interrupt);
		fdt_msi(&fdt, node, 0x1008, &controller, &id);
		fdt_cell(&fdt, node, "reg", 1, 0);
		fdt_string(&fdt, node, "status");
	}
	fdt_compatible(&fdt, -1, "arm,primecell");
	fdt_path(&fdt, "serial0");
	fdt_path(&fdt, "/soc/inner/deep");
	return true;
}

static void cut_off_anywhere(void)
{
	write_all(&writer);
	for (size_t size = 0; size <= writer.size; size++) {
		/* As the loader would hand it over, and with a header that says so. */
		unsigned char *copy = malloc(size ? size : 1);

		memcpy(copy, writer.blob, size);
		CHECK_EQ(walk_everything(copy, size), size == writer.size);
		if (size >= WRITER_HEADER && size < writer.size) {
			write_put32(copy + 4, (uint32_t)size);
			CHECK(!walk_everything(copy, size));
			write_put32(copy + 20, 16); /* then the structure block has no size */
			CHECK(!walk_everything(copy, size));
		}
		free(copy);
	}
}

static void changed_anywhere(void)
{
	static const unsigned char bits[] = { 0x01, 0x02, 0x04, 0x80, 0xff };
	unsigned opened = 0;

	write_all(&writer);
	unsigned char *copy = malloc(writer.size);
	memcpy(copy, writer.blob, writer.size);
	for (size_t at = 0; at < writer.size; at++) {
		for (size_t i = 0; i < sizeof bits; i++) {
			copy[at] = writer.blob[at] ^ bits[i];
			opened += walk_everything(copy, writer.size);
		}
		copy[at] = writer.blob[at];
	}
	free(copy);
	CHECK(opened > writer.size); /* most changes are of values, and the tree still is one */
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(header_and_reservations),
		CHECK_CASE(nodes),
		CHECK_CASE(what_is_no_node),
		CHECK_CASE(paths),
		CHECK_CASE(properties),
		CHECK_CASE(compatible),
		CHECK_CASE(addresses),
		CHECK_CASE(translation),
		CHECK_CASE(bad_cells),
		CHECK_CASE(pci_ranges),
		CHECK_CASE(pci_ranges_that_wrap_around),
		CHECK_CASE(names_that_are_too_much_alike),
		CHECK_CASE(interrupts),
		CHECK_CASE(pci_interrupts),
		CHECK_CASE(msi),
		CHECK_CASE(interrupt_maps),
		CHECK_CASE(interrupt_lists_that_end_early),
		CHECK_CASE(headers),
		CHECK_CASE(structures),
		CHECK_CASE(ends_too_early),
		CHECK_CASE(closed_before_it_began),
		CHECK_CASE(changed_while_open),
		CHECK_CASE(cut_off_anywhere),
		CHECK_CASE(changed_anywhere),
		CHECK_END,
	});
}
