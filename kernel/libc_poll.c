/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for several of newlib's files at once, and for none of them: poll, select, fcntl. Each wait is a vport_relax,
 * in which everything that could make a file ready happens.
 *
 * See it at work: make run APP=echo
 * Left out: whether a key has been pressed. The standard streams always count as ready. select knows no file above
 * FD_SETSIZE, which is newlib's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "kernel/libc_file.h"
#include "kernel/libc_names.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US 1000
#define NS_PER_MS UINT64_C(1000000)

static int fail(int error)
{
	errno = error;
	return -1;
}

/* FILE_ bits; -1: there is no such file. */
static int ready(int fd)
{
	struct open_file *file = open_file_of(fd);

	if (!file)
		return fd >= 0 && fd <= STDERR_FILENO ? FILE_READABLE | FILE_WRITABLE : -1;
	return file->operations->ready ? (int)file->operations->ready(file)
				       : FILE_READABLE | FILE_WRITABLE;
}

/* ---- poll ------------------------------------------------------------------------------------------ */

static short events_of(const struct pollfd *wanted)
{
	int now = ready(wanted->fd);
	short events = 0;

	if (now < 0)
		return POLLNVAL;
	if (now & FILE_READABLE)
		events |= wanted->events & POLLIN;
	if (now & FILE_WRITABLE)
		events |= wanted->events & POLLOUT;
	if (now & FILE_HUNG_UP)
		events |= POLLHUP;
	if (now & FILE_FAILED)
		events |= POLLERR;
	return events;
}

int poll(struct pollfd *files, nfds_t count, int milliseconds)
{
	uint64_t end =
		milliseconds < 0 ? VPORT_NEVER : vport_now() + (uint64_t)milliseconds * NS_PER_MS;

	for (bool last = milliseconds == 0;; last = end != VPORT_NEVER && vport_now() >= end) {
		int found = 0;
		for (nfds_t i = 0; i < count; i++) {
			files[i].revents = files[i].fd < 0 ? 0 : events_of(&files[i]);
			found += files[i].revents != 0;
		}
		if (found > 0 || last)
			return found;
		vport_relax(end);
	}
}

/* ---- select ---------------------------------------------------------------------------------------- */

/* How many of the set are ready in one of these ways; `result` has them. -1: one of them is no file. */
static int count_ready(int count, const fd_set *set, fd_set *result, int ways)
{
	int found = 0;

	FD_ZERO(result);
	for (int fd = 0; set && fd < count; fd++) {
		if (!FD_ISSET(fd, set))
			continue;
		int now = ready(fd);
		if (now < 0)
			return -1;
		if (now & ways) {
			FD_SET(fd, result);
			found++;
		}
	}
	return found;
}

int select(int count, fd_set *readable, fd_set *writable, fd_set *failed, struct timeval *timeout)
{
	fd_set can_read, can_write, has_failed;
	uint64_t end = VPORT_NEVER;

	if (count < 0 || count > FD_SETSIZE)
		return fail(EINVAL);
	if (timeout)
		end = vport_now() + (uint64_t)timeout->tv_sec * NS_PER_S +
		      (uint64_t)timeout->tv_usec * NS_PER_US;
	for (;;) {
		bool last = end != VPORT_NEVER && vport_now() >= end;
		int read = count_ready(count, readable, &can_read, FILE_READABLE | FILE_HUNG_UP);
		int write = count_ready(count, writable, &can_write, FILE_WRITABLE | FILE_FAILED);
		int fault = count_ready(count, failed, &has_failed, FILE_FAILED);
		if (read < 0 || write < 0 || fault < 0)
			return fail(EBADF);
		if (read + write + fault > 0 || last) {
			if (readable)
				*readable = can_read;
			if (writable)
				*writable = can_write;
			if (failed)
				*failed = has_failed;
			return read + write + fault;
		}
		vport_relax(end);
	}
}

/* ---- fcntl ------------------------------------------------------------------------------------------- */

int fcntl(int fd, int command, ...)
{
	struct open_file *file = open_file_of(fd);
	va_list arguments;

	if (!file && (fd < 0 || fd > STDERR_FILENO))
		return fail(EBADF);
	va_start(arguments, command);
	int value = command == F_SETFL ? va_arg(arguments, int) : 0;
	va_end(arguments);
	switch (command) {
	case F_GETFL:
		return file ? file->flags : O_RDWR;
	case F_SETFL:
		if (file)
			file->flags = (file->flags & ~O_NONBLOCK) | (value & O_NONBLOCK);
		return 0;
	case F_GETFD:
	case F_SETFD: /* there is no exec */
		return 0;
	default:
		return fail(EINVAL);
	}
}
LIBC_ALSO(fcntl);
