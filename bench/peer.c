/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other end of a guest's network: a Unix datagram socket, as QEMU's -netdev dgram uses it, a frame a datagram.
 *
 *     build/bench/peer sink OWN OTHER       takes all frames
 *     build/bench/peer source OWN OTHER     sends as many frames as are taken
 *     build/bench/peer source OWN OTHER FRAMES MICROSECONDS    sends so many, and the next ones so much later
 *     build/bench/peer echo OWN OTHER       sends each frame back, with its addresses and ports exchanged
 *
 * All of them answer when the guest asks by ARP who has 10.0.0.1.
 *
 * OWN is the socket that it makes, OTHER the one that it sends to, and waits for. It says "ready" when OWN is
 * there, and how many frames it took and sent when it is told to end (SIGTERM).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"

enum { BATCH = 64, LARGEST = 65536, RETRY_US = 1000 };

static int sock;
static volatile sig_atomic_t ended;
static uint64_t taken, sent;
static uint8_t memory[BATCH][LARGEST];
static struct iovec parts[BATCH];
static struct mmsghdr batch[BATCH];

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "peer: too long a path: %s\n", path);
		exit(2);
	}
	strcpy(address.sun_path, path);
	return address;
}

/* The other end may not be there yet, or be gone. Otherwise -1 is the end. */
static int again(const char *what)
{
	if (ended)
		return 0;
	if (errno == ENOENT || errno == ECONNREFUSED || errno == ECONNRESET || errno == ENOTCONN) {
		usleep(RETRY_US);
		return 1;
	}
	if (errno == EINTR || errno == EAGAIN)
		return 1;
	perror(what);
	exit(1);
}

static int take(int flags)
{
	int count;

	for (unsigned i = 0; i < BATCH; i++)
		parts[i].iov_len = LARGEST;
	while ((count = recvmmsg(sock, batch, BATCH, MSG_WAITFORONE | flags, NULL)) < 0) {
		if ((flags & MSG_DONTWAIT) || !again("receive"))
			return 0;
	}
	taken += (uint64_t)count;
	return count;
}

static void send_all(struct sockaddr_un *other, int count)
{
	for (int i = 0; i < count; i++) {
		batch[i].msg_hdr.msg_name = other;
		batch[i].msg_hdr.msg_namelen = sizeof(*other);
	}
	for (int at = 0; at < count && !ended;) {
		int more = sendmmsg(sock, batch + at, (unsigned)(count - at), 0);
		if (more < 0) {
			if (!again("send"))
				return;
			continue;
		}
		at += more;
		sent += (uint64_t)more;
	}
	for (int i = 0; i < count; i++) {
		batch[i].msg_hdr.msg_name = NULL;
		batch[i].msg_hdr.msg_namelen = 0;
	}
}

static void exchange(uint8_t *one, uint8_t *other, unsigned length)
{
	while (length-- > 0) {
		uint8_t byte = one[length];
		one[length] = other[length];
		other[length] = byte;
	}
}

/* IPv4 with no options, or something else: then only Ethernet's addresses are exchanged. */
static void turn_round(uint8_t *frame, unsigned length)
{
	if (length < 14)
		return;
	exchange(frame, frame + 6, 6);
	if (length < 38 || frame[12] != 8 || frame[13] != 0 || frame[14] != 0x45)
		return;
	exchange(frame + 26, frame + 30, 4);
	exchange(frame + 34, frame + 36, 2);
}

/* RFC 826: a request, for an address that is not the guest's own, is made into its answer. */
static int answers_arp(uint8_t *frame, unsigned length)
{
	static const uint8_t request[] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1 }, own[] = { PEER_MAC };

	if (length < 42 || memcmp(frame + 12, request, sizeof(request)) != 0 || memcmp(frame + 28, frame + 38, 4) == 0)
		return 0;
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, own, 6);
	frame[21] = 2;
	memcpy(frame + 32, frame + 22, 6);
	exchange(frame + 28, frame + 38, 4);
	memcpy(frame + 22, own, 6);
	return 1;
}

static void answer(const struct sockaddr_un *other, int count)
{
	for (int i = 0; i < count; i++) {
		if (answers_arp(memory[i], batch[i].msg_len))
			sendto(sock, memory[i], batch[i].msg_len, 0, (const struct sockaddr *)other, sizeof(*other));
	}
}

static void sink(const struct sockaddr_un *other)
{
	while (!ended)
		answer(other, take(0));
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Takes what comes meanwhile: the socket has room for a few frames only, and the guest's answers wait for that. */
static void source_pause(const struct sockaddr_un *other, useconds_t pause)
{
	uint64_t end = now_us() + pause, now;

	for (int count; (count = take(MSG_DONTWAIT)) > 0;)
		answer(other, count);
	while (!ended && (now = now_us()) < end) {
		struct pollfd file = { .fd = sock, .events = POLLIN };
		if (poll(&file, 1, (int)((end - now + 999) / 1000)) > 0)
			answer(other, take(MSG_DONTWAIT));
	}
}

static void source(struct sockaddr_un *other, int frames, useconds_t pause)
{
	static const uint8_t frame[FRAME_BYTES] = UDP_FRAME(PEER_MAC, 1, GUEST_MAC, 2);

	while (!ended) {
		for (unsigned i = 0; i < BATCH; i++) {
			memcpy(memory[i], frame, sizeof(frame));
			parts[i].iov_len = sizeof(frame);
		}
		for (int left = frames; left > 0; left -= BATCH)
			send_all(other, left < BATCH ? left : BATCH);
		source_pause(other, pause);
	}
}

static void echo(struct sockaddr_un *other)
{
	while (!ended) {
		int count = take(0);
		for (int i = 0; i < count; i++) {
			parts[i].iov_len = batch[i].msg_len;
			if (!answers_arp(memory[i], batch[i].msg_len))
				turn_round(memory[i], batch[i].msg_len);
		}
		send_all(other, count);
	}
}

int main(int argc, char **argv)
{
	const struct timeval patience = { .tv_usec = 100000 };
	const char *what = argc == 4 || (argc == 6 && strcmp(argv[1], "source") == 0) ? argv[1] : "";
	struct sigaction action = { .sa_handler = end };

	if (strcmp(what, "sink") != 0 && strcmp(what, "source") != 0 && strcmp(what, "echo") != 0) {
		fprintf(stderr, "usage: %s sink|source|echo OWN OTHER [FRAMES MICROSECONDS]\n", argv[0]);
		return 2;
	}
	struct sockaddr_un own = address_of(argv[2]), other = address_of(argv[3]);
	sigaction(SIGTERM, &action, NULL);
	for (unsigned i = 0; i < BATCH; i++) {
		parts[i].iov_base = memory[i];
		batch[i].msg_hdr.msg_iov = &parts[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	sock = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(sock, (struct sockaddr *)&own, sizeof(own)) != 0) {
		perror(argv[2]);
		return 1;
	}
	/* Blocked for no longer than this after it is told to end. */
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	puts("ready");
	fflush(stdout);
	if (strcmp(what, "sink") == 0)
		sink(&other);
	else if (strcmp(what, "source") == 0)
		source(&other, argc == 6 ? atoi(argv[4]) : BATCH, argc == 6 ? (useconds_t)atoi(argv[5]) : 0);
	else
		echo(&other);
	printf("peer: taken=%llu sent=%llu\n", (unsigned long long)taken, (unsigned long long)sent);
	unlink(argv[2]);
	return 0;
}
