/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether what the command line says makes sense. */
#ifndef KERNEL_OPTIONS_H
#define KERNEL_OPTIONS_H

/* Tells of each option that makes none, in a line that says what is used; from then on it has no value. Once there
 * is a console, and before anybody acts on an option. */
void options_check(void);

#endif
