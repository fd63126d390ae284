/* SPDX-License-Identifier: BSD-2-Clause */
/* System registers by name, and the 32-bit accesses to device registers. */
#ifndef ARCH_AARCH64_SYSREG_H
#define ARCH_AARCH64_SYSREG_H

#include <stdint.h>

#define sysreg_read(name) \
	({ \
		uint64_t value_; \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)::"memory"); \
		value_; \
	})
#define sysreg_write(name, value) \
	__asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")

#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain ::: "memory")

/* One ldr or str without writeback: a hypervisor that emulates the device can tell from the syndrome
 * alone what was accessed, which for other forms it cannot. */
static inline uint32_t mmio_read32(uintptr_t address)
{
	uint32_t value;
	__asm__ volatile("ldr %w0, %1"
			 : "=r"(value)
			 : "m"(*(const volatile uint32_t *)address)
			 : "memory");
	return value;
}

static inline void mmio_write32(uintptr_t address, uint32_t value)
{
	__asm__ volatile("str %w1, %0"
			 : "=m"(*(volatile uint32_t *)address)
			 : "rZ"(value)
			 : "memory");
}

#endif
