/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port for hosted tests, but for memory (memory.c): see port.h. Also what kernel/event.c asks of an
 * architecture: here a CPU that sleeps lets the devices run, and then the time.
 */
#include "tests/host/fake/port.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/pci/pci.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/event.h"
#include "lib/error.h"

struct fake_port fake_port;
static struct vport_device *devices;
static struct cpu cpus[FAKE_CPUS], *cpu = cpus; /* cpu: the one that runs */
static unsigned in_interrupt;

void fake_complain(const char *fmt, ...)
{
	va_list ap;

	fake_port.complaints++;
	printf("# complaint: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void fake_port_attach(struct vport_device *device)
{
	device->next = devices;
	devices = device;
}

void fake_port_detach(struct vport_device *device)
{
	struct vport_device **link = &devices;

	while (*link && *link != device)
		link = &(*link)->next;
	if (*link)
		*link = device->next;
}

/* ---- Registers --------------------------------------------------------------------- */

/* A mapping has a number; a register is that number and an offset, and no pointer. */
#define MAPPINGS 256
#define REGISTER_BASE UINT64_C(0x00f0000000000000)
#define MAPPING_SHIFT 32

static struct {
	struct vport_device *device;
	uint64_t bus, length;
} maps[MAPPINGS];
static unsigned map_count;

vport_reg_t vport_map(struct vport_device *device, uint64_t bus, uint64_t length)
{
	if (length == 0 || length > UINT32_MAX)
		fake_complain("vport_map of 0x%llx bytes", (unsigned long long)length);
	if (bus < device->unmappable_to && device->unmappable_from < bus + length)
		return 0;
	if (map_count == MAPPINGS)
		abort();
	fake_port.register_maps++;
	maps[map_count].device = device;
	maps[map_count].bus = bus;
	maps[map_count].length = length;
	return REGISTER_BASE + ((uint64_t)map_count++ << MAPPING_SHIFT);
}

static struct vport_device *find_register(vport_reg_t reg, unsigned width, uint64_t *bus)
{
	uint64_t number = (reg - REGISTER_BASE) >> MAPPING_SHIFT, offset = (uint32_t)reg;

	if (reg < REGISTER_BASE || number >= map_count) {
		fake_complain("access to a register that is none: 0x%llx", (unsigned long long)reg);
		return NULL;
	}
	if (offset % width != 0 || offset + width > maps[number].length) {
		fake_complain("%u bytes at 0x%llx of a mapping of 0x%llx", width,
			      (unsigned long long)offset, (unsigned long long)maps[number].length);
		return NULL;
	}
	*bus = maps[number].bus + offset;
	if (*bus % width != 0)
		fake_complain("an access of %u bytes at 0x%llx", width, (unsigned long long)*bus);
	return maps[number].device;
}

static void check_width(unsigned width)
{
	if (width != 1 && width != 2 && width != 4)
		fake_complain("an access of %u bytes", width);
}

uint32_t vport_reg_read(vport_reg_t reg, unsigned width)
{
	uint64_t bus;
	struct vport_device *device = find_register(reg, width, &bus);

	check_width(width);
	return device ? device->read(device, bus, width) : UINT32_MAX;
}

void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value)
{
	uint64_t bus;
	struct vport_device *device = find_register(reg, width, &bus);

	check_width(width);
	if (device)
		device->write(device, bus, width, value);
}

uint32_t vport_pci_read(const struct pci_function *function, unsigned offset, unsigned width)
{
	struct vport_device *device = function->bus_access;

	check_width(width);
	if (offset % width != 0 || offset + width > 256)
		fake_complain("configuration read of %u bytes at 0x%x", width, offset);
	return device->config_read(device, offset, width);
}

void vport_pci_write(const struct pci_function *function, unsigned offset, unsigned width,
		     uint32_t value)
{
	struct vport_device *device = function->bus_access;

	check_width(width);
	if (offset % width != 0 || offset + width > 256)
		fake_complain("configuration write of %u bytes at 0x%x", width, offset);
	device->config_write(device, offset, width, value);
}

/* ---- Interrupts --------------------------------------------------------------------- */

static int request(struct fake_irq *irq, unsigned to, vport_irq_fn *handler, void *argument)
{
	if (irq->handler)
		fake_complain("an interrupt was requested twice");
	irq->handler = handler;
	irq->argument = argument;
	irq->to = to;
	fake_port.interrupts_requested++;
	return 0;
}

static void release(struct fake_irq *irq)
{
	if (!irq->handler)
		fake_complain("an interrupt was released that was not requested");
	else
		fake_port.interrupts_requested--;
	irq->handler = NULL;
}

int vport_msi_request(struct vport_device *device, unsigned index, unsigned to,
		      vport_irq_fn *handler, void *argument, struct vport_msi *msi)
{
	if (to >= vport_cpu_count())
		fake_complain("an interrupt to CPU %u, which does not exist", to);
	if (index >= device->msi_limit || index >= FAKE_MSI_MAX)
		return ERR_UNSUPPORTED;
	msi->address = FAKE_MSI_ADDRESS;
	msi->data = FAKE_MSI_DATA + index;
	return request(&device->msi[index], to, handler, argument);
}

void vport_msi_release(struct vport_device *device, unsigned index)
{
	release(&device->msi[index]);
}

int vport_line_request(struct vport_device *device, vport_irq_fn *handler, void *argument)
{
	return device->no_line ? ERR_UNSUPPORTED : request(&device->line, 0, handler, argument);
}

void vport_line_release(struct vport_device *device)
{
	release(&device->line);
}

static void deliver(struct fake_irq *irq)
{
	struct cpu *interrupted = cpu;

	if (!irq->handler)
		return;
	fake_port.interrupts++;
	in_interrupt++;
	cpu = &cpus[irq->to];
	irq->handler(irq->argument);
	cpu = interrupted;
	in_interrupt--;
}

void fake_send_message(struct vport_device *device, uint64_t address, uint32_t data)
{
	if (address != FAKE_MSI_ADDRESS || data < FAKE_MSI_DATA ||
	    data >= FAKE_MSI_DATA + FAKE_MSI_MAX)
		fake_complain("a message that nobody was given: 0x%llx, 0x%x",
			      (unsigned long long)address, data);
	else
		deliver(&device->msi[data - FAKE_MSI_DATA]);
}

void fake_raise_line(struct vport_device *device)
{
	deliver(&device->line);
}

/* ---- Time and devices ------------------------------------------------------------------ */

static bool running;
static unsigned looks; /* at the clock, since the devices ran */

static void run_devices(void)
{
	if (running || in_interrupt)
		return;
	running = true;
	looks = 0;
	for (struct vport_device *device = devices; device; device = device->next)
		device->run(device);
	running = false;
}

/* ---- CPUs ------------------------------------------------------------------------------ */

static bool has_a_reason(const struct cpu *other)
{
	return other->marked || other->attention || other->earliest <= fake_port.now;
}

/* One turn of the event loop for each CPU that would wake up now, but for those that are in the middle of something;
 * whether there was one. The one that drains may hold what others wait for. */
static bool run_others(void)
{
	static bool busy[FAKE_CPUS];
	struct cpu *waiting = cpu;
	bool any = false;

	if (in_interrupt || waiting->in_drain)
		return false;
	busy[waiting->id] = true;
	for (unsigned i = 0; i < cpu_count; i++) {
		if (busy[i] || !has_a_reason(&cpus[i]))
			continue;
		cpu = &cpus[i];
		vport_relax(0);
		any = true;
	}
	cpu = waiting;
	busy[waiting->id] = false;
	return any;
}

void fake_cpus(unsigned count)
{
	while (cpu_count < count) {
		cpus[cpu_count].self = &cpus[cpu_count];
		cpu_add(&cpus[cpu_count]);
	}
}

void fake_on_cpu(unsigned number)
{
	if (number >= cpu_count)
		abort();
	cpu = &cpus[number];
}

void arch_cpu_interrupt(const struct cpu *other)
{
	struct cpu *interrupted = cpu;

	if (other == cpu)
		fake_complain("CPU %u interrupts itself", cpu->id);
	in_interrupt++;
	cpu = &cpus[other->id];
	event_interrupt();
	cpu = interrupted;
	in_interrupt--;
}

void arch_cpu_stop(const struct cpu *other)
{
	fake_complain("CPU %u is stopped", other->id);
}

/* ---- Waiting --------------------------------------------------------------------------- */

/* Whoever looks at the clock again and again is waiting, and devices do not stand still meanwhile. */
uint64_t arch_now(void)
{
	fake_port.now += 500;
	if (++looks >= 64)
		run_devices();
	return fake_port.now;
}

void arch_sleep(uint64_t deadline)
{
	do {
		run_devices();
		bool others = run_others();
		if (cpu->marked || cpu->attention || deadline <= fake_port.now)
			return;
		if (others)
			continue;
		uint64_t next = deadline;
		for (unsigned i = 0; i < cpu_count; i++) {
			if (cpus[i].earliest > fake_port.now && cpus[i].earliest < next)
				next = cpus[i].earliest;
		}
		if (next == VPORT_NEVER) {
			printf("# nothing can ever end this wait\n");
			abort();
		}
		fake_port.now = next;
	} while (fake_port.sound_sleep);
}

void arch_pause(void)
{
	run_devices();
	run_others();
	fake_port.now += 20000;
}

bool arch_irq_off(void)
{
	return false;
}

void arch_irq_restore(bool on)
{
	(void)on;
}

_Noreturn void arch_halt(void)
{
	abort();
}

struct cpu *arch_cpu(void)
{
	return cpu;
}

static void __attribute__((constructor)) start_cpu(void)
{
	fake_cpus(1);
}

void fake_sleep(uint64_t ms)
{
	uint64_t end = fake_port.now + ms * 1000000;

	while (fake_port.now < end)
		vport_relax(end);
}

uint64_t vport_now(void)
{
	return arch_now();
}

/* Which contexts may do what: drivers/virtio/port.h. Allocators are not for drain. */
bool fake_may_allocate(void)
{
	return in_interrupt == 0 && !cpu->in_drain;
}

/* ---- Settings and the log ----------------------------------------------------------------- */

#define SETTINGS 16
static struct {
	const char *key, *value;
} settings[SETTINGS];
static unsigned setting_count;

void fake_setting(const char *key, const char *value)
{
	unsigned i = 0;

	while (i < setting_count && strcmp(settings[i].key, key) != 0)
		i++;
	if (i == SETTINGS)
		abort();
	if (i == setting_count)
		setting_count++;
	settings[i].key = key;
	settings[i].value = value;
}

static const char *find_setting(const char *key)
{
	for (unsigned i = 0; i < setting_count; i++) {
		if (strcmp(settings[i].key, key) == 0)
			return settings[i].value;
	}
	return NULL;
}

uint64_t vport_setting(const char *key, uint64_t fallback)
{
	const char *value = find_setting(key);
	char *end = NULL;
	uint64_t number = value ? strtoull(value, &end, 10) : 0;

	return value && *value && !*end ? number : fallback;
}

bool vport_setting_is(const char *key, const char *value)
{
	const char *found = find_setting(key);
	return found && strcmp(found, value) == 0;
}

const char *vport_setting_text(const char *key)
{
	return find_setting(key);
}

static char *log_text; /* all lines, each with its newline */
static size_t log_length;

void vport_log(enum vport_log_level level, const char *line)
{
	size_t length = strlen(line);

	if (in_interrupt)
		fake_complain("a line is logged in interrupt context: %s", line);
	if (strchr(line, '\n'))
		fake_complain("a log line with a newline: %s", line);
	if (!vport_logs(level))
		return;
	log_text = realloc(log_text, log_length + length + 2);
	if (!log_text)
		abort();
	memcpy(log_text + log_length, line, length);
	log_length += length;
	log_text[log_length++] = '\n';
	log_text[log_length] = 0;
	if (fake_port.on_log)
		fake_port.on_log(line);
}

bool vport_logs(enum vport_log_level level)
{
	return level != VPORT_LOG_TRACE || fake_port.trace;
}

unsigned fake_logged_times(const char *part)
{
	unsigned times = 0;

	for (const char *at = log_text; at && (at = strstr(at, part)) != NULL; at++)
		times++;
	return times;
}

bool fake_logged(const char *part)
{
	return fake_logged_times(part) > 0;
}

unsigned fake_log_count(void)
{
	return fake_logged_times("\n");
}

void fake_log_clear(void)
{
	free(log_text);
	log_text = NULL;
	log_length = 0;
}

_Noreturn void vport_panic(const char *what, const char *file, int line)
{
	printf("# %s:%d: assertion failed: %s\n", file, line, what);
	fflush(stdout);
	abort();
}
