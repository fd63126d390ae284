/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell's commands. */
#ifndef APPS_SHELL_COMMANDS_H
#define APPS_SHELL_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

/* Runs a command, or the program of that name; says so in one line when there is neither. Returns its
 * status. argv[argc] is NULL. */
int command_run(int argc, char **argv);

/* ---- For the commands themselves ----------------------------------------------------- */

#define USAGE (-1) /* what a command returns that did not understand its arguments */

/* A number of the C language's notation, all of the argument. */
bool number(const char *argument, uint64_t *value);

/* What is told of a program: the comment at the top of its main.c (shell.mk). The last one has no name. */
struct program_help {
	const char *name, *text;
};
extern const struct program_help program_helps[];

/* blk.c: disks. `read` is `blk read`, `hexdump` shows what was read last. */
#define MAX_SECTORS 2048
#define BLK_ARGUMENTS \
	"[list]\n" \
	"blk info | id | flush DISK\n" \
	"blk cache DISK [writeback | writethrough]\n" \
	"blk read DISK SECTOR [COUNT]\n" \
	"blk write DISK SECTOR COUNT [BYTE]\n" \
	"blk discard | zero DISK SECTOR COUNT"
#define BLK_LIMITS \
	"COUNT is 1 or more, to read and write 2048 at most; without BYTE what was read last is " \
	"written"
int do_blk(int argc, char **argv);
int do_read(int argc, char **argv);
int do_hexdump(int argc, char **argv);

/* files.c: partitions, and what is in archives on them. */
int do_part(int argc, char **argv);
int do_ls(int argc, char **argv);
int do_cat(int argc, char **argv);

/* scsi.c: what the disks of virtio-scsi are. */
#define SCSI_ARGUMENTS "[luns | scan | sense | reset DISK]"
#define SCSI_LIMITS \
	"luns lists all logical units, and so does scan after a look for new ones; sense: what " \
	"was " \
	"wrong with them last"
int do_scsi(int argc, char **argv);

/* port.c: ports of virtio-console, and the window in which is typed. */
#define PORT_ARGUMENTS "[read PORT [BYTES] | write PORT WORD… | emergency WORD]"
#define PORT_LIMITS \
	"read ends when nothing has come for two seconds, so many bytes have, or after a minute"
int do_port(int argc, char **argv);
#define MAX_SIZE 9999
int do_size(int argc, char **argv);

#endif
