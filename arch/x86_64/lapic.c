/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC: Intel SDM volume 3, chapter 10. Registers are used as memory (xAPIC), or as MSRs
 * when firmware has switched to x2APIC mode, out of which one cannot simply go back. Left out:
 * TSC-deadline mode.
 *
 *     make run APP=selftest
 */
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/vectors.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"

#define CPUID_1_EDX_APIC (1 << 9)

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC (1 << 10)
#define APIC_BASE_ENABLE (1 << 11)
#define APIC_BASE_ADDRESS UINT64_C(0x000ffffffffff000)
#define MSR_X2APIC 0x800 /* + register / 16 */

enum lapic_register {
	LAPIC_ID = 0x20,
	LAPIC_TASK_PRIORITY = 0x80,
	LAPIC_SPURIOUS = 0xf0,
	LAPIC_COMMAND = 0x300,
	LAPIC_COMMAND_HIGH = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
};

#define COMMAND_PENDING (1 << 12)
#define COMMAND_POLLS 1000000 /* an APIC that never sends is given up */
#define COMMAND_DESTINATION_SHIFT 24
#define SPURIOUS_ENABLE (1 << 8)
#define LVT_MASKED (1 << 16)
#define LVT_NMI (4 << 8)
#define DIVIDE_BY_16 3 /* 1 s at a bus clock of 1 GHz is 2^26 ticks: 64 s fit */
#define REGISTERS_SIZE 0x1000

volatile char *lapic_registers;
bool lapic_ready;
static uint64_t ticks_per_ns_shifted; /* times 2^32; 0: not known yet */

static uint32_t lapic_read(enum lapic_register reg)
{
	return lapic_registers != NULL ? mmio_read32(lapic_registers + reg)
				       : (uint32_t)msr_read(MSR_X2APIC + reg / 16);
}

static void lapic_write(enum lapic_register reg, uint32_t value)
{
	if (lapic_registers != NULL)
		mmio_write32(lapic_registers + reg, value);
	else
		msr_write(MSR_X2APIC + reg / 16, value);
}

static void set_up(void)
{
	lapic_write(LAPIC_TASK_PRIORITY, 0);
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	/* LINT0 is where the 8259 would come in; LINT1 is the machine's NMI. */
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER | LVT_MASKED);
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
}

bool lapic_init(void)
{
	uint64_t base;

	if ((cpuid(1).edx & CPUID_1_EDX_APIC) == 0) {
		kprint("lapic: this CPU has none: interrupts cannot be used\n");
		return false;
	}
	base = msr_read(MSR_APIC_BASE);
	if ((base & APIC_BASE_ENABLE) == 0) {
		msr_write(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
		base = msr_read(MSR_APIC_BASE);
	}
	if ((base & APIC_BASE_X2APIC) == 0) {
		lapic_registers = map_device(base & APIC_BASE_ADDRESS, REGISTERS_SIZE);
		if (lapic_registers == NULL) {
			kprint("lapic: its registers at 0x%llx cannot be mapped\n",
			       (unsigned long long)(base & APIC_BASE_ADDRESS));
			return false;
		}
	}

	set_up();
	lapic_ready = true;
	return true;
}

void lapic_init_secondary(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	/* Both modes at once would be two names for a CPU. */
	msr_write(MSR_APIC_BASE, lapic_registers == NULL ? base | APIC_BASE_X2APIC : base);
	set_up();
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

uint32_t lapic_id(void)
{
	uint32_t id = lapic_read(LAPIC_ID);

	return lapic_registers != NULL ? id >> 24 : id;
}

void lapic_eoi_x2(void)
{
	msr_write(MSR_X2APIC + LAPIC_EOI / 16, 0);
}

void lapic_send(uint32_t destination, uint32_t command)
{
	if (lapic_registers == NULL) {
		/* This write waits for nothing, unlike one to memory that is not cached: what is to be seen there
		 * would still be on its way (Intel SDM volume 3, 10.12.3). */
		__asm__ volatile("mfence; lfence" : : : "memory");
		msr_write(MSR_X2APIC + LAPIC_COMMAND / 16, (uint64_t)destination << 32 | command);
		return;
	}
	bool on = arch_irq_off(); /* the two words belong together */
	for (unsigned i = 0; i < COMMAND_POLLS; i++)
		if ((lapic_read(LAPIC_COMMAND) & COMMAND_PENDING) == 0)
			break;
	lapic_write(LAPIC_COMMAND_HIGH, destination << COMMAND_DESTINATION_SHIFT);
	lapic_write(LAPIC_COMMAND, command);
	arch_irq_restore(on);
}

void lapic_timer_start(uint32_t ticks)
{
	lapic_write(LAPIC_TIMER_INITIAL, ticks);
}

uint32_t lapic_timer_count(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}

void lapic_timer_set_frequency(uint64_t ticks_per_second)
{
	ticks_per_ns_shifted = (ticks_per_second << 32) / 1000000000;
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

bool lapic_timer_arm(uint64_t deadline)
{
	struct cpu *cpu = arch_cpu();
	uint64_t now, ticks;

	if (!lapic_ready)
		return false;
	now = arch_now();
	if (deadline <= now)
		return false;
	ticks = (uint64_t)((unsigned __int128)(deadline - now) * ticks_per_ns_shifted >> 32) + 1;
	if (ticks > UINT32_MAX)
		ticks = UINT32_MAX;
	cpu->timer = deadline;
	lapic_write(LAPIC_TIMER_INITIAL, (uint32_t)ticks);
	return true;
}

void lapic_timer_taken(void)
{
	arch_cpu()->timer = VPORT_NEVER;
}
