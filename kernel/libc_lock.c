/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's locks, all of them together as it demands. With one CPU and no preemption nobody ever
 * waits for one; what they are good for is to notice newlib where it must not be called: in a drain
 * function, which may have come in the middle of it (docs/design.md: three contexts).
 */
#include <stdbool.h>
#include <sys/lock.h>

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"

struct __lock {
	unsigned depth;
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

/* All streams' locks: to allocate one each would be of no use as long as nobody waits. */
static struct __lock stream_lock;

void __retarget_lock_init(_LOCK_T *lock)
{
	*lock = &stream_lock;
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
	*lock = &stream_lock;
}

void __retarget_lock_close(_LOCK_T lock)
{
	(void)lock;
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
	(void)lock;
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
	kit_assert(!arch_cpu()->in_drain);
	lock->depth++;
}

void __retarget_lock_acquire(_LOCK_T lock)
{
	kit_assert(lock->depth == 0);
	__retarget_lock_acquire_recursive(lock);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
	if (lock->depth > 0)
		return 1; /* newlib asks for non-zero when it is taken */
	__retarget_lock_acquire_recursive(lock);
	return 0;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
	__retarget_lock_acquire_recursive(lock);
	return 0;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
	kit_assert(lock->depth > 0);
	lock->depth--;
}

void __retarget_lock_release(_LOCK_T lock)
{
	__retarget_lock_release_recursive(lock);
}
