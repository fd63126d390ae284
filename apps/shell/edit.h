/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of input, edited as on a terminal. */
#ifndef APPS_SHELL_EDIT_H
#define APPS_SHELL_EDIT_H

#include <stddef.h>

#define EDIT_SIZE 256
#define EDIT_END (-1)
#define EDIT_TOO_LONG (-2)

/*
 * Reads a line (without its newline) behind the prompt: cursor keys, Home, End, Delete, history by up
 * and down, ^A ^E ^B ^F to move, ^U ^K ^W to cut, ^C to begin anew, ^L to clear the screen, Tab to
 * complete the first word. Returns its length, or EDIT_END at the end of input: ^D on an empty line.
 *
 * What is typed into a full line is not taken, and the bell rings. If that is then ended as it is, it is not what was
 * typed or came out of a pipe: EDIT_TOO_LONG, and its start is in the history.
 */
int edit_line(const char *prompt, char line[EDIT_SIZE]);

/* The n-th word that Tab may complete to, NULL behind the last. The shell's commands define it. */
const char *edit_candidate(unsigned n);

#endif
