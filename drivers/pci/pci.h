/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI as the kit needs it: functions, their capabilities, BARs and MSI-X, over nothing but the
 * port's configuration reads and writes. Everything that a device says is checked: a list that
 * loops, an offset outside its BAR, a BAR of odd size is an error, never an access.
 */
#ifndef DRIVERS_PCI_PCI_H
#define DRIVERS_PCI_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/virtio/port.h"

#define PCI_BARS 6
#define PCI_MAX_CAPABILITIES 48 /* all that fit between 0x40 and 0xff */

/* Configuration space header (PCI Local Bus 3.0, 6.1). */
enum pci_register {
	PCI_VENDOR_ID = 0x00,
	PCI_DEVICE_ID = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION_ID = 0x08,
	PCI_CLASS = 0x09, /* three bytes: interface, subclass, class */
	PCI_HEADER_TYPE = 0x0e,
	PCI_BAR0 = 0x10,
	PCI_PRIMARY_BUS = 0x18, /* type 1: primary, secondary, subordinate, one byte each */
	PCI_SECONDARY_BUS = 0x19,
	PCI_SUBORDINATE_BUS = 0x1a,
	PCI_IO_BASE = 0x1c,
	PCI_MEMORY_BASE = 0x20,
	PCI_MEMORY_LIMIT = 0x22,
	PCI_PREFETCH_BASE = 0x24,
	PCI_PREFETCH_LIMIT = 0x26,
	PCI_PREFETCH_BASE_HIGH = 0x28,
	PCI_PREFETCH_LIMIT_HIGH = 0x2c,
	PCI_SUBSYSTEM_VENDOR_ID = 0x2c,
	PCI_SUBSYSTEM_ID = 0x2e,
	PCI_CAPABILITIES = 0x34,
	PCI_INTERRUPT_LINE = 0x3c,
	PCI_INTERRUPT_PIN = 0x3d,
};

enum {
	PCI_COMMAND_IO = 1 << 0,
	PCI_COMMAND_MEMORY = 1 << 1,
	PCI_COMMAND_MASTER = 1 << 2,
	PCI_COMMAND_INTX_DISABLE = 1 << 10,
	PCI_STATUS_CAPABILITIES = 1 << 4,
};

enum { PCI_CAP_VENDOR = 0x09, PCI_CAP_EXPRESS = 0x10, PCI_CAP_MSIX = 0x11 };

struct pci_bar {
	bool present, io, bits64, prefetchable;
	uint64_t address; /* 0: not assigned */
	uint64_t size;    /* a power of two */
};

/* One function. The port (or a fuzzer) makes it, pci_function_init fills it in. */
struct pci_function {
	void *bus_access; /* for vport_pci_read and write: which host bridge */
	uint8_t bus, device, function;
	uint16_t vendor_id, device_id, subsystem_id;
	uint8_t revision, header_type;
	uint8_t class, subclass, interface;
	uint8_t interrupt_pin; /* 1…4, 0: none */
	struct pci_bar bars[PCI_BARS];
	/* MSI-X (drivers/pci/msix.c). */
	uint8_t msix_offset; /* its capability, 0: none */
	uint16_t msix_count; /* vectors in the table, 0 when unusable */
	vport_reg_t msix_table;
	/* The swizzled pin and device at the root bus, for line routing: see pci_scan. */
	uint8_t root_device, root_pin;
	struct pci_function *next;
};

/* Identity, header type, capabilities bit. 0, or ERR_NODEV when nothing answers. Writes nothing. */
int pci_function_init(struct pci_function *function);

/* ---- Capabilities (drivers/pci/capability.c) ------------------------------ */

/*
 * The next capability with this id after offset `from` (0: from the start). Its offset
 * (0x40…0xfc, aligned to 4), 0 when there is no more, or ERR_FORMAT when the list loops, points
 * below 0x40 or is unaligned.
 */
int pci_capability_next(const struct pci_function *function, unsigned from, uint8_t id);

/* ---- BARs (drivers/pci/bar.c) --------------------------------------------- */

/* Reads and sizes all BARs, with decoding switched off meanwhile, and puts back what was there.
 * A BAR that is malformed (size no power of two, a 64-bit one in the last slot) counts as absent. */
void pci_bars_read(struct pci_function *function);
/* Whether [offset, offset + length) lies inside the memory BAR, without overflow; length > 0. */
bool pci_bar_contains(const struct pci_function *function, unsigned bar, uint64_t offset,
		      uint64_t length);

/* Address space that BARs can be given from. */
struct pci_window {
	bool io, bits64 /* may lie above 4 GiB */, prefetchable;
	uint64_t start, end; /* PCI addresses, end exclusive */
	uint64_t next;       /* the first address not given out yet */
};

/* ---- MSI-X (drivers/pci/msix.c) ------------------------------------------- */

/*
 * Finds the MSI-X table and maps it, masks every entry. Afterwards msix_count says how many vectors
 * there are. 0, or ERR_UNSUPPORTED (no capability), ERR_FORMAT (table outside its BAR).
 */
int pci_msix_init(struct pci_function *function, struct vport_device *device);
/* Writes one entry and unmasks it. Asserts index < msix_count. Returns ERR_IO when the table does
 * not read back what was written. */
int pci_msix_set(struct pci_function *function, unsigned index, const struct vport_msi *msi);
void pci_msix_mask(struct pci_function *function, unsigned index);
/* Message-signalled instead of INTx, or back. Reads back; 0 or ERR_IO. */
int pci_msix_enable(struct pci_function *function, bool on);

/* ---- Commands -------------------------------------------------------------- */

/* Memory decoding and bus mastering on; INTx as given. Reads back; 0 or ERR_IO. */
int pci_enable(struct pci_function *function, bool intx);
/* Bus mastering off, read back: afterwards the function cannot write to memory. */
int pci_disable_master(struct pci_function *function);

/* ---- Scanning (drivers/pci/scan.c) ----------------------------------------- */

/* All of a host bridge's functions, bridges included, recursively, with bounded depth and count. Numbers
 * buses and assigns BARs and bridge windows where nobody did. The functions come from vport_alloc.
 * `claimed` says whether an address range belongs to something else (RAM, ECAM). */
struct pci_host {
	void *bus_access;
	unsigned first_bus, last_bus;
	struct pci_window *windows;
	unsigned window_count;
	bool (*claimed)(uint64_t start, uint64_t length);
	struct pci_function *functions; /* the result */
};
int pci_scan(struct pci_host *host);

#endif
