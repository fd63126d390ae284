/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One client: it asks, possibly for several things at once, and is answered in the order in which it asked.
 *
 * The file that it asked for is read while the network goes on (kernel/files.h waits by vport_relax), a chunk at a time, and
 * only when the chunk before has been sent.
 *
 * See it at work: make run APP=httpd, and curl -v http://localhost:8080/status
 * Left out: ranges, validators, compression, lists of folders.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd.h"
#include "lib/error.h"

#include <poll.h>

#define CLOSE_PATIENCE (2 * NS_PER_S) /* for the client to close */
#define INDEX "index.html"

uint64_t patience = 15 * NS_PER_S;

static void wait_at_most(struct connection *connection, uint64_t most)
{
	connection->patience_ends = vport_now() + most;
}

/* ---- Answers ------------------------------------------------------------------------------------------------- */

static void count(int status)
{
	if (status < 300)
		totals.ok++;
	else if (status < 400)
		totals.redirected++;
	else if (status < 500)
		totals.client_errors++;
	else
		totals.server_errors++;
}

/* `extra` are more lines, each with its end. */
static void write_head(struct connection *connection, int status, const char *type, uint64_t length,
		       const char *extra)
{
	int written = snprintf(connection->head, HEAD_BYTES,
			       "HTTP/1.1 %d %s\r\nServer: ringlet\r\nContent-Type: %s\r\n"
			       "Content-Length: %llu\r\nConnection: %s\r\n%s\r\n",
			       status, status_text(status), type, (unsigned long long)length,
			       connection->close_after ? "close" : "keep-alive", extra);

	connection->head_length = written < HEAD_BYTES ? (size_t)written : HEAD_BYTES;
	connection->head_sent = 0;
	connection->state = STATE_SENDING;
	connection->taken = 0;
	wait_at_most(connection, 2 * patience);
	count(status);
}

static void answer_text(struct connection *connection, const struct request *request, int status,
			const char *type, char *text, size_t length, const char *extra)
{
	write_head(connection, status, type, length, extra);
	if (request->method == METHOD_HEAD) {
		free(text);
		return;
	}
	connection->text = text;
	connection->text_length = length;
	connection->text_sent = 0;
}

/* A short page that says so. */
static void answer_status(struct connection *connection, const struct request *request, int status,
			  const char *extra)
{
	char page[160];
	int length =
		snprintf(page, sizeof(page), "<!doctype html><title>%d %s</title><h1>%d %s</h1>\n",
			 status, status_text(status), status, status_text(status));

	char *text = strdup(page);
	answer_text(connection, request, status, "text/html; charset=utf-8", text,
		    text ? (size_t)length : 0, extra);
}

/* Whoever makes a mistake is told, and no more is read from it. */
static void answer_error(struct connection *connection, const struct request *request, int status)
{
	connection->close_after = true;
	answer_status(connection, request, status,
		      status == 405   ? "Allow: GET, HEAD\r\n"
		      : status == 503 ? "Retry-After: 1\r\n"
				      : "");
}

static void answer_machine(struct connection *connection, const struct request *request, bool json)
{
	size_t length = 0;
	char *page = status_page(json, &length);

	if (page)
		answer_text(connection, request, 200,
			    json ? "application/json" : "text/html; charset=utf-8", page, length,
			    "Cache-Control: no-store\r\n");
	else
		answer_error(connection, request, 503);
}

/* A folder without its slash: relative links on its page would lead elsewhere. Characters that are special in a URL
 * are written as numbers. */
static void answer_moved(struct connection *connection, const struct request *request)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	char line[HEAD_BYTES / 2];
	size_t used = (size_t)snprintf(line, sizeof(line), "Location: ");

	for (const char *c = request->path; *c; c++) {
		if (used + 7 > sizeof(line)) {
			answer_error(connection, request, 414);
			return;
		}
		if (strchr(plain, *c))
			line[used++] = *c;
		else
			used += (size_t)snprintf(line + used, 4, "%%%02X", (unsigned char)*c);
	}
	strcpy(line + used, "/\r\n");
	answer_status(connection, request, 301, line);
}

/* ---- Files --------------------------------------------------------------------------------------------------------- */

static int status_of(int error)
{
	switch (error) {
	case ERR_NOT_FOUND:
	case ERR_NOT_FOLDER:
	case ERR_FOLDER:
	case ERR_LOOP:
	case ERR_NO_ARCHIVE:
	case ERR_NODEV:
		return 404;
	case ERR_NOMEM:
	case ERR_BUSY:
		return 503;
	default:
		return 500;
	}
}

static void answer_file(struct connection *connection, const struct request *request)
{
	char path[PATH_MAX_BYTES + sizeof(INDEX)];
	size_t length = strlen(request->path);
	bool folder = request->path[length - 1] == '/';

	snprintf(path, sizeof(path), "%s%s", request->path, folder ? INDEX : "");
	int error = file_open_first(path, &connection->file);
	if (error == ERR_FOLDER && !folder) {
		answer_moved(connection, request);
		return;
	}
	if ((error == ERR_NO_ARCHIVE || error == ERR_NODEV) && length == 1) {
		answer_machine(connection, request, false); /* there is nothing else to show */
		return;
	}
	if (error) {
		int status = status_of(error);
		if (status == 404)
			answer_status(connection, request, status, "");
		else
			answer_error(connection, request, status);
		return;
	}
	write_head(connection, 200, content_type_of(path), connection->file.info.size, "");
	if (request->method == METHOD_HEAD) {
		file_close(&connection->file);
		return;
	}
	connection->has_file = true;
	connection->file_offset = 0;
	connection->file_left = connection->file.info.size;
	connection->chunk_length = 0;
}

/* The next chunk; false: the disk has failed, and as the length has been told, all there is to do is to end here. */
static bool read_chunk(struct connection *connection)
{
	size_t length =
		connection->file_left < CHUNK_BYTES ? (size_t)connection->file_left : CHUNK_BYTES;
	long got = file_read(&connection->file, connection->file_offset, connection->chunk, length);

	if (got <= 0)
		return false;
	connection->file_offset += (uint64_t)got;
	connection->file_left -= (uint64_t)got;
	connection->chunk_start = 0;
	connection->chunk_length = (size_t)got;
	return true;
}

/* ---- Moving bytes ---------------------------------------------------------------------------------------------------- */

/* Sends from *sent on; false: the network takes no more now, or never again (then it is over). */
static bool send_part(struct connection *connection, const char *data, size_t length, size_t *sent,
		      bool more)
{
	while (*sent < length) {
		long part = send(connection->fd, data + *sent, length - *sent, more ? MSG_MORE : 0);
		if (part < 0 && errno == EAGAIN)
			return false;
		if (part < 0) {
			connection_end(connection);
			return false;
		}
		*sent += (size_t)part;
		totals.bytes += (unsigned long long)part;
		connection->taken += (size_t)part;
		if (connection->taken >= TAKEN_BYTES) {
			connection->taken = 0;
			wait_at_most(connection, 2 * patience);
		}
	}
	return true;
}

static void forget_answer(struct connection *connection)
{
	if (connection->has_file)
		file_close(&connection->file);
	free(connection->text);
	connection->text = NULL;
	connection->has_file = false;
}

/* Everything but a file, and of that one chunk: whether the network took it. */
static bool send_answer(struct connection *connection)
{
	bool body = connection->text || connection->has_file;

	if (!send_part(connection, connection->head, connection->head_length,
		       &connection->head_sent, body))
		return false;
	if (connection->text && !send_part(connection, connection->text, connection->text_length,
					   &connection->text_sent, false))
		return false;
	if (!connection->has_file)
		return true;
	if (connection->chunk_length == 0 && connection->file_left > 0 && !read_chunk(connection)) {
		connection_end(connection);
		return false;
	}
	if (!send_part(connection, connection->chunk, connection->chunk_length,
		       &connection->chunk_start, connection->file_left > 0))
		return false;
	connection->chunk_length = 0;
	return true;
}

/* No more is said. What the client has sent meanwhile must be read before the socket is closed: otherwise it would be
 * reset, and might lose the answer. */
static void begin_closing(struct connection *connection)
{
	shutdown(connection->fd, SHUT_WR);
	connection->state = STATE_CLOSING;
	wait_at_most(connection, CLOSE_PATIENCE);
}

/* Reads what there is; false: nothing new. */
static bool read_more(struct connection *connection)
{
	long got = recv(connection->fd, connection->in + connection->in_length,
			REQUEST_MAX - connection->in_length, 0);

	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0) {
		connection_end(connection);
		return false;
	}
	connection->in_length += (size_t)got;
	return true;
}

/* The next request, if it is there: whether it was. */
static bool take_request(struct connection *connection)
{
	struct request request;
	int used = request_parse(connection->in, connection->in_length, &request);

	if (used == 0)
		return false;
	totals.requests++;
	if (used < 0) {
		answer_error(connection, &request, -used);
		return true;
	}
	connection->in_length -= (size_t)used;
	memmove(connection->in, connection->in + used, connection->in_length);
	connection->close_after = !request.keep_alive;
	if (strcmp(request.path, "/status") == 0 || strcmp(request.path, "/status.json") == 0)
		answer_machine(connection, &request, request.path[7] == '.');
	else
		answer_file(connection, &request);
	return true;
}

/* ---- What the loop calls ------------------------------------------------------------------------------------------------ */

void connection_start(struct connection *connection, int fd, bool refuse)
{
	static const struct request any = { .method = METHOD_GET };
	static const int on = 1; /* MSG_MORE says what waits for more */

	fcntl(fd, F_SETFL, O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connection->fd = fd;
	connection->state = STATE_READING;
	connection->in_length = 0;
	connection->close_after = false;
	connection->has_more = true; /* there may be a request already */
	connection->text = NULL;
	connection->has_file = false;
	wait_at_most(connection, patience);
	if (refuse)
		answer_error(connection, &any, 503);
}

short connection_events(const struct connection *connection)
{
	return connection->state == STATE_SENDING ? POLLOUT : POLLIN;
}

static void answer_sent(struct connection *connection)
{
	forget_answer(connection);
	if (connection->close_after) {
		begin_closing(connection);
		return;
	}
	connection->state = STATE_READING;
	wait_at_most(connection, patience);
}

void connection_serve(struct connection *connection)
{
	connection->has_more = false;
	switch (connection->state) {
	case STATE_READING:
		connection->has_more = take_request(connection) || read_more(connection);
		break;
	case STATE_SENDING:
		connection->has_more = send_answer(connection);
		if (connection->has_more && !(connection->has_file && connection->file_left > 0))
			answer_sent(connection);
		break;
	case STATE_CLOSING:
		connection->in_length = 0;
		read_more(connection);
		break;
	default:
		break;
	}
}

void connection_end(struct connection *connection)
{
	forget_answer(connection);
	close(connection->fd);
	connection->state = STATE_FREE;
}
