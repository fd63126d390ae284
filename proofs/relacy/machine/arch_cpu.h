/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes the place of arch/<arch>/include/arch_cpu.h where the event loop is compiled for Relacy: the CPUs are those of
 * wake.cpp. What the compiler knows of atomic accesses is shadowed as well: each goes to the model of memory there,
 * with the order that the source gives it, and the name of the function that it stands in, by which it can be weakened.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

struct cpu *arch_cpu(void);
bool arch_irq_off(void);
#define arch_irq_mask() ((void)arch_irq_off())
void arch_irq_restore(bool on);
void arch_pause(void);

/* Whether the model is in use: before and after it, one CPU after another runs on the memory itself. */
extern bool litmus_running;

/* An access outside of the model, by which it learns that there is such a word. */
void litmus_note(const void *place, unsigned bytes);

uint64_t litmus_load(const void *place, int order);
void litmus_store(void *place, uint64_t value, int order);
uint64_t litmus_exchange(void *place, uint64_t value, int order, const char *in);
bool litmus_compare_exchange(void *place, uint64_t *expected, uint64_t value, int order,
			     const char *in);
uint64_t litmus_fetch_or(void *place, uint64_t value);
void litmus_fence(int order, const char *in);

/* The memory itself has the newest value, too. */
template <class T> T litmus_load_as(const T *place, int order)
{
	litmus_note(place, sizeof(T));
	return litmus_running ? (T)litmus_load(place, order) : *place;
}

template <class T> void litmus_store_as(T *place, T value, int order)
{
	litmus_note(place, sizeof(T));
	if (litmus_running)
		litmus_store(place, (uint64_t)value, order);
	*place = value;
}

template <class T> T litmus_exchange_as(T *place, T value, int order, const char *in)
{
	litmus_note(place, sizeof(T));
	T old = litmus_running ? (T)litmus_exchange(place, (uint64_t)value, order, in) : *place;
	*place = value;
	return old;
}

template <class T>
bool litmus_compare_exchange_as(T *place, T *expected, T value, int order, const char *in)
{
	litmus_note(place, sizeof(T));
	uint64_t found = (uint64_t)*expected;
	bool equal = litmus_running
			     ? litmus_compare_exchange(place, &found, (uint64_t)value, order, in)
			     : *place == *expected;
	if (equal)
		*place = value;
	else
		*expected = litmus_running ? (T)found : *place;
	return equal;
}

template <class T> T litmus_fetch_or_as(T *place, uint64_t value)
{
	litmus_note(place, sizeof(T));
	T old = litmus_running ? (T)litmus_fetch_or(place, value) : *place;
	*place |= (T)value;
	return old;
}

#define __atomic_load_n(place, order) litmus_load_as(place, order)
#define __atomic_store_n(place, value, order) \
	litmus_store_as<__typeof__(*(place))>(place, value, order)
#define __atomic_exchange_n(place, value, order) \
	litmus_exchange_as<__typeof__(*(place))>(place, value, order, __func__)
#define __atomic_compare_exchange_n(place, expected, value, weak, order, otherwise) \
	litmus_compare_exchange_as<__typeof__(*(place))>(place, expected, value, order, __func__)
#define __atomic_fetch_or(place, value, order) litmus_fetch_or_as(place, value)
#define __atomic_thread_fence(order) litmus_fence(order, __func__)
#define __atomic_signal_fence(order) ((void)0)

#endif
