/* SPDX-License-Identifier: BSD-2-Clause */
/* What newlib's <dirent.h> wants of a system, and has for none without one: folders (kernel/libc_disk.c). */
#ifndef KERNEL_SYS_DIRENT_H
#define KERNEL_SYS_DIRENT_H

#include <sys/types.h>

#define MAXNAMLEN 255

#define DT_UNKNOWN 0
#define DT_DIR 4
#define DT_REG 8
#define DT_LNK 10

struct dirent {
	ino_t d_ino;
	unsigned char d_type; /* DT_… */
	char d_name[MAXNAMLEN + 1];
};

typedef struct libc_folder DIR;

#endif
