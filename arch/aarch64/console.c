/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first console: the UART that /chosen's stdout-path names, else the first one in the device tree
 * that we know. While there is none to be had (no usable tree, or no final page tables in which
 * it could be mapped) it is semihosting, so that the reason can be read where an emulator listens.
 *
 *     make run ARCH=aarch64
 *
 * Left out: more than one UART, and setting its line.
 */
#include "kernel/console.h"
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "kernel/arch.h"
#include "kernel/memory.h"
#include "kernel/pl011.h"
#include "kernel/uart16550.h"

#define NS16550_REGISTERS 8
#define NS16550_MAX_SHIFT 4

/* ---- Semihosting --------------------------------------------------------------------------- */

#define SYS_WRITEC 0x03 /* one character, by address */

static void semihosting_write(struct console *console, const char *text, size_t length)
{
	(void)console;
	for (size_t i = 0; i < length; i++)
		semihosting_call(SYS_WRITEC, (uintptr_t)&text[i]);
}

static struct console semihosting = { .name = "semihosting", .write = semihosting_write };

/* ---- UARTs ------------------------------------------------------------------------------------ */

static struct uart16550 ns16550;

static struct console *open_pl011(int node, uintptr_t base)
{
	(void)node;
	return pl011_open(base);
}

static struct console *open_ns16550(int node, uintptr_t base)
{
	ns16550.read = uart16550_memory_read;
	ns16550.write = uart16550_memory_write;
	ns16550.base = base;
	ns16550.reg_shift = fdt_cell(&fdt, node, "reg-shift", 0, 0);
	ns16550.reg_width = fdt_cell(&fdt, node, "reg-io-width", 0, 1);
	if (ns16550.reg_shift > NS16550_MAX_SHIFT ||
	    (ns16550.reg_width != 1 && ns16550.reg_width != 4))
		return NULL;
	return uart16550_init(&ns16550) ? &ns16550.console : NULL;
}

static int connect_ns16550(const struct irq_line *line)
{
	return uart16550_connect(&ns16550, line);
}

static const struct uart {
	const char *compatible;
	uint64_t size; /* of its registers, at most */
	struct console *(*open)(int node, uintptr_t base);
	int (*connect)(const struct irq_line *line);
} uarts[] = {
	{ "arm,pl011", PL011_SIZE, open_pl011, pl011_connect },
	{ "ns16550a", NS16550_REGISTERS << NS16550_MAX_SHIFT, open_ns16550, connect_ns16550 },
};
#define UARTS (sizeof uarts / sizeof *uarts)

static const struct uart *uart; /* the one in use, and where it stands */
static int uart_node = -1;

static bool open_uart(const struct uart *kind, int node)
{
	uint64_t phys, size;
	if (fdt_reg(&fdt, node, 0, &phys, &size) != 0)
		return false;
	void *base = map_device(phys, size < kind->size ? size : kind->size);
	if (base == NULL)
		return false;
	struct console *console = kind->open(node, (uintptr_t)base);
	if (console == NULL)
		return false;
	uart = kind;
	uart_node = node;
	console_add(console);
	return true;
}

/* By stdout-path, which may have options behind the path (they are for somebody who sets the line). */
static bool open_chosen(void)
{
	const char *path = fdt_string(&fdt, fdt_path(&fdt, "/chosen"), "stdout-path");
	int node = path == NULL ? -1 : fdt_path(&fdt, path);
	for (unsigned i = 0; node >= 0 && i < UARTS; i++) {
		if (fdt_is(node, uarts[i].compatible))
			return open_uart(&uarts[i], node);
	}
	return false;
}

static bool open_first(void)
{
	for (unsigned i = 0; i < UARTS; i++) {
		int node = fdt_compatible(&fdt, -1, uarts[i].compatible);
		if (node >= 0 && open_uart(&uarts[i], node))
			return true;
	}
	return false;
}

void arch_console_init(void)
{
	if (mmu_is_final())
		fdt_remap();
	if (!mmu_is_final() || fdt.blob == NULL)
		console_add(&semihosting);
	else if (!open_chosen())
		open_first();
}

/* Without an interrupt, input is found by looking now and then. */
void console_irq_init(void)
{
	struct irq_line line;
	if (uart != NULL && gic_line_of(uart_node, 0, &line) == 0)
		uart->connect(&line);
}
