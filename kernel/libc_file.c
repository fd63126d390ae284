/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's files: the three standard streams, which are the console.
 *
 * Standard input comes in lines: what is typed is echoed and may be erased until Return is pressed,
 * and ^D on an empty line is the end. A program that wants keys calls console_read instead.
 *
 * Left out: files. There is no file system; opening any name fails with ENOENT.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "kernel/libc_names.h"

#define LINE_SIZE 256
#define END_OF_INPUT 0x04 /* ^D */
#define BACKSPACE 0x08
#define DELETE 0x7f

static char line[LINE_SIZE];
static size_t line_length, line_read; /* line[line_read … line_length) is yet to be given out */

static bool is_stream(int fd)
{
	return fd >= STDIN_FILENO && fd <= STDERR_FILENO;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* Reads a line with its newline; none at the end of input. */
static void read_line(void)
{
	line_length = line_read = 0;
	for (;;) {
		int c = console_read(VPORT_NEVER);
		if (c == CONSOLE_EOF || (c == END_OF_INPUT && line_length == 0))
			return;
		if (c == '\r' || c == '\n') {
			console_write("\n", 1);
			line[line_length++] = '\n';
			return;
		}
		if (c == BACKSPACE || c == DELETE) {
			if (line_length > 0) {
				line_length--;
				console_write("\b \b", 3);
			}
		} else if (c >= ' ' && line_length < LINE_SIZE - 1) {
			line[line_length++] = (char)c;
			console_write(&line[line_length - 1], 1);
		}
	}
}

_READ_WRITE_RETURN_TYPE read(int fd, void *buffer, size_t length)
{
	if (fd != STDIN_FILENO)
		return fail(EBADF);
	if (length == 0)
		return 0;
	if (line_read == line_length)
		read_line();
	size_t count = 0;
	while (count < length && line_read < line_length)
		((char *)buffer)[count++] = line[line_read++];
	return (_READ_WRITE_RETURN_TYPE)count;
}
LIBC_ALSO(read);

_READ_WRITE_RETURN_TYPE write(int fd, const void *buffer, size_t length)
{
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		return fail(EBADF);
	console_write(buffer, length);
	return (_READ_WRITE_RETURN_TYPE)length;
}
LIBC_ALSO(write);

int open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	return fail(ENOENT);
}
LIBC_ALSO(open);

int close(int fd)
{
	return is_stream(fd) ? 0 : fail(EBADF);
}
LIBC_ALSO(close);

int fstat(int fd, struct stat *status)
{
	if (!is_stream(fd))
		return fail(EBADF);
	*status = (struct stat){ .st_mode = S_IFCHR | S_IRUSR | S_IWUSR };
	return 0;
}
LIBC_ALSO(fstat);

int isatty(int fd)
{
	if (is_stream(fd))
		return 1;
	errno = EBADF;
	return 0;
}
LIBC_ALSO(isatty);

off_t lseek(int fd, off_t offset, int whence)
{
	(void)offset;
	(void)whence;
	return fail(is_stream(fd) ? ESPIPE : EBADF);
}
LIBC_ALSO(lseek);

int unlink(const char *path)
{
	(void)path;
	return fail(ENOENT);
}
LIBC_ALSO(unlink);

int link(const char *old, const char *new)
{
	(void)old;
	(void)new;
	return fail(ENOENT);
}
LIBC_ALSO(link);

int stat(const char *restrict path, struct stat *restrict status)
{
	(void)path;
	(void)status;
	return fail(ENOENT);
}
LIBC_ALSO(stat);
