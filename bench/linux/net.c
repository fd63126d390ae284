/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of 64 bytes on the Linux that Ringlet is measured beside: by a packet socket on eth0, 64 with each system
 * call, past the queueing discipline; sent, received, or one sent and its answer awaited. packet(7), netdevice(7).
 */
#include "../frame.h"
#include "system.h"

enum { AF_PACKET = 17, SOCK_RAW = 3, ETH_P_ALL = 3, SOL_SOCKET = 1, SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33,
       SO_RCVTIMEO = 20,
       SOL_PACKET = 263, PACKET_IGNORE_OUTGOING = 23, PACKET_QDISC_BYPASS = 20 };
enum { SIOCGIFFLAGS = 0x8913, SIOCSIFFLAGS = 0x8914, SIOCGIFINDEX = 0x8933, IFF_UP = 1, IFF_RUNNING = 64 };
enum { MSG_WAITFORONE = 0x10000, BATCH = 64, MEMORY = 4 << 20, PATIENCE_MS = 500, TX = 1, RX, RR };

struct ifreq {
	char name[16];
	union {
		int16_t flags;
		int32_t index;
		uint8_t rest[24];
	};
};
struct sockaddr_ll {
	uint16_t family, protocol;
	int32_t index;
	uint16_t hatype;
	uint8_t pkttype, halen, addr[8];
};
struct mmsghdr {
	uint64_t name, namelen;
	struct iovec *iov;
	uint64_t iovlen, control, controllen;
	uint64_t flags;
	uint32_t len, padding;
};
_Static_assert(sizeof(struct ifreq) == 40 && sizeof(struct sockaddr_ll) == 20 && sizeof(struct mmsghdr) == 64,
	       "netdevice(7), packet(7), sendmmsg(2)");

static uint8_t to_send[BATCH][FRAME_BYTES], received[BATCH][2048];
static struct iovec send_parts[BATCH], receive_parts[BATCH];
static struct mmsghdr send_batch[BATCH], receive_batch[BATCH];

static uint16_t big_endian(uint16_t value)
{
	return (uint16_t)(value << 8 | value >> 8);
}

/* A socket at eth0, which is up then. */
static long open_socket(void)
{
	struct ifreq request = { .name = "eth0" };
	struct sockaddr_ll address = { .family = AF_PACKET, .protocol = big_endian(ETH_P_ALL) };
	long sock = call(SYS_socket, AF_PACKET, SOCK_RAW, 0, 0, 0, 0);
	int64_t patience[2] = { 0, PATIENCE_MS * 1000 };
	int on = 1, memory = MEMORY;

	if (sock < 0)
		leave("linux: no packet socket\n");
	for (unsigned i = 0; call(SYS_ioctl, sock, SIOCGIFINDEX, (long)&request, 0, 0, 0) < 0; i++) {
		if (i == 100)
			leave("linux: no eth0\n");
		pause_ms(50);
	}
	address.index = request.index;
	request.flags = IFF_UP;
	call(SYS_ioctl, sock, SIOCSIFFLAGS, (long)&request, 0, 0, 0);
	do
		call(SYS_ioctl, sock, SIOCGIFFLAGS, (long)&request, 0, 0, 0);
	while (!(request.flags & IFF_RUNNING));
	call(SYS_setsockopt, sock, SOL_SOCKET, SO_SNDBUFFORCE, (long)&memory, sizeof(memory), 0);
	call(SYS_setsockopt, sock, SOL_SOCKET, SO_RCVBUFFORCE, (long)&memory, sizeof(memory), 0);
	call(SYS_setsockopt, sock, SOL_SOCKET, SO_RCVTIMEO, (long)patience, sizeof(patience), 0);
	call(SYS_setsockopt, sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, (long)&on, sizeof(on), 0);
	call(SYS_setsockopt, sock, SOL_PACKET, PACKET_QDISC_BYPASS, (long)&on, sizeof(on), 0);
	if (call(SYS_bind, sock, (long)&address, sizeof(address), 0, 0, 0) < 0)
		leave("linux: the packet socket does not bind\n");
	return sock;
}

/* How many there were: none after PATIENCE_MS. */
static uint64_t receive(long sock)
{
	long count = call(SYS_recvmmsg, sock, (long)receive_batch, BATCH, MSG_WAITFORONE, 0, 0);

	return count < 0 ? 0 : (uint64_t)count;
}

/* How many were sent: none while the device's queue is full. */
static uint64_t send(long sock, unsigned count)
{
	long sent = call(SYS_sendmmsg, sock, (long)send_batch, count, 0, 0, 0);

	return sent < 0 ? 0 : (uint64_t)sent;
}

/* Sends one until it is answered; how often it was not. */
static uint64_t ask(long sock)
{
	uint64_t lost = 0;

	for (;; lost++) {
		while (send(sock, 1) == 0)
			;
		if (receive(sock) > 0)
			return lost;
	}
}

_Noreturn void measure_net(unsigned way, uint64_t seconds)
{
	static const uint8_t frame[FRAME_BYTES] = UDP_FRAME(GUEST_MAC, 2, PEER_MAC, 1);
	static const char *const names[] = { "tx", "rx", "rr" };
	uint64_t begin, end, moved = 0, errors = 0;
	long sock;

	if (way < TX || way > RR)
		leave("linux: net= is 1, 2 or 3\n");
	for (unsigned i = 0; i < BATCH; i++) {
		for (unsigned byte = 0; byte < FRAME_BYTES; byte++)
			to_send[i][byte] = frame[byte];
		send_parts[i] = (struct iovec){ (uint64_t)to_send[i], FRAME_BYTES };
		send_batch[i].iov = &send_parts[i];
		receive_parts[i] = (struct iovec){ (uint64_t)received[i], sizeof(received[i]) };
		receive_batch[i].iov = &receive_parts[i];
		send_batch[i].iovlen = receive_batch[i].iovlen = 1;
	}
	sock = open_socket();
	if (way == RR)
		ask(sock); /* the first one may be lost: the interface has just come up */
	begin = now();
	end = begin + seconds * 1000000000;
	while (now() < end) {
		if (way == TX) {
			moved += send(sock, BATCH);
		} else if (way == RX) {
			moved += receive(sock);
		} else {
			errors += ask(sock);
			moved++;
		}
	}
	end = now();
	say("\nlinux: net eth0 ");
	say(names[way - TX]);
	say(" size=64 wait=irq pps=");
	say_number(moved * 1000000 / ((end - begin) / 1000));
	say(" n=");
	say_number(moved);
	say(" errors=");
	say_number(errors);
	leave("\n");
}
