/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.h: the contract between the kit and what it runs on.
 *
 * The kit (lib/, drivers/) asks nothing of its host but the vport_ functions
 * below and memcpy, memset, memmove, memcmp. Ringlet's kernel implements them
 * in kernel/port.c; docs/porting.md tells how to write another port.
 *
 * Three contexts, and what may be called in each:
 *   interrupt  an irq handler: vport_mark, vport_mark_in_interrupt, vport_wake, register access
 *   drain      vport_event.drain, called by vport_relax: everything but
 *              vport_relax and the allocators
 *   work,      vport_work.run, called by vport_relax one at a time, on CPU 0;
 *   program    and a program itself, of which each CPU may run one: everything
 *
 * "Any context" below is any CPU as well.
 */
#ifndef DRIVERS_VIRTIO_PORT_H
#define DRIVERS_VIRTIO_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One device as the port knows it; the kit hands it back and never looks inside. */
struct vport_device;

/* ---- CPUs --------------------------------------------------------------- */

/* Which one this is: 0 … vport_cpu_count() - 1. Any context. How many there are does not change once
 * devices are looked for. */
unsigned vport_cpu(void);
unsigned vport_cpu_count(void);

/*
 * Keeps CPUs apart for a few instructions. Drain, work and program context: an irq handler takes none, and so
 * nothing is masked. Not while a completion is called, not across vport_relax or an allocation, and no second
 * time by the CPU that has it (which is asserted where it would wait). What one CPU wrote before it gave the
 * lock is seen by the next that takes it.
 */
struct vport_lock {
	unsigned taken_by; /* for the port; 0 at first: nobody */
};

void vport_lock_take(struct vport_lock *lock);
void vport_lock_give(struct vport_lock *lock);

/* ---- Memory ------------------------------------------------------------- */

/* An address as the device sees it. A type of its own: it is not a pointer, and
 * need not equal a physical address (IOMMU, bounce area, another process). */
typedef struct {
	uint64_t bits;
} dma_addr_t;

enum vport_direction { VPORT_TO_DEVICE, VPORT_FROM_DEVICE };

/* Zeroed private memory, which no device sees, aligned to 16. NULL when there is
 * none. Freed with the same size. */
void *vport_alloc(size_t size);
void vport_free(void *memory, size_t size);

/* Zeroed memory shared with the device: contiguous to it, cacheable, aligned to
 * `align` (a power of two, at most 4096). NULL when there is none. */
void *vport_dma_alloc(struct vport_device *device, size_t size, size_t align, dma_addr_t *address);
void vport_dma_free(struct vport_device *device, void *memory, size_t size);

/*
 * Makes [buffer, buffer + length) visible to the device. Returns how many bytes
 * from its start are contiguous there (1 … length; call again for the rest), or
 * an error. The memory belongs to the device until vport_dma_unmap, which is
 * called once for each piece that map returned, with the same arguments and that length.
 */
long vport_dma_map(struct vport_device *device, void *buffer, size_t length,
		   enum vport_direction direction, dma_addr_t *address);
void vport_dma_unmap(struct vport_device *device, void *buffer, size_t length,
		     enum vport_direction direction, dma_addr_t address);

/* ---- Registers ---------------------------------------------------------- */

/* Where a register is, in the port's own terms: on metal a virtual address. 0 is none. */
typedef uintptr_t vport_reg_t;

/*
 * One naturally aligned access of 1, 2 or 4 bytes (the width given), little-endian.
 * A write is ordered after all earlier memory accesses, a read before all later ones.
 */
uint32_t vport_reg_read(vport_reg_t reg, unsigned width);
void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value);

/* Makes `length` bytes of device registers at bus address `bus` reachable; 0 when
 * that cannot be done. For a PCI device, `bus` is a PCI memory address (a BAR's
 * value plus an offset); for an MMIO device a CPU physical address. Lasts for good. */
vport_reg_t vport_map(struct vport_device *device, uint64_t bus, uint64_t length);

/* PCI configuration space of the function: width 1, 2 or 4, offset aligned to it.
 * All ones when there is nothing. */
struct pci_function;
uint32_t vport_pci_read(const struct pci_function *function, unsigned offset, unsigned width);
void vport_pci_write(const struct pci_function *function, unsigned offset, unsigned width,
		     uint32_t value);

/* ---- Interrupts --------------------------------------------------------- */

typedef void vport_irq_fn(void *argument);

/* What a device writes where, to signal one interrupt (PCI MSI-X). */
struct vport_msi {
	uint64_t address;
	uint32_t data;
};

/*
 * One message-signalled interrupt for the device, to that CPU; `index` (its MSI-X table entry) makes
 * messages of one device different. Returns 0 and fills *msi, or an error: ERR_UNSUPPORTED
 * where the platform has none. The handler may run as soon as the message is in the table, and does not
 * run any more when vport_msi_release has returned. Work and program context.
 */
int vport_msi_request(struct vport_device *device, unsigned index, unsigned cpu,
		      vport_irq_fn *handler, void *argument, struct vport_msi *msi);
void vport_msi_release(struct vport_device *device, unsigned index);

/* The device's line interrupt (INTx, or an MMIO device's own), possibly shared, to CPU 0. The handler
 * must tell a device that did not raise it from its status. 0 or an error. */
int vport_line_request(struct vport_device *device, vport_irq_fn *handler, void *argument);
void vport_line_release(struct vport_device *device);

/* ---- Waiting ------------------------------------------------------------ */

/*
 * Something to look at: a queue, a device's configuration. The interrupt handler marks it, and
 * vport_relax calls drain for everything that is marked, or whose check_at has passed. drain may
 * set its event's check_at (nanoseconds of vport_now; VPORT_NEVER for no time), as nobody else may once
 * the event has been added: the port need not look at all of them all the time. It may mark its event
 * again, which then is called again in the next pass and keeps the CPU from sleeping: that is
 * how a queue without interrupts is polled.
 *
 * All of that happens on one CPU, the event's `home`: what only drain touches needs no lock. Its owner sets
 * that before vport_event_add or the first mark, and not again until vport_event_remove has returned.
 */
#define VPORT_NEVER UINT64_MAX

struct vport_event {
	void (*drain)(struct vport_event *event);
	uint64_t check_at;
	unsigned home;
	/* for the port; 0 at first */
	struct vport_event *next, *next_marked, *next_sent;
	bool marked, sent;
};

/* From now on looked at by check_at. It may be marked, and is drained then, before that too. Drain, work
 * and program context. */
void vport_event_add(struct vport_event *event);
/*
 * When this returns it is not marked, and not called any more: a drain of it that its home is at has ended, for
 * which this waits (but in that drain itself, which may remove its own event). It need not have been added.
 * Work and program context; in drain context only for an event whose home is this CPU.
 */
void vport_event_remove(struct vport_event *event);
/* Any context; idempotent. What was written before it is seen by the drain. Wakes the home. */
void vport_mark(struct vport_event *event);
/* The same in fewer steps, for an irq handler: interrupts are masked on this CPU. A port may call vport_mark. */
void vport_mark_in_interrupt(struct vport_event *event);

/*
 * Something that must wait or cannot be entered twice: recovery, a control queue, a rescan. Runs in
 * vport_relax, one at a time, never from a relax that a work item called; but for one that `recovers`: it
 * may run while another item waits (and none while it does), because what that one waits for may be lost
 * with a device until the device has recovered. Queueing one that is
 * queued already does nothing; one may be queued again while it runs. All run on CPU 0, whoever queues them.
 */
struct vport_work {
	void (*run)(struct vport_work *work);
	bool recovers;
	/* for the port */
	struct vport_work *next;
	bool queued;
};

void vport_work_queue(struct vport_work *work); /* program, work or drain context */

/*
 * Drains what is marked on this CPU and, on CPU 0, runs work; when there was none, waits until something is
 * marked or `deadline` (vport_now's clock) has passed, whichever is first. Returns after at least one pass:
 * the caller loops over its own condition. Asserts that it is not called from drain context.
 */
void vport_relax(uint64_t deadline);

/* That CPU's vport_relax, or its next one, returns soon: for whoever made the condition true over which a
 * program on another CPU loops. Any context. */
void vport_wake(unsigned cpu);

/* Nanoseconds since some start, monotonic, the same on every CPU. Any context. */
uint64_t vport_now(void);

/* ---- Telling ------------------------------------------------------------ */

enum vport_log_level { VPORT_LOG_ERROR, VPORT_LOG_INFO, VPORT_LOG_TRACE };

/* One line, without its newline, for a person. Not in interrupt context. The port drops what its
 * user did not ask for (TRACE=1). */
void vport_log(enum vport_log_level level, const char *line);
/* Whether lines of that level are shown: so that a trace costs nothing when they are not. */
bool vport_logs(enum vport_log_level level);

/* A setting that the person who boots chose: the value of key= on the kernel's command line,
 * or the fallback where there is none or it is no number. */
uint64_t vport_setting(const char *key, uint64_t fallback);
/* Whether key=value was given with exactly that value (ring=packed, irq=poll). */
bool vport_setting_is(const char *key, const char *value);
/* As it was given, for who tells that it makes no sense; NULL: it was not. */
const char *vport_setting_text(const char *key);

/* A caller's bug: says so and ends. Never called for what a device did. */
_Noreturn void vport_panic(const char *what, const char *file, int line);

#define kit_assert(condition) \
	do { \
		if (__builtin_expect(!(condition), 0)) \
			vport_panic(#condition, __FILE__, __LINE__); \
	} while (0)

#endif
