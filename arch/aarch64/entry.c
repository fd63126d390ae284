/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first C code on aarch64: copies what the loader says (the device tree in x0: Devicetree
 * Specification 0.4, and its /chosen) into boot_info, and goes on in kernel_main.
 *
 * head.S has mapped the image and nothing else; the tree is mapped here, read-only, at its place in
 * the direct map. Without a usable tree there is no UART to be known: see console.c.
 *
 * Left out: an initrd (its memory is kept free), and trees of more than 2 MiB, as in the boot protocol.
 *
 *     make test-boot TEST_OPTIONS='--filter tree'
 */
#include "arch/aarch64/aarch64.h"
#include "arch/aarch64/sysreg.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "kernel/memory.h"
#include "lib/error.h"

#define BLOCK_SIZE 0x200000
#define FDT_ALIGN 8
#define FDT_MAX BLOCK_SIZE
#define FDT_MAGIC 0xd00dfeed

struct boot_info boot_info;
struct fdt fdt;

/* The stack for faults until kernel_main has one with guard pages. */
extern uint8_t boot_fault_stack[FAULT_STACK_SIZE];
uint8_t boot_fault_stack[FAULT_STACK_SIZE] __attribute__((aligned(16)));
/* Exceptions need it, so head.S fills in what they need and puts it into tpidr_el1. */
extern struct cpu boot_cpu;
struct cpu boot_cpu;

_Noreturn void entry(uint64_t fdt_phys, uint64_t image_phys);

static _Noreturn void refuse(const char *why)
{
	kprint("boot: %s\n", why);
	kernel_exit(EXIT_PANIC);
}

/* ---- Mapping the tree -------------------------------------------------------------------- */

#define ENTRIES 512
typedef uint64_t table[ENTRIES] __attribute__((aligned(PAGE_SIZE)));

extern table boot_l0; /* head.S */
/* Two blocks, which may lie in two tables of the next level, and of the one above. */
static table boot_tables_pool[4];
static unsigned boot_tables_used;

static uint64_t *next_table(uint64_t *entry)
{
	if (!arch_pte_valid(*entry)) {
		char *made = (char *)boot_tables_pool[boot_tables_used++];
		*entry = arch_pte_table(boot_info.image.start + (uint64_t)(made - image_start));
	}
	return (uint64_t *)(image_start + (arch_pte_phys(*entry) - boot_info.image.start));
}

static void map_block(uint64_t phys)
{
	uintptr_t va = DIRECT_BASE + phys;
	uint64_t *level1 = next_table(&boot_l0[va >> 39 & (ENTRIES - 1)]);
	uint64_t *level2 = next_table(&level1[va >> 30 & (ENTRIES - 1)]);
	level2[va >> 21 & (ENTRIES - 1)] = arch_pte_leaf(phys, MAP_RODATA, true);
	arch_mmu_sync();
}

static void open_fdt(uint64_t phys)
{
	if (phys == 0 || phys % FDT_ALIGN != 0 ||
	    phys >= DEVICE_BASE - DIRECT_BASE - 2 * BLOCK_SIZE)
		refuse("the loader gave no device tree in x0: boot the Image, not the ELF");
	uint64_t block = phys & ~(uint64_t)(BLOCK_SIZE - 1);
	map_block(block);
	const void *blob = (const void *)(DIRECT_BASE + phys);
	if (fdt_read_cell(blob, 0) != FDT_MAGIC)
		refuse("what x0 points to is no device tree");
	uint32_t size = fdt_read_cell(blob, 1);
	if (size > FDT_MAX)
		refuse("the device tree is larger than 2 MiB");
	if (phys + size > block + BLOCK_SIZE)
		map_block(block + BLOCK_SIZE);
	if (fdt_open(&fdt, blob, size) != 0) {
		fdt.blob = NULL;
		refuse("the device tree is damaged");
	}
	boot_info.fdt = (struct boot_range){ phys, phys + size };
}

void fdt_remap(void)
{
	uint64_t size = boot_info.fdt.end - boot_info.fdt.start;
	const void *blob = size == 0 ? NULL : map_firmware(boot_info.fdt.start, size);
	if (blob == NULL || fdt_open(&fdt, blob, size) != 0)
		fdt.blob = NULL;
}

bool fdt_is(int node, const char *compatible)
{
	for (int at = fdt_compatible(&fdt, -1, compatible); at >= 0;
	     at = fdt_compatible(&fdt, at, compatible)) {
		if (at == node)
			return true;
	}
	return false;
}

/* ---- boot_info ------------------------------------------------------------------------------ */

static void add_range(struct boot_range *ranges, unsigned *count, uint64_t start, uint64_t size)
{
	if (size == 0)
		return;
	if (*count == BOOT_MAX_RANGES)
		refuse("the device tree has too many ranges of memory");
	ranges[(*count)++] = (struct boot_range){ start, start + size };
}

static void reserve(uint64_t start, uint64_t size)
{
	add_range(boot_info.reserved, &boot_info.reserved_count, start, size);
}

/* Every entry of a node's reg. */
static void add_reg(struct boot_range *ranges, unsigned *count, int node)
{
	uint64_t start, size;
	int error;
	unsigned i = 0;
	while ((error = fdt_reg(&fdt, node, i, &start, &size)) == 0) {
		add_range(ranges, count, start, size);
		i++;
	}
	if (error != ERR_NODEV)
		refuse("the device tree describes memory that cannot be");
}

static bool is_memory(int node)
{
	const char *type = fdt_string(&fdt, node, "device_type");
	static const char memory[] = "memory";
	return type != NULL && __builtin_strcmp(type, memory) == 0;
}

static void copy_memory(void)
{
	int node = fdt_first_child(&fdt, fdt_root(&fdt));
	for (; node >= 0; node = fdt_next_sibling(&fdt, node)) {
		if (is_memory(node))
			add_reg(boot_info.ram, &boot_info.ram_count, node);
	}
	if (boot_info.ram_count == 0)
		refuse("the device tree describes no memory");
}

/* A child without reg lets us choose where it lies, and we choose not to have it. */
static void copy_reserved(void)
{
	uint64_t start, size;
	for (unsigned i = 0; fdt_reservation(&fdt, i, &start, &size) == 0; i++)
		reserve(start, size);
	int parent = fdt_path(&fdt, "/reserved-memory");
	int node = parent < 0 ? parent : fdt_first_child(&fdt, parent);
	for (; node >= 0; node = fdt_next_sibling(&fdt, node))
		add_reg(boot_info.reserved, &boot_info.reserved_count, node);
	reserve(boot_info.fdt.start, boot_info.fdt.end - boot_info.fdt.start);
}

/* An address in /chosen has one cell or two. */
static uint64_t chosen_address(int chosen, const char *name)
{
	size_t length;
	const void *value = fdt_property(&fdt, chosen, name, &length);
	if (value == NULL || (length != 4 && length != 8))
		return 0;
	return fdt_read_cells(value, 0, (unsigned)length / 4);
}

static void copy_chosen(void)
{
	int chosen = fdt_path(&fdt, "/chosen");
	if (chosen < 0)
		return;
	const char *text = fdt_string(&fdt, chosen, "bootargs");
	for (unsigned i = 0; text != NULL && text[i] != '\0'; i++) {
		if (i == BOOT_CMDLINE_SIZE - 1)
			refuse("the command line is longer than 4095 characters");
		boot_info.cmdline[i] = text[i];
	}
	uint64_t start = chosen_address(chosen, "linux,initrd-start");
	uint64_t end = chosen_address(chosen, "linux,initrd-end");
	if (start < end)
		reserve(start, end - start);
}

_Noreturn void entry(uint64_t fdt_phys, uint64_t image_phys)
{
	boot_info.image =
		(struct boot_range){ image_phys, image_phys + (uint64_t)(image_end - image_start) };
	boot_cpu.hardware_id = sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
	open_fdt(fdt_phys);
	psci_init();
	if (!clock_init())
		refuse("neither CNTFRQ_EL0 nor the device tree tells the clock's frequency");
	copy_memory();
	copy_reserved();
	copy_chosen();
	kernel_main();
}
