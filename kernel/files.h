/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files: the members of tar archives on disks and partitions, to be read.
 *
 *     /disk/vda1/folder/file    on that disk or partition
 *     /disk/folder/file         on the first one that holds an archive, in the order of block_first(), a disk before
 *                               its partitions
 *
 * A disk's name wins over a folder of the same name in the first archive. An archive is looked for and its
 * index made when somebody first asks; it is made again when the disk may have changed
 * (block_device.generation: its size, its medium), which is ERR_BUSY while a folder of it is open. A file that is open
 * is ERR_BUSY when the disk's blocks have another size by now. Whoever writes to a disk that files were read from, or
 * puts another medium into it while they are open, reads nonsense. Memory: kernel/archive.h; 32 KiB for each open file.
 *
 * Paths are UTF-8, or whatever bytes the archive has. Errors are those of block.h, and ERR_NOT_FOUND,
 * ERR_NOT_FOLDER, ERR_FOLDER, ERR_LOOP, ERR_NO_ARCHIVE; ERR_FORMAT for an archive that is damaged, which is said
 * in a line. All of this in program context, on any CPU.
 */
#ifndef KERNEL_FILES_H
#define KERNEL_FILES_H

#include "kernel/archive.h"
#include "kernel/disk_reader.h"

#define FILES_ROOT "/disk"

struct file_info {
	enum tar_type type; /* TAR_FILE, TAR_DIRECTORY, TAR_SYMLINK */
	uint32_t mode;
	int64_t mtime;
	uint64_t size;
	unsigned
		number; /* unlike any other's on the same disk but a hard link's to the same file */
};

/* What is there; of a symbolic link, what it leads to if `follow`. */
int file_info(const char *path, bool follow, struct file_info *info);
/* Where a symbolic link leads: zero-terminated, cut off at `size` bytes. ERR_INVALID: it is none. */
int file_link(const char *path, char *target, size_t size);

struct file {
	struct disk_reader reader;
	uint64_t data; /* in bytes from the disk's start */
	struct file_info info;
};

int file_open(const char *path, struct file *file);
/* For paths that strangers name: of the first archive, without FILES_ROOT. No name in it means a disk. */
int file_open_first(const char *path, struct file *file);
/* Bytes from `offset` on, for one program at a time: how many, 0 at the end, or an error. */
long file_read(struct file *file, uint64_t offset, void *buffer, size_t length);
void file_close(struct file *file);

/* A folder's contents, in the order of the archive; without . and .. */
struct folder {
	struct mount *mount;
	const struct archive_node *folder, *next;
};

int folder_open(const char *path, struct folder *folder);
/* A name, which is good until folder_close; NULL behind the last. */
const char *folder_next(struct folder *folder, struct file_info *info);
void folder_rewind(struct folder *folder);
void folder_close(struct folder *folder);

#endif
