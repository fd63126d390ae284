/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of drivers/virtio/port.h, on every port: time, settings from the command line, and
 * what is told to a person.
 *
 *     make run TRACE=1
 */
#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "lib/text.h"

uint64_t vport_now(void)
{
	return arch_now();
}

uint64_t vport_setting(const char *key, uint64_t fallback)
{
	const char *text = cmdline_get(key);
	uint64_t value = 0;

	if (!text || !*text)
		return fallback;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10)
			return fallback;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	return value;
}

bool vport_setting_is(const char *key, const char *value)
{
	const char *text = cmdline_get(key);

	return text && text_equal(text, value);
}

const char *vport_setting_text(const char *key)
{
	return cmdline_get(key);
}

bool vport_logs(enum vport_log_level level)
{
	return level != VPORT_LOG_TRACE || vport_setting("trace", 0) != 0;
}

void vport_log(enum vport_log_level level, const char *line)
{
	if (vport_logs(level))
		kprint("%s\n", line);
}

void vport_panic(const char *what, const char *file, int line)
{
	cpu_stop_others();
	console_end_line();
	kprint("assertion failed: %s, %s:%d, on CPU %u\n", what, file, line, arch_cpu()->id);
	backtrace_caller();
	kernel_exit(EXIT_PANIC);
}
