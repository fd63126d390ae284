/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tar archive, member by member: ustar (POSIX.1-1988) and its older form, pax (POSIX.1-2001), and GNU's long
 * names and large numbers: what tar makes today. No memory of its own, and nothing kept of what was read.
 *
 *     static int read(void *context, uint64_t offset, void *buffer, size_t length) { … }
 *
 *     tar_begin(&tar, read, context, size);
 *     while ((result = tar_next(&tar, &member)) == 1)
 *             …member.name…, member.data is where its bytes begin
 *     if (result < 0) …tar.fault, tar.at…
 */
#ifndef LIB_TAR_H
#define LIB_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512
#define TAR_NAME_MAX 4096 /* bytes of a name, without its zero */
/* Bytes of headers that are read of one archive, at most, each read counting as a block: of a hostile one that
 * has nothing else. */
#define TAR_HEADERS_MAX (UINT64_C(256) << 20)

enum tar_type {
	TAR_FILE,
	TAR_DIRECTORY,
	TAR_LINK,    /* another name of an earlier member, `link` */
	TAR_SYMLINK, /* to `link` */
	TAR_OTHER, /* a device, a FIFO, a sparse file, a volume's label: not understood, but skipped */
};

struct tar_member {
	enum tar_type type;
	uint32_t mode;               /* permissions */
	int64_t mtime;               /* seconds from 1970 */
	uint64_t data, size;         /* where its bytes are in the archive, and how many */
	char name[TAR_NAME_MAX + 1]; /* as it stands there: with leading slashes, dots and all */
	char link[TAR_NAME_MAX + 1];
};

/* Reads `length` bytes, at most 512, of the archive, all of which are inside it. 0 or an error. */
typedef int tar_read_fn(void *context, uint64_t offset, void *buffer, size_t length);

struct tar {
	tar_read_fn *read;
	void *context;
	uint64_t size;    /* of all that may be the archive */
	uint64_t at;      /* the header that is next; behind an error, the one that was bad */
	uint64_t headers; /* bytes of them so far, as TAR_HEADERS_MAX counts them */
	const char *fault;
};

void tar_begin(struct tar *tar, tar_read_fn *read, void *context, uint64_t size);

/* The next member. 1; 0 behind the last one; ERR_FORMAT when the archive is damaged, and tar->fault says in
 * how far; ERR_UNSUPPORTED, from the first call only: this is no tar archive; an error of `read`. */
int tar_next(struct tar *tar, struct tar_member *member);

#endif
