/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/pci/scan.c and assign.c: trees of bridges as they are after a reset, as firmware
 * leaves them, and as no firmware would (FAULTS 27): what lies over RAM or over each other,
 * bridges that keep no number, more of everything than there is room for.
 */
#include "drivers/pci/pci.h"
#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/pci_tree.h"

/* ---- Finding ------------------------------------------------------------------------ */

static void one_bus(void)
{
	make_bare();
	CHECK_EQ(scan(0), 0);

	fake_add(NULL, 0, 0);
	fake_set(fake_add(NULL, 5, 0), PCI_HEADER_TYPE, 1, 0x80);
	fake_add(NULL, 5, 3);
	fake_add(NULL, 6, 1); /* no function 0: no device */
	fake_add(NULL, 7, 0);
	fake_add(NULL, 7, 2); /* function 0 does not say that there are more */
	CHECK_EQ(scan(0), 4);
	CHECK(found(0, 5, 3)->parent == NULL);
	done();
}

static void full_buses(void)
{
	make_bare();
	for (unsigned i = 0; i < 256; i++)
		fake_set(fake_add(NULL, i / 8, i % 8), PCI_HEADER_TYPE, 1, 0x80);
	CHECK_EQ(scan(0), 256);
	done();

	/* More than the list's bound, with what is behind one bridge and another. */
	make_bare();
	struct fake *bridges[2] = { fake_bridge(NULL, 0, 0), fake_bridge(NULL, 1, 0) };
	for (unsigned i = 0; i < 600; i++)
		fake_set(fake_add(bridges[i / 300], i % 300 / 8 % 32, i % 8), PCI_HEADER_TYPE, 1,
			 0x80);
	for (unsigned i = 0; i < 600; i++) /* 300 do not fit on a bus: those answer nobody */
		fakes[2 + i].gone = i % 300 >= 256;
	CHECK_EQ(scan(ERR_NOMEM), PCI_MAX_FUNCTIONS);
	CHECK_EQ(fake_logs, 1);
	done();
}

/* ---- Numbering ------------------------------------------------------------------------ */

static void bridges_after_a_reset(void)
{
	make_bare();
	struct fake *first = fake_bridge(NULL, 1, 0), *second = fake_bridge(NULL, 2, 0);
	struct fake *inner = fake_bridge(first, 0, 0);
	fake_add(inner, 4, 0);
	fake_add(second, 0, 0);
	CHECK_EQ(scan(0), 5);
	CHECK_EQ(fake_get(first, PCI_PRIMARY_BUS, 4), 0x020100);
	CHECK_EQ(fake_get(inner, PCI_PRIMARY_BUS, 4), 0x020201);
	CHECK_EQ(fake_get(second, PCI_PRIMARY_BUS, 4), 0x030300);
	CHECK(found(2, 4, 0)->parent == found(1, 0, 0));
	CHECK(found(1, 0, 0)->parent == found(0, 1, 0));
	CHECK(decodes(first) && decodes(inner));
	CHECK(fake_get(inner, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	done();
}

static void numbers_of_firmware_stay(void)
{
	make_bare();
	struct fake *first = fake_bridge(NULL, 1, 0), *second = fake_bridge(NULL, 2, 0);
	struct fake *late = fake_bridge(second, 0, 0);
	number(first, 3, 9);
	number(second, 0x20, 0x40);
	fake_add(first, 0, 0);
	fake_add(late, 0, 0); /* this bridge firmware has not seen */
	CHECK_EQ(scan(0), 5);
	found(3, 0, 0);
	found(0x21, 0, 0);
	CHECK_EQ(fake_get(first, PCI_SUBORDINATE_BUS, 1), 9);
	CHECK_EQ(fake_get(second, PCI_SUBORDINATE_BUS, 1), 0x40);
	CHECK_EQ(fake_get(late, PCI_SUBORDINATE_BUS, 1), 0x21);
	done();
}

static void numbers_that_lie(void)
{
	static const uint8_t bad[][4] = {
		{ 0, 0, 1, 1 },  /* the first points to its own bus */
		{ 1, 9, 4, 12 }, /* they overlap */
		{ 5, 4, 6, 6 },  /* ends before it begins */
		{ 7, 7, 7, 7 },  /* the same */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		make_bare();
		struct fake *first = fake_bridge(NULL, 1, 0), *second = fake_bridge(NULL, 2, 0);
		number(first, bad[i][0], bad[i][1]);
		number(second, bad[i][2], bad[i][3]);
		fake_add(first, 1, 0);
		fake_add(second, 2, 0);
		CHECK_EQ(scan(0), 4);
		found(1, 1, 0);
		found(2, 2, 0);
		done();
	}
}

static void a_bridge_without_numbers(void)
{
	make_bare();
	struct fake *stuck = fake_bridge(NULL, 1, 0), *good = fake_bridge(NULL, 2, 0);
	fake_writable(stuck, PCI_PRIMARY_BUS, 4, 0);
	fake_add(good, 0, 0);
	CHECK_EQ(scan(0), 3);
	found(1, 0, 0);
	CHECK_EQ(fake_logs, 1);
	done();
}

/* A bridge whose secondary bus is the root bus again, whatever is written. */
static void point_to_itself(struct fake *f)
{
	number(f, 0, 255);
}

static void a_circle(void)
{
	make_bare();
	struct fake *bridge = fake_bridge(NULL, 1, 0);
	bridge->on_read = point_to_itself;
	CHECK_EQ(scan(0), 1);
	CHECK_EQ(fake_logs, 1);
	done();
}

/* A bridge that says something else each time it is asked. */
static void count_up(struct fake *f)
{
	number(f, f->reads % 256, f->reads * 7 % 256);
}

static void a_bridge_that_wanders(void)
{
	make_bare();
	struct fake *bridge = fake_bridge(NULL, 1, 0);
	fake_bridge(bridge, 0, 0)->on_read = count_up;
	bridge->on_read = count_up;
	pci_scan(&host); /* comes to an end */
	done();
}

static void too_deep(void)
{
	make_bare();
	struct fake *bridge = NULL;
	for (unsigned i = 0; i < 20; i++)
		bridge = fake_bridge(bridge, 0, 0);
	CHECK_EQ(scan(0), PCI_MAX_DEPTH + 1);
	CHECK_EQ(fake_logs, 1);
	done();
}

static void too_few_numbers(void)
{
	make_bare();
	host.last_bus = 2;
	for (unsigned i = 0; i < 4; i++)
		fake_add(fake_bridge(NULL, i, 0), 0, 0);
	CHECK_EQ(scan(0), 6);
	CHECK_EQ(fake_logs, 2);
	done();
}

static void pins_turn_at_bridges(void)
{
	make_bare();
	struct fake *outer = fake_bridge(NULL, 5, 0), *inner = fake_bridge(outer, 2, 0);
	struct fake *device = fake_add(inner, 3, 0);
	fake_set(device, PCI_INTERRUPT_PIN, 1, 3);
	fake_set(fake_add(inner, 4, 0), PCI_INTERRUPT_PIN, 1, 0);
	scan(0);
	/* C at device 3 is B on the bus above ((2 + 3) % 4 = 1), D above that ((1 + 2) % 4 = 3). */
	CHECK_EQ(found(2, 3, 0)->root_pin, 4);
	CHECK_EQ(found(2, 3, 0)->root_device, 5);
	CHECK_EQ(found(2, 4, 0)->root_pin, 0);
	CHECK_EQ(found(0, 5, 0)->root_pin, 1);
	done();
}

/* ---- Assigning ---------------------------------------------------------------------------- */

static void bars_after_a_reset(void)
{
	make_bare();
	struct fake *a = fake_add(NULL, 1, 0), *b = fake_add(NULL, 2, 0);
	fake_memory_bar(a, 1, 0x1000, 0);
	fake_memory_bar(a, 4, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
	fake_memory_bar(b, 0, 0x200000, 0);
	fake_memory_bar(b, 1, 0x100, FAKE_PREFETCHABLE); /* 32 bits: not above 4 GiB */
	fake_memory_bar(b, 2, 0x4000, FAKE_64);
	scan(0);
	CHECK_EQ(fake_address(a, 1), 0x10000000);
	CHECK_EQ(fake_address(a, 4), 0x8000000000);
	CHECK_EQ(fake_address(b, 0), 0x10200000);
	CHECK_EQ(fake_address(b, 1), 0x10400000);
	CHECK_EQ(fake_address(b, 2), 0x10404000);
	CHECK_EQ(found(0, 2, 0)->bars[2].address, 0x10404000);
	CHECK(!decodes(a) && !decodes(b)); /* until a driver wants them */
	CHECK_EQ(fake_logs, 0);
	done();
}

static void windows_of_bridges(void)
{
	make_bare();
	struct fake *outer = fake_bridge(NULL, 1, 0), *inner = fake_bridge(outer, 0, 0);
	struct fake *empty = fake_bridge(NULL, 2, 0), *last = fake_add(NULL, 3, 0);
	struct fake *deep = fake_add(inner, 0, 0), *middle = fake_add(outer, 1, 0);
	fake_memory_bar(outer, 0, 0x1000, 0); /* its own */
	fake_memory_bar(middle, 0, 0x1000, 0);
	fake_memory_bar(deep, 0, 0x100000, 0);
	fake_memory_bar(deep, 1, 0x1000, 0);
	fake_memory_bar(deep, 4, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
	fake_memory_bar(last, 0, 0x1000, 0);
	scan(0);

	CHECK_EQ(fake_address(outer, 0), 0x10000000);
	CHECK_EQ(fake_address(last, 0), 0x10001000); /* the root bus' own come first */
	CHECK_EQ(memory_start(outer), 0x10100000);
	CHECK_EQ(fake_address(middle, 0), 0x10100000);
	CHECK_EQ(memory_start(inner), 0x10200000);
	CHECK_EQ(fake_address(deep, 0), 0x10200000);
	CHECK_EQ(fake_address(deep, 1), 0x10300000);
	CHECK_EQ(memory_end(inner), 0x10400000);
	CHECK_EQ(memory_end(outer), 0x10400000);
	CHECK_EQ(prefetch_start(outer), 0x8000000000);
	CHECK_EQ(fake_address(deep, 4), 0x8000000000);
	CHECK(memory_start(empty) > memory_end(empty) - MIB); /* closed */
	CHECK_EQ(fake_logs, 0);
	done();
}

static void a_bridge_without_prefetch(void)
{
	make_bare();
	struct fake *none = fake_bridge(NULL, 1, 0), *narrow = fake_bridge(NULL, 2, 0);
	struct fake *a = fake_add(none, 0, 0), *b = fake_add(narrow, 0, 0);
	fake_set(none, PCI_PREFETCH_BASE, 4, 0);
	fake_writable(none, PCI_PREFETCH_BASE, 4, 0);
	fake_set(narrow, PCI_PREFETCH_BASE, 4, 0); /* 32 bits */
	fake_memory_bar(a, 4, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
	fake_memory_bar(b, 4, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
	scan(0);
	CHECK_EQ(fake_address(a, 4), 0x10000000);
	CHECK_EQ(fake_address(b, 4), 0x10100000);
	CHECK_EQ(memory_end(narrow), 0x10200000);
	done();
}

static void what_firmware_gave_stays(void)
{
	for (int with_windows = 0; with_windows < 2; with_windows++) {
		make_bare();
		host.window_count = with_windows ? 3 : 0;
		struct fake *port = fake_bridge(NULL, 1, 0), *a = fake_add(port, 0, 0);
		struct fake *b = fake_add(NULL, 2, 0);
		number(port, 1, 1);
		open_memory(port, 0x30000000, 0x30200000);
		fake_memory_bar(a, 0, 0x1000, 0);
		fake_place(a, 0, 0x301ff000);
		fake_memory_bar(b, 0, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
		fake_place(b, 0, 0x9000000000);
		fake_set(b, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		scan(0);
		CHECK_EQ(fake_address(a, 0), 0x301ff000);
		CHECK_EQ(fake_address(b, 0), 0x9000000000);
		CHECK_EQ(memory_start(port), 0x30000000);
		CHECK(decodes(b));
		CHECK_EQ(fake_logs, 0);
		done();
	}
}

/* One BAR of 0x1000 bytes behind a port with the window 0x30000000…0x30100000, and one of the
 * same size at 0x20000000 on the root bus; then it is put at `address`. */
static struct fake *make_pair(uint64_t address, bool behind)
{
	struct fake *port = fake_bridge(NULL, 1, 0), *a = fake_add(NULL, 2, 0);
	struct fake *b = fake_add(behind ? port : NULL, 3, 0);
	number(port, 1, 1);
	open_memory(port, 0x30000000, 0x30100000);
	fake_memory_bar(a, 0, 0x1000, 0);
	fake_place(a, 0, 0x20000000);
	fake_memory_bar(b, 0, 0x1000, 0);
	fake_place(b, 0, address);
	fake_set(b, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	return b;
}

static const struct {
	uint64_t address;
	bool behind, sound;
} places[] = {
	{ 0x20001000, false, true },  { 0x20000000, false, false }, /* where the other one is */
	{ 0x30000000, false, false }, /* in the bridge's window, and not behind it */
	{ 0x7ffff000, false, false }, /* RAM */
	{ 0, false, false },          { 0xfffff000, true, false }, /* not in the window */
	{ 0x30100000, true, false },  { 0x300ff000, true, true },
};

static void refused_where_nothing_can_move(void)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		make_assigned();
		struct fake *b = make_pair(places[i].address, places[i].behind);
		scan(0);
		struct pci_function *f = found(places[i].behind, 3, 0);
		CHECK_EQ(f->bars[0].address, places[i].sound ? places[i].address : 0);
		CHECK_EQ(fake_logs, !places[i].sound);
		CHECK_EQ(decodes(b), places[i].sound);
		CHECK_EQ(pci_enable(f, false), places[i].sound ? 0 : ERR_RANGE);
		done();
	}
}

static void moved_where_there_are_windows(void)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		make_bare();
		struct fake *b = make_pair(places[i].address, places[i].behind);
		scan(0);
		CHECK_EQ(fake_address(b, 0) == places[i].address, places[i].sound);
		CHECK(fake_address(b, 0) >= 0x10000000 && fake_address(b, 0) < 0x3eff0000);
		CHECK_EQ(fake_logs, 0);
		CHECK_EQ(pci_enable(found(places[i].behind, 3, 0), false), 0);
		done();
	}
}

static void a_bridge_over_ram(void)
{
	make_assigned();
	struct fake *port = fake_bridge(NULL, 1, 0);
	number(port, 1, 1);
	open_memory(port, 0x50000000, 0x50100000);
	fake_memory_bar(fake_add(port, 0, 0), 0, 0x1000, 0);
	fake_place(&fakes[1], 0, 0x50000000);
	scan(0);
	CHECK(memory_start(port) > memory_end(port) - MIB); /* closed */
	CHECK_EQ(found(1, 0, 0)->bars[0].address, 0);
	CHECK_EQ(fake_logs, 1);
	done();
}

static void a_window_over_ram(void)
{
	make_bare();
	windows[1] =
		(struct pci_window){ .start = 0x30000000, .end = 0x60000000, .cpu = 0x30000000 };
	fake_memory_bar(fake_add(NULL, 1, 0), 0, 0x1000, 0);
	scan(0);
	CHECK_EQ(found(0, 1, 0)->bars[0].address, 0);
	CHECK_EQ(fake_logs, 2); /* the window, and the BAR that finds no room */
	done();
}

static void more_than_fits(void)
{
	make_bare();
	windows[1].end = windows[1].start + 0x280000; /* 2.5 MiB */
	windows[2] = (struct pci_window){ .start = UINT64_MAX - 0xffff, .end = UINT64_MAX };
	struct fake *port = fake_bridge(NULL, 1, 0), *huge = fake_add(NULL, 2, 0);
	struct fake *small = fake_add(NULL, 3, 0), *behind[3];
	fake_memory_bar(huge, 0, 1ull << 63, FAKE_64);
	fake_memory_bar(huge, 2, 0x80000000, 0);
	fake_memory_bar(small, 0, 0x1000, 0);
	for (unsigned i = 0; i < 3; i++) {
		behind[i] = fake_add(port, i, 0);
		fake_memory_bar(behind[i], 0, 0x80000, 0);
	}
	scan(0);
	CHECK_EQ(fake_address(small, 0), 0x10000000);
	CHECK_EQ(fake_address(behind[0], 0), 0x10100000);
	CHECK_EQ(fake_address(behind[1], 0), 0x10180000);
	CHECK_EQ(fake_address(behind[2], 0), 0); /* the last half MiB is no bridge's */
	CHECK_EQ(memory_end(port), 0x10200000);
	CHECK_EQ(fake_logs, 3);
	done();
}

static void a_window_from_zero(void)
{
	make_bare();
	windows[1] = (struct pci_window){ .start = 0, .end = 0x1000000, .cpu = 0x10000000 };
	struct fake *port = fake_bridge(NULL, 1, 0), *a = fake_add(NULL, 2, 0),
		    *b = fake_add(port, 0, 0);
	fake_memory_bar(a, 0, 0x1000, 0);
	fake_memory_bar(b, 0, 0x1000, 0);
	scan(0);
	CHECK_EQ(fake_address(a, 0), 0x1000); /* 0 is no address */
	CHECK_EQ(fake_address(b, 0), 0x100000);
	CHECK_EQ(memory_start(port), 0x100000);

	uint64_t cpu;
	CHECK(pci_to_cpu(windows, 3, 0x100010, 0x10, &cpu));
	CHECK_EQ(cpu, 0x10100010);
	CHECK(!pci_to_cpu(windows, 3, 0xfffff8, 0x10, &cpu));
	CHECK(!pci_to_cpu(windows, 3, UINT64_MAX, 2, &cpu));
	CHECK(pci_to_cpu(NULL, 0, 0x1234, 0x10, &cpu));
	CHECK_EQ(cpu, 0x1234);
	done();
}

/* A BAR that can be sized, but keeps no address but its own. */
static void insist_on_ram(struct fake *f)
{
	if (fake_get(f, PCI_BAR0, 4) != 0xfffff000)
		fake_set(f, PCI_BAR0, 4, RAM_START);
}

static void a_bar_that_stays_where_it_is(void)
{
	make_bare();
	struct fake *a = fake_add(NULL, 1, 0);
	fake_memory_bar(a, 0, 0x1000, 0);
	fake_set(a, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	a->on_read = insist_on_ram;
	scan(0);
	CHECK(found(0, 1, 0)->bars[0].present);
	CHECK_EQ(found(0, 1, 0)->bars[0].address, 0);
	CHECK(!decodes(a));
	CHECK_TEXT(fake_line, "pci 00:01.0: BAR 0 refused: 4096 bytes at 0x40000000 overlap "
			      "something or are out of reach");
	done();
}

/* ---- Prefetchable windows, and room in odd places ------------------------------------------ */

/* What becomes of a prefetchable BAR of 64 bits behind a bridge, whose prefetchable window firmware made
 * start … end, beside a memory window 0x30000000 … 0x30100000. */
static uint64_t behind_prefetch(uint64_t start, uint64_t end, uint64_t address)
{
	make_assigned();
	struct fake *other = fake_bridge(NULL, 1, 0), *port = fake_bridge(NULL, 2, 0);
	struct fake *a = fake_add(port, 0, 0);
	number(other, 1, 1);
	open_prefetch(other, 0x8100000000, 0x8100100000);
	number(port, 2, 2);
	open_memory(port, 0x30000000, 0x30100000);
	open_prefetch(port, start, end);
	fake_memory_bar(a, 0, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
	fake_place(a, 0, address);
	scan(0);
	address = found(2, 0, 0)->bars[0].address;
	done();
	return address;
}

static void prefetchable_windows(void)
{
	CHECK_EQ(behind_prefetch(0x9000000000, 0x9000100000, 0x9000004000), 0x9000004000);
	CHECK_EQ(behind_prefetch(0x50000000, 0x50100000, 0x50000000), 0); /* RAM */
	CHECK_EQ(behind_prefetch(0x30000000, 0x30200000, 0x30100000), 0); /* over the other one */
	CHECK_EQ(behind_prefetch(0x8100000000, 0x8100200000, 0x8100100000), 0); /* another's */
	CHECK_EQ(behind_prefetch(0xfffffffffff00000, 0, 0xfffffffffff00000),
		 0xfffffffffff00000); /* to the end of all addresses */
	CHECK_EQ(behind_prefetch(0x9000100000, 0x9000000000, 0x9000000000), 0); /* closed */
}

static void bars_over_each_other(void)
{
	make_assigned();
	struct fake *a = fake_add(NULL, 1, 0), *port = fake_bridge(NULL, 2, 0);
	fake_memory_bar(a, 0, 0x1000, 0);
	fake_place(a, 0, 0x20000000);
	fake_memory_bar(a, 1, 0x2000, 0);
	fake_place(a, 1, 0x20000000);
	fake_memory_bar(a, 2, 0x4000, FAKE_64); /* up to 2^64: nobody could compute its end */
	fake_place(a, 2, UINT64_MAX - 0x3fff);
	fake_set(a, PCI_BAR0 + 16, 4, 0xc001); /* ports are left alone */
	fake_writable(a, PCI_BAR0 + 16, 4, 0xffffff00);
	number(port, 1, 1);
	open_memory(port, 0x30000000, 0x30100000);
	open_prefetch(port, 0x9000000000, 0x9000100000);
	fake_memory_bar(port, 0, 0x1000, FAKE_64); /* the bridge's own, in what it passes on */
	fake_place(port, 0, 0x9000000000);
	scan(0);
	CHECK_EQ(found(0, 1, 0)->bars[0].address, 0x20000000);
	CHECK_EQ(found(0, 1, 0)->bars[1].address, 0);
	CHECK_EQ(found(0, 1, 0)->bars[2].address, 0);
	CHECK_EQ(found(0, 1, 0)->bars[4].address, 0xc000);
	CHECK_EQ(found(0, 2, 0)->bars[0].address, 0);
	CHECK_EQ(fake_logs, 3);
	done();
}

/* Where the memory window is full, a BAR of 64 bits that is not prefetchable may lie in the other one, on
 * the root bus; behind a bridge it may not. */
static void a_full_window(void)
{
	make_bare();
	windows[1].end = windows[1].start + 0x1000;
	struct fake *a = fake_add(NULL, 1, 0), *b = fake_add(fake_bridge(NULL, 2, 0), 0, 0);
	fake_memory_bar(a, 0, 0x1000, 0);
	fake_memory_bar(a, 2, 0x4000, FAKE_64);
	fake_memory_bar(a, 4, 0x4000, 0); /* 32 bits: nowhere */
	fake_memory_bar(b, 0, 0x4000, FAKE_64);
	scan(0);
	CHECK_EQ(fake_address(a, 0), 0x10000000);
	CHECK_EQ(fake_address(a, 2), 0x8000000000);
	CHECK_EQ(fake_address(a, 4), 0);
	CHECK_EQ(fake_address(b, 0), 0);
	CHECK_EQ(fake_logs, 2);
	done();
}

static void windows_that_begin_anywhere(void)
{
	make_bare();
	windows[0] = (struct pci_window){ .start = 0x20000000, .end = 0x20000000 }; /* empty */
	windows[1] = (struct pci_window){ .start = 0x10001000, .end = 0x10006000 };
	windows[2] = (struct pci_window){ .start = 0x18000000, .end = 0x18200000 };
	windows[2].prefetchable = true; /* below 4 GiB: for BARs of 32 bits too */
	windows[1].cpu = windows[1].start;
	windows[2].cpu = windows[2].start;
	struct fake *a = fake_add(NULL, 1, 0), *port = fake_bridge(NULL, 2, 0);
	struct fake *b = fake_add(port, 0, 0);
	fake_memory_bar(a, 0, 0x4000, 0); /* would fit, but not on a multiple of its size */
	fake_memory_bar(a, 1, 0x1000, FAKE_PREFETCHABLE);
	fake_memory_bar(b, 0, 0x1000, FAKE_PREFETCHABLE);
	fake_set(port, PCI_PREFETCH_BASE, 4, 0); /* 32 bits are enough for this one */
	scan(0);
	CHECK_EQ(fake_address(a, 0), 0x18000000);
	CHECK_EQ(fake_address(a, 1), 0x18004000);
	CHECK_EQ(fake_address(b, 0), 0x18100000);
	CHECK_EQ(fake_logs, 0);
	done();
}

static void more_windows_than_pools(void)
{
	make_bare();
	windows[0] = windows[2];
	windows[0].start += 0x1000000000;
	windows[0].cpu = windows[0].start;
	fake_memory_bar(fake_add(NULL, 1, 0), 0, 0x4000, FAKE_64 | FAKE_PREFETCHABLE);
	fake_memory_bar(fake_add(fake_bridge(NULL, 2, 0), 0, 0), 0, 0x1000, 0);
	scan(0);
	CHECK_EQ(fake_address(&fakes[0], 0), 0x9000000000); /* the first that will do */
	done();

	/* No memory window at all, or one from 0 on that only a bridge takes from. */
	make_bare();
	host.window_count = 1;
	fake_memory_bar(fake_add(fake_bridge(NULL, 2, 0), 0, 0), 0, 0x1000, 0);
	scan(0);
	CHECK_EQ(fake_address(&fakes[0], 0), 0);
	done();

	make_bare();
	windows[1] = (struct pci_window){ .start = 0, .end = 0x1000000, .cpu = 0x10000000 };
	fake_memory_bar(fake_add(fake_bridge(NULL, 2, 0), 0, 0), 0, 0x1000, 0);
	scan(0);
	CHECK_EQ(fake_address(&fakes[1], 0), MIB);
	done();
}

static void bridges_that_are_on_already(void)
{
	make_assigned();
	struct fake *port = fake_bridge(NULL, 1, 0);
	fake_set(port, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	fake_writable(port, PCI_COMMAND, 2, 0);
	scan(0);
	CHECK(decodes(port));
	done();
}

static void out_of_memory(void)
{
	make_bare();
	for (unsigned i = 0; i < 4; i++)
		fake_bridge(NULL, i, 0);
	fake_allocations_left = 3;
	CHECK_EQ(scan(ERR_NOMEM), 2);
	for (unsigned i = 0; i < 4; i++) /* nobody has looked behind them after that */
		CHECK_EQ(fake_get(&fakes[i], PCI_SECONDARY_BUS, 2), 0);
	done();
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(one_bus),
		CHECK_CASE(full_buses),
		CHECK_CASE(bridges_after_a_reset),
		CHECK_CASE(numbers_of_firmware_stay),
		CHECK_CASE(numbers_that_lie),
		CHECK_CASE(a_bridge_without_numbers),
		CHECK_CASE(a_circle),
		CHECK_CASE(a_bridge_that_wanders),
		CHECK_CASE(too_deep),
		CHECK_CASE(too_few_numbers),
		CHECK_CASE(pins_turn_at_bridges),
		CHECK_CASE(bars_after_a_reset),
		CHECK_CASE(windows_of_bridges),
		CHECK_CASE(a_bridge_without_prefetch),
		CHECK_CASE(what_firmware_gave_stays),
		CHECK_CASE(refused_where_nothing_can_move),
		CHECK_CASE(moved_where_there_are_windows),
		CHECK_CASE(a_bridge_over_ram),
		CHECK_CASE(a_window_over_ram),
		CHECK_CASE(more_than_fits),
		CHECK_CASE(a_window_from_zero),
		CHECK_CASE(a_bar_that_stays_where_it_is),
		CHECK_CASE(prefetchable_windows),
		CHECK_CASE(bars_over_each_other),
		CHECK_CASE(a_full_window),
		CHECK_CASE(windows_that_begin_anywhere),
		CHECK_CASE(more_windows_than_pools),
		CHECK_CASE(bridges_that_are_on_already),
		CHECK_CASE(out_of_memory),
		CHECK_END,
	});
}
