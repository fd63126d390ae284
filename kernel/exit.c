/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end: one last line that tells a script how it went, whatever machine this is, then the power.
 *
 *     make run APP=hello ARGS=3
 */
#include "kernel/exit.h"

#include <stdbool.h>

#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/cpu.h"

/* What a status that a caller cannot see (negative, above what eight bits and a shell carry) becomes. */
#define EXIT_MAX 127

_Noreturn void kernel_exit(int status)
{
	static bool ending;

	/* Of several CPUs that come here, one goes on. */
	cpu_stop_others();
	if (status < 0 || status > EXIT_MAX)
		status = EXIT_MAX;
	/* A console that faults must not bring us here for ever. */
	if (!ending) {
		ending = true;
		/* What went wrong before the console's turn came is worth telling too. */
		if (!console_exists())
			arch_console_init();
		console_end_line();
		kprint("EXIT: STATUS=%d\n", status);
	}
	arch_shutdown(status);
}
