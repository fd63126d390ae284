/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a bare loop on x86_64 sleeps until its first queue has something: one MSI-X vector (PCI 3.0, 6.8.2; VIRTIO 1.4,
 * 4.1.4.3), one gate, a handler that does nothing. Interrupts are masked but for the moment of `hlt`, which so misses none.
 */
enum { VECTOR = 0x40, LAPIC = 0xfee00000u, EOI = 0xb0, SPURIOUS = 0xf0, queue_msix_vector = 26 };

static uint64_t gates[VECTOR + 1][2] __attribute__((aligned(16)));

static __attribute__((interrupt)) void interrupted(void *frame)
{
	(void)frame;
	*(volatile uint32_t *)(uintptr_t)(LAPIC + EOI) = 0;
}

/* The old interrupt controllers are masked; the local one is on. */
static void interrupts(void)
{
	uintptr_t handler = (uintptr_t)interrupted;
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table = { sizeof(gates) - 1, (uintptr_t)gates };

	gates[VECTOR][0] = (handler & 0xffff) | 8 << 16 | UINT64_C(0x8e00) << 32 | (uint64_t)(handler >> 16) << 48;
	gates[VECTOR][1] = handler >> 32;
	__asm__ volatile("lidt %0" : : "m"(table));
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	*(volatile uint32_t *)(uintptr_t)(LAPIC + SPURIOUS) = 0x1ff;
}

/* The first vector of that capability's table: to this processor. */
static void aim(volatile uint32_t *table)
{
	table[0] = LAPIC;
	table[1] = 0;
	table[2] = VECTOR;
	table[3] = 0;
}
