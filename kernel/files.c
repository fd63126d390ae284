/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files on disks: see files.h. Which archive a path is in is decided here; what is in it, archive.c knows.
 *
 * See it at work: make run DISK=files.tar, then `ls` and `cat /disk/NAME`
 * Left out: writing, and file systems.
 */
#include "kernel/files.h"

#include "drivers/virtio/partition.h"
#include "kernel/console.h"
#include "lib/error.h"
#include "lib/mem.h"

#define WAIT_NS 1000000

struct mount {
	struct block_device *disk;
	bool indexed;
	unsigned generation; /* the disk's, when the index was made */
	struct archive archive;
	int error;      /* ERR_FORMAT: known to be damaged */
	unsigned users; /* open folders */
	struct mount *next;
};

static struct mount *mounts;
static bool locked;

/* One program at a time; the others are on other CPUs. */
static void lock(void)
{
	while (__atomic_exchange_n(&locked, true, __ATOMIC_ACQUIRE))
		vport_relax(vport_now() + WAIT_NS);
}

static void unlock(void)
{
	__atomic_store_n(&locked, false, __ATOMIC_RELEASE);
}

/* ---- Archives ------------------------------------------------------------------------------- */

static int read_archive(void *context, uint64_t offset, void *buffer, size_t length)
{
	return disk_reader_read(context, offset, buffer, length);
}

static void say(const struct mount *mount)
{
	const struct archive *archive = &mount->archive;

	if (mount->error)
		kprint("%s: its tar archive is damaged at byte %llu: %s\n", mount->disk->name,
		       (unsigned long long)archive->fault_at, archive->fault);
	else if (archive->left_out > 0)
		kprint("%s: %u members of its tar archive are left out: devices, sparse files, "
		       "names "
		       "with .. or longer than %u bytes\n",
		       mount->disk->name, archive->left_out, ARCHIVE_NAME_MAX);
}

/* Makes the index of a disk's archive. An archive that is damaged is remembered as such, and said so once. */
static int make_index(struct mount *mount)
{
	struct block_device *disk = mount->disk;
	unsigned generation = disk->whole->generation; /* before anything that may be newer */
	struct disk_reader reader;

	int error = disk_reader_open(&reader, disk);
	if (error)
		return error;
	error = archive_index(&mount->archive, read_archive, &reader,
			      disk->capacity * BLOCK_SECTOR);
	disk_reader_close(&reader);
	mount->error = error == ERR_FORMAT ? error : 0;
	if (!error || mount->error) {
		mount->indexed = true;
		mount->generation = generation;
		say(mount);
	}
	if (error)
		archive_free(&mount->archive);
	return error == ERR_UNSUPPORTED ? ERR_NO_ARCHIVE : error;
}

static struct mount *new_mount(struct block_device *disk, int *error)
{
	struct mount *mount = vport_alloc(sizeof(*mount));

	*error = ERR_NOMEM;
	if (!mount)
		return NULL;
	mount->disk = disk;
	*error = make_index(mount);
	if (*error && !mount->error) {
		vport_free(mount, sizeof(*mount));
		return NULL;
	}
	mount->next = mounts;
	mounts = mount;
	return mount;
}

/* The disk has changed (block_device.generation): what is on it may be something else. */
static int renew_index(struct mount *mount)
{
	/* What folders that are open show is not taken away from under them. Nothing else is found by it: even a
	 * disk of the same size may hold other files. */
	if (mount->users > 0)
		return ERR_BUSY;
	archive_free(&mount->archive);
	mount->indexed = false; /* should it not work now, it is tried again */
	return make_index(mount);
}

/* The archive of a disk or partition. */
static int mount_disk(struct block_device *disk, struct mount **found)
{
	struct mount *mount = mounts;
	int error;

	if (disk->whole->gone)
		return ERR_NODEV;
	if (disk->whole->empty)
		return ERR_NO_MEDIUM;
	while (mount && mount->disk != disk)
		mount = mount->next;
	if (!mount)
		mount = new_mount(disk, &error);
	else if (!mount->indexed || mount->generation != disk->whole->generation)
		error = renew_index(mount);
	else
		error = mount->error;
	*found = mount;
	return error;
}

/* A disk's own archive, or that of its first partition that has one. */
static int mount_part(struct block_device *disk, struct mount **found)
{
	const struct partition_table *table;

	int error = mount_disk(disk, found);
	if (error != ERR_NO_ARCHIVE || !block_partitions ||
	    block_partitions->table(disk, &table) != 0)
		return error;
	for (struct partition *part = table->first; part && error == ERR_NO_ARCHIVE;
	     part = part->next)
		error = mount_disk(&part->device, found);
	return error;
}

/* The first archive there is. A disk that cannot be read is passed over; its error is told where there is no
 * archive on any other. */
static int mount_first(struct mount **found)
{
	int told = ERR_NO_ARCHIVE;

	for (struct block_device *disk = block_first(); disk; disk = disk->next) {
		int error = mount_part(disk, found);
		if (!error || error == ERR_FORMAT)
			return error;
		if (error != ERR_NO_ARCHIVE)
			told = error;
	}
	return told;
}

/* ---- Paths ------------------------------------------------------------------------------------ */

/* The disk that a path's first name means; *path is moved behind it. NULL: it is none's. */
static struct block_device *disk_of(const char **path)
{
	char name[sizeof(((struct block_device *)0)->name)];
	const char *from = *path;
	size_t length = 0;

	while (*from == '/')
		from++;
	for (; from[length] && from[length] != '/'; length++) {
		if (length == sizeof(name) - 1)
			return NULL;
		name[length] = from[length];
	}
	name[length] = 0;
	struct block_device *disk = length > 0 ? block_find(name) : NULL;
	if (disk)
		*path = from + length;
	return disk;
}

static int find(const char *path, bool follow, struct mount **mount,
		const struct archive_node **node)
{
	const size_t root = sizeof(FILES_ROOT) - 1;

	for (size_t i = 0; i < root; i++) {
		if (path[i] != FILES_ROOT[i])
			return ERR_NOT_FOUND;
	}
	path += root;
	if (*path && *path != '/')
		return ERR_NOT_FOUND;
	struct block_device *disk = disk_of(&path);
	int error = disk ? mount_disk(disk, mount) : mount_first(mount);
	return error ? error : archive_find(&(*mount)->archive, path, follow, node);
}

static void describe(const struct archive_node *node, struct file_info *info)
{
	*info = (struct file_info){ node->type, node->mode, node->mtime, node->size, node->number };
}

int file_info(const char *path, bool follow, struct file_info *info)
{
	const struct archive_node *node;
	struct mount *mount;

	lock();
	int error = find(path, follow, &mount, &node);
	if (!error)
		describe(node, info);
	unlock();
	return error;
}

int file_link(const char *path, char *target, size_t size)
{
	const struct archive_node *node;
	struct mount *mount;

	lock();
	int error = find(path, false, &mount, &node);
	if (!error && node->type != TAR_SYMLINK)
		error = ERR_INVALID;
	if (!error && size > 0) {
		size_t length = node->size < size ? (size_t)node->size : size - 1;
		memcpy(target, node->link, length);
		target[length] = 0;
	}
	unlock();
	return error;
}

/* ---- Files -------------------------------------------------------------------------------------- */

/* `any`: the path begins with FILES_ROOT, and its first name may be a disk's; otherwise it is one in the first archive. */
static int open_file(const char *path, bool any, struct file *file)
{
	const struct archive_node *node;
	struct mount *mount;

	lock();
	int error = any ? find(path, true, &mount, &node) : mount_first(&mount);
	if (!error && !any)
		error = archive_find(&mount->archive, path, true, &node);
	if (!error && node->type == TAR_DIRECTORY)
		error = ERR_FOLDER;
	if (!error)
		error = disk_reader_open(&file->reader, mount->disk);
	if (!error) {
		file->data = node->data;
		describe(node, &file->info);
	}
	unlock();
	return error;
}

int file_open(const char *path, struct file *file)
{
	return open_file(path, true, file);
}

int file_open_first(const char *path, struct file *file)
{
	return open_file(path, false, file);
}

long file_read(struct file *file, uint64_t offset, void *buffer, size_t length)
{
	uint64_t left = offset < file->info.size ? file->info.size - offset : 0;

	if (length > left)
		length = (size_t)left;
	if (length == 0)
		return 0;
	int error = disk_reader_read(&file->reader, file->data + offset, buffer, length);
	return error ? error : (long)length;
}

void file_close(struct file *file)
{
	disk_reader_close(&file->reader);
}

/* ---- Folders ------------------------------------------------------------------------------------ */

int folder_open(const char *path, struct folder *folder)
{
	lock();
	int error = find(path, true, &folder->mount, &folder->folder);
	if (!error && folder->folder->type != TAR_DIRECTORY)
		error = ERR_NOT_FOLDER;
	if (!error) {
		folder->mount->users++;
		folder_rewind(folder);
	}
	unlock();
	return error;
}

const char *folder_next(struct folder *folder, struct file_info *info)
{
	const struct archive_node *node = folder->next;

	if (!node)
		return NULL;
	folder->next = node->next;
	describe(node, info);
	return node->name;
}

void folder_rewind(struct folder *folder)
{
	folder->next = folder->folder->first;
}

void folder_close(struct folder *folder)
{
	lock();
	folder->mount->users--;
	unlock();
}
