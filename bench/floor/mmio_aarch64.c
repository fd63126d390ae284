/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare loop on aarch64: QEMU's virt machine, virtio-mmio, no kernel, MMU off. Polled, or with IRQ defined
 * asleep in wfi with interrupts masked, so that no handler is ever entered.
 *
 *     qemu-system-aarch64 -M virt -cpu cortex-a72 -global virtio-mmio.force-legacy=false -kernel
 *     build/bench/floor-aarch64-32 -semihosting …   says B, makes COUNT reads with DEPTH in flight, says E
 */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
enum { UART = 0x09000000, GICD = 0x08000000, GICC = 0x08010000, SLOTS = 0x0a000000, FIRST_INTID = 48 };
/* VIRTIO 1.4, 4.2.2 */
enum {
	DeviceID = 0x008,
	DriverFeatures = 0x020,
	DriverFeaturesSel = 0x024,
	QueueSel = 0x030,
	QueueSize = 0x038,
	QueueReady = 0x044,
	QueueNotify = 0x050,
	InterruptACK = 0x064,
	Status = 0x070,
	QueueDescLow = 0x080,
	QueueDriverLow = 0x090,
	QueueDeviceLow = 0x0a0,
	Config = 0x100,
};

static uintptr_t device;

#define NOTIFY(queue) (REGISTER(device + QueueNotify) = (queue))
#define MORE(done) ((done) < COUNT)
#define SAY(letter) (REGISTER(UART) = (letter), REGISTER(UART) = '\n')
#ifdef IRQ
static inline void wait(void)
{
	__asm__ volatile("dsb sy; wfi" ::: "memory");
	uint32_t taken = REGISTER(GICC + 0x0c);
	REGISTER(device + InterruptACK) = 1;
	REGISTER(GICC + 0x10) = taken;
}
#define WAIT() wait()
#elif defined(PAUSE_TO_WAIT)
#define WAIT() PAUSE()
#else
#define WAIT() __asm__ volatile("" ::: "memory")
#endif
#include LOOP

static struct shared shared;

/* Distributor and CPU interface on, this one line enabled and sent here: GICv2. */
static void interrupts(unsigned intid)
{
	REGISTER(GICD) = 1;
	REGISTER(GICD + 0x100 + intid / 32 * 4) = 1u << intid % 32;
	*(volatile uint8_t *)(uintptr_t)(GICD + 0x800 + intid) = 1;
	REGISTER(GICC + 0x04) = 0xff;
	REGISTER(GICC) = 1;
}

/* Semihosting: SYS_EXIT with this status. */
static _Noreturn void leave(uint64_t status)
{
	uint64_t block[2] = { 0x20026, status };
	register uint64_t x0 __asm__("x0") = 0x18;
	register uint64_t *x1 __asm__("x1") = block;

	for (;;)
		__asm__ volatile("hlt #0xf000" : : "r"(x0), "r"(x1) : "memory");
}

_Noreturn void floor_main(void);
void floor_main(void)
{
	unsigned slot = 0;
	uint64_t base = (uintptr_t)&shared;

	while (slot < 32 && REGISTER(SLOTS + slot * 0x200 + DeviceID) != VIRTIO_ID)
		slot++;
	if (slot == 32)
		leave(1);
	device = SLOTS + slot * 0x200;
	REGISTER(device + Status) = 0;
	REGISTER(device + Status) = 1 | 2;
	REGISTER(device + DriverFeaturesSel) = 1;
	REGISTER(device + DriverFeatures) = 1; /* VERSION_1 */
	REGISTER(device + DriverFeaturesSel) = 0;
	REGISTER(device + DriverFeatures) = FEATURES;
	REGISTER(device + Status) = 1 | 2 | 8;
	for (unsigned i = 0; i < QUEUES; i++) {
		REGISTER(device + QueueSel) = i;
		REGISTER(device + QueueSize) = SIZE;
		REGISTER(device + QueueDescLow) = (uint32_t)PLACE(&shared, ring[i].desc);
		REGISTER(device + QueueDriverLow) = (uint32_t)PLACE(&shared, ring[i].avail);
		REGISTER(device + QueueDeviceLow) = (uint32_t)PLACE(&shared, ring[i].used);
		REGISTER(device + QueueReady) = 1;
#ifndef IRQ
		shared.ring[i].avail.flags = NO_INTERRUPT;
#endif
	}
	REGISTER(device + Status) = 1 | 2 | 4 | 8;
#ifdef IRQ
	interrupts(FIRST_INTID + slot);
#else
	(void)interrupts;
#endif
	leave(measure(&shared, base, &REGISTER(device + Config)) != 0);
}

__asm__(".section .text.start, \"ax\"\n"
	".global _start\n"
	"_start: adrp x0, stack_top\n"
	"mov sp, x0\n"
	"b floor_main\n"
	".bss\n"
	".balign 4096\n"
	".skip 4096\n"
	"stack_top: .skip 16\n"
	".text\n");
