/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the other CPUs on x86_64: INIT, then a start-up message with the page at which the CPU begins, in real
 * mode (Intel SDM volume 3, 8.4; MultiProcessor Specification 1.4, B.4). The code for that page, and the way from it
 * to x86_secondary, are in boot/x86_64/head.S.
 *
 *     make run SMP=4 APP=smp
 *
 * Left out: wake-up by the mailbox that ACPI's multiprocessor wake-up structure names, which no VMM here has.
 */
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/processor.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/memory.h"
#include "kernel/ranges.h"
#include "lib/mem.h"

/* Where the code is put: a page below 1 MiB that no firmware uses any more. */
#define TRAMPOLINE 0x8000

#define INIT_NS 10000000
#define STARTUP_NS 1000000  /* until the message is sent once more */
#define START_NS 5000000000 /* of a host that may be busy with others */

/* head.S */
extern const char secondary_trampoline[], secondary_trampoline_end[];
extern uint64_t secondary_root;  /* the page tables */
extern uint64_t secondary_stack; /* taken by the first that comes: 0 for all others */
extern struct processor *secondary_processor;

static void wait(uint64_t ns)
{
	uint64_t limit = arch_now() + ns;

	while (arch_now() < limit)
		arch_pause();
}

static bool place_trampoline(void)
{
	if (ranges_hold(mmu_ram(), TRAMPOLINE, PAGE_SIZE) == NULL) {
		kprint("smp: no RAM at 0x%x, where other CPUs would start: they stay off\n",
		       TRAMPOLINE);
		return false;
	}
	memcpy((void *)(DIRECT_BASE + TRAMPOLINE), secondary_trampoline,
	       (size_t)(secondary_trampoline_end - secondary_trampoline));
	__asm__ volatile("movq %%cr3, %0" : "=r"(secondary_root));
	return true;
}

/* Whether it runs. */
static bool start(uint32_t id)
{
	const uint32_t startup = LAPIC_ASSERT | LAPIC_STARTUP | TRAMPOLINE / PAGE_SIZE;
	const size_t pages = (sizeof(struct processor) + PAGE_SIZE - 1) / PAGE_SIZE;
	struct processor *processor = page_alloc(pages, PAGE_SIZE);

	if (processor == NULL)
		memory_exhausted("a CPU");
	processor->cpu.hardware_id = id;
	secondary_processor = processor;
	__atomic_store_n(&secondary_stack, cpu_prepare(&processor->cpu), __ATOMIC_RELEASE);

	lapic_send(id, startup);
	uint64_t limit = arch_now() + STARTUP_NS;
	while (__atomic_load_n(&secondary_stack, __ATOMIC_RELAXED) != 0 && arch_now() < limit)
		arch_pause();
	if (__atomic_load_n(&secondary_stack, __ATOMIC_RELAXED) != 0)
		lapic_send(id, startup);
	bool runs = cpu_await(&processor->cpu, START_NS);
	/* From here on it comes too late. */
	__atomic_store_n(&secondary_stack, 0, __ATOMIC_RELAXED);
	return runs;
}

void arch_start_cpus(void)
{
	const uint32_t *ids;
	unsigned count = platform_cpus(&ids), left_out = 0;

	if (count < 2 || !lapic_present() || !place_trampoline())
		return;
	for (unsigned i = 0; i < count; i++)
		if (ids[i] != lapic_id())
			lapic_send(ids[i], LAPIC_ASSERT | LAPIC_INIT);
	wait(INIT_NS);
	for (unsigned i = 0; i < count; i++) {
		if (ids[i] == lapic_id())
			continue;
		if (cpu_count == CPU_MAX)
			left_out++;
		else if (!start(ids[i])) {
			kprint("smp: the CPU with APIC id %u does not start: %u run\n", ids[i],
			       cpu_count);
			return;
		}
	}
	if (left_out > 0)
		kprint("smp: %u CPUs run, %u stay off\n", cpu_count, left_out);
}

void x86_secondary(struct processor *processor)
{
	processor_init(processor);
	lapic_init_secondary();
	cpu_serve();
}
