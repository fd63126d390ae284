/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of tar archives (lib/tar.c): each form of a header, and everything that can be wrong with one. */
#include "lib/tar.h"

#include "check.h"
#include "tar_writer.h"

static struct tar_writer writer;
static struct tar tar;
static struct tar_member member;

/* From the start. */
static void begin(void)
{
	tar_begin(&tar, tw_read, &writer, writer.size);
}

static int first(void)
{
	begin();
	return tar_next(&tar, &member);
}

/* The first member that is not as it must be ends the archive with this sentence; what was read of it is gone. */
static void bad(const char *fault)
{
	int result;

	begin();
	while ((result = tar_next(&tar, &member)) == 1)
		continue;
	CHECK_EQ(result, ERR_FORMAT);
	CHECK_TEXT(tar.fault, fault);
	tw_free(&writer);
}

/* ---- What is there ------------------------------------------------------------------------ */

static void members(void)
{
	tw_member(&writer, '5', "folder/", "");
	tw_member(&writer, '0', "folder/file", "some text");
	tw_link(&writer, '1', "hard", "folder/file");
	tw_link(&writer, '2', "soft", "folder");
	tw_member(&writer, '7', "contiguous", "x");
	tw_member(&writer, '3', "device", "");
	tw_end(&writer);

	CHECK_EQ(first(), 1);
	CHECK_EQ(member.type, TAR_DIRECTORY);
	CHECK_TEXT(member.name, "folder/");
	CHECK_EQ(member.size, 0);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_FILE);
	CHECK_TEXT(member.name, "folder/file");
	CHECK_EQ(member.mode, 0644);
	CHECK_EQ(member.mtime, 1577836800);
	CHECK_EQ(member.size, 9);
	CHECK_EQ(member.data, 1024);
	CHECK(memcmp(writer.bytes + member.data, "some text", 9) == 0);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_LINK);
	CHECK_TEXT(member.link, "folder/file");
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_SYMLINK);
	CHECK_TEXT(member.link, "folder");
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_FILE);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_OTHER);
	CHECK_EQ(tar_next(&tar, &member), 0);
	CHECK_EQ(tar_next(&tar, &member), 0);
	tw_free(&writer);
}

/* Names that fill their fields have no zero behind them. */
static void full_fields(void)
{
	char name[257], expected[257];

	memset(name, 'n', sizeof(name));
	name[256] = 0;
	tw_member(&writer, '0', name, "");
	memset(name, 'p', 155);
	tw_set(&writer, 345, name, 155);
	memset(name, 'l', 100);
	tw_set(&writer, 157, name, 100);
	CHECK_EQ(first(), 1);
	memset(expected, 'p', 155);
	expected[155] = '/';
	memset(expected + 156, 'n', 100);
	expected[256] = 0;
	CHECK_TEXT(member.name, expected);
	CHECK_EQ(strlen(member.link), 100);

	/* GNU's magic: what stands in the place of the prefix is none. */
	tw_set(&writer, 257, "ustar  ", 8);
	CHECK_EQ(first(), 1);
	CHECK_EQ(strlen(member.name), 100);
	tw_free(&writer);

	tw_member(&writer, '0', "name", "");
	tw_set(&writer, 345, "front", 5);
	CHECK_EQ(first(), 1);
	CHECK_TEXT(member.name, "front/name");
	tw_free(&writer);
}

/* Before POSIX: no magic, and only a slash tells a directory. */
static void before_posix(void)
{
	tw_member(&writer, 0, "folder/", "");
	tw_set(&writer, 257, "\0\0\0\0\0\0\0", 8);
	tw_member(&writer, 0, "file", "abc");
	tw_set(&writer, 257, "\0\0\0\0\0\0\0", 8);
	tw_member(&writer, 0, "", "abcd"); /* no name at all */
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.type, TAR_DIRECTORY);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_FILE);
	CHECK_EQ(member.size, 3);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_FILE);
	CHECK_EQ(member.size, 4);
	tw_free(&writer);
}

static void numbers(void)
{
	tw_member(&writer, '0', "file", "abc");
	static const struct {
		const char *bytes;
		int64_t mtime;
	} times[] = {
		{ "00000000017\0", 15 },
		{ "         17 ", 15 },
		{ "17          ", 15 },
		{ "000000000017", 15 }, /* no end: the field's */
		{ "777777777777", 0xfffffffff },
		{ "\0\0\0\0\0\0\0\0\0\0\0", 0 },
		{ "            ", 0 },
		{ "\x80\0\0\0\0\0\0\0\0\0\0\x0f", 15 },
		{ "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", INT64_MAX },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", -2 },
		{ "\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", INT64_MIN },
	};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		tw_set(&writer, 136, times[i].bytes, 12);
		CHECK_EQ(first(), 1);
		CHECK_EQ(member.mtime, times[i].mtime);
	}
	tw_set(&writer, 124, "\x80\0\0\0\0\0\0\0\0\0\0\x02", 12);
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.size, 2);
	/* Empty, and the next field begins with blanks as well. */
	tw_set(&writer, 100, "           1750", 16);
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.mode, 0);
	tw_set(&writer, 100, "         x", 10);
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.mode, 0);
	tw_free(&writer);

	/* A link's size is that of the file that it links to: no data. */
	tw_link(&writer, '1', "link", "file");
	tw_set(&writer, 124, "00000001000", 12);
	tw_member(&writer, '0', "next", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.size, 0);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "next");
	tw_free(&writer);
	/* Nor has a pipe any. */
	tw_member_of(&writer, '6', "pipe", "", 0, 512);
	tw_member(&writer, '0', "next", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "next");
	tw_free(&writer);
}

/* 8 GiB and more have sizes in base 256; the reader goes there and nowhere else. */
static int read_far(void *context, uint64_t offset, void *buffer, size_t length)
{
	uint64_t far = UINT64_C(1) << 40;

	CHECK(offset == 0 || offset == far + 512);
	return tw_read(context, offset == 0 ? 0 : 512, buffer, length);
}

static void large(void)
{
	tw_member(&writer, '0', "large", "");
	tw_set(&writer, 124, "\x80\0\0\0\0\0\x01\0\0\0\0\0", 12);
	tw_member(&writer, '0', "behind", "");
	tar_begin(&tar, read_far, &writer, (UINT64_C(1) << 40) + 1024);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.size, UINT64_C(1) << 40);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "behind");
	CHECK_EQ(tar_next(&tar, &member), 0);
	tw_free(&writer);
}

/* ---- What describes the next member ---------------------------------------------------------- */

static void pax(void)
{
	char text[4096] = "", name[2001];

	memset(name, 'x', 2000);
	name[2000] = 0;
	tw_record(text, "path", name);
	tw_record(text, "linkpath", "target");
	tw_record(text, "size", "4");
	tw_record(text, "mtime", "1234567890.987654321");
	tw_record(text, "uid", "77");
	tw_record(text, "LIBARCHIVE.creationtime", "1");
	tw_record(text, "comment=", "=\n=");
	/* Longer than what is looked at of a record. */
	tw_record(text,
		  "SCHILY.xattr.security.selinux.of.which.there.is.a.very.long.one.indeed.for."
		  "once.and.for.all.times",
		  "value");
	tw_member(&writer, 'x', "PaxHeaders/x", text);
	tw_member(&writer, '0', "short", "abcd");
	tw_member(&writer, '0', "next", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.type, TAR_FILE);
	CHECK_TEXT(member.name, name);
	CHECK_TEXT(member.link, "target");
	CHECK_EQ(member.size, 4);
	CHECK_EQ(member.mtime, 1234567890);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "next");
	CHECK_TEXT(member.link, "");
	CHECK_EQ(member.mtime, 1577836800);
	tw_free(&writer);
}

static void pax_corners(void)
{
	char text[512] = "";

	/* An empty value takes the one before it back. */
	tw_record(text, "path", "other");
	tw_record(text, "path", "");
	tw_record(text, "linkpath", "other");
	tw_record(text, "linkpath", "");
	tw_record(text, "size", "3");
	tw_record(text, "size", "");
	tw_record(text, "mtime", "3");
	tw_record(text, "mtime", "");
	tw_member(&writer, 'x', "x", text);
	tw_member(&writer, '0', "name", "12345");
	CHECK_EQ(first(), 1);
	CHECK_TEXT(member.name, "name");
	CHECK_TEXT(member.link, "");
	CHECK_EQ(member.size, 5);
	CHECK_EQ(member.mtime, 1577836800);
	tw_free(&writer);

	/* Keys that merely begin so. */
	text[0] = 0;
	tw_record(text, "pat", "no");
	tw_record(text, "paths", "no");
	tw_member(&writer, 'x', "x", text);
	tw_pax(&writer, "mtime", "-5.5");
	/* Global ones hold for all members, and say nothing that matters here. */
	text[0] = 0;
	tw_record(text, "path", "global");
	tw_member(&writer, 'g', "g", text);
	tw_member(&writer, '0', "name", "");
	CHECK_EQ(first(), 1);
	CHECK_TEXT(member.name, "name");
	CHECK_EQ(member.mtime, -5);
	tw_free(&writer);

	/* Taken back, so that the header's own counts; and the largest number. */
	tw_pax(&writer, "linkpath", "");
	tw_pax(&writer, "mtime", "9223372036854775799");
	tw_link(&writer, '2', "name", "target");
	CHECK_EQ(first(), 1);
	CHECK_TEXT(member.link, "target");
	CHECK_EQ(member.mtime, 9223372036854775799);
	tw_free(&writer);

	/* Its size counts, also where the header has no room for it. */
	static const uint8_t data[600];
	tw_pax(&writer, "size", "600");
	tw_member_of(&writer, '0', "name", data, sizeof(data), 0);
	tw_member(&writer, '0', "next", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.size, 600);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "next");
	tw_free(&writer);
}

/* Numbers longer than what is looked at of a record, for they may begin with any number of zeros. */
static void pax_zeros(void)
{
	char text[512], zeros[201];

	memset(zeros, '0', 200);
	zeros[200] = 0;
	tw_pax(&writer, "mtime", zeros);
	tw_member(&writer, '0', "name", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.mtime, 0);
	tw_free(&writer);

	/* The value begins where that ends. */
	snprintf(text, sizeof(text), "%089d mtime=5\n", 98);
	CHECK_EQ(strlen(text), 98);
	tw_member(&writer, 'x', "x", text);
	bad("a pax time is no number");
	/* And there the length has not ended. */
	snprintf(text, sizeof(text), "%096d path=name\n", 107);
	CHECK_EQ(strlen(text), 107);
	tw_member(&writer, 'x', "x", text);
	bad("a pax record has an impossible length");
	/* A key that is one but for the zero at its end. */
	tw_member_of(&writer, 'x', "x", "12 path\0=ab\n", 12, 12);
	tw_member(&writer, '0', "name", "");
	CHECK_EQ(first(), 1);
	CHECK_TEXT(member.name, "name");
	tw_free(&writer);
}

/* What costs a request is read once: headers, and a record that is there as a whole. */
static void reads_of_pax(void)
{
	tw_pax(&writer, "mtime", "5");
	tw_member(&writer, '0', "name", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(writer.reads, 3);
	tw_free(&writer);
}

static void gnu(void)
{
	char name[TAR_NAME_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[TAR_NAME_MAX] = name[TAR_NAME_MAX + 1] = 0;
	tw_member_of(&writer, 'L', "././@LongLink", name, TAR_NAME_MAX + 1, TAR_NAME_MAX + 1);
	tw_member_of(&writer, 'K', "././@LongLink", "target", 7, 7);
	tw_link(&writer, '2', "short", "shorter");
	tw_member(&writer, 'D', "listed", "Yfile");
	tw_member(&writer, 'V', "label", "");
	tw_member(&writer, 'M', "second half", "half");
	tw_member(&writer, '0', "next", "");
	CHECK_EQ(first(), 1);
	CHECK_TEXT(member.name, name);
	CHECK_TEXT(member.link, "target");
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_DIRECTORY);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_OTHER);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_OTHER);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "next");
	CHECK_TEXT(member.link, "");
	tw_free(&writer);
}

/* They are not understood, but what comes behind them is found. */
static void sparse(void)
{
	uint8_t map[1024 + 4] = { [504] = 1 };

	tw_member_of(&writer, 'S', "old", map, sizeof(map), 4);
	tw_set(&writer, 482, "\1", 1);
	tw_member(&writer, '0', "next", "");
	tw_pax(&writer, "GNU.sparse.major", "1");
	tw_member(&writer, '0', "GNUSparseFile.1/new", "map");
	tw_pax(&writer, "GNU.sparse.", "");
	tw_member(&writer, '0', "whatever that is", "map");
	tw_member(&writer, '0', "last", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(member.type, TAR_OTHER);
	CHECK_EQ(member.data, 512 + 1024);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "next");
	CHECK_EQ(member.type, TAR_FILE);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_OTHER);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_EQ(member.type, TAR_OTHER);
	CHECK_EQ(tar_next(&tar, &member), 1);
	CHECK_TEXT(member.name, "last");
	tw_free(&writer);

	/* Nothing behind its map. */
	tw_member_of(&writer, 'S', "old", map, 500, 0);
	tw_set(&writer, 482, "\1", 1);
	CHECK_EQ(first(), 1);
	CHECK_EQ(tar_next(&tar, &member), 0);
	tw_free(&writer);
}

/* ---- Where it ends ---------------------------------------------------------------------------- */

static void ends(void)
{
	tw_member(&writer, '0', "file", "abc");
	CHECK_EQ(first(), 1);
	CHECK_EQ(tar_next(&tar, &member), 0); /* with the medium */
	tw_grow(&writer, 512);
	tw_member(&writer, '0', "behind the end", "");
	CHECK_EQ(first(), 1);
	CHECK_EQ(tar_next(&tar, &member), 0);
	tw_free(&writer);

	tw_member(&writer, '0', "file", "");
	tw_grow(&writer, 512);
	writer.size -= 1;
	bad("it ends within a header");
}

static void no_archive(void)
{
	tw_end(&writer);
	CHECK_EQ(first(), ERR_UNSUPPORTED);
	memset(writer.bytes, 'a', writer.size);
	CHECK_EQ(first(), ERR_UNSUPPORTED);
	tw_free(&writer);
	CHECK_EQ(first(), ERR_UNSUPPORTED); /* a disk of no size */

	/* It says that it is one. */
	tw_member(&writer, '0', "file", "");
	writer.bytes[0] ^= 1;
	bad("a header's checksum is wrong");
}

/* ---- What can be wrong ------------------------------------------------------------------------- */

static void bad_headers(void)
{
	tw_member(&writer, '0', "one", "");
	tw_member(&writer, '0', "two", "");
	writer.bytes[512 + 150] ^= 1;
	bad("a header's checksum is wrong");
	tw_member(&writer, '0', "one", "");
	tw_set(&writer, 124, "12x", 3);
	bad("a size is no number");
	tw_member(&writer, '0', "one", "");
	tw_set(&writer, 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	bad("a size is no number");
	tw_member(&writer, '0', "one", "");
	tw_set(&writer, 124, "\x80\0\0\x01\0\0\0\0\0\0\0\0", 12);
	bad("a size is no number");
	tw_member(&writer, '0', "one", "");
	tw_set(&writer, 100, "rw-r--r--", 8);
	bad("a mode or time is no number");
	tw_member(&writer, '0', "one", "");
	tw_set(&writer, 136, "8", 1);
	bad("a mode or time is no number");
	tw_member_of(&writer, '0', "one", "", 0, 1);
	bad("a member reaches past its end");
	tw_member(&writer, '0', "one", "");
	tw_set(&writer, 124, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
	bad("a member reaches past its end");
	tw_member(&writer, '0', "one", "");
	tw_set(&writer, 136, "\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
	bad("a mode or time is no number");
	tw_member(&writer, 'S', "one", "");
	tw_set(&writer, 482, "\1", 1);
	bad("it ends within a sparse file's map");
	tw_member(&writer, 'S', "one", "map");
	tw_set(&writer, 482, "\1", 1);
	writer.size -= 1;
	bad("it ends within a sparse file's map");
}

static void bad_extensions(void)
{
	static const struct {
		const char *record, *fault;
	} records[] = {
		{ "5 a=\n", NULL },
		{ "4 =\n", NULL },
		{ "7 path\n10 path=b\n", "a pax record has no value" },
		{ "x path=a\n", "a pax record has an impossible length" },
		{ "9", "a pax record has an impossible length" },
		{ "9path=ab\n", "a pax record has an impossible length" },
		{ "0 path=a\n", "a pax record has an impossible length" },
		{ "3 =\n", "a pax record has an impossible length" },
		{ "99 path=a\n", "a pax record has an impossible length" },
		{ "99999999999999999999 path=a\n", "a pax record has an impossible length" },
		{ "9 path=ab\n", "a pax record has no end" },
		{ "7 path\n", "a pax record has no value" },
		{ "10 size=x\n", "a pax size is no number" },
		{ "11 size=1x\n", "a pax size is no number" },
		{ "11 size=-1\n", "a pax size is no number" },
		{ "29 size=99999999999999999999\n", "a pax size is no number" },
		{ "11 mtime=-\n", "a pax time is no number" },
		{ "11 mtime=.\n", "a pax time is no number" },
	};
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		tw_member(&writer, 'x', "x", records[i].record);
		tw_member(&writer, '0', "name", "");
		if (records[i].fault) {
			bad(records[i].fault);
			continue;
		}
		CHECK_EQ(first(), 1);
		tw_free(&writer);
	}

	char name[TAR_NAME_MAX + 2];
	memset(name, 'n', sizeof(name));
	name[TAR_NAME_MAX + 1] = 0;
	tw_pax(&writer, "path", name);
	bad("a name is longer than 4096 bytes");
	tw_member_of(&writer, 'L', "long", name, sizeof(name), sizeof(name));
	bad("a name is longer than 4096 bytes");
	tw_member(&writer, 'K', "long", "");
	bad("a long name is empty");
	tw_member_of(&writer, 'x', "x", "12 path=a\0b\n", 12, 12);
	bad("a name has a zero in it");
	tw_member_of(&writer, 'L', "long", "a\0b", 4, 4);
	bad("a name has a zero in it");

	tw_pax(&writer, "path", "name");
	tw_set(&writer, 124, "12x", 3);
	tw_member(&writer, '0', "name", "");
	bad("a size is no number");

	tw_pax(&writer, "path", "nothing");
	bad("the last member is not there");
	/* Records up to the last byte there is. */
	char text[1024] = "";
	memset(name, 'c', 500 - strlen("500 comment=\n"));
	name[500 - strlen("500 comment=\n")] = 0;
	tw_record(text, "comment", name);
	tw_record(text, "path", "abc");
	tw_member(&writer, 'x', "x", text);
	CHECK_EQ(writer.size, 1024);
	bad("the last member is not there");
	tw_pax(&writer, "path", "nothing");
	tw_end(&writer);
	bad("the last member is not there");
	/* A global one needs no member. */
	tw_member(&writer, 'g', "g", "");
	CHECK_EQ(first(), 0);
	tw_free(&writer);
}

/* An archive that has headers and nothing else. */
static int read_header_again(void *context, uint64_t offset, void *buffer, size_t length)
{
	return tw_read(context, offset % 512, buffer, length);
}

static void headers_without_end(void)
{
	tw_member(&writer, 'g', "g", "");
	tar_begin(&tar, read_header_again, &writer, INT64_MAX);
	CHECK_EQ(tar_next(&tar, &member), ERR_FORMAT);
	CHECK_TEXT(tar.fault, "it has too many headers");
	CHECK_EQ(tar.at, TAR_HEADERS_MAX);
	tw_free(&writer);
}

/* Each read may cost a request, however little it reads: there are as many as blocks of headers may be. */
static unsigned pattern_reads;
static uint64_t pattern_size; /* what is behind the first header, again and again */

static int read_pattern(void *context, uint64_t offset, void *buffer, size_t length)
{
	uint8_t *to = buffer;

	if (++pattern_reads > TAR_HEADERS_MAX / TAR_BLOCK)
		return ERR_TIMEOUT;
	while (length > 0) {
		uint64_t from = offset < 512 ? offset : 512 + (offset - 512) % pattern_size;
		uint64_t here = (offset < 512 ? 512 : 512 + pattern_size) - from;
		size_t piece = length < here ? length : (size_t)here;
		int error = tw_read(context, from, to, piece);
		if (error)
			return error;
		to += piece;
		offset += piece;
		length -= piece;
	}
	return 0;
}

static void read_without_end(uint64_t pattern)
{
	pattern_size = pattern;
	pattern_reads = 0;
	tar_begin(&tar, read_pattern, &writer, INT64_MAX);
	CHECK_EQ(tar_next(&tar, &member), ERR_FORMAT);
	CHECK_TEXT(tar.fault, "it has too many headers");
	CHECK(pattern_reads > TAR_HEADERS_MAX / TAR_BLOCK / 2);
	tw_free(&writer);
}

static void maps_and_records_without_end(void)
{
	static const char size[12] = { (char)0x80, 0, 0, 0, 0, 1 }; /* 2 to the 48th */
	char text[400] = "", value[300];

	tw_member_of(&writer, 'S', "sparse", "", 0, 0);
	tw_set(&writer, 482, "\1", 1);
	memset(tw_grow(&writer, 512), 1, 512);
	read_without_end(512);

	/* Records that are there at the first read, and some whose end is elsewhere. */
	tw_member(&writer, 'x', "x", "8 a=bcd\n");
	tw_set(&writer, 124, size, sizeof(size));
	read_without_end(8);
	memset(value, 'v', sizeof(value));
	value[299] = 0;
	tw_record(text, "key", value);
	tw_member(&writer, 'x', "x", text);
	tw_set(&writer, 124, size, sizeof(size));
	read_without_end(strlen(text));
}

/* Whichever read fails, its error is told. */
static void read_errors(void)
{
	int result;

	tw_pax(&writer, "path", "name");
	tw_pax(&writer, "linkpath", "link");
	tw_member_of(&writer, 'L', "L", "long", 5, 5);
	tw_member_of(&writer, 'S', "sparse", "", 0, 0);
	tw_set(&writer, 482, "\1", 1);
	tw_grow(&writer, 512);
	tw_member(&writer, '0', "file", "abc");
	begin();
	while ((result = tar_next(&tar, &member)) == 1)
		continue;
	CHECK_EQ(result, 0);
	uint64_t reads = writer.reads;
	CHECK(reads > 10);
	for (uint64_t i = 1; i <= reads; i++) {
		writer.reads = 0;
		writer.fails_at = i;
		writer.error = ERR_IO;
		begin();
		while ((result = tar_next(&tar, &member)) == 1)
			continue;
		CHECK_EQ(result, ERR_IO);
	}
	tw_free(&writer);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(members), CHECK_CASE(full_fields), CHECK_CASE(before_posix),
		CHECK_CASE(numbers), CHECK_CASE(large), CHECK_CASE(pax), CHECK_CASE(pax_corners),
		CHECK_CASE(pax_zeros), CHECK_CASE(reads_of_pax), CHECK_CASE(gnu),
		CHECK_CASE(sparse), CHECK_CASE(ends), CHECK_CASE(no_archive),
		CHECK_CASE(bad_headers), CHECK_CASE(bad_extensions),
		CHECK_CASE(headers_without_end), CHECK_CASE(maps_and_records_without_end),
		CHECK_CASE(read_errors), CHECK_END });
}
