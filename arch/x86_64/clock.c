/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock on x86_64: the time stamp counter (TSC), scaled to nanoseconds.
 *
 * How fast it runs is told by the CPU (CPUID leaf 0x15, Intel SDM volume 2) or the hypervisor (leaf
 * 0x40000010, as VMware defined it and KVM's VMMs offer it), or else measured against a counter of
 * known frequency: the ACPI power management timer (ACPI 6.5, 4.8.3.3), or channel 2 of the 8254.
 * Measuring takes 1 ms, which is part of every start: with the counters' and the port accesses'
 * granularity the clock is then right to about one part in a thousand.
 *
 * Left out: CPUID leaf 0x16, whose frequency is a nominal one; a TSC that stops or changes its speed,
 * which no CPU that runs 64-bit guests has had for long.
 *
 *     make run APP=selftest
 */
#include "arch/x86_64/clock.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/lapic.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/console.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define MEASURE_PER_SECOND 1000 /* the part of a second that is waited: 1 ms */
#define MEASURE_READS 1000000   /* a counter that stands still is given up after so many */
#define MEASURE_TRIES 4
#define SAMPLES 8

#define CPUID_TSC_CRYSTAL 0x15
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_HYPERVISOR 0x40000000
#define CPUID_HYPERVISOR_FREQUENCY 0x40000010

#define PM_TIMER_FREQUENCY 3579545
#define PIT_FREQUENCY 1193182
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_CHANNEL2_MODE0 0xb0 /* low byte, then high byte; counts down once */
#define PIT_CHANNEL2_LATCH 0x80
#define PIT_GATE_PORT 0x61
#define PIT_GATE 1
#define PIT_SPEAKER 2

#define ASSUMED_FREQUENCY 1000000000

struct frequencies {
	uint64_t tsc, lapic; /* in Hz; 0: not known */
};

/* A counter of known frequency that reads upwards, modulo mask + 1. */
struct reference {
	uint32_t (*read)(void);
	uint32_t frequency, mask;
};

static uint64_t tsc_start, ns_per_tick_shifted; /* times 2^32; 0 until clock_init */
static uint16_t pm_timer_port;

uint64_t arch_now(void)
{
	uint64_t ticks = tsc_read() - tsc_start;

	return (uint64_t)((unsigned __int128)ticks * ns_per_tick_shifted >> 32);
}

static uint32_t read_pm_timer(void)
{
	return in32(pm_timer_port);
}

static uint32_t read_pit(void)
{
	uint32_t low, high;

	out8(PIT_COMMAND, PIT_CHANNEL2_LATCH);
	low = in8(PIT_CHANNEL2);
	high = in8(PIT_CHANNEL2);
	return ~(high << 8 | low);
}

static void start_pit(void)
{
	out8(PIT_GATE_PORT, (in8(PIT_GATE_PORT) & ~PIT_SPEAKER) | PIT_GATE);
	out8(PIT_COMMAND, PIT_CHANNEL2_MODE0);
	out8(PIT_CHANNEL2, 0xff);
	out8(PIT_CHANNEL2, 0xff);
}

/* All three counters at one moment; `width` is how long the reading took in TSC ticks. */
struct sample {
	uint32_t reference, lapic;
	uint64_t tsc, width;
};

static struct sample take_sample(const struct reference *reference)
{
	struct sample sample;
	uint64_t before = tsc_read();

	sample.reference = reference->read();
	sample.lapic = lapic_present() ? lapic_timer_count() : 0;
	sample.tsc = tsc_read();
	sample.width = sample.tsc - before;
	return sample;
}

/* The quickest of a few: a host that takes the CPU away in the middle of one must not count. */
static struct sample take_best_sample(const struct reference *reference)
{
	struct sample best = take_sample(reference);

	for (unsigned i = 1; i < SAMPLES; i++) {
		struct sample sample = take_sample(reference);
		if (sample.width < best.width)
			best = sample;
	}
	return best;
}

/* Both are 0 when the reference stands still. *disturbed tells that so much of the time passed at
 * once that the reference may have gone round unseen. */
static struct frequencies measure_once(const struct reference *reference, bool *disturbed)
{
	uint32_t enough = reference->frequency / MEASURE_PER_SECOND, passed = 0;
	struct sample first = take_best_sample(reference), last = first;
	uint64_t longest = 0, total;

	for (unsigned i = 0; i < MEASURE_READS && passed < enough; i++) {
		struct sample sample = take_sample(reference);
		if (sample.tsc - last.tsc > longest)
			longest = sample.tsc - last.tsc;
		last = sample;
		passed = (last.reference - first.reference) & reference->mask;
	}
	if (passed < enough)
		return (struct frequencies){ 0, 0 };
	last = take_best_sample(reference);
	passed = (last.reference - first.reference) & reference->mask;
	total = last.tsc - first.tsc;
	*disturbed = longest > total / 2;
	return (struct frequencies){
		.tsc = total * reference->frequency / passed,
		/* This one counts down. */
		.lapic = (uint64_t)(first.lapic - last.lapic) * reference->frequency / passed,
	};
}

static struct frequencies measure(const struct reference *reference)
{
	struct frequencies result = { 0, 0 };
	bool disturbed = true;

	if (lapic_present())
		lapic_timer_start(UINT32_MAX);
	/* Of tries that were all disturbed the slowest is right: when the reference has gone round, too little of it
	 * seems to have passed, and the TSC to be faster than it is. */
	for (unsigned i = 0; i < MEASURE_TRIES && disturbed; i++) {
		disturbed = false;
		struct frequencies measured = measure_once(reference, &disturbed);
		if (i == 0 || !disturbed || measured.tsc < result.tsc)
			result = measured;
	}
	return result;
}

/* What the CPU or the hypervisor tells. */
static struct frequencies told(void)
{
	struct frequencies result = { 0, 0 };

	if (cpuid(0).eax >= CPUID_TSC_CRYSTAL) {
		struct cpuid crystal = cpuid(CPUID_TSC_CRYSTAL);
		if (crystal.eax != 0 && crystal.ebx != 0 && crystal.ecx != 0) {
			result.tsc = (uint64_t)crystal.ecx * crystal.ebx / crystal.eax;
			result.lapic = crystal.ecx / 16;
		}
	}
	if ((cpuid(1).ecx & CPUID_1_ECX_HYPERVISOR) != 0 &&
	    cpuid(CPUID_HYPERVISOR).eax >= CPUID_HYPERVISOR_FREQUENCY) {
		struct cpuid khz = cpuid(CPUID_HYPERVISOR_FREQUENCY);
		if (khz.eax != 0 && khz.ebx != 0) {
			result.tsc = khz.eax * UINT64_C(1000);
			result.lapic = khz.ebx * UINT64_C(1000) / 16;
		}
	}
	return result;
}

void clock_init(const struct acpi_fadt *fadt)
{
	struct frequencies frequencies = told();

	tsc_start = tsc_read();
	if (frequencies.tsc == 0 && fadt != NULL && fadt->pm_timer != 0) {
		struct reference pm_timer = { read_pm_timer, PM_TIMER_FREQUENCY, 0xffffff };
		pm_timer_port = fadt->pm_timer;
		frequencies = measure(&pm_timer);
	}
	if (frequencies.tsc == 0) {
		struct reference pit = { read_pit, PIT_FREQUENCY, 0xffff };
		start_pit();
		frequencies = measure(&pit);
	}
	if (frequencies.tsc == 0) {
		kprint("clock: nothing to measure the time stamp counter against: "
		       "taken to run at 1 GHz, so times are wrong\n");
		frequencies.tsc = frequencies.lapic = ASSUMED_FREQUENCY;
	}
	ns_per_tick_shifted = (NS_PER_SECOND << 32) / frequencies.tsc;
	if (lapic_present())
		lapic_timer_set_frequency(frequencies.lapic);
}
