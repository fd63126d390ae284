/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel from start to end, in the order in which things can be had: words of the command line,
 * page tables, pages, a real stack, a console, interrupts and a clock, the other CPUs, devices, the program.
 *
 *     make run APP=hello
 */
#include "kernel/app.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/cmdline.h"
#include "kernel/cpu.h"
#include "kernel/libc.h"
#include "kernel/memory.h"
#include "kernel/options.h"
#include "kernel/virtio_console.h"

/* DRIVERS= may have left it out. By a pointer: code for AArch64 cannot refer to what may be missing. */
#pragma weak virtio_console_attach
static void (*const console_attach)(void) = virtio_console_attach;
#pragma weak options_check
static void (*const check_options)(void) = options_check;

static void run(void)
{
	arch_console_init();
	if (check_options)
		check_options();
	arch_platform_init();
	arch_irq_restore(true);
	arch_start_cpus();
	arch_discover();
	if (console_attach)
		console_attach();
	libc_exit(app_run_chosen());
}

_Noreturn void kernel_main(void)
{
	struct cpu *cpu = arch_cpu();
	cpu_add(cpu);
	libc_init(cpu);
	cmdline_init();
	mmu_init();
	pages_init();
	cpu->fault_stack = stack_alloc(FAULT_STACK_SIZE);
	arch_run_on_stack(stack_alloc(MAIN_STACK_SIZE), run);
}
