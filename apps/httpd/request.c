/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1.1 requests: RFC 9112, sections 2 to 6. What is not exactly as it should be is refused: a client that makes mistakes
 * learns of them, and nothing is read differently from how somebody between it and us has read it.
 *
 * See it at work: make run APP=httpd
 * Left out: bodies, for which there is no use here; a request that has one is refused.
 */
#include "request.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum {
	BAD_REQUEST = -400,
	NOT_ALLOWED = -405,
	TOO_LARGE = -413,
	TOO_LONG = -414,
	HEADERS_TOO_LARGE = -431,
	NOT_IMPLEMENTED = -501,
	BAD_VERSION = -505
};

/* A part of the data. */
struct text {
	const char *at;
	size_t length;
};

static bool equals(struct text text, const char *word)
{
	return text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

/* The same, whatever the case of its letters. */
static bool means(struct text text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

/* Takes a line off, without its end; false when there is none in whole. A bare LF ends a line too (section 2.2). */
static bool next_line(struct text *rest, struct text *line)
{
	const char *end = memchr(rest->at, '\n', rest->length);

	if (!end)
		return false;
	*line = (struct text){ rest->at, (size_t)(end - rest->at) };
	rest->length -= line->length + 1;
	rest->at = end + 1;
	if (line->length > 0 && line->at[line->length - 1] == '\r')
		line->length--;
	return true;
}

/* Takes off all up to the character, which goes with it; all there is when there is none. */
static struct text take(struct text *rest, char until)
{
	const char *end = memchr(rest->at, until, rest->length);
	struct text taken = { rest->at, end ? (size_t)(end - rest->at) : rest->length };
	size_t used = taken.length + (end != NULL);

	rest->at += used;
	rest->length -= used;
	return taken;
}

/* RFC 9110, section 5.6.2 */
static bool is_token(struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return text.length > 0;
}

/* ---- The path ------------------------------------------------------------------------------------------- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character, which may be written as %41; -1: none that may be there. */
static int next_character(struct text *rest)
{
	unsigned char c = (unsigned char)*rest->at;
	size_t used = 1;

	if (c == '%') {
		if (rest->length < 3 || hex(rest->at[1]) < 0 || hex(rest->at[2]) < 0)
			return -1;
		c = (unsigned char)(hex(rest->at[1]) << 4 | hex(rest->at[2]));
		used = 3;
		if (c == '/' || c == '\0')
			return -1; /* no name has these in it */
	} else if (c <= ' ' || c == 0x7f) {
		return -1;
	}
	rest->at += used;
	rest->length -= used;
	return c;
}

/* Behind a segment: takes it away again when it is empty, "." or ".."; false when that leads out. */
static bool end_segment(char *path, size_t *length)
{
	size_t start = *length;

	while (path[start - 1] != '/')
		start--;
	size_t bytes = *length - start;
	if (bytes == 1 && path[start] == '.') {
		*length = start;
	} else if (bytes == 2 && path[start] == '.' && path[start + 1] == '.') {
		if (start == 1)
			return false;
		start--;
		while (path[start - 1] != '/')
			start--;
		*length = start;
	}
	return true;
}

/* RFC 3986, sections 2.1 and 5.2.4 */
static int read_path(struct text target, struct request *request)
{
	size_t length = 0;
	char *path = request->path;

	target = take(&target, '?');
	if (target.length == 0 || target.at[0] != '/')
		return BAD_REQUEST;
	while (target.length > 0) {
		bool slash = target.at[0] == '/';
		int c = next_character(&target);
		if (c < 0)
			return BAD_REQUEST;
		if (slash && length > 0) {
			if (!end_segment(path, &length))
				return BAD_REQUEST;
			if (path[length - 1] == '/')
				continue;
		}
		if (length == PATH_MAX_BYTES)
			return TOO_LONG;
		path[length++] = (char)c;
	}
	if (!end_segment(path, &length))
		return BAD_REQUEST;
	path[length] = '\0';
	return 0;
}

/* "/path", or "http://name/path" (section 3.2.2). */
static int read_target(struct text target, struct request *request)
{
	static const char scheme[] = "http://";
	const size_t bytes = sizeof(scheme) - 1;

	if (target.length > bytes && strncasecmp(target.at, scheme, bytes) == 0) {
		const char *path = memchr(target.at + bytes, '/', target.length - bytes);
		if (!path)
			return read_path((struct text){ "/", 1 }, request);
		target.length -= (size_t)(path - target.at);
		target.at = path;
	}
	return read_path(target, request);
}

/* ---- The first line (section 3) ----------------------------------------------------------------------------- */

static int read_method(struct text method, struct request *request)
{
	static const char *const others[] = { "POST",    "PUT",   "DELETE", "CONNECT",
					      "OPTIONS", "TRACE", "PATCH" };

	if (equals(method, "GET"))
		return 0;
	if (equals(method, "HEAD")) {
		request->method = METHOD_HEAD;
		return 0;
	}
	if (!is_token(method))
		return BAD_REQUEST;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (equals(method, others[i]))
			return NOT_ALLOWED;
	}
	return NOT_IMPLEMENTED;
}

static int read_first_line(struct text line, struct request *request)
{
	struct text method = take(&line, ' '), target = take(&line, ' ');

	int error = read_method(method, request);
	if (error)
		return error;
	if (line.length != 8 || memcmp(line.at, "HTTP/", 5) != 0 || line.at[6] != '.' ||
	    line.at[5] < '0' || line.at[5] > '9' || line.at[7] < '0' || line.at[7] > '9')
		return BAD_REQUEST;
	if (line.at[5] != '1')
		return BAD_VERSION;
	request->keep_alive = line.at[7] != '0';
	return read_target(target, request);
}

/* ---- The other lines (section 5) ------------------------------------------------------------------------------ */

struct headers {
	unsigned hosts;
	bool body;
	struct text length; /* Content-Length */
};

static struct text trim(struct text text)
{
	while (text.length > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
		text.at++;
		text.length--;
	}
	while (text.length > 0 &&
	       (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
		text.length--;
	return text;
}

static void read_connection(struct text value, struct request *request)
{
	while (value.length > 0) {
		struct text word = trim(take(&value, ','));
		if (means(word, "close"))
			request->keep_alive = false;
		else if (means(word, "keep-alive"))
			request->keep_alive = true;
	}
}

/* Section 6.3: decimal digits; where it comes twice, the same. */
static int read_length(struct text value, struct headers *headers)
{
	struct text before = headers->length;

	if (value.length == 0)
		return BAD_REQUEST;
	for (size_t i = 0; i < value.length; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return BAD_REQUEST;
	}
	if (before.length > 0 &&
	    (before.length != value.length || memcmp(before.at, value.at, value.length) != 0))
		return BAD_REQUEST;
	headers->length = value;
	if (!equals(value, "0"))
		headers->body = true;
	return 0;
}

static int read_header(struct text line, struct headers *headers, struct request *request)
{
	size_t whole = line.length;
	struct text name = take(&line, ':'), value = trim(line);

	/* No colon, a blank before it, or a line that goes on from the one before. */
	if (name.length == whole || !is_token(name))
		return BAD_REQUEST;
	for (size_t i = 0; i < value.length; i++) {
		unsigned char c = (unsigned char)value.at[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return BAD_REQUEST;
	}
	if (means(name, "Host"))
		headers->hosts++;
	else if (means(name, "Connection"))
		read_connection(value, request);
	else if (means(name, "Transfer-Encoding"))
		headers->body = true;
	else if (means(name, "Content-Length"))
		return read_length(value, headers);
	return 0;
}

static int read_headers(struct text rest, struct request *request, bool version_1_1)
{
	struct headers headers = { 0 };
	struct text line;

	while (next_line(&rest, &line) && line.length > 0) {
		int error = read_header(line, &headers, request);
		if (error)
			return error;
	}
	/* Section 3.2: exactly one. */
	if (headers.hosts > 1 || (version_1_1 && headers.hosts == 0))
		return BAD_REQUEST;
	return headers.body ? TOO_LARGE : 0;
}

/* ---- All of it -------------------------------------------------------------------------------------------------- */

/* Up to the empty line, with it; 0 when that is not there. */
static size_t head_length(struct text data)
{
	struct text rest = data, line;

	while (next_line(&rest, &line)) {
		if (line.length == 0)
			return (size_t)(rest.at - data.at);
	}
	return 0;
}

int request_parse(const char *data, size_t length, struct request *request)
{
	struct text rest = { data, length }, line;
	size_t skipped = 0;

	*request = (struct request){ .method = METHOD_GET };
	/* Empty lines in front of it are not its own (section 2.2). */
	while (rest.length > 0 && (rest.at[0] == '\n' || rest.at[0] == '\r')) {
		rest.at++;
		rest.length--;
		skipped++;
	}
	size_t head = head_length(rest);
	if (head == 0 && length < REQUEST_MAX)
		return 0;
	if (head == 0)
		return memchr(rest.at, '\n', rest.length) ? HEADERS_TOO_LARGE : TOO_LONG;
	rest.length = head;
	next_line(&rest, &line);
	int error = read_first_line(line, request);
	bool version_1_1 = request->keep_alive;
	if (!error)
		error = read_headers(rest, request, version_1_1);
	return error ? error : (int)(skipped + head);
}

/* ---- Words ---------------------------------------------------------------------------------------------------------- */

const char *content_type_of(const char *path)
{
	static const struct {
		const char *extension, *type;
	} types[] = {
		{ "html", "text/html; charset=utf-8" },
		{ "htm", "text/html; charset=utf-8" },
		{ "css", "text/css; charset=utf-8" },
		{ "js", "text/javascript; charset=utf-8" },
		{ "json", "application/json" },
		{ "txt", "text/plain; charset=utf-8" },
		{ "md", "text/markdown; charset=utf-8" },
		{ "xml", "application/xml" },
		{ "svg", "image/svg+xml" },
		{ "png", "image/png" },
		{ "jpg", "image/jpeg" },
		{ "jpeg", "image/jpeg" },
		{ "gif", "image/gif" },
		{ "webp", "image/webp" },
		{ "ico", "image/x-icon" },
		{ "pdf", "application/pdf" },
		{ "wasm", "application/wasm" },
		{ "woff2", "font/woff2" },
		{ "gz", "application/gzip" },
		{ "tar", "application/x-tar" },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasecmp(dot + 1, types[i].extension) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

const char *status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 301:
		return "Moved Permanently";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Error";
	}
}
