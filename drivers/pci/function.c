/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function's identity and its command register (PCI Local Bus 3.0, 6.1 and 6.2). Left out:
 * CardBus bridges (header type 2), which count as functions without BARs and capabilities.
 *
 * See it at work: make run, then `lspci` in the shell
 */
#include "drivers/pci/pci.h"
#include "lib/error.h"
#include "lib/format.h"

enum { CLASS_BRIDGE = 0x06, SUBCLASS_PCI = 0x04, HEADER_TYPE_MASK = 0x7f };

int pci_function_init(struct pci_function *function)
{
	function->vendor_id = (uint16_t)vport_pci_read(function, PCI_VENDOR_ID, 2);
	if (function->vendor_id == 0xffff)
		return ERR_NODEV;

	function->device_id = (uint16_t)vport_pci_read(function, PCI_DEVICE_ID, 2);
	function->header_type = (uint8_t)vport_pci_read(function, PCI_HEADER_TYPE, 1);

	uint32_t class = vport_pci_read(function, PCI_REVISION_ID, 4);
	function->revision = (uint8_t) class;
	function->interface = (uint8_t)(class >> 8);
	function->subclass = (uint8_t)(class >> 16);
	function->class = (uint8_t)(class >> 24);

	/* A bridge has something else at this offset. */
	if ((function->header_type & HEADER_TYPE_MASK) == 0)
		function->subsystem_id = (uint16_t)vport_pci_read(function, PCI_SUBSYSTEM_ID, 2);

	uint8_t pin = (uint8_t)vport_pci_read(function, PCI_INTERRUPT_PIN, 1);
	function->interrupt_pin = pin <= 4 ? pin : 0;

	pci_capabilities_read(function);
	return 0;
}

bool pci_is_bridge(const struct pci_function *function)
{
	return function->class == CLASS_BRIDGE && function->subclass == SUBCLASS_PCI &&
	       (function->header_type & HEADER_TYPE_MASK) == 1;
}

void pci_complain(const struct pci_function *function, const char *fmt, ...)
{
	char line[160];
	size_t used = format(line, sizeof line, "pci %02x:%02x.%x: ", function->bus,
			     function->device, function->function);
	va_list ap;

	va_start(ap, fmt);
	format_va(line + used, sizeof line - used, fmt, ap);
	va_end(ap);
	vport_log(VPORT_LOG_ERROR, line);
}

int pci_enable(struct pci_function *function, bool intx)
{
	const uint32_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	uint32_t command = vport_pci_read(function, PCI_COMMAND, 2);

	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &function->bars[i];
		if (bar->present && !bar->io && bar->address == 0)
			return ERR_RANGE;
	}

	command |= on;
	if (intx)
		command &= ~(uint32_t)PCI_COMMAND_INTX_DISABLE;
	else
		command |= PCI_COMMAND_INTX_DISABLE;
	vport_pci_write(function, PCI_COMMAND, 2, command);

	/* Functions older than PCI 2.3 have no INTx disable bit, so that one is not compared. A
	 * function that is gone reads as all ones, which no command register can be. */
	uint32_t now = vport_pci_read(function, PCI_COMMAND, 2);
	return (now & on) == on && now != 0xffff ? 0 : ERR_IO;
}

int pci_disable_master(struct pci_function *function)
{
	uint32_t command = vport_pci_read(function, PCI_COMMAND, 2);

	vport_pci_write(function, PCI_COMMAND, 2, command & ~(uint32_t)PCI_COMMAND_MASTER);
	return vport_pci_read(function, PCI_COMMAND, 2) & PCI_COMMAND_MASTER ? ERR_IO : 0;
}
