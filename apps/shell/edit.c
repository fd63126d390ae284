/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line editor. It needs a terminal that knows ECMA-48's cursor sequences only when something is
 * edited: what is typed, or comes out of a pipe, at the end of the line is merely echoed.
 *
 * Where the window's width is known (a virtio-console that tells it, or `size`), a line that is wider goes on in the
 * next row, and is drawn again when the width changes.
 *
 * Left out: characters wider or longer than a byte.
 */
#include "edit.h"

#include <stdbool.h>
#include <string.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "lib/format.h"

#define CTRL(letter) ((letter)&0x1f)
#define ESCAPE 0x1b
#define DELETE 0x7f
/* What the keys that send a sequence are to the editor: outside of what a byte can be. */
enum { KEY_UP = 0x100, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_HOME, KEY_END, KEY_DELETE, KEY_NONE };
/* The window's size is looked at this often while nothing is typed. */
#define LOOK_NS 100000000
/* A sequence's next byte comes at once, or it was the Escape key alone. */
#define SEQUENCE_NS 50000000

#define HISTORY 16
static char history[HISTORY][EDIT_SIZE];
static unsigned history_count; /* of all lines there ever were; the last HISTORY of them are kept */
static char draft[EDIT_SIZE];  /* the line that is being written, while an old one is shown */

static const char *prompt;
static char *text;
static size_t length, cursor;
static size_t width; /* of the window; 0: not known, and taken for as wide as it needs */
static size_t row;   /* in which the cursor is, the prompt's being 0 */
static bool
	too_long; /* more was typed than there is room for, and nothing has been taken out since */

static void show(const char *string)
{
	console_write(string, strlen(string));
}

static void look_at_width(void)
{
	unsigned columns, rows;

	console_size(&columns, &rows);
	width = columns;
}

/* The row in which so many characters behind the prompt end. */
static size_t row_of(size_t at)
{
	return width == 0 ? 0 : (strlen(prompt) + at) / width;
}

/* What is shown at once is written at once: a console may have room for few writes rather than for few characters. */
static char drawing[2 * EDIT_SIZE + 200];
static size_t drawn;

static void draw(const char *from, size_t count)
{
	if (count > sizeof(drawing) - drawn)
		count = sizeof(drawing) - drawn;
	memcpy(drawing + drawn, from, count);
	drawn += count;
}

static void draw_text(const char *string)
{
	draw(string, strlen(string));
}

/* ECMA-48: the cursor goes so far up (A), or to the right (C). */
static void draw_move(size_t count, char direction)
{
	char sequence[16];

	if (count > 0)
		draw(sequence,
		     format(sequence, sizeof(sequence), "\033[%u%c", (unsigned)count, direction));
}

/* After the last character of a full row a terminal waits for the next one before it goes to the next row. */
static bool fills_row(size_t at)
{
	return width > 0 && (strlen(prompt) + at) % width == 0;
}

/* Draws the whole line again and puts the cursor where it belongs. */
static void redraw(void)
{
	drawn = 0;
	draw_move(row, 'A');
	draw_text("\r");
	draw_text(prompt);
	draw(text, length);
	if (fills_row(length))
		draw_text("\n");
	draw_text(width > 0 ? "\033[J" : "\033[K");
	row = row_of(cursor);
	if (row == row_of(length)) {
		for (size_t i = cursor; i < length; i++)
			draw_text("\b");
	} else {
		draw_move(row_of(length) - row, 'A');
		draw_text("\r");
		draw_move((strlen(prompt) + cursor) % width, 'C');
	}
	console_write(drawing, drawn);
}

/* Looks whether the window has another width now. The terminal has drawn what is there anew then, in rows of that. */
static void look_for_resize(void)
{
	size_t last = width;

	look_at_width();
	if (width == last)
		return;
	row = row_of(cursor);
	redraw();
}

/* The next thing that is shown stands below all of the line. */
static void leave_line(void)
{
	if (row != row_of(length)) {
		cursor = length;
		redraw();
	}
	row = 0;
}

static void insert(char c)
{
	if (length == EDIT_SIZE - 1) {
		if (!too_long)
			show("\a");
		too_long = true;
		return;
	}
	memmove(text + cursor + 1, text + cursor, length - cursor);
	text[cursor++] = c;
	length++;
	if (cursor < length) {
		redraw();
		return;
	}
	console_write(&c, 1);
	if (fills_row(length))
		show("\n");
	row = row_of(length);
}

/* Takes [from, to) out; the cursor is then where it was. */
static void cut(size_t from, size_t to)
{
	memmove(text + from, text + to, length - to);
	length -= to - from;
	cursor = from;
	too_long = false;
	redraw();
}

static size_t word_start(void)
{
	size_t at = cursor;
	while (at > 0 && text[at - 1] == ' ')
		at--;
	while (at > 0 && text[at - 1] != ' ')
		at--;
	return at;
}

static void move(size_t to)
{
	cursor = to;
	redraw();
}

/* `back` lines ago; 0 is the line that is being written. */
static void recall(unsigned back)
{
	strcpy(text, back > 0 ? history[(history_count - back) % HISTORY] : draft);
	length = cursor = strlen(text);
	too_long = false;
	redraw();
}

static void remember(void)
{
	if (length == 0 ||
	    (history_count > 0 && strcmp(history[(history_count - 1) % HISTORY], text) == 0))
		return;
	strcpy(history[history_count++ % HISTORY], text);
}

/* How much of the candidates that begin with the first `typed` bytes of the line is common to all
 * of them, and how many there are. */
static size_t common_start(size_t typed, const char **first, unsigned *count)
{
	size_t common = 0;
	*count = 0;
	const char *candidate;
	for (unsigned n = 0; (candidate = edit_candidate(n)) != NULL; n++) {
		if (strncmp(candidate, text, typed) != 0)
			continue;
		if ((*count)++ == 0) {
			*first = candidate;
			common = strlen(candidate);
		}
		size_t same = 0;
		while (same < common && candidate[same] == (*first)[same])
			same++;
		common = same;
	}
	return common;
}

static void complete(void)
{
	size_t typed = cursor;
	const char *first, *candidate;
	unsigned count;

	if (cursor != length || memchr(text, ' ', length) != NULL)
		return;
	size_t common = common_start(typed, &first, &count);
	if (count == 0)
		return;
	for (size_t i = typed; i < common; i++)
		insert(first[i]);
	if (count == 1) {
		insert(' ');
	} else if (common == typed) {
		leave_line();
		show("\n");
		for (unsigned n = 0; (candidate = edit_candidate(n)) != NULL; n++) {
			if (strncmp(candidate, text, typed) == 0)
				kprint("%s  ", candidate);
		}
		show("\n");
		redraw();
	}
}

/* What follows ESC: `[` or `O`, digits, and the letter that tells the key (ECMA-48, 5.4). */
static int read_sequence(void)
{
	int c = console_read(vport_now() + SEQUENCE_NS);
	if (c != '[' && c != 'O')
		return KEY_NONE;
	int number = 0;
	while ((c = console_read(vport_now() + SEQUENCE_NS)) >= 0 && c < '@')
		number = c >= '0' && c <= '9' ? (number * 10 + c - '0') % 100 : 0;
	switch (c) {
	case 'A':
		return KEY_UP;
	case 'B':
		return KEY_DOWN;
	case 'C':
		return KEY_RIGHT;
	case 'D':
		return KEY_LEFT;
	case 'H':
		return KEY_HOME;
	case 'F':
		return KEY_END;
	case '~':
		return number == 1 || number == 7   ? KEY_HOME
		       : number == 4 || number == 8 ? KEY_END
		       : number == 3                ? KEY_DELETE
						    : KEY_NONE;
	default:
		return KEY_NONE;
	}
}

static int read_key(void)
{
	static bool after_return;

	int c;
	while ((c = console_read(vport_now() + LOOK_NS)) == -1)
		look_for_resize();
	bool second = after_return && c == '\n'; /* of CR LF, which is one Return */
	after_return = c == '\r';
	if (second)
		return KEY_NONE;
	return c == ESCAPE ? read_sequence() : c;
}

static void keep_draft(void)
{
	memcpy(draft, text, length);
	draft[length] = '\0';
}

static void edit(int key, unsigned *back)
{
	unsigned kept = history_count < HISTORY ? history_count : HISTORY;
	switch (key) {
	case KEY_UP:
	case CTRL('P'):
		if (*back == 0)
			keep_draft();
		if (*back < kept)
			recall(++*back);
		break;
	case KEY_DOWN:
	case CTRL('N'):
		if (*back > 0)
			recall(--*back);
		break;
	case KEY_LEFT:
	case CTRL('B'):
		if (cursor > 0)
			move(cursor - 1);
		break;
	case KEY_RIGHT:
	case CTRL('F'):
		if (cursor < length)
			move(cursor + 1);
		break;
	case KEY_HOME:
	case CTRL('A'):
		move(0);
		break;
	case KEY_END:
	case CTRL('E'):
		move(length);
		break;
	case '\b':
	case DELETE:
		if (cursor > 0)
			cut(cursor - 1, cursor);
		break;
	case KEY_DELETE:
	case CTRL('D'):
		if (cursor < length)
			cut(cursor, cursor + 1);
		break;
	case CTRL('U'):
		cut(0, cursor);
		break;
	case CTRL('K'):
		cut(cursor, length);
		break;
	case CTRL('W'):
		cut(word_start(), cursor);
		break;
	case CTRL('L'):
		show("\033[H\033[2J");
		row = 0;
		redraw();
		break;
	case '\t':
		complete();
		break;
	default:
		if (key >= ' ' && key < 0x100)
			insert((char)key);
	}
}

int edit_line(const char *with_prompt, char line[EDIT_SIZE])
{
	unsigned back = 0;

	prompt = with_prompt;
	text = line;
	length = cursor = row = 0;
	too_long = false;
	look_at_width();
	show(prompt);
	for (;;) {
		int key = read_key();
		if (key == CONSOLE_EOF || (key == CTRL('D') && length == 0)) {
			show("\n");
			return EDIT_END;
		}
		if (key == CTRL('C')) {
			leave_line();
			length = cursor = 0;
			too_long = false;
			back = 0;
			show("^C\n");
			show(prompt);
		} else if (key == '\r' || key == '\n') {
			leave_line();
			show("\n");
			text[length] = '\0';
			remember();
			return too_long ? EDIT_TOO_LONG : (int)length;
		} else {
			edit(key, &back);
		}
	}
}
