/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/pci: one function at a time, and what it may lie about: its capability list (FAULTS
 * 24, 25, 26), its BARs (27), its MSI-X table (28), its command register. Scanning is
 * test_pci_scan.c's.
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

/* ---- Identity --------------------------------------------------------------------- */

static void identity(void)
{
	make();
	fake_set(fake, PCI_SUBSYSTEM_ID, 2, 0x1100);
	CHECK_EQ(pci_function_init(&function), 0);
	CHECK_EQ(function.vendor_id, 0x1af4);
	CHECK_EQ(function.device_id, 0x1042);
	CHECK_EQ(function.class, 1);
	CHECK_EQ(function.revision, 1);
	CHECK_EQ(function.subsystem_id, 0x1100);
	CHECK_EQ(function.interrupt_pin, 1);
	CHECK_EQ(fake->writes, 0);

	fake_set(fake, PCI_INTERRUPT_PIN, 1, 5);
	CHECK_EQ(pci_function_init(&function), 0);
	CHECK_EQ(function.interrupt_pin, 0);

	function.device = 4;
	CHECK_EQ(pci_function_init(&function), ERR_NODEV);
}

static void bridges(void)
{
	make();
	fake_set(fake, PCI_REVISION_ID, 4, 0x06040000);
	pci_function_init(&function);
	CHECK(!pci_is_bridge(&function)); /* says so, but has another header */
	fake_set(fake, PCI_HEADER_TYPE, 1, 0x81);
	pci_function_init(&function);
	CHECK(pci_is_bridge(&function));
	fake_set(fake, PCI_REVISION_ID, 4, 0x06010000); /* to ISA */
	pci_function_init(&function);
	CHECK(!pci_is_bridge(&function));
}

/* ---- Capabilities ------------------------------------------------------------------ */

static int first_capability(void)
{
	CHECK_EQ(pci_function_init(&function), 0);
	return pci_capability_next(&function, 0, PCI_CAP_VENDOR);
}

static void capabilities(void)
{
	make();
	CHECK_EQ(first_capability(), 0);
	fake_capability(fake, 0xfc, PCI_CAP_VENDOR, 0x40);
	fake_capability(fake, 0x40, PCI_CAP_MSIX, 0x60);
	fake_capability(fake, 0x60, PCI_CAP_VENDOR, 0);
	CHECK_EQ(first_capability(), 0xfc);
	CHECK_EQ(pci_capability_next(&function, 0xfc, PCI_CAP_VENDOR), 0x60);
	CHECK_EQ(pci_capability_next(&function, 0x60, PCI_CAP_VENDOR), 0);
	CHECK_EQ(pci_capability_next(&function, 0, PCI_CAP_MSIX), 0x40);
	CHECK_EQ(pci_capability_next(&function, 0, PCI_CAP_EXPRESS), 0);
	CHECK_EQ(pci_capability_next(&function, 0x44, PCI_CAP_VENDOR), 0); /* not in the list */

	/* Without its bit in the status register there is no list, whatever the pointer says. */
	fake_set(fake, PCI_STATUS, 2, 0);
	CHECK_EQ(first_capability(), 0);
}

static void capability_lists_that_lie(void)
{
	make();
	fake_capability(fake, 0x40, PCI_CAP_VENDOR, 0x40);
	CHECK_EQ(first_capability(), ERR_FORMAT);
	fake_capability(fake, 0x40, PCI_CAP_VENDOR, 0x50);
	fake_capability(fake, 0x50, PCI_CAP_VENDOR, 0x40);
	CHECK_EQ(first_capability(), ERR_FORMAT);
	fake_capability(fake, 0x50, PCI_CAP_VENDOR, 0x3c);
	CHECK_EQ(first_capability(), ERR_FORMAT);
	fake_capability(fake, 0x50, PCI_CAP_VENDOR, 0x52);
	CHECK_EQ(first_capability(), ERR_FORMAT);
	fake_set(fake, PCI_CAPABILITIES, 1, 0xff);
	CHECK_EQ(first_capability(), ERR_FORMAT);
}

/* The tenth read is that of the second capability, which leads back to the first; that one then ends
 * the list, so that it is no loop as it is read. Who went on from the first would be led round. */
static void end_behind_the_first(struct fake *f)
{
	if (f->reads == 10)
		f->config[0x41] = 0;
}

static void a_list_that_changes_while_it_is_read(void)
{
	make();
	fake_capability(fake, 0x40, PCI_CAP_VENDOR, 0x50);
	fake_capability(fake, 0x50, PCI_CAP_VENDOR, 0x40);
	fake->on_read = end_behind_the_first;
	CHECK_EQ(first_capability(), ERR_FORMAT);
	CHECK_EQ(fake->config[0x41], 0);
}

static void as_many_capabilities_as_fit(void)
{
	make();
	for (unsigned offset = 0x40; offset < 0x100; offset += 4)
		fake_capability(fake, offset, PCI_CAP_VENDOR, offset == 0xfc ? 0 : offset + 4);

	unsigned count = 0;
	for (int at = first_capability(); at > 0;
	     at = pci_capability_next(&function, (unsigned)at, PCI_CAP_VENDOR))
		count++;
	CHECK_EQ(count, PCI_MAX_CAPABILITIES);
}

/* A list that leads somewhere else each time it is looked at. */
static void turn_around(struct fake *f)
{
	fake_set(f, 0x41, 1, f->reads % 2 ? 0x50 : 0);
	fake_set(f, 0x51, 1, 0x40);
}

static void a_list_that_changes(void)
{
	make();
	fake_capability(fake, 0x40, PCI_CAP_VENDOR, 0x50);
	fake_capability(fake, 0x50, PCI_CAP_VENDOR, 0x40);
	fake->on_read = turn_around;

	unsigned steps = 0;
	for (int at = first_capability(); at > 0 && steps < 1000;
	     at = pci_capability_next(&function, (unsigned)at, PCI_CAP_VENDOR))
		steps++;
	CHECK(steps <= PCI_MAX_CAPABILITIES);
}

/* ---- BARs ---------------------------------------------------------------------------- */

static void bars(void)
{
	make();
	fake_set(fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	fake_set(fake, PCI_BAR0, 4, 0xc041); /* I/O, 64 ports */
	fake_writable(fake, PCI_BAR0, 4, 0xffffffc0);
	fake_memory_bar(fake, 1, 0x1000, 0);
	fake_place(fake, 1, 0xfebd1000);
	fake_memory_bar(fake, 4, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
	fake_place(fake, 4, 0x8000004000);
	pci_function_init(&function);
	pci_bars_read(&function);

	const struct pci_bar *bar = function.bars;
	CHECK(bar[0].present && bar[0].io && bar[0].size == 0x40 && bar[0].address == 0xc040);
	CHECK(bar[1].present && !bar[1].io && !bar[1].bits64 && !bar[1].prefetchable);
	CHECK(bar[1].size == 0x1000 && bar[1].address == 0xfebd1000);
	CHECK(!bar[2].present && !bar[3].present && !bar[5].present);
	CHECK(bar[4].present && bar[4].bits64 && bar[4].prefetchable);
	CHECK(bar[4].size == 0x4000 && bar[4].address == 0x8000004000);

	/* All is as it was, and nothing was decoded while the ones stood there. */
	CHECK_EQ(fake_get(fake, PCI_BAR0, 4), 0xc041);
	CHECK_EQ(fake_address(fake, 1), 0xfebd1000);
	CHECK_EQ(fake_address(fake, 4), 0x8000004000);
	CHECK_EQ(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	CHECK_EQ(fake->decoding_writes, 0);
}

static void huge_bars(void)
{
	make();
	fake_memory_bar(fake, 0, 1ull << 32, FAKE_64); /* the whole lower half is 0 */
	fake_memory_bar(fake, 2, 1ull << 63, FAKE_64);
	fake_memory_bar(fake, 4, 0x80000000, 0);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK_EQ(function.bars[0].size, 1ull << 32);
	CHECK_EQ(function.bars[2].size, 1ull << 63);
	CHECK_EQ(function.bars[4].size, 0x80000000);
}

static void ports(void)
{
	make();
	fake_set(fake, PCI_BAR0, 4, 1); /* decodes 16 bits */
	fake_writable(fake, PCI_BAR0, 4, 0xff00);
	fake_set(fake, PCI_BAR0 + 4, 4, 1); /* no bit can be written */
	fake_set(fake, PCI_BAR0 + 8, 4, 1);
	fake_writable(fake, PCI_BAR0 + 8, 4, 0xf0f0); /* size no power of two */
	fake_memory_bar(fake, 3, 0x1000, 0);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK(function.bars[0].present && function.bars[0].io);
	CHECK_EQ(function.bars[0].size, 0x100);
	CHECK(!function.bars[1].present && !function.bars[2].present);

	/* Ports without an address do not keep a function from being enabled; memory does. */
	CHECK_EQ(pci_enable(&function, false), ERR_RANGE);
	function.bars[3].address = 0xfebd1000;
	CHECK_EQ(pci_enable(&function, false), 0);
}

static void bars_that_lie(void)
{
	make();
	fake_memory_bar(fake, 0, 0x1000, 0);
	fake_writable(fake, PCI_BAR0, 4, 0xff0ff000); /* size no power of two */
	fake_set(fake, PCI_BAR0 + 4, 4, 0xe0001000);  /* cannot be written: no size */
	fake_memory_bar(fake, 2, 0x1000, 2);          /* below 1 MiB: no such BARs any more */
	fake_memory_bar(fake, 3, 0x1000, 6);          /* a reserved type */
	fake_writable(fake, PCI_BAR0 + 16, 4, 0);     /* not its upper half */
	fake_memory_bar(fake, 5, 0x1000, 0);
	fake_set(fake, PCI_BAR0 + 20, 1, FAKE_64); /* 64 bits, and no second half */
	pci_function_init(&function);
	pci_bars_read(&function);
	for (unsigned i = 0; i < PCI_BARS; i++)
		CHECK(!function.bars[i].present);

	/* A function that goes away meanwhile. */
	fake->gone = true;
	pci_bars_read(&function);
	for (unsigned i = 0; i < PCI_BARS; i++)
		CHECK(!pci_bar_contains(&function, i, 0, 4));
}

static void bars_by_header_type(void)
{
	make();
	for (unsigned i = 0; i < PCI_BARS; i++)
		fake_memory_bar(fake, i, 0x1000, 0);
	fake_set(fake, PCI_HEADER_TYPE, 1, 1);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK(function.bars[1].present && !function.bars[2].present);

	fake_set(fake, PCI_HEADER_TYPE, 1, 2); /* CardBus */
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK(!function.bars[0].present);

	fake_set(fake, PCI_HEADER_TYPE, 1, 0);
	fake_set(fake, PCI_REVISION_ID, 4, 0x06000000); /* a host bridge */
	pci_function_init(&function);
	fake->writes = 0;
	pci_bars_read(&function);
	CHECK(!function.bars[0].present);
	CHECK_EQ(fake->writes, 0);
}

static void contains(void)
{
	function = (struct pci_function){ .device = 3 };
	function.bars[4] =
		(struct pci_bar){ .present = true, .address = 0xe0000000, .size = 0x4000 };
	function.bars[1] = (struct pci_bar){ .present = true, .size = 0x4000 };
	function.bars[2] =
		(struct pci_bar){ .present = true, .io = true, .address = 0xc000, .size = 0x40 };

	CHECK(pci_bar_contains(&function, 4, 0, 0x4000));
	CHECK(pci_bar_contains(&function, 4, 0x3fff, 1));
	CHECK(!pci_bar_contains(&function, 4, 0, 0x4001));
	CHECK(!pci_bar_contains(&function, 4, 0x4000, 1));
	CHECK(!pci_bar_contains(&function, 4, 0, 0));
	CHECK(!pci_bar_contains(&function, 4, 0x3000, UINT64_MAX - 0x2000)); /* wraps around */
	CHECK(!pci_bar_contains(&function, 4, UINT64_MAX, 2));
	CHECK(!pci_bar_contains(&function, 0, 0, 4)); /* none */
	CHECK(!pci_bar_contains(&function, 1, 0, 4)); /* no address */
	CHECK(!pci_bar_contains(&function, 2, 0, 4)); /* I/O */
	CHECK(!pci_bar_contains(&function, 6, 0, 4));
	CHECK(!pci_bar_contains(&function, UINT32_MAX, 0, 4));
}

/* ---- MSI-X ----------------------------------------------------------------------------- */

/* A function with a capability at 0x40 for `count` entries at `offset` of BAR `bar`; BAR 1 has 4
 * KiB. */
static void make_msix(unsigned count, unsigned bar, uint32_t offset)
{
	make();
	fake_memory_bar(fake, 1, 0x1000, 0);
	fake_place(fake, 1, 0xfebd1000);
	fake_capability(fake, 0x40, PCI_CAP_MSIX, 0);
	fake_set(fake, 0x42, 2, count - 1);
	fake_writable(fake, 0x42, 2, 0xc000);
	fake_set(fake, 0x44, 4, offset | bar);
	pci_function_init(&function);
	pci_bars_read(&function);
}

static void msix(void)
{
	const struct vport_msi msi = { 0x12fee00000, 0x41 };

	make_msix(4, 1, 0x800);
	CHECK_EQ(pci_msix_init(&function, NULL), 0);
	CHECK_EQ(fake_mapped, 0xfebd1800);
	CHECK_EQ(function.msix_count, 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(fake_table[4 * i + 3], 1);

	CHECK_EQ(pci_msix_set(&function, 2, &msi), 0);
	CHECK_EQ(fake_table[8], 0xfee00000);
	CHECK_EQ(fake_table[9], 0x12);
	CHECK_EQ(fake_table[10], 0x41);
	CHECK_EQ(fake_table[11], 0);
	pci_msix_mask(&function, 2);
	CHECK_EQ(fake_table[11], 1);

	CHECK_EQ(pci_msix_enable(&function, true), 0);
	CHECK_EQ(fake_get(fake, 0x42, 2), 0x8003);
	CHECK_EQ(pci_msix_enable(&function, false), 0);
	CHECK_EQ(fake_get(fake, 0x42, 2), 0x0003);
}

static void msix_tables_that_lie(void)
{
	make();
	pci_function_init(&function);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_UNSUPPORTED);

	make_msix(256, 1, 0); /* all of the BAR */
	CHECK_EQ(pci_msix_init(&function, NULL), 0);
	make_msix(257, 1, 0);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);
	CHECK_EQ(function.msix_count, 0);
	make_msix(2048, 1, 0xfffffff8);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);
	make_msix(1, 1, 0xff8);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);
	make_msix(1, 0, 0); /* BAR 0 is none, 6 and 7 cannot be */
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);
	make_msix(1, 6, 0);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);
	make_msix(1, 7, 0);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);

	/* The capability sticks out of the configuration space. */
	make_msix(1, 1, 0);
	fake_set(fake, PCI_CAPABILITIES, 1, 0xf8);
	fake_set(fake, 0xf8, 1, PCI_CAP_MSIX);
	pci_function_init(&function);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);

	make_msix(1, 1, 0);
	fake_map_fails = true;
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_NOMEM);
	CHECK_EQ(function.msix_count, 0);
}

static void msix_that_forgets(void)
{
	make_msix(4, 1, 0);
	CHECK_EQ(pci_msix_init(&function, NULL), 0);
	fake_table_stuck = true;
	CHECK_EQ(pci_msix_set(&function, 0, &(struct vport_msi){ 0xfee00000, 1 }), ERR_IO);
	fake_writable(fake, 0x42, 2, 0);
	CHECK_EQ(pci_msix_enable(&function, true), ERR_IO);
	fake_set(fake, 0x42, 2, 0x8003);
	CHECK_EQ(pci_msix_enable(&function, false), ERR_IO);
}

static void msix_entries_that_forget(void)
{
	struct vport_msi msi = { 0x12fee00000, 0x41 };

	make_msix(4, 1, 0);
	CHECK_EQ(pci_msix_init(&function, NULL), 0);
	for (fake_stuck_word = 1; fake_stuck_word <= 4; fake_stuck_word++) {
		CHECK_EQ(pci_msix_set(&function, 0, &msi), ERR_IO); /* the last one stays masked */
		msi.address += 0x100001000;
		msi.data++;
	}
	fake_stuck_word = 0;
	CHECK_EQ(pci_msix_set(&function, 0, &msi), 0);
}

static void msix_in_a_list_that_lies(void)
{
	make_msix(4, 1, 0);
	fake_set(fake, 0x41, 1, 0x40);
	pci_function_init(&function);
	CHECK_EQ(pci_msix_init(&function, NULL), ERR_FORMAT);
	CHECK_EQ(function.msix_count, 0);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static void commands(void)
{
	make();
	fake_memory_bar(fake, 1, 0x1000, 0);
	fake_place(fake, 1, 0xfebd1000);
	pci_function_init(&function);
	pci_bars_read(&function);
	CHECK_EQ(pci_enable(&function, false), 0);
	CHECK_EQ(fake_get(fake, PCI_COMMAND, 2), 0x0406);
	CHECK_EQ(pci_enable(&function, true), 0);
	CHECK_EQ(fake_get(fake, PCI_COMMAND, 2), 0x0006);
	CHECK_EQ(pci_disable_master(&function), 0);
	CHECK_EQ(fake_get(fake, PCI_COMMAND, 2), 0x0002);

	fake_writable(fake, PCI_COMMAND, 2, 0x0402); /* never a master, and then always */
	CHECK_EQ(pci_enable(&function, false), ERR_IO);
	fake_set(fake, PCI_COMMAND, 2, 0x0006);
	CHECK_EQ(pci_disable_master(&function), ERR_IO);

	function.bars[1].address = 0;
	CHECK_EQ(pci_enable(&function, false), ERR_RANGE);
	function.bars[1].address = 0xfebd1000;
	fake->gone = true;
	CHECK_EQ(pci_enable(&function, false), ERR_IO);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(identity),
		CHECK_CASE(bridges),
		CHECK_CASE(capabilities),
		CHECK_CASE(capability_lists_that_lie),
		CHECK_CASE(a_list_that_changes_while_it_is_read),
		CHECK_CASE(as_many_capabilities_as_fit),
		CHECK_CASE(a_list_that_changes),
		CHECK_CASE(bars),
		CHECK_CASE(huge_bars),
		CHECK_CASE(ports),
		CHECK_CASE(bars_that_lie),
		CHECK_CASE(bars_by_header_type),
		CHECK_CASE(contains),
		CHECK_CASE(msix),
		CHECK_CASE(msix_tables_that_lie),
		CHECK_CASE(msix_that_forgets),
		CHECK_CASE(msix_entries_that_forget),
		CHECK_CASE(msix_in_a_list_that_lies),
		CHECK_CASE(commands),
		CHECK_END,
	});
}
