/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's commands for what is on disks: part, ls, cat.
 *
 *     tar cf files.tar FOLDER
 *     make run DISK=files.tar ARGS='"ls -l" "cat /disk/FOLDER/FILE"'
 *
 * Left out: sorting, and columns.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "drivers/virtio/partition.h"
#include "kernel/console.h"
#include "kernel/files.h"
#include "lib/error.h"

#define PIECE 32768

/* ---- part ---------------------------------------------------------------------------------- */

/* As people write a GUID: its first three numbers are little-endian. */
static void print_guid(const uint8_t guid[16])
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (unsigned i = 0; i < sizeof(order); i++)
		kprint("%s%02X", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", guid[order[i]]);
}

static int print_partitions(struct block_device *disk)
{
	static const char *const schemes[] = { "no partition table", "MBR", "GPT" };
	const struct partition_table *table;

	int error = block_partitions->table(disk, &table);
	if (error) {
		kprint("part: %s: %s\n", disk->name,
		       table != NULL ? table->fault : error_text(error));
		return 1;
	}
	kprint("%s: %s\n", disk->name, schemes[table->scheme]);
	for (const struct partition *part = table->first; part != NULL; part = part->next) {
		kprint("%s at %llu, %llu sectors, type ", part->device.name,
		       (unsigned long long)part->device.first_sector,
		       (unsigned long long)part->device.capacity);
		if (table->scheme == PARTITION_GPT)
			print_guid(part->type);
		else
			kprint("%02x", part->type[0]);
		kprint("%s%s\n", part->label[0] != '\0' ? " " : "", part->label);
	}
	return 0;
}

int do_part(int argc, char **argv)
{
	int status = 0;

	if (block_partitions == NULL) {
		kprint("part: partitions were not linked into this image\n");
		return 1;
	}
	if (argc == 1 && block_first() == NULL)
		kprint("part: there is no disk\n");
	for (struct block_device *disk = block_first(); argc == 1 && disk != NULL;
	     disk = disk->next)
		status |= print_partitions(disk);
	for (int i = 1; i < argc; i++) {
		struct block_device *disk = block_find(argv[i]);
		if (disk == NULL)
			kprint("part: there is no disk %s\n", argv[i]);
		status |= disk == NULL ? 1 : print_partitions(disk);
	}
	return status;
}

/* ---- ls ------------------------------------------------------------------------------------- */

static int complain(const char *command, const char *path, int error)
{
	bool under = strncmp(path, FILES_ROOT, sizeof(FILES_ROOT) - 1) == 0;

	kprint("%s: %s: %s%s\n", command, path, error_text(error),
	       under ? "" : "; files are under " FILES_ROOT);
	return 1;
}

/* Whoever packed the archive chose the name: a terminal gets no control characters of it, neither ASCII's nor, in
 * UTF-8, those from U+0080 to U+009F. */
static void print_name(const char *name)
{
	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)name[0], next = (unsigned char)name[1];
		bool two = c == 0xc2 && next >= 0x80 && next < 0xa0;
		kprint("%c", two || iscntrl(c) ? '?' : c);
		name += two;
	}
}

/* Of the years 1 to 9999: what is before or behind that is nonsense, and told in seconds. */
static void print_time(int64_t mtime)
{
	time_t when = (time_t)mtime;
	struct tm tm;
	char text[32];

	if (mtime < INT64_C(-62135596800) || mtime >= INT64_C(253402300800) ||
	    gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) == 0)
		kprint(" %lld ", (long long)mtime);
	else
		kprint(" %s ", text);
}

static void print_mode(const struct file_info *info)
{
	char text[11] = "-rwxrwxrwx";

	text[0] = info->type == TAR_DIRECTORY ? 'd' : info->type == TAR_SYMLINK ? 'l' : '-';
	for (unsigned i = 0; i < 9; i++) {
		if ((info->mode >> (8 - i) & 1) == 0)
			text[i + 1] = '-';
	}
	kprint("%s", text);
}

static void print_entry(const char *folder, const char *name, const struct file_info *info,
			bool all)
{
	if (all) {
		print_mode(info);
		kprint(" %10llu", (unsigned long long)info->size);
		print_time(info->mtime);
	}
	print_name(name);
	if (info->type == TAR_DIRECTORY)
		kprint("/");
	char *path =
		all && info->type == TAR_SYMLINK ? malloc(strlen(folder) + strlen(name) + 2) : NULL;
	char link[256];
	if (path != NULL) {
		strcpy(path, folder);
		if (folder[0] != '\0')
			strcat(path, "/");
		strcat(path, name);
		if (file_link(path, link, sizeof(link)) == 0) {
			kprint(" -> ");
			print_name(link);
		}
		free(path);
	}
	kprint("\n");
}

static int list(const char *path, bool all)
{
	struct file_info info;
	struct folder folder;

	int error = file_info(path, true, &info);
	if (error == 0 && info.type != TAR_DIRECTORY) {
		print_entry("", path, &info, all);
		return 0;
	}
	if (error == 0)
		error = folder_open(path, &folder);
	if (error)
		return complain("ls", path, error);
	const char *name;
	while ((name = folder_next(&folder, &info)) != NULL)
		print_entry(path, name, &info, all);
	folder_close(&folder);
	return 0;
}

int do_ls(int argc, char **argv)
{
	bool all = argc > 1 && strcmp(argv[1], "-l") == 0;
	int status = 0, first = all ? 2 : 1;

	for (int i = first; i < argc; i++) {
		if (argv[i][0] == '-')
			return USAGE;
	}
	if (argc == first)
		return list(FILES_ROOT, all);
	for (int i = first; i < argc; i++) {
		if (argc > first + 1)
			kprint("%s%s:\n", i > first ? "\n" : "", argv[i]);
		status |= list(argv[i], all);
	}
	return status;
}

/* ---- cat ------------------------------------------------------------------------------------ */

static int print_file(const char *path, char *piece)
{
	struct file file;
	uint64_t offset = 0;
	long length;

	int error = file_open(path, &file);
	if (error)
		return complain("cat", path, error);
	while ((length = file_read(&file, offset, piece, PIECE)) > 0) {
		console_write(piece, (size_t)length);
		offset += (uint64_t)length;
	}
	file_close(&file);
	return length < 0 ? complain("cat", path, (int)length) : 0;
}

int do_cat(int argc, char **argv)
{
	int status = 0;

	if (argc < 2)
		return USAGE;
	char *piece = malloc(PIECE);
	for (int i = 1; i < argc && piece != NULL; i++)
		status |= print_file(argv[i], piece);
	if (piece == NULL)
		return complain("cat", argv[1], ERR_NOMEM);
	free(piece);
	return status;
}
