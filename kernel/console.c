/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system console: what is printed goes to every console there is (UARTs, virtio-console), what
 * is typed comes from any. What is printed before there is one is kept, and the first one gets it.
 *
 * Left out: a terminal's line discipline. Characters come as they are typed; the shell edits lines.
 *
 *     make run
 */
#include "kernel/console.h"

#include <stdarg.h>

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "lib/format.h"

#define EARLY_SIZE 4096
#define LINE_SIZE 512
/* Input is looked for this often even when no interrupt tells of it: a console may have none. */
#define LOOK_NS 20000000

static struct console *consoles;
static struct console *typed_on; /* the last one from which a character came */

/* A ring of the last EARLY_SIZE characters; `early_count` counts all there ever were. */
static char early[EARLY_SIZE];
static size_t early_count;

static bool at_line_start = true;

/* What one call prints stays together, and one CPU at a time is at the devices. An interrupt or a fault may come
 * in the middle of that and print as well. */
static struct cpu_mutex console_mutex;

static void lock(void)
{
	while (!cpu_mutex_try(&console_mutex))
		arch_pause();
}

static void unlock(void)
{
	cpu_mutex_give(&console_mutex);
}

static void ignore(struct vport_event *event)
{
	(void)event;
}

/* Marked when there may be input. There is nothing to drain: that vport_relax returns is all that
 * console_read needs. */
static struct vport_event input_event = { .drain = ignore, .check_at = VPORT_NEVER };

/* In pieces, so that a newline becomes CR LF without a copy of the text. */
static void write_lines(struct console *console, const char *text, size_t length)
{
	size_t start = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '\n')
			continue;
		if (i > start)
			console->write(console, text + start, i - start);
		console->write(console, "\r\n", 2);
		start = i + 1;
	}
	if (length > start)
		console->write(console, text + start, length - start);
}

static void write_early(struct console *console)
{
	size_t kept = early_count < EARLY_SIZE ? early_count : EARLY_SIZE;
	size_t first = early_count % EARLY_SIZE; /* the oldest, once the ring is full */
	if (kept == EARLY_SIZE)
		write_lines(console, early + first, EARLY_SIZE - first);
	write_lines(console, early, kept == EARLY_SIZE ? first : kept);
}

void console_add(struct console *console)
{
	lock();
	if (consoles == NULL)
		write_early(console);
	struct console **end = &consoles;
	while (*end != NULL)
		end = &(*end)->next;
	console->next = NULL;
	*end = console;
	unlock();
}

bool console_exists(void)
{
	return consoles != NULL;
}

void console_write(const char *text, size_t length)
{
	if (length == 0)
		return;
	lock();
	at_line_start = false; /* should this CPU be stopped in the middle */
	if (consoles == NULL) {
		for (size_t i = 0; i < length; i++)
			early[early_count++ % EARLY_SIZE] = text[i];
	}
	for (struct console *console = consoles; console != NULL; console = console->next)
		write_lines(console, text, length);
	at_line_start = text[length - 1] == '\n';
	unlock();
}

void console_end_line(void)
{
	if (!at_line_start)
		console_write("\n", 1);
}

void console_wake(void)
{
	vport_mark(&input_event);
}

/* A character, -1 when there is none now, CONSOLE_EOF when there never will be any. */
static int take(void)
{
	bool open = false;
	for (struct console *console = consoles; console != NULL; console = console->next) {
		if (console->read == NULL)
			continue;
		int c = console->read(console);
		if (c >= 0) {
			typed_on = console;
			return c;
		}
		if (c != CONSOLE_EOF)
			open = true;
	}
	return open ? -1 : CONSOLE_EOF;
}

int console_read(uint64_t deadline)
{
	for (;;) {
		lock();
		int c = take();
		unlock();
		if (c != -1)
			return c;
		uint64_t now = vport_now();
		if (now >= deadline)
			return -1;
		uint64_t look = now + LOOK_NS;
		vport_relax(look < deadline ? look : deadline);
	}
}

/* ---- Windows -------------------------------------------------------------------- */

static struct console *typist(void)
{
	return typed_on != NULL ? typed_on : consoles;
}

void console_resize(struct console *console, unsigned columns, unsigned rows)
{
	lock();
	console->columns = columns;
	console->rows = rows;
	unlock();
}

void console_size(unsigned *columns, unsigned *rows)
{
	lock();
	const struct console *console = typist();
	*columns = console != NULL ? console->columns : 0;
	*rows = console != NULL ? console->rows : 0;
	unlock();
}

void console_set_size(unsigned columns, unsigned rows)
{
	struct console *console = typist();

	if (console != NULL)
		console_resize(console, columns, rows);
}

/* ---- Printing ------------------------------------------------------------------- */

void kprint(const char *fmt, ...)
{
	char line[LINE_SIZE + 1];
	va_list ap;
	va_start(ap, fmt);
	size_t length = format_va(line, sizeof(line), fmt, ap);
	va_end(ap);
	console_write(line, length);
}
