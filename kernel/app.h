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
/* Runs the program as a function of this one (the shell's `run`): its main, with argv[0] its name. A
 * call of exit() in it still ends the whole machine. */
int app_run(const struct app *app, int argc, char **argv);

#endif
