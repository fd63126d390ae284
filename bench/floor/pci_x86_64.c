/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare loop on x86_64: QEMU's q35, virtio-pci, no kernel; polled, or with IRQ defined asleep until its first queue
 * has something. Firmware has placed the BARs.
 *
 *     qemu-system-x86_64 -M q35 -kernel build/bench/floor-x86_64-32 -device isa-debug-exit,iobase=0xf4 …
 *     says B, makes COUNT reads with DEPTH in flight, says E
 */
#include <stdint.h>

enum { SERIAL = 0x3f8, EXIT = 0xf4, PCI_ADDRESS = 0xcf8, PCI_DATA = 0xcfc };
/* VIRTIO 1.4, 4.1.4.3 */
enum {
	driver_feature_select = 8,
	driver_feature = 12,
	device_status = 20,
	queue_select = 22,
	queue_size = 24,
	queue_enable = 28,
	queue_notify_off = 30,
	queue_desc = 32,
	queue_driver = 40,
	queue_device = 48,
};

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static volatile uint16_t *doorbell[2];

#define NOTIFY(queue) (*doorbell[queue] = (queue))
#define MORE(done) ((done) < COUNT)
#define SAY(letter) (out8(SERIAL, letter), out8(SERIAL, '\n'))
#if defined(IRQ)
#define WAIT() __asm__ volatile("sti; hlt; cli" ::: "memory")
#elif defined(PAUSE_TO_WAIT)
#define WAIT() PAUSE()
#else
#define WAIT() __asm__ volatile("" ::: "memory")
#endif
#include LOOP

static struct shared shared;

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t pci(unsigned slot, unsigned offset)
{
	uint32_t value;

	out32(PCI_ADDRESS, 0x80000000u | slot << 11 | (offset & 0xfc));
	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)PCI_DATA));
	return value >> offset % 4 * 8;
}

static uintptr_t bar(unsigned slot, unsigned number)
{
	return pci(slot, 0x10 + 4 * number) & ~15u;
}

static _Noreturn void leave(unsigned status)
{
	out32(EXIT, status);
	for (;;)
		__asm__ volatile("hlt");
}

#ifdef IRQ
#include "msix.h"
#endif
#define COMMON(type, field) (*(volatile type *)(common + (field)))

_Noreturn void floor_main(void);
void floor_main(void)
{
	uintptr_t common = 0, notify = 0, config = 0;
	uint32_t multiplier = 0;
	uint64_t base = (uintptr_t)&shared;
	unsigned slot = 0;

	while (slot < 32 && pci(slot, 0) != (0x10401af4 | VIRTIO_ID << 16) &&
	       pci(slot, 0) != (0x10001af4 | (VIRTIO_ID - 1) << 16))
		slot++;
	if (slot == 32)
		leave(1);
	pci(slot, 4); /* memory and bus mastering on, INTx off */
	out32(PCI_DATA, 0x406);
	for (unsigned at = pci(slot, 0x34) & 0xfc; at; at = pci(slot, at + 1) & 0xfc) {
#ifdef IRQ
		if ((pci(slot, at) & 0xff) == 0x11) { /* MSI-X: on */
			aim((volatile uint32_t *)(bar(slot, pci(slot, at + 4) & 7) + (pci(slot, at + 4) & ~7u)));
			out32(PCI_DATA, pci(slot, at) | 0x80000000u);
		}
#endif
		if ((pci(slot, at) & 0xff) != 9)
			continue;
		uintptr_t place = bar(slot, pci(slot, at + 4) & 0xff) + pci(slot, at + 8);
		switch (pci(slot, at + 3) & 0xff) {
		case 1:
			common = place;
			break;
		case 2:
			notify = place;
			multiplier = pci(slot, at + 16);
			break;
		case 4:
			config = place;
			break;
		}
	}
	COMMON(uint8_t, device_status) = 0;
	COMMON(uint8_t, device_status) = 1 | 2;
	COMMON(uint32_t, driver_feature_select) = 1;
	COMMON(uint32_t, driver_feature) = 1; /* VERSION_1 */
	COMMON(uint32_t, driver_feature_select) = 0;
	COMMON(uint32_t, driver_feature) = FEATURES;
	COMMON(uint8_t, device_status) = 1 | 2 | 8;
	for (unsigned i = 0; i < QUEUES; i++) {
		COMMON(uint16_t, queue_select) = (uint16_t)i;
		COMMON(uint16_t, queue_size) = SIZE;
		COMMON(uint32_t, queue_desc) = (uint32_t)PLACE(&shared, ring[i].desc);
		COMMON(uint32_t, queue_driver) = (uint32_t)PLACE(&shared, ring[i].avail);
		COMMON(uint32_t, queue_device) = (uint32_t)PLACE(&shared, ring[i].used);
		doorbell[i] = (volatile uint16_t *)(notify + COMMON(uint16_t, queue_notify_off) * multiplier);
#ifdef IRQ
		COMMON(uint16_t, queue_msix_vector) = i == 0 ? 0 : 0xffff;
#endif
		COMMON(uint16_t, queue_enable) = 1;
#ifndef IRQ
		shared.ring[i].avail.flags = NO_INTERRUPT;
#endif
	}
	COMMON(uint8_t, device_status) = 1 | 2 | 4 | 8;
#ifdef IRQ
	interrupts();
#endif
	leave(measure(&shared, base, (const volatile uint32_t *)config) != 0);
}

/* The PVH entry: 32 bits, paging off. Four gigabytes are mapped as they are, in blocks of 2 MiB. */
__asm__(".section .note.Xen, \"a\", @note\n"
	".long 4, 4, 18\n"
	".asciz \"Xen\"\n"
	".long _start\n"
	".text\n"
	".code32\n"
	".global _start\n"
	"_start: movl $stack_top, %esp\n"
	"movl $pd, %edi\n"
	"movl $0x83, %eax\n"
	"1: movl %eax, (%edi)\n"
	"movl $0, 4(%edi)\n"
	"addl $0x200000, %eax\n"
	"addl $8, %edi\n"
	"cmpl $pd + 0x4000, %edi\n"
	"jne 1b\n"
	"movl $pd + 3, pdpt\n"
	"movl $pd + 0x1003, pdpt + 8\n"
	"movl $pd + 0x2003, pdpt + 16\n"
	"movl $pd + 0x3003, pdpt + 24\n"
	"movl $pdpt + 3, pml4\n"
	"movl $pml4, %eax\n"
	"movl %eax, %cr3\n"
	"movl $0x20, %eax\n" /* CR4: physical address extension */
	"movl %eax, %cr4\n"
	"movl $0xc0000080, %ecx\n" /* EFER: long mode */
	"movl $0x100, %eax\n"
	"xorl %edx, %edx\n"
	"wrmsr\n"
	"movl $0x80000001, %eax\n" /* CR0: paging, protected mode */
	"movl %eax, %cr0\n"
	"lgdt gdt_pointer\n"
	"ljmp $8, $long_mode\n"
	".code64\n"
	"long_mode: xorl %eax, %eax\n"
	"movl %eax, %ss\n"
	"movl %eax, %ds\n"
	"movl %eax, %es\n"
	"call floor_main\n"
	".data\n"
	".balign 8\n"
	"gdt: .quad 0, 0x00209b0000000000\n"
	"gdt_pointer: .word 15\n"
	".long gdt\n"
	".bss\n"
	".balign 4096\n"
	"pml4: .skip 4096\n"
	"pdpt: .skip 4096\n"
	"pd: .skip 4 * 4096\n"
	"stack: .skip 4096\n"
	"stack_top:\n"
	".text\n");
