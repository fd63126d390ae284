/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP stream between two Linux guests, by plain sockets: one listens and counts what it receives, the other sends for
 * a while. Addresses are given by hand: 10.0.0.1 listens, 10.0.0.2 sends. tcp(7), netdevice(7).
 */
#include "system.h"

enum { AF_INET = 2, SOCK_STREAM = 1, SIOCSIFADDR = 0x8916, SIOCSIFNETMASK = 0x891c, SIOCGIFFLAGS = 0x8913,
       SIOCSIFFLAGS = 0x8914, IFF_UP = 1, IFF_RUNNING = 64, MSG_NOSIGNAL = 0x4000 };
enum { PORT = 5001, BUFFER = 131072, TRIES = 400, TRY_MS = 50 };

struct sockaddr_in {
	uint16_t family;
	uint8_t port[2], address[4], zero[8];
};
struct ifreq {
	char name[16];
	union {
		struct sockaddr_in address;
		int16_t flags;
		uint8_t rest[24];
	};
};
_Static_assert(sizeof(struct ifreq) == 40, "netdevice(7)");

static uint8_t buffer[BUFFER];

static struct sockaddr_in address_of(uint8_t last)
{
	return (struct sockaddr_in){
		.family = AF_INET, .port = { PORT >> 8, PORT & 255 }, .address = { 10, 0, 0, last } };
}

static void configure(uint8_t last)
{
	struct ifreq request = { .name = "eth0", .address = address_of(last) };
	long sock = call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);

	for (unsigned i = 0; call(SYS_ioctl, sock, SIOCSIFADDR, (long)&request, 0, 0, 0) < 0; i++) {
		if (i == TRIES)
			leave("linux: no eth0\n");
		pause_ms(TRY_MS);
	}
	request.address = (struct sockaddr_in){ .family = AF_INET, .address = { 255, 255, 255, 0 } };
	call(SYS_ioctl, sock, SIOCSIFNETMASK, (long)&request, 0, 0, 0);
	request.flags = IFF_UP;
	call(SYS_ioctl, sock, SIOCSIFFLAGS, (long)&request, 0, 0, 0);
	do
		call(SYS_ioctl, sock, SIOCGIFFLAGS, (long)&request, 0, 0, 0);
	while (!(request.flags & IFF_RUNNING));
}

static _Noreturn void listen_and_count(void)
{
	struct sockaddr_in address = address_of(1);
	long sock = call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0), got;
	uint64_t bytes = 0, begin;

	if (call(SYS_bind, sock, (long)&address, sizeof(address), 0, 0, 0) < 0 ||
	    call(SYS_listen, sock, 1, 0, 0, 0, 0) < 0)
		leave("linux: nobody can listen here\n");
	long stream = call(SYS_accept4, sock, 0, 0, 0, 0, 0);
	begin = now();
	while ((got = call(SYS_recvfrom, stream, (long)buffer, sizeof(buffer), 0, 0, 0)) > 0)
		bytes += (uint64_t)got;
	say("\nlinux: tcp rx bytes=");
	say_number(bytes);
	say(" kbits=");
	say_number(bytes * 8 * 1000 / ((now() - begin) / 1000));
	say(got < 0 ? " errors=1" : " errors=0");
	leave("\n");
}

static _Noreturn void connect_and_send(uint64_t seconds)
{
	struct sockaddr_in address = address_of(1);
	long sock = -1;

	for (unsigned i = 0; i < TRIES; i++) {
		sock = call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
		if (call(SYS_connect, sock, (long)&address, sizeof(address), 0, 0, 0) == 0)
			break;
		call(SYS_close, sock, 0, 0, 0, 0, 0);
		pause_ms(TRY_MS);
	}
	uint64_t end = now() + seconds * 1000000000;
	while (now() < end && call(SYS_sendto, sock, (long)buffer, sizeof(buffer), MSG_NOSIGNAL, 0, 0) > 0)
		;
	call(SYS_close, sock, 0, 0, 0, 0, 0);
	pause_ms(1000); /* until all that is on its way has arrived */
	leave("\nlinux: tcp tx is done\n");
}

_Noreturn void measure_tcp(int listens, uint64_t seconds)
{
	configure(listens ? 1 : 2);
	if (listens)
		listen_and_count();
	connect_and_send(seconds);
}
