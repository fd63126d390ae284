/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's command line, split into words in place.
 *
 *     make run APP=iocheck ARGS='-t 5 vda'      gives    app=iocheck -- -t 5 vda
 *
 * Left out: escapes. A word that needs a double quote itself cannot be written.
 */
#include "kernel/cmdline.h"

#include <stdbool.h>

#include "kernel/boot.h"
#include "kernel/console.h"

#define MAX_WORDS 256

static char *options[MAX_WORDS];
static unsigned option_count;
static char *arguments[MAX_WORDS + 1]; /* NULL behind the last, as main expects it */
static int argument_count;

const char *cmdline_after(const char *word, const char *prefix)
{
	while (*prefix != '\0') {
		if (*word++ != *prefix++)
			return NULL;
	}
	return word;
}

/* A monitor that tells of its devices on the command line appends them at the end, so they may
 * stand behind our "--". They are never meant for the program. */
static bool is_device_option(const char *word)
{
	return cmdline_after(word, "virtio_mmio.device=") != NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Cuts the next word off, without its quotes; NULL at the end. */
static char *next_word(char **cursor)
{
	char *from = *cursor;
	while (is_space(*from))
		from++;
	if (*from == '\0')
		return NULL;

	char *word = from, *to = from;
	bool quoted = false;
	for (; *from != '\0' && (quoted || !is_space(*from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*to++ = *from;
	}
	*cursor = *from == '\0' ? from : from + 1;
	*to = '\0';
	return word;
}

void cmdline_init(void)
{
	boot_info.cmdline[BOOT_CMDLINE_SIZE - 1] = '\0';
	option_count = 0;
	argument_count = 0;

	char *cursor = boot_info.cmdline, *word;
	bool behind = false; /* the "--" */
	while ((word = next_word(&cursor)) != NULL) {
		const char *dashes = cmdline_after(word, "--");
		if (!behind && dashes != NULL && *dashes == '\0') {
			behind = true;
		} else if (option_count + (unsigned)argument_count == MAX_WORDS) {
			kprint("cmdline: more than %u words, the rest is ignored\n", MAX_WORDS);
			break;
		} else if (behind && !is_device_option(word)) {
			arguments[argument_count++] = word;
		} else {
			options[option_count++] = word;
		}
	}
	arguments[argument_count] = NULL;
}

const char *cmdline_get_nth(const char *key, unsigned n)
{
	for (unsigned i = 0; i < option_count; i++) {
		const char *rest = cmdline_after(options[i], key);
		if (rest != NULL && *rest == '=' && n-- == 0)
			return rest + 1;
	}
	return NULL;
}

const char *cmdline_get(const char *key)
{
	return cmdline_get_nth(key, 0);
}

void cmdline_forget(const char *key)
{
	const char *value = cmdline_get(key);

	if (value)
		boot_info.cmdline[value - boot_info.cmdline] = '\0';
}

const char *cmdline_option(unsigned n)
{
	return n < option_count ? options[n] : NULL;
}

int cmdline_argc(void)
{
	return argument_count;
}

char **cmdline_argv(void)
{
	return arguments;
}
