/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's `port`: the ports of virtio-console, and text to and from the host through them; and `size`, of the
 * window in which is typed.
 *
 *     ringlet> port
 *     vport0p1 org.example.data host open, received 0, sent 0
 *     ringlet> port write org.example.data hello
 *     ringlet> port emergency help       past all queues, by the configuration space
 */
#include "drivers/virtio/console.h"

#include <ctype.h>
#include <string.h>

#include "commands.h"
#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "lib/error.h"

/* `read` ends when nothing came for so long, `write` when the host took nothing for so long. */
#define SILENCE_NS UINT64_C(2000000000)
#define READ_NS UINT64_C(60000000000) /* and `read` after that in any case */
#define PIECE 256

/* A kernel may be linked without this driver (DRIVERS=). */
#pragma weak virtio_console_first
#pragma weak virtio_console_next
#pragma weak virtio_console_ignored
#pragma weak virtio_console_emergency_write
#pragma weak virtio_port_first
#pragma weak virtio_port_next
#pragma weak virtio_port_info
#pragma weak virtio_port_find
#pragma weak virtio_port_open
#pragma weak virtio_port_close
#pragma weak virtio_port_read
#pragma weak virtio_port_write
#pragma weak virtio_port_flush

static int list(void)
{
	struct virtio_port_info info;

	if (virtio_port_first == NULL || virtio_port_first() == NULL) {
		kprint("port: there is none\n");
		return 1;
	}
	for (struct virtio_port *port = virtio_port_first(); port; port = virtio_port_next(port)) {
		virtio_port_info(port, &info);
		kprint("%s %s%s%shost %s, %sreceived %llu, sent %llu", info.path, info.name,
		       info.name[0] ? " " : "", info.console ? "console, " : "",
		       info.host_open ? "open" : "closed", info.open ? "in use, " : "",
		       (unsigned long long)info.received, (unsigned long long)info.sent);
		if (info.columns > 0)
			kprint(", %ux%u", info.columns, info.rows);
		kprint("\n");
	}
	for (struct virtio_console *console = virtio_console_first(); console;
	     console = virtio_console_next(console)) {
		if (virtio_console_ignored(console) > 0)
			kprint("control messages that made no sense: %llu\n",
			       (unsigned long long)virtio_console_ignored(console));
	}
	return 0;
}

/* Prints what comes, but nothing that moves the cursor; so many bytes at most. */
static int read_text(struct virtio_port *port, const char *name, uint64_t limit)
{
	uint64_t now = vport_now(), end = now + READ_NS;
	char piece[PIECE];
	long got = 0;

	for (; limit > 0 && now < end; now = vport_now()) {
		size_t room = limit < sizeof(piece) ? (size_t)limit : sizeof(piece);
		got = virtio_port_read(port, piece, room, now + SILENCE_NS);
		if (got <= 0)
			break;
		limit -= (uint64_t)got;
		for (long i = 0; i < got; i++) {
			if (!isprint((unsigned char)piece[i]) && piece[i] != '\n' &&
			    piece[i] != '\t')
				piece[i] = '.';
		}
		console_write(piece, (size_t)got);
	}
	console_end_line();
	if (got == 0 && limit > 0)
		kprint("port: %s: %s\n", name, error_text(ERR_CLOSED));
	return got > 0 || got == ERR_FULL ? 0 : (int)got;
}

static int write_piece(struct virtio_port *port, const char *text)
{
	size_t length = strlen(text);
	long sent = virtio_port_write(port, text, length, vport_now() + SILENCE_NS);

	return sent < 0 ? (int)sent : (size_t)sent < length ? ERR_TIMEOUT : 0;
}

/* The words, and a newline. */
static int write_text(struct virtio_port *port, int count, char **words)
{
	int error = 0;

	for (int i = 0; i < count && !error; i++) {
		error = write_piece(port, words[i]);
		if (!error)
			error = write_piece(port, i + 1 < count ? " " : "\n");
	}
	if (!error)
		error = virtio_port_flush(port, vport_now() + SILENCE_NS);
	return error == ERR_FULL ? ERR_TIMEOUT : error;
}

/* To each device that can do that. */
static int emergency(const char *text)
{
	unsigned devices = 0;

	for (struct virtio_console *console = virtio_console_first == NULL ? NULL
									   : virtio_console_first();
	     console; console = virtio_console_next(console)) {
		const char *at = text;
		while (*at && virtio_console_emergency_write(console, *at))
			at++;
		devices += *at == '\0';
	}
	if (devices == 0)
		kprint("port: no device can do that\n");
	return devices == 0;
}

int do_port(int argc, char **argv)
{
	if (argc == 1)
		return list();
	if (argc == 3 && strcmp(argv[1], "emergency") == 0)
		return emergency(argv[2]);
	bool reads = strcmp(argv[1], "read") == 0;
	uint64_t limit = UINT64_MAX;
	if (argc < (reads ? 3 : 4) || (reads && argc > 4) ||
	    (!reads && strcmp(argv[1], "write") != 0) ||
	    (reads && argc == 4 && !number(argv[3], &limit)))
		return USAGE;
	struct virtio_port *port = virtio_port_find == NULL ? NULL : virtio_port_find(argv[2]);
	int error = port == NULL ? ERR_NODEV : virtio_port_open(port);
	if (!error) {
		error = reads ? read_text(port, argv[2], limit)
			      : write_text(port, argc - 3, argv + 3);
		virtio_port_close(port);
	}
	if (error)
		kprint("port: %s: %s\n", argv[2],
		       port == NULL ? "there is no such port" : error_text(error));
	return error ? 1 : 0;
}

int do_size(int argc, char **argv)
{
	uint64_t new_columns, new_rows;
	unsigned columns, rows;

	if (argc == 3 && number(argv[1], &new_columns) && number(argv[2], &new_rows) &&
	    new_columns <= MAX_SIZE && new_rows <= MAX_SIZE)
		console_set_size((unsigned)new_columns, (unsigned)new_rows);
	else if (argc != 1)
		return USAGE;
	console_size(&columns, &rows);
	if (columns == 0)
		kprint("size: not known\n");
	else
		kprint("%u columns, %u rows\n", columns, rows);
	return 0;
}
