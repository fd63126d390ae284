/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's locks, all of them together as it demands. They keep CPUs apart; on one CPU, which has no preemption,
 * nobody ever waits for one. They also notice newlib where it must not be called: in a drain function, which may
 * have come in the middle of it (docs/design.md: three contexts).
 *
 * A lock may be held for long: whoever reads from the disk or the keyboard has the stream's. So the CPU that waits
 * for it goes on draining, because what the other one waits for may be its to do. It runs no work meanwhile, but
 * for recoveries: an item might call newlib, and this CPU may be in the middle of it.
 *
 *     make run SMP=4 APP=smp
 */
#include <stdbool.h>
#include <sys/lock.h>

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/event.h"

/* Turns of waiting for a lock that is held briefly, as most are. */
#define SPINS 200
#define LOOK_NS 200000

struct __lock {
	struct cpu_mutex mutex;
};

struct __lock __lock___sinit_recursive_mutex;
struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

/* For streams that there was no memory for a lock of their own for: they share one. */
static struct __lock stream_lock;

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
	*lock = vport_alloc(sizeof(**lock));
	if (*lock == NULL)
		*lock = &stream_lock;
}

void __retarget_lock_init(_LOCK_T *lock)
{
	__retarget_lock_init_recursive(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
	if (lock != &stream_lock)
		vport_free(lock, sizeof(*lock));
}

void __retarget_lock_close(_LOCK_T lock)
{
	__retarget_lock_close_recursive(lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
	kit_assert(!arch_cpu()->in_drain);
	for (unsigned i = 0; !cpu_mutex_try(&lock->mutex); i++) {
		if (i < SPINS)
			arch_pause();
		else
			event_relax_inside(vport_now() + LOOK_NS);
	}
}

void __retarget_lock_acquire(_LOCK_T lock)
{
	__retarget_lock_acquire_recursive(lock);
	kit_assert(lock->mutex.depth == 1);
}

/* newlib asks for non-zero when it is taken. */
int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
	kit_assert(!arch_cpu()->in_drain);
	return !cpu_mutex_try(&lock->mutex);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
	if (__retarget_lock_try_acquire_recursive(lock) != 0)
		return 1;
	if (lock->mutex.depth == 1)
		return 0;
	cpu_mutex_give(&lock->mutex);
	return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
	cpu_mutex_give(&lock->mutex);
}

void __retarget_lock_release(_LOCK_T lock)
{
	__retarget_lock_release_recursive(lock);
}
