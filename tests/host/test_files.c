/* SPDX-License-Identifier: BSD-2-Clause */
/* Files on fake disks (kernel/files.c): which archive a path is in, and what becomes of files when their disk changes,
 * fails, or goes. What is in an archive, test_archive.c tests. */
#include "kernel/files.h"

#include <stdarg.h>

#include "kernel/console.h"
#include "lib/format.h"
#include "tar_writer.h"
#include "tests/host/fake/disk_jobs.h"

static char said[4096];

void kprint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	size_t length = strlen(said);
	format_va(said + length, sizeof(said) - length, fmt, ap);
	va_end(ap);
}

static struct file_info info;
static struct file file;
static struct folder folder;

/* Puts an archive at a sector of the disk: a file that says `text`, and a large one behind it. */
#define LARGE 200000
static void put_archive(uint64_t sector, const char *text)
{
	struct tar_writer writer = { .bytes = NULL };
	static uint8_t large[LARGE];

	for (size_t i = 0; i < LARGE; i++)
		large[i] = (uint8_t)(i * 7 + i / 509);
	tw_member(&writer, '0', "folder/file", text);
	tw_member_of(&writer, '0', "large", large, LARGE, LARGE);
	tw_member(&writer, '0', "vda", "a file with the name of a disk");
	tw_end(&writer);
	memcpy(media.bytes + sector * 512, writer.bytes, writer.size);
	tw_free(&writer);
}

static void put_partition(uint32_t first, uint32_t count)
{
	memset(media.bytes, 0, 512);
	media.bytes[446 + 4] = 0x83;
	for (unsigned i = 0; i < 4; i++) {
		media.bytes[446 + 8 + i] = (uint8_t)(first >> 8 * i);
		media.bytes[446 + 12 + i] = (uint8_t)(count >> 8 * i);
	}
	media.bytes[510] = 0x55;
	media.bytes[511] = 0xaa;
}

static void resize(uint64_t sectors)
{
	media.sectors = sectors;
	fake_config_set(&fake, 0, 8, sectors);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == sectors, 1000));
}

/* The whole file is that text. */
static void check_file(const char *path, const char *text)
{
	char found[64] = "";

	int error = file_open(path, &file);
	CHECK_EQ(error, 0);
	if (error)
		return;
	CHECK_EQ(file_read(&file, 0, found, sizeof(found)), strlen(text));
	CHECK_TEXT(found, text);
	file_close(&file);
}

static int error_of(const char *path)
{
	return file_info(path, true, &info);
}

/* The site of a web server: its names are never disks. */
static void first_archive(void)
{
	char found[64] = "";

	make();
	put_archive(0, "text");
	start();
	CHECK_EQ(file_open_first("/vda", &file), 0);
	CHECK(file_read(&file, 0, found, sizeof(found)) > 0);
	CHECK_TEXT(found, "a file with the name of a disk");
	file_close(&file);
	CHECK_EQ(file_open_first("/folder/file", &file), 0);
	file_close(&file);
	CHECK_EQ(file_open_first("/vda/folder/file", &file), ERR_NOT_FOLDER);
	CHECK_EQ(file_open_first("/folder", &file), ERR_FOLDER);
}

static void paths(void)
{
	make();
	put_archive(0, "text");
	start();
	check_file("/disk/folder/file", "text");
	check_file("/disk/vda/folder/file", "text");
	check_file("/disk//vda//folder/../folder/file", "text");
	check_file("/disk/vda/vda", "a file with the name of a disk");
	CHECK_EQ(error_of("/disk"), 0);
	CHECK_EQ(info.type, TAR_DIRECTORY);
	CHECK_EQ(error_of("/disk/"), 0);
	CHECK_EQ(error_of("/disk/vda"), 0);
	CHECK_EQ(info.type, TAR_DIRECTORY);
	CHECK_EQ(error_of("/disk/vda/folder/file"), 0);
	CHECK(info.type == TAR_FILE && info.size == 4 && info.mode == 0644);
	CHECK_EQ(error_of("/disk/vdb/folder/file"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("/disk/a-name-longer-than-disks-have"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("/dis"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("/diskette"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("disk/folder"), ERR_NOT_FOUND);
	CHECK_EQ(error_of(""), ERR_NOT_FOUND);
	CHECK_EQ(file_open("/disk/folder", &file), ERR_FOLDER);
	CHECK_EQ(folder_open("/disk/folder/file", &folder), ERR_NOT_FOLDER);
	CHECK_EQ(file_link("/disk/folder", said, 1), ERR_INVALID);
	CHECK_TEXT(said, "");
}

/* Any bytes, by the window and past it, up to the end and no further. */
static void reads(void)
{
	static uint8_t whole[LARGE], part[LARGE];

	make();
	limits(4096, 126, 0);
	put_archive(0, "text");
	start();
	CHECK_EQ(file_open("/disk/large", &file), 0);
	CHECK_EQ(file_read(&file, 0, whole, LARGE + 100), LARGE);
	for (size_t i = 0; i < LARGE; i++) {
		if (whole[i] != (uint8_t)(i * 7 + i / 509)) {
			CHECK_EQ(i, LARGE);
			break;
		}
	}
	static const size_t lengths[] = { 1, 100, 4095, 4096, 4097, 32768, 40000, 150000 };
	for (size_t at = 0; at < LARGE; at += 7777) {
		for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			size_t left = LARGE - at;
			size_t length = lengths[i] < left ? lengths[i] : left;
			CHECK_EQ(file_read(&file, at, part, lengths[i]), length);
			CHECK(memcmp(part, whole + at, length) == 0);
		}
	}
	CHECK_EQ(file_read(&file, LARGE, part, 1), 0);
	CHECK_EQ(file_read(&file, UINT64_MAX, part, 1), 0);
	CHECK_EQ(file_read(&file, 0, part, 0), 0);
	/* Small pieces one after the other are few requests. */
	unsigned before = media.requests;
	for (size_t at = 0; at < LARGE; at += 100)
		CHECK_EQ(file_read(&file, at, part, 100), 100);
	CHECK(media.requests - before <= LARGE / 32768 + 2);
	file_close(&file);
}

static void first_of_partitions(void)
{
	make();
	put_partition(64, 1000);
	put_archive(64, "in a partition");
	start();
	check_file("/disk/folder/file", "in a partition");
	check_file("/disk/vda1/folder/file", "in a partition");
	CHECK_EQ(error_of("/disk/vda/folder/file"), ERR_NO_ARCHIVE);
	CHECK_EQ(error_of("/disk/vda2/folder/file"), ERR_NOT_FOUND);
}

static void no_archive(void)
{
	make();
	start();
	CHECK_EQ(error_of("/disk"), ERR_NO_ARCHIVE);
	CHECK_EQ(error_of("/disk/vda"), ERR_NO_ARCHIVE);
	/* It may be written there. */
	put_archive(0, "now");
	check_file("/disk/folder/file", "now");
	CHECK_TEXT(said, "");
}

static void damaged(void)
{
	make();
	put_archive(0, "text");
	media.bytes[1024 + 150] ^= 1;
	start();
	CHECK_EQ(error_of("/disk/folder/file"), ERR_FORMAT);
	CHECK_EQ(error_of("/disk/vda"), ERR_FORMAT);
	CHECK_TEXT(said,
		   "vda: its tar archive is damaged at byte 1024: a header's checksum is wrong\n");
}

static void left_out(void)
{
	make();
	put_archive(0, "text");
	media.bytes[1024 + 156] = '6'; /* a FIFO, which is one character more */
	media.bytes[1024 + 153] += 6;
	start();
	CHECK_EQ(error_of("/disk/large"), ERR_FORMAT); /* its data are no header */
	CHECK(strstr(said, "damaged at byte 1536"));
	said[0] = 0;
	memset(media.bytes + 1536, 0, 1024);
	resize(2000);
	CHECK_EQ(error_of("/disk/large"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("/disk/folder/file"), 0);
	CHECK(strstr(said, "vda: 1 members of its tar archive are left out: "));
}

/* Another size may be another archive. */
static void disk_changes(void)
{
	make();
	put_archive(0, "before");
	start();
	check_file("/disk/folder/file", "before");
	unsigned allocations = fake_port.allocations;
	put_archive(0, "after it");
	check_file("/disk/folder/file", "after "); /* nobody has said that it changed */
	resize(2000);
	check_file("/disk/folder/file", "after it");
	CHECK_EQ(fake_port.allocations, allocations);
	/* What an open folder shows stays until it is closed. */
	CHECK_EQ(folder_open("/disk/folder", &folder), 0);
	const char *name = folder_next(&folder, &info);
	CHECK_TEXT(name, "file");
	resize(1900);
	CHECK_EQ(error_of("/disk/folder/file"), ERR_BUSY);
	CHECK(!folder_next(&folder, &info));
	folder_rewind(&folder);
	CHECK_TEXT(folder_next(&folder, &info), "file");
	/* Another medium, and of the size of the first: its files are not where the index says. */
	resize(2000);
	CHECK_EQ(error_of("/disk/folder/file"), ERR_BUSY);
	CHECK_EQ(file_open("/disk/large", &file), ERR_BUSY);
	folder_close(&folder);
	put_archive(0, "third");
	check_file("/disk/folder/file", "third");
	/* An open file that is not there any more. */
	CHECK_EQ(file_open("/disk/large", &file), 0);
	resize(100);
	uint8_t bytes[512];
	CHECK_EQ(file_read(&file, 100 * 512, bytes, 512), ERR_RANGE);
	file_close(&file);
	CHECK_EQ(error_of("/disk/folder/file"), ERR_FORMAT);
	memset(media.bytes, 0, 512);
	resize(200);
	CHECK_EQ(error_of("/disk/folder/file"), ERR_NO_ARCHIVE);
	put_archive(0, "fourth");
	resize(2048);
	check_file("/disk/folder/file", "fourth");
}

static void disk_fails(void)
{
	uint8_t bytes[512];

	make();
	put_archive(0, "text");
	media.has_bad_sector = true;
	media.bad_sector = 2;
	start();
	CHECK_EQ(error_of("/disk/folder/file"), ERR_IO);
	CHECK_EQ(error_of("/disk/vda/folder/file"), ERR_IO);
	media.has_bad_sector = false; /* and again, once it can be read */
	check_file("/disk/folder/file", "text");
	CHECK_EQ(file_open("/disk/large", &file), 0);
	CHECK_EQ(file_read(&file, 0, bytes, 512), 512);
	media.has_bad_sector = true;
	media.bad_sector = 310;
	/* What is read ahead is nobody's error. */
	for (unsigned sector = 299; sector < 315; sector++) {
		bool bad = sector + 1536 / 512 == media.bad_sector;
		CHECK_EQ(file_read(&file, sector * 512, bytes, 512), bad ? ERR_IO : 512);
		CHECK(bad || memcmp(bytes, media.bytes + 1536 + sector * 512, 512) == 0);
	}
	/* So much goes straight to where it is wanted. */
	static uint8_t direct[65536];
	CHECK_EQ(file_read(&file, 250 * 512, direct, sizeof(direct)), ERR_IO);
	media.has_bad_sector = false;
	CHECK_EQ(file_read(&file, 250 * 512, direct, sizeof(direct)), sizeof(direct));
	CHECK(memcmp(direct, media.bytes + 1536 + 250 * 512, sizeof(direct)) == 0);
	fake.gone = true;
	CHECK(FAKE_WAIT(disk->gone, 60000));
	CHECK_EQ(file_read(&file, 0, bytes, 512), ERR_NODEV);
	file_close(&file);
	CHECK_EQ(error_of("/disk/folder/file"), ERR_NODEV);
	CHECK_EQ(file_open("/disk/vda/large", &file), ERR_NODEV);
}

/* The device is reset at the next request, and what comes back has blocks of this size. */
static uint32_t next_block_size;

static bool comes_back_other(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	(void)written;
	fake.before_use = NULL;
	limits(next_block_size, 126, 0);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	return false;
}

/* An open file is of the disk as it was: what was made room for stays as large as it was. */
static void blocks_change_size(uint32_t before, uint32_t after, uint64_t offset, size_t length)
{
	static uint8_t bytes[LARGE];

	make();
	limits(before, 126, 0);
	put_archive(0, "text");
	start();
	CHECK_EQ(file_open("/disk/large", &file), 0);
	CHECK_EQ(file.data, 1536);
	next_block_size = after;
	fake.before_use = comes_back_other;
	CHECK_EQ(file_read(&file, offset - file.data, bytes, length), ERR_BUSY);
	CHECK_EQ(disk->block_size, after);
	CHECK_EQ(file_read(&file, offset - file.data, bytes, length), ERR_BUSY);
	file_close(&file);
	CHECK_EQ(file_open("/disk/large", &file), 0);
	CHECK_EQ(file_read(&file, offset - file.data, bytes, length), length);
	CHECK(memcmp(bytes, media.bytes + offset, length) == 0);
	file_close(&file);
}

static void blocks_grow(void)
{
	blocks_change_size(512, 65536, 65536, 512);
}

static void blocks_shrink(void)
{
	blocks_change_size(65536, 512, 65536 + 60000, 40000);
}

/* More than a window holds goes past it. */
static void blocks_grow_under_a_long_read(void)
{
	blocks_change_size(512, 65536, 65536, 100000);
}

static void without_memory(void)
{
	make();
	put_archive(0, "text");
	start();
	CHECK_EQ(read_at(0, 512), 0);
	static uint8_t bytes[512];
	CHECK_EQ(block_read(disk, 0, bytes, 512), 0); /* its own memory is there from now on */
	unsigned before = fake_port.allocations, n = 1;
	for (;; n++) {
		fake_port.allocation_fails = fake_port.allocated + n;
		int error = file_open("/disk/folder/file", &file);
		if (error == 0)
			break;
		CHECK_EQ(error, ERR_NOMEM);
		CHECK(n == 6 ||
		      fake_port.allocations == before); /* the sixth: the index is there */
	}
	CHECK_EQ(n, 7);
	file_close(&file);
}

int main(void)
{
	enum { ONCE = ON_PCI | ON_SPLIT };
	static const struct scenario scenarios[] = {
		SCENARIO(paths, ONCE),          SCENARIO(first_archive, ONCE),
		SCENARIO(reads, ONCE),          SCENARIO(first_of_partitions, ONCE),
		SCENARIO(no_archive, ONCE),     SCENARIO(damaged, ONCE),
		SCENARIO(left_out, ONCE),       SCENARIO(disk_changes, ONCE),
		SCENARIO(disk_fails, ONCE),     SCENARIO(blocks_grow, ONCE),
		SCENARIO(blocks_shrink, ONCE),  SCENARIO(blocks_grow_under_a_long_read, ONCE),
		SCENARIO(without_memory, ONCE),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
