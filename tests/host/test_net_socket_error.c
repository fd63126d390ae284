/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream that is reset while a program waits in it, with lwIP: first what was moved is told, then the error, then the end. */
#include <errno.h>

#include "kernel/net/socket.h"
#include "tests/host/check.h"
#include "tests/host/stack_rig.h"

#define RESET 4
#define LARGE (1u << 20) /* more than is taken before the peer acknowledges something */

/* ---- What socket.c has for it -------------------------------------------------------------------------- */

static struct socket listening, ours;
static unsigned waits;
unsigned stack_turns;

struct socket *socket_new(int domain, int type, int protocol)
{
	memset(&ours, 0, sizeof(ours));
	ours.domain = domain;
	ours.type = type;
	ours.protocol = protocol;
	ours.last = &ours.first;
	return &ours;
}

uint64_t socket_deadline(uint64_t patience)
{
	return patience;
}

bool socket_await_route(const struct socket *socket, int flags, err_t error)
{
	(void)socket;
	(void)flags;
	(void)error;
	return false;
}

int socket_errno(err_t error)
{
	return error == ERR_OK ? 0 : EIO;
}

void stack_leave(void)
{
	interfaces_flush();
}

/* Whoever waits sees the peer reset the connection. */
int socket_wait(const struct socket *socket, int flags, uint64_t deadline)
{
	(void)socket;
	(void)flags;
	(void)deadline;
	waits++;
	deliver(frame, segment_frame(frame, arrived, 0, RESET | TCP_ACKED), plain);
	return waits > 10 ? EAGAIN : 0;
}

/* ---- Streams -------------------------------------------------------------------------------------------- */

static void begins(void)
{
	int error = 0;

	waits = 0;
	arrived = 0;
	the_peer_connects();
	CHECK(stream_accept(&listening, &error) == &ours);
	CHECK_EQ(error, 0);
}

static void in_the_middle_of_sending(void)
{
	static uint8_t data[LARGE];

	begins();
	long sent = stream_send(&ours, data, sizeof(data), 0);
	CHECK(sent > 0 && sent < (long)sizeof(data));
	CHECK_EQ(waits, 1);
	CHECK_EQ(stream_send(&ours, data, 1, 0), -ECONNRESET);
	CHECK_EQ(stream_send(&ours, data, 1, 0), -EPIPE);
}

static void in_the_middle_of_receiving(void)
{
	uint8_t data[2 * SEGMENT];

	begins();
	deliver(frame, segment_frame(frame, 0, SEGMENT, TCP_ACKED), plain);
	interfaces_flush();
	arrived = SEGMENT;
	CHECK_EQ(stream_receive(&ours, data, sizeof(data), MSG_WAITALL), SEGMENT);
	CHECK_EQ(waits, 1);
	for (size_t i = 0; i < SEGMENT; i++)
		CHECK(data[i] == stream_byte(i));
	CHECK_EQ(stream_receive(&ours, data, sizeof(data), 0), -ECONNRESET);
	CHECK_EQ(stream_receive(&ours, data, sizeof(data), 0), 0);
}

static void listens(void)
{
	start();
	learn_of_the_peer();
	listening.last_accepted = &listening.accepted;
	listening.type = SOCK_STREAM;
	CHECK_EQ(stream_open(&listening), 0);
	CHECK_EQ(stream_bind(&listening, IP_ANY_TYPE, PORT), 0);
	CHECK_EQ(stream_listen(&listening, 1), 0);
}

int main(void)
{
	return check_run((struct check[]){ CHECK_CASE(listens),
					   CHECK_CASE(in_the_middle_of_sending),
					   CHECK_CASE(in_the_middle_of_receiving), CHECK_END });
}
