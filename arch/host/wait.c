/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting on the host port: a CPU that sleeps until an interrupt is a poll(2) over the descriptors that stand
 * for interrupts, and a handler runs as one would. "Masked" is the natural state: handlers run nowhere else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "arch/host/host.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"

#define MAX_WATCHED 64

static struct pollfd watched[MAX_WATCHED];
static struct {
	vport_irq_fn *handler;
	void *argument;
} handlers[MAX_WATCHED];
static unsigned count;

void host_wait_add(int fd, vport_irq_fn *handler, void *argument)
{
	kit_assert(count < MAX_WATCHED);
	watched[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	handlers[count].handler = handler;
	handlers[count].argument = argument;
	count++;
}

void host_wait_remove(int fd)
{
	for (unsigned i = 0; i < count; i++) {
		if (watched[i].fd != fd)
			continue;
		count--;
		watched[i] = watched[count];
		handlers[i] = handlers[count];
		return;
	}
}

void arch_sleep(uint64_t deadline)
{
	struct timespec left = { 0 };
	uint64_t now = arch_now();

	if (deadline > now) {
		left.tv_sec = (time_t)((deadline - now) / 1000000000);
		left.tv_nsec = (long)((deadline - now) % 1000000000);
	}
	int ready = ppoll(watched, count, deadline == VPORT_NEVER ? NULL : &left, NULL);
	for (unsigned i = 0; ready > 0 && i < count; i++) {
		if (watched[i].revents != 0)
			handlers[i].handler(handlers[i].argument);
	}
}

uint64_t arch_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void arch_pause(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pause");
#else
	__asm__ volatile("yield");
#endif
}

bool arch_irq_off(void)
{
	return false;
}

void arch_irq_restore(bool on)
{
	(void)on;
}

void arch_cpu_interrupt(const struct cpu *cpu)
{
	(void)cpu;
	kit_assert(!"there is one CPU, and it does not interrupt itself");
}

void arch_cpu_stop(const struct cpu *cpu)
{
	arch_cpu_interrupt(cpu);
}

_Noreturn void arch_halt(void)
{
	abort();
}

static struct cpu only_cpu = { .self = &only_cpu };

struct cpu *arch_cpu(void)
{
	return &only_cpu;
}
