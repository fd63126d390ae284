/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first C code on x86_64: copies what the loader says (struct hvm_start_info of the PVH boot
 * protocol, Xen's xen/include/public/arch-x86/hvm/start_info.h) into boot_info, readies the CPU for
 * exceptions, and goes on in kernel_main.
 *
 * The loader's tables lie below 4 GiB, all of which the boot page tables show at DIRECT_BASE. Left
 * out: modules (an initrd), and version 0 of the structure, which has no memory map.
 *
 *     make run APP=hello
 */
#include "arch/x86_64/processor.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/exit.h"

#define START_MAGIC 0x336ec578
#define BOOT_MAPPED (UINT64_C(1) << 32)
#define LOW_MEMORY_END 0x100000

struct hvm_start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp;
	/* From version 1 on. */
	uint64_t memmap;
	uint32_t memmap_entries, reserved;
};
_Static_assert(offsetof(struct hvm_start_info, memmap) == 40, "PVH start info");

struct hvm_memmap_entry {
	uint64_t address, size;
	uint32_t type, reserved;
};
_Static_assert(sizeof(struct hvm_memmap_entry) == 24, "PVH memory map");
#define MEMMAP_RAM 1 /* the types are those of the BIOS's E820 map */

#define MEMMAP_LIMIT 256 /* more entries than any real machine has */

struct boot_info boot_info;

static struct processor boot_processor;

_Noreturn void x86_start(uint64_t start_info);

static _Noreturn void refuse(const char *why)
{
	arch_console_init();
	kprint("boot: %s\n", why);
	kernel_exit(EXIT_PANIC);
}

/* The loader's memory, or NULL where the boot page tables do not reach. */
static const void *loader_memory(uint64_t phys, uint64_t length)
{
	if (phys == 0 || phys >= BOOT_MAPPED || length > BOOT_MAPPED - phys)
		return NULL;
	return (const void *)(DIRECT_BASE + phys);
}

static void copy_cmdline(uint64_t phys)
{
	const char *text = loader_memory(phys, BOOT_CMDLINE_SIZE);
	size_t length = 0;

	if (text == NULL)
		return;
	while (length < BOOT_CMDLINE_SIZE - 1 && text[length] != '\0') {
		boot_info.cmdline[length] = text[length];
		length++;
	}
}

static void add_range(struct boot_range *ranges, unsigned *count, struct boot_range range)
{
	if (*count == BOOT_MAX_RANGES)
		refuse("the loader's memory map has too many ranges");
	ranges[(*count)++] = range;
}

static void copy_memmap(uint64_t phys, uint32_t count)
{
	const struct hvm_memmap_entry *map = loader_memory(phys, count * sizeof(*map));

	if (map == NULL || count == 0 || count > MEMMAP_LIMIT)
		refuse("the loader's memory map is empty, too long or out of reach");
	for (uint32_t i = 0; i < count; i++) {
		struct boot_range range = { map[i].address, map[i].address + map[i].size };

		if (range.end <= range.start)
			continue; /* empty, or it wraps around */
		if (map[i].type == MEMMAP_RAM)
			add_range(boot_info.ram, &boot_info.ram_count, range);
		else
			add_range(boot_info.reserved, &boot_info.reserved_count, range);
	}
}

void x86_start(uint64_t start_info)
{
	const struct hvm_start_info *start = loader_memory(start_info, sizeof(*start));

	traps_init();
	processor_init(&boot_processor);

	if (start == NULL || start->magic != START_MAGIC)
		refuse("not started by the PVH protocol: no start info at %ebx");
	if (start->version < 1)
		refuse("the loader speaks version 0 of PVH, without a memory map: use a newer one");
	copy_cmdline(start->cmdline);
	boot_info.rsdp = start->rsdp;

	/* The first MiB belongs to firmware's tables, whatever the map says; the code with which other
	 * CPUs start must lie there too. */
	add_range(boot_info.reserved, &boot_info.reserved_count,
		  (struct boot_range){ 0, LOW_MEMORY_END });
	copy_memmap(start->memmap, start->memmap_entries);
	boot_info.image.start = (uintptr_t)image_start - IMAGE_BASE;
	boot_info.image.end = (uintptr_t)image_end - IMAGE_BASE;
	kernel_main();
}
