/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's commands: a table of name, arguments, help and function. A program of the image is a
 * command too, by its name.
 *
 * Left out: stopping a program. There is no scheduler, so nothing else runs until it returns.
 */
#include "commands.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/pci/pci.h"
#include "drivers/virtio/rng.h"
#include "edit.h"
#include "kernel/app.h"
#include "kernel/console.h"
#include "kernel/discover.h"
#include "kernel/memory.h"
#include "lib/error.h"

#define USAGE_STATUS 2
#define MAX_STATUS 127
#define MAX_RANDOM 256

/* In the text of a limit, which is a macro. */
#define TEXT_OF(macro) #macro
#define TEXT(macro) TEXT_OF(macro)

/* A kernel may be linked without this driver (DRIVERS=). */
#pragma weak virtio_rng_first
#pragma weak virtio_rng_read

struct command {
	const char *name, *arguments, *help;
	const char *limits; /* of its arguments; empty where there are none */
	int (*run)(int argc, char **argv);
};

bool number(const char *argument, uint64_t *value)
{
	char *end;
	*value = strtoull(argument, &end, 0);
	return isdigit((unsigned char)argument[0]) && *end == '\0';
}

static int do_clear(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return USAGE;
	kprint("\033[H\033[2J");
	return 0;
}

static int do_echo(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		kprint("%s%s", i == 1 ? "" : " ", argv[i]);
	kprint("\n");
	return 0;
}

static int do_halt(int argc, char **argv)
{
	uint64_t status = 0;
	if (argc > 2 || (argc == 2 && (!number(argv[1], &status) || status > MAX_STATUS)))
		return USAGE;
	exit((int)status);
}

static int do_lsmem(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return USAGE;
	memory_print();
	return 0;
}

static int do_lspci(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return USAGE;
	if (pci_first() == NULL)
		kprint("lspci: there is no PCI bus, or nothing on it\n");
	for (struct pci_function *f = pci_first(); f != NULL; f = f->next) {
		kprint("%02x:%02x.%x %04x:%04x class %02x.%02x.%02x", f->bus, f->device,
		       f->function, f->vendor_id, f->device_id, f->class, f->subclass,
		       f->interface);
		if (f->msix_count > 0)
			kprint(" msix:%u", f->msix_count);
		kprint("\n");
		for (unsigned i = 0; i < PCI_BARS; i++) {
			const struct pci_bar *bar = &f->bars[i];
			if (bar->present)
				kprint("        bar %u: %s%s at 0x%lx, 0x%lx bytes\n", i,
				       bar->io ? "ports" : "memory", bar->bits64 ? " (64)" : "",
				       (unsigned long)bar->address, (unsigned long)bar->size);
		}
	}
	return 0;
}

static int do_rng(int argc, char **argv)
{
	uint8_t bytes[MAX_RANDOM];
	uint64_t count = 16;
	if (argc > 2 || (argc == 2 && !number(argv[1], &count)) || count == 0 || count > MAX_RANDOM)
		return USAGE;
	struct virtio_rng *rng = virtio_rng_first ? virtio_rng_first() : NULL;
	if (rng == NULL) {
		kprint("rng: there is no entropy device\n");
		return 1;
	}
	int result = virtio_rng_read(rng, bytes, count);
	if (result < 0) {
		kprint("rng: %s\n", error_text(result));
		return 1;
	}
	for (uint64_t i = 0; i < count; i++)
		kprint("%02x%s", bytes[i], i % 32 == 31 || i == count - 1 ? "\n" : "");
	return 0;
}

static int do_run(int argc, char **argv)
{
	if (argc < 2)
		return USAGE;
	const struct app *app = app_find(argv[1]);
	if (app == NULL) {
		kprint("run: there is no program %s\n", argv[1]);
		return APP_UNKNOWN;
	}
	return app->main(argc - 1, argv + 1);
}

/* A program, but one that is looked for among the commands. */
static int do_lsvirtio(int argc, char **argv)
{
	const struct app *app = app_find(argv[0]);
	if (app != NULL)
		return app->main(argc, argv);
	kprint("%s: that program was not linked into this image\n", argv[0]);
	return APP_UNKNOWN;
}

static int do_help(int argc, char **argv);

static const struct command commands[] = {
	{ "blk", BLK_ARGUMENTS, "disks: lists them, reads, writes …", BLK_LIMITS, do_blk },
	{ "cat", "FILE…", "prints files of a tar archive on a disk", "as in /disk/FILE", do_cat },
	{ "clear", "", "clears the screen", "", do_clear },
	{ "echo", "[WORD…]", "prints its arguments", "", do_echo },
	{ "halt", "[STATUS]", "ends the machine", "STATUS is 0 to " TEXT(MAX_STATUS), do_halt },
	{ "help", "[COMMAND]", "this list, or all about one of them", "", do_help },
	{ "hexdump", "[OFFSET [LENGTH]]", "shows what was read",
	  "both in bytes; from 0 on, a sector", do_hexdump },
	{ "ls", "[-l] [PATH…]", "lists files of a tar archive on a disk",
	  "PATH is /disk/…, or /disk/vda1/…; /disk alone is the first archive", do_ls },
	{ "lsmem", "", "lists memory", "", do_lsmem },
	{ "lspci", "", "lists PCI functions and their BARs", "", do_lspci },
	{ "lsvirtio", "", "lists virtio devices", "", do_lsvirtio },
	{ "part", "[DISK…]", "lists partitions", "", do_part },
	{ "port", PORT_ARGUMENTS, "ports to the host: lists them, reads and writes text",
	  PORT_LIMITS, do_port },
	{ "read", "DISK SECTOR [COUNT]", "reads sectors of 512 bytes",
	  "COUNT is 1 to " TEXT(MAX_SECTORS), do_read },
	{ "rng", "[COUNT]", "prints random bytes from the host", "COUNT is 1 to " TEXT(MAX_RANDOM),
	  do_rng },
	{ "run", "PROGRAM [ARGUMENT…]", "runs a program; its name alone does too", "", do_run },
	{ "scsi", SCSI_ARGUMENTS, "SCSI units: lists them, looks for new ones …", SCSI_LIMITS,
	  do_scsi },
	{ "size", "[COLUMNS ROWS]", "shows the size of this window, or sets it",
	  "each at most " TEXT(MAX_SIZE) "; 0 0: not known", do_size },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static void print_form(const struct command *command)
{
	kprint("%s%s%s", command->name, command->arguments[0] == '\0' ? "" : " ",
	       command->arguments);
}

static void print_usage(const struct command *command)
{
	print_form(command);
	kprint("%s%s\n", command->limits[0] == '\0' ? "" : "; ", command->limits);
}

/* One that only `run` finds. */
static bool is_program_too(const struct command *command)
{
	return command->run != do_lsvirtio && app_find(command->name) != NULL;
}

static void print_program_help(const char *name)
{
	const struct program_help *program = program_helps;

	while (program->name != NULL && strcmp(program->name, name) != 0)
		program++;
	kprint("%s is a program:\n\n", name);
	/* Longer than what kprint prints at once. */
	if (program->name != NULL)
		console_write(program->text, strlen(program->text));
}

static int help_about(const char *name)
{
	const struct command *command = command_find(name);
	if (command != NULL) {
		print_usage(command);
		kprint("        %s\n", command->help);
		if (is_program_too(command)) {
			kprint("with run, ");
			print_program_help(name);
		}
		return 0;
	}
	if (app_find(name) != NULL) {
		print_program_help(name);
		return 0;
	}
	kprint("help: there is no command and no program %s\n", name);
	return 1;
}

static int do_help(int argc, char **argv)
{
	if (argc > 2)
		return USAGE;
	if (argc == 2)
		return help_about(argv[1]);
	for (size_t i = 0; i < COMMANDS; i++) {
		print_form(&commands[i]);
		kprint("\n        %s\n", commands[i].help);
	}
	kprint("programs:");
	const char *name;
	for (unsigned i = COMMANDS; (name = edit_candidate(i)) != NULL; i++)
		kprint(" %s", name);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (is_program_too(&commands[i]))
			kprint("\nrun %s: the program of that name, not the command",
			       commands[i].name);
	}
	kprint("\nA program that runs cannot be stopped from within: in QEMU on a terminal Ctrl-A "
	       "x "
	       "ends the machine,\nand Ctrl-A a is a Ctrl-A.\n");
	return 0;
}

const char *edit_candidate(unsigned n)
{
	if (n < COMMANDS)
		return commands[n].name;
	n -= COMMANDS;
	for (unsigned i = 0; i < app_count; i++) {
		if (command_find(app_table[i].name) == NULL && n-- == 0)
			return app_table[i].name;
	}
	return NULL;
}

int command_run(int argc, char **argv)
{
	const struct command *command = command_find(argv[0]);
	if (command != NULL) {
		int status = command->run(argc, argv);
		if (status != USAGE)
			return status;
		kprint("usage: ");
		print_usage(command);
		return USAGE_STATUS;
	}
	const struct app *app = app_find(argv[0]);
	if (app != NULL)
		return app->main(argc, argv);
	kprint("%s: unknown command; help lists what there is\n", argv[0]);
	return APP_UNKNOWN;
}
