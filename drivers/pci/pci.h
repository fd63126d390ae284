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

/* What a bridge passes on, end exclusive; empty when start is 0. */
struct pci_range {
	uint64_t start, end;
};

/* One function. The port (or a fuzzer) makes it, with what stands up to `function`, and
 * pci_function_init and pci_bars_read fill in the rest. */
struct pci_function {
	void *bus_access; /* for vport_pci_read and write: which host bridge */
	uint8_t bus, device, function;
	uint16_t vendor_id, device_id, subsystem_id;
	uint8_t revision, header_type;
	uint8_t class, subclass, interface;
	uint8_t interrupt_pin; /* 1…4, 0: none */
	/* The capability list in its order, read once: 0, or ERR_FORMAT and none. */
	int capability_error;
	uint8_t capability_count;
	struct {
		uint8_t id, offset;
	} capabilities[PCI_MAX_CAPABILITIES];
	struct pci_bar bars[PCI_BARS];
	/* MSI-X (drivers/pci/msix.c). */
	uint8_t msix_offset; /* its capability, 0: none */
	uint16_t msix_count; /* vectors in the table, 0 when unusable */
	vport_reg_t msix_table;
	/* From pci_scan: the bridge it is behind, NULL on the root bus; and where its interrupt
	 * pin comes out on the root bus, having changed its name at every bridge. */
	struct pci_function *parent;
	uint8_t root_device, root_function, root_pin;
	struct pci_range memory, prefetch; /* of a bridge */
	struct pci_function *next;
};

/* Identity, header type, capability list. 0, or ERR_NODEV when nothing answers. Writes nothing. */
int pci_function_init(struct pci_function *function);
/* Whether it is a PCI-to-PCI bridge. */
bool pci_is_bridge(const struct pci_function *function);
/* Logs one line that begins with the function's name, "pci 00:03.0: ". */
void pci_complain(const struct pci_function *function, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- Capabilities (drivers/pci/capability.c) ------------------------------ */

/*
 * The next capability with this id after the one at offset `from` (0: the first). Its offset
 * (0x40…0xfc, aligned to 4), 0 when there is no more, or ERR_FORMAT when the function's list loops,
 * points below 0x40 or is unaligned. A loop over it ends, whatever the device answers meanwhile.
 */
int pci_capability_next(const struct pci_function *function, unsigned from, uint8_t id);
/* For pci_function_init: reads the list. */
void pci_capabilities_read(struct pci_function *function);

/* ---- BARs (drivers/pci/bar.c) --------------------------------------------- */

/* Reads and sizes all BARs, with decoding switched off meanwhile, and puts back what was there.
 * A BAR that is malformed (size no power of two, a 64-bit one in the last slot) counts as
 * absent. */
void pci_bars_read(struct pci_function *function);
/* Whether [offset, offset + length) lies inside the memory BAR, without overflow; length > 0. */
bool pci_bar_contains(const struct pci_function *function, unsigned bar, uint64_t offset,
		      uint64_t length);

/* ---- MSI-X (drivers/pci/msix.c) ------------------------------------------- */

/*
 * Finds the MSI-X table and maps it, masks every entry. Comes after pci_enable: the table is
 * memory of the function. Afterwards msix_count says how many vectors there are. 0, or
 * ERR_UNSUPPORTED (no capability), ERR_FORMAT (table outside its BAR).
 */
int pci_msix_init(struct pci_function *function, struct vport_device *device);
/* Writes one entry and unmasks it. Asserts index < msix_count. Returns ERR_IO when the table does
 * not read back what was written. */
int pci_msix_set(struct pci_function *function, unsigned index, const struct vport_msi *msi);
void pci_msix_mask(struct pci_function *function, unsigned index);
/* Message-signalled instead of INTx, or back. Reads back; 0 or ERR_IO. */
int pci_msix_enable(struct pci_function *function, bool on);

/* ---- Commands -------------------------------------------------------------- */

/* Memory decoding and bus mastering on; INTx as given. Reads back; 0 or ERR_IO. ERR_RANGE when a
 * memory BAR has no address: it would answer wherever it stands. */
int pci_enable(struct pci_function *function, bool intx);
/* Bus mastering off, read back: afterwards the function cannot write to memory. */
int pci_disable_master(struct pci_function *function);

/* ---- Scanning (drivers/pci/scan.c, assign.c) ------------------------------- */

#define PCI_MAX_FUNCTIONS 512 /* of one host bridge */
#define PCI_MAX_DEPTH 8       /* bridges behind bridges */

/* Addresses that a host bridge passes on to its bus, and from which BARs can be given. */
struct pci_window {
	bool io, bits64 /* may lie above 4 GiB */, prefetchable;
	uint64_t start, end; /* PCI addresses, end exclusive */
	uint64_t cpu;        /* what `start` is for the CPU */
	uint64_t next;       /* for assigning: the first address not given out yet */
};

struct pci_host {
	void *bus_access;
	unsigned first_bus, last_bus;
	/* None where firmware has assigned all that there are, at the CPU's own addresses. */
	struct pci_window *windows;
	unsigned window_count;
	/* Whether a range of CPU addresses belongs to something else (RAM, ECAM). */
	bool (*claimed)(uint64_t start, uint64_t length);
	struct pci_function *functions; /* the result: a bridge stands before what is behind it */
};

/*
 * Finds all functions of a host bridge, bridges included, and numbers buses where firmware did
 * not. Memory BARs and bridge windows keep what firmware gave them when all of it is sound;
 * otherwise they are all given anew from the windows. A BAR that ends up without an address (too
 * large, or over something else where there is no window to move it to) has been complained of,
 * and pci_enable refuses its function. Bridges are enabled, other functions not; their I/O BARs
 * are left alone. The functions come from vport_alloc. 0, or ERR_NOMEM with what was found until
 * then.
 */
int pci_scan(struct pci_host *host);
/* pci_scan's second half. */
void pci_assign(struct pci_host *host);

/* The CPU's address of [pci, pci + length): in one of the windows, or itself where there are
 * none. */
bool pci_to_cpu(const struct pci_window *windows, unsigned count, uint64_t pci, uint64_t length,
		uint64_t *cpu);

#endif
