/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the machine, by the first way that works: semihosting (the emulator's exit status is
 * ours then), PSCI (Arm Power State Coordination Interface, DEN0022: SYSTEM_OFF), or a stopped CPU.
 *
 * Left out: PSCI 0.1, which has no SYSTEM_OFF.
 *
 *     make run ARCH=aarch64 APP=hello ARGS=3
 */
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/arch.h"
#include "lib/text.h"

#define SYS_EXIT 0x18
#define ADP_STOPPED_APPLICATION_EXIT 0x20026

#define PSCI_CPU_ON 0xc4000003
#define PSCI_SYSTEM_OFF 0x84000008

enum conduit { CONDUIT_UNKNOWN, CONDUIT_HVC, CONDUIT_SMC };
static enum conduit conduit;

void psci_init(void)
{
	int node = fdt_compatible(&fdt, -1, "arm,psci-1.0");
	if (node < 0)
		node = fdt_compatible(&fdt, -1, "arm,psci-0.2");
	const char *method = node < 0 ? NULL : fdt_string(&fdt, node, "method");
	if (method == NULL)
		return;
	if (text_equal(method, "hvc"))
		conduit = CONDUIT_HVC;
	else if (text_equal(method, "smc"))
		conduit = CONDUIT_SMC;
}

bool psci_can_start(void)
{
	return conduit != CONDUIT_UNKNOWN;
}

int64_t psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context)
{
	return (int64_t)(conduit == CONDUIT_HVC ? firmware_hvc : firmware_smc)(PSCI_CPU_ON, mpidr,
									       entry, context);
}

_Noreturn void arch_shutdown(int status)
{
	const uint64_t exit[2] = { ADP_STOPPED_APPLICATION_EXIT, (uint64_t)status };

	arch_irq_off();
	semihosting_call(SYS_EXIT, (uintptr_t)exit);
	/* Where the tree did not say how to call, both may be tried: none does more than fail. */
	if (conduit != CONDUIT_SMC)
		firmware_hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
	if (conduit != CONDUIT_HVC)
		firmware_smc(PSCI_SYSTEM_OFF, 0, 0, 0);
	arch_halt();
}
