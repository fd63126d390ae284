/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's open files. What a file is, its operations say: so a program that opens none has nothing of disks in its
 * image but a table that is empty.
 */
#ifndef KERNEL_LIBC_FILE_H
#define KERNEL_LIBC_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define OPEN_FILES 160 /* at a time, with the three standard streams */

struct open_file;

/* What can be done without waiting. */
enum { FILE_READABLE = 1, FILE_WRITABLE = 2, FILE_HUNG_UP = 4, FILE_FAILED = 8 };

/* A result of operations that stands for that errno, where lib/error.h has nothing of the kind. */
#define FILE_ERRNO(number) (-0x1000 - (number))

struct open_file_operations {
	/* How many bytes, 0 at the end, or an error of lib/error.h. With O_NONBLOCK in file->flags ERR_FULL instead of
	 * waiting. */
	long (*read)(struct open_file *file, uint64_t offset, void *buffer, size_t length);
	void (*status)(struct open_file *file, struct stat *status);
	void (*close)(struct open_file *file); /* frees it */
	/* How many bytes were taken, or an error, as above. NULL: it cannot be written to. */
	long (*write)(struct open_file *file, uint64_t offset, const void *buffer, size_t length);
	/* FILE_ bits. NULL: it never makes anybody wait. */
	unsigned (*ready)(struct open_file *file);
};

struct open_file {
	const struct open_file_operations *operations;
	uint64_t position, size;
	int flags; /* O_RDONLY … O_NONBLOCK, of <fcntl.h> */
};

/* The file's number; -1 and errno when there are too many. */
int open_file_add(struct open_file *file);
/* NULL: that number is a standard stream's, or nothing's. */
struct open_file *open_file_of(int fd);

/* Sets errno to what an error of lib/error.h, or FILE_ERRNO, is there; returns -1. */
int libc_fail(int error);

#endif
