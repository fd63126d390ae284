/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: tar archives (lib/tar.c), and the index that is made of them (kernel/archive.c). */
#include "drivers/virtio/port.h"
#include "kernel/archive.h"
#include "lib/error.h"
#include "tests/fuzz/fuzz.h"

enum { WITH_SEAL = 1, READ_FAILS = 2 };

#define BLOCKS_MAX 24

static struct {
	uint8_t bytes[BLOCKS_MAX * TAR_BLOCK];
	size_t size;
	unsigned reads, fails_at;
} disk;

static unsigned allocations;

void *vport_alloc(size_t size)
{
	allocations++;
	return fuzz_alloc(size);
}
void vport_free(void *memory, size_t size)
{
	(void)size;
	free(memory);
	allocations--;
}
uint64_t vport_now(void)
{
	return 0;
}

static int read_disk(void *context, uint64_t offset, void *buffer, size_t length)
{
	FUZZ_CHECK(context == &disk);
	FUZZ_CHECK(length <= TAR_BLOCK && offset <= disk.size && length <= disk.size - offset);
	memcpy(buffer, disk.bytes + offset, length);
	return ++disk.reads == disk.fails_at ? ERR_IO : 0;
}

/* Right checksums for all that may be meant as a header. */
static void seal_all(void)
{
	for (size_t at = 0; at < disk.size; at += TAR_BLOCK) {
		uint8_t *header = disk.bytes + at;
		unsigned sum = 8 * ' ';
		if (memcmp(header + 257, "ustar", 5) != 0)
			continue;
		for (unsigned i = 0; i < TAR_BLOCK; i++)
			sum += i >= 148 && i < 156 ? 0 : header[i];
		snprintf((char *)header + 148, 8, "%06o", sum);
	}
}

/* ---- What must hold of every index ------------------------------------------------------------ */

static unsigned seen;

static void check_links(const struct archive *archive, const char *path)
{
	const struct archive_node *node;

	int error = archive_find(archive, path, true, &node);
	FUZZ_CHECK(error == 0 || error == ERR_NOT_FOUND || error == ERR_NOT_FOLDER ||
		   error == ERR_LOOP);
	FUZZ_CHECK(error != 0 || node->type != TAR_SYMLINK);
}

static void check_folder(const struct archive *archive, const struct archive_node *folder,
			 char *path, size_t length)
{
	const struct archive_node *last = NULL, *found;

	for (const struct archive_node *node = folder->first; node; node = node->next) {
		size_t name = strlen(node->name);
		FUZZ_CHECK(++seen < archive->count);
		FUZZ_CHECK(node->parent == folder && node->before == last);
		FUZZ_CHECK(name > 0 && name <= ARCHIVE_NAME_MAX && name == node->length);
		FUZZ_CHECK(!strchr(node->name, '/') && strcmp(node->name, ".") != 0 &&
			   strcmp(node->name, "..") != 0);
		memcpy(path + length, node->name, name + 1);
		FUZZ_CHECK(archive_find(archive, path, false, &found) == 0 && found == node);
		check_links(archive, path);
		if (node->type == TAR_FILE)
			FUZZ_CHECK(node->data <= disk.size && node->size <= disk.size - node->data);
		else if (node->type == TAR_SYMLINK)
			FUZZ_CHECK(strlen(node->link) == node->size && !node->first);
		else
			FUZZ_CHECK(node->type == TAR_DIRECTORY);
		strcpy(path + length + name, "/");
		check_folder(archive, node, path, length + name + 1);
		last = node;
	}
	FUZZ_CHECK(folder->last == last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[2 * TAR_NAME_MAX];
	struct input input = { data, size };
	struct archive archive;

	unsigned options = (unsigned)take(&input, 1);
	memset(disk.bytes, 0, sizeof(disk.bytes));
	disk.reads = 0;
	disk.fails_at = options & READ_FAILS ? options >> 2 : 0;
	disk.size = input.left > sizeof(disk.bytes)
			    ? sizeof(disk.bytes)
			    : (input.left + TAR_BLOCK - 1) & ~(size_t)(TAR_BLOCK - 1);
	take_bytes(&input, disk.bytes, disk.size);
	if (options & WITH_SEAL)
		seal_all();

	int error = archive_index(&archive, read_disk, &disk, disk.size);
	FUZZ_CHECK(error == 0 || error == ERR_FORMAT || error == ERR_UNSUPPORTED ||
		   error == ERR_IO);
	FUZZ_CHECK((error == ERR_FORMAT) == (archive.fault != NULL));
	FUZZ_CHECK(archive.fault_at <= disk.size);
	seen = 0;
	path[0] = 0;
	check_folder(&archive, archive.root, path, 0);
	archive_free(&archive);
	FUZZ_CHECK(allocations == 0);
	return 0;
}
