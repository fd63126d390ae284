/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot protocol told us (PVH start_info on x86_64; x0 = FDT on aarch64), copied out of
 * the loader's memory by the architecture's entry code before anything else runs.
 */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <stdint.h>

#define BOOT_MAX_RANGES 64
#define BOOT_CMDLINE_SIZE 4096

struct boot_range {
	uint64_t start, end; /* physical, end exclusive */
};

struct boot_info {
	char cmdline[BOOT_CMDLINE_SIZE];
	struct boot_range ram[BOOT_MAX_RANGES]; /* usable RAM; may be unsorted, may touch */
	unsigned ram_count;
	struct boot_range reserved[BOOT_MAX_RANGES]; /* to keep out of, inside RAM or not */
	unsigned reserved_count;
	struct boot_range image; /* where the kernel lies, from its first byte to the end of .bss */
	struct boot_range fdt;   /* empty where there is none */
	uint64_t rsdp;           /* 0 where the loader gave none */
};

extern struct boot_info boot_info;

/*
 * The image's sections, as its linker script places them from IMAGE_BASE on; each of these is the
 * virtual address of a page's start. Only their addresses mean something.
 *
 *   image_start … text_end    code, and what constants fit into its last page: read, execute
 *   text_end … rodata_end     constants: read
 *   rodata_end … data_end     initialised data: read, write
 *   data_end … image_end      .bss, boot stack included: read, write; not in the file
 */
extern char image_start[], text_end[], rodata_end[], data_end[], image_end[];

/* Where the architecture hands over, on the boot stack with interrupts masked, exceptions caught,
 * and boot_info filled in. */
_Noreturn void kernel_main(void);

#endif
