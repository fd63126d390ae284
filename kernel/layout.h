/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's virtual addresses: the same on both architectures. Both use pages of 4 KiB and a
 * tree of four levels with 512 entries, 48 bits of virtual address; everything of ours is in the
 * upper half, so the lower half, and with it the null page, is not mapped at all.
 *
 *   DIRECT_BASE  all RAM, at its physical address plus this
 *   DEVICE_BASE  registers, mapped one after another as they are asked for
 *   STACK_BASE   stacks, each between two pages that are not mapped
 *   IMAGE_BASE   the kernel itself, wherever it was loaded: text, read-only data, data
 *
 * Included by assembly and linker scripts too: numbers only above the #ifndef.
 */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#define PAGE_SHIFT 12
#define PAGE_SIZE 0x1000

#define DIRECT_BASE 0xffff800000000000
#define DEVICE_BASE 0xffffc00000000000
#define STACK_BASE 0xffffe00000000000
#define IMAGE_BASE 0xffffffff80000000

#define BOOT_STACK_SIZE 0x4000  /* in .bss, used until the first real stack is mapped */
#define MAIN_STACK_SIZE 0x20000 /* a CPU's own stack, on which the program runs */
#define FAULT_STACK_SIZE 0x4000 /* on which an exception's report is made */

#endif
