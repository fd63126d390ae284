/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a whole PCI bus with bridges (drivers/pci/scan.c, assign.c), functions of which each may
 * answer anything, and otherwise at every look. However it went, what has an address afterwards has it
 * alone, where its bridge or host bridge passes it on.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/host/fake_pci.h"

#define MAX_MADE 16
#define MAX_WINDOWS 3

static uint64_t claimed_start, claimed_length;
static unsigned change_in; /* reads until `change_offset` of the function that is read changes */
static uint8_t change_offset, change_value;

static bool claimed(uint64_t start, uint64_t length)
{
	return start - claimed_start < claimed_length || claimed_start - start < length;
}

static void change(struct fake *fake)
{
	if (change_in > 0 && --change_in == 0)
		fake->config[change_offset] = change_value;
}

static void make_one(struct input *input)
{
	unsigned kind = (unsigned)take(input, 1), place = (unsigned)take(input, 1);
	unsigned above = (unsigned)take(input, 1);
	struct fake *parent = fake_count && above % 4 ? &fakes[above / 4 % fake_count] : NULL;
	unsigned device = place & 7, function = place >> 5;
	struct fake *fake = kind & 1 ? fake_bridge(parent, device, function)
				     : fake_add(parent, device, function);

	if (kind & 2)
		fake->config[PCI_HEADER_TYPE] |= 0x80;
	if (kind & 4)
		fake->on_read = change;
	for (unsigned i = 0; i < (kind >> 3 & 3); i++) {
		unsigned what = (unsigned)take(input, 1),
			 flags = what & (FAKE_64 | FAKE_PREFETCHABLE);
		unsigned bar = (what & 3) % (fake->config[PCI_HEADER_TYPE] & 1 ? 1 : 5);
		fake_memory_bar(fake, bar, UINT64_C(1) << (4 + take(input, 1) % 60), flags);
		fake_place(fake, bar, take(input, 4) << (what >> 4));
	}
	for (unsigned i = 0; i < (kind >> 5); i++) {
		unsigned offset = (unsigned)take(input, 1);
		fake->config[offset] = (uint8_t)take(input, 1);
		fake->writable[offset] = (uint8_t)take(input, 1);
	}
}

/* ---- What must hold ---------------------------------------------------------------------- */

static bool within(const struct pci_bar *bar, struct pci_range range)
{
	return range.start != 0 && bar->address >= range.start && bar->address < range.end &&
	       bar->size <= range.end - bar->address;
}

static void check_bar(const struct pci_host *host, const struct pci_function *f, unsigned index)
{
	const struct pci_bar *bar = &f->bars[index];
	uint64_t cpu;

	FUZZ_CHECK((bar->size & (bar->size - 1)) == 0 && bar->size >= 16);
	if (bar->address == 0)
		return;
	FUZZ_CHECK(bar->address % bar->size == 0 && bar->address <= UINT64_MAX - bar->size);
	if (f->parent) {
		FUZZ_CHECK(within(bar, f->parent->memory) ||
			   (bar->prefetchable && within(bar, f->parent->prefetch)));
	} else {
		FUZZ_CHECK(pci_to_cpu(host->windows, host->window_count, bar->address, bar->size,
				      &cpu));
		FUZZ_CHECK(!claimed(cpu, bar->size));
	}
	/* Nobody else's. */
	for (const struct pci_function *g = host->functions; g; g = g->next) {
		for (unsigned i = 0; i < PCI_BARS; i++) {
			const struct pci_bar *other = &g->bars[i];
			if ((g == f && i == index) || !other->present || other->io ||
			    other->address == 0)
				continue;
			FUZZ_CHECK(bar->address >= other->address + other->size ||
				   other->address >= bar->address + bar->size);
		}
	}
}

static void check_functions(const struct pci_host *host)
{
	unsigned count = 0;

	for (struct pci_function *f = host->functions; f; f = f->next) {
		bool complete = true;

		FUZZ_CHECK(++count <= PCI_MAX_FUNCTIONS);
		for (unsigned i = 0; i < PCI_BARS; i++) {
			if (!f->bars[i].present || f->bars[i].io)
				continue;
			check_bar(host, f, i);
			complete = complete && f->bars[i].address != 0;
		}
		FUZZ_CHECK(complete || pci_enable(f, true) != 0);
		FUZZ_CHECK(f->root_pin <= 4);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct pci_window windows[MAX_WINDOWS] = { { .io = false } };
	struct pci_host host = { .windows = windows, .claimed = claimed };

	fake_reset();
	check_failures = 0;
	unsigned options = (unsigned)take(&input, 1);
	host.window_count = options % (MAX_WINDOWS + 1);
	host.last_bus = options & 128 ? 255 : options >> 4 & 7;
	for (unsigned i = 0; i < host.window_count; i++) {
		unsigned flags = (unsigned)take(&input, 1);
		windows[i].io = (flags & 7) == 7;
		windows[i].bits64 = flags & 8;
		windows[i].prefetchable = flags & 16;
		windows[i].start = take(&input, 4) << (flags >> 5) * 4;
		windows[i].end = windows[i].start + (take(&input, 4) << (flags >> 5) * 4);
		windows[i].cpu = windows[i].start ^ take(&input, 1) << 28;
	}
	claimed_start = take(&input, 4);
	claimed_length = take(&input, 3);
	change_in = (unsigned)take(&input, 2);
	change_offset = (uint8_t)take(&input, 1);
	change_value = (uint8_t)take(&input, 1);
	for (unsigned i = 0; i < MAX_MADE && input.left > 0; i++)
		make_one(&input);

	pci_scan(&host);
	FUZZ_CHECK(check_failures == 0);
	check_functions(&host);
	while (host.functions) {
		struct pci_function *next = host.functions->next;
		vport_free(host.functions, sizeof(*host.functions));
		host.functions = next;
	}
	FUZZ_CHECK(fake_allocated == 0);
	return 0;
}
