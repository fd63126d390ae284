/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/pci/scan.c and assign.c at the edges of what they accept: each case holds checks that `make mutants`
 * found to be missed by the tests of test_pci_scan.c. What the checks are for is told there.
 */
#include "drivers/pci/pci.h"
#include "lib/error.h"
#include "tests/host/check.h"
#include "tests/host/pci_tree.h"

/* ---- Finding ------------------------------------------------------------------------ */

/* Neither has a number that a configuration address could hold. */
static void the_last_device_and_function(void)
{
	make_bare();
	fake_set(fake_add(NULL, 31, 0), PCI_HEADER_TYPE, 1, 0x80);
	fake_add(NULL, 31, 7);
	fake_add(NULL, 31, 8);
	fake_add(NULL, 32, 0);
	CHECK_EQ(scan(0), 2);
	done();
}

/* Numbers of firmware that reach to the last bus, hold one bus, and reach beyond the last. */
static void numbers_at_their_ends(void)
{
	make_bare();
	host.last_bus = 9;
	struct fake *first = fake_bridge(NULL, 1, 0), *second = fake_bridge(NULL, 2, 0);
	number(first, 5, 5);
	number(second, 7, 9);
	CHECK_EQ(scan(0), 2);
	CHECK_EQ(fake_get(first, PCI_SECONDARY_BUS, 2), 0x0505);
	CHECK_EQ(fake_get(second, PCI_SECONDARY_BUS, 2), 0x0907);
	done();

	make_bare();
	host.last_bus = 4;
	struct fake *bridge = fake_bridge(NULL, 1, 0);
	number(bridge, 1, 9);
	fake_add(bridge, 0, 0);
	CHECK_EQ(scan(0), 2);
	found(1, 0, 0);
	CHECK_EQ(fake_get(bridge, PCI_SUBORDINATE_BUS, 1), 1);
	done();
}

static void no_more_numbers(void)
{
	make_bare();
	host.last_bus = 1;
	fake_bridge(NULL, 1, 0);
	struct fake *late = fake_bridge(NULL, 2, 0);
	CHECK_EQ(scan(0), 2);
	CHECK_EQ(fake_logs, 1);
	CHECK_TEXT(fake_line, "pci 00:02.0: no bus behind it: out of bus numbers");
	CHECK_EQ(fake_get(late, PCI_SECONDARY_BUS, 2), 0);
	done();
}

/* A bridge that says other numbers from some moment on, whatever is written. */
static unsigned turns_at;
static uint8_t turns_to[2];

static void turn(struct fake *f)
{
	if (f->reads > turns_at)
		number(f, turns_to[0], turns_to[1]);
}

static void bridges_that_turn(void)
{
	static const uint8_t numbers[][2] = {
		{ 0, 0 }, /* back to where it stands itself */
		{ 3, 2 }, /* ends before it begins */
		{ 1, 9 }, /* beyond the last bus */
	};

	for (unsigned i = 0; i < 3 * 64; i++) {
		turns_at = i / 3;
		memcpy(turns_to, numbers[i % 3], 2);
		make_bare();
		host.last_bus = 4;
		struct fake *bridge = fake_bridge(NULL, 1, 0), *good = fake_bridge(NULL, 2, 0);
		number(bridge, 1, 1);
		number(good, 2, 2);
		fake_add(bridge, 0, 0);
		fake_add(good, 3, 0);
		bridge->on_read = turn;
		unsigned count = scan(0);
		CHECK(count == 3 || count == 4);
		bool kept = false;
		for (struct pci_function *f = host.functions; f; f = f->next) {
			CHECK(f->parent ? f->bus == 1 || f->bus == 2 : f->bus == 0);
			kept |= f->parent && f->device == 3;
		}
		CHECK(kept);
		done();
	}
}

/* ---- Checking ------------------------------------------------------------------------- */

/* Memory at the numbers of somebody's ports is memory. */
static void ports_are_no_memory(void)
{
	make_assigned();
	struct fake *a = fake_add(NULL, 1, 0), *b = fake_add(NULL, 2, 0);
	fake_set(a, PCI_BAR0, 4, 0xc001);
	fake_writable(a, PCI_BAR0, 4, 0xffffff00);
	fake_memory_bar(b, 0, 0x1000, 0);
	fake_place(b, 0, 0xc000);
	scan(0);
	CHECK_EQ(found(0, 2, 0)->bars[0].address, 0xc000);
	done();

	/* And where all is given anew, ports stay. */
	make_bare();
	a = fake_add(NULL, 1, 0);
	fake_set(a, PCI_BAR0, 4, 0xc001);
	fake_writable(a, PCI_BAR0, 4, 0xffffff00);
	fake_memory_bar(a, 1, 0x1000, 0);
	scan(0);
	CHECK_EQ(fake_get(a, PCI_BAR0, 4), 0xc001);
	CHECK_EQ(fake_address(a, 1), 0x10000000);
	done();
}

/* What a BAR of 64 bits behind a bridge comes to, with a prefetchable window of 0x9000000000 … 0x9000100000 and
 * another one of 0x30000000 … 0x30100000. */
static uint64_t behind_windows(unsigned flags, uint64_t address)
{
	make_assigned();
	struct fake *port = fake_bridge(NULL, 2, 0), *a = fake_add(port, 0, 0);
	number(port, 1, 1);
	open_memory(port, 0x30000000, 0x30100000);
	open_prefetch(port, 0x9000000000, 0x9000100000);
	fake_memory_bar(a, 0, 0x1000, FAKE_64 | flags);
	fake_place(a, 0, address);
	scan(0);
	address = found(1, 0, 0)->bars[0].address;
	done();
	return address;
}

static void behind_a_bridge(void)
{
	CHECK_EQ(behind_windows(FAKE_PREFETCHABLE, 0x9000000000), 0x9000000000);
	CHECK_EQ(behind_windows(0, 0x9000000000), 0); /* it is not prefetchable */
	CHECK_EQ(behind_windows(0, 0x30000000), 0x30000000);
	CHECK_EQ(behind_windows(0, 0x2ffff000), 0); /* in front of the window */
	/* Up to 2^64: its end would be 0. */
	CHECK_EQ(behind_windows(FAKE_PREFETCHABLE, 0xfffffffffffff000), 0);
}

static void side_by_side(void)
{
	make_assigned();
	struct fake *a = fake_add(NULL, 1, 0);
	for (unsigned i = 0; i < 3; i++) {
		fake_memory_bar(a, i, 0x1000, 0);
		fake_place(a, i, 0x20001000 - 0x1000 * i);
	}
	struct fake *port = fake_bridge(NULL, 2, 0);
	number(port, 1, 1);
	open_memory(port, 0x30000000, 0x30100000);
	fake_memory_bar(port, 0, 0x1000, 0); /* the bridge's own, in what it passes on */
	fake_place(port, 0, 0x30000000);
	scan(0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(found(0, 1, 0)->bars[i].address, 0x20001000 - 0x1000 * i);
	CHECK_EQ(found(0, 2, 0)->bars[0].address, 0);
	done();
}

/* Two bridges that pass on the same addresses: the second one loses them. */
static void two_bridges_with_one_window(void)
{
	make_assigned();
	struct fake *first = fake_bridge(NULL, 1, 0), *second = fake_bridge(NULL, 2, 0);
	struct fake *a = fake_add(second, 0, 0);
	number(first, 1, 1);
	number(second, 2, 2);
	open_memory(first, 0x30000000, 0x30200000);
	open_memory(second, 0x30100000, 0x30200000);
	fake_memory_bar(a, 0, 0x1000, 0);
	fake_place(a, 0, 0x30100000);
	scan(0);
	CHECK_EQ(found(2, 0, 0)->bars[0].address, 0);
	CHECK_EQ(fake_get(second, PCI_MEMORY_BASE, 4), 0xfff0);
	CHECK_EQ(memory_start(first), 0x30000000);
	done();
}

/* Windows that are closed already, in whatever way, are left as they are. */
static void closed_windows_stay(void)
{
	make_bare();
	struct fake *port = fake_bridge(NULL, 1, 0);
	number(port, 1, 1);
	open_memory(port, 0x20100000, 0x20000000);
	open_prefetch(port, 0x9000100000, 0x9000000000);
	struct fake *zero = fake_bridge(NULL, 2, 0); /* from 0 on, as after a reset */
	number(zero, 2, 2);
	scan(0);
	CHECK_EQ(fake_get(port, PCI_MEMORY_BASE, 4), 0x1ff02010);
	CHECK_EQ(fake_get(port, PCI_PREFETCH_BASE, 4), 0xfff10011);
	CHECK_EQ(fake_get(zero, PCI_MEMORY_BASE, 4), 0);
	CHECK_EQ(fake_get(zero, PCI_PREFETCH_BASE, 4), 0x00010001);
	CHECK_EQ(fake_logs, 0);
	done();
}

/* A BAR that has an address between the multiples of its size until it is asked for that. */
static void stand_askew(struct fake *f)
{
	if (fake_get(f, PCI_BAR0, 4) > 0xf0000000)
		fake_set(f, PCI_BAR0, 4, 0xfffff000);
	else
		fake_set(f, PCI_BAR0, 4, 0x20000800);
}

static void a_bar_askew(void)
{
	make_assigned();
	struct fake *a = fake_add(NULL, 1, 0);
	fake_memory_bar(a, 0, 0x1000, 0);
	a->on_read = stand_askew;
	scan(0);
	CHECK_EQ(found(0, 1, 0)->bars[0].size, 0x1000);
	CHECK_EQ(found(0, 1, 0)->bars[0].address, 0);
	CHECK_EQ(fake_logs, 1);
	done();
}

static void addresses_for_the_cpu(void)
{
	uint64_t cpu;

	make_bare();
	CHECK(pci_to_cpu(windows, 3, 0x10000000, 0x2eff0000, &cpu));
	CHECK(!pci_to_cpu(windows, 3, 0x50000000, 0x10, &cpu)); /* behind a window */
	CHECK(!pci_to_cpu(windows, 3, 0x1000, 0x10, &cpu));     /* ports */
	CHECK(pci_to_cpu(windows, 3, 0x3eff0000, 0, &cpu));     /* nothing, at a window's end */
	CHECK(!pci_to_cpu(NULL, 0, UINT64_MAX, 2, &cpu));
	CHECK(pci_to_cpu(NULL, 0, UINT64_MAX - 0xfff, 0xfff, &cpu));
}

/* ---- Giving ---------------------------------------------------------------------------- */

static void a_bridge_with_nothing_behind_it(void)
{
	make_bare();
	struct fake *port = fake_bridge(NULL, 1, 0);
	fake_memory_bar(fake_add(NULL, 2, 0), 0, 0x1000, 0);
	scan(0);
	CHECK_EQ(fake_get(port, PCI_MEMORY_BASE, 4), 0xfff0);
	CHECK_EQ(fake_get(port, PCI_PREFETCH_BASE, 4), 0x0001fff1);
	done();
}

/* A window in the upper half of all addresses, and a BAR that would round up to 2^64. */
static void too_large_for_the_upper_half(void)
{
	make_bare();
	windows[2] = (struct pci_window){ .start = 0xc000000000000000, .end = 0xf000000000000000 };
	windows[2].cpu = windows[2].start;
	struct fake *a = fake_add(NULL, 1, 0);
	fake_memory_bar(a, 0, 1ull << 63, FAKE_64 | FAKE_PREFETCHABLE);
	fake_memory_bar(a, 2, 0x1000, FAKE_64 | FAKE_PREFETCHABLE);
	scan(0);
	CHECK_EQ(fake_address(a, 0), 0);
	CHECK_EQ(fake_address(a, 2), 0xc000000000000000);
	done();
}

/* Where a BAR of these flags is put, on the root bus or behind a bridge, by the windows as they are. */
static uint64_t place_one(unsigned flags, bool behind, bool prefetch_of_32_bits)
{
	struct fake *port = fake_bridge(NULL, 1, 0), *a = fake_add(behind ? port : NULL, 2, 0);

	if (prefetch_of_32_bits)
		fake_set(port, PCI_PREFETCH_BASE, 4, 0);
	fake_memory_bar(a, 0, 0x1000, flags);
	scan(0);
	uint64_t address = fake_address(a, 0);
	done();
	return address;
}

static void make_prefetch_window(uint64_t start, uint64_t end)
{
	make_bare();
	windows[2] = (struct pci_window){ .start = start, .end = end, .cpu = start };
	windows[2].prefetchable = true;
}

static void windows_up_to_4_gib(void)
{
	make_prefetch_window(0xf0000000, 0x100000000);
	CHECK_EQ(place_one(FAKE_PREFETCHABLE, false, false), 0xf0000000);
	make_prefetch_window(0xf0000000, 0x100000000);
	CHECK_EQ(place_one(FAKE_PREFETCHABLE, true, true), 0xf0000000);

	make_bare();
	windows[1] = (struct pci_window){ .start = 0xf0000000, .end = 0x100000000 };
	windows[1].cpu = windows[1].start;
	CHECK_EQ(place_one(0, true, false), 0xf0000000);
}

/* Below 4 GiB too, a bridge must have a prefetchable window to pass on to. */
static void no_prefetch_below_4_gib(void)
{
	make_prefetch_window(0xf0000000, 0x100000000);
	struct fake *port = fake_bridge(NULL, 1, 0), *a = fake_add(port, 2, 0);
	fake_set(port, PCI_PREFETCH_BASE, 4, 0);
	fake_writable(port, PCI_PREFETCH_BASE, 4, 0);
	fake_memory_bar(a, 0, 0x1000, FAKE_PREFETCHABLE);
	scan(0);
	CHECK_EQ(fake_address(a, 0), 0x10000000);
	done();
}

static void windows_up_to_2_64(void)
{
	make_prefetch_window(0xffffffff00000000, UINT64_MAX - MIB);
	CHECK_EQ(place_one(FAKE_64 | FAKE_PREFETCHABLE, false, false), 0xffffffff00000000);
	make_prefetch_window(0xffffffff00000000, UINT64_MAX - MIB + 1);
	CHECK_EQ(place_one(FAKE_64 | FAKE_PREFETCHABLE, false, false), 0x10000000);
}

static void the_first_of_two_windows(void)
{
	make_bare(); /* both below 4 GiB, and not prefetchable */
	windows[2] =
		(struct pci_window){ .start = 0xf0000000, .end = 0xf1000000, .cpu = 0xf0000000 };
	CHECK_EQ(place_one(0, true, false), 0x10000000);

	make_bare(); /* the first is prefetchable */
	windows[2] = windows[1];
	windows[1] =
		(struct pci_window){ .start = 0xf0000000, .end = 0xf1000000, .cpu = 0xf0000000 };
	windows[1].prefetchable = true;
	CHECK_EQ(place_one(0, true, false), 0x10000000);
}

/* Windows up to the end of all addresses: one is good, the other one meets a BAR, and is closed. */
static void windows_to_the_very_end(void)
{
	for (unsigned meets = 0; meets < 2; meets++) {
		make_assigned();
		if (meets) {
			struct fake *beside = fake_add(NULL, 1, 0);
			fake_memory_bar(beside, 0, 0x1000, FAKE_64 | FAKE_PREFETCHABLE);
			fake_place(beside, 0, 0x900000000000);
		}
		struct fake *bridge = fake_bridge(NULL, 2, 0);
		number(bridge, 1, 1);
		open_prefetch(bridge, 0x800000000000, 0);
		struct fake *behind = fake_add(bridge, 0, 0);
		fake_memory_bar(behind, 0, 0x1000, FAKE_64 | FAKE_PREFETCHABLE);
		fake_place(behind, 0, 0xa00000000000);
		scan(0);
		CHECK_EQ(prefetch_start(bridge) == 0x800000000000, !meets);
		CHECK_EQ(found(1, 0, 0)->bars[0].present && found(1, 0, 0)->bars[0].address != 0,
			 !meets);
		if (meets)
			CHECK_EQ(found(0, 1, 0)->bars[0].address, 0x900000000000);
		done();
	}
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(the_last_device_and_function),
		CHECK_CASE(numbers_at_their_ends),
		CHECK_CASE(no_more_numbers),
		CHECK_CASE(bridges_that_turn),
		CHECK_CASE(ports_are_no_memory),
		CHECK_CASE(behind_a_bridge),
		CHECK_CASE(side_by_side),
		CHECK_CASE(two_bridges_with_one_window),
		CHECK_CASE(closed_windows_stay),
		CHECK_CASE(a_bar_askew),
		CHECK_CASE(addresses_for_the_cpu),
		CHECK_CASE(a_bridge_with_nothing_behind_it),
		CHECK_CASE(too_large_for_the_upper_half),
		CHECK_CASE(windows_up_to_4_gib),
		CHECK_CASE(no_prefetch_below_4_gib),
		CHECK_CASE(windows_up_to_2_64),
		CHECK_CASE(the_first_of_two_windows),
		CHECK_CASE(windows_to_the_very_end),
		CHECK_END,
	});
}
