/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What newlib asks of a system: memory, time, an end. (Files are in libc_file.c, locks in
 * libc_lock.c.)
 *
 * newlib calls these functions by plain names on x86_64 (sbrk) and with an underscore on aarch64
 * (_sbrk); both names are defined everywhere.
 *
 * Left out: processes, and the time of day. The clock starts at 0 when the machine does.
 *
 *     make run APP=hello
 */
#include "kernel/libc.h"

#include <assert.h>
#include <errno.h>
#include <reent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "drivers/virtio/rng.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "kernel/libc_names.h"
#include "kernel/memory.h"

#define NS_PER_S UINT64_C(1000000000)

/* ---- State --------------------------------------------------------------------- */

/* It makes a CPU's streams ready; a program without streams does without it. */
void __sinit(struct _reent *reent) __attribute__((weak));
static void (*const volatile start_streams)(struct _reent *) = __sinit;

/* errno, strtok's place and the like are each CPU's own; the streams are those of the first, which exit() flushes.
 * newlib would give each CPU three of its own when it uses them for the first time: so that is now. */
void libc_init(struct cpu *cpu)
{
	if (cpu->id == 0) {
		cpu->reent = _GLOBAL_REENT;
		return;
	}
	/* Registered first, it is called last by exit(), before that closes the streams: another CPU may have one
	 * for as long as nobody types. */
	if (cpu->id == 1)
		atexit(cpu_stop_others);
	struct _reent *reent = vport_alloc(sizeof(*reent));
	if (reent == NULL)
		memory_exhausted("newlib's state for a CPU");
	_REENT_INIT_PTR(reent);
	if (start_streams != NULL) {
		start_streams(_GLOBAL_REENT);
		start_streams(reent);
		reent->_stdin = _GLOBAL_REENT->_stdin;
		reent->_stdout = _GLOBAL_REENT->_stdout;
		reent->_stderr = _GLOBAL_REENT->_stderr;
	}
	cpu->reent = reent;
}

struct _reent *__getreent(void)
{
	return arch_cpu()->reent;
}

/* ---- Memory -------------------------------------------------------------------- */

/*
 * The heap grows upwards in the direct map, page by page, as long as the next page is free. Pages
 * it has shrunk from stay its own: nobody else could use them without being in its way later.
 */
void *sbrk(ptrdiff_t change)
{
	static uint64_t start, end, claimed; /* physical; [start, claimed) is the heap's */
	if (start == 0)
		start = end = claimed = page_heap_start();

	if (change < 0 ? (uint64_t)-change > end - start
		       : (uint64_t)change > UINT64_MAX / 2 - end) {
		errno = ENOMEM;
		return (void *)-1;
	}
	uint64_t old = end, new = end + (uint64_t)change;
	while (claimed < new) {
		if (!page_claim(claimed)) {
			errno = ENOMEM;
			return (void *)-1;
		}
		claimed += PAGE_SIZE;
	}
	end = new;
	return (void *)(DIRECT_BASE + old);
}
LIBC_ALSO(sbrk);

/* ---- Time ---------------------------------------------------------------------- */

clock_t times(struct tms *tms)
{
	clock_t ticks = (clock_t)(vport_now() / (NS_PER_S / CLOCKS_PER_SEC));
	*tms = (struct tms){ .tms_utime = ticks };
	return ticks;
}
LIBC_ALSO(times);

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	(void)zone;
	uint64_t now = vport_now();
	tv->tv_sec = (time_t)(now / NS_PER_S);
	tv->tv_usec = (suseconds_t)(now % NS_PER_S / 1000);
	return 0;
}
LIBC_ALSO(gettimeofday);

/* ---- Randomness ------------------------------------------------------------------ */

/* DRIVERS= may have left it out; by a pointer: code for AArch64 cannot refer to what may be missing. */
#pragma weak virtio_rng_first
#pragma weak virtio_rng_read
static struct virtio_rng *(*const volatile first_rng)(void) = virtio_rng_first;

int getentropy(void *buffer, size_t length)
{
	struct virtio_rng *rng = first_rng ? first_rng() : NULL;
	if (length > 256) { /* its documented limit */
		errno = EIO;
		return -1;
	}
	if (rng == NULL || virtio_rng_read(rng, buffer, length) < 0) {
		errno = rng == NULL ? ENOSYS : EIO;
		return -1;
	}
	return 0;
}
LIBC_ALSO(getentropy);

/* ---- The end --------------------------------------------------------------------- */

_Noreturn void libc_exit(int status)
{
	exit(status);
}

void _exit(int status)
{
	kernel_exit(status);
}

/* newlib's own would print by way of stdio, which may be what is broken. */
void __assert_func(const char *file, int line, const char *function, const char *condition)
{
	cpu_stop_others();
	console_end_line();
	kprint("%s:%d: %s%sassertion failed: %s, on CPU %u\n", file, line,
	       function == NULL ? "" : function, function == NULL ? "" : ": ", condition,
	       arch_cpu()->id);
	backtrace_caller();
	kernel_exit(EXIT_PANIC);
}

int getpid(void)
{
	return 1;
}
LIBC_ALSO(getpid);

/* A signal that nobody caught, by raise or abort: there is nobody else to send one to. */
int kill(int pid, int signal)
{
	if (pid != getpid()) {
		errno = ESRCH;
		return -1;
	}
	cpu_stop_others();
	console_end_line();
	kprint("%s (signal %d) on CPU %u\n", signal == SIGABRT ? "aborted" : "ended by a signal",
	       signal, arch_cpu()->id);
	backtrace_caller();
	kernel_exit(EXIT_PANIC);
}
LIBC_ALSO(kill);
