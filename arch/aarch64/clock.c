/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: the generic timer's virtual counter and timer (Arm Architecture Reference Manual, D12), which
 * are there with a hypervisor and without.
 *
 *     make run ARCH=aarch64 APP=selftest
 *
 * Left out: the physical timer.
 */
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"

#define NS_PER_S UINT64_C(1000000000)

/* Outside of these a frequency is a mistake of the firmware's. */
#define FREQUENCY_MIN 1000000
#define FREQUENCY_MAX 4000000000

/* 73 years: later deadlines, VPORT_NEVER among them, do not need the timer. */
#define FAR_AWAY (UINT64_MAX / 8)

#define CTL_ENABLE 1 /* CNTV_CTL_EL0; not masked */

/* The timer node's interrupts, in this order (devicetree binding arm,arch_timer). */
enum { TIMER_SECURE, TIMER_PHYSICAL, TIMER_VIRTUAL, TIMER_HYPERVISOR };

static uint64_t frequency;
/* Nanoseconds a tick, and ticks a nanosecond, as fractions of 2^32. */
static uint64_t ns_per_tick, ticks_per_ns;
static uint64_t start; /* the counter when the kernel began: vport_now's zero */

static int timer_node(void)
{
	int node = fdt_compatible(&fdt, -1, "arm,armv8-timer");
	return node >= 0 ? node : fdt_compatible(&fdt, -1, "arm,armv7-timer");
}

/* The isb keeps the counter from being read before what stands earlier in the program. */
static uint64_t ticks(void)
{
	isb();
	return sysreg_read(cntvct_el0);
}

bool clock_init(void)
{
	/* The tree's property is there where firmware left the register unset. */
	frequency = fdt_cell(&fdt, timer_node(), "clock-frequency", 0, 0);
	if (frequency == 0)
		frequency = sysreg_read(cntfrq_el0);
	if (frequency < FREQUENCY_MIN || frequency > FREQUENCY_MAX)
		return false;
	ns_per_tick = (NS_PER_S << 32) / frequency;
	ticks_per_ns = (frequency << 32) / NS_PER_S;
	start = ticks();
	return true;
}

uint64_t arch_now(void)
{
	return (uint64_t)((unsigned __int128)(ticks() - start) * ns_per_tick >> 32);
}

static void timer_off(void)
{
	sysreg_write(cntv_ctl_el0, 0);
	arch_cpu()->timer = VPORT_NEVER;
}

/* Once is enough: arch_sleep sets it again. */
static void timer_interrupt(void *argument)
{
	(void)argument;
	timer_off();
	isb();
}

static struct irq_line line;

int clock_irq_init_secondary(void)
{
	int slot = arch_irq_line_open(&line); /* its handler is there; the line is each CPU's own */
	return slot < 0 ? slot : 0;
}

void clock_irq_init(void)
{
	int error = gic_line_of(timer_node(), TIMER_VIRTUAL, &line);
	if (error == 0)
		error = irq_line_connect(&line, timer_interrupt, NULL);
	if (error == 0)
		return;
	kprint("clock: the device tree names no interrupt of the virtual timer that can be used\n");
	kernel_exit(EXIT_PANIC);
}

static void timer_set(uint64_t deadline)
{
	/* Rounded up, or we would wake before the deadline and sleep again for nothing. */
	uint64_t at = start + (uint64_t)((unsigned __int128)deadline * ticks_per_ns >> 32) + 1;
	sysreg_write(cntv_cval_el0, at);
	sysreg_write(cntv_ctl_el0, CTL_ENABLE);
	arch_cpu()->timer = deadline;
}

static __attribute__((noinline)) void set_earlier(uint64_t deadline)
{
	if (deadline <= FAR_AWAY)
		timer_set(deadline);
	isb();
}

/* A masked interrupt wakes wfi all the same, so none is lost between the caller's last look and the sleep. It is not taken
 * by an exception, then: gic_interrupt asks the controller which it is, as it does for the trap code. Around an ordinary call
 * the compiler itself keeps what it needs, so no registers are saved. wfi may also end with nothing pending: then the
 * controller's answer is 1023, nothing is called, and the caller looks again. */
void arch_sleep(uint64_t deadline)
{
	/* One that is set already and fires earlier is left as it is: a sleeper that wakes too early just sleeps again, and to
	 * set it costs two registers that an emulator or hypervisor writes for us. */
	if (__builtin_expect(deadline < arch_cpu()->timer, false))
		set_earlier(deadline);
	dsb(sy);
	__asm__ volatile("wfi" ::: "memory");
	gic_interrupt();
}
