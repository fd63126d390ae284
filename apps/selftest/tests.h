/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests, file by file. */
#ifndef APPS_SELFTEST_TESTS_H
#define APPS_SELFTEST_TESTS_H

#include "kernel/ktap.h"

/* memory.c */
const char *test_pages(void);
const char *test_pages_freed(void);
const char *test_pages_exhausted(void);
const char *test_physical(void);
const char *test_image_alias(void);
const char *test_device_window(void);
const char *test_heap(void);
const char *test_heap_exhausted(void);

/* events.c */
const char *test_clock(void);
const char *test_sleep(void);
const char *test_event_marked(void);
const char *test_event_again(void);
const char *test_event_time(void);
const char *test_event_removed(void);
const char *test_work_depth(void);
const char *test_work_recovery(void);
const char *test_work_recovery_behind(void);
const char *test_work_again(void);

/* library.c */
const char *test_format(void);
const char *test_printf(void);
const char *test_errno(void);
const char *test_jump(void);
const char *test_times(void);
const char *test_sha256(void);

#endif
