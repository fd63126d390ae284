/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the buses are on x86_64: PCI host bridges by ACPI's MCFG (ECAM), or by the ports 0xcf8 and 0xcfc
 * where there is no MCFG (PCI Local Bus 3.0, 3.2.2.3.2); virtio-mmio devices by the kernel's command
 * line, in the form that Linux's virtio_mmio driver defined: virtio_mmio.device=SIZE@ADDRESS:IRQ[:ID].
 *
 * Interrupt lines come from the Interrupt Line registers, as firmware left them: their true routing is
 * known to AML only. So are the windows of bridges that no firmware has set up; see low_window.
 *
 *     make run MACHINE=pc, MACHINE=q35, MACHINE=microvm, then `lspci` and `lsvirtio` in the shell
 */
#include "kernel/discover.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/platform.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/memory.h"
#include "lib/error.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE (1u << 31)

#define ECAM_BUS_SHIFT 20
#define ECAM_FUNCTION_SHIFT 12
#define MAX_ROOTS 16
#define DEVICES 32

#define LINE_NONE 0xff

#define PCI_HOLE_START UINT64_C(0xc0000000) /* no machine's RAM goes further below 4 GiB */
#define PCI_HOLE_END UINT64_C(0xfec00000)   /* the I/O APIC */

/* ---- Accesses by ports -------------------------------------------------------- */

static struct vport_lock ports_lock; /* the two accesses belong together */

static uint32_t ports_read(uint32_t where, unsigned width)
{
	uint16_t data = (uint16_t)(CONFIG_DATA + where % 4);
	uint32_t value;

	vport_lock_take(&ports_lock);
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | (where & ~3u));
	value = width == 1 ? in8(data) : width == 2 ? in16(data) : in32(data);
	vport_lock_give(&ports_lock);
	return value;
}

static void ports_write(uint32_t where, unsigned width, uint32_t value)
{
	uint16_t data = (uint16_t)(CONFIG_DATA + where % 4);

	vport_lock_take(&ports_lock);
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | (where & ~3u));
	if (width == 1)
		out8(data, (uint8_t)value);
	else if (width == 2)
		out16(data, (uint16_t)value);
	else
		out32(data, value);
	vport_lock_give(&ports_lock);
}

/* Whether the mechanism exists (the address reads back) and a host bridge answers at 0:0.0. */
static bool ports_answer(void)
{
	uint32_t before = in32(CONFIG_ADDRESS), after;

	out32(CONFIG_ADDRESS, CONFIG_ENABLE);
	after = in32(CONFIG_ADDRESS);
	out32(CONFIG_ADDRESS, before);
	return after == CONFIG_ENABLE && ports_read(PCI_VENDOR_ID, 2) != 0xffff;
}

/* ---- Host bridges ------------------------------------------------------------- */

static int pci_line(const struct pci_root *root, const struct pci_function *function, unsigned pin,
		    struct irq_line *line)
{
	uint8_t number = (uint8_t)vport_pci_read(function, PCI_INTERRUPT_LINE, 1);

	(void)root;
	(void)pin;
	if (number == 0 || number == LINE_NONE)
		return ERR_UNSUPPORTED; /* nobody has routed it */
	*line = platform_pci_line(number);
	return 0;
}

static int pci_msi(const struct pci_root *root, const struct pci_function *function, uint32_t *id)
{
	(void)root;
	(void)function;
	*id = 0; /* messages are not told apart by their sender */
	return lapic_present() ? 0 : ERR_UNSUPPORTED;
}

/* Whether firmware has given addresses to BARs on the root bus (its own devices at least). */
static bool has_addresses(const volatile char *bus)
{
	for (unsigned device = 0; device < DEVICES; device++) {
		const volatile char *config = bus + ((size_t)device << (ECAM_FUNCTION_SHIFT + 3));
		if (mmio_read32(config) == UINT32_MAX ||
		    (mmio_read32(config + 0xc) >> 16 & 0x7f) != 0)
			continue; /* nothing there, or a bridge */
		for (unsigned i = 0; i < PCI_BARS; i++) {
			uint32_t bar = mmio_read32(config + PCI_BAR0 + 4 * i);
			if ((bar & 1) == 0 && (bar & ~15u) != 0)
				return true;
		}
	}
	return false;
}

/* The hole that PCs leave below 4 GiB, for BARs where there was no firmware to give them addresses. */
static struct pci_window low_window(const struct pci_root *root)
{
	struct pci_window window = { .start = PCI_HOLE_START, .end = PCI_HOLE_END };

	for (unsigned i = 0; i < boot_info.ram_count; i++) {
		const struct boot_range *ram = &boot_info.ram[i];
		if (ram->start < PCI_HOLE_END && ram->end > window.start)
			window.start = ram->end;
	}
	if (root->config_base > window.start && root->config_base < window.end)
		window.end = root->config_base;
	if (window.start > window.end)
		window.start = window.end;
	window.cpu = window.next = window.start;
	return window;
}

static void found_ecam(const struct acpi_ecam *ecam)
{
	struct pci_root root = {
		.access = PCI_ACCESS_ECAM,
		.config_base = ecam->base + ((uint64_t)ecam->first_bus << ECAM_BUS_SHIFT),
		.segment = ecam->segment,
		.first_bus = ecam->first_bus,
		.last_bus = ecam->last_bus,
		.line = pci_line,
		.msi = pci_msi,
	};
	const volatile char *bus = map_device(root.config_base, 1 << ECAM_BUS_SHIFT);

	if (bus != NULL && !has_addresses(bus))
		root.windows[root.window_count++] = low_window(&root);
	pci_root_found(&root);
}

static void discover_pci(void)
{
	struct acpi_ecam ecam;
	unsigned found = 0;

	for (unsigned n = 0; platform_acpi() != NULL && n < MAX_ROOTS; n++) {
		int result = acpi_ecam(platform_acpi(), n, &ecam);
		if (result == ERR_NODEV)
			break;
		if (result < 0) {
			kprint("acpi: entry %u of MCFG is malformed\n", n);
			continue;
		}
		found_ecam(&ecam);
		found++;
	}
	if (found == 0 && ports_answer())
		pci_root_found(&(struct pci_root){
			.access = PCI_ACCESS_CF8,
			.read = ports_read,
			.write = ports_write,
			.last_bus = 255,
			.line = pci_line,
			.msi = pci_msi,
		});
}

/* ---- virtio-mmio by the command line ------------------------------------------ */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Reads a number, decimal or 0x…, with a suffix K, M or G, and goes past it; false when there is none
 * or it does not fit. */
static bool parse_number(const char **text, uint64_t *value)
{
	const char *at = *text;
	unsigned base = 10, shift = 0;

	if (at[0] == '0' && (at[1] | 0x20) == 'x') {
		base = 16;
		at += 2;
	}
	const char *first = at;
	*value = 0;
	for (; digit(*at) < (int)base; at++)
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, (unsigned)digit(*at), value))
			return false;
	if (at == first)
		return false;
	switch (*at | 0x20) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	}
	if (shift != 0)
		at++;
	*text = at;
	return !__builtin_mul_overflow(*value, UINT64_C(1) << shift, value);
}

static bool parse_device(const char *text, uint64_t *size, uint64_t *address, uint64_t *irq)
{
	if (!parse_number(&text, size) || *text++ != '@' || !parse_number(&text, address) ||
	    *text++ != ':' || !parse_number(&text, irq))
		return false;
	/* An id may follow, which numbers devices for Linux. */
	return (*text == '\0' || *text == ':') && *irq <= UINT32_MAX;
}

static int mmio_line(const struct mmio_slot *slot, struct irq_line *line)
{
	*line = (struct irq_line){ .number = slot->irq }; /* edge, active high */
	return 0;
}

static void discover_mmio(void)
{
	const char *text;
	uint64_t size, address, irq;

	for (unsigned n = 0; (text = cmdline_get_nth("virtio_mmio.device", n)) != NULL; n++) {
		if (!parse_device(text, &size, &address, &irq)) {
			kprint("virtio_mmio.device=%s: not of the form SIZE@ADDRESS:IRQ\n", text);
			continue;
		}
		mmio_device_found(&(struct mmio_slot){
			.base = address, .size = size, .line = mmio_line, .irq = (uint32_t)irq });
	}
}

void arch_discover(void)
{
	discover_pci();
	discover_mmio();
}
