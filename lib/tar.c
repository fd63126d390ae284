/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading tar archives: see tar.h. A member is a header block, its data, and padding to a whole block. Before it
 * there may be members that only describe it: pax records (type x), or GNU tar's long names (L, K).
 *
 * See it at work: tar cf files.tar FOLDER; make run DISK=files.tar, then `ls`
 * Left out: global pax records (g), sparse files, several volumes, signed checksums.
 */
#include "lib/tar.h"

#include "lib/error.h"
#include "lib/mem.h"

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char link[100], magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155];
	char padding[12];
};
_Static_assert(sizeof(struct header) == TAR_BLOCK, "POSIX.1, pax: ustar Interchange Format");

/* GNU's sparse files in their old form: more of the map stands in blocks behind the header. */
#define SPARSE_MORE_AT 482
#define SPARSE_MORE_NEXT_AT 504

/* What the members before a member say of it. */
struct extension {
	bool has_name, has_link, has_size, has_mtime, sparse;
	uint64_t size;
	int64_t mtime;
};

static int fault(struct tar *tar, const char *why)
{
	tar->fault = why;
	return ERR_FORMAT;
}

void tar_begin(struct tar *tar, tar_read_fn *read, void *context, uint64_t size)
{
	*tar = (struct tar){ .read = read, .context = context, .size = size };
}

/* ---- Numbers ------------------------------------------------------------------------------ */

/* A field: octal digits between blanks, or (GNU) its first bit set and a two's complement number of 7 + 8n bits.
 * Empty is 0. */
static bool field(const char *text, size_t length, int64_t *value)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t i = 0;

	if (bytes[0] & 0x80) {
		bool negative = bytes[0] & 0x40;
		int64_t number = negative ? -1 : 0;
		for (; i < length; i++) {
			uint8_t byte = i > 0 ? bytes[i] : negative ? bytes[0] : bytes[0] & 0x3f;
			if (number > INT64_MAX >> 8 || number < INT64_MIN >> 8)
				return false;
			number = (int64_t)((uint64_t)number << 8 | byte);
		}
		*value = number;
		return true;
	}
	*value = 0;
	while (i < length && bytes[i] == ' ')
		i++;
	for (; i < length && bytes[i] >= '0' && bytes[i] <= '7'; i++)
		*value = *value << 3 | (bytes[i] - '0'); /* at most 12 digits: 36 bits */
	return i == length || bytes[i] == ' ' || bytes[i] == 0;
}

static bool size_field(const char *text, size_t length, uint64_t *value)
{
	int64_t number;

	if (!field(text, length, &number) || number < 0)
		return false;
	*value = (uint64_t)number;
	return true;
}

/* Decimal digits up to `end`; their value, and how many they are (0: none, or too many). */
static unsigned decimal(const char *text, unsigned length, uint64_t *value)
{
	unsigned i = 0;

	*value = 0;
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
		if (*value > (INT64_MAX - 9) / 10)
			return 0;
		*value = *value * 10 + (uint64_t)(text[i] - '0');
	}
	return i;
}

/* ---- Headers ------------------------------------------------------------------------------ */

static bool is_zero(const struct header *header)
{
	const char *bytes = (const char *)header;

	for (unsigned i = 0; i < sizeof(*header); i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* The checksum's own place counts as blanks. */
static bool checksum_is_right(const struct header *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	const unsigned from = __builtin_offsetof(struct header, checksum);
	uint64_t said, sum = 0;

	for (unsigned i = 0; i < sizeof(*header); i++)
		sum += i - from < sizeof(header->checksum) ? ' ' : bytes[i];
	return size_field(header->checksum, sizeof(header->checksum), &said) && said == sum;
}

/* Reads header and other blocks that describe members, of which there may only be so many. Each read counts as a
 * block: one of less costs whoever reads no less. */
static int read_some(struct tar *tar, uint64_t offset, void *buffer, size_t length)
{
	tar->headers += TAR_BLOCK; /* tar_read_fn: no read is of more */
	if (tar->headers > TAR_HEADERS_MAX)
		return fault(tar, "it has too many headers");
	return tar->read(tar->context, offset, buffer, length);
}

/* 1: a header; 0: the end. */
static int read_header(struct tar *tar, struct header *header)
{
	if (tar->at >= tar->size) /* cut off behind a member, which costs nothing */
		return tar->size == 0 ? ERR_UNSUPPORTED : 0;
	if (tar->size - tar->at < TAR_BLOCK)
		return fault(tar, "it ends within a header");
	int error = read_some(tar, tar->at, header, sizeof(*header));
	if (error)
		return error;
	bool right = checksum_is_right(header);
	if (tar->at == 0 && !right && memcmp(header->magic, "ustar", 5) != 0)
		return ERR_UNSUPPORTED;
	if (is_zero(header))
		return 0;
	return right ? 1 : fault(tar, "a header's checksum is wrong");
}

/* Up to the first zero, or to the end of the field. Returns the length. */
static size_t copy_text(char *to, const char *from, size_t most)
{
	size_t length = 0;

	while (length < most && from[length])
		length++;
	memcpy(to, from, length);
	to[length] = 0;
	return length;
}

/* POSIX has room for the front part of a long name; GNU tar has other things there, and another magic. */
static void header_name(const struct header *header, char name[TAR_NAME_MAX + 1])
{
	size_t length = 0;

	if (memcmp(header->magic, "ustar", 6) == 0 && header->prefix[0]) {
		length = copy_text(name, header->prefix, sizeof(header->prefix));
		name[length++] = '/';
	}
	copy_text(name + length, header->name, sizeof(header->name));
}

/* ---- Extensions ----------------------------------------------------------------------------- */

static int read_text(struct tar *tar, uint64_t at, uint64_t length, char text[TAR_NAME_MAX + 1])
{
	if (length > TAR_NAME_MAX)
		return fault(tar, "a name is longer than 4096 bytes");
	for (size_t done = 0; done < length; done += TAR_BLOCK) {
		size_t piece = length - done < TAR_BLOCK ? length - done : TAR_BLOCK;
		int error = read_some(tar, at + done, text + done, piece);
		if (error)
			return error;
	}
	text[length] = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == 0)
			return fault(tar, "a name has a zero in it");
	}
	return 0;
}

/* GNU's long names end with a zero, which counts. */
static int read_long_name(struct tar *tar, uint64_t at, uint64_t length,
			  char text[TAR_NAME_MAX + 1])
{
	return length == 0 ? fault(tar, "a long name is empty")
			   : read_text(tar, at, length - 1, text);
}

static bool is_key(const char *record, unsigned key, unsigned length, const char *name)
{
	unsigned i = 0;

	while (i < length && name[i] && record[key + i] == name[i])
		i++;
	return i == length && !name[i];
}

/* One record's value, at `at` in the archive; its first bytes are `head`. */
static int read_record(struct tar *tar, const char *record, unsigned key, unsigned key_length,
		       const char *head, unsigned head_length, uint64_t at, uint64_t length,
		       struct tar_member *member, struct extension *extension)
{
	/* An empty value takes back what an earlier record said. */
	if (is_key(record, key, key_length, "path")) {
		extension->has_name = length > 0;
		return read_text(tar, at, length, member->name);
	}
	if (is_key(record, key, key_length, "linkpath")) {
		extension->has_link = length > 0;
		return read_text(tar, at, length, member->link);
	}
	if (is_key(record, key, key_length, "size")) {
		extension->has_size = length > 0;
		return length == 0 || (length == head_length &&
				       decimal(head, head_length, &extension->size) == length)
			       ? 0
			       : fault(tar, "a pax size is no number");
	}
	if (is_key(record, key, key_length, "mtime")) {
		/* -1.25 is before -1: but nobody looks at the fraction of times before 1970. */
		unsigned sign = head_length > 0 && head[0] == '-';
		uint64_t seconds;
		extension->has_mtime = length > 0;
		if (length > 0 && decimal(head + sign, head_length - sign, &seconds) == 0)
			return fault(tar, "a pax time is no number");
		if (length > 0)
			extension->mtime = sign ? -(int64_t)seconds : (int64_t)seconds;
		return 0;
	}
	if (key_length >= 11 && memcmp(record + key, "GNU.sparse.", 11) == 0)
		extension->sparse = true;
	return 0;
}

/* Records, each `LENGTH KEY=VALUE` and a newline, all of which LENGTH counts. */
static int read_pax(struct tar *tar, uint64_t at, uint64_t size, struct tar_member *member,
		    struct extension *extension)
{
	char record[96];

	for (uint64_t end = at + size; at < end;) {
		unsigned have = end - at < sizeof(record) ? (unsigned)(end - at) : sizeof(record);
		uint64_t length;
		int error = read_some(tar, at, record, have);
		if (error)
			return error;
		unsigned key = decimal(record, have, &length);
		if (key == 0 || key == have || record[key] != ' ' || length < key + 3 ||
		    length > end - at)
			return fault(tar, "a pax record has an impossible length");
		key++;
		char last;
		if (length <= have) {
			have = (unsigned)length;
			last = record[length - 1];
		} else {
			error = read_some(tar, at + length - 1, &last, 1);
		}
		if (error)
			return error;
		if (last != '\n')
			return fault(tar, "a pax record has no end");
		unsigned value = key;
		while (value < have && record[value] != '=')
			value++;
		if (value == have && have == length)
			return fault(tar, "a pax record has no value");
		if (value < have) { /* no key that is known is longer than what was read */
			uint64_t value_length = length - value - 2;
			unsigned here = have - value - 1;
			error = read_record(tar, record, key, value - key, record + value + 1,
					    here < value_length ? here : (unsigned)value_length,
					    at + value + 1, value_length, member, extension);
			if (error)
				return error;
		}
		at += length;
	}
	return 0;
}

/* ---- Members -------------------------------------------------------------------------------- */

static enum tar_type type_of(const struct header *header, const char *name)
{
	size_t length = 0;

	switch (header->type) {
	case 0:
	case '0':
	case '7': /* contiguous: on what system? */
		while (name[length])
			length++;
		/* Before there were types a directory was a name with a slash at its end. */
		return length > 0 && name[length - 1] == '/' ? TAR_DIRECTORY : TAR_FILE;
	case '1':
		return TAR_LINK;
	case '2':
		return TAR_SYMLINK;
	case '5':
	case 'D': /* GNU, incremental: a directory, and the names in it as data */
		return TAR_DIRECTORY;
	default:
		return TAR_OTHER;
	}
}

/* These have none, whatever their size says. */
static bool has_data(const struct header *header)
{
	return header->type < '1' || header->type > '6';
}

/* The blocks of a sparse file's map; *data is moved behind them. */
static int skip_sparse_map(struct tar *tar, const struct header *header, uint64_t *data)
{
	char more = ((const char *)header)[SPARSE_MORE_AT];

	while (more) {
		if (*data >= tar->size || tar->size - *data < TAR_BLOCK)
			return fault(tar, "it ends within a sparse file's map");
		int error = read_some(tar, *data + SPARSE_MORE_NEXT_AT, &more, 1);
		if (error)
			return error;
		*data += TAR_BLOCK;
	}
	return 0;
}

/* Where the data of this header are, and where the next one is. */
static int find_data(struct tar *tar, const struct header *header,
		     const struct extension *extension, uint64_t *data, uint64_t *size,
		     uint64_t *next)
{
	*data = tar->at + TAR_BLOCK;
	if (!size_field(header->size, sizeof(header->size), size))
		return fault(tar, "a size is no number");
	if (extension && extension->has_size)
		*size = extension->size;
	if (!has_data(header))
		*size = 0;
	int error = header->type == 'S' ? skip_sparse_map(tar, header, data) : 0;
	if (error)
		return error;
	if (*size > tar->size - *data)
		return fault(tar, "a member reaches past its end");
	*next = *data + *size + (-*size & (TAR_BLOCK - 1));
	return 0;
}

/* Reads a member that only describes the next one. 1; 0: it was none of those. */
static int read_extension(struct tar *tar, const struct header *header, struct tar_member *member,
			  struct extension *extension)
{
	uint64_t data, size, next;
	int error;

	if (header->type != 'x' && header->type != 'g' && header->type != 'L' &&
	    header->type != 'K')
		return 0;
	error = find_data(tar, header, NULL, &data, &size, &next);
	if (error)
		return error;
	switch (header->type) {
	case 'x':
		error = read_pax(tar, data, size, member, extension);
		break;
	case 'L':
		error = read_long_name(tar, data, size, member->name);
		extension->has_name = true;
		break;
	case 'K':
		error = read_long_name(tar, data, size, member->link);
		extension->has_link = true;
		break;
	}
	if (error)
		return error;
	tar->at = next;
	return 1;
}

int tar_next(struct tar *tar, struct tar_member *member)
{
	struct extension extension = { 0 };
	struct header header;
	int64_t mode, mtime;
	uint64_t next;
	bool described = false;

	for (;;) {
		int result = read_header(tar, &header);
		if (result == 0 && described)
			return fault(tar, "the last member is not there");
		if (result <= 0)
			return result;
		result = read_extension(tar, &header, member, &extension);
		if (result < 0)
			return result;
		if (result == 0)
			break;
		described |= header.type != 'g';
	}

	if (!extension.has_name)
		header_name(&header, member->name);
	if (!extension.has_link)
		copy_text(member->link, header.link, sizeof(header.link));
	if (!field(header.mode, sizeof(header.mode), &mode) ||
	    !field(header.mtime, sizeof(header.mtime), &mtime))
		return fault(tar, "a mode or time is no number");
	member->mode = (uint32_t)mode & 07777;
	member->mtime = extension.has_mtime ? extension.mtime : mtime;
	member->type = extension.sparse ? TAR_OTHER : type_of(&header, member->name);
	int error = find_data(tar, &header, &extension, &member->data, &member->size, &next);
	if (error)
		return error;
	tar->at = next;
	return 1;
}
