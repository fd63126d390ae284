/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel's command line may say: an option that has another value than these, that stands there twice, or that
 * nobody knows, is told in a line, and the machine goes on with what it would do without.
 *
 *     make run KERNEL_ARGS='ring=nonsense deadline_ms=-3'
 *
 * Left out: values that only their user can judge, who then tells of them (app=, console=, ip=, pairs=, rx_usecs= …). Images of
 * a single driver, which are to be small, do without all of this (linker/metal.mk).
 */
#include "kernel/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "lib/text.h"

#define HOUR_MS 3600000

struct option {
	const char *key;
	const char *words[3]; /* it is one of these */
	uint32_t least, most; /* or a number; if both are 0 as well, its user judges it */
	const char *without;  /* what is used then */
	bool repeats;         /* it may be given more than once */
};

static const struct option options[] = {
	{ .key = "app" },
	{ .key = "ring", .words = { "split", "packed" }, .without = "split" },
	{ .key = "irq", .words = { "msix", "intx", "poll" }, .without = "the best" },
	/* What a queue can count of looks at it (drivers/virtio/queue.c). */
	{ .key = "deadline_ms", .least = 250, .most = 3072000, .without = "30000" },
	{ .key = "reset_ms", .least = 1, .most = HOUR_MS, .without = "1000" },
	{ .key = "answer_ms", .least = 1, .most = HOUR_MS, .without = "1000" },
	{ .key = "trace", .most = 1, .without = "0" },
	{ .key = "mem", .least = 1, .most = 1 << 20, .without = "64" },
	{ .key = "pairs" },
	{ .key = "rx_usecs" },
	{ .key = "console" },
	{ .key = "ip", .repeats = true },
	{ .key = "virtio_mmio.device", .repeats = true },
	{ .key = "disk", .repeats = true },
	{ .key = "net", .repeats = true },
	{ .key = "qtest" },
	{ .key = "machine" },
	{ .key = "ram" },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static bool is_number(const char *text, uint32_t least, uint32_t most)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > most)
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	return value >= least && value <= most;
}

static bool makes_sense(const struct option *option, const char *text)
{
	if (option->most > 0)
		return is_number(text, option->least, option->most);
	for (unsigned i = 0; i < 3 && option->words[i]; i++) {
		if (text_equal(text, option->words[i]))
			return true;
	}
	return !option->words[0];
}

static void check(const struct option *option)
{
	const char *text = cmdline_get(option->key);
	const char *again = option->repeats ? NULL : cmdline_get_nth(option->key, 1);

	if (again)
		kprint("%s=%s: it is there twice, and the first one counts\n", option->key, again);
	if (!text || makes_sense(option, text))
		return;
	kprint("%s=%s: ", option->key, text);
	if (option->most > 0) {
		kprint("a number from %u to %u is wanted", option->least, option->most);
	} else {
		kprint("there is");
		for (unsigned i = 0; i < 3 && option->words[i]; i++)
			kprint(" %s", option->words[i]);
	}
	kprint("; %s is used\n", option->without);
	cmdline_forget(option->key);
}

static bool is_known(const char *word)
{
	for (unsigned i = 0; i < OPTIONS; i++) {
		const char *rest = cmdline_after(word, options[i].key);
		if (rest && *rest == '=')
			return true;
	}
	return false;
}

void options_check(void)
{
	const char *word;
	bool any = false;

	for (unsigned i = 0; i < OPTIONS; i++)
		check(&options[i]);
	for (unsigned i = 0; (word = cmdline_option(i)) != NULL; i++) {
		if (is_known(word))
			continue;
		kprint("%s %s", any ? "" : "cmdline: not known, and not used:", word);
		any = true;
	}
	if (any)
		kprint("\n");
}
