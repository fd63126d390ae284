/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/pci at the edges of what it accepts: each case is a check that `make mutants` found to be
 * missed by the tests of test_pci.c. What the checks are for is told there.
 */
#include "drivers/pci/pci.h"

#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/fake_pci.h"

static struct fake *fake;
static struct pci_function function;

static void make(void)
{
	fake_reset();
	fake = fake_add(NULL, 3, 0);
	function = (struct pci_function){ .device = 3 };
}

static void the_last_interrupt_pin(void)
{
	make();
	fake_set(fake, PCI_INTERRUPT_PIN, 1, 4);
	CHECK_EQ(pci_function_init(&function), 0);
	CHECK_EQ(function.interrupt_pin, 4);
}

static void a_bridge_by_all_but_its_class(void)
{
	make();
	fake_set(fake, PCI_REVISION_ID, 4, 0x01040000);
	fake_set(fake, PCI_HEADER_TYPE, 1, 1);
	pci_function_init(&function);
	CHECK(!pci_is_bridge(&function));
}

/* A list in the header itself that would end well. */
static void a_list_that_begins_in_the_header(void)
{
	make();
	fake_capability(fake, 0x40, PCI_CAP_VENDOR, 0x3c);
	fake_set(fake, PCI_INTERRUPT_PIN, 1, 0);
	CHECK_EQ(pci_function_init(&function), 0);
	CHECK_EQ(pci_capability_next(&function, 0, PCI_CAP_VENDOR), ERR_FORMAT);
}

static void lists_by_header_type(void)
{
	make();
	fake_capability(fake, 0x40, PCI_CAP_VENDOR, 0);
	fake_set(fake, PCI_HEADER_TYPE, 1, 1);
	pci_function_init(&function);
	CHECK_EQ(pci_capability_next(&function, 0, PCI_CAP_VENDOR), 0x40);
	fake_set(fake, PCI_HEADER_TYPE, 1, 2); /* CardBus has its pointer elsewhere */
	pci_function_init(&function);
	CHECK_EQ(pci_capability_next(&function, 0, PCI_CAP_VENDOR), 0);
}

/* The last BAR cannot be a wide one: what follows it is not to be written. */
static void no_room_for_an_upper_half(void)
{
	make();
	fake_memory_bar(fake, 5, 0x1000, FAKE_64);
	fake_set(fake, PCI_BAR0 + 24, 4, 0x12345678);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK(!function.bars[5].present);
	CHECK_EQ(fake_get(fake, PCI_BAR0 + 24, 4), 0x12345678);
}

static void nothing_is_written_to_a_host_bridge(void)
{
	make();
	fake_set(fake, PCI_REVISION_ID, 4, 0x06000000);
	fake_set(fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK_EQ(fake->writes, 0);
}

/* An MSI-X capability whose end is behind that of the configuration space. */
static void msix_at_the_very_end(void)
{
	make();
	fake_memory_bar(fake, 1, 0x1000, 0);
	fake_place(fake, 1, 0xfebd1000);
	fake_capability(fake, 0xf8, PCI_CAP_MSIX, 0);
	fake_set(fake, 0xfc, 4, 1);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);

	make();
	fake_memory_bar(fake, 1, 0x1000, 0);
	fake_place(fake, 1, 0xfebd1000);
	fake_capability(fake, 0xf4, PCI_CAP_MSIX, 0);
	fake_set(fake, 0xf8, 4, 1);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK_EQ(pci_msix_init(&function, NULL), 0);
}

static void what_is_not_there(void)
{
	make();
	for (unsigned i = 0; i < PCI_MAX_CAPABILITIES; i++)
		fake_capability(fake, 0x40 + 4 * i, PCI_CAP_VENDOR, i < 47 ? 0x44 + 4 * i : 0);
	fake_memory_bar(fake, 5, 0x1000, 0);
	fake_place(fake, 5, 0xfebd1000);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK_EQ(function.capability_count, PCI_MAX_CAPABILITIES);
	CHECK_EQ(pci_capability_next(&function, 0xfc, PCI_CAP_VENDOR), 0);
	CHECK_EQ(pci_capability_next(&function, 0x3c, PCI_CAP_VENDOR), 0);
	CHECK(pci_bar_contains(&function, 5, 0, 4));
	CHECK(!pci_bar_contains(&function, 6, 0, 4));
	/* What stands behind the BARs looks like one. */
	function.msix_offset = 0x40;
	function.msix_table = 0x1000;
	function.parent = &function;
	CHECK(!pci_bar_contains(&function, 6, 0, 4));
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(the_last_interrupt_pin),
		CHECK_CASE(a_bridge_by_all_but_its_class),
		CHECK_CASE(a_list_that_begins_in_the_header),
		CHECK_CASE(lists_by_header_type),
		CHECK_CASE(no_room_for_an_upper_half),
		CHECK_CASE(nothing_is_written_to_a_host_bridge),
		CHECK_CASE(msix_at_the_very_end),
		CHECK_CASE(what_is_not_there),
		CHECK_END,
	});
}
