/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions on x86_64: from the PVH boot protocol (Xen's docs/misc/pvh.pandoc; the loader
 * finds the entry by an ELF note) to 64-bit C code.
 *
 * The loader leaves us in 32-bit protected mode with flat segments, paging off, interrupts off, and
 * %ebx = the physical address of hvm_start_info. The image lies where its program headers say. Here:
 *
 *   1. page tables: the first 4 GiB of physical memory identity-mapped (for the moment of the switch)
 *      and at DIRECT_BASE, and the first GiB at IMAGE_BASE too;
 *   2. long mode, with no-execute pages and write protection that holds for us as well;
 *   3. the jump to IMAGE_BASE, the boot stack, and x86_start(start_info) in arch/x86_64/entry.c.
 *
 * Everything is writable and executable until kernel/mmu.c has built the final tables. A CPU that
 * lacks long mode or no-execute pages is told so over the first serial port, by hand.
 */
#include "kernel/layout.h"

#define PHYSICAL(symbol) ((symbol) - IMAGE_BASE)

#define PTE_PRESENT_WRITE 0x03
#define PTE_LARGE 0x80 /* a 2 MiB page */
#define SLOT(address, level) (((address) >> (12 + 9 * (level))) & 511)

#define CR0_BOOT 0x80010033 /* PG, WP, NE, ET, MP, PE; the x87's EM and TS clear */
#define CR4_BOOT 0x00000660 /* PAE, MCE, OSFXSR, OSXMMEXCPT */
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x00000900
#define CPUID_LM_NX ((1 << 29) | (1 << 20)) /* leaf 0x80000001, EDX */

#define XEN_ELFNOTE_PHYS32_ENTRY 18

	.section .note.pvh, "a", @note
	.align 4
	.long 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.quad PHYSICAL(pvh_entry)

	.section .text.boot, "ax"
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	movl $PHYSICAL(boot_stack_top), %esp
	movl %ebx, %esi /* CPUID overwrites %ebx */

	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb unusable
	movl $0x80000001, %eax
	cpuid
	andl $CPUID_LM_NX, %edx
	cmpl $CPUID_LM_NX, %edx
	jne unusable

	/* 4 × 512 entries of 2 MiB, one after another. */
	movl $PHYSICAL(boot_directories), %edi
	movl $(PTE_PRESENT_WRITE | PTE_LARGE), %eax
	xorl %edx, %edx
1:	movl %eax, (%edi)
	movl %edx, 4(%edi)
	addl $8, %edi
	addl $0x200000, %eax
	jnc 1b /* until 4 GiB */

	/* One level up: all four directories for physical memory, the first one for the image. */
	movl $PHYSICAL(boot_directories) + PTE_PRESENT_WRITE, %eax
	movl %eax, PHYSICAL(boot_image_pointers) + 8 * SLOT(IMAGE_BASE, 2)
	movl $PHYSICAL(boot_pointers), %edi
	movl $4, %ecx
2:	movl %eax, (%edi)
	addl $8, %edi
	addl $0x1000, %eax
	loop 2b

	movl $PHYSICAL(boot_pointers) + PTE_PRESENT_WRITE, %eax
	movl %eax, PHYSICAL(boot_root)
	movl %eax, PHYSICAL(boot_root) + 8 * SLOT(DIRECT_BASE, 3)
	movl $PHYSICAL(boot_image_pointers) + PTE_PRESENT_WRITE, %eax
	movl %eax, PHYSICAL(boot_root) + 8 * SLOT(IMAGE_BASE, 3)

	movl $PHYSICAL(high), %ebp

/* To %ebp, in 64-bit mode, at IMAGE_BASE. */
enter_long_mode:
	movl $CR4_BOOT, %eax
	movl %eax, %cr4
	movl $PHYSICAL(boot_root), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME_NXE, %eax
	wrmsr
	movl $CR0_BOOT, %eax
	movl %eax, %cr0
	lgdt PHYSICAL(boot_gdt_pointer)
	ljmp $8, $PHYSICAL(long_mode)

	/* On the serial port as firmware left it; nothing else works yet. */
unusable:
	movl $PHYSICAL(unusable_text), %esi
3:	lodsb
	testb %al, %al
	jz 4f
	movw $0x3f8, %dx
	outb %al, %dx
	jmp 3b
4:	movb $71, %al /* EXIT_PANIC, where there is an isa-debug-exit */
	outb %al, $0xf4
5:	hlt
	jmp 5b

/* Another CPU, from secondary_trampoline. */
secondary_protected:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl $PHYSICAL(secondary_high), %ebp
	jmp enter_long_mode

	.code64
long_mode:
	/* A null data segment is all that long mode wants; processor.c loads the real descriptors. */
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	fninit
	movl %ebp, %ebp
	movabsq $IMAGE_BASE, %rax
	addq %rbp, %rax
	jmp *%rax

secondary_high:
	movq secondary_root, %rax
	movq %rax, %cr3
	movq secondary_processor, %rdi
	/* Who finds no stack has not been waited for. */
	xorl %eax, %eax
	xchgq %rax, secondary_stack
	testq %rax, %rax
	jz 6f
	movq %rax, %rsp
	xorl %ebp, %ebp
	call x86_secondary
	ud2
6:	hlt
	jmp 6b

high:
	movq $boot_stack_top, %rsp
	xorl %ebp, %ebp /* the end of every backtrace */
	movl %esi, %edi
	call x86_start
	ud2

	.section .rodata, "a"
unusable_text:
	.asciz "ringlet: this CPU has no 64-bit mode, or no no-execute pages: it cannot run this kernel\r\n"

	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00209b0000000000 /* 64-bit code, ring 0, present, accessed */
	.quad 0x00cf93000000ffff /* flat data, and 32-bit code: for other CPUs' way here */
	.quad 0x00cf9b000000ffff
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYSICAL(boot_gdt)

/*
 * Where another CPU begins: in real mode, at offset 0 of the segment that is the page to which secondary.c has copied
 * this. Interrupts are off. The image lies where 32-bit code can be reached at once.
 */
	.code16
	.globl secondary_trampoline, secondary_trampoline_end
secondary_trampoline:
	lgdtl %cs:secondary_gdt_pointer - secondary_trampoline
	movl %cr0, %eax
	orb $1, %al /* PE */
	movl %eax, %cr0
	ljmpl $24, $PHYSICAL(secondary_protected)
secondary_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYSICAL(boot_gdt)
secondary_trampoline_end:
	.code64

	.section .bss, "aw", @nobits
	.balign 8
	.globl secondary_root, secondary_stack, secondary_processor
secondary_root:
	.skip 8
secondary_stack:
	.skip 8
secondary_processor:
	.skip 8
	.balign PAGE_SIZE
boot_root:
	.skip PAGE_SIZE
boot_pointers:
	.skip PAGE_SIZE
boot_image_pointers:
	.skip PAGE_SIZE
boot_directories:
	.skip 4 * PAGE_SIZE
	.skip BOOT_STACK_SIZE
boot_stack_top:
