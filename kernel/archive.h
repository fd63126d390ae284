/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of a tar archive: its members as a tree of folders, in memory. Folders that only other names imply are
 * there too; of members of the same name the last one counts.
 *
 * Its memory: some 100 bytes a name and the name itself, in pieces of 64 KiB, 16 MiB at most.
 */
#ifndef KERNEL_ARCHIVE_H
#define KERNEL_ARCHIVE_H

#include "lib/tar.h"

#define ARCHIVE_NAME_MAX 255 /* bytes of a name between slashes */

struct archive_node {
	enum tar_type type; /* TAR_FILE, TAR_DIRECTORY, TAR_SYMLINK */
	uint32_t mode;
	int64_t mtime;
	uint64_t data, size;         /* of a file: bytes of the archive */
	unsigned number;             /* unlike any other's but a hard link's to the same file */
	const char *link;            /* a symbolic link's */
	struct archive_node *parent; /* the root's is itself */
	struct archive_node *first, *last, *before, *next;
	struct archive_node *same_hash;
	uint32_t hash;
	uint16_t length; /* of its name */
	char name[];
};

struct archive {
	struct archive_node *root;
	unsigned
		left_out; /* members that are no file, folder or link, or whose names cannot be kept */
	const char *fault;
	uint64_t fault_at;
	/* Its memory and its hash table. */
	struct archive_piece *pieces;
	struct archive_node **buckets;
	unsigned piece_count, count;
	uint32_t seed;
};

/*
 * Reads all headers of an archive of at most `size` bytes. 0; ERR_FORMAT: it is damaged, see fault and fault_at;
 * ERR_UNSUPPORTED: it is no archive; ERR_NOMEM; an error of `read`. archive_free in any case. Program context.
 */
int archive_index(struct archive *archive, tar_read_fn *read, void *context, uint64_t size);
void archive_free(struct archive *archive);

/* What a path leads to, from the root; symbolic links are followed, the last one only if `follow`. 0;
 * ERR_NOT_FOUND, ERR_NOT_FOLDER, ERR_LOOP. */
int archive_find(const struct archive *archive, const char *path, bool follow,
		 const struct archive_node **found);

#endif
