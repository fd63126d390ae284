/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor: its own data, its interrupt mask. */
#include "kernel/cpu.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/arch.h"

const char arch_name[] = "aarch64";
