/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first console: the UART that /chosen's stdout-path names, else the first one in the device tree
 * that we know. While there is none to be had (no usable tree, or no final page tables in which
 * it could be mapped) it is semihosting, so that the reason can be read where an emulator listens.
 */
#include "kernel/console.h"
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "kernel/arch.h"
#include "kernel/memory.h"
#include "kernel/pl011.h"

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

static struct console *open_pl011(int node, uintptr_t base)
{
	(void)node;
	return pl011_open(base);
}

static const struct uart {
	const char *compatible;
	uint64_t size; /* of its registers */
	struct console *(*open)(int node, uintptr_t base);
	vport_irq_fn *interrupt;
	void (*listen)(void);
} uarts[] = {
	{ "arm,pl011", PL011_SIZE, open_pl011, pl011_interrupt, pl011_listen },
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
	uart = kind;
	uart_node = node;
	console_add(kind->open(node, (uintptr_t)base));
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
	if (uart == NULL || gic_line_of(uart_node, 0, &line) != 0)
		return;
	if (irq_line_connect(&line, uart->interrupt, NULL) == 0)
		uart->listen();
}
