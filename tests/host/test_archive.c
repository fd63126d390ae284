/* SPDX-License-Identifier: BSD-2-Clause */
/* The index of tar archives (kernel/archive.c): what is found by which path, and what archives can do to it. */
#include "kernel/archive.h"

#include "check.h"
#include "drivers/virtio/port.h"
#include "tar_writer.h"

/* ---- The port: memory that is counted, and may end --------------------------------------------- */

static unsigned allocations, allocated, allocation_fails;

void *vport_alloc(size_t size)
{
	if (++allocated == allocation_fails)
		return NULL;
	allocations++;
	return calloc(1, size);
}

void vport_free(void *memory, size_t size)
{
	memset(memory, 0xdd, size);
	free(memory);
	allocations--;
}

uint64_t vport_now(void)
{
	return 12345;
}

/* ------------------------------------------------------------------------------------------------- */

static struct tar_writer writer;
static struct archive archive;

static int make_index(void)
{
	return archive_index(&archive, tw_read, &writer, writer.size);
}

static void end(void)
{
	archive_free(&archive);
	CHECK_EQ(allocations, 0);
	tw_free(&writer);
}

static const struct archive_node *at(const char *path)
{
	static const struct archive_node none = { .size = 999999 };
	const struct archive_node *node;

	return archive_find(&archive, path, true, &node) == 0 ? node : &none;
}

static int error_of(const char *path)
{
	const struct archive_node *node;

	return archive_find(&archive, path, true, &node);
}

/* The names in a folder, in their order. */
static void check_names(const char *path, const char *expected)
{
	char names[512] = "";

	for (const struct archive_node *node = at(path)->first; node; node = node->next) {
		strcat(names, node->name);
		strcat(names, " ");
	}
	CHECK_TEXT(names, expected);
}

static void paths(void)
{
	tw_member(&writer, '5', "./", "");
	tw_member(&writer, '0', "./one", "1");
	tw_member(&writer, '0', "/implied//deep/./two", "22");
	tw_member(&writer, '5', "empty/", "");
	tw_member(&writer, '0', "implied/three", "333");
	CHECK_EQ(make_index(), 0);
	CHECK_EQ(archive.left_out, 0);
	check_names("", "one implied empty ");
	check_names("/implied", "deep three ");
	check_names("empty", "");
	CHECK_EQ(at("one")->size, 1);
	CHECK_EQ(at("/implied/deep/two")->size, 2);
	CHECK_EQ(at("implied/./deep//two")->size, 2);
	CHECK_EQ(at("implied/deep/../three")->size, 3);
	CHECK_EQ(at("../../implied/three")->size, 3);
	CHECK_EQ(at("implied/")->type, TAR_DIRECTORY);
	CHECK_EQ(at("empty")->mode, 0644); /* as its header says */
	CHECK_EQ(at("implied")->mode, 0555);
	CHECK(at("/") == archive.root);
	CHECK(at("one")->number != at("implied/three")->number);

	CHECK_EQ(error_of("tw"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("on"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("onee"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("one/two"), ERR_NOT_FOLDER);
	CHECK_EQ(error_of("one/"), ERR_NOT_FOLDER);
	CHECK_EQ(error_of("one/."), ERR_NOT_FOLDER);
	CHECK_EQ(error_of("one/.."), ERR_NOT_FOLDER);
	CHECK_EQ(error_of("implied/one"), ERR_NOT_FOUND);
	end();
}

/* tar appends what has changed. */
static void last_wins(void)
{
	tw_member(&writer, '0', "a", "1");
	tw_member(&writer, '0', "b", "1");
	tw_member(&writer, '0', "c", "1");
	tw_member(&writer, '0', "a", "22");
	CHECK_EQ(make_index(), 0);
	check_names("", "a b c ");
	CHECK_EQ(at("a")->size, 2);
	end();
}

/* A file in the place of a folder: what was in the folder is not there, not even when it is one again. */
static void kinds_change(void)
{
	tw_member(&writer, '0', "first", "1");
	tw_member(&writer, '0', "a/b", "1");
	tw_member(&writer, '0', "a/c/d", "1");
	tw_member(&writer, '0', "a", "22");
	CHECK_EQ(make_index(), 0);
	CHECK_EQ(at("a")->size, 2);
	CHECK_EQ(error_of("a/b"), ERR_NOT_FOLDER);
	archive_free(&archive);
	tw_member(&writer, '0', "a/e", "333");
	tw_member(&writer, '0', "last", "1");
	CHECK_EQ(make_index(), 0);
	check_names("", "first a last ");
	check_names("a", "e ");
	CHECK_EQ(error_of("a/b"), ERR_NOT_FOUND);
	archive_free(&archive);
	/* The first and the last one of a folder. */
	tw_member(&writer, '5', "first", "");
	tw_member(&writer, '5', "last", "");
	tw_member(&writer, '0', "end", "");
	CHECK_EQ(make_index(), 0);
	check_names("", "a first last end ");
	archive_free(&archive);
	/* The root is a folder whatever somebody says. */
	tw_member(&writer, '0', "./", "");
	tw_member(&writer, '2', ".", "");
	CHECK_EQ(make_index(), 0);
	CHECK_EQ(archive.left_out, 1);
	check_names("", "a first last end ");
	end();
}

static void hard_links(void)
{
	tw_member(&writer, '0', "folder/file", "1234");
	tw_link(&writer, '1', "other", "./folder/file");
	tw_set(&writer, 100, "0000600", 8);
	tw_set(&writer, 136, "00000000017", 12);
	tw_link(&writer, '1', "third", "other");
	tw_link(&writer, '1', "third", "third"); /* to itself */
	tw_link(&writer, '1', "lost", "nothing");
	tw_link(&writer, '1', "to-folder", "folder");
	CHECK_EQ(make_index(), 0);
	CHECK_EQ(at("other")->data, 512);
	CHECK(at("other")->mode == 0644 && at("other")->mtime == 1577836800);
	CHECK_EQ(at("third")->size, 4);
	CHECK_EQ(at("third")->number, at("folder/file")->number);
	CHECK_EQ(archive.left_out, 2);
	CHECK_EQ(error_of("lost"), ERR_NOT_FOUND);
	end();
}

static void symbolic_links(void)
{
	const struct archive_node *node;

	tw_member(&writer, '0', "folder/inner/file", "1234");
	tw_link(&writer, '2', "to-folder", "folder");
	tw_link(&writer, '2', "folder/up", "../to-folder/inner");
	tw_link(&writer, '2', "absolute", "/folder/inner/file");
	tw_link(&writer, '2', "lost", "nothing");
	tw_link(&writer, '2', "ring", "ring2");
	tw_link(&writer, '2', "ring2", "ring");
	tw_link(&writer, '2', "empty", "");
	for (char name[3] = "b0", before[3] = "a"; name[1] < '9'; name[1]++) {
		tw_link(&writer, '2', name, before[1] ? before : "absolute");
		strcpy(before, name);
		before[0] = 'b';
	}
	CHECK_EQ(make_index(), 0);
	CHECK_EQ(at("to-folder/inner/file")->size, 4);
	CHECK_EQ(at("folder/up/file")->size, 4);
	CHECK_EQ(at("to-folder/up/../inner/file")->size, 4);
	CHECK_EQ(at("absolute")->size, 4);
	CHECK_EQ(error_of("lost"), ERR_NOT_FOUND);
	CHECK_EQ(error_of("ring"), ERR_LOOP);
	CHECK_EQ(error_of("ring/x"), ERR_LOOP);
	CHECK(at("empty") == archive.root); /* where it stands */
	/* Eight on the way, and nine. */
	CHECK_EQ(at("b6")->size, 4);
	CHECK_EQ(error_of("b7"), ERR_LOOP);
	CHECK_EQ(archive_find(&archive, "to-folder", false, &node), 0);
	CHECK_EQ(node->type, TAR_SYMLINK);
	CHECK_TEXT(node->link, "folder");
	CHECK_EQ(node->size, 6);
	CHECK_EQ(archive_find(&archive, "to-folder/", false, &node), 0);
	CHECK_EQ(node->type, TAR_DIRECTORY);
	end();
}

static void names_left_out(void)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	tw_pax(&writer, "path", name);
	tw_member(&writer, '0', "short", "1");
	name[255] = 'n';
	name[256] = 0;
	tw_pax(&writer, "path", name);
	tw_member(&writer, '0', "short", "1");
	tw_member(&writer, '0', "../above", "1");
	tw_member(&writer, '0', "folder/../..", "1");
	tw_member(&writer, '0', "..dots", "1");
	tw_member(&writer, '0', ".x/x./x/.y", "1");
	tw_member(&writer, '6', "fifo", "");
	CHECK_EQ(make_index(), 0);
	CHECK_EQ(archive.left_out, 4);
	name[255] = 0;
	CHECK_EQ(at(name)->size, 1);
	CHECK_EQ(at("..dots")->size, 1);
	CHECK_EQ(at(".x/x./x/.y")->size, 1);
	CHECK_EQ(error_of("folder"), ERR_NOT_FOUND);
	end();
}

/* Names that hash alike, with the seed of this test's clock: two of one length, and one that begins another. */
static void names_that_hash_alike(void)
{
	tw_member(&writer, '0', "euzx", "1");
	tw_member(&writer, '0', "72ad", "22");
	tw_member(&writer, '0', "nameqc0bgvo", "333");
	tw_member(&writer, '0', "name", "4444");
	CHECK_EQ(make_index(), 0);
	CHECK(at("euzx")->hash == at("72ad")->hash && at("name")->hash == at("nameqc0bgvo")->hash);
	check_names("", "euzx 72ad nameqc0bgvo name ");
	CHECK(at("euzx")->size == 1 && at("72ad")->size == 2);
	CHECK(at("nameqc0bgvo")->size == 3 && at("name")->size == 4);
	end();
}

/* 2,048 folders in one another are one name. */
static void deep(void)
{
	char name[TAR_NAME_MAX + 1], path[TAR_NAME_MAX + 1] = "";

	for (unsigned i = 0; i < TAR_NAME_MAX; i++)
		name[i] = i % 2 ? '/' : 'd';
	name[TAR_NAME_MAX] = 0;
	tw_pax(&writer, "path", name);
	tw_member(&writer, '5', "short", "");
	CHECK_EQ(make_index(), 0);
	CHECK_EQ(archive.count, 2049);
	strcpy(path, name);
	CHECK_EQ(at(path)->type, TAR_DIRECTORY);
	end();
}

static void damaged(void)
{
	tw_member(&writer, '0', "good", "1");
	tw_member(&writer, '0', "bad", "1");
	writer.bytes[1024] ^= 1;
	CHECK_EQ(make_index(), ERR_FORMAT);
	CHECK_TEXT(archive.fault, "a header's checksum is wrong");
	CHECK_EQ(archive.fault_at, 1024);
	end();
	tw_end(&writer);
	CHECK_EQ(make_index(), ERR_UNSUPPORTED);
	end();
}

/* Each read and each allocation fails once; nothing is left behind, and no index that is not whole. */
static void failures(void)
{
	char deep_name[TAR_NAME_MAX + 1], link[TAR_NAME_MAX + 1];

	for (unsigned i = 0; i < TAR_NAME_MAX; i++)
		deep_name[i] = i % 2 ? '/' : 'd';
	memset(link, 'l', TAR_NAME_MAX);
	deep_name[TAR_NAME_MAX] = link[TAR_NAME_MAX] = 0;
	for (unsigned what = 0; what < 2; what++) {
		for (unsigned n = 1;; n++) {
			tw_pax(&writer, "path", "folder/file");
			tw_member(&writer, '0', "x", "1");
			tw_link(&writer, '2', "link", "folder");
			tw_pax(&writer, "path", deep_name);
			tw_member(&writer, '5', "folders", "");
			for (char name[] = "l0"; name[1] < '9' + 20; name[1]++) {
				tw_pax(&writer, "linkpath", link);
				tw_link(&writer, '2', name, "short");
			}
			allocated = 0;
			allocation_fails = what == 0 ? n : 0;
			writer.fails_at = what == 1 ? n : 0;
			writer.error = ERR_TIMEOUT;
			int error = make_index();
			bool reached = what == 0 ? allocated >= n : writer.reads >= n;
			CHECK_EQ(error, !reached ? 0 : what == 0 ? ERR_NOMEM : ERR_TIMEOUT);
			end();
			if (!reached)
				break;
			CHECK(n < 2000);
		}
	}
	allocation_fails = 0;
}

/* As many members as there is room for, and more: the archive is made up as it is read. */
static uint64_t numbered;

static int read_numbered(void *context, uint64_t offset, void *buffer, size_t length)
{
	char name[64];
	struct tar_writer one = { .bytes = NULL };

	(void)context;
	snprintf(name, sizeof(name), "%s%07llu", numbered ? "folder/a-name-like-others-" : "",
		 (unsigned long long)offset / 512);
	tw_member(&one, '0', name, "");
	memcpy(buffer, one.bytes, length);
	tw_free(&one);
	return 0;
}

static void many(void)
{
	const uint64_t members = 20000;

	CHECK_EQ(archive_index(&archive, read_numbered, NULL, members * 512), 0);
	CHECK_EQ(archive.count, members + 1);
	CHECK_EQ(at("0019999")->data, members * 512);
	unsigned count = 0;
	for (const struct archive_node *node = archive.root->first; node; node = node->next)
		count++;
	CHECK_EQ(count, members);
	end();

	numbered = 1;
	CHECK_EQ(archive_index(&archive, read_numbered, NULL, 200000 * 512), ERR_NOMEM);
	CHECK(archive.count > 100000);
	CHECK_EQ(archive.piece_count, 256);
	end();
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(paths), CHECK_CASE(last_wins), CHECK_CASE(kinds_change),
		CHECK_CASE(hard_links), CHECK_CASE(symbolic_links), CHECK_CASE(names_left_out),
		CHECK_CASE(names_that_hash_alike), CHECK_CASE(deep), CHECK_CASE(damaged),
		CHECK_CASE(failures), CHECK_CASE(many), CHECK_END });
}
