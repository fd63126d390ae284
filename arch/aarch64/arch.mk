# SPDX-License-Identifier: BSD-2-Clause
# aarch64: an arm64 Image, which runs from wherever it was loaded; the ELF is for the debugger.

BOOT =
ARCH_OBJECTS =
PRODUCTS = $(W).elf $(B)/Image

# Atomics as instructions: the helpers that choose at run time ask the Linux kernel.
ARCH_CFLAGS = -mno-outline-atomics
