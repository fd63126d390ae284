/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One PCI function made of the fuzzer's input, behind the port's configuration accesses, and the registers
 * in its BARs. What the kit may not do, whatever the function says, is checked here: accesses that are
 * unaligned or leave configuration space, mappings outside of a BAR, registers outside of a mapping.
 */
#ifndef TESTS_FUZZ_PCI_FUNCTION_H
#define TESTS_FUZZ_PCI_FUNCTION_H

#include "drivers/pci/pci.h"
#define FUZZ_PORT_PANIC
#include "tests/fuzz/fuzz.h"

#define CONFIG_BYTES 256
#define MAX_MAPPINGS 16
#define AMBUSHES 2

static struct {
	struct pci_function function;
	uint8_t config[CONFIG_BYTES];
	uint32_t writable[PCI_BARS];
	bool map_fails;
	uint32_t kept; /* bits of registers that keep what is written to them */
	struct {
		uint8_t *bytes;
		uint64_t length;
	} mappings[MAX_MAPPINGS];
	unsigned mapping_count;
	struct {
		unsigned reads; /* until then */
		uint32_t value; /* which is read instead */
	} ambush[AMBUSHES];
} made;

/* The function's bits of a BAR that can be written: a good size, or any mask. */
static inline uint32_t bar_mask(unsigned choice, bool upper)
{
	if (choice >= 64)
		return choice * 0x01030507u;
	uint64_t size = UINT64_C(1) << choice;
	return upper ? (uint32_t)(-size >> 32) : (uint32_t)-size & ~0xfu;
}

static inline void make_function(struct input *input)
{
	uint8_t header[8] = { 0 };

	memset(&made, 0, sizeof(made));
	take_bytes(input, header, sizeof(header));
	made.map_fails = header[0] & 1;
	made.kept = header[0] & 2 ? header[0] * 0x01010101u : UINT32_MAX;
	for (unsigned i = 0; i < AMBUSHES; i++) {
		made.ambush[i].reads = (unsigned)take(input, 1);
		made.ambush[i].value = (uint32_t)take(input, 4);
	}
	take_bytes(input, made.config, CONFIG_BYTES);
	bool upper = false;
	for (unsigned i = 0; i < PCI_BARS; i++) {
		made.writable[i] = bar_mask(header[1 + (upper ? i - 1 : i)], upper);
		upper = !upper && (made.config[PCI_BAR0 + 4 * i] & 7) == 4;
	}
}

static inline void free_mappings(void)
{
	for (unsigned i = 0; i < made.mapping_count; i++)
		free(made.mappings[i].bytes);
	made.mapping_count = 0;
}

/* ---- The port ------------------------------------------------------------------------- */

static inline void check_access(unsigned offset, unsigned width)
{
	FUZZ_CHECK(width == 1 || width == 2 || width == 4);
	FUZZ_CHECK(offset % width == 0);
	FUZZ_CHECK(offset + width <= CONFIG_BYTES);
}

uint32_t vport_pci_read(const struct pci_function *function, unsigned offset, unsigned width)
{
	uint32_t value = 0;

	(void)function;
	check_access(offset, width);
	memcpy(&value, made.config + offset, width);
	for (unsigned i = 0; i < AMBUSHES; i++) {
		if (made.ambush[i].reads > 0 && --made.ambush[i].reads == 0)
			value = made.ambush[i].value & (UINT32_MAX >> (32 - 8 * width));
	}
	return value;
}

void vport_pci_write(const struct pci_function *function, unsigned offset, unsigned width,
		     uint32_t value)
{
	(void)function;
	check_access(offset, width);
	if (offset >= PCI_BAR0 && offset < PCI_BAR0 + 4 * PCI_BARS) {
		uint32_t mask = made.writable[(offset - PCI_BAR0) / 4], old;
		FUZZ_CHECK(width == 4);
		memcpy(&old, made.config + offset, 4);
		value = (old & ~mask) | (value & mask);
	}
	memcpy(made.config + offset, &value, width);
}

vport_reg_t vport_map(struct vport_device *device, uint64_t bus, uint64_t length)
{
	bool inside = false;

	(void)device;
	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &made.function.bars[i];
		if (bar->present && !bar->io && bar->address != 0 && bus >= bar->address &&
		    bus - bar->address <= bar->size && length <= bar->size - (bus - bar->address))
			inside = true;
	}
	FUZZ_CHECK(inside && length > 0 && length <= 0x10000);
	FUZZ_CHECK(made.mapping_count < MAX_MAPPINGS);
	if (made.map_fails)
		return 0;
	uint8_t *bytes = fuzz_alloc(length);
	made.mappings[made.mapping_count].bytes = bytes;
	made.mappings[made.mapping_count++].length = length;
	return (vport_reg_t)bytes;
}

static inline uint8_t *mapped(vport_reg_t reg, unsigned width)
{
	for (unsigned i = 0; i < made.mapping_count; i++) {
		vport_reg_t start = (vport_reg_t)made.mappings[i].bytes;
		if (reg >= start && reg - start <= made.mappings[i].length &&
		    width <= made.mappings[i].length - (reg - start))
			return made.mappings[i].bytes + (reg - start);
	}
	return NULL;
}

uint32_t vport_reg_read(vport_reg_t reg, unsigned width)
{
	uint8_t *at = mapped(reg, width);
	uint32_t value = 0;

	FUZZ_CHECK(at);
	memcpy(&value, at, width);
	return value;
}

void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value)
{
	uint8_t *at = mapped(reg, width);

	FUZZ_CHECK(at);
	value &= made.kept;
	memcpy(at, &value, width);
}

void vport_log(enum vport_log_level level, const char *line)
{
	(void)level;
	FUZZ_CHECK(strlen(line) < 200);
}

#endif
