/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell's line editor before a terminal of the test's own, which draws rows anew when its width changes: whatever
 * is typed, it shows the prompt and the line and nothing else, and has the cursor where the editor believes it is. */
#include "apps/shell/edit.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "tests/host/check.h"

#define PROMPT "ringlet> "
#define CELLS 4096
#define CTRL(letter) ((letter)&0x1f)

/* ---- The terminal: its rows one behind the other ------------------------------------------------ */

static unsigned columns;
static char cells[CELLS];
static size_t at;
static bool pending; /* a row is full, and the next one not begun */
static unsigned bells;

static size_t row_start(void)
{
	size_t behind = pending ? at - 1 : at;

	return columns ? behind / columns * columns : 0;
}

static void put(char c)
{
	cells[at++] = c;
	pending = columns && at % columns == 0;
}

/* Of ESC [: how long the sequence is. */
static size_t sequence(const char *text)
{
	char *end;
	size_t count = strtoul(text, &end, 10);

	if (*end == 'A') {
		at -= count * columns;
	} else if (*end == 'C') {
		at += count;
	} else if (*end == 'J' || (*end == 'K' && columns == 0)) {
		memset(cells + at, ' ', CELLS - at);
	} else {
		CHECK_EQ(*end, 'A');
	}
	CHECK(at < CELLS);
	pending = false;
	return (size_t)(end - text) + 1;
}

void console_write(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\r') {
			at = row_start();
			pending = false;
		} else if (text[i] == '\n') {
			at = row_start() + columns;
			pending = false;
		} else if (text[i] == '\b') {
			CHECK(at > row_start() && !pending);
			at--;
		} else if (text[i] == '\a') {
			bells++;
		} else if (text[i] == 0x1b) {
			i += 1 + sequence(text + i + 2);
		} else {
			put(text[i]);
		}
	}
}

void kprint(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	int length = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	console_write(line, (size_t)length);
}

void console_size(unsigned *wide, unsigned *high)
{
	*wide = columns;
	*high = 25;
}

uint64_t vport_now(void)
{
	return 0;
}

const char *edit_candidate(unsigned n)
{
	(void)n;
	return NULL;
}

/* ---- Who types, and knows what should be there ------------------------------------------------------- */

static char line[EDIT_SIZE];
static size_t length, cursor;
static bool fills; /* mostly letters are typed */
static bool too_long;
static unsigned refused;      /* how often it became too long */
static const char *rest = ""; /* of a key that is a sequence */
static unsigned keys_left;
static uint32_t chance;

static unsigned random_number(unsigned below)
{
	chance = chance * 1664525 + 1013904223;
	return (chance >> 8) % below;
}

static void check_screen(void)
{
	size_t prompt = strlen(PROMPT);

	CHECK(memcmp(cells, PROMPT, prompt) == 0);
	CHECK(memcmp(cells + prompt, line, length) == 0);
	for (size_t i = prompt + length; i < CELLS; i++) {
		if (cells[i] != ' ') {
			CHECK_EQ(cells[i], ' ');
			return;
		}
	}
	CHECK_EQ(at, prompt + cursor);
	CHECK(!pending);
}

static void cut(size_t from, size_t to)
{
	memmove(line + from, line + to, length - to);
	length -= to - from;
	cursor = from;
	too_long = false;
}

static int press(const char *keys)
{
	rest = keys + 1;
	return keys[0];
}

static int type(char c)
{
	if (length < EDIT_SIZE - 1) {
		memmove(line + cursor + 1, line + cursor, length - cursor);
		line[cursor++] = c;
		length++;
	} else {
		refused += !too_long;
		too_long = true;
	}
	return c;
}

static int some_key(void)
{
	switch (fills && random_number(8) > 0 ? 15 : random_number(16)) {
	case 0:
		cursor -= cursor > 0;
		return press("\x1b[D");
	case 1:
		cursor += cursor < length;
		return press("\x1b[C");
	case 2:
		cursor = 0;
		return press(random_number(2) ? "\x1b[H" : "\x1b[1~");
	case 3:
		cursor = length;
		return CTRL('E');
	case 4:
		if (cursor > 0)
			cut(cursor - 1, cursor);
		return '\b';
	case 5:
		if (cursor < length)
			cut(cursor, cursor + 1);
		return press("\x1b[3~");
	case 6:
		if (random_number(8) > 0)
			break;
		cut(cursor, length);
		return CTRL('K');
	case 7:
		if (random_number(20) > 0)
			break;
		cut(0, cursor);
		return CTRL('U');
	}
	return type((char)('a' + random_number(26)));
}

int console_read(uint64_t deadline)
{
	(void)deadline;
	if (*rest)
		return *rest++;
	check_screen();
	if (check_failures > 0 || keys_left == 0)
		return '\r';
	keys_left--;
	if (columns > 0 && random_number(12) == 0) {
		columns = 12 + random_number(100);
		return -1; /* nobody types while that is drawn */
	}
	return some_key();
}

static void edit_with(unsigned width, unsigned seed)
{
	char read[EDIT_SIZE];

	memset(cells, ' ', sizeof(cells));
	columns = width;
	at = length = cursor = 0;
	bells = refused = 0;
	pending = too_long = false;
	chance = seed;
	keys_left = 600;
	int got = edit_line(PROMPT, read);
	CHECK_EQ(got, too_long ? EDIT_TOO_LONG : (int)length);
	CHECK_EQ(bells, refused);
	CHECK(memcmp(read, line, length) == 0);
}

static void any_width(void)
{
	for (unsigned seed = 0; seed < 60; seed++)
		edit_with(12 + seed * 2, seed);
}

static void width_not_known(void)
{
	for (unsigned seed = 0; seed < 10; seed++)
		edit_with(0, seed);
}

/* Some lines are ended with more typed than they can hold, and some after something was taken out of them again. */
static void longer_than_there_is_room(void)
{
	unsigned ended = 0, mended = 0;

	fills = true;
	for (unsigned seed = 0; seed < 200; seed++) {
		edit_with(80, seed);
		ended += too_long;
		mended += refused > 0 && !too_long;
	}
	fills = false;
	CHECK(ended > 0);
	CHECK(mended > 0);
}

int main(void)
{
	static const struct check checks[] = {
		CHECK_CASE(any_width),
		CHECK_CASE(width_not_known),
		CHECK_CASE(longer_than_there_is_room),
		CHECK_END,
	};
	return check_run(checks);
}
