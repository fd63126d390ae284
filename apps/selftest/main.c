/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel tested from inside: memory, time, the event loop, the C library. Needs no device. What
 * must end in an exception is in apps/crash.
 *
 *     make run APP=selftest
 */
#include "tests.h"

static const struct ktap_test tests[] = {
	{ "pages are zeroed, aligned and apart", test_pages },
	{ "freed pages come back, zeroed", test_pages_freed },
	{ "what cannot be had is refused", test_pages_exhausted },
	{ "physical addresses", test_physical },
	{ "the image has one mapping", test_image_alias },
	{ "registers are mapped once, RAM never", test_device_window },
	{ "the heap", test_heap },
	{ "the heap's end", test_heap_exhausted },
	{ "the clock goes forward", test_clock },
	{ "sleeping until a deadline", test_sleep },
	{ "a marked event is drained once", test_event_marked },
	{ "an event that marks itself waits for the next pass", test_event_again },
	{ "an event is looked at when its time has come", test_event_time },
	{ "a removed event is not called", test_event_removed },
	{ "work runs one at a time, drains inside of it", test_work_depth },
	{ "a recovery runs while a work item waits", test_work_recovery },
	{ "a recovery that was queued behind it, too", test_work_recovery_behind },
	{ "work queued while it runs runs again", test_work_again },
	{ "the kernel's format agrees with printf", test_format },
	{ "printf's long and floating formats", test_printf },
	{ "errno", test_errno },
	{ "setjmp and longjmp", test_jump },
	{ "the time that newlib tells", test_times },
	{ "SHA-256", test_sha256 },
};

int main(void)
{
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
