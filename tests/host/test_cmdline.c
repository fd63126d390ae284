/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's command line: words, quotes, what stands behind "--". */
#include "kernel/cmdline.h"

#include <stdarg.h>

#include "check.h"
#include "kernel/boot.h"
#include "kernel/console.h"

struct boot_info boot_info;
static unsigned lines;

void kprint(const char *fmt, ...)
{
	(void)fmt;
	lines++;
}

static void parse(const char *text)
{
	memset(boot_info.cmdline, 0xff, sizeof(boot_info.cmdline));
	snprintf(boot_info.cmdline, sizeof(boot_info.cmdline), "%s", text);
	lines = 0;
	cmdline_init();
}

static void nothing(void)
{
	parse("");
	CHECK(cmdline_get("app") == NULL);
	CHECK_EQ(cmdline_argc(), 0);
	CHECK(cmdline_argv()[0] == NULL);
	parse(" \t\n ");
	CHECK_EQ(cmdline_argc(), 0);
}

static void options(void)
{
	parse("  app=hello\tx=  appendix=no flag irq=poll x=2 ");
	CHECK_TEXT(cmdline_get("app"), "hello");
	CHECK_TEXT(cmdline_get("irq"), "poll");
	CHECK_TEXT(cmdline_get("x"), "");
	CHECK_TEXT(cmdline_get_nth("x", 1), "2");
	CHECK(cmdline_get_nth("x", 2) == NULL);
	CHECK(cmdline_get("flag") == NULL);
	CHECK(cmdline_get("ap") == NULL);
	CHECK(cmdline_get("appendixx") == NULL);
}

static void spaces(void)
{
	parse("a=1\nb=2\rc=3\td=4 -- x\ny\rz\r\n");
	CHECK_TEXT(cmdline_get("a"), "1");
	CHECK_TEXT(cmdline_get("b"), "2");
	CHECK_TEXT(cmdline_get("c"), "3");
	CHECK_TEXT(cmdline_get("d"), "4");
	CHECK_EQ(cmdline_argc(), 3);
	CHECK_TEXT(cmdline_argv()[2], "z");
}

static void arguments(void)
{
	parse("app=a -- -t 5 key=value -- vda");
	CHECK_EQ(cmdline_argc(), 5);
	CHECK_TEXT(cmdline_argv()[0], "-t");
	CHECK_TEXT(cmdline_argv()[2], "key=value");
	CHECK_TEXT(cmdline_argv()[3], "--");
	CHECK_TEXT(cmdline_argv()[4], "vda");
	CHECK(cmdline_argv()[5] == NULL);
	CHECK(cmdline_get("key") == NULL);
	parse("--x --");
	CHECK_EQ(cmdline_argc(), 0);
}

static void quotes(void)
{
	parse("a=\"b c\" -- \"two words\" pre\"fi x\"ed \"\" \"open end");
	CHECK_TEXT(cmdline_get("a"), "b c");
	CHECK_EQ(cmdline_argc(), 4);
	CHECK_TEXT(cmdline_argv()[0], "two words");
	CHECK_TEXT(cmdline_argv()[1], "prefi xed");
	CHECK_TEXT(cmdline_argv()[2], "");
	CHECK_TEXT(cmdline_argv()[3], "open end");
}

/* A monitor puts its devices behind everything else. */
static void devices(void)
{
	parse("virtio_mmio.device=4K@0x1:5 app=x -- one virtio_mmio.device=512@0x2:6 two");
	CHECK_TEXT(cmdline_get("virtio_mmio.device"), "4K@0x1:5");
	CHECK_TEXT(cmdline_get_nth("virtio_mmio.device", 1), "512@0x2:6");
	CHECK_EQ(cmdline_argc(), 2);
	CHECK_TEXT(cmdline_argv()[1], "two");
}

static void too_much(void)
{
	char text[BOOT_CMDLINE_SIZE] = "";
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "w ", 3);
	parse(text);
	CHECK_EQ(lines, 1);
	CHECK_EQ(cmdline_argc(), 0);
	/* Without a zero at its end. */
	memset(boot_info.cmdline, 'x', sizeof(boot_info.cmdline));
	cmdline_init();
	CHECK(cmdline_get("x") == NULL);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(nothing), CHECK_CASE(options), CHECK_CASE(spaces), CHECK_CASE(arguments),
		CHECK_CASE(quotes), CHECK_CASE(devices), CHECK_CASE(too_much), CHECK_END });
}
