/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exchanges data with the host through a port of virtio-console, by the C library's files:
 *
 *     porttest [-c CPU] [-r ROUNDS] send PORT BYTES     sends a pattern
 *     porttest [-c CPU] [-r ROUNDS] sum PORT            reads until the host closes its end
 *     porttest [-c CPU] [-r ROUNDS] echo PORT           and sends all of it back
 *     porttest [-c CPU] [-r ROUNDS] both PORT BYTES     sends so many and receives so many at once, by poll
 *     porttest [-c CPU] [-r ROUNDS] fill PORT           sends until the host takes nothing, and closes it then
 *
 * and prints how much that was, with its SHA-256, for somebody to compare with what is at the other end:
 *
 *     make run APP=porttest ARGS='sum data' QEMU_ARGS='-device virtio-serial-pci
 *         -chardev socket,id=c,path=/tmp/s,server=on,wait=off -device virtserialport,chardev=c,name=data'
 *     porttest: data received 16777216 sha256 5f70bf18…
 *
 * It waits until the host has opened its end; a round begins anew with each time. With -c another CPU does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "kernel/cpu.h"
#include "lib/sha256.h"

#define PIECE 16384
#define LOOK_NS 10000000
#define BUFFER 4096      /* goes without waiting, when something goes */
#define PATIENCE_MS 1000 /* for a host that takes nothing */

struct job {
	const char *name; /* of the port */
	bool sends, receives;
	bool at_once;   /* both, without waiting for one of them */
	bool fills;     /* as much as is taken */
	uint64_t bytes; /* to send, where it is not what was received */
	unsigned rounds;
	bool good;
};

static bool complain(const struct job *job, const char *what)
{
	printf("porttest: %s: %s: %s\n", job->name, what, strerror(errno));
	return false;
}

static void report(const struct job *job, const char *did, struct sha256 *sum)
{
	unsigned char digest[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];
	uint64_t bytes = sum->length;

	sha256_end(sum, digest);
	sha256_text(digest, text);
	printf("porttest: %s %s %llu sha256 %s\n", job->name, did, (unsigned long long)bytes, text);
	fflush(stdout);
}

static void wait(void)
{
	vport_relax(vport_now() + LOOK_NS);
}

/* All of it; false: an error, or the host has closed its end in the middle. */
static bool send_piece(int fd, const unsigned char *piece, size_t length)
{
	while (length > 0) {
		ssize_t sent = write(fd, piece, length);
		if (sent < 0)
			return false;
		piece += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* What comes until the host closes its end; before the first byte that may last. */
static bool receive_round(const struct job *job, int fd, struct sha256 *sum)
{
	unsigned char piece[PIECE];
	ssize_t got;

	while ((got = read(fd, piece, sizeof(piece))) > 0 || sum->length == 0) {
		if (got < 0)
			return complain(job, "read");
		if (got == 0) {
			wait();
			continue;
		}
		sha256_add(sum, piece, (size_t)got);
		if (job->sends && !send_piece(fd, piece, (size_t)got))
			return complain(job, "write");
	}
	return got == 0 || complain(job, "read");
}

/* Numbers of which no two are the same for a long time. */
static void fill(unsigned char *piece, uint64_t *state)
{
	for (size_t at = 0; at < PIECE; at += sizeof(*state)) {
		*state = *state * 6364136223846793005 + 1442695040888963407;
		memcpy(piece + at, state, sizeof(*state));
	}
}

static bool send_round(const struct job *job, int fd, struct sha256 *sum)
{
	unsigned char piece[PIECE];
	uint64_t state = job->rounds;

	while (sum->length < job->bytes) {
		uint64_t left = job->bytes - sum->length;
		size_t length = left < PIECE ? (size_t)left : PIECE;
		fill(piece, &state);
		while (sum->length == 0 && write(fd, piece, 0) < 0 && errno == EPIPE)
			wait();
		if (!send_piece(fd, piece, length))
			return complain(job, "write");
		sha256_add(sum, piece, length);
	}
	return true;
}

/* Of one call at a time: nothing in it stays. */
static unsigned char piece[PIECE];

static bool fill_round(const struct job *job, int fd, struct sha256 *sum)
{
	struct pollfd file = { .fd = fd, .events = POLLOUT };
	uint64_t state = job->rounds;

	while (write(fd, piece, 0) < 0 && errno == EPIPE)
		wait();
	while (poll(&file, 1, PATIENCE_MS) > 0) {
		fill(piece, &state);
		if (!send_piece(fd, piece, BUFFER))
			return complain(job, "write");
		sha256_add(sum, piece, BUFFER);
	}
	return true;
}

/* Sends what is left of a piece, as much as goes without waiting. */
static bool send_some(const struct job *job, int fd, struct sha256 *sum, uint64_t *state)
{
	static unsigned char begun[PIECE];
	size_t at = (size_t)(sum->length % PIECE);
	uint64_t left = job->bytes - sum->length;
	uint64_t before = *state;

	if (at == 0)
		fill(begun, state);
	ssize_t sent = write(fd, begun + at, left < PIECE - at ? (size_t)left : PIECE - at);
	if (sent > 0)
		sha256_add(sum, begun + at, (size_t)sent);
	else
		*state = before; /* of what was filled nothing has gone */
	return sent > 0 || errno == EAGAIN || (errno == EPIPE && sum->length == 0);
}

static bool receive_some(const struct job *job, int fd, struct sha256 *sum)
{
	uint64_t left = job->bytes - sum->length;

	ssize_t got = read(fd, piece, left < PIECE ? (size_t)left : PIECE);
	if (got > 0)
		sha256_add(sum, piece, (size_t)got);
	return got > 0 || (got < 0 ? errno == EAGAIN : sum->length == 0);
}

static bool both_at_once(const struct job *job, int fd)
{
	struct sha256 sent, received;
	struct pollfd file = { .fd = fd };
	uint64_t state = job->rounds;

	sha256_begin(&sent);
	sha256_begin(&received);
	while (sent.length < job->bytes || received.length < job->bytes) {
		file.events = (short)((sent.length < job->bytes ? POLLOUT : 0) |
				      (received.length < job->bytes ? POLLIN : 0));
		if (poll(&file, 1, -1) < 0)
			return complain(job, "poll");
		if (file.revents & POLLHUP)
			wait();
		if ((file.revents & POLLIN) && !receive_some(job, fd, &received))
			return complain(job, "read");
		if ((file.revents & POLLOUT) && !send_some(job, fd, &sent, &state))
			return complain(job, "write");
	}
	report(job, "received", &received);
	report(job, "sent", &sent);
	return true;
}

/* After a round: until the host has closed its end, which a write of nothing tells. */
static void await_close(int fd)
{
	while (write(fd, "", 0) == 0)
		wait();
}

static void run(void *argument)
{
	struct job *job = argument;
	char path[100];

	snprintf(path, sizeof(path), "/dev/%s", job->name);
	int fd = open(path, O_RDWR | (job->at_once ? O_NONBLOCK : 0));
	job->good = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		printf("porttest: %s: there is no such port\n", job->name);
	else if (fd < 0)
		complain(job, "open");
	for (unsigned round = 0; job->good && round < job->rounds; round++) {
		struct sha256 sum;
		sha256_begin(&sum);
		if (round > 0 && !job->receives)
			await_close(fd);
		job->good = job->at_once    ? both_at_once(job, fd)
			    : job->fills    ? fill_round(job, fd, &sum)
			    : job->receives ? receive_round(job, fd, &sum)
					    : send_round(job, fd, &sum);
		if (job->good && !job->at_once)
			report(job, job->receives ? "received" : "sent", &sum);
	}
	if (fd >= 0)
		close(fd);
	if (job->fills)
		printf("porttest: %s closed\n", job->name);
}

static int usage(void)
{
	printf("usage: porttest [-c CPU] [-r ROUNDS] send PORT BYTES | both PORT BYTES | "
	       "sum PORT | echo PORT | fill PORT\n");
	return 2;
}

static bool parse(struct job *job, int count, char **words)
{
	bool send = count == 3 && strcmp(words[0], "send") == 0;

	job->at_once = count == 3 && strcmp(words[0], "both") == 0;
	job->fills = count == 2 && strcmp(words[0], "fill") == 0;
	send = send || job->at_once;
	if (!send && !job->fills &&
	    (count != 2 || (strcmp(words[0], "sum") != 0 && strcmp(words[0], "echo") != 0)))
		return false;
	job->receives = !send && !job->fills;
	job->sends = words[0][0] != 's' || send;
	job->name = words[1];
	job->bytes = send ? strtoull(words[2], NULL, 0) : 0;
	return true;
}

int main(int argc, char **argv)
{
	struct job job = { .rounds = 1 };
	unsigned cpu = 0;
	int at = 1;

	for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
		unsigned number = (unsigned)strtoul(argv[at + 1], NULL, 0);
		if (strcmp(argv[at], "-c") == 0)
			cpu = number;
		else if (strcmp(argv[at], "-r") == 0)
			job.rounds = number;
		else
			return usage();
	}
	if (!parse(&job, argc - at, argv + at) || cpu >= vport_cpu_count())
		return usage();
	if (cpu == 0) {
		run(&job);
	} else {
		struct cpu_call call;
		cpu_run(&call, cpu, run, &job);
		cpu_wait(&call);
	}
	return job.good ? 0 : 1;
}
