/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: the kernel's command line (kernel/cmdline.c) and the settings in it (kernel/settings.c). */
#include "kernel/cmdline.h"

#include "drivers/virtio/port.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "tests/fuzz/fuzz.h"

/* ---- What the two ask of the rest of the kernel ---------------------------------------- */

struct boot_info boot_info;

uint64_t arch_now(void)
{
	return 0;
}
bool arch_irq_off(void)
{
	return true;
}
struct cpu *arch_cpu(void)
{
	static struct cpu cpu;
	return &cpu;
}
void cpu_stop_others(void)
{
}
void console_end_line(void)
{
}
void kprint(const char *fmt, ...)
{
	FUZZ_CHECK(fmt[0]);
}
void backtrace(uintptr_t pc, uintptr_t link, uintptr_t fp)
{
	(void)link;
	(void)pc;
	(void)fp;
}
_Noreturn void kernel_exit(int status)
{
	(void)status;
	abort();
}

/* ------------------------------------------------------------------------------------------ */

/* A word lies in the command line, and ends there. */
static void check_word(const char *word)
{
	const char *end = boot_info.cmdline + BOOT_CMDLINE_SIZE;

	FUZZ_CHECK(word >= boot_info.cmdline && word < end);
	FUZZ_CHECK(memchr(word, 0, (size_t)(end - word)));
}

static void look_for(const char *key)
{
	const char *value = cmdline_get(key);
	unsigned n = 0;

	FUZZ_CHECK(value == cmdline_get_nth(key, 0));
	for (; (value = cmdline_get_nth(key, n)) != NULL; n++) {
		check_word(value);
		FUZZ_CHECK(n < BOOT_CMDLINE_SIZE / 2);
	}
	FUZZ_CHECK(!cmdline_get_nth(key, UINT32_MAX));
	uint64_t number = vport_setting(key, UINT64_MAX);
	FUZZ_CHECK(n > 0 || number == UINT64_MAX);
	if (n > 0)
		FUZZ_CHECK(vport_setting_is(key, cmdline_get(key)));
	vport_setting_is(key, "packed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The loader need not have ended it. */
	memset(boot_info.cmdline, 'x', sizeof(boot_info.cmdline));
	if (size > sizeof(boot_info.cmdline))
		size = sizeof(boot_info.cmdline);
	if (size > 0)
		memcpy(boot_info.cmdline, data, size);
	if (size > 0 && size < sizeof(boot_info.cmdline))
		boot_info.cmdline[size] = '\0';
	struct boot_range before = boot_info.ram[0];

	cmdline_init();
	FUZZ_CHECK(memcmp(&before, &boot_info.ram[0], sizeof(before)) == 0);
	FUZZ_CHECK(cmdline_argc() >= 0 && cmdline_argc() <= BOOT_CMDLINE_SIZE / 2);
	for (int i = 0; i < cmdline_argc(); i++)
		check_word(cmdline_argv()[i]);
	FUZZ_CHECK(cmdline_argv()[cmdline_argc()] == NULL);
	look_for("app");
	look_for("ring");
	look_for("deadline_ms");
	look_for("virtio_mmio.device");
	look_for("");
	vport_logs(VPORT_LOG_TRACE);
	vport_log(VPORT_LOG_TRACE, "a line");
	return 0;
}
