/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's command line: `app=NAME key=value … -- ARGUMENT …`, with "double quotes" around
 * what has spaces. */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include <stddef.h>

/* Splits boot_info.cmdline in place. */
void cmdline_init(void);
/* The value of key=, or NULL; the n-th one where a key may stand more than once (n from 0). */
const char *cmdline_get(const char *key);
const char *cmdline_get_nth(const char *key, unsigned n);
/* From now on key= says nothing: its value, the first one, is empty. */
void cmdline_forget(const char *key);
/* The n-th word before "--"; NULL behind the last. */
const char *cmdline_option(unsigned n);
/* What follows the prefix; NULL when the word does not begin with it. */
const char *cmdline_after(const char *word, const char *prefix);
/* What stands behind "--". */
int cmdline_argc(void);
char **cmdline_argv(void);

#endif
