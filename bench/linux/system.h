/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs of bench/linux share: system calls with no C library, by numbers that are declared here. */
#ifndef BENCH_LINUX_SYSTEM_H
#define BENCH_LINUX_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
enum { SYS_write = 1, SYS_mmap = 9, SYS_ioctl = 16, SYS_socket = 41, SYS_bind = 49, SYS_setsockopt = 54,
       SYS_mount = 165, SYS_reboot = 169, SYS_clock_gettime = 228, SYS_openat = 257, SYS_recvmmsg = 299,
       SYS_sendmmsg = 307, SYS_finit_module = 313, SYS_io_uring_setup = 425, SYS_io_uring_enter = 426,
       SYS_io_uring_register = 427, SYS_mkdirat = 258, SYS_lseek = 8, SYS_nanosleep = 35, SYS_clone = 56, SYS_wait4 = 61,
       SYS_exit_group = 231, SYS_close = 3, SYS_connect = 42, SYS_listen = 50, SYS_accept4 = 288, SYS_sendto = 44,
       SYS_recvfrom = 45 };
enum { O_DIRECT = 0x4000 };
#else
enum { SYS_write = 64, SYS_mmap = 222, SYS_ioctl = 29, SYS_socket = 198, SYS_bind = 200, SYS_setsockopt = 208,
       SYS_mount = 40, SYS_reboot = 142, SYS_clock_gettime = 113, SYS_openat = 56, SYS_recvmmsg = 243,
       SYS_sendmmsg = 269, SYS_finit_module = 273, SYS_io_uring_setup = 425, SYS_io_uring_enter = 426,
       SYS_io_uring_register = 427, SYS_mkdirat = 34, SYS_lseek = 62, SYS_nanosleep = 101, SYS_clone = 220,
       SYS_wait4 = 260, SYS_exit_group = 94, SYS_close = 57, SYS_connect = 203, SYS_listen = 201, SYS_accept4 = 242,
       SYS_sendto = 206, SYS_recvfrom = 207 };
enum { O_DIRECT = 0x10000 };
#endif

enum { AT_FDCWD = -100 };
#define POWER_OFF 0x4321fedc

struct iovec {
	uint64_t base, length;
};

static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
		      x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#endif
}

static inline void say(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	call(SYS_write, 1, (long)text, (long)length, 0, 0, 0);
}

static inline void say_number(uint64_t value)
{
	char text[21], *at = text + 20;

	for (*at = 0; value >= 10; value /= 10)
		*--at = (char)('0' + value % 10);
	*--at = (char)('0' + value);
	say(at);
}

static inline _Noreturn void leave(const char *why)
{
	say(why);
	for (;;)
		call(SYS_reboot, 0xfee1dead, 672274793, POWER_OFF, 0, 0, 0);
}

static inline uint64_t now(void)
{
	int64_t time[2];

	call(SYS_clock_gettime, 1, (long)time, 0, 0, 0, 0);
	return (uint64_t)time[0] * 1000000000 + (uint64_t)time[1];
}

static inline long open(const char *path, long flags)
{
	return call(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0, 0);
}

/* /modules/00, 01 … in the order in which they need each other. */
static inline void load_modules(void)
{
	char path[] = "/modules/00";

	for (unsigned i = 0; i < 100; i++) {
		path[9] = (char)('0' + i / 10);
		path[10] = (char)('0' + i % 10);
		long file = open(path, 0);
		if (file < 0)
			return;
		call(SYS_finit_module, file, (long)"", 0, 0, 0, 0);
	}
}

/* "name=NUMBER" of the environment. */
static inline uint64_t setting(char **environment, const char *name)
{
	for (; *environment; environment++) {
		const char *text = *environment, *wanted = name;
		while (*wanted && *text == *wanted)
			text++, wanted++;
		if (*wanted)
			continue;
		uint64_t value = 0;
		for (; *text >= '0' && *text <= '9'; text++)
			value = value * 10 + (uint64_t)(*text - '0');
		return value;
	}
	return 0;
}

static inline void pause_ms(int64_t ms)
{
	int64_t time[2] = { ms / 1000, ms % 1000 * 1000000 };

	call(SYS_nanosleep, (long)time, 0, 0, 0, 0, 0);
}

/* net.c: what `net=` asks for (1 sends, 2 receives, 3 does both in turns), and the line about it. */
_Noreturn void measure_net(unsigned way, uint64_t seconds);
/* tcp.c: a stream from one guest to another, which listens. */
_Noreturn void measure_tcp(int listens, uint64_t seconds);

#endif
