/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client asks for, out of the bytes that it sent: RFC 9112 (HTTP/1.1), RFC 3986 for the path. Pure: no sockets, no
 * files, no memory; tests/fuzz/http.c feeds it.
 */
#ifndef APPS_HTTPD_REQUEST_H
#define APPS_HTTPD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_MAX 8192 /* bytes up to the empty line */
#define PATH_MAX_BYTES 1024

enum request_method { METHOD_GET, METHOD_HEAD };

struct request {
	enum request_method method;
	/* Decoded, beginning with '/', without "." and ".." and empty segments; it ends with '/' if what was asked for
	 * does. */
	char path[PATH_MAX_BYTES + 1];
	bool keep_alive;
};

/*
 * Reads the first request of `data`. Returns its length, 0 when it is not there as a whole yet, or, negative, the status to
 * answer with, after which the connection is to be closed: 400, 405, 413, 414, 431, 501, 505. After an error
 * request->method says whether a body may be sent.
 */
int request_parse(const char *data, size_t length, struct request *request);

/* What the name's extension means, for Content-Type. */
const char *content_type_of(const char *path);
/* The words that go with a status. */
const char *status_text(int status);

#endif
