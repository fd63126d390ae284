/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell: what runs when no program is named.
 *
 *     make run                            ringlet> help
 *     make run ARGS='"read vda 0" hexdump'        runs these two lines, then ends
 *
 * The end of input ends it, or `halt`. Left out: variables, pipes, scripts.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "commands.h"
#include "edit.h"
#include "kernel/arch.h"
#include "kernel/console.h"

#define MAX_WORDS 32

/* Splits the line in place, at spaces that are not in "quotes"; -1 when there are too many words. */
static int split(char *line, char *words[MAX_WORDS + 1])
{
	int count = 0;
	char *from = line;
	for (;;) {
		while (*from == ' ')
			from++;
		if (*from == '\0')
			break;
		if (count == MAX_WORDS)
			return -1;
		char *to = from;
		words[count++] = to;
		bool quoted = false, more = true;
		for (; (more = *from != '\0') && (quoted || *from != ' '); from++) {
			if (*from == '"')
				quoted = !quoted;
			else
				*to++ = *from;
		}
		if (more)
			from++;
		*to = '\0';
	}
	words[count] = NULL;
	return count;
}

static int run_line(char *line)
{
	char *words[MAX_WORDS + 1];
	int count = split(line, words);
	if (count < 0) {
		kprint("shell: more than %d words in a line\n", MAX_WORDS);
		return 2;
	}
	return count == 0 ? 0 : command_run(count, words);
}

int main(int argc, char **argv)
{
	static char line[EDIT_SIZE];
	int status = 0;

	for (int i = 1; i < argc; i++)
		status = run_line(argv[i]);
	if (argc > 1)
		return status;

	kprint("ringlet on %s; help lists the commands, ^D or halt ends\n", arch_name);
	int length;
	while ((length = edit_line("ringlet> ", line)) != EDIT_END) {
		if (length == EDIT_TOO_LONG)
			kprint("shell: a line has %d characters at most; this one was not run\n",
			       EDIT_SIZE - 1);
		else
			run_line(line);
		console_end_line();
	}
	return 0;
}
