/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel as a Linux process: the same event loop, drivers and programs, with the machine's own C
 * library under them and other processes as their devices: vhost-user back ends, or QEMU (qtest.h).
 *
 *     build/host/ringlet/ringlet 'app=disksum disk=vhost-user:/tmp/disk.sock -- vda'
 *     build/host/ringlet/ringlet 'app=lsvirtio qtest=/tmp/qtest.sock machine=q35 ram=/dev/shm/ram'
 *
 * The argument is the kernel's command line, as QEMU's -append would have it.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "arch/host/qtest.h"
#include "drivers/virtio/vhost_user.h"
#include "drivers/virtio/virtio.h"
#include "kernel/app.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/exit.h"
#include "kernel/memory.h"
#include "kernel/options.h"

#define DEFAULT_MEMORY_MIB 64

const char arch_name[] = "host";

/* ---- Console ------------------------------------------------------------------------- */

static void write_out(struct console *console, const char *text, size_t length)
{
	(void)console;
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, text, length);
		if (written <= 0)
			return;
		text += written;
		length -= (size_t)written;
	}
}

static int read_in(struct console *console)
{
	struct pollfd look = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned char c;

	(void)console;
	if (poll(&look, 1, 0) <= 0)
		return -1;
	return read(STDIN_FILENO, &c, 1) == 1 ? c : CONSOLE_EOF;
}

static struct termios terminal;

static void restore_terminal(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

/* The shell edits its lines itself. */
static void raw_terminal(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &terminal) != 0)
		return;
	atexit(restore_terminal);
	raw = terminal;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_iflag &= ~(tcflag_t)ICRNL;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void arch_console_init(void)
{
	static struct console console = { .name = "stdio", .write = write_out, .read = read_in };

	raw_terminal();
	console_add(&console);
}

/* ---- Devices -------------------------------------------------------------------------- */

static struct vport_device *devices;

/* key=vhost-user:SOCKET, as often as there are devices of that type. */
static void discover(const char *key, uint32_t type)
{
	static const char prefix[] = "vhost-user:";
	const char *value;

	for (unsigned i = 0; (value = cmdline_get_nth(key, i)) != NULL; i++) {
		if (strncmp(value, prefix, sizeof(prefix) - 1) != 0) {
			kprint("%s=%s: on the host port that is vhost-user:SOCKET\n", key, value);
			continue;
		}
		struct vport_device *device = vport_alloc(sizeof(*device));
		if (!device)
			return;
		device->next = devices;
		devices = device;
		virtio_vhost_user_probe(device, value + sizeof(prefix) - 1, type);
	}
}

/* ---- Start and end ---------------------------------------------------------------------- */

_Noreturn void arch_shutdown(int status)
{
	exit(status);
}

/* The C library's own, which has the same name as ours, would need its header's prototype: ours is told
 * where to begin, and walks the frames like the kernel's. A sanitizer or a core file says more. */
void backtrace(uintptr_t pc, uintptr_t link, uintptr_t fp)
{
	(void)link;
	(void)fp;
	kprint(" #0 0x%lx (see a debugger)\n", (unsigned long)pc);
}

int main(int argc, char **argv)
{
	if (argc > 2 || (argc == 2 && strlen(argv[1]) >= BOOT_CMDLINE_SIZE)) {
		fprintf(stderr, "usage: %s 'app=NAME key=value … -- ARGUMENT …'\n", argv[0]);
		return 2;
	}
	if (argc == 2)
		strcpy(boot_info.cmdline, argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0); /* what the kernel prints goes out at once, in between */
	cpu_add(arch_cpu());
	cmdline_init();
	arch_console_init();
	options_check();
	if (!qtest_init())
		host_memory_init(vport_setting("mem", DEFAULT_MEMORY_MIB) << 20);
	pages_init();
	discover("disk", VIRTIO_TYPE_BLOCK);
	discover("net", VIRTIO_TYPE_NET);
	qtest_discover();
	int status = app_run_chosen();
	fflush(stdout);
	kernel_exit(status);
}
