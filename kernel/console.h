/* SPDX-License-Identifier: BSD-2-Clause */
/* The system console: all that is printed goes to every console there is, input comes from any. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console {
	const char *name;
	/* Writes all of it, waiting where it must. Must work with interrupts masked. */
	void (*write)(struct console *console, const char *text, size_t length);
	/* One character, -1 when there is none now, or CONSOLE_EOF when there will never be any more.
	 * NULL for a console without input. */
	int (*read)(struct console *console);
	/* for kernel/console.c */
	unsigned columns, rows;
	struct console *next;
};

/* Adds a console; the first one also gets what was printed before there was any (the last 4 KiB). */
void console_add(struct console *console);
bool console_exists(void);
/* Any context. A newline is sent as CR LF. */
void console_write(const char *text, size_t length);
/* Ends the line that was begun, if one was. */
void console_end_line(void);
/* A character, or -1 when `deadline` (vport_now) passed first; CONSOLE_EOF at the end of input.
 * Program context. */
#define CONSOLE_EOF (-2)
int console_read(uint64_t deadline);
/* For a UART's interrupt handler: input may be there. */
void console_wake(void);

/* Its window has that size now; 0: that is not known. Work and program context. */
void console_resize(struct console *console, unsigned columns, unsigned rows);
/* The size of the window of the console on which was typed last (at first: of the first one), 0 where it is not known.
 * Any context. */
void console_size(unsigned *columns, unsigned *rows);
/* Sets that, for a console that cannot tell by itself. */
void console_set_size(unsigned columns, unsigned rows);

/* format() to the console: one line at most 512 characters. Any context. */
void kprint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
