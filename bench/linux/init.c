/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only program of the Linux that Ringlet is measured beside: loads the modules that it finds in /modules,
 * reads 4 KiB blocks of /dev/vda or /dev/sda at random places with O_DIRECT and io_uring, into buffers that are
 * registered once, says how many a second, and powers off; or measures frames (net.c) or a TCP stream (tcp.c). depth=,
 * seconds=, cpus= (as many processes, with so many reads in flight each), net= and tcp= are on the kernel's command line,
 * and come in the environment.
 *
 * It needs no C library; structures and numbers are io_uring(7)'s and those of the system calls, declared here.
 */
#include "system.h"

enum { BLOCK = 4096, MAX_DEPTH = 128 };

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
#define OFFSET_SQES 0x10000000

static uint8_t buffers[MAX_DEPTH][BLOCK] __attribute__((aligned(BLOCK)));

static uint64_t measure(long file, uint64_t places, unsigned depth, uint64_t end, uint64_t random, uint64_t *errors)
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
	uint64_t reads = 0;
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

struct result {
	uint64_t reads, errors;
};

/* One process for each CPU, each with a ring of its own; the first one is this. The sum of all. */
static struct result measure_all(unsigned cpus, long file, uint64_t places, unsigned depth, uint64_t end)
{
	enum { READ_WRITE = 3, SHARED_ANONYMOUS = 0x21, SIGCHLD = 17 };
	struct result sum = { 0 };
	struct result *results = (struct result *)call(SYS_mmap, 0, BLOCK, READ_WRITE, SHARED_ANONYMOUS, -1, 0);

	for (unsigned i = 1; i < cpus; i++) {
		if (call(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0) != 0)
			continue;
		results[i].reads = measure(file, places, depth, end, i + 1, &results[i].errors);
		call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	}
	results[0].reads = measure(file, places, depth, end, 1, &results[0].errors);
	for (unsigned i = 1; i < cpus; i++)
		call(SYS_wait4, -1, 0, 0, 0, 0, 0);
	for (unsigned i = 0; i < cpus; i++) {
		sum.reads += results[i].reads;
		sum.errors += results[i].errors;
	}
	return sum;
}

_Noreturn void linux_main(long *stack);
void linux_main(long *stack)
{
	char **environment = (char **)(stack + 1 + stack[0] + 1);
	unsigned depth = (unsigned)setting(environment, "depth=");
	unsigned cpus = (unsigned)setting(environment, "cpus=");
	uint64_t length, begin, seconds = setting(environment, "seconds=");
	long file = -1;
	int scsi = 0;

	call(SYS_mkdirat, AT_FDCWD, (long)"/dev", 0755, 0, 0, 0);
	call(SYS_mount, (long)"dev", (long)"/dev", (long)"devtmpfs", 0, 0, 0);
	load_modules();
	if (setting(environment, "tcp=") != 0)
		measure_tcp(setting(environment, "tcp=") == 1, seconds);
	if (setting(environment, "net=") != 0)
		measure_net((unsigned)setting(environment, "net="), seconds);
	for (unsigned i = 0; i < 100 && file < 0; i++) {
		file = open("/dev/vda", O_DIRECT);
		scsi = file < 0;
		if (file < 0)
			file = open("/dev/sda", O_DIRECT);
		if (file < 0)
			pause_ms(50);
	}
	if (file < 0 || depth < 1 || depth > MAX_DEPTH)
		leave("linux: no disk, or no depth=\n");
	length = (uint64_t)call(SYS_lseek, file, 0, 2, 0, 0, 0);
	begin = now();
	struct result all = measure_all(cpus ? cpus : 1, file, length / BLOCK, depth, begin + seconds * 1000000000);
	say(scsi ? "\nlinux: sda read bs=4096 qd=" : "\nlinux: vda read bs=4096 qd=");
	say_number(depth);
	say(" wait=irq iops=");
	say_number(all.reads * 1000000 / ((now() - begin) / 1000));
	say(" n=");
	say_number(all.reads);
	say(" errors=");
	say_number(all.errors);
	leave("\n");
}

#if defined(__x86_64__)
__asm__(".global _start\n_start: movq %rsp, %rdi\nandq $-16, %rsp\ncall linux_main\n");
#else
__asm__(".global _start\n_start: mov x0, sp\nbl linux_main\n");
#endif
