/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of sockettest: main.c (what is around them all), stream.c, datagram.c. */
#ifndef APPS_SOCKETTEST_SOCKETTEST_H
#define APPS_SOCKETTEST_SOCKETTEST_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "kernel/ktap.h"

#define PORT 4000
#define NOBODY 4999 /* listens there */

/* Evaluates to whether it failed with that errno. */
#define FAILS(call, error) (errno = 0, (call) == -1 && errno == (error))

/* Room that the tests share, each as long as it runs: the image may not be larger than its code reaches. */
#define ROOM 9000
extern char room[2][ROOM];

struct sockaddr_in loopback(uint16_t port);
/* A socket of IPv4 at that port of it; -1 and errno. */
int bound(int type, uint16_t port);
/* A connection's two ends; false: it cannot be made. */
bool make_pair(int ends[2]);
void close_pair(const int ends[2]);

/* ---- stream.c ----------------------------------------------------------------------------------------- */

const char *test_stream(void);
const char *test_large(void);
const char *test_refused(void);
const char *test_reset(void);
const char *test_backlog(void);
const char *test_backlog_of_the_dead(void);
const char *test_twice(void);

/* ---- datagram.c --------------------------------------------------------------------------------------- */

const char *test_datagrams(void);
const char *test_six(void);

#endif
