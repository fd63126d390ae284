/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a flattened device tree, and every function of lib/fdt.h over all of its nodes. Of a tree
 * that fdt_open accepts, the different ways through it must tell the same.
 */
#include "lib/fdt.h"

#include "lib/error.h"
#include "tests/fuzz/fuzz.h"

static const char *const names[] = {
	"",        "reg",        "ranges",        "compatible", "status",   "phandle",
	"aliases", "interrupts", "interrupt-map", "msi-map",    "bootargs", "linux,initrd-start",
};
static const char *const paths[] = {
	"/",
	"",
	"/chosen",
	"/soc/uart",
	"/soc/uart@9000000",
	"serial0",
	"serial0/a:b",
	"//soc//",
	"alias",
	"/memory@0",
	"/cpus/cpu@0",
	"a-name-that-is-longer-than-aliases-are",
};
static const char *const compatibles[] = { "virtio,mmio", "pci-host-ecam-generic", "arm,pl011",
					   "" };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void check_interrupt(const struct fdt *fdt, int error, const struct fdt_interrupt *interrupt)
{
	if (error)
		return;
	FUZZ_CHECK(interrupt->cells >= 1 && interrupt->cells <= FDT_MAX_INTERRUPT_CELLS);
	FUZZ_CHECK(fdt_property(fdt, interrupt->controller, "interrupt-controller", NULL));
}

static void read_addresses(const struct fdt *fdt, int node)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t address, size;
		struct fdt_pci_range range;

		if (fdt_reg(fdt, node, i, &address, &size) == 0)
			FUZZ_CHECK(size <= UINT64_MAX - address);
		if (fdt_pci_range(fdt, node, i, &range) == 0) {
			FUZZ_CHECK(range.size <= UINT64_MAX - range.cpu);
			FUZZ_CHECK(range.size <= UINT64_MAX - range.pci);
		}
	}
}

static void read_interrupts(const struct fdt *fdt, int node)
{
	struct fdt_interrupt interrupt;
	int controller;
	uint32_t id;

	for (unsigned i = 0; i < 3; i++)
		check_interrupt(fdt, fdt_interrupt(fdt, node, i, &interrupt), &interrupt);
	for (unsigned pin = 1; pin <= 4; pin += 3)
		check_interrupt(fdt, fdt_pci_interrupt(fdt, node, 0, pin, 0, pin, &interrupt),
				&interrupt);
	for (uint32_t requester = 0; requester < 0x10000; requester += 0xfff) {
		if (fdt_msi(fdt, node, requester, &controller, &id) == 0)
			FUZZ_CHECK(fdt_name(fdt, controller));
	}
}

static void read_properties(const struct fdt *fdt, int node)
{
	const uint8_t *end = fdt->blob + fdt->size;

	for (unsigned i = 0; i < COUNT(names); i++) {
		size_t length = 0, cells = 0;
		const uint8_t *value = fdt_property(fdt, node, names[i], &length);
		const char *text = fdt_string(fdt, node, names[i]);

		if (value) {
			FUZZ_CHECK(value >= fdt->blob && value <= end);
			FUZZ_CHECK(length <= (size_t)(end - value));
			cells = length / 4;
		}
		if (text)
			FUZZ_CHECK(value && strlen(text) + 1 == length);
		FUZZ_CHECK(fdt_cell(fdt, node, names[i], (unsigned)cells, 77) == 77);
		if (cells > 0)
			FUZZ_CHECK(fdt_cell(fdt, node, names[i], 0, 77) == fdt_read_cell(value, 0));
	}
	uint32_t phandle = fdt_cell(fdt, node, "phandle", 0, 0);
	int found = fdt_phandle(fdt, phandle);
	if (found >= 0)
		FUZZ_CHECK(fdt_cell(fdt, found, "phandle", 0, 0) == phandle);
	else
		FUZZ_CHECK(phandle == 0 || phandle == UINT32_MAX);
}

/* A node and all below it, by way of children; their number. */
static unsigned walk(const struct fdt *fdt, int node, unsigned depth)
{
	unsigned count = 1;
	int child;

	FUZZ_CHECK(depth < FDT_MAX_DEPTH);
	read_properties(fdt, node);
	read_addresses(fdt, node);
	read_interrupts(fdt, node);
	for (child = fdt_first_child(fdt, node); child >= 0; child = fdt_next_sibling(fdt, child)) {
		FUZZ_CHECK(fdt_parent(fdt, child) == node);
		count += walk(fdt, child, depth + 1);
	}
	FUZZ_CHECK(child == ERR_NODEV);
	return count;
}

/* Nodes that are none, and errors in the place of nodes: refused. */
static void use_wrongly(const struct fdt *fdt, int node)
{
	uint64_t address, size;

	FUZZ_CHECK(fdt_next(fdt, ERR_NODEV) == ERR_NODEV);
	FUZZ_CHECK(fdt_next(fdt, node) < 0 || fdt_name(fdt, node));
	fdt_first_child(fdt, node);
	fdt_next_sibling(fdt, node);
	fdt_parent(fdt, node);
	fdt_reg(fdt, node, 0, &address, &size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fdt fdt;
	uint64_t address, length;
	/* Of just that size, so that the sanitizer sees a step outside. */
	uint8_t *blob = malloc(size);

	FUZZ_CHECK(blob || size == 0);
	if (size > 0)
		memcpy(blob, data, size);
	if (fdt_open(&fdt, blob, size) == 0) {
		unsigned count = 0, n = 0;
		int node;

		for (node = fdt_root(&fdt); node >= 0; node = fdt_next(&fdt, node)) {
			FUZZ_CHECK(fdt_name(&fdt, node));
			count++;
		}
		FUZZ_CHECK(node == ERR_NODEV);
		FUZZ_CHECK(walk(&fdt, fdt_root(&fdt), 0) == count);
		for (unsigned i = 0; i < COUNT(paths); i++) {
			node = fdt_path(&fdt, paths[i]);
			FUZZ_CHECK(node < 0 || fdt_name(&fdt, node));
		}
		for (unsigned i = 0; i < COUNT(compatibles); i++) {
			unsigned found = 0;
			for (node = -1; (node = fdt_compatible(&fdt, node, compatibles[i])) >= 0;)
				FUZZ_CHECK(++found <= count);
			FUZZ_CHECK(node == ERR_NODEV);
		}
		while (fdt_reservation(&fdt, n, &address, &length) == 0)
			n++;
		FUZZ_CHECK(fdt_reservation(&fdt, n, &address, &length) == ERR_NODEV);
		fdt_reservation(&fdt, UINT32_MAX, &address, &length);
		for (unsigned i = 0; i < 16 && i < size; i++)
			use_wrongly(&fdt, data[i] * 2);
		use_wrongly(&fdt, INT32_MAX);
	}
	free(blob);
	return 0;
}
