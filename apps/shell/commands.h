/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell's commands. */
#ifndef APPS_SHELL_COMMANDS_H
#define APPS_SHELL_COMMANDS_H

/* Runs a command, or the program of that name; says so in one line when there is neither. Returns its
 * status. argv[argc] is NULL. */
int command_run(int argc, char **argv);

#endif
