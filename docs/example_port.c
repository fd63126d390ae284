/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole port of the kit (drivers/virtio/port.h), as small as one can be: one CPU, memory that devices
 * see at its own address, no interrupts (so every queue is polled), one virtio-mmio device.
 * docs/porting.md explains it; tests/host/test_example_port.c drives a device with it.
 *
 * It needs two functions of the board: board_nanoseconds and board_print. Left out: message-signalled
 * interrupts and lines, sleep, and giving memory back (the kit only does so where a probe has failed).
 */
#include "drivers/virtio/port.h"
#include "drivers/virtio/probe.h"
#include "lib/error.h"

uint64_t board_nanoseconds(void);
void board_print(const char *line);
int board_start(uint64_t registers);

/* ---- Memory: an arena, and addresses as they are ---------------------------------------- */

static _Alignas(4096) uint8_t arena[1 << 20];
static size_t arena_used;

static void *take(size_t size, size_t align)
{
	size_t start = (arena_used + align - 1) & ~(align - 1);

	if (start > sizeof(arena) || size > sizeof(arena) - start)
		return NULL;
	arena_used = start + size;
	return arena + start; /* zeroed, as the contract wants it: nothing is given out twice */
}

void *vport_alloc(size_t size)
{
	return take(size, 16);
}

void vport_free(void *memory, size_t size)
{
	(void)memory;
	(void)size;
}

void *vport_dma_alloc(struct vport_device *device, size_t size, size_t align, dma_addr_t *address)
{
	void *memory = take(size, align);

	(void)device;
	*address = (dma_addr_t){ (uintptr_t)memory };
	return memory;
}

void vport_dma_free(struct vport_device *device, void *memory, size_t size)
{
	(void)device;
	vport_free(memory, size);
}

long vport_dma_map(struct vport_device *device, void *buffer, size_t length,
		   enum vport_direction direction, dma_addr_t *address)
{
	(void)device;
	(void)direction;
	*address = (dma_addr_t){ (uintptr_t)buffer };
	return (long)length;
}

void vport_dma_unmap(struct vport_device *device, void *buffer, size_t length,
		     enum vport_direction direction, dma_addr_t address)
{
	(void)device;
	(void)buffer;
	(void)length;
	(void)direction;
	(void)address;
}

/* ---- CPUs: one, which nobody else is in the way of ---------------------------------------- */

unsigned vport_cpu(void)
{
	return 0;
}

unsigned vport_cpu_count(void)
{
	return 1;
}

void vport_lock_take(struct vport_lock *lock)
{
	kit_assert(lock->taken_by == 0);
	lock->taken_by = 1;
}

void vport_lock_give(struct vport_lock *lock)
{
	lock->taken_by = 0;
}

/* ---- Registers: ordered against memory on both sides ------------------------------------- */

#if defined(__aarch64__)
#define ORDER() __asm__ volatile("dmb osh" ::: "memory")
#else /* x86: the processor keeps the order, the compiler must */
#define ORDER() __asm__ volatile("" ::: "memory")
#endif

uint32_t vport_reg_read(vport_reg_t reg, unsigned width)
{
	uint32_t value = width == 1   ? *(volatile uint8_t *)reg
			 : width == 2 ? *(volatile uint16_t *)reg
				      : *(volatile uint32_t *)reg;
	ORDER();
	return value;
}

void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value)
{
	ORDER();
	if (width == 1)
		*(volatile uint8_t *)reg = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)reg = (uint16_t)value;
	else
		*(volatile uint32_t *)reg = value;
}

vport_reg_t vport_map(struct vport_device *device, uint64_t bus, uint64_t length)
{
	(void)device;
	(void)length;
	return (vport_reg_t)bus;
}

/* No PCI here. With it: a 4 KiB page of ECAM for each function, at function->bus_access. */
uint32_t vport_pci_read(const struct pci_function *function, unsigned offset, unsigned width)
{
	(void)function;
	(void)offset;
	return UINT32_MAX >> (32 - 8 * width);
}

void vport_pci_write(const struct pci_function *function, unsigned offset, unsigned width,
		     uint32_t value)
{
	(void)function;
	(void)offset;
	(void)width;
	(void)value;
}

/* ---- Interrupts: none, and the kit polls -------------------------------------------------- */

int vport_msi_request(struct vport_device *device, unsigned index, unsigned cpu,
		      vport_irq_fn *handler, void *argument, struct vport_msi *msi)
{
	(void)device;
	(void)index;
	(void)cpu;
	(void)handler;
	(void)argument;
	(void)msi;
	return ERR_UNSUPPORTED;
}

void vport_msi_release(struct vport_device *device, unsigned index)
{
	(void)device;
	(void)index;
}

int vport_line_request(struct vport_device *device, vport_irq_fn *handler, void *argument)
{
	(void)device;
	(void)handler;
	(void)argument;
	return ERR_UNSUPPORTED;
}

void vport_line_release(struct vport_device *device)
{
	(void)device;
}

/* ---- Waiting: one pass over what is marked or due, one work item -------------------------- */

static struct vport_event *events;        /* looked at by check_at */
static struct vport_event *marked, *pass; /* to drain: in the next pass, and in this one */
static struct vport_work *works;
static bool draining, working, recovering;

void vport_event_add(struct vport_event *event)
{
	event->next = events;
	events = event;
}

void vport_mark(struct vport_event *event)
{
	if (event->marked)
		return;
	event->marked = true;
	event->next_marked = marked;
	marked = event;
}

void vport_mark_in_interrupt(struct vport_event *event)
{
	vport_mark(event);
}

static void unmark(struct vport_event **link, const struct vport_event *event)
{
	while (*link && *link != event)
		link = &(*link)->next_marked;
	if (*link)
		*link = event->next_marked;
}

void vport_event_remove(struct vport_event *event)
{
	struct vport_event **link = &events;

	while (*link && *link != event)
		link = &(*link)->next;
	if (*link)
		*link = event->next;
	unmark(&marked, event);
	unmark(&pass, event);
	event->marked = false;
}

void vport_work_queue(struct vport_work *work)
{
	struct vport_work **end = &works;

	if (work->queued)
		return;
	while (*end)
		end = &(*end)->next;
	work->queued = true;
	work->next = NULL;
	*end = work;
}

/* One item, and while it waits none but one that recovers a device. */
static void run_work(void)
{
	struct vport_work **link = &works, *work;
	bool nested = working;

	while (*link && (recovering || (working && !(*link)->recovers)))
		link = &(*link)->next;
	work = *link;
	if (!work)
		return;
	*link = work->next;
	work->queued = false;
	working = true;
	recovering = work->recovers;
	work->run(work); /* may call vport_relax */
	recovering = false;
	working = nested;
}

void vport_relax(uint64_t deadline)
{
	uint64_t now = board_nanoseconds();

	(void)deadline; /* it never sleeps: coming back too early does no harm */
	kit_assert(!draining);
	for (struct vport_event *event = events; event; event = event->next) {
		if (event->check_at <= now)
			vport_mark(event);
	}
	pass = marked;
	marked = NULL;
	draining = true;
	while (pass) {
		struct vport_event *event = pass;
		pass = event->next_marked;
		event->marked = false;
		event->drain(event); /* may mark it again, for the next pass */
	}
	draining = false;
	run_work();
}

void vport_wake(unsigned cpu)
{
	(void)cpu; /* vport_relax never sleeps */
}

uint64_t vport_now(void)
{
	return board_nanoseconds();
}

/* ---- Telling -------------------------------------------------------------------------------- */

bool vport_logs(enum vport_log_level level)
{
	return level != VPORT_LOG_TRACE;
}

void vport_log(enum vport_log_level level, const char *line)
{
	if (vport_logs(level))
		board_print(line);
}

uint64_t vport_setting(const char *key, uint64_t fallback)
{
	(void)key;
	return fallback;
}

bool vport_setting_is(const char *key, const char *value)
{
	(void)key;
	(void)value;
	return false;
}

const char *vport_setting_text(const char *key)
{
	(void)key;
	return NULL;
}

_Noreturn void vport_panic(const char *what, const char *file, int line)
{
	(void)file;
	(void)line;
	board_print(what);
	for (;;)
		;
}

/* ---- The device ------------------------------------------------------------------------------ */

/* What the kit hands back and never looks into: a port with an IOMMU would keep its domain here. */
struct vport_device {
	uint64_t registers;
};

int board_start(uint64_t registers)
{
	static struct vport_device device;

	device.registers = registers;
	return virtio_mmio_probe(&device, registers, 0x200);
}
