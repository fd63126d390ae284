/* SPDX-License-Identifier: BSD-2-Clause */
/* Offsets that trap.S knows; trap_report.c asserts that they are those of the structures. Numbers only. */
#ifndef ARCH_AARCH64_TRAP_H
#define ARCH_AARCH64_TRAP_H

/* struct cpu */
#define CPU_SELF 0
#define CPU_FAULT_STACK 8
#define CPU_SCRATCH 16

/* struct trap_frame; x0 … x30 come first */
#define TRAP_SP 248
#define TRAP_ELR 256
#define TRAP_SPSR 264
#define TRAP_ESR 272
#define TRAP_FAR 280
#define TRAP_VECTOR 288
#define TRAP_FRAME 304

#endif
