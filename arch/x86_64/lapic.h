/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC: takes this CPU's interrupts, sends some to others, and has the timer that ends a sleep. */
#ifndef ARCH_X86_64_LAPIC_H
#define ARCH_X86_64_LAPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Switches this CPU's on, with all but messages and its timer masked. False, with a line that says
 * why, when it cannot be used. On the first CPU; then on others, with the first one's frequency. */
bool lapic_init(void);
void lapic_init_secondary(void);
extern bool lapic_ready;
static inline bool lapic_present(void)
{
	return lapic_ready;
}
uint32_t lapic_id(void);
extern volatile char *lapic_registers; /* NULL in x2APIC mode */
#define LAPIC_EOI 0xb0
void lapic_eoi_x2(void);
static inline void lapic_eoi(void)
{
	if (lapic_registers != NULL)
		*(volatile uint32_t *)(lapic_registers + LAPIC_EOI) = 0;
	else
		lapic_eoi_x2();
}

/* Sends another CPU an interrupt: the low word of the command register (LAPIC_NMI, …) says which. Any
 * context. */
void lapic_send(uint32_t destination, uint32_t command);
#define LAPIC_NMI (4 << 8)
#define LAPIC_INIT (5 << 8)
#define LAPIC_STARTUP (6 << 8) /* | page from which it starts */
#define LAPIC_ASSERT (1 << 14)

/* The timer's counter, which runs down once a tick; for measuring how fast that is. */
void lapic_timer_start(uint32_t ticks);
uint32_t lapic_timer_count(void);
void lapic_timer_set_frequency(uint64_t ticks_per_second);

/* An interrupt at `deadline` or, where that is further away than the timer can count, before it.
 * Interrupts are masked. False when the time has come already, or there is no timer. */
bool lapic_timer_arm(uint64_t deadline);
/* From the timer's interrupt. */
void lapic_timer_taken(void);

#endif
