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
 * Left out: moving an interrupt to another CPU once it is open.
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
 * send but a few between two calls of vport_relax. When a CPU has taken so many they are told apart, and each slot that
 * sends as many more is closed. Queues are looked at now and then all the same.
 *
 * Closed: its line or message is muted, as far as the interrupt controller can do that, and it stays its handlers', so that
 * nobody else is given it meanwhile; who is connected to the line later opens it again. x86_64 cannot mute a message: it is
 * a write to the local APIC, and only the device itself could stop it. There a device that goes on sending them keeps that
 * CPU for itself, however often its slot is closed. (How many are too many: INTERRUPTS_IN_A_ROW, in cpu.h.) */

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
/* How often, since that CPU had too many of all the last time: a storm is its number on the CPU, and which CPU it is. What
 * was counted in another one counts no more. (A slot has one CPU, but for those that each has of its own.) */
static struct {
	uint32_t storm;
	uint32_t count;
} slot_in_a_row[IRQ_SLOTS];
/* For the tables, and for the interrupt controllers behind arch_irq_…: with interrupts masked, because an
 * interrupt takes it as well, to close a slot. Handlers are called without it. */
static struct vport_lock irq_lock;

/* What was closed last, to be told outside of the interrupt: the console may be a virtio device. */
static unsigned closed_slot;
static const char *closed_why;

static void tell_closed(struct vport_event *event)
{
	(void)event;
	kprint("irq: slot %u is closed: %s\n", closed_slot, closed_why);
}

static struct vport_event closed_event = { .drain = tell_closed, .check_at = VPORT_NEVER };

static bool lock(void)
{
	bool on = arch_irq_off();
	vport_lock_take(&irq_lock);
	return on;
}

static void unlock(bool on)
{
	vport_lock_give(&irq_lock);
	arch_irq_restore(on);
}

RARE static void close_slot(unsigned slot, const char *why)
{
	bool on = lock();
	if (slots[slot] != NULL)
		arch_irq_mute(slot);
	else
		arch_irq_close(slot);
	unlock(on);
	closed_slot = slot;
	closed_why = why;
	vport_mark(&closed_event);
}

static __attribute__((noinline, cold)) void close_unhandled(unsigned slot)
{
	if (++unhandled[slot] == MAX_UNHANDLED)
		close_slot(slot, "nobody handles its interrupts");
}

static __attribute__((noinline, cold)) void count_endless(struct cpu *cpu, unsigned slot)
{
	if (cpu->interrupts_left == -1)
		cpu->storms++;
	uint32_t storm = cpu->storms * CPU_MAX + cpu->id;
	if (slot_in_a_row[slot].storm != storm) {
		slot_in_a_row[slot].storm = storm;
		slot_in_a_row[slot].count = 0;
	}
	if (++slot_in_a_row[slot].count < INTERRUPTS_IN_A_ROW)
		return;
	slot_in_a_row[slot].count = 0; /* the others' stand: they are closed in as many more each */
	close_slot(slot, "its interrupts do not end");
}

void irq_dispatch(unsigned slot)
{
	struct cpu *cpu = arch_cpu();
	/* Before and behind the handlers, because disconnect has the lock while it waits for them. */
	if (__builtin_expect(--cpu->interrupts_left < 0, false))
		count_endless(cpu, slot);
	/* Either disconnect, on another CPU, sees that we are here, or we do not see what it has taken out. */
	__atomic_store_n(&cpu->dispatching, slot + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	struct handler *handler = __atomic_load_n(&slots[slot], __ATOMIC_ACQUIRE);
	if (__builtin_expect(handler == NULL, false)) {
		__atomic_store_n(&cpu->dispatching, 0, __ATOMIC_RELEASE);
		close_unhandled(slot);
		return;
	}
	do
		handler->function(handler->argument);
	while ((handler = handler->next) != NULL);
	__atomic_store_n(&cpu->dispatching, 0, __ATOMIC_RELEASE);
}

/* By irq_lock. 0 or ERR_NOMEM. */
RARE static int connect(unsigned slot, const struct handler *what)
{
	for (unsigned i = 0; i < MAX_HANDLERS; i++) {
		struct handler *handler = &handlers[i];
		if (handler->function != NULL)
			continue;
		*handler = *what;
		handler->slot = (uint16_t)slot;
		handler->next = slots[slot];
		unhandled[slot] = 0;
		__atomic_store_n(&slots[slot], handler, __ATOMIC_RELEASE);
		return 0;
	}
	return ERR_NOMEM;
}

/* Until no other CPU is at the slot's handlers. */
RARE static void await_handlers(unsigned slot)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpu_table[i];
		while (cpu != arch_cpu() &&
		       __atomic_load_n(&cpu->dispatching, __ATOMIC_ACQUIRE) == slot + 1)
			arch_pause();
	}
}

/* By irq_lock. The slot's last handler closes it. */
RARE static void disconnect(struct handler *handler)
{
	struct handler **link = &slots[handler->slot];
	while (*link != handler)
		link = &(*link)->next;
	__atomic_store_n(link, handler->next, __ATOMIC_RELAXED); /* another CPU may be on its way */
	if (slots[handler->slot] == NULL)
		arch_irq_close(handler->slot);
	await_handlers(handler->slot);
	handler->function = NULL;
}

/* Opens the line and connects the handler as one step: a level line that is up already interrupts
 * as soon as it is open. */
RARE static int connect_line(const struct irq_line *line, const struct handler *what)
{
	bool on = lock();
	int slot = arch_irq_line_open(line);
	int result = slot;
	if (slot >= 0) {
		result = connect((unsigned)slot, what);
		if (result < 0 && slots[slot] == NULL)
			arch_irq_close((unsigned)slot);
	}
	unlock(on);
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
	bool on = lock();
	int slot = arch_irq_line_open(line);
	for (struct handler *h = slot < 0 ? NULL : slots[slot]; h != NULL; h = h->next) {
		if (h->function == handler && h->argument == argument && h->device == NULL) {
			disconnect(h);
			break;
		}
	}
	unlock(on);
}

/* ---- For the kit -------------------------------------------------------------- */

RARE static void release(const struct vport_device *device, uint32_t index)
{
	bool on = lock();
	for (unsigned i = 0; i < MAX_HANDLERS; i++) {
		struct handler *handler = &handlers[i];
		if (handler->function != NULL && handler->device == device &&
		    handler->index == index)
			disconnect(handler);
	}
	unlock(on);
}

RARE int vport_msi_request(struct vport_device *device, unsigned index, unsigned cpu,
			   vport_irq_fn *handler, void *argument, struct vport_msi *msi)
{
	kit_assert(cpu < cpu_count);
	if (!device->has_msi)
		return ERR_UNSUPPORTED;
	struct handler what = {
		.function = handler, .argument = argument, .device = device, .index = index
	};
	bool on = lock();
	int slot = arch_irq_msi_open(device, index, cpu_table[cpu], msi);
	int result = slot;
	if (slot >= 0) {
		result = connect((unsigned)slot, &what);
		if (result < 0)
			arch_irq_close((unsigned)slot);
	}
	unlock(on);
	return result;
}

void vport_msi_release(struct vport_device *device, unsigned index)
{
	release(device, index);
}

RARE int vport_line_request(struct vport_device *device, vport_irq_fn *handler, void *argument)
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
