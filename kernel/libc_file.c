/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's files: the three standard streams, which are the console, and what was opened (libc_disk.c).
 *
 * Standard input comes in lines: what is typed is echoed and may be erased until Return is pressed,
 * and ^D on an empty line is the end. A program that wants keys calls console_read instead.
 *
 * See it at work: make run APP=hello, whose printf comes out here; tar cf files.tar FOLDER; make run APP=filesum
 * DISK=files.tar, whose fread does.
 * Left out: making, renaming and removing files.
 */
#include "kernel/libc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "kernel/libc_names.h"
#include "lib/error.h"

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

int libc_fail(int error)
{
	if (error <= FILE_ERRNO(0))
		return fail(FILE_ERRNO(0) - error);
	switch ((enum error)error) {
	case ERR_NOT_FOUND:
		return fail(ENOENT);
	case ERR_NOT_FOLDER:
		return fail(ENOTDIR);
	case ERR_FOLDER:
		return fail(EISDIR);
	case ERR_LOOP:
		return fail(ELOOP);
	case ERR_NO_ARCHIVE:
	case ERR_NODEV:
	case ERR_NO_MEDIUM:
		return fail(ENODEV);
	case ERR_NOMEM:
		return fail(ENOMEM);
	case ERR_BUSY:
		return fail(EBUSY);
	case ERR_INVALID:
		return fail(EINVAL);
	case ERR_TIMEOUT:
		return fail(ETIMEDOUT);
	case ERR_FORMAT:
		return fail(EBADMSG);
	case ERR_FULL:
		return fail(EAGAIN);
	case ERR_CLOSED:
		return fail(EPIPE);
	case ERR_READ_ONLY:
		return fail(EROFS);
	case ERR_NO_SPACE:
		return fail(ENOSPC);
	default:
		return fail(EIO);
	}
}

/* ---- What is open ------------------------------------------------------------------------------ */

static struct open_file *open_files[OPEN_FILES]; /* by number; none for the standard streams */

int open_file_add(struct open_file *file)
{
	for (int fd = STDERR_FILENO + 1; fd < OPEN_FILES; fd++) {
		struct open_file *none = NULL;
		if (__atomic_compare_exchange_n(&open_files[fd], &none, file, false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return fd;
	}
	return fail(EMFILE);
}

struct open_file *open_file_of(int fd)
{
	return fd >= 0 && fd < OPEN_FILES ? open_files[fd] : NULL;
}

/* After a read or write of so many bytes, or an error. */
static long moved(struct open_file *file, long result)
{
	if (result < 0)
		return libc_fail((int)result);
	file->position += (uint64_t)result;
	return result;
}

static long read_file(struct open_file *file, void *buffer, size_t length)
{
	if ((file->flags & O_ACCMODE) == O_WRONLY)
		return fail(EBADF);
	return moved(file, file->operations->read(file, file->position, buffer, length));
}

static long write_file(struct open_file *file, const void *buffer, size_t length)
{
	if ((file->flags & O_ACCMODE) == O_RDONLY || !file->operations->write)
		return fail(EBADF);
	return moved(file, file->operations->write(file, file->position, buffer, length));
}

/* ---- Standard input ---------------------------------------------------------------------------- */

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

/* ---- What newlib calls ---------------------------------------------------------------------------- */

_READ_WRITE_RETURN_TYPE read(int fd, void *buffer, size_t length)
{
	if (length > INT_MAX)
		length = INT_MAX; /* what the result's type can say on each target */
	if (open_file_of(fd))
		return (_READ_WRITE_RETURN_TYPE)read_file(open_file_of(fd), buffer, length);
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
	if (length > INT_MAX)
		length = INT_MAX;
	if (open_file_of(fd))
		return (_READ_WRITE_RETURN_TYPE)write_file(open_file_of(fd), buffer, length);
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		return fail(EBADF);
	console_write(buffer, length);
	return (_READ_WRITE_RETURN_TYPE)length;
}
LIBC_ALSO(write);

int close(int fd)
{
	if (is_stream(fd))
		return 0;
	/* Of two CPUs that close it at once, one gets it. */
	struct open_file *file =
		fd >= 0 && fd < OPEN_FILES
			? __atomic_exchange_n(&open_files[fd], NULL, __ATOMIC_ACQ_REL)
			: NULL;
	if (!file)
		return fail(EBADF);
	file->operations->close(file);
	return 0;
}
LIBC_ALSO(close);

int fstat(int fd, struct stat *status)
{
	if (open_file_of(fd)) {
		open_file_of(fd)->operations->status(open_file_of(fd), status);
		return 0;
	}
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
	errno = open_file_of(fd) ? ENOTTY : EBADF;
	return 0;
}
LIBC_ALSO(isatty);

off_t lseek(int fd, off_t offset, int whence)
{
	struct open_file *file = open_file_of(fd);
	struct stat status;

	if (!file)
		return fail(is_stream(fd) ? ESPIPE : EBADF);
	file->operations->status(file, &status);
	if (!S_ISREG(status.st_mode)) /* a socket, a port */
		return fail(ESPIPE);
	int64_t from = whence == SEEK_SET   ? 0
		       : whence == SEEK_CUR ? (int64_t)file->position
					    : (int64_t)file->size;
	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return fail(EINVAL);
	if (offset < 0 ? -from > offset : offset > INT64_MAX - from)
		return fail(offset < 0 ? EINVAL : EOVERFLOW);
	file->position = (uint64_t)(from + offset);
	return (off_t)file->position;
}
LIBC_ALSO(lseek);
