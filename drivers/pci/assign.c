/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses the memory BARs have, and the windows of the bridges above them (PCI Local Bus
 * 3.0, 6.2.5; PCI-to-PCI Bridge Architecture 1.2, 3.2.5).
 *
 * First everything is checked as it stands: firmware may have given addresses, all, some or
 * none. If all are sound they stay. Otherwise, where the host bridge has windows, all are given
 * anew, one after another in the order of the tree, so that what is behind a bridge is
 * contiguous and its window is what was given meanwhile. Then all is checked again, and what is
 * not sound has no address.
 *
 * Left out: I/O addresses, which no driver of ours uses; hot plug, and so spare room for it.
 *
 * See it at work: make run ARCH=aarch64 TRANSPORT=pci, then `lspci` in the shell
 */
#include "drivers/pci/pci.h"
#include "lib/format.h"

#define MIB (1ull << 20) /* bridge windows are whole MiB */
#define BELOW_4G (1ull << 32)

enum { PREFETCH_64 = 1 /* in the low bits of PREFETCH_BASE */ };

/* ---- Ranges ------------------------------------------------------------------- */

static bool is_empty(struct pci_range range)
{
	return range.start == 0;
}

static bool overlap(struct pci_range a, struct pci_range b)
{
	return !is_empty(a) && !is_empty(b) && a.start < b.end && b.start < a.end;
}

static bool inside(struct pci_range inner, struct pci_range outer)
{
	return !is_empty(outer) && inner.start >= outer.start && inner.end <= outer.end;
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & -unit;
}

static bool is_memory(const struct pci_bar *bar)
{
	return bar->present && !bar->io;
}

/* The memory that the BAR answers to; empty when it has no address or would wrap around. */
static struct pci_range bar_range(const struct pci_bar *bar)
{
	if (!is_memory(bar) || bar->address > UINT64_MAX - bar->size)
		return (struct pci_range){ 0, 0 };
	return (struct pci_range){ bar->address, bar->address + bar->size };
}

bool pci_to_cpu(const struct pci_window *windows, unsigned count, uint64_t pci, uint64_t length,
		uint64_t *cpu)
{
	if (length > UINT64_MAX - pci)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const struct pci_window *w = &windows[i];
		if (!w->io && pci >= w->start && pci <= w->end && length <= w->end - pci) {
			*cpu = w->cpu + (pci - w->start);
			return true;
		}
	}
	*cpu = pci;
	return count == 0;
}

/* ---- Bridge windows ------------------------------------------------------------ */

/* The registers hold address bits 31…20 in their bits 15…4; the limit's low 20 bits are ones. Base
 * above limit is closed, and so is a window from 0 on, which is what they hold after a reset. */
static void read_windows(struct pci_function *bridge)
{
	uint64_t base = vport_pci_read(bridge, PCI_MEMORY_BASE, 2) & 0xfff0;
	uint64_t limit = vport_pci_read(bridge, PCI_MEMORY_LIMIT, 2) & 0xfff0;

	bridge->memory = (struct pci_range){ base << 16, (limit << 16) + MIB };
	if (base > limit || base == 0)
		bridge->memory = (struct pci_range){ 0, 0 };

	uint32_t kind = vport_pci_read(bridge, PCI_PREFETCH_BASE, 2);
	base = (kind & 0xfff0) << 16;
	limit = (vport_pci_read(bridge, PCI_PREFETCH_LIMIT, 2) & 0xfff0) << 16;
	if (kind & PREFETCH_64) {
		base |= (uint64_t)vport_pci_read(bridge, PCI_PREFETCH_BASE_HIGH, 4) << 32;
		limit |= (uint64_t)vport_pci_read(bridge, PCI_PREFETCH_LIMIT_HIGH, 4) << 32;
	}
	/* One that goes to the very end of all addresses has its last byte left out. */
	uint64_t end = limit > UINT64_MAX - MIB ? UINT64_MAX : limit + MIB;
	bridge->prefetch = (struct pci_range){ base, end };
	if (base > limit || base == 0)
		bridge->prefetch = (struct pci_range){ 0, 0 };
}

/* Closed is a base of fff and a limit of 0, in both windows. */
static void write_memory(struct pci_function *bridge, struct pci_range range)
{
	uint64_t last = range.end - 1;

	vport_pci_write(bridge, PCI_MEMORY_BASE, 2,
			is_empty(range) ? 0xfff0 : (uint32_t)(range.start >> 16) & 0xfff0);
	vport_pci_write(bridge, PCI_MEMORY_LIMIT, 2,
			is_empty(range) ? 0 : (uint32_t)(last >> 16) & 0xfff0);
}

static void write_prefetch(struct pci_function *bridge, struct pci_range range)
{
	uint64_t last = range.end - 1;
	bool closed = is_empty(range);

	vport_pci_write(bridge, PCI_PREFETCH_LIMIT_HIGH, 4, closed ? 0 : (uint32_t)(last >> 32));
	vport_pci_write(bridge, PCI_PREFETCH_BASE_HIGH, 4,
			closed ? 0 : (uint32_t)(range.start >> 32));
	vport_pci_write(bridge, PCI_PREFETCH_BASE, 2,
			closed ? 0xfff0 : (uint32_t)(range.start >> 16) & 0xfff0);
	vport_pci_write(bridge, PCI_PREFETCH_LIMIT, 2,
			closed ? 0 : (uint32_t)(last >> 16) & 0xfff0);
}

/* A bridge need not have a prefetchable window; then its registers are zero and stay so. To be
 * asked while the window is closed. */
static bool has_prefetch(const struct pci_function *bridge)
{
	return (vport_pci_read(bridge, PCI_PREFETCH_BASE, 2) & 0xfff0) == 0xfff0;
}

static bool has_prefetch_64(const struct pci_function *bridge)
{
	return vport_pci_read(bridge, PCI_PREFETCH_BASE, 2) & PREFETCH_64;
}

/* ---- Checking ------------------------------------------------------------------ */

/* Whether the bus of this function passes the range on to it. */
static bool is_reachable(const struct pci_host *host, const struct pci_function *function,
			 struct pci_range range, bool prefetchable)
{
	uint64_t cpu, length = range.end - range.start;

	if (function->parent)
		return inside(range, function->parent->memory) ||
		       (prefetchable && inside(range, function->parent->prefetch));
	return pci_to_cpu(host->windows, host->window_count, range.start, length, &cpu) &&
	       !host->claimed(cpu, length);
}

static bool is_above(const struct pci_function *bridge, const struct pci_function *function)
{
	const struct pci_function *at = function->parent;
	while (at && at != bridge)
		at = at->parent;
	return at != NULL;
}

/* Whether the range meets a BAR or a bridge window of an earlier function that this one is not
 * behind. What is behind a bridge comes later in the list than it. */
static bool is_taken(const struct pci_host *host, const struct pci_function *function,
		     struct pci_range range)
{
	for (const struct pci_function *f = host->functions; f != function; f = f->next) {
		for (unsigned i = 0; i < PCI_BARS; i++) {
			if (overlap(range, bar_range(&f->bars[i])))
				return true;
		}
		if (!is_above(f, function) &&
		    (overlap(range, f->memory) || overlap(range, f->prefetch)))
			return true;
	}
	return false;
}

static bool is_bar_sound(const struct pci_host *host, const struct pci_function *function,
			 unsigned index)
{
	const struct pci_bar *bar = &function->bars[index];
	struct pci_range range = bar_range(bar);

	if (is_empty(range) || bar->address % bar->size != 0 ||
	    !is_reachable(host, function, range, bar->prefetchable) ||
	    is_taken(host, function, range))
		return false;
	for (unsigned i = 0; i < index; i++) {
		if (overlap(range, bar_range(&function->bars[i])))
			return false;
	}
	return !overlap(range, function->memory) && !overlap(range, function->prefetch);
}

/* Closes what a bridge passes on wrongly. */
static void check_windows(const struct pci_host *host, struct pci_function *bridge)
{
	read_windows(bridge);
	if (!is_empty(bridge->memory) && (!is_reachable(host, bridge, bridge->memory, false) ||
					  is_taken(host, bridge, bridge->memory))) {
		bridge->memory = (struct pci_range){ 0, 0 };
		write_memory(bridge, bridge->memory);
	}
	if (!is_empty(bridge->prefetch) && (!is_reachable(host, bridge, bridge->prefetch, true) ||
					    is_taken(host, bridge, bridge->prefetch) ||
					    overlap(bridge->prefetch, bridge->memory))) {
		bridge->prefetch = (struct pci_range){ 0, 0 };
		write_prefetch(bridge, bridge->prefetch);
	}
}

/* Switches the function's memory off, so that an address that it may not have answers nobody. */
static void silence(const struct pci_function *function)
{
	uint32_t command = vport_pci_read(function, PCI_COMMAND, 2);

	if (command & PCI_COMMAND_MEMORY)
		vport_pci_write(function, PCI_COMMAND, 2, command & ~(uint32_t)PCI_COMMAND_MEMORY);
}

/* Checks everything, top down; with `refuse`, takes the address from what is not sound and says so.
 * Returns whether all was sound. */
static bool check(struct pci_host *host, bool refuse)
{
	bool sound = true;

	for (struct pci_function *f = host->functions; f; f = f->next) {
		if (pci_is_bridge(f))
			check_windows(host, f);
		for (unsigned i = 0; i < PCI_BARS; i++) {
			struct pci_bar *bar = &f->bars[i];

			if (!is_memory(bar) || is_bar_sound(host, f, i))
				continue;
			sound = false;
			if (!refuse)
				continue;
			pci_complain(f, "BAR %u refused: %llu bytes at 0x%llx %s", i,
				     (unsigned long long)bar->size,
				     (unsigned long long)bar->address,
				     bar->address ? "overlap something or are out of reach"
						  : "have no room");
			bar->address = 0;
			silence(f);
		}
	}
	return sound;
}

/* ---- Giving -------------------------------------------------------------------- */

/* Where the BARs of one bus come from; NULL: nowhere. */
struct pools {
	struct pci_window *memory;   /* below 4 GiB */
	struct pci_window *prefetch; /* prefetchable BARs; what is above 4 GiB, if there is any */
};

/* Takes `size` bytes, a power of two, from the pool. 0 when there is no room. */
static uint64_t take(struct pci_window *pool, uint64_t size, uint64_t end)
{
	/* Address 0 is none. */
	uint64_t from = pool->next ? pool->next : 1;

	if (from > end || size > end - from)
		return 0;
	uint64_t start = round_up(from, size); /* from + size is at most end: no overflow */
	if (start > end || size > end - start)
		return 0;
	pool->next = start + size;
	return start;
}

/* A pool's end for a bus: behind a bridge, what is in its last whole MiB. */
static uint64_t pool_end(const struct pci_window *pool, const struct pci_function *parent)
{
	return parent ? pool->end & -MIB : pool->end;
}

static uint64_t find_room(struct pools pools, const struct pci_function *function,
			  const struct pci_bar *bar)
{
	struct pci_window *memory = pools.memory, *prefetch = pools.prefetch;
	uint64_t address = 0;
	bool fits = prefetch && (bar->bits64 || prefetch->end <= BELOW_4G);

	if (fits && bar->prefetchable)
		address = take(prefetch, bar->size, pool_end(prefetch, function->parent));
	if (!address && memory)
		address = take(memory, bar->size, pool_end(memory, function->parent));
	/* On the root bus a window's being prefetchable is only a hint; behind a bridge it is a
	 * rule. */
	if (!address && fits && !bar->prefetchable && !function->parent)
		address = take(prefetch, bar->size, prefetch->end);
	return address;
}

static void place_bar(struct pools pools, struct pci_function *function, unsigned index)
{
	struct pci_bar *bar = &function->bars[index];
	unsigned offset = PCI_BAR0 + 4 * index;
	uint64_t address = find_room(pools, function, bar), now;

	vport_pci_write(function, offset, 4, (uint32_t)address);
	now = vport_pci_read(function, offset, 4) & ~0xfu;
	if (bar->bits64) {
		vport_pci_write(function, offset + 4, 4, (uint32_t)(address >> 32));
		now |= (uint64_t)vport_pci_read(function, offset + 4, 4) << 32;
	}
	bar->address = now; /* what it took, which is checked again */
}

/* What a pool has given away from `start` on, in whole MiB. */
static struct pci_range close_window(struct pci_window *pool, uint64_t start)
{
	if (!pool || pool->next == start)
		return (struct pci_range){ 0, 0 };
	pool->next = round_up(pool->next, MIB);
	return (struct pci_range){ start, pool->next };
}

/* Begins a bridge's window: the pool's next whole MiB. */
static uint64_t open_window(struct pci_window *pool)
{
	if (!pool)
		return 0;
	pool->next = round_up(pool->next ? pool->next : 1, MIB);
	return pool->next;
}

/* All BARs of the functions on one bus, then what is behind its bridges. As deep as the scan
 * went. */
static void assign_bus(struct pci_host *host, struct pci_function *parent, struct pools pools)
{
	for (struct pci_function *f = host->functions; f; f = f->next) {
		if (f->parent != parent)
			continue;
		silence(f);
		for (unsigned i = 0; i < PCI_BARS; i++) {
			if (is_memory(&f->bars[i]))
				place_bar(pools, f, i);
		}
	}

	for (struct pci_function *f = host->functions; f; f = f->next) {
		if (f->parent != parent || !pci_is_bridge(f))
			continue;

		struct pools behind = pools;
		write_memory(f, (struct pci_range){ 0, 0 });
		write_prefetch(f, (struct pci_range){ 0, 0 });
		if (pools.prefetch &&
		    (!has_prefetch(f) || (pools.prefetch->end > BELOW_4G && !has_prefetch_64(f))))
			behind.prefetch = NULL;

		uint64_t memory = open_window(behind.memory);
		uint64_t prefetch = open_window(behind.prefetch);
		assign_bus(host, f, behind);
		write_memory(f, close_window(behind.memory, memory));
		write_prefetch(f, close_window(behind.prefetch, prefetch));
	}
}

static void complain_of_window(const struct pci_window *window, uint64_t cpu)
{
	char line[120];

	format(line, sizeof line,
	       "pci: window refused: 0x%llx bytes at 0x%llx: something else is there",
	       (unsigned long long)(window->end - window->start), (unsigned long long)cpu);
	vport_log(VPORT_LOG_ERROR, line);
}

/* The windows to take BARs from: the first below 4 GiB for all, another one for prefetchable
 * BARs. */
static struct pools choose_pools(struct pci_host *host)
{
	struct pools pools = { NULL, NULL };

	for (unsigned i = 0; i < host->window_count; i++) {
		struct pci_window *w = &host->windows[i];
		uint64_t cpu;

		w->next = w->start;
		/* The last MiB of all is left out, so that rounding up never wraps around. */
		if (w->io || w->end <= w->start || w->end > UINT64_MAX - MIB ||
		    !pci_to_cpu(w, 1, w->start, w->end - w->start, &cpu))
			continue;
		if (host->claimed(cpu, w->end - w->start)) {
			complain_of_window(w, cpu);
			continue;
		}
		if (!pools.memory && !w->prefetchable && w->end <= BELOW_4G)
			pools.memory = w;
		else if (!pools.prefetch)
			pools.prefetch = w;
	}
	return pools;
}

/* Bridges pass on what comes from above (memory) and from below (bus mastering, messages too). */
static void enable_bridges(const struct pci_host *host)
{
	const uint32_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	for (const struct pci_function *f = host->functions; f; f = f->next) {
		if (!pci_is_bridge(f))
			continue;
		uint32_t command = vport_pci_read(f, PCI_COMMAND, 2);
		if ((command & on) != on)
			vport_pci_write(f, PCI_COMMAND, 2, command | on);
	}
}

void pci_assign(struct pci_host *host)
{
	bool can_move = host->window_count > 0;

	if (!check(host, !can_move) && can_move) {
		assign_bus(host, NULL, choose_pools(host));
		check(host, true);
	}
	enable_bridges(host);
}
