/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests files on disks through the C library, against an archive whose contents it knows (tests/files.py):
 *
 *     make test-boot TEST_OPTIONS='--filter filetest'
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/ktap.h"
#include "kernel/libc_file.h"

#define NUMBERS "/disk/folder/numbers" /* 0 to 19999, a line each */
#define NUMBERS_SIZE 108890
#define LARGE "/disk/folder/inner/large" /* of no contents that are known here */
#define LARGE_SIZE (5 * 1024 * 1024 + 1)
#define MANY (OPEN_FILES + 1)

/* Evaluates to whether it failed with that errno. */
#define FAILS(call, error) (errno = 0, (call) && errno == (error))

static const char *test_read(void)
{
	char line[32];
	int number, expected = 0;

	FILE *file = fopen(NUMBERS, "r");
	ktap_check(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL) {
		ktap_check(sscanf(line, "%d\n", &number) == 1 && number == expected);
		expected++;
	}
	ktap_check(expected == 20000);
	ktap_check(feof(file) && !ferror(file));
	ktap_check(fgetc(file) == EOF);
	ktap_check(fclose(file) == 0);
	return KTAP_OK;
}

/* The number at a place that is known: lines from 1000 on have 5 bytes, from 10000 on 6. */
static int number_at(FILE *file, long offset, int whence)
{
	int number = -1;

	return fseek(file, offset, whence) == 0 && fscanf(file, "%d", &number) == 1 ? number : -1;
}

static const char *test_seek(void)
{
	FILE *file = fopen(NUMBERS, "rb");
	ktap_check(file != NULL);
	ktap_check(number_at(file, -6, SEEK_END) == 19999);
	ktap_check(number_at(file, 0, SEEK_SET) == 0);
	ktap_check(number_at(file, 48890, SEEK_SET) == 10000);
	ktap_check(number_at(file, 48890 + 6 * 9000, SEEK_SET) == 19000);
	ktap_check(ftell(file) == 48890 + 6 * 9000 + 5);
	ktap_check(number_at(file, 1 - 6 * 5, SEEK_CUR) == 18996);
	rewind(file);
	ktap_check(ftell(file) == 0 && fgetc(file) == '0');
	ktap_check(ungetc('x', file) == 'x' && fgetc(file) == 'x');
	/* Behind the end there is nothing, but one may go there; before the start one may not. */
	ktap_check(fseek(file, NUMBERS_SIZE + 1000, SEEK_SET) == 0);
	ktap_check(fgetc(file) == EOF && feof(file));
	ktap_check(FAILS(fseek(file, -NUMBERS_SIZE - 1, SEEK_END) == -1, EINVAL));
	ktap_check(fseek(file, 0, SEEK_END) == 0 && ftell(file) == NUMBERS_SIZE);
	ktap_check(fclose(file) == 0);
	return KTAP_OK;
}

/* The same bytes by reads of all sizes, at all places. */
static const char *test_pieces(void)
{
	static const size_t pieces[] = { 1,     511,   512,   513,    4096,
					 32767, 32768, 32769, 100000, 1 << 20 };
	unsigned char *whole = malloc(LARGE_SIZE), *part = malloc(1 << 20);

	int fd = open(LARGE, O_RDONLY);
	ktap_check(fd > 2 && whole != NULL && part != NULL);
	ktap_check(read(fd, whole, LARGE_SIZE) == LARGE_SIZE);
	ktap_check(read(fd, part, 1) == 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		for (size_t n = 0; n < 5; n++) {
			size_t at = n * 1234567 % LARGE_SIZE;
			size_t left = LARGE_SIZE - at;
			size_t length = left < pieces[i] ? left : pieces[i];
			ktap_check(lseek(fd, (off_t)at, SEEK_SET) == (off_t)at);
			memset(part, 0, 1 << 20);
			ktap_check(read(fd, part, pieces[i]) == (int)length);
			ktap_check(memcmp(part, whole + at, length) == 0);
			ktap_check(lseek(fd, 0, SEEK_CUR) == (off_t)(at + length));
		}
	}
	ktap_check(close(fd) == 0);
	free(whole);
	free(part);
	return KTAP_OK;
}

static const char *test_stat(void)
{
	struct stat status, other;

	ktap_check(stat(NUMBERS, &status) == 0);
	ktap_check(S_ISREG(status.st_mode) && (status.st_mode & 0400) != 0);
	ktap_check(status.st_size == NUMBERS_SIZE && status.st_mtime == 1577836800);
	ktap_check(stat("/disk/folder", &status) == 0 && S_ISDIR(status.st_mode));
	ktap_check(stat("/disk", &status) == 0 && S_ISDIR(status.st_mode));
	ktap_check(stat("/disk/empty", &status) == 0 && status.st_size == 0);
	/* One file with two names, and a link to it. */
	ktap_check(stat("/disk/readme.txt", &status) == 0);
	ktap_check(stat("/disk/folder/hard", &other) == 0 && other.st_ino == status.st_ino);
	ktap_check(stat("/disk/folder/soft", &other) == 0 && other.st_ino == status.st_ino);
	ktap_check(stat(NUMBERS, &other) == 0 && other.st_ino != status.st_ino);
	int fd = open(NUMBERS, O_RDONLY);
	ktap_check(fstat(fd, &status) == 0 && status.st_ino == other.st_ino);
	ktap_check(FAILS(isatty(fd) == 0, ENOTTY));
	ktap_check(close(fd) == 0);
	char target[32];
	ktap_check(readlink("/disk/folder/soft", target, sizeof(target)) == 13);
	ktap_check(memcmp(target, "../readme.txt", 13) == 0);
	ktap_check(readlink("/disk/folder/soft", target, 4) == 4);
	ktap_check(FAILS(readlink("/disk/readme.txt", target, 4) == -1, EINVAL));
	return KTAP_OK;
}

static const char *test_errors(void)
{
	struct stat status;

	ktap_check(FAILS(fopen("/disk/nothing", "r") == NULL, ENOENT));
	ktap_check(FAILS(fopen("/disk/nothing/in/it", "r") == NULL, ENOENT));
	ktap_check(FAILS(fopen("/disk/readme.txt/in/it", "r") == NULL, ENOTDIR));
	ktap_check(FAILS(fopen("/disk/readme.txt/", "r") == NULL, ENOTDIR));
	ktap_check(FAILS(fopen("/disk/folder", "r") == NULL, EISDIR));
	ktap_check(FAILS(fopen("/etc/passwd", "r") == NULL, ENOENT));
	ktap_check(FAILS(fopen("/diskette", "r") == NULL, ENOENT));
	ktap_check(FAILS(fopen("", "r") == NULL, ENOENT));
	ktap_check(FAILS(fopen("/disk/vda/nothing", "r") == NULL, ENOENT));
	ktap_check(FAILS(fopen("/disk/readme.txt", "w") == NULL, EROFS));
	ktap_check(FAILS(fopen("/disk/readme.txt", "r+") == NULL, EROFS));
	ktap_check(FAILS(fopen("/disk/new", "w") == NULL, EROFS));
	ktap_check(FAILS(fopen("/new", "w") == NULL, ENOENT));
	ktap_check(FAILS(stat("/disk/nothing", &status) == -1, ENOENT));
	ktap_check(FAILS(access("/disk/readme.txt", W_OK) == -1, EROFS));
	ktap_check(access("/disk/readme.txt", R_OK) == 0);
	ktap_check(FAILS(access("/disk/nothing", F_OK) == -1, ENOENT));
	ktap_check(FAILS(remove("/disk/readme.txt") == -1, EROFS));
	ktap_check(FAILS(unlink("/disk/nothing") == -1, ENOENT));
	ktap_check(FAILS(opendir("/disk/readme.txt") == NULL, ENOTDIR));
	ktap_check(FAILS(opendir("/disk/nothing") == NULL, ENOENT));
	int fd = open("/disk/readme.txt", O_RDONLY);
	ktap_check(FAILS(write(fd, "x", 1) == -1, EBADF));
	ktap_check(FAILS(lseek(fd, 0, 77) == -1, EINVAL));
	ktap_check(FAILS(lseek(fd, -1, SEEK_SET) == -1, EINVAL));
	ktap_check(close(fd) == 0);
	ktap_check(FAILS(close(fd) == -1, EBADF));
	ktap_check(FAILS(read(fd, &status, 1) == -1, EBADF));
	ktap_check(FAILS(read(-1, &status, 1) == -1, EBADF));
	ktap_check(FAILS(read(1000, &status, 1) == -1, EBADF));
	return KTAP_OK;
}

static const char *test_folders(void)
{
	const char *found[8];
	unsigned count = 0, again = 0, types = 0;
	struct dirent *entry;

	DIR *folder = opendir("/disk/folder/");
	ktap_check(folder != NULL);
	while ((entry = readdir(folder)) != NULL && count < 8) {
		found[count++] = strdup(entry->d_name);
		types += entry->d_type == DT_REG ? 1 : entry->d_type == DT_DIR ? 10 : 100;
		ktap_check(entry->d_type != DT_LNK || strcmp(entry->d_name, "soft") == 0);
	}
	ktap_check(count == 5 && types == 113); /* block, hard, numbers; inner; soft */
	ktap_check(readdir(folder) == NULL);
	rewinddir(folder);
	while ((entry = readdir(folder)) != NULL)
		again += again < count && strcmp(entry->d_name, found[again]) == 0;
	ktap_check(again == count);
	ktap_check(closedir(folder) == 0);
	for (unsigned i = 0; i < count; i++)
		free((void *)found[i]);
	return KTAP_OK;
}

/* As many as there may be, and one more; and all of them again. */
static const char *test_many(void)
{
	FILE *files[MANY];

	for (unsigned round = 0; round < 2; round++) {
		unsigned count = 0;
		errno = 0;
		while (count < MANY && (files[count] = fopen("/disk/readme.txt", "r")) != NULL)
			count++;
		ktap_check(count == OPEN_FILES - 3 && errno == EMFILE);
		while (count > 0) {
			char text[32];
			count--;
			ktap_check(fgets(text, sizeof(text), files[count]) != NULL);
			ktap_check(strcmp(text, "Ringlet reads this.\n") == 0);
			ktap_check(fclose(files[count]) == 0);
		}
	}
	return KTAP_OK;
}

int main(void)
{
	static const struct ktap_test tests[] = {
		{ "read", test_read }, { "seek", test_seek },     { "pieces", test_pieces },
		{ "stat", test_stat }, { "errors", test_errors }, { "folders", test_folders },
		{ "many", test_many },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
