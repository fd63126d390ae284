# SPDX-License-Identifier: BSD-2-Clause
# x86_64: an ELF with a PVH note, linked in the top 2 GiB of the address space.

BOOT =
ARCH_OBJECTS =
PRODUCTS = $(W).elf

# Signed 32-bit addresses (mcmodel), and no red zone: an interrupt would overwrite it.
ARCH_CFLAGS = -mcmodel=kernel -mno-red-zone -fcf-protection=none
# Without this the assembler adds a note of its own, behind which loaders miss the PVH one.
ARCH_ASFLAGS = $(if $(filter gcc,$(COMPILER)),-Wa$(comma)-mx86-used-note=no)
