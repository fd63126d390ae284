/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding nodes of a flattened device tree by path, alias, phandle and compatible string
 * (Devicetree Specification 0.4, chapters 2 and 3.3). Each is a walk over the tree with the
 * functions of fdt.c.
 *
 * See it at work: make test-host (tests/host/test_fdt.c), make run ARCH=aarch64
 */
#include "lib/error.h"
#include "lib/fdt.h"

#define ALIAS_SIZE 32 /* names of properties have at most 31 characters (2.2.4.1) */

/* Whether `text`, of that length and not zero-terminated, is this string. */
static bool text_is(const char *text, size_t length, const char *string)
{
	size_t i = 0;
	while (i < length && string[i] && text[i] == string[i])
		i++;
	return i == length && !string[i];
}

/* The child whose name is this; "uart" also names "uart@9000000". */
static int child_named(const struct fdt *fdt, int node, const char *name, size_t length)
{
	int child = fdt_first_child(fdt, node);

	for (; child >= 0; child = fdt_next_sibling(fdt, child)) {
		const char *there = fdt_name(fdt, child);
		size_t i = 0;

		while (i < length && there[i] == name[i] && there[i])
			i++;
		if (i == length && (!there[i] || there[i] == '@'))
			return child;
	}
	return child;
}

/* Follows "/a/b" from a node. */
static int walk_path(const struct fdt *fdt, int node, const char *path)
{
	while (node >= 0 && *path == '/') {
		size_t length = 0;

		path++;
		while (path[length] && path[length] != '/' && path[length] != ':')
			length++;
		if (length > 0)
			node = child_named(fdt, node, path, length);
		path += length;
	}
	return node;
}

int fdt_path(const struct fdt *fdt, const char *path)
{
	size_t length = 0;

	if (*path == '/')
		return walk_path(fdt, fdt_root(fdt), path);

	/* An alias, and perhaps a path from there on. What it stands for is a full path, never
	 * another alias (3.3). */
	char alias[ALIAS_SIZE];
	while (path[length] && path[length] != '/' && path[length] != ':') {
		if (length == sizeof alias - 1)
			return ERR_NODEV;
		alias[length] = path[length];
		length++;
	}
	alias[length] = '\0';

	const char *full = fdt_string(fdt, walk_path(fdt, fdt_root(fdt), "/aliases"), alias);
	if (!full)
		return ERR_NODEV;
	if (*full != '/')
		return ERR_FORMAT;
	return walk_path(fdt, walk_path(fdt, fdt_root(fdt), full), path + length);
}

int fdt_phandle(const struct fdt *fdt, uint32_t phandle)
{
	int node;

	if (phandle == 0 || phandle == UINT32_MAX)
		return ERR_NODEV;
	for (node = fdt_root(fdt); node >= 0; node = fdt_next(fdt, node)) {
		if (fdt_cell(fdt, node, "phandle", 0, 0) == phandle)
			return node;
	}
	return node;
}

static bool list_holds(const char *list, size_t length, const char *string)
{
	while (length > 0) {
		size_t end = 0;

		while (end < length && list[end])
			end++;
		if (end == length)
			return false; /* the last one is not terminated */
		if (text_is(list, end, string))
			return true;
		list += end + 1;
		length -= end + 1;
	}
	return false;
}

static bool is_enabled(const struct fdt *fdt, int node)
{
	size_t length;
	const char *status = fdt_property(fdt, node, "status", &length);

	if (!status)
		return true;
	return list_holds(status, length, "okay") || list_holds(status, length, "ok");
}

int fdt_compatible(const struct fdt *fdt, int from, const char *compatible)
{
	int node = from < 0 ? fdt_root(fdt) : fdt_next(fdt, from);

	for (; node >= 0; node = fdt_next(fdt, node)) {
		size_t length;
		const char *list = fdt_property(fdt, node, "compatible", &length);
		if (list && list_holds(list, length, compatible) && is_enabled(fdt, node))
			return node;
	}
	return node;
}
