/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests, file by file, and what they share. */
#ifndef APPS_SMP_SMP_H
#define APPS_SMP_SMP_H

#include "kernel/cpu.h"
#include "kernel/ktap.h"

/* Has run(its own number) called on every CPU at the same time, and waits for all of them. Whether it gave
 * NULL everywhere; else the text of one CPU where it did not. */
const char *everywhere(const char *(*run)(unsigned cpu));

/* The same on that CPU alone. */
const char *alone(unsigned cpu, const char *(*run)(unsigned cpu));

/* calls.c */
const char *test_running(void);
const char *test_calls_in_order(void);
const char *test_lock(void);
const char *test_clock(void);
const char *test_pages(void);
const char *test_heap(void);
const char *test_errno(void);
const char *test_printf(void);
const char *test_close(void);

/* events.c */
const char *test_marks(void);
const char *test_mark_storm(void);
const char *test_time(void);
const char *test_removal(void);
const char *test_removal_of_busy(void);
const char *test_wake(void);
const char *test_work(void);

/* disk.c: the program's status */
int test_disk(void);

#endif
