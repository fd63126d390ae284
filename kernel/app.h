/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs linked into the image. A program is a folder apps/NAME with a main(int, char **); the
 * build compiles it with main renamed to app_main_NAME, and writes this table from the list APPS.
 */
#ifndef KERNEL_APP_H
#define KERNEL_APP_H

struct app {
	const char *name;
	int (*main)(int argc, char **argv);
};

extern const struct app app_table[];
extern const unsigned app_count;

/* NULL when there is none of that name. */
const struct app *app_find(const char *name);

/* What a person or a shell expects of the status when there is no such program. */
#define APP_UNKNOWN 127

/* Runs the program that the command line names by app=, with what stands behind "--" as its arguments;
 * the only one, or the shell, where it names none. Returns the program's status; APP_UNKNOWN, having
 * said which programs there are, when there is none of that name. */
int app_run_chosen(void);

#endif
