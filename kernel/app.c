/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs: finding one by its name, and running the one that the command line chose.
 *
 *     make run APP=nosuch
 */
#include "kernel/app.h"

#include <stdbool.h>
#include <stddef.h>

#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "lib/text.h"

#define MAX_ARGUMENTS 256

const struct app *app_find(const char *name)
{
	for (unsigned i = 0; i < app_count; i++) {
		if (text_equal(app_table[i].name, name))
			return &app_table[i];
	}
	return NULL;
}

int app_run_chosen(void)
{
	static char *argv[MAX_ARGUMENTS + 2];

	const char *name = cmdline_get("app");
	if (name == NULL)
		name = app_count == 1 ? app_table[0].name : "shell";
	const struct app *app = app_find(name);
	if (app == NULL) {
		kprint("app: there is no program \"%s\"; there are:", name);
		for (unsigned i = 0; i < app_count; i++)
			kprint(" %s", app_table[i].name);
		kprint("\n");
		return APP_UNKNOWN;
	}
	/* main may change its argv, and so is given one of its own. */
	int argc = 0;
	argv[argc++] = (char *)app->name;
	for (int i = 0; i < cmdline_argc() && i < MAX_ARGUMENTS; i++)
		argv[argc++] = cmdline_argv()[i];
	return app->main(argc, argv);
}
