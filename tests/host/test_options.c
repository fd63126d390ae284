/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of the kernel's command line that make no sense: what is told, and what is left of them. */
#include "kernel/options.h"

#include <stdarg.h>

#include "check.h"
#include "kernel/boot.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"

struct boot_info boot_info;
static char told[1024];

void kprint(const char *fmt, ...)
{
	size_t length = strlen(told);
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(told + length, sizeof(told) - length, fmt, arguments);
	va_end(arguments);
}

static void parse(const char *text)
{
	snprintf(boot_info.cmdline, sizeof(boot_info.cmdline), "%s", text);
	told[0] = '\0';
	cmdline_init();
	options_check();
}

static void sense(void)
{
	parse("");
	CHECK_TEXT(told, "");
	parse("app=hello ring=split irq=msix deadline_ms=250 reset_ms=1 trace=0 pairs=two "
	      "console=ttyS0 "
	      "ip=net0:x ip=net1:y virtio_mmio.device=1 virtio_mmio.device=2 -- ring=nonsense "
	      "trace=9 x");
	CHECK_TEXT(told, "");
	parse("ring=packed irq=intx deadline_ms=3072000 reset_ms=3600000 trace=1 answer_ms=30000 "
	      "mem=64 "
	      "disk=a disk=b net=c net=d qtest=q machine=virt ram=r");
	CHECK_TEXT(told, "");
	CHECK_TEXT(cmdline_get("ring"), "packed");
	CHECK_TEXT(cmdline_get("deadline_ms"), "3072000");
	parse("irq=poll");
	CHECK_TEXT(told, "");
}

static void words(void)
{
	parse("ring=nonsense irq=msi app=hello");
	CHECK_TEXT(told, "ring=nonsense: there is split packed; split is used\n"
			 "irq=msi: there is msix intx poll; the best is used\n");
	CHECK_TEXT(cmdline_get("ring"), "");
	CHECK_TEXT(cmdline_get("irq"), "");
	CHECK_TEXT(cmdline_get("app"), "hello");
	parse("ring= irq=\"msix intx\"");
	CHECK_TEXT(told, "ring=: there is split packed; split is used\n"
			 "irq=msix intx: there is msix intx poll; the best is used\n");
}

static void numbers(void)
{
	static const char *const wrong[] = { "-3",   "249", "3072001",
					     "1s",   "",    "18446744073709551866",
					     "0x500" };
	char text[100], line[200];

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "deadline_ms=%s", wrong[i]);
		snprintf(line, sizeof(line),
			 "%s: a number from 250 to 3072000 is wanted; 30000 is used\n", text);
		parse(text);
		CHECK_TEXT(told, line);
		CHECK_TEXT(cmdline_get("deadline_ms"), "");
	}
	parse("trace=yes reset_ms=0 answer_ms=3600001 mem=0");
	CHECK_TEXT(told, "reset_ms=0: a number from 1 to 3600000 is wanted; 1000 is used\n"
			 "answer_ms=3600001: a number from 1 to 3600000 is wanted; 1000 is used\n"
			 "trace=yes: a number from 0 to 1 is wanted; 0 is used\n"
			 "mem=0: a number from 1 to 1048576 is wanted; 64 is used\n");
}

static void twice(void)
{
	parse("ring=packed ring=split app=a app=b");
	CHECK_TEXT(told, "app=b: it is there twice, and the first one counts\n"
			 "ring=split: it is there twice, and the first one counts\n");
	CHECK_TEXT(cmdline_get("ring"), "packed");
	parse("ring=nonsense ring=packed");
	CHECK_TEXT(told, "ring=packed: it is there twice, and the first one counts\n"
			 "ring=nonsense: there is split packed; split is used\n");
	CHECK_TEXT(cmdline_get("ring"), "");
}

static void strangers(void)
{
	parse("rnig=packed quiet app=hello ringer=1 rin=2 =3 -- ring=4");
	CHECK_TEXT(told, "cmdline: not known, and not used: rnig=packed quiet ringer=1 rin=2 =3\n");
}

int main(void)
{
	return check_run((struct check[]){ CHECK_CASE(sense), CHECK_CASE(words),
					   CHECK_CASE(numbers), CHECK_CASE(twice),
					   CHECK_CASE(strangers), CHECK_END });
}
