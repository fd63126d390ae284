/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's view of the files on disks (kernel/files.h): fopen, stat, opendir and their like under /disk/.
 * Everything there can be read and nothing written. (What is under /dev/ is libc_port.c's.)
 *
 *     FILE *file = fopen("/disk/folder/file", "r");
 *
 * See it at work: tar cf files.tar FOLDER; make run APP=filesum DISK=files.tar
 * Left out: a current folder, names . and .. in folders, seekdir, scandir, and lstat, which newlib does not declare.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/files.h"
#include "kernel/libc_file.h"
#include "kernel/libc_names.h"
#include "kernel/libc_port.h"

#define BLOCK_OF_STAT 512 /* st_blocks counts these */

/* What is no file on a disk. DRIVERS= may have left it out; by a pointer: code for AArch64 cannot refer to what may be
 * missing. */
#define DEVICES "/dev/"
#pragma weak libc_open_port
static int (*const open_port)(const char *name, int flags) = libc_open_port;

static int refuse(int error)
{
	errno = error;
	return -1;
}

static void fill_status(const struct file_info *info, struct stat *status)
{
	mode_t type = info->type == TAR_DIRECTORY ? S_IFDIR
		      : info->type == TAR_SYMLINK ? S_IFLNK
						  : S_IFREG;

	*status = (struct stat){
		.st_ino = (ino_t)info->number,
		.st_mode = type | info->mode,
		.st_nlink = 1,
		.st_size = (off_t)info->size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)((info->size + BLOCK_OF_STAT - 1) / BLOCK_OF_STAT),
	};
	status->st_atim.tv_sec = status->st_mtim.tv_sec = status->st_ctim.tv_sec =
		(time_t)info->mtime;
}

/* ---- Files ---------------------------------------------------------------------------------------- */

struct disk_file {
	struct open_file open; /* first */
	struct file file;
};

static long read_disk(struct open_file *open, uint64_t offset, void *buffer, size_t length)
{
	return file_read(&((struct disk_file *)open)->file, offset, buffer, length);
}

static void status_disk(struct open_file *open, struct stat *status)
{
	fill_status(&((struct disk_file *)open)->file.info, status);
}

static void close_disk(struct open_file *open)
{
	file_close(&((struct disk_file *)open)->file);
	free(open);
}

int open(const char *path, int flags, ...)
{
	static const struct open_file_operations operations = { .read = read_disk,
								.status = status_disk,
								.close = close_disk };
	struct file_info info;

	if (open_port && strncmp(path, DEVICES, strlen(DEVICES)) == 0)
		return open_port(path + strlen(DEVICES), flags);
	if ((flags & O_ACCMODE) != O_RDONLY) {
		/* Which of the two is wrong: the name, or what is to be done there? */
		int error = file_info(path, true, &info);
		return error == 0 || strncmp(path, FILES_ROOT "/", sizeof(FILES_ROOT)) == 0
			       ? refuse(EROFS)
			       : libc_fail(error);
	}
	struct disk_file *disk = calloc(1, sizeof(*disk));
	if (disk == NULL)
		return refuse(ENOMEM);
	int error = file_open(path, &disk->file);
	if (error) {
		free(disk);
		return libc_fail(error);
	}
	disk->open.operations = &operations;
	disk->open.size = disk->file.info.size;
	int fd = open_file_add(&disk->open);
	if (fd < 0)
		close_disk(&disk->open);
	return fd;
}
LIBC_ALSO(open);

/* ---- Names ---------------------------------------------------------------------------------------- */

int stat(const char *restrict path, struct stat *restrict status)
{
	struct file_info info;

	int error = file_info(path, true, &info);
	if (error)
		return libc_fail(error);
	fill_status(&info, status);
	return 0;
}
LIBC_ALSO(stat);

int access(const char *path, int wanted)
{
	struct file_info info;

	int error = file_info(path, true, &info);
	if (error)
		return libc_fail(error);
	return wanted & W_OK ? refuse(EROFS) : 0;
}
LIBC_ALSO(access);

ssize_t readlink(const char *restrict path, char *restrict target, size_t size)
{
	char link[TAR_NAME_MAX + 1];

	int error = file_link(path, link, sizeof(link));
	if (error)
		return libc_fail(error);
	size_t length = strlen(link);
	if (length > size)
		length = size;
	memcpy(target, link, length);
	return (ssize_t)length;
}
LIBC_ALSO(readlink);

/* Nothing is ever made or removed: what is there cannot be, and what is not there is not. */
static int change(const char *path)
{
	struct file_info info;

	int error = file_info(path, false, &info);
	return error ? libc_fail(error) : refuse(EROFS);
}

int unlink(const char *path)
{
	return change(path);
}
LIBC_ALSO(unlink);

int link(const char *old, const char *new)
{
	(void)new;
	return change(old);
}
LIBC_ALSO(link);

/* ---- Folders -------------------------------------------------------------------------------------- */

struct libc_folder {
	struct folder folder;
	struct dirent entry; /* what readdir returned last */
};

DIR *opendir(const char *path)
{
	DIR *folder = calloc(1, sizeof(*folder));

	if (folder == NULL)
		return NULL;
	int error = folder_open(path, &folder->folder);
	if (error) {
		free(folder);
		libc_fail(error);
		return NULL;
	}
	return folder;
}

struct dirent *readdir(DIR *folder)
{
	struct file_info info;

	const char *name = folder_next(&folder->folder, &info);
	if (name == NULL)
		return NULL;
	folder->entry.d_ino = (ino_t)info.number;
	folder->entry.d_type = info.type == TAR_DIRECTORY ? DT_DIR
			       : info.type == TAR_SYMLINK ? DT_LNK
							  : DT_REG;
	strcpy(folder->entry.d_name, name); /* ARCHIVE_NAME_MAX is MAXNAMLEN */
	return &folder->entry;
}
_Static_assert(ARCHIVE_NAME_MAX == MAXNAMLEN, "a name is as long as an archive's may be");

void rewinddir(DIR *folder)
{
	folder_rewind(&folder->folder);
}

int closedir(DIR *folder)
{
	folder_close(&folder->folder);
	free(folder);
	return 0;
}
