/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions on other CPUs, and what those share: locks, the clock, memory, the C library. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/libc_file.h"
#include "kernel/memory.h"
#include "smp.h"

#define TURNS 2000

/* ---- Calls ----------------------------------------------------------------------- */

static unsigned ran_on[CPU_MAX];
static uintptr_t stacks[CPU_MAX];

static const char *note(unsigned cpu)
{
	ktap_check(cpu == vport_cpu());
	ran_on[cpu]++;
	stacks[cpu] = (uintptr_t)__builtin_frame_address(0);
	return KTAP_OK;
}

const char *test_running(void)
{
	memset(ran_on, 0, sizeof(ran_on));
	const char *result = everywhere(note);
	for (unsigned i = 0; i < vport_cpu_count(); i++) {
		ktap_check(ran_on[i] == 1);
		for (unsigned j = 0; j < i; j++)
			ktap_check(stacks[i] != stacks[j]);
	}
	return result;
}

#define CALLS 10
static unsigned order[CALLS], order_count;

static void note_order(void *number)
{
	order[order_count++] = *(unsigned *)number;
}

const char *test_calls_in_order(void)
{
	static struct cpu_call calls[CALLS];
	static unsigned numbers[CALLS];
	if (vport_cpu_count() == 1)
		return ktap_skip("one CPU");
	order_count = 0;
	for (unsigned i = 0; i < CALLS; i++) {
		numbers[i] = i;
		cpu_run(&calls[i], vport_cpu_count() - 1, note_order, &numbers[i]);
	}
	for (unsigned i = 0; i < CALLS; i++)
		cpu_wait(&calls[i]);
	ktap_check(order_count == CALLS);
	for (unsigned i = 0; i < CALLS; i++)
		ktap_check(order[i] == i);
	return KTAP_OK;
}

/* ---- Locks and time --------------------------------------------------------------- */

static struct vport_lock lock;
static unsigned counter, other_counter;

static const char *count(unsigned cpu)
{
	(void)cpu;
	for (unsigned i = 0; i < TURNS; i++) {
		vport_lock_take(&lock);
		bool same = counter == other_counter;
		counter++;
		for (volatile unsigned j = 0; j < 5; j++)
			; /* so that somebody else would come in between */
		other_counter++;
		vport_lock_give(&lock);
		ktap_check(same);
	}
	return KTAP_OK;
}

const char *test_lock(void)
{
	counter = other_counter = 0;
	const char *result = everywhere(count);
	ktap_check(counter == TURNS * vport_cpu_count());
	return result;
}

static uint64_t latest;

static const char *look_at_clock(unsigned cpu)
{
	(void)cpu;
	for (unsigned i = 0; i < TURNS; i++) {
		vport_lock_take(&lock);
		uint64_t now = vport_now();
		bool back = now < latest;
		latest = now;
		vport_lock_give(&lock);
		ktap_check(!back);
	}
	return KTAP_OK;
}

const char *test_clock(void)
{
	latest = 0;
	return everywhere(look_at_clock);
}

/* ---- Memory ------------------------------------------------------------------------ */

#define PIECES 16

/* Whether memory holds nothing but the byte. */
static bool holds(const unsigned char *memory, size_t size, unsigned char byte)
{
	for (size_t i = 0; i < size; i++) {
		if (memory[i] != byte)
			return false;
	}
	return true;
}

static const char *use_pages(unsigned cpu)
{
	for (unsigned turn = 0; turn < 20; turn++) {
		unsigned char *pieces[PIECES];
		for (unsigned i = 0; i < PIECES; i++) {
			size_t size = i % 2 ? PAGE_SIZE : 64 + i;
			pieces[i] = vport_alloc(size);
			ktap_check(pieces[i] != NULL && holds(pieces[i], size, 0));
			memset(pieces[i], (int)(cpu + 1), size);
		}
		for (unsigned i = 0; i < PIECES; i++) {
			size_t size = i % 2 ? PAGE_SIZE : 64 + i;
			ktap_check(holds(pieces[i], size, (unsigned char)(cpu + 1)));
			vport_free(pieces[i], size);
		}
	}
	return KTAP_OK;
}

const char *test_pages(void)
{
	return everywhere(use_pages);
}

static const char *use_heap(unsigned cpu)
{
	unsigned seed = cpu + 1;
	for (unsigned turn = 0; turn < 50; turn++) {
		unsigned char *pieces[PIECES];
		size_t sizes[PIECES];
		for (unsigned i = 0; i < PIECES; i++) {
			seed = seed * 1103515245 + 12345;
			sizes[i] = 1 + seed / 65536 % 1000;
			pieces[i] = malloc(sizes[i]);
			ktap_check(pieces[i] != NULL);
			memset(pieces[i], (int)(cpu + 1), sizes[i]);
		}
		for (unsigned i = 0; i < PIECES; i++) {
			ktap_check(holds(pieces[i], sizes[i], (unsigned char)(cpu + 1)));
			free(pieces[i]);
		}
	}
	return KTAP_OK;
}

const char *test_heap(void)
{
	return everywhere(use_heap);
}

/* ---- The C library -------------------------------------------------------------------- */

static const char *use_errno(unsigned cpu)
{
	for (unsigned i = 0; i < TURNS; i++) {
		errno = (int)cpu + 1;
		vport_relax(0);
		ktap_check(errno == (int)cpu + 1);
	}
	return KTAP_OK;
}

const char *test_errno(void)
{
	return everywhere(use_errno);
}

/* tests/checks.py counts them: each line is there, and whole. */
#define LINES 40

static const char *print(unsigned cpu)
{
	for (unsigned i = 0; i < LINES; i++)
		printf("# line %02u of CPU %u, which is %.3f and no other's\n", i, cpu,
		       cpu + 0.125);
	return KTAP_OK;
}

const char *test_printf(void)
{
	const char *result = everywhere(print);
	printf("# %u lines from each of %u\n", LINES, vport_cpu_count());
	return result;
}

#define CLOSES 100
static int shared_fd;
static unsigned arrived, closes, successes, refusals;

static void count_close(struct open_file *file)
{
	(void)file;
	__atomic_fetch_add(&closes, 1, __ATOMIC_RELAXED);
}

/* All wait until the last one is here, for the n-th time. */
static void meet(unsigned n)
{
	if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == n * vport_cpu_count()) {
		for (unsigned i = 0; i < vport_cpu_count(); i++)
			vport_wake(i);
	}
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < n * vport_cpu_count())
		vport_relax(VPORT_NEVER);
}

static const char *close_here(unsigned cpu)
{
	static const struct open_file_operations operations = { .close = count_close };
	static struct open_file file = { .operations = &operations };

	for (unsigned turn = 0; turn < CLOSES; turn++) {
		if (cpu == 0)
			shared_fd = open_file_add(&file);
		meet(2 * turn + 1);
		if (close(shared_fd) == 0)
			__atomic_fetch_add(&successes, 1, __ATOMIC_RELAXED);
		else if (errno == EBADF)
			__atomic_fetch_add(&refusals, 1, __ATOMIC_RELAXED);
		meet(2 * turn + 2);
	}
	return KTAP_OK;
}

const char *test_close(void)
{
	arrived = closes = successes = refusals = 0;
	const char *result = everywhere(close_here);
	ktap_check(closes == CLOSES && successes == CLOSES);
	ktap_check(refusals == (vport_cpu_count() - 1) * CLOSES);
	return result;
}
