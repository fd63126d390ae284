/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other CPUs on aarch64: started by PSCI (Arm DEN0022, 5.6: CPU_ON), which the device tree's /cpus names. They
 * come in at boot/aarch64/head.S, at the exception level at which the first one came in.
 *
 *     make run ARCH=aarch64 SMP=4 APP=smp
 *
 * Left out: CPUs that are started by a spin table.
 */
#include "kernel/cpu.h"
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/gic.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/memory.h"

const char arch_name[] = "aarch64";

#define START_NS 5000000000 /* of a host that may be busy with others */

/* head.S. Read with the MMU on. */
extern char secondary_start[];
extern uint64_t secondary_root, secondary_stack;
uint64_t secondary_root, secondary_stack;

_Noreturn void secondary_entry(void);

_Noreturn void arch_halt(void)
{
	__asm__ volatile("msr daifset, #2" ::: "memory");
	for (;;)
		__asm__ volatile("wfi");
}

/* What the tree calls it; false for a node that is no CPU, or one that PSCI does not start. */
static bool cpu_name(int node, uint64_t *mpidr)
{
	size_t length;
	const char *type = fdt_string(&fdt, node, "device_type");
	const char *method = fdt_string(&fdt, node, "enable-method");
	const void *reg = fdt_property(&fdt, node, "reg", &length);
	if (type == NULL || __builtin_strcmp(type, "cpu") != 0 || method == NULL ||
	    __builtin_strcmp(method, "psci") != 0 || reg == NULL || (length != 4 && length != 8))
		return false;
	*mpidr = fdt_read_cells(reg, 0, (unsigned)length / 4) & MPIDR_AFFINITY;
	return true;
}

/* Whether it runs. */
static bool start(uint64_t mpidr)
{
	struct cpu *cpu = vport_alloc(sizeof(*cpu));
	if (cpu == NULL)
		memory_exhausted("a CPU");
	cpu->hardware_id = mpidr;
	secondary_root = sysreg_read(ttbr1_el1);
	secondary_stack = cpu_prepare(cpu);
	dsb(ish);
	uint64_t entry = boot_info.image.start + (uint64_t)(secondary_start - image_start);
	return psci_cpu_on(mpidr, entry, (uintptr_t)cpu) == 0 && cpu_await(cpu, START_NS);
}

void arch_start_cpus(void)
{
	uint64_t mpidr;
	unsigned left_out = 0;
	int node = fdt_path(&fdt, "/cpus");
	for (node = node < 0 ? node : fdt_first_child(&fdt, node); node >= 0;
	     node = fdt_next_sibling(&fdt, node)) {
		if (!cpu_name(node, &mpidr) || mpidr == arch_cpu()->hardware_id ||
		    !psci_can_start())
			continue;
		if (cpu_count == CPU_MAX) {
			left_out++;
		} else if (!start(mpidr)) {
			kprint("smp: CPU 0x%lx does not start: %u run\n", (unsigned long)mpidr,
			       cpu_count);
			return;
		}
	}
	if (left_out > 0)
		kprint("smp: %u CPUs run, %u stay off\n", cpu_count, left_out);
}

void secondary_entry(void)
{
	int error = gic_init_secondary();
	if (error == 0)
		error = clock_irq_init_secondary();
	if (error != 0)
		cpu_give_up();
	cpu_serve();
}
