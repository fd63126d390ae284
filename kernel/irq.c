/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt handlers: which functions are called for a slot, and the port's interrupt calls
 * (drivers/virtio/port.h) in terms of what the architecture can route.
 *
 * A line may be shared, so a slot has a list of handlers. All of them are called, for a handler does
 * not tell whether the interrupt was its own.
 *
 *     make run APP=lsvirtio IRQ=intx
 *
 * Left out: moving an interrupt to another CPU.
 */
#include "kernel/irq.h"

#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "lib/error.h"

#define MAX_HANDLERS 512
/* A slot that nobody handles is closed after so many interrupts: the line may be stuck. */
#define MAX_UNHANDLED 1000
/* And so is one whose interrupts do not let anything else run: a handler silences its device, so honest ones
 * send but a few between two calls of vport_relax. Queues are looked at now and then all the same. */
#define MAX_IN_A_ROW 100000

/* What a handler was connected as, so that it can be found again. */
#define INDEX_LINE UINT32_MAX /* instead of an MSI-X table entry */

struct handler {
	vport_irq_fn *function; /* NULL: this one is not in use */
	void *argument;
	struct vport_device *device; /* NULL: not by the port's calls */
	uint32_t index;
	uint16_t slot;
	struct handler *next; /* of the same slot */
};

static struct handler handlers[MAX_HANDLERS];
static struct handler *slots[IRQ_SLOTS];
static uint16_t unhandled[IRQ_SLOTS];
static unsigned in_a_row, relaxed; /* interrupts since cpu->relaxed was that */

/* What was closed last, to be told outside of the interrupt: the console may be a virtio device. */
static unsigned closed_slot;
static const char *closed_why;

static void tell_closed(struct vport_event *event)
{
	(void)event;
	kprint("irq: slot %u is closed: %s\n", closed_slot, closed_why);
}

static struct vport_event closed_event = { .drain = tell_closed, .check_at = VPORT_NEVER };

static void close_slot(unsigned slot, const char *why)
{
	arch_irq_close(slot);
	closed_slot = slot;
	closed_why = why;
	vport_mark(&closed_event);
}

void irq_dispatch(unsigned slot)
{
	kit_assert(slot < IRQ_SLOTS);
	struct handler *handler = slots[slot];
	for (; handler != NULL; handler = handler->next)
		handler->function(handler->argument);
	if (slots[slot] == NULL && ++unhandled[slot] == MAX_UNHANDLED)
		close_slot(slot, "nobody handles its interrupts");
	if (relaxed != arch_cpu()->relaxed) {
		relaxed = arch_cpu()->relaxed;
		in_a_row = 0;
	}
	if (++in_a_row == MAX_IN_A_ROW) {
		in_a_row = 0;
		close_slot(slot, "its interrupts do not end");
	}
}

/* Interrupts masked. 0 or ERR_NOMEM. */
static int connect(unsigned slot, const struct handler *what)
{
	for (unsigned i = 0; i < MAX_HANDLERS; i++) {
		struct handler *handler = &handlers[i];
		if (handler->function != NULL)
			continue;
		*handler = *what;
		handler->slot = (uint16_t)slot;
		handler->next = slots[slot];
		slots[slot] = handler;
		unhandled[slot] = 0;
		return 0;
	}
	return ERR_NOMEM;
}

/* Interrupts masked. The slot's last handler closes it. */
static void disconnect(struct handler *handler)
{
	struct handler **link = &slots[handler->slot];
	while (*link != handler)
		link = &(*link)->next;
	*link = handler->next;
	handler->function = NULL;
	if (slots[handler->slot] == NULL)
		arch_irq_close(handler->slot);
}

/* Opens the line and connects the handler as one step: a level line that is up already interrupts
 * as soon as it is open. */
static int connect_line(const struct irq_line *line, const struct handler *what)
{
	bool on = arch_irq_off();
	int slot = arch_irq_line_open(line);
	int result = slot;
	if (slot >= 0) {
		result = connect((unsigned)slot, what);
		if (result < 0 && slots[slot] == NULL)
			arch_irq_close((unsigned)slot);
	}
	arch_irq_restore(on);
	return result;
}

int irq_line_connect(const struct irq_line *line, vport_irq_fn *handler, void *argument)
{
	return connect_line(line, &(struct handler){ .function = handler,
						     .argument = argument,
						     .index = INDEX_LINE });
}

void irq_line_disconnect(const struct irq_line *line, vport_irq_fn *handler, void *argument)
{
	bool on = arch_irq_off();
	int slot = arch_irq_line_open(line);
	for (struct handler *h = slot < 0 ? NULL : slots[slot]; h != NULL; h = h->next) {
		if (h->function == handler && h->argument == argument && h->device == NULL) {
			disconnect(h);
			break;
		}
	}
	arch_irq_restore(on);
}

/* ---- For the kit -------------------------------------------------------------- */

static void release(const struct vport_device *device, uint32_t index)
{
	bool on = arch_irq_off();
	for (unsigned i = 0; i < MAX_HANDLERS; i++) {
		struct handler *handler = &handlers[i];
		if (handler->function != NULL && handler->device == device &&
		    handler->index == index)
			disconnect(handler);
	}
	arch_irq_restore(on);
}

int vport_msi_request(struct vport_device *device, unsigned index, unsigned cpu,
		      vport_irq_fn *handler, void *argument, struct vport_msi *msi)
{
	kit_assert(cpu < cpu_count);
	if (!device->has_msi)
		return ERR_UNSUPPORTED;
	struct handler what = {
		.function = handler, .argument = argument, .device = device, .index = index
	};
	bool on = arch_irq_off();
	int slot = arch_irq_msi_open(device, index, cpu_table[cpu], msi);
	int result = slot;
	if (slot >= 0) {
		result = connect((unsigned)slot, &what);
		if (result < 0)
			arch_irq_close((unsigned)slot);
	}
	arch_irq_restore(on);
	return result;
}

void vport_msi_release(struct vport_device *device, unsigned index)
{
	release(device, index);
}

int vport_line_request(struct vport_device *device, vport_irq_fn *handler, void *argument)
{
	if (!device->has_line && device->slot.line)
		device->has_line = device->slot.line(&device->slot, &device->line) == 0;
	if (!device->has_line)
		return ERR_UNSUPPORTED;
	return connect_line(&device->line, &(struct handler){ .function = handler,
							      .argument = argument,
							      .device = device,
							      .index = INDEX_LINE });
}

void vport_line_release(struct vport_device *device)
{
	release(device, INDEX_LINE);
}
