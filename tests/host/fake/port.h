/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port (drivers/virtio/port.h) for hosted tests. Registers and configuration space lead into a fake device;
 * memory that devices share has addresses that equal no pointer; time passes when somebody waits for it; every
 * allocation and mapping is counted; the log is kept. The event loop is the kernel's own, kernel/event.c.
 *
 * What breaks the port's contract (an allocation in a drain function, an unmap that matches no map, a register
 * access outside what was mapped) is a complaint: it is printed, and the test that runs has failed.
 */
#ifndef TESTS_HOST_FAKE_PORT_H
#define TESTS_HOST_FAKE_PORT_H

#include "drivers/virtio/port.h"
#include "tests/host/dma_arena.h"

#define FAKE_CPUS 4
#define FAKE_MSI_MAX 64
#define FAKE_MSI_ADDRESS UINT64_C(0xfee01000)
#define FAKE_MSI_DATA 0x4000 /* + index */

struct fake_irq {
	vport_irq_fn *handler;
	void *argument;
	unsigned to; /* the CPU */
};

/* A device as the port knows it: first in struct fake_device. */
struct vport_device {
	uint32_t (*read)(struct vport_device *device, uint64_t bus, unsigned width);
	void (*write)(struct vport_device *device, uint64_t bus, unsigned width, uint32_t value);
	uint32_t (*config_read)(struct vport_device *device, unsigned offset, unsigned width);
	void (*config_write)(struct vport_device *device, unsigned offset, unsigned width,
			     uint32_t value);
	/* What it does in its own time: called while the driver waits. */
	void (*run)(struct vport_device *device);
	struct vport_device *next;
	/* What the platform does not do for it. */
	uint64_t unmappable_from, unmappable_to; /* bus addresses */
	unsigned msi_limit;                      /* messages that it may have */
	bool no_line;
	struct fake_irq msi[FAKE_MSI_MAX], line;
};

/* The state of the port. A test reads it, and sets what is to go wrong. */
extern struct fake_port {
	uint64_t now;
	unsigned complaints;
	struct dma_arena arena;
	/* What is in use. */
	unsigned allocations, dma_allocations, mappings, interrupts_requested;
	unsigned register_maps; /* by vport_map, so far */
	/* Allocations (of both kinds) and mappings so far, and which one fails: 0 none, 1 the first. */
	unsigned allocated, allocation_fails, mapped, mapping_fails;
	unsigned mapping_halves; /* which mapping is of the memory's first half only */
	/* Mapped memory is contiguous up to each multiple of this (plus 7, so that it is at odd places);
	 * 0: all of it. */
	size_t piece;
	unsigned interrupts; /* delivered */
	bool trace;
	bool sound_sleep; /* a CPU sleeps on while others do something; else the test has a look at each of these turns */
	void (*on_log)(const char *line); /* a console that prints what is logged */
} fake_port;

/* From now on there are so many CPUs, at most FAKE_CPUS. All but the first one are in their event loops, where each
 * takes a turn whenever the CPU that runs sleeps or pauses. */
void fake_cpus(unsigned count);
/* The test goes on, on this CPU. */
void fake_on_cpu(unsigned number);

void fake_port_attach(struct vport_device *device);
/* Does nothing when it is not attached. */
void fake_port_detach(struct vport_device *device);
void fake_setting(const char *key, const char *value);

/* Whether a line with this in it was logged, how often, and how many lines were in all. */
bool fake_logged(const char *part);
unsigned fake_logged_times(const char *part);
unsigned fake_log_count(void);
void fake_log_clear(void);

void fake_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Waits until the condition holds or so much time has passed; whether it holds. */
#define FAKE_WAIT(condition, ms) \
	({ \
		uint64_t fake_end = fake_port.now + (ms)*UINT64_C(1000000); \
		while (!(condition) && fake_port.now < fake_end) \
			vport_relax(fake_end); \
		(condition); \
	})
/* Just lets time pass. */
void fake_sleep(uint64_t ms);

/* For memory.c: whether this context may allocate. */
bool fake_may_allocate(void);

/* ---- For devices ------------------------------------------------------------- */

/* The device writes this message; or raises its line. Nothing happens when nobody asked for it. */
void fake_send_message(struct vport_device *device, uint64_t address, uint32_t data);
void fake_raise_line(struct vport_device *device);

#endif
