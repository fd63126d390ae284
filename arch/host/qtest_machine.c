/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's q35 and virt as the host port sees them: where their RAM is, which is this process' shared memory
 * then; where their registers are, which are requests to QEMU; and how their devices are found, which is
 * kernel/discover.c's business as it is on metal. No firmware has run, so BARs are given here.
 *
 * Devices see RAM at the machine's physical addresses, below 2 GiB, and there is nothing of a process at
 * those: a pointer and a device's address that are mixed up fail at once, on both sides.
 *
 * See it at work: make test-qtest
 * Left out: interrupts. The ladder of every transport ends at polling here, which lsvirtio shows.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/host/host.h"
#include "arch/host/qtest.h"
#include "arch/host/registers.h"
#include "kernel/boot.h"
#include "kernel/cmdline.h"
#include "kernel/device.h"
#include "kernel/discover.h"
#include "kernel/memory.h"
#include "lib/error.h"

/* Where QEMU's physical addresses begin among the registers of this process (registers.h): no pointers. */
#define REGISTERS UINT64_C(0x0002000000000000)
#define REGISTERS_BYTES (UINT64_C(1) << 40)

struct machine {
	const char *name;
	uint64_t ram;
	uint64_t low; /* so much of RAM's start is firmware's and the display's */
	struct pci_root pci;
	uint64_t mmio; /* the first virtio-mmio slot */
	unsigned mmio_slots;
};

#define MMIO_SLOT_BYTES 0x200
#define RAM_MOST (UINT64_C(1) << 30)

/* ---- I/O ports: PCI Local Bus 3.0, 3.2.2.3.2 ---------------------------------------------- */

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };

static uint16_t select_register(uint32_t where)
{
	qtest_out(CONFIG_ADDRESS, 4, UINT32_C(1) << 31 | (where & ~UINT32_C(3)));
	return (uint16_t)(CONFIG_DATA + (where & 3));
}

static uint32_t ports_read(uint32_t where, unsigned width)
{
	return qtest_in(select_register(where), width);
}

static void ports_write(uint32_t where, unsigned width, uint32_t value)
{
	qtest_out(select_register(where), width, value);
}

/* ---- The machines (hw/i386/pc_q35.c, hw/arm/virt.c in QEMU's sources) ----------------------- */

static const struct machine machines[] = {
	{ .name = "q35",
	  .low = 1 << 20,
	  .pci = { .access = PCI_ACCESS_CF8,
		   .read = ports_read,
		   .write = ports_write,
		   .last_bus = 255,
		   .windows = { { .start = 0xc0000000, .end = 0xe0000000, .cpu = 0xc0000000 } },
		   .window_count = 1 } },
	{ .name = "virt",
	  .ram = 0x40000000,
	  .pci = { .access = PCI_ACCESS_ECAM,
		   .config_base = 0x4010000000,
		   .last_bus = 255,
		   .windows = { { .start = 0x10000000, .end = 0x3eff0000, .cpu = 0x10000000 } },
		   .window_count = 1 },
	  .mmio = 0xa000000,
	  .mmio_slots = 32 },
};

static const struct machine *machine;

/* ---- Registers ------------------------------------------------------------------------------ */

static uint32_t registers_read(void *model, uint64_t offset, unsigned width)
{
	(void)model;
	return qtest_read(offset, width);
}

static void registers_write(void *model, uint64_t offset, unsigned width, uint32_t value)
{
	(void)model;
	qtest_write(offset, width, value);
}

void *map_device(uint64_t phys, uint64_t length)
{
	if (!machine || phys >= REGISTERS_BYTES || length > REGISTERS_BYTES - phys)
		return NULL;
	return (void *)(uintptr_t)(REGISTERS + phys);
}

vport_reg_t vport_map(struct vport_device *device, uint64_t bus, uint64_t length)
{
	uint64_t phys = bus;

	if (device->pci && !pci_root_to_cpu(device->pci, bus, length, &phys))
		return 0;
	return (vport_reg_t)map_device(phys, length);
}

/* ---- Interrupts: none ------------------------------------------------------------------------- */

int vport_msi_request(struct vport_device *device, unsigned index, unsigned cpu,
		      vport_irq_fn *handler, void *argument, struct vport_msi *msi)
{
	(void)device, (void)index, (void)cpu, (void)handler, (void)argument, (void)msi;
	return ERR_UNSUPPORTED;
}

void vport_msi_release(struct vport_device *device, unsigned index)
{
	(void)device, (void)index; /* none was ever given */
}

int vport_line_request(struct vport_device *device, vport_irq_fn *handler, void *argument)
{
	(void)device, (void)handler, (void)argument;
	return ERR_UNSUPPORTED;
}

void vport_line_release(struct vport_device *device)
{
	(void)device;
}

/* ---- Start -------------------------------------------------------------------------------------- */

static _Noreturn void refuse(const char *what, const char *value)
{
	fprintf(stderr, "qtest: %s%s\n", what, value ? value : "(none)");
	exit(1);
}

bool qtest_init(void)
{
	static struct register_space space = { .start = REGISTERS,
					       .length = REGISTERS_BYTES,
					       .read = registers_read,
					       .write = registers_write };
	const char *socket = cmdline_get("qtest"), *name = cmdline_get("machine");
	const char *ram = cmdline_get("ram");

	if (!socket)
		return false;
	for (unsigned i = 0; name && i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (strcmp(machines[i].name, name) == 0)
			machine = &machines[i];
	}
	if (!machine)
		refuse("machine= is q35 or virt, not ", name);
	if (qtest_connect(socket) != 0)
		refuse("no QEMU listens at ", socket);
	int fd = ram ? open(ram, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		refuse("ram= is the file of QEMU's memory-backend-file, which cannot be opened: ",
		       ram);
	host_memory_share(fd, machine->ram);
	if (host_memory_size() > RAM_MOST)
		refuse("more than 1 GiB need not be in one piece: ", ram);
	boot_info.reserved[boot_info.reserved_count++] =
		(struct boot_range){ machine->ram, machine->ram + machine->low };
	registers_add(&space);
	return true;
}

void qtest_discover(void)
{
	if (!machine)
		return;
	pci_root_found(&machine->pci);
	for (unsigned i = 0; i < machine->mmio_slots; i++) {
		struct mmio_slot slot = { .base = machine->mmio + i * MMIO_SLOT_BYTES,
					  .size = MMIO_SLOT_BYTES };
		mmio_device_found(&slot);
	}
}
