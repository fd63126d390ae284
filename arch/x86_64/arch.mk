# SPDX-License-Identifier: BSD-2-Clause
# x86_64: an ELF with a PVH note, linked in the top 2 GiB of the address space.

BOOT = boot/x86_64/head.o
ARCH_OBJECTS = $(addprefix arch/x86_64/,entry.o processor.o secondary.o traps_entry.o traps.o mmu.o platform.o \
	clock.o lapic.o ioapic.o interrupts.o mptable.o power.o discover.o) kernel/acpi.o \
	kernel/uart16550.o
# Where each interrupt and each sleep passes by.
ARCH_HOT = $(addprefix arch/x86_64/,processor.o traps.o clock.o lapic.o)
PRODUCTS = $(W).elf

# Signed 32-bit addresses (mcmodel), and no red zone: an interrupt would overwrite it.
ARCH_CFLAGS = -mcmodel=kernel -mno-red-zone -fcf-protection=none
# Without this the assembler adds a note of its own, behind which loaders miss the PVH one.
ARCH_ASFLAGS = $(if $(filter gcc,$(COMPILER)),-Wa$(comma)-mx86-used-note=no)
# What gdb calls it.
GDB_ARCH = i386:x86-64

include linker/metal.mk
