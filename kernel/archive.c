/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of a tar archive: see archive.h.
 *
 * Nodes are found by a hash of their folder and name. Members come in any order and in any number, so nothing
 * here takes longer the more of them there are, and memory has a limit.
 *
 * See it at work: make run DISK=files.tar, then `ls`
 * Left out: owners, and the names of what is no file, folder or link.
 */
#include "kernel/archive.h"

#include "drivers/virtio/port.h"
#include "lib/error.h"
#include "lib/mem.h"

#define PIECE_BYTES 65536
#define PIECES_MAX 256
#define BUCKETS 4096
#define LINKS_MAX 8 /* symbolic links on the way to a file */

struct archive_piece {
	struct archive_piece *next;
	size_t used;
	_Alignas(16) uint8_t bytes[];
};

/* ---- Memory ------------------------------------------------------------------------------------ */

/* Aligned to 8. NULL: there is no more. */
static void *take(struct archive *archive, size_t size)
{
	struct archive_piece *piece = archive->pieces;

	size = (size + 7) & ~(size_t)7;
	if (!piece || PIECE_BYTES - sizeof(*piece) - piece->used < size) {
		if (archive->piece_count == PIECES_MAX)
			return NULL;
		piece = vport_alloc(PIECE_BYTES);
		if (!piece)
			return NULL;
		piece->next = archive->pieces;
		archive->pieces = piece;
		archive->piece_count++;
	}
	void *memory = piece->bytes + piece->used;
	piece->used += size;
	return memory;
}

void archive_free(struct archive *archive)
{
	while (archive->pieces) {
		struct archive_piece *piece = archive->pieces;
		archive->pieces = piece->next;
		vport_free(piece, PIECE_BYTES);
	}
	if (archive->buckets)
		vport_free(archive->buckets, BUCKETS * sizeof(*archive->buckets));
	*archive = (struct archive){ .fault = NULL };
}

/* ---- Names ------------------------------------------------------------------------------------- */

/* The next name of a path: where it begins, and its length; 0 at the end. */
static size_t next_name(const char **path)
{
	size_t length = 0;

	while (**path == '/')
		(*path)++;
	while ((*path)[length] && (*path)[length] != '/')
		length++;
	return length;
}

static bool is_dots(const char *name, size_t length, size_t dots)
{
	return length == dots && name[0] == '.' && name[dots - 1] == '.';
}

/* FNV-1a, from a seed that an archive's maker does not know. */
static uint32_t hash_of(const struct archive *archive, const struct archive_node *folder,
			const char *name, size_t length)
{
	uint32_t hash = (archive->seed ^ folder->hash) * 16777619u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static struct archive_node **place_of(const struct archive *archive,
				      const struct archive_node *folder, const char *name,
				      size_t length, uint32_t hash)
{
	struct archive_node **place = &archive->buckets[hash % BUCKETS];

	for (; *place; place = &(*place)->same_hash) {
		if ((*place)->hash == hash && (*place)->parent == folder &&
		    (*place)->length == length && memcmp((*place)->name, name, length) == 0)
			break;
	}
	return place;
}

/* ---- The tree ---------------------------------------------------------------------------------- */

static struct archive_node *new_node(struct archive *archive, const char *name, size_t length)
{
	struct archive_node *node = take(archive, sizeof(*node) + length + 1);

	if (node) {
		memcpy(node->name, name, length);
		node->length = (uint16_t)length;
		node->number = ++archive->count;
		node->type = TAR_DIRECTORY; /* until more is known */
		node->mode = 0555;
	}
	return node;
}

/* What takes the place of a file is a folder, or the other way round: the old one, with all in it, is out of
 * reach. */
static void unlink_node(struct archive_node **place)
{
	struct archive_node *node = *place, *folder = node->parent;

	*place = node->same_hash;
	if (node->before)
		node->before->next = node->next;
	else
		folder->first = node->next;
	if (node->next)
		node->next->before = node->before;
	else
		folder->last = node->before;
}

/* The node of that name in a folder, made anew where there is none, or none of its kind. NULL: no memory. */
static struct archive_node *enter(struct archive *archive, struct archive_node *folder,
				  const char *name, size_t length, bool is_folder)
{
	uint32_t hash = hash_of(archive, folder, name, length);
	struct archive_node **place = place_of(archive, folder, name, length, hash);

	if (*place && ((*place)->type == TAR_DIRECTORY) == is_folder)
		return *place;
	if (*place) {
		unlink_node(place);
		place = place_of(archive, folder, name, length, hash);
	}
	struct archive_node *node = new_node(archive, name, length);
	if (!node)
		return NULL;
	node->hash = hash;
	node->parent = folder;
	node->before = folder->last;
	if (folder->last)
		folder->last->next = node;
	else
		folder->first = node;
	folder->last = node;
	*place = node;
	return node;
}

/* Whether each name of the path may be in a folder. */
static bool can_be_kept(const char *path)
{
	size_t length;

	for (; (length = next_name(&path)) > 0; path += length) {
		if (length > ARCHIVE_NAME_MAX || is_dots(path, length, 2))
			return false;
	}
	return true;
}

/* The node for a path, with all folders on the way. NULL: no memory. */
static struct archive_node *enter_path(struct archive *archive, const char *path, bool is_folder)
{
	struct archive_node *node = archive->root;
	size_t length = next_name(&path);

	while (length > 0 && node) {
		const char *name = path;
		path += length;
		size_t following = next_name(&path);
		if (!is_dots(name, length, 1))
			node = enter(archive, node, name, length, is_folder || following > 0);
		length = following;
	}
	return node;
}

/* What a hard link is: the file that it names, as that is now. NULL: there is none. */
static const struct archive_node *linked(const struct archive *archive,
					 const struct tar_member *member)
{
	const struct archive_node *node;

	if (archive_find(archive, member->link, false, &node) != 0 || node->type != TAR_FILE)
		return NULL;
	return node;
}

static int add(struct archive *archive, const struct tar_member *member)
{
	const struct archive_node *target = NULL;
	bool is_link = member->type == TAR_LINK;

	if (is_link)
		target = linked(archive, member);
	if (member->type == TAR_OTHER || !can_be_kept(member->name) || (is_link && !target)) {
		archive->left_out++;
		return 0;
	}
	struct archive_node *node =
		enter_path(archive, member->name, member->type == TAR_DIRECTORY);
	if (!node)
		return ERR_NOMEM;
	if (node == target)
		return 0;
	if (node == archive->root && member->type != TAR_DIRECTORY) {
		archive->left_out++;
		return 0;
	}
	node->type = is_link ? TAR_FILE : member->type;
	node->mode = is_link ? target->mode : member->mode;
	node->mtime = is_link ? target->mtime : member->mtime;
	node->data = is_link ? target->data : member->data;
	node->size = is_link ? target->size : member->type == TAR_FILE ? member->size : 0;
	if (is_link)
		node->number = target->number;
	if (member->type == TAR_SYMLINK) {
		size_t length = 0;
		while (member->link[length])
			length++;
		char *copy = take(archive, length + 1);
		if (!copy)
			return ERR_NOMEM;
		memcpy(copy, member->link, length);
		node->link = copy;
		node->size = length;
	}
	return 0;
}

static int index_members(struct archive *archive, struct tar *tar, struct tar_member *member)
{
	int result;

	while ((result = tar_next(tar, member)) == 1) {
		int error = add(archive, member);
		if (error)
			return error;
	}
	archive->fault = tar->fault;
	archive->fault_at = tar->at;
	return result;
}

int archive_index(struct archive *archive, tar_read_fn *read, void *context, uint64_t size)
{
	struct tar_member *member = vport_alloc(sizeof(*member));
	struct tar tar;
	int error = ERR_NOMEM;

	*archive = (struct archive){ .seed = (uint32_t)vport_now() };
	archive->buckets = vport_alloc(BUCKETS * sizeof(*archive->buckets));
	archive->root = new_node(archive, "", 0);
	if (member && archive->buckets && archive->root) {
		archive->root->parent = archive->root;
		tar_begin(&tar, read, context, size);
		error = index_members(archive, &tar, member);
	}
	if (member)
		vport_free(member, sizeof(*member));
	return error;
}

/* ---- Paths ------------------------------------------------------------------------------------- */

static int walk(const struct archive *archive, const struct archive_node *from, const char *path,
		bool follow, unsigned *links, const struct archive_node **found)
{
	const struct archive_node *node = from;
	const char *start = path;
	size_t length;

	for (; (length = next_name(&path)) > 0; path += length) {
		if (node->type != TAR_DIRECTORY)
			return ERR_NOT_FOLDER;
		if (is_dots(path, length, 1))
			continue;
		if (is_dots(path, length, 2)) {
			node = node->parent;
			continue;
		}
		const struct archive_node *folder = node;
		node = *place_of(archive, folder, path, length,
				 hash_of(archive, folder, path, length));
		if (!node)
			return ERR_NOT_FOUND;
		if (node->type != TAR_SYMLINK || (!follow && !path[length]))
			continue;
		if (++*links > LINKS_MAX)
			return ERR_LOOP;
		/* What begins with a slash begins at the archive's own root. */
		int error = walk(archive, node->link[0] == '/' ? archive->root : folder, node->link,
				 true, links, &node);
		if (error)
			return error;
	}
	if (path > start && path[-1] == '/' && node->type != TAR_DIRECTORY)
		return ERR_NOT_FOLDER;
	*found = node;
	return 0;
}

int archive_find(const struct archive *archive, const char *path, bool follow,
		 const struct archive_node **found)
{
	unsigned links = 0;

	return walk(archive, archive->root, path, follow, &links, found);
}
