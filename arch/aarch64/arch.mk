# SPDX-License-Identifier: BSD-2-Clause
# aarch64: an arm64 Image, which runs from wherever it was loaded; the ELF is for the debugger.

BOOT = boot/aarch64/head.o
ARCH_OBJECTS = $(addprefix arch/aarch64/,entry.o trap.o trap_report.o mmu.o cpu.o clock.o firmware.o power.o \
	gic.o gicv2.o gicv2m.o gicv3.o its.o its_tables.o lpi.o console.o discover.o platform.o) \
	kernel/pl011.o kernel/uart16550.o
# Where each sleep passes by. (The interrupt controllers are small rather than fast: see `make size`.)
ARCH_HOT = $(addprefix arch/aarch64/,cpu.o clock.o)
$(addprefix $(B)/arch/aarch64/,gic.o gicv2.o gicv3.o): OPTIMISE = -Os -fomit-frame-pointer
PRODUCTS = $(W).elf $(B)/Image

# Atomics as instructions: the helpers that choose at run time ask the Linux kernel.
# Functions that call nothing have no frames: a backtrace finds their caller in the link register.
ARCH_CFLAGS = -mno-outline-atomics -momit-leaf-frame-pointer -mcmodel=tiny
# What gdb calls it.
GDB_ARCH = aarch64

include linker/metal.mk
