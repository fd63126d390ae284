/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the SHA-256 of files, and of all files in folders, read by the C library:
 *
 *     tar cf files.tar FOLDER
 *     make run APP=filesum DISK=files.tar          filesum: /disk/FOLDER/FILE 1234 sha256 5f70bf18…
 *
 * Left out: symbolic links are not followed into folders, which may be rings.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/sha256.h"

#define DEPTH_MAX 64 /* of folders in one another */
#define PIECE 8192

static bool complain(const char *path)
{
	printf("filesum: %s: %s\n", path, strerror(errno));
	return false;
}

static bool sum_file(const char *path)
{
	static unsigned char piece[PIECE];
	struct sha256 sum;
	unsigned char digest[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];
	struct stat status;
	size_t length;

	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return complain(path);
	bool good = fstat(fileno(file), &status) == 0;
	sha256_begin(&sum);
	while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
		sha256_add(&sum, piece, length);
	good = good && !ferror(file) && sum.length == (uint64_t)status.st_size;
	if (!good)
		complain(path);
	fclose(file);
	if (good) {
		sha256_end(&sum, digest);
		sha256_text(digest, text);
		printf("filesum: %s %lld sha256 %s\n", path, (long long)status.st_size, text);
	}
	return good;
}

static bool sum(const char *path, unsigned depth);

static bool sum_folder(const char *path, unsigned depth)
{
	DIR *folder = opendir(path);
	bool good = true;

	if (folder == NULL)
		return complain(path);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char *name = malloc(strlen(path) + strlen(entry->d_name) + 2);
		if (name == NULL) {
			good = complain(path);
			break;
		}
		sprintf(name, "%s/%s", path, entry->d_name);
		if (entry->d_type != DT_LNK)
			good &= sum(name, depth + 1);
		free(name);
	}
	closedir(folder);
	return good;
}

static bool sum(const char *path, unsigned depth)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return complain(path);
	if (!S_ISDIR(status.st_mode))
		return sum_file(path);
	if (depth == DEPTH_MAX) {
		printf("filesum: %s: more than %d folders in one another\n", path, DEPTH_MAX);
		return false;
	}
	return sum_folder(path, depth);
}

int main(int argc, char **argv)
{
	bool good = true;

	if (argc > 1 && argv[1][0] == '-') {
		printf("usage: %s [PATH…]\n", argv[0]);
		return 2;
	}
	if (argc == 1)
		good = sum("/disk", 0);
	for (int i = 1; i < argc; i++)
		good &= sum(argv[i], 0);
	return good ? 0 : 1;
}
