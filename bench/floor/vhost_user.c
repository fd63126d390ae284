/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare loop over a vhost-user disk, polled: a Linux process.
 *
 *     build/bench/floor-host SOCKET DEPTH SECONDS
 *
 * QEMU's docs/interop/vhost-user.rst.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int sock, kick;
static uint64_t turns, end_at;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

#define NOTIFY(queue) eventfd_write(kick, 1)
#define MORE(reads) (++turns % 64 != 0 || now() < end_at)
#define WAIT() PAUSE()
#include "loop.h"

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
};
#define VERSION_1 (UINT64_C(1) << 32)
#define INDIRECT_DESC (UINT64_C(1) << 28)
#define PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define PROTOCOL_CONFIG (UINT64_C(1) << 9)

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t value;
		struct {
			uint32_t index, num;
		} state;
		struct {
			uint32_t index, flags;
			uint64_t desc, used, avail, log;
		} ring;
		struct {
			uint32_t regions, padding;
			uint64_t address, size, user, offset;
		} memory;
		struct {
			uint32_t offset, size, flags, capacity[2];
			uint8_t rest[52];
		} config;
	} __attribute__((packed));
} __attribute__((packed));

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void tell(uint32_t request, struct message *message, uint32_t size, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec piece = { message, 12 + size };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };

	message->request = request;
	message->flags = 1;
	message->size = size;
	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
	}
	if (sendmsg(sock, &header, 0) != (ssize_t)(12 + size))
		die("send");
}

static void ask(uint32_t request, struct message *message, uint32_t size)
{
	tell(request, message, size, -1);
	if (recv(sock, message, 12, MSG_WAITALL) != 12 || message->size > sizeof(*message) - 12 ||
	    recv(sock, &message->value, message->size, MSG_WAITALL) != (ssize_t)message->size)
		die("receive");
}

/* Connects and sets the ring up; returns the disk's capacity in sectors. */
static uint64_t start(const char *path, struct shared *shared, int memory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct message m = { 0 };
	uint64_t base = 0, capacity;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) != 0)
		die(path);
	ask(GET_FEATURES, &m, 0);
	ask(GET_PROTOCOL_FEATURES, &m, 0);
	m.value &= PROTOCOL_CONFIG;
	tell(SET_PROTOCOL_FEATURES, &m, 8, -1);
	tell(SET_OWNER, &m, 0, -1);
	m.value = VERSION_1 | PROTOCOL_FEATURES | (IN_RING == 1 ? INDIRECT_DESC : 0);
	tell(SET_FEATURES, &m, 8, -1);
	memset(&m, 0, sizeof(m));
	m.config.size = sizeof(m.config.capacity) + sizeof(m.config.rest);
	ask(GET_CONFIG, &m, sizeof(m.config));
	capacity = m.config.capacity[0] | (uint64_t)m.config.capacity[1] << 32;

	memset(&m, 0, sizeof(m));
	m.memory.regions = 1;
	m.memory.size = sizeof(*shared);
	tell(SET_MEM_TABLE, &m, sizeof(m.memory), memory);
	m.state.index = 0;
	m.state.num = SIZE;
	tell(SET_VRING_NUM, &m, 8, -1);
	m.state.num = 0;
	tell(SET_VRING_BASE, &m, 8, -1);
	memset(&m, 0, sizeof(m));
	m.ring.desc = PLACE(shared, ring[0].desc);
	m.ring.avail = PLACE(shared, ring[0].avail);
	m.ring.used = PLACE(shared, ring[0].used);
	tell(SET_VRING_ADDR, &m, sizeof(m.ring), -1);
	m.value = 0;
	tell(SET_VRING_CALL, &m, 8, eventfd(0, 0));
	tell(SET_VRING_KICK, &m, 8, kick);
	m.state.num = 1;
	tell(SET_VRING_ENABLE, &m, 8, -1);
	return capacity;
}

int main(int argc, char **argv)
{
	unsigned depth = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	int memory = memfd_create("floor", 0);

	if (depth < 1 || depth > SIZE / 3 || ftruncate(memory, sizeof(struct shared)) != 0)
		return 2;
	kick = eventfd(0, 0);
	struct shared *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	shared->ring->avail.flags = NO_INTERRUPT;
	prepare(shared, 0, depth);
	uint64_t places = start(argv[1], shared, memory) / SECTORS, errors = 0;

	uint64_t begin = now();
	end_at = begin + strtoull(argv[3], NULL, 10) * 1000000000;
	uint64_t reads = loop(shared, places, depth, &errors);
	printf("floor: vhost-user read bs=%d qd=%u wait=poll iops=%.0f n=%llu errors=%llu\n", BLOCK, depth,
	       (double)reads * 1e9 / (double)(now() - begin), (unsigned long long)reads,
	       (unsigned long long)errors);
	return errors != 0;
}
