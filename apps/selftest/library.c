/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library as programs see it, and lib/. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "lib/format.h"
#include "lib/sha256.h"
#include "tests.h"

#define SAME(...) \
	do { \
		char ours[64], theirs[64]; \
		size_t length = format(ours, sizeof(ours), __VA_ARGS__); \
		int expected = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
		ktap_check(strcmp(ours, theirs) == 0); \
		ktap_check(length == (size_t)expected); \
	} while (0)

const char *test_format(void)
{
	SAME("plain %%");
	SAME("%d %i %u", -5, 7, 4000000000u);
	SAME("[%5d] [%-5d] [%05d] [%2d]", 42, 42, 42, 12345);
	SAME("%x %X %08x", 0xbeefu, 0xbeefu, 0xbeefu);
	SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
	SAME("%lld %llu", (long long)INT64_MIN, (unsigned long long)UINT64_MAX);
	SAME("%zu", (size_t)123456789012);
	SAME("[%s] [%8s] [%-8s] [%.2s] [%.*s]", "abc", "abc", "abc", "abc", 1, "abc");
	SAME("%c%c", 'o', 'k');
	return KTAP_OK;
}

const char *test_printf(void)
{
	char text[64];
	snprintf(text, sizeof(text), "%.5f %e %g", 3.14159265, 12345.678, 0.0001);
	ktap_check(strcmp(text, "3.14159 1.234568e+04 0.0001") == 0);
	snprintf(text, sizeof(text), "%lld %zu %jd", -(1LL << 62), (size_t)1 << 40, (intmax_t)-1);
	ktap_check(strcmp(text, "-4611686018427387904 1099511627776 -1") == 0);
	double value;
	ktap_check(sscanf("2.5e3", "%lf", &value) == 1 && value == 2500.0);
	return KTAP_OK;
}

const char *test_errno(void)
{
	errno = 0;
	ktap_check(open("/etc/passwd", O_RDONLY) == -1 && errno == ENOENT);
	ktap_check(close(9) == -1 && errno == EBADF);
	ktap_check(lseek(1, 0, SEEK_SET) == -1 && errno == ESPIPE);
	ktap_check(write(7, "", 1) == -1 && errno == EBADF);
	ktap_check(isatty(1) == 1);
	ktap_check(fopen("none", "r") == NULL && errno == ENOENT);
	return KTAP_OK;
}

const char *test_jump(void)
{
	static jmp_buf buffer;
	static volatile int times;
	times = 0;
	int value = setjmp(buffer);
	times++;
	if (value == 0)
		longjmp(buffer, 42);
	ktap_check(value == 42 && times == 2);
	return KTAP_OK;
}

const char *test_times(void)
{
	struct timeval time;
	uint64_t before = vport_now() / 1000;
	ktap_check(gettimeofday(&time, NULL) == 0);
	uint64_t told = (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
	ktap_check(told >= before && told <= vport_now() / 1000);
	uint64_t ms = (uint64_t)clock() * 1000 / CLOCKS_PER_SEC;
	ktap_check(ms + 10 >= before / 1000 && ms <= vport_now() / 1000000 + 10);
	return KTAP_OK;
}

/* FIPS 180-4's example. */
const char *test_sha256(void)
{
	struct sha256 sum;
	uint8_t digest[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];
	sha256_begin(&sum);
	sha256_add(&sum, "abc", 3);
	sha256_end(&sum, digest);
	sha256_text(digest, text);
	ktap_check(strcmp(text, "ba7816bf8f01cfea414140de5dae2223"
				"b00361a396177a9cb410ff61f20015ad") == 0);
	return KTAP_OK;
}
