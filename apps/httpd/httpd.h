/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of httpd: main.c (the loop), connection.c (one client), status.c (the page about the machine). */
#ifndef APPS_HTTPD_HTTPD_H
#define APPS_HTTPD_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/files.h"
#include "request.h"

#define NS_PER_S UINT64_C(1000000000)
#define CONNECTIONS 64 /* at a time, that are served */
#define REFUSALS 16    /* and, besides, that are told that there are too many */

#define HEAD_BYTES 512
#define CHUNK_BYTES 16384
#define TAKEN_BYTES 16384

enum connection_state {
	STATE_FREE,
	STATE_READING, /* a request, or the next one */
	STATE_SENDING, /* the answer */
	STATE_CLOSING, /* all is sent: what the client still says is thrown away, so that it reads the answer */
};

struct connection {
	int fd;
	enum connection_state state;
	uint64_t patience_ends; /* vport_now() */
	size_t taken;           /* of the answer, since that was set */
	bool close_after;       /* the answer */
	bool has_more;          /* to do, whether or not the network has anything new */

	char in[REQUEST_MAX];
	size_t in_length;

	/* The answer: head, and behind it text or a file's bytes, by way of the chunk. */
	char head[HEAD_BYTES];
	size_t head_length, head_sent;
	char *text; /* malloc */
	size_t text_length, text_sent;
	bool has_file;
	struct file file;
	uint64_t file_offset, file_left;
	char chunk[CHUNK_BYTES];
	size_t chunk_start, chunk_length;
};

/* What has been done since the start. */
struct totals {
	uint64_t started;
	unsigned now, most;
	unsigned long long connections, refused, timed_out;
	unsigned long long requests, bytes;
	unsigned long long ok, redirected, client_errors, server_errors;
};
extern struct totals totals;

/* Nanoseconds that a client has for a request, all of it; twice as many for each TAKEN_BYTES of an answer. */
extern uint64_t patience;

/* ---- connection.c ------------------------------------------------------------------------------------------- */

/* The socket is the connection's from now on. With `refuse` all that it gets is that there are too many. */
void connection_start(struct connection *connection, int fd, bool refuse);
/* What is to be waited for: events of poll(2). */
short connection_events(const struct connection *connection);
/* Does one thing, so that others have their turn: takes what has come, answers a request, or sends a part of an answer. Sets
 * has_more when it can go on without waiting for the network. */
void connection_serve(struct connection *connection);
/* Ends it: the socket is closed, memory freed, the state STATE_FREE. */
void connection_end(struct connection *connection);

/* ---- status.c ------------------------------------------------------------------------------------------------- */

/* A page about the machine, HTML or JSON: memory of malloc, and its length; NULL when there is none. */
char *status_page(bool json, size_t *length);

#endif
