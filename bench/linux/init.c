/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only program of the Linux that Ringlet is measured beside: loads the modules that it finds in /modules,
 * reads 4 KiB blocks of /dev/vda or /dev/sda at random places with O_DIRECT and io_uring, into buffers that are
 * registered once, says how many a second, and powers off. depth= and seconds= are on the kernel's command line, and come in the environment.
 *
 * It needs no C library; structures and numbers are io_uring(7)'s and those of the system calls, declared here.
 */
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
enum { SYS_write = 1, SYS_mmap = 9, SYS_mount = 165, SYS_reboot = 169, SYS_clock_gettime = 228, SYS_openat = 257,
       SYS_finit_module = 313, SYS_io_uring_setup = 425, SYS_io_uring_enter = 426, SYS_io_uring_register = 427, SYS_mkdirat = 258,
       SYS_lseek = 8, SYS_nanosleep = 35 };
enum { O_DIRECT = 0x4000 };
#else
enum { SYS_write = 64, SYS_mmap = 222, SYS_mount = 40, SYS_reboot = 142, SYS_clock_gettime = 113, SYS_openat = 56,
       SYS_finit_module = 273, SYS_io_uring_setup = 425, SYS_io_uring_enter = 426, SYS_io_uring_register = 427, SYS_mkdirat = 34,
       SYS_lseek = 62, SYS_nanosleep = 101 };
enum { O_DIRECT = 0x10000 };
#endif

enum { BLOCK = 4096, MAX_DEPTH = 128, AT_FDCWD = -100 };
#define POWER_OFF 0x4321fedc

struct params {
	uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
	struct {
		uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
		uint64_t resv2;
	} sq;
	struct {
		uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
		uint64_t resv2;
	} cq;
};
struct entry { /* io_uring_sqe */
	uint8_t opcode, flags;
	uint16_t ioprio;
	int32_t fd;
	uint64_t off, addr;
	uint32_t len, rw_flags;
	uint64_t user_data;
	uint16_t buf_index, rest[11];
};
struct completion { /* io_uring_cqe */
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
};
_Static_assert(sizeof(struct params) == 120 && sizeof(struct entry) == 64, "io_uring_setup(2)");
enum { OP_READ_FIXED = 4, ENTER_GETEVENTS = 1, REGISTER_BUFFERS = 0 };
struct iovec {
	uint64_t base, length;
};
#define OFFSET_SQES 0x10000000

static uint8_t buffers[MAX_DEPTH][BLOCK] __attribute__((aligned(BLOCK)));

static long call(long number, long a, long b, long c, long d, long e, long f)
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

static void say(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	call(SYS_write, 1, (long)text, (long)length, 0, 0, 0);
}

static void say_number(uint64_t value)
{
	char text[21], *at = text + 20;

	for (*at = 0; value >= 10; value /= 10)
		*--at = (char)('0' + value % 10);
	*--at = (char)('0' + value);
	say(at);
}

static _Noreturn void leave(const char *why)
{
	say(why);
	for (;;)
		call(SYS_reboot, 0xfee1dead, 672274793, POWER_OFF, 0, 0, 0);
}

static uint64_t now(void)
{
	int64_t time[2];

	call(SYS_clock_gettime, 1, (long)time, 0, 0, 0, 0);
	return (uint64_t)time[0] * 1000000000 + (uint64_t)time[1];
}

static long open(const char *path, long flags)
{
	return call(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0, 0);
}

/* /modules/00, 01 … in the order in which they need each other. */
static void load_modules(void)
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
static uint64_t setting(char **environment, const char *name)
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

static uint64_t measure(long file, uint64_t places, unsigned depth, uint64_t end, uint64_t *errors)
{
	struct params params = { 0 };
	long ring = call(SYS_io_uring_setup, depth, (long)&params, 0, 0, 0, 0);
	if (ring < 0)
		leave("linux: no io_uring\n");
	struct iovec fixed[MAX_DEPTH];
	for (unsigned i = 0; i < depth; i++)
		fixed[i] = (struct iovec){ (uint64_t)buffers[i], BLOCK };
	if (call(SYS_io_uring_register, ring, REGISTER_BUFFERS, (long)fixed, depth, 0, 0) < 0)
		leave("linux: no registered buffers\n");
	uint8_t *sq = (uint8_t *)call(SYS_mmap, 0, 65536, 3, 1, ring, 0);
	struct entry *entries =
		(struct entry *)call(SYS_mmap, 0, params.sq_entries * (long)sizeof(struct entry), 3, 1, ring, OFFSET_SQES);
	uint32_t *sq_tail = (uint32_t *)(sq + params.sq.tail), *array = (uint32_t *)(sq + params.sq.array);
	uint32_t *cq_head = (uint32_t *)(sq + params.cq.head), *cq_tail = (uint32_t *)(sq + params.cq.tail);
	struct completion *done = (struct completion *)(sq + params.cq.cqes);
	uint64_t random = 1, reads = 0;
	uint32_t free_slots[MAX_DEPTH], free_count = depth, in_flight = 0;

	for (uint32_t i = 0; i < depth; i++)
		free_slots[i] = i;
	while (free_count > 0) {
		uint32_t tail = *sq_tail, batch = free_count;
		for (; free_count > 0; tail++) {
			uint32_t slot = free_slots[--free_count];
			random = random * 6364136223846793005u + 1442695040888963407u;
			entries[tail & (params.sq_entries - 1)] = (struct entry){
				.opcode = OP_READ_FIXED, .fd = (int32_t)file, .len = BLOCK, .user_data = slot,
				.buf_index = (uint16_t)slot,
				.addr = (uint64_t)buffers[slot], .off = ((random >> 32) * places >> 32) * BLOCK };
			array[tail & (params.sq_entries - 1)] = tail & (params.sq_entries - 1);
		}
		__atomic_store_n(sq_tail, tail, __ATOMIC_RELEASE);
		in_flight += batch;
		call(SYS_io_uring_enter, ring, batch, 1, ENTER_GETEVENTS, 0, 0);
		uint32_t head = *cq_head, seen = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
		int more = now() < end;
		for (; head != seen; head++, reads++, in_flight--) {
			*errors += done[head & (params.cq_entries - 1)].res != BLOCK;
			if (more)
				free_slots[free_count++] = (uint32_t)done[head & (params.cq_entries - 1)].user_data;
		}
		__atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
	}
	return reads + in_flight; /* the last ones are on their way */
}

_Noreturn void linux_main(long *stack);
void linux_main(long *stack)
{
	char **environment = (char **)(stack + 1 + stack[0] + 1);
	unsigned depth = (unsigned)setting(environment, "depth=");
	uint64_t errors = 0, length, begin, reads, seconds = setting(environment, "seconds=");
	long file = -1;
	int scsi = 0;

	call(SYS_mkdirat, AT_FDCWD, (long)"/dev", 0755, 0, 0, 0);
	call(SYS_mount, (long)"dev", (long)"/dev", (long)"devtmpfs", 0, 0, 0);
	load_modules();
	for (unsigned i = 0; i < 100 && file < 0; i++) {
		int64_t pause[2] = { 0, 50000000 };
		file = open("/dev/vda", O_DIRECT);
		scsi = file < 0;
		if (file < 0)
			file = open("/dev/sda", O_DIRECT);
		if (file < 0)
			call(SYS_nanosleep, (long)pause, 0, 0, 0, 0, 0);
	}
	if (file < 0 || depth < 1 || depth > MAX_DEPTH)
		leave("linux: no disk, or no depth=\n");
	length = (uint64_t)call(SYS_lseek, file, 0, 2, 0, 0, 0);
	begin = now();
	reads = measure(file, length / BLOCK, depth, begin + seconds * 1000000000, &errors);
	say(scsi ? "\nlinux: sda read bs=4096 qd=" : "\nlinux: vda read bs=4096 qd=");
	say_number(depth);
	say(" wait=irq iops=");
	say_number(reads * 1000000 / ((now() - begin) / 1000));
	say(" n=");
	say_number(reads);
	say(" errors=");
	say_number(errors);
	leave("\n");
}

#if defined(__x86_64__)
__asm__(".global _start\n_start: movq %rsp, %rdi\nandq $-16, %rsp\ncall linux_main\n");
#else
__asm__(".global _start\n_start: mov x0, sp\nbl linux_main\n");
#endif
